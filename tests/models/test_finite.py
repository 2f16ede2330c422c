"""Weights and logits that are no numbers stop the first batch, and it is said whose they are."""

import shutil
from pathlib import Path

import pytest
import torch

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import StopRules, greedy, next_token_logits
from selfspec_assets.models.language_model import LanguageModel, ModelSpec, model_digest, write_adapter_record
from tests.models.samples import PROMPT


def spoil_weights(path: Path, name: str, value: float) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(path))
    tensors[name][0, 0] = value
    save_file(tensors, str(path), metadata={"format": "pt"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_stop_the_first_batch(value: float, copy: Path) -> None:
    spoil_weights(copy / "model.safetensors", "model.layers.1.mlp.up_proj.weight", value)
    lm = LanguageModel.load(ModelSpec(str(copy)))
    with pytest.raises(SelfspecError, match=r"1 of its tensors hold NaN .*, such as model\.layers\.1") as caught:
        greedy(lm, [PROMPT], max_new_tokens=4, stop=StopRules(), adapter=None, batch_size=1)
    assert caught.value.place == str(copy)
    assert "the logits are not finite" in caught.value.reason
    assert "get the weights again" in caught.value.remedy


def test_an_adapter_that_is_no_number_is_named(base: Path, adapter: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    tensor = "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight"
    spoil_weights(folder / "adapter_model.safetensors", tensor, float("nan"))
    write_adapter_record(folder, model_digest(ModelSpec(str(base))))
    lm = LanguageModel.load(ModelSpec(str(base)))
    lm.add_adapter(folder, "spoilt")
    assert next_token_logits(lm, [PROMPT], [None]).isfinite().all()
    with pytest.raises(SelfspecError, match="the logits under adapter 'spoilt' are not finite: 1 of its tensors"):
        next_token_logits(lm, [PROMPT, PROMPT], [None, "spoilt"])


def test_an_overflow_is_not_blamed_on_the_weights(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    lm.model.lm_head.register_forward_hook(lambda layer, given, logits: logits * float("inf"))
    with pytest.raises(SelfspecError, match=r"every weight is finite: numbers overflow in torch\.float32") as caught:
        next_token_logits(lm, [PROMPT], [None])
    assert "dtype: float32" in caught.value.remedy


def test_tokens_that_are_out_may_have_no_logit(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    logits = torch.tensor([[0.0, -float("inf")], [-float("inf"), 1.0]])
    lm.check_logits(logits, [None, None])
    with pytest.raises(SelfspecError, match="not finite"):
        lm.check_logits(torch.full((1, 2), -float("inf")), [None])
