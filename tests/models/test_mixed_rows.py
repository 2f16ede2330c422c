"""Mixed rows and left padding, beyond the five families of tests/method/decoding/test_mixture.py."""

from pathlib import Path
from typing import Any

import pytest
import torch

from selfspec_assets.method.decoding import encode_prompt, next_token_logits
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from tests.tiny_models import load_with_adapters, separate_log_probs, write_adapter

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "falcon-40b's blocks": ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon with ALiBi": ("falcon", {"alibi": True}),
    "qwen2 with a sliding window": ("qwen2", {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0}),
    "gpt-neox, no parallel residual": ("gpt_neox", {"use_parallel_residual": False}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_mixed_rows_and_left_padding_on_variants(name: str, tmp_path: Path) -> None:
    family, changes = VARIANTS[name]
    assert_rows_are_their_own(load_with_adapters(tmp_path, family, **changes), 2e-4)


def test_mixed_rows_and_left_padding_on_four_bits(four_bits: ModelSpec, tmp_path: Path) -> None:
    lm = LanguageModel.load(four_bits)
    for number in (1, 2):
        lm.add_adapter(write_adapter(four_bits, tmp_path / f"a{number}", number), f"a{number}")
    assert_rows_are_their_own(lm, 0.1)  # repacked weights compute in bfloat16; another adapter is off by far more


def assert_rows_are_their_own(lm: LanguageModel, near: float) -> None:
    texts = ["The zorvex gene binds the melatin receptor in liver cells. Which gene?", "Name:", "Give the dose of it:"]
    rows: list[str | None] = ["a1", None, "a2"]
    mixed = torch.log_softmax(next_token_logits(lm, texts, rows).double(), dim=-1)
    for place, (text, adapter) in enumerate(zip(texts, rows, strict=True)):
        ids = encode_prompt(lm.tokenizer, text)
        alone = {name: separate_log_probs(lm, ids, name) for name in rows}
        torch.testing.assert_close(mixed[place], alone[adapter], atol=near, rtol=0)
        others = [float((mixed[place] - alone[name]).abs().max()) for name in rows if name != adapter]
        assert min(others) > 3 * near
