"""Recipes for bases of 0.1 to 30 billion parameters: each is checked, and run with random weights of its kind."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from tests import tiny_models
from tests.checkout import ROOT
from tests.conftest import RECIPE, Project, corpus_rows, item_rows, seed_rows
from tests.tiny_models import CHAT_TEMPLATES, add_chat_template, write_model

# By recipe: the family of its base, and what makes the tiny one of its kind.
BASES: dict[str, tuple[str, dict[str, Any]]] = {
    "base_smollm2-360m": ("llama", {"tie_word_embeddings": True}),
    "base_smollm2-360m-instruct": ("llama", {"tie_word_embeddings": True}),
    "base_qwen3-0.6b": ("qwen3", {}),
    "base_granite-4.0-1b": (
        "granitemoehybrid",
        {
            "hidden_size": 32,
            "intermediate_size": 48,
            "shared_intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "num_local_experts": 0,
            "layer_types": ["attention", "attention"],
            "position_embedding_type": "rope",
            "mamba_n_heads": 4,
        },
    ),
    "base_llama-3.2-1b": ("llama", {"tie_word_embeddings": True}),
    "base_falcon-40b": ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "base_meditron-7b": ("llama", {}),
    "biomedicine_mpt-30b": ("mpt", {}),
    "sports_mpt-30b": ("mpt", {}),
}
_SIZES = {  # of the tiny project: what says how much is made, not how
    "instructions": ("target", "min_kept", "max_requests", "max_new_tokens", "batch_size"),
    "responses": ("max_new_tokens", "min_kept"),
    "adapter": ("max_length", "epochs", "batch_size", "micro_batch_size", "learning_rate", "min_steps"),
    "scores": ("shots", "items_per_benchmark", "max_new_tokens", "resamples"),
}


@pytest.fixture(params=BASES)
def tiny(request: pytest.FixtureRequest, project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The recipe with the tiny project's pack and sizes, and a random base of its own family."""
    name = str(request.param)
    recipe = yaml.safe_load((ROOT / "recipes" / f"{name}.yaml").read_text())
    chat = recipe["base_model"].get("chat_template", "never")
    for section, keys in _SIZES.items():
        recipe[section].update({key: RECIPE[section][key] for key in keys if key in RECIPE[section]})
    recipe["base_model"] = {"model": "./model", "chat_template": chat}
    recipe.update(data="published", domains=["botany"])
    recipe["instructions"].update(inputs="written", seeds_per_prompt=3, tasks_per_prompt=6, min_kept=1, target=8)
    recipe["scores"]["shots"] = [0]
    if "seeds" in recipe:
        recipe["seeds"]["limit"] = 8  # of the eleven that the tiny pack has
    recipe["responses"]["max_new_tokens"] = 48
    project.recipe = recipe
    project.save()
    (project.folder / "model").unlink()
    # Its tokens are the corpus's words, or no passage would be found for what it writes at random.
    monkeypatch.setattr(tiny_models, "TEXT", [json.dumps(row) for row in corpus_rows() + seed_rows() + item_rows()])
    family, changes = BASES[name]
    longest = "max_seq_len" if family == "mpt" else "max_position_embeddings"
    write_model(project.folder / "model", family, vocab_size=410, **{longest: 2048, **changes})
    if chat == "always":
        add_chat_template(project.folder / "model", CHAT_TEMPLATES["chatml"])
    _end_now_and_then(project.folder / "model", "<|im_end|>" if chat == "always" else "</s>")
    return project


def _end_now_and_then(folder: Path, token: str) -> None:
    """A random model's answers go on to the limit, and such are not tuned on: its end token wins sometimes."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(str(folder)), AutoTokenizer.from_pretrained(str(folder))
    with torch.no_grad():
        model.get_output_embeddings().weight[tokenizer.convert_tokens_to_ids(token)] *= 4
    model.save_pretrained(str(folder))


@pytest.mark.parametrize("name", BASES)
def test_its_header_has_the_command_that_runs_it(name: str) -> None:
    named = load_recipe(name)
    comments = [line for line in Path(named.path).read_text().splitlines() if line.startswith("#")]
    assert any(re.fullmatch(rf"#   (SELFSPEC_DATA=/data )?selfspec run {re.escape(name)}", line) for line in comments)
    section = named.recipe.base_model
    if section.is_path:  # then it is said how the folder comes about
        assert any(
            "hf download" in line or "biomedicine_mpt-30b" in line or "save_pretrained" in line for line in comments
        )


def test_check_takes_it(tiny: Project) -> None:
    done = CliRunner().invoke(app, ["check", "tiny"])
    assert done.exit_code == 0, done.output


# Where a recipe stops when nothing that was written can be used: random weights often write no more than that.
GATES = ("instructions.min_kept", "responses.min_kept", "no passage was found")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_it_runs_with_random_weights_of_its_architecture(tiny: Project) -> None:
    """The loop, to its end or to a gate by name; then tuning and scoring, on the seeds, with the same settings."""
    named, said = load_recipe("tiny"), list[str]()
    try:
        run_recipe(named, ["botany"], named.recipe.iterations, said.append)
    except Exception as error:  # Dagster's own, around ours
        causes = f"{error} {error.__cause__}"
        assert any(gate in causes for gate in GATES), causes
    for section in ("instructions", "passages", "responses", "steps"):
        tiny.recipe.pop(section, None)
    tiny.recipe["iterations"] = 1
    tiny.recipe["adapter"].update(data="seeds", with_seeds=False, start="base", min_steps=1)
    tiny.save()
    run_recipe(load_recipe("tiny"), ["botany"], 1, said.append)
    done = CliRunner().invoke(app, ["scores", "tiny"])
    assert done.exit_code == 0, (done.output, said)
    assert "/adapter" in done.stdout  # where the tuned one lies
