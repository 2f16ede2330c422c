"""Loading: what fits, and what is refused with a reason and a remedy."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3Config

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import StopRules, greedy, next_token_logits
from selfspec_assets.models import weights as model_weights
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.models.weights import precision_of
from tests.models.samples import PROMPT, edit, remove
from tests.tiny_models import byte_level_tokenizer, write_model, write_tokenizer


def test_importing_costs_nothing() -> None:
    code = (
        "import sys, selfspec_assets.models.language_model, selfspec_assets.method.decoding;"
        "import selfspec_assets.method.tuning.tune;"
        "print([name for name in ('torch', 'transformers', 'peft', 'bitsandbytes') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_load(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    assert (lm.context_length, lm.vocabulary_size, lm.eos_ids) == (512, 400, frozenset([1]))
    assert lm.model.dtype == torch.float32
    assert not lm.model.training
    assert lm.tokenizer.pad_token is None
    assert lm.pad_id == 1
    assert lm.model.get_input_embeddings().num_embeddings == 400


def test_bfloat16_is_kept_when_asked_for(base: Path) -> None:
    assert LanguageModel.load(ModelSpec(str(base), dtype="bfloat16")).model.dtype == torch.bfloat16


def test_where_and_how_the_weights_are_held_is_said(base: Path) -> None:
    spec = ModelSpec(str(base))
    assert LanguageModel.load(spec).held == "the model is held in float32 on the CPU: torch sees no GPU"
    four_bit = spec.model_copy(update={"quantization": "nf4", "dtype": "bfloat16"})
    assert "4-bit NormalFloat, computed in bfloat16 on" in LanguageModel.load(four_bit).held


def test_auto_is_another_precision_on_a_gpu(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision_of(ModelSpec(str(base))) == "float32"
    monkeypatch.setattr(model_weights, "_DRIVERS", ("/dev/null",))
    assert precision_of(ModelSpec(str(base))) == "float32", "a driver, but torch sees no GPU"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert precision_of(ModelSpec(str(base))) == "bfloat16"
    assert precision_of(ModelSpec(str(base), dtype="float32")) == "float32"


def test_a_model_that_does_not_fit_the_memory_is_told_as_that(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", full)
    with pytest.raises(SelfspecError, match="does not fit the memory: CUDA out of memory") as caught:
        LanguageModel.load(ModelSpec(str(base)))
    assert "quantization: nf4" in caught.value.remedy


def test_settings_of_the_checkpoint_do_not_reach_decoding(copy: Path) -> None:
    """A checkpoint's repetition penalty would change every distribution; its extra end tokens must count."""
    plain = next_token_logits(LanguageModel.load(ModelSpec(str(copy))), [PROMPT], [None])
    (copy / "generation_config.json").write_text(
        json.dumps(
            {"repetition_penalty": 3.0, "do_sample": True, "temperature": 0.1, "max_length": 3, "eos_token_id": [1, 77]}
        )
    )
    lm = LanguageModel.load(ModelSpec(str(copy)))
    assert torch.equal(next_token_logits(lm, [PROMPT], [None]), plain)
    assert lm.eos_ids == frozenset([1, 77])
    made = greedy(lm, [PROMPT], max_new_tokens=9, stop=StopRules(), adapter=None, batch_size=1)[0]
    assert made.tokens == 9 or made.finish == "eos"


def test_padding_rows_of_the_output_layer_are_never_chosen(tmp_path: Path) -> None:
    spec = write_model(tmp_path, vocab_size=480)
    lm = LanguageModel.load(spec)
    with torch.no_grad():
        lm.model.lm_head.weight[400:] *= 100
    made = greedy(lm, [PROMPT], max_new_tokens=8, stop=StopRules(), adapter=None, batch_size=1)[0]
    assert max(made.token_ids) < lm.vocabulary_size == 400


def pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def small_embedding(folder: Path) -> None:
    write_tokenizer(byte_level_tokenizer(size=420), folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"].append(
        {
            "id": 500,
            "content": "<late>",
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
    )
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def lost_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(folder / "model.safetensors"))
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})


def cut_short(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def beside_an_adapter(name: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / name).write_text('{"peft_type": "LORA"}')

    return act


def a_layer_less(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=1)


def one_more_bias(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(folder / "model.safetensors"))
    tensors["model.layers.0.mlp.up_proj.bias"] = torch.zeros(48)
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})


def weights_twice(folder: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}})
    )


def weights_by_another_name(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "weights.safetensors")


def lost_shard(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}})
    )


