"""Adapters side by side on one base, and those that do not fit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import next_token_logits
from selfspec_assets.models.language_model import (
    LanguageModel,
    ModelSpec,
    adapter_digest,
    check_adapter,
    model_digest,
    write_adapter_record,
)
from tests.models.samples import PROMPT, edit, remove
from tests.tiny_models import write_adapter


def test_adapters_live_side_by_side(base: Path, adapter: Path, tmp_path: Path) -> None:
    spec = ModelSpec(str(base))
    second = write_adapter(spec, tmp_path / "second", 2)
    lm = LanguageModel.load(spec)
    alone = next_token_logits(lm, [PROMPT], [None])
    lm.add_adapter(adapter, "one")
    lm.add_adapter(second, "two")
    lm.add_adapter(adapter, "one")  # again: nothing happens
    mixed = next_token_logits(lm, [PROMPT] * 3, ["one", None, "two"])
    torch.testing.assert_close(mixed[1:2], alone, atol=1e-4, rtol=0)
    for row, folder in ((0, adapter), (2, second)):
        plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(str(base)), str(folder)).eval()
        with torch.no_grad():
            expected = plain(input_ids=torch.tensor([lm.tokenizer(PROMPT)["input_ids"]])).logits[:, -1]
        torch.testing.assert_close(mixed[row : row + 1], expected, atol=1e-4, rtol=0)
        assert (expected - alone).abs().max() > 0.1
    assert lm.adapter_digest("one") == adapter_digest(adapter)
    assert lm.adapter_digest(None) is None


def test_adapters_can_be_removed(base: Path, adapter: Path, tmp_path: Path) -> None:
    spec = ModelSpec(str(base))
    lm = LanguageModel.load(spec)
    before = next_token_logits(lm, [PROMPT], [None])
    lm.add_adapter(adapter, "one")
    lm.add_adapter(write_adapter(spec, tmp_path / "second", 2), "two")
    second = next_token_logits(lm, [PROMPT], ["two"])
    lm.remove_adapter("one")
    assert torch.equal(next_token_logits(lm, [PROMPT], ["two"]), second)
    lm.remove_adapter("two")
    assert lm.peft is None
    assert torch.equal(next_token_logits(lm, [PROMPT], [None]), before)
    lm.add_adapter(adapter, "one")
    with pytest.raises(KeyError):
        lm.remove_adapter("two")


def test_a_name_stands_for_one_adapter(base: Path, adapter: Path, tmp_path: Path) -> None:
    spec = ModelSpec(str(base))
    lm = LanguageModel.load(spec)
    lm.add_adapter(adapter, "one")
    with pytest.raises(ValueError, match="another adapter"):
        lm.add_adapter(write_adapter(spec, tmp_path / "second", 2), "one")
    for name in ("", "a.b", "__base__"):
        with pytest.raises(ValueError, match="cannot name"):
            lm.add_adapter(adapter, name)


def flip_byte(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))


def other_base(folder: Path) -> None:
    write_adapter_record(folder, "another base")


def rename_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(folder / "adapter_model.safetensors"))
    tensors["base_model.model.nowhere.lora_A.weight"] = tensors.pop(sorted(tensors)[0])
    save_file(tensors, str(folder / "adapter_model.safetensors"))
    write_adapter_record(folder, json.loads((folder / "selfspec.json").read_text())["base_digest"])


def as_dora(folder: Path) -> None:
    edit(folder / "adapter_config.json", use_dora=True)
    write_adapter_record(folder, json.loads((folder / "selfspec.json").read_text())["base_digest"])


def other_rank(folder: Path) -> None:
    edit(folder / "adapter_config.json", r=2)
    write_adapter_record(folder, json.loads((folder / "selfspec.json").read_text())["base_digest"])


BAD_ADAPTERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no weights": (remove("adapter_model.safetensors"), "no adapter_model.safetensors"),
    "no config": (remove("adapter_config.json"), "no adapter_config.json"),
    "no record": (remove("selfspec.json"), "no selfspec.json"),
    "broken record": (lambda folder: (folder / "selfspec.json").write_text("[]") and None, "not a JSON object"),
    "changed weights": (flip_byte, "changed or damaged"),
    "changed config": (lambda folder: edit(folder / "adapter_config.json", lora_alpha=99), "changed or damaged"),
    "another base": (other_base, "made for another base"),
    "tensors that do not fit": (rename_tensor, "missing or unknown"),
    "another rank": (other_rank, "does not fit the model"),
    "DoRA": (as_dora, "only plain LoRA"),
}


@pytest.mark.parametrize("name", BAD_ADAPTERS)
def test_bad_adapter(name: str, base: Path, adapter: Path, tmp_path: Path) -> None:
    spoil, reason = BAD_ADAPTERS[name]
    folder = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    spoil(folder)
    lm = LanguageModel.load(ModelSpec(str(base)))
    before = next_token_logits(lm, [PROMPT], [None])
    with pytest.raises(SelfspecError, match=reason) as caught:
        lm.add_adapter(folder, "bad")
    assert caught.value.remedy
    assert torch.equal(next_token_logits(lm, [PROMPT], [None]), before), "the model is as it was"
    lm.add_adapter(adapter, "bad")  # and the name is free


def test_check_adapter_needs_no_model(adapter: Path, base: Path) -> None:
    assert check_adapter(adapter, model_digest(ModelSpec(str(base)))) == adapter_digest(adapter)
    with pytest.raises(SelfspecError, match="another base"):
        check_adapter(adapter, "0" * 64)
