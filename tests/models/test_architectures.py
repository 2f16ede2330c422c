"""Architectures of real models, as tiny random weights: Gemma's large vocabulary, turns, and the whole loop."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from selfspec_assets.method.decoding import ContrastSettings, Group, StopRules, answer, sample, verify_contrast_pair
from selfspec_assets.method.tuning.tune import TuningSettings, logit_change, tune
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from tests.conftest import Project
from tests.models.samples import EXAMPLES
from tests.models.test_mixed_rows import assert_rows_are_their_own
from tests.tiny_gguf import write_gguf
from tests.tiny_models import CHAT_TEMPLATES, FAMILIES, add_chat_template, write_adapter, write_model

GEMMA_VOCABULARY = 262_144
SETTINGS = TuningSettings(max_length=256, r=2, epochs=1, batch_size=4, micro_batch_size=2, learning_rate=1e-2)


def large_gemma(folder: Path) -> ModelSpec:
    """Gemma's layers and the size of its vocabulary; beyond the usual tokens all are fillers."""
    spec = write_model(folder, "gemma3_text", vocab_size=GEMMA_VOCABULARY)
    file = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = file["model"]["vocab"]
    vocabulary.update({f"<unused{place}>": place for place in range(len(vocabulary), GEMMA_VOCABULARY)})
    (folder / "tokenizer.json").write_text(json.dumps(file))
    assert Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size() == GEMMA_VOCABULARY
    return spec


@pytest.mark.slow
def test_gemmas_vocabulary_and_window_through_decoding_and_tuning(tmp_path: Path) -> None:
    spec = large_gemma(tmp_path / "base")
    lm = LanguageModel.load(spec)
    assert lm.vocabulary_size == GEMMA_VOCABULARY
    for number in (1, 2):
        lm.add_adapter(write_adapter(spec, tmp_path / f"a{number}", number), f"a{number}")
    assert_rows_are_their_own(lm, 2e-4)
    prompts = tuple(prompt for prompt, _ in EXAMPLES[:2])
    verify_contrast_pair(lm, "a2", "a1", prompts[0])
    settings: dict[str, Any] = {"max_new_tokens": 3, "stop": StopRules(), "batch_size": 2}
    (found,) = answer(
        lm, [Group(prompts, (0.5, 0.5))], aligned="a2", weaker="a1", contrast=ContrastSettings(), **settings
    )
    drawn = sample(lm, list(prompts), [1, 2], temperature=1.0, top_p=0.98, adapter=None, **settings)
    assert max(found.token_ids + drawn[0].token_ids + drawn[1].token_ids) > 400, "far into the vocabulary"
    tune(spec, EXAMPLES[:4], SETTINGS, tmp_path / "tuned")
    lm.add_adapter(tmp_path / "tuned", "tuned")
    assert logit_change(lm, "tuned", [prompts[0]]) > 0


def test_turns_with_rows_of_several_adapters(tmp_path: Path) -> None:
    """SmolLM2's arrangement: Llama in ChatML; base and adapters read the same turns in one batch."""
    spec = write_model(tmp_path / "base", "llama", vocab_size=402)
    add_chat_template(tmp_path / "base", CHAT_TEMPLATES["chatml"])
    spec = spec.model_copy(update={"chat_template": "always"})
    lm = LanguageModel.load(spec)
    for number in (1, 2):
        lm.add_adapter(write_adapter(spec, tmp_path / f"a{number}", number), f"a{number}")
    assert_rows_are_their_own(lm, 2e-4)
    verify_contrast_pair(lm, "a2", None, EXAMPLES[0][0])
    tune(spec, EXAMPLES[:4], SETTINGS, tmp_path / "tuned")
    lm.add_adapter(tmp_path / "tuned", "tuned")
    assert logit_change(lm, "tuned", [EXAMPLES[0][0]]) > 0


# The whole loop


def random_model(folder: Path, tokenizer: Path, family: str) -> None:
    """A family's model behind the tiny project's tokenizer, so that it writes the project's words."""
    words = AutoTokenizer.from_pretrained(str(tokenizer))
    shape = {**FAMILIES[family], "hidden_size": 32}
    shape.update(max_seq_len=2048) if family == "mpt" else shape.update(max_position_embeddings=2048)
    tokens = {"vocab_size": 432, "eos_token_id": 0, "pad_token_id": 1, "bos_token_id": None}
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[family](**{**shape, **tokens}))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(8)
        model.get_output_embeddings().weight[0] *= 3  # the end token wins now and then, so that answers end
    model.save_pretrained(str(folder))
    words.save_pretrained(str(folder))


def run(project: Project) -> list[str]:
    lines: list[str] = []
    # Random weights seldom end a text: there is room for the few that they end, and those suffice.
    project.recipe["instructions"].update(target=10, min_kept=1, max_requests=80, max_new_tokens=120)
    project.recipe["responses"]["max_new_tokens"] = 32
    project.save()
    run_recipe(load_recipe("tiny"), ["botany"], 2, lines.append)
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_whole_loop(family: str, project: Project) -> None:
    """Two iterations with contrast: instructions, passages, answers, adapters and scores of each."""
    tokenizer = (project.folder / "model").resolve()
    (project.folder / "model").unlink()
    random_model(project.folder / "model", tokenizer, family)
    run(project)
    assert "tiny botany|2: up to date" in run(project)


@pytest.mark.slow
def test_the_whole_loop_in_turns(project: Project) -> None:
    tokenizer = (project.folder / "model").resolve()
    (project.folder / "model").unlink()
    shutil.copytree(tokenizer, project.folder / "model")
    path = project.folder / "model" / "tokenizer_config.json"
    template = (
        "{% for m in messages %}[{{ m['role'] }}]\n{{ m['content'] }}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]\n{% endif %}"
    )
    path.write_text(json.dumps({**json.loads(path.read_text()), "chat_template": template}))
    project.recipe["base_model"]["chat_template"] = "always"
    project.save()
    run(project)


@pytest.mark.slow
def test_the_whole_loop_on_a_gguf_file(project: Project, tmp_path: Path) -> None:
    """Its embedding has more rows than its tokenizer has tokens."""
    random_model(tmp_path / "original", (project.folder / "model").resolve(), "llama")
    ends = {"tokenizer.ggml.eos_token_id": 0, "tokenizer.ggml.bos_token_id": None, "tokenizer.ggml.pre": "gpt-2"}
    write_gguf(tmp_path / "original", project.folder / "some.gguf", "llama", "F32", ends)
    project.recipe["base_model"] = {"model": "./some.gguf"}
    project.save()
    lines = run(project)
    assert len([line for line in lines if "reading some.gguf into" in line]) == 1
    assert "tiny botany|2: up to date" in run(project)