BAD_FOLDERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no config": (remove("config.json"), "no config.json"),
    "no weights": (remove("model.safetensors"), "no weights"),
    "pickles only": (pickle_only, "pickles only"),
    "no tokenizer": (remove("tokenizer.json"), "no tokenizer"),
    "broken tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{") and None, "tokenizer"),
    "broken config": (lambda folder: (folder / "config.json").write_text("{") and None, "cannot be read as JSON"),
    "unknown model": (lambda folder: edit(folder / "config.json", model_type="nonesuch"), "cannot be loaded"),
    "other sizes": (lambda folder: edit(folder / "config.json", hidden_size=64), "cannot be loaded"),
    "vocabulary": (small_embedding, "the model's embedding has 400 rows"),
    "tensor missing": (lost_tensor, "the weights lack 1 tensors"),
    "weights cut short": (cut_short, "cut off or damaged"),
    "shard missing": (lost_shard, "1 of 2 weight files are missing"),
    "an adapter": (beside_an_adapter("adapter_config.json"), "would become part of the base"),
    "an adapter's weights": (beside_an_adapter("adapter_model.safetensors"), "would become part of the base"),
    "an adapter's pickle": (beside_an_adapter("adapter_model.bin"), "would become part of the base"),
    "fewer layers": (a_layer_less, "no place for 9 tensors of the weights, such as model.layers.1."),
    "a bias too many": (one_more_bias, "no place for 1 tensors of the weights, such as model.layers.0.mlp.up_proj"),
    "weights twice": (weights_twice, "has its weights twice"),
    "weights by another name": (weights_by_another_name, "nothing says that weights.safetensors is to be loaded"),
    "weights that the config names": (
        lambda folder: edit(folder / "config.json", transformers_weights="other.safetensors"),
        "'transformers_weights' has other files loaded",
    ),
    "a config for some releases": (
        lambda folder: edit(folder / "config.json", configuration_files=["config.4.0.0.json"]),
        "'configuration_files' has other files loaded",
    ),
    "no end token": (lambda folder: edit(folder / "tokenizer_config.json", eos_token=None), "end-of-sequence"),
}


@pytest.mark.parametrize("name", BAD_FOLDERS)
def test_bad_folder(name: str, copy: Path) -> None:
    spoil, reason = BAD_FOLDERS[name]
    spoil(copy)
    with pytest.raises(SelfspecError, match=reason) as caught:
        LanguageModel.load(ModelSpec(str(copy)))
    assert caught.value.remedy
    assert str(copy) in caught.value.place


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (ModelSpec("/nowhere/at/all"), "no such model folder"),
        (ModelSpec("just-a-name"), "no such model folder"),
        (ModelSpec("owner/name"), "pinned revision"),
        (ModelSpec("owner/name", "main"), "pinned revision"),
    ],
)
def test_bad_id(spec: ModelSpec, reason: str) -> None:
    with pytest.raises(SelfspecError, match=reason):
        LanguageModel.load(spec)


def test_a_hub_id_loads_from_the_hub_layout(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / "models--owner--name" / "snapshots" / commit
    shutil.copytree(base, snapshot)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    lm = LanguageModel.load(ModelSpec("owner/name", commit))
    assert lm.digest == f"owner/name@{commit}"
    with pytest.raises(SelfspecError, match="the hub does not give this model"):
        LanguageModel.load(ModelSpec("owner/name", "f" * 40))


@pytest.mark.parametrize(
    ("config", "stated", "length"),
    [
        ({"max_position_embeddings": 300}, 512, 300),
        ({"max_seq_len": 200}, 512, 200),  # MPT
        ({}, 512, 512),
    ],
)
def test_context_length(base: Path, config: dict[str, int], stated: int, length: int) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    lm.model.config, lm.tokenizer.model_max_length = text_only(**config), stated
    assert lm.context_length == length


def text_only(**values: int) -> SimpleNamespace:
    config = SimpleNamespace(**values)
    config.get_text_config = lambda: config
    return config


def test_context_length_of_a_model_of_text_and_pictures(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    config = Gemma3Config(text_config={"max_position_embeddings": 4096})
    assert not hasattr(config, "max_position_embeddings")
    lm.model.config, lm.tokenizer.model_max_length = config, int(1e30)
    assert lm.context_length == 4096


def test_context_length_must_be_stated(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    lm.model.config, lm.tokenizer.model_max_length = text_only(), int(1e30)
    with pytest.raises(SelfspecError, match="context length"):
        _ = lm.context_length


def test_parts_of_the_file_that_are_not_the_language_model_are_left_alone(copy: Path) -> None:
    """A vision tower, a value head: no module of the model is like them."""
    from safetensors.torch import load_file, save_file

    before = next_token_logits(LanguageModel.load(ModelSpec(str(copy))), [PROMPT], [None])
    tensors = load_file(str(copy / "model.safetensors"))
    tensors |= {name: torch.zeros(2) for name in ("vision_model.encoder.layers.0.mlp.weight", "v_head.summary.bias")}
    save_file(tensors, str(copy / "model.safetensors"), metadata={"format": "pt"})
    after = next_token_logits(LanguageModel.load(ModelSpec(str(copy))), [PROMPT], [None])
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)
