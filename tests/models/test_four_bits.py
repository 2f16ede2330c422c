"""Four bits: gradients, repacked weights, tuning beside decoding."""

from pathlib import Path

import pytest
import torch

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import StopRules, greedy, next_token_logits
from selfspec_assets.method.tuning.examples import answer_loss, collate, encode_examples
from selfspec_assets.method.tuning.tune import refuse_repacked, tune
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.models.weights import repacked_weights
from tests.models.samples import EXAMPLES, SETTINGS


def adapter_gradients(lm: LanguageModel) -> dict[str, torch.Tensor]:
    """Of the answers' loss, by each factor of a fresh adapter whose second factor is not zero."""
    from selfspec_assets.method.tuning.tune import _with_adapter

    adapted = _with_adapter(lm, SETTINGS, None)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.05, generator=generator)
    batch = collate(encode_examples(lm.tokenizer, EXAMPLES[:3], 200), pad_id=1)
    adapted.train()
    answer_loss(adapted(**batch).logits, batch["labels"], None).backward()
    return {name: weight.grad.clone() for name, weight in adapted.named_parameters() if weight.grad is not None}


def relative_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).norm() / other[name].norm()) for name in one)


def test_gradients_on_four_bits_are_those_on_the_same_weights_in_fp32(four_bits: ModelSpec) -> None:
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    quantised = LanguageModel.load(four_bits)
    plain = LanguageModel.load(ModelSpec(four_bits.path_or_id, dtype="float32"))
    replaced = 0
    with torch.no_grad():
        for name, module in quantised.model.named_modules():
            if isinstance(module, Linear4bit):
                weight = dequantize_4bit(module.weight.data, module.weight.quant_state)
                plain.model.get_submodule(name).weight.copy_(weight)
                replaced += 1
    assert replaced == 14
    gradients = adapter_gradients(quantised)
    assert len(gradients) == 2 * replaced
    assert relative_difference(gradients, adapter_gradients(plain)) < 1e-3


def test_weights_that_a_forward_pass_repacked_are_not_tuned(four_bits: ModelSpec) -> None:
    """The trap itself, where the CPU has it: the gradients are wrong, so tuning must not begin."""
    from bitsandbytes.nn import Linear4bit

    used = LanguageModel.load(four_bits)
    assert repacked_weights(used.model) == []
    traps = {m.support_avx512bf16_for_cpu for m in used.model.modules() if isinstance(m, Linear4bit)}
    next_token_logits(used, [EXAMPLES[0][0]], [None])
    if used.device.type != "cpu" or traps == {False}:
        assert repacked_weights(used.model) == []
        pytest.skip("this machine repacks no weights")
    assert len(repacked_weights(used.model)) == 14
    with pytest.raises(SelfspecError, match="repacked"):
        refuse_repacked(used.model)
    fresh = adapter_gradients(LanguageModel.load(four_bits))
    assert relative_difference(adapter_gradients(used), fresh) > 0.1, "bitsandbytes has mended it: drop the guard"


def test_a_four_bit_base_that_decodes_does_not_disturb_tuning(four_bits: ModelSpec, tmp_path: Path) -> None:
    alone = tune(four_bits, EXAMPLES, SETTINGS, tmp_path / "alone")
    used = LanguageModel.load(four_bits)
    greedy(used, [EXAMPLES[0][0]], max_new_tokens=2, stop=StopRules(), adapter=None, batch_size=1)
    assert tune(four_bits, EXAMPLES, SETTINGS, tmp_path / "beside") == alone
    used.add_adapter(tmp_path / "beside", "tuned")
    assert len(greedy(used, [EXAMPLES[0][0]], max_new_tokens=2, stop=StopRules(), adapter="tuned", batch_size=1)) == 1
