"""A GGUF file becomes the model that it holds: weights, tokenizer, end tokens, template; whole, once, and verified."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, GgufConfig

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import next_token_logits
from selfspec_assets.method.tuning.tune import TuningSettings, tune
from selfspec_assets.models import conversion
from selfspec_assets.models.folder import check_adapter
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.models.source import conversion_note, local_folder, model_digest, model_folder
from tests.tiny_gguf import SHAPES, tiny_gguf, write_gguf

IDS = torch.arange(5, 45)[None]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("SELFSPEC_HOME", str(folder))
    return folder


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(IDS).logits
    return found


def spec_of(path: Path, **settings: Any) -> ModelSpec:
    return ModelSpec(str(path), **{"dtype": "float32", **settings})


# Weights


@pytest.mark.parametrize("family", SHAPES)
def test_a_converted_model_is_the_one_that_the_file_was_made_from(family: str, tmp_path: Path) -> None:
    """Sliding windows, tied embeddings, biases, norms of queries: exact, as nothing was rounded."""
    folder = model_folder(spec_of(tiny_gguf(tmp_path, family)))
    original = AutoModelForCausalLM.from_pretrained(str(tmp_path / "original"))
    converted = AutoModelForCausalLM.from_pretrained(str(folder))
    torch.testing.assert_close(logits(converted), logits(original), atol=0, rtol=0)
    assert converted.config.tie_word_embeddings == original.config.tie_word_embeddings
    assert ("lm_head.weight" in load_file(folder / "model.safetensors")) != original.config.tie_word_embeddings
    assert type(converted) is type(original)


@pytest.mark.parametrize("kind", ["Q8_0", "Q5_0"])
def test_blocks_are_unpacked_as_transformers_unpacks_them(kind: str, tmp_path: Path) -> None:
    path = tiny_gguf(tmp_path, kind=kind)
    own = AutoModelForCausalLM.from_pretrained(
        str(path.parent), gguf_file=path.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    converted = logits(AutoModelForCausalLM.from_pretrained(str(model_folder(spec_of(path)))))
    torch.testing.assert_close(converted, logits(own), atol=0, rtol=0)
    assert float((converted - logits(AutoModelForCausalLM.from_pretrained(str(tmp_path / "original")))).abs().max()) > 0


def test_the_precision_is_the_recipes_and_the_folders_name_tells_it(tmp_path: Path, home: Path) -> None:
    path = tiny_gguf(tmp_path)
    wide, narrow = (model_folder(spec_of(path, dtype=dtype)) for dtype in ("float32", "bfloat16"))
    sha256 = model_digest(spec_of(path)).split("-")[1]
    assert [wide.name, narrow.name] == [f"tiny-{sha256[:12]}-{dtype}" for dtype in ("float32", "bfloat16")]
    assert wide.parent == narrow.parent == home / "models"
    before, after = (load_file(folder / "model.safetensors") for folder in (wide, narrow))
    assert all(after[name].dtype == torch.bfloat16 for name in before)
    assert all(torch.equal(after[name], weight.bfloat16()) for name, weight in before.items())
    assert json.loads((narrow / "config.json").read_text())["dtype"] == "bfloat16"
    assert model_folder(spec_of(path, dtype="auto")) == (narrow if torch.cuda.is_available() else wide)
    assert LanguageModel.load(spec_of(path, dtype="bfloat16")).model.dtype == torch.bfloat16
    assert LanguageModel.load(spec_of(path, dtype="auto")).held.startswith("the model is held in ")


def test_a_tensor_that_would_be_lost_is_an_error(tmp_path: Path) -> None:
    """A bias that the configuration does not speak of: transformers would pass over it."""
    tiny_gguf(tmp_path, "qwen2")
    path = tmp_path / "llama.gguf"
    model = AutoModelForCausalLM.from_pretrained(str(tmp_path / "original"))
    shutil.rmtree(tmp_path / "original")
    tiny_gguf(tmp_path)
    state = AutoModelForCausalLM.from_pretrained(str(tmp_path / "original"))
    layer = state.model.layers[0].self_attn.q_proj
    layer.bias = torch.nn.Parameter(model.model.layers[0].self_attn.q_proj.bias.detach().clone())
    state.config.attention_bias = True
    state.save_pretrained(str(tmp_path / "original"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AutoModelForCausalLM, "from_pretrained", lambda *_: state)
        write_gguf(tmp_path / "original", path, "llama", "F32", {"tokenizer.ggml.pre": "gpt-2"})
    with pytest.raises(SelfspecError, match="22 tensors for the 21 of the model"):
        model_folder(spec_of(path))
    assert local_folder(spec_of(path)) is None


def test_what_the_file_states_of_the_shape_is_in_the_configuration(tmp_path: Path) -> None:
    path = tiny_gguf(tmp_path, values={"llama.rope.freq_base": 5000.0, "llama.attention.layer_norm_rms_epsilon": 0.25})
    config = AutoModelForCausalLM.from_pretrained(str(model_folder(spec_of(path)))).config
    assert config.rope_parameters["rope_theta"] == 5000
    assert config.rms_norm_eps == 0.25
    assert config.eos_token_id == 1


@pytest.mark.parametrize(("values", "said"), [
    ({"llama.attention.value_length": 8, "llama.attention.key_length": 16}, "value_length 8, and the model has 16"),
    ({"llama.rope.dimension_count": 8, "llama.attention.key_length": 16}, "dimension_count 8, and the model has 16"),
    ({"llama.vocab_size": 380}, "vocab_size 380, and the model has 400"),
    ({"llama.embedding_length": 32}, "cannot be converted"),
])  # fmt: skip
def test_a_shape_that_the_model_does_not_have_is_an_error(values: dict[str, int], said: str, tmp_path: Path) -> None:
    path = tiny_gguf(tmp_path, values=values)
    with pytest.raises(SelfspecError, match=said):
        model_folder(spec_of(path))
    assert local_folder(spec_of(path)) is None


# Identity


def test_the_identity_is_the_files_and_not_the_conversions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tiny_gguf(tmp_path)
    spec, digests = spec_of(path), []
    examples = [("Question: is it?\nAnswer:", "yes"), ("Name it.", "fern")]
    settings = TuningSettings(max_length=64, r=2, epochs=1, batch_size=2, micro_batch_size=2)
    for machine in ("one", "other"):
        monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path / machine))
        (tmp_path / machine).mkdir()
        digests.append(model_digest(spec))
        assert conversion_note(spec) == f"reading tiny.gguf into {tmp_path}/{machine}/models/{_name(spec)}, once"
        tuned = tune(spec, examples, settings, tmp_path / machine / "adapter")
        assert conversion_note(spec) is None
        digests.append(tuned.base_digest)
        monkeypatch.setattr(conversion, "version", lambda package: "99.0")
    assert len({*digests}) == 1
    assert check_adapter(tmp_path / "one" / "adapter", digests[0])
    renamed = path.rename(tmp_path / "other.gguf")
    assert model_digest(spec_of(renamed)) == digests[0]
    renamed.write_bytes(renamed.read_bytes() + b"\0")
    assert model_digest(spec_of(renamed)) != digests[0]


def _name(spec: ModelSpec) -> str:
    return f"tiny-{model_digest(spec).split('-')[1][:12]}-float32"


def test_plain_peft_finds_the_adapters_base(tmp_path: Path) -> None:
    spec = spec_of(tiny_gguf(tmp_path))
    settings = TuningSettings(max_length=64, r=2, epochs=2, batch_size=2, micro_batch_size=2, learning_rate=0.01)
    tune(spec, [("Question: is it?\nAnswer:", "yes"), ("Name it.", "fern")], settings, tmp_path / "adapter")
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(model_folder(spec))
    adapted = AutoPeftModelForCausalLM.from_pretrained(str(tmp_path / "adapter")).eval()
    base = AutoModelForCausalLM.from_pretrained(config["base_model_name_or_path"])
    assert float((logits(adapted) - logits(base)).abs().max()) > 0.01


# Whole or not at all


def test_what_a_killed_run_left_is_not_used(tmp_path: Path, home: Path) -> None:
    """``tests/kill`` kills it."""
    spec = spec_of(tiny_gguf(tmp_path))
    left = home / "models" / ".work" / _name(spec)
    (left / "model").mkdir(parents=True)
    (left / "model" / "adapter_config.json").touch()
    (left / "model" / "model.safetensors").write_bytes(b"half of it")
    folder = model_folder(spec)
    assert torch.isfinite(next_token_logits(LanguageModel.load(spec), ["Name it."], [None])).all()
    assert not (folder / "adapter_config.json").exists()
    assert not left.exists()
    left.mkdir()
    assert model_folder(spec) == folder
    assert not left.exists()


def test_a_failed_conversion_leaves_nothing(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(conversion, "fsync_tree", full)
    with pytest.raises(SelfspecError, match="No space left"):
        model_folder(spec_of(tiny_gguf(tmp_path)))
    assert [entry.name for entry in (home / "models").iterdir()] == [".work"]
    assert not [entry for entry in (home / "models" / ".work").iterdir() if entry.is_dir()]


def test_it_is_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of(tiny_gguf(tmp_path))
    folder = model_folder(spec)
    monkeypatch.setattr(conversion, "_write_model", lambda *_: pytest.fail("converted again"))
    assert model_folder(spec) == local_folder(spec) == folder
    assert LanguageModel.load(spec).digest == model_digest(spec)


def change_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")


def edit(**values: Any) -> Any:
    def act(folder: Path) -> None:
        path = folder / conversion.PROVENANCE
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return act


@pytest.mark.parametrize(("spoil", "reason", "remedy"), [
    (change_weights, "changed or damaged", "the next run makes it anew"),
    (lambda folder: (folder / "tokenizer_config.json").unlink(), "changed or damaged", "delete"),
    (lambda folder: (folder / "adapter_model.safetensors").touch(), "changed or damaged", "delete"),
    (lambda folder: (folder / conversion.PROVENANCE).unlink(), "was not made from a GGUF file", "move the folder away"),
    (lambda folder: (folder / conversion.PROVENANCE).write_text("[]"), "is not a JSON object", "restore the file"),
    (edit(files=None), "does not say what the folder was made from", "delete"),
    (edit(conversion=0), "another version of selfspec", "delete"),
    (edit(dtype="bfloat16"), "was made from another file", "delete"),
    (edit(source={"sha256": "0" * 64}), "was made from another file: 000000000000", "delete"),
])  # fmt: skip
def test_a_folder_that_is_not_the_files_is_refused(
    spoil: Any, reason: str, remedy: str, converted: tuple[ModelSpec, Path], home: Path
) -> None:
    spec, source = converted
    folder = Path(shutil.copytree(source, home / "models" / source.name))
    assert model_folder(spec) == folder
    spoil(folder)
    with pytest.raises(SelfspecError, match=reason) as caught:
        model_folder(spec)
    assert remedy in caught.value.remedy


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelSpec, Path]:
    """A file, and what it becomes; made once."""
    place = tmp_path_factory.mktemp("converted")
    spec = spec_of(tiny_gguf(place))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFSPEC_HOME", str(place))
        return spec, model_folder(spec)
