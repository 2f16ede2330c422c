"""Each matrix product takes all rows at once: none is made row by row with the same weights again and again."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from selfspec_assets.method.decoding import StopRules, greedy, next_token_logits
from selfspec_assets.models.language_model import LanguageModel
from tests.tiny_models import FAMILIES, load_with_adapters

PROMPTS = ["Which gene binds melatin? Answer:", "List three symptoms.", "Stop."]
VARIANTS: dict[str, dict[str, Any]] = {
    **{family: {} for family in FAMILIES},
    "qwen2": {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0},
    "falcon": {"alibi": True},
}


class RowByRow(TorchDispatchMode):
    """Counts matrix products, and batched ones of which a side is one matrix repeated (a stride of 0)."""

    def __init__(self) -> None:
        super().__init__()
        self.products, self.repeated = 0, list[tuple[int, ...]]()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = function._schema.name
        self.products += name in ("aten::mm", "aten::addmm", "aten::bmm")
        if name == "aten::bmm":
            self.repeated += [tuple(side.shape) for side in args if side.shape[0] > 1 and side.stride(0) == 0]
        return function(*args, **(kwargs or {}))


def decode(lm: LanguageModel) -> RowByRow:
    """Under the base, under one adapter, and under both adapters in one batch."""
    with torch.no_grad(), RowByRow() as seen:
        for adapter in (None, "a1"):
            greedy(lm, PROMPTS, max_new_tokens=3, stop=StopRules(), adapter=adapter, batch_size=3)
        next_token_logits(lm, PROMPTS, ["a1", None, "a2"])
    return seen


@pytest.mark.parametrize("family", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_no_product_is_made_row_by_row(family: str, dtype: torch.dtype, tmp_path: Path) -> None:
    lm = load_with_adapters(tmp_path, family, **VARIANTS[family])
    lm.model.to(dtype)
    seen = decode(lm)
    assert seen.products > 100
    assert seen.repeated == []


def test_a_view_with_gaps_would_be_found(tmp_path: Path) -> None:
    """What transformers hands to the output layer is one: without the hook torch multiplies row by row."""
    lm = load_with_adapters(tmp_path, "llama")
    layer = lm.model.get_output_embeddings()
    layer._forward_pre_hooks.clear()
    assert decode(lm).repeated == [(3, 32, 400)] * 3
