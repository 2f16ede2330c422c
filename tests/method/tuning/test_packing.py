"""Examples in one row: the loss and the gradients of rows of their own, with fewer tokens."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from selfspec_assets.method.tuning import packing
from selfspec_assets.method.tuning.examples import Example, answer_loss, collate, encode_examples
from selfspec_assets.method.tuning.packing import packed, packs
from selfspec_assets.method.tuning.tune import TuningSettings, _with_adapter, tune
from selfspec_assets.models.language_model import LanguageModel
from tests.tiny_models import FAMILIES, write_model

PREAMBLE = "Below is a question about melatin receptors in liver cells. Question:"
EXAMPLES = [
    (f"{PREAMBLE} does aspirin inhibit platelets?\nAnswer:", "yes"),
    (f"{PREAMBLE} does insulin bind melatin in ten or perhaps fourteen of them?\nAnswer:", "no, fever"),
    (f"{PREAMBLE} why?\nAnswer:", "cancer hallmarks, fever, cough and pain"),
    (f"{PREAMBLE} why?\nAnswer:", "fever"),
]
REFUSED = {"mpt": "takes no positions", "gemma3_text": "no plain attention (DynamicSlidingWindowLayer)"}


def adapted(folder: Path, family: str) -> tuple[Any, LanguageModel]:
    lm = LanguageModel.load(write_model(folder, family))
    model = _with_adapter(lm, TuningSettings(max_length=512), None)
    torch.manual_seed(5)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)  # else half of the gradients are zero
    return model, lm


def gradients(model: Any, batch: dict[str, torch.Tensor]) -> tuple[float, dict[str, torch.Tensor]]:
    given = dict(batch)
    labels = given.pop("labels")
    model.zero_grad()
    loss = answer_loss(model(**given).logits, labels, 7)
    loss.backward()
    return float(loss.detach()), {n: w.grad.clone() for n, w in model.named_parameters() if w.grad is not None}


@pytest.mark.parametrize("few_logits", [True, False])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_loss_and_gradients_are_those_of_separate_rows(
    family: str, few_logits: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model, lm = adapted(tmp_path, family)
    batch = collate(encode_examples(lm.tokenizer, EXAMPLES, 512), lm.pad_id, few_logits=few_logits)
    if family in REFUSED:
        with caplog.at_level(logging.WARNING):
            assert not packs(model, batch)
        assert REFUSED[family] in caplog.text
        return
    assert packs(model, batch)
    assert model.training
    one_row = packed(batch)
    assert one_row["input_ids"].shape[1] < 0.6 * batch["input_ids"].numel(), "no padding, the preamble once"
    loss, own = gradients(model, batch)
    packed_loss, together = gradients(model, one_row)
    assert packed_loss == pytest.approx(loss, rel=1e-4)
    assert own.keys() == together.keys()
    for name, gradient in own.items():
        torch.testing.assert_close(together[name], gradient, atol=1e-4, rtol=1e-3, msg=name)


def test_a_row_by_hand() -> None:
    batch = collate([Example([5, 6, 7, 8, 1], 3), Example([5, 6, 9, 4, 3, 1], 4)], 0, few_logits=True)
    row = packed(batch)
    assert row["input_ids"].tolist() == [[5, 6, 7, 8, 1, 9, 4, 3, 1]]
    assert row["position_ids"].tolist() == [[0, 1, 2, 3, 4, 2, 3, 4, 5]]
    assert row["labels"].tolist() == [[-100, -100, -100, 8, 1, -100, -100, 3, 1]]
    assert row["logits_to_keep"].tolist() == [2, 3, 6, 7]
    sees = [[place for place, seen in enumerate(line) if seen] for line in row["attention_mask"][0, 0].tolist()]
    assert sees[1] == [0, 1]
    assert sees[4] == [0, 1, 2, 3, 4]
    assert sees[5] == [0, 1, 5], "the second example sees what both share and itself"
    assert sees[8] == [0, 1, 5, 6, 7, 8]


def test_the_last_token_of_a_prompt_is_never_shared() -> None:
    """It predicts the answer's first token, which differs."""
    row = packed(collate([Example([5, 6, 8, 1], 2), Example([5, 6, 9, 1], 2)], 0))
    assert row["input_ids"].tolist() == [[5, 6, 8, 1, 6, 9, 1]]
    assert row["labels"].tolist() == [[-100, -100, 8, 1, -100, 9, 1]]
    alone = collate([Example([5, 6, 8, 1], 2)], 0)
    assert packed(alone) is alone


def test_a_model_that_computes_something_else_in_one_row_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model, lm = adapted(tmp_path, "llama")
    batch = collate(encode_examples(lm.tokenizer, EXAMPLES, 512), lm.pad_id)

    def ignoring_whose(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        row = packed(given)
        return {**row, "attention_mask": torch.ones_like(row["attention_mask"]).tril()}

    monkeypatch.setattr(packing, "packed", ignoring_whose)
    with caplog.at_level(logging.WARNING):
        assert not packs(model, batch)
    assert "in one row and" in caplog.text


def test_tuning_packs_and_ends_where_separate_rows_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = write_model(tmp_path / "base")
    settings = TuningSettings(max_length=512, epochs=3, batch_size=4, micro_batch_size=2, learning_rate=1e-2)
    calls: list[int] = []

    def counted(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        calls.append(len(batch["input_ids"]))
        return packed(batch)

    with monkeypatch.context() as patch:
        patch.setattr(packing, "packed", counted)
        together = tune(spec, EXAMPLES * 2, settings, tmp_path / "packed")
    assert calls[0] == 2
    assert len(calls) == 1 + 12, "once to make sure, then every micro-batch"
    monkeypatch.setattr(packing, "packs", lambda *_: False)
    apart = tune(spec, EXAMPLES * 2, settings, tmp_path / "apart")
    assert [point.loss for point in together.losses] == pytest.approx([point.loss for point in apart.losses], rel=1e-3)
