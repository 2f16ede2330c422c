"""Out of memory halves the batch, and the results stay what they were."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import StopRules, greedy, sample
from selfspec_assets.method.decoding.batching import in_batches
from selfspec_assets.method.tuning import packing
from selfspec_assets.method.tuning.examples import collate, encode_examples, rows_of
from selfspec_assets.method.tuning.packing import packed
from selfspec_assets.method.tuning.tune import tune
from selfspec_assets.models.language_model import LanguageModel, ModelSpec, load_tokenizer
from selfspec_assets.models.memory import Room, is_out_of_memory
from tests.models.samples import EXAMPLES, SETTINGS, changed


def use_up_memory() -> None:
    """PyTorch's own error on a CPU, a bare RuntimeError."""
    torch.empty(2**58)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (ValueError("out of memory."), False),
    ],
)
def test_which_errors_mean_out_of_memory(error: Exception, verdict: bool) -> None:
    assert is_out_of_memory(error) is verdict


def test_decoding_halves_its_batch_on_a_real_allocation_failure(caplog: pytest.LogCaptureFixture) -> None:
    sizes: list[int] = []

    def run(places: list[int], at_a_time: int) -> Iterator[list[tuple[int, int]]]:
        for begin in range(0, len(places), at_a_time):
            sizes.append(at_a_time)
            if at_a_time > 1:
                use_up_memory()
            yield [(place, place) for place in places[begin : begin + at_a_time]]

    with caplog.at_level(logging.WARNING):
        assert in_batches([1, 1, 1], 3, run, None) == [0, 1, 2]
    assert sizes == [3, 1, 1, 1]
    assert "out of memory with 3 prompts at a time; going on with 1" in caplog.text

    room = Room()
    for _ in range(2):
        assert in_batches([1, 1], 2, run, None, room) == [0, 1]
    assert sizes[4:] == [2, 1, 1, 1, 1], "only the first call tries in vain"

    def broken(places: list[int], at_a_time: int) -> Iterator[list[tuple[int, int]]]:
        raise RuntimeError("a shape is wrong")
        yield []

    with pytest.raises(RuntimeError, match="a shape is wrong"):
        in_batches([1, 1], 2, broken, None)


def test_what_did_not_fit_is_not_tried_again_by_the_next_call(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step decodes one batch per call, so that a kill loses no more than one."""
    tried = fail_above(2, monkeypatch, backward=False)
    lm = LanguageModel.load(spec)
    ask: dict[str, Any] = {"max_new_tokens": 1, "stop": StopRules(), "adapter": None, "batch_size": 4}
    for _ in range(2):
        greedy(lm, ["a", "b", "c", "d"], **ask)
    assert tried == [4, 2, 2, 2, 2]
    tried.clear()
    for _ in range(2):
        sample(lm, ["a", "b", "c", "d"], [1, 2, 3, 4], temperature=1.0, top_p=1.0, **ask)
    assert tried == [4, 2, 2, 2, 2]


def fail_above(rows: int, patch: pytest.MonkeyPatch, *, backward: bool) -> list[int]:
    """Let every larger batch run out of memory in the first layer, forwards or backwards; returns the sizes tried.

    Backwards the later layers have their gradients by then: left as they are, they would count twice.
    """
    load = LanguageModel.load.__func__  # type: ignore[attr-defined]
    tried: list[int] = []

    def watched(cls: type[LanguageModel], spec: ModelSpec) -> LanguageModel:
        lm: LanguageModel = load(cls, spec)
        layer = lm.model.model.layers[0]

        def forward_hook(module: Any, inputs: Any, output: torch.Tensor) -> None:
            size = output.shape[0]
            tried.append(size)
            if size > rows and not backward:
                use_up_memory()
            if size > rows:
                output.register_hook(lambda gradient: use_up_memory())

        layer.register_forward_hook(forward_hook)
        return lm

    patch.setattr(LanguageModel, "load", classmethod(watched))
    return tried


@pytest.mark.parametrize("backward", [False, True], ids=["forwards", "backwards"])
def test_tuning_halves_its_micro_batches_and_makes_the_same_updates(
    backward: bool, spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    small = tune(spec, EXAMPLES, changed(micro_batch_size=1), tmp_path / "small")
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(packing, "packs", lambda *_: False)  # a forward pass has a row for each example
        tried = fail_above(1, patch, backward=backward)
        halved = tune(spec, EXAMPLES, SETTINGS, tmp_path / "halved")
    assert tried == [4, 2] + [1] * 10, "what fitted is kept: 5 examples, 2 epochs"
    assert "out of memory with 4 examples at a time; going on with 2" in caplog.text
    assert halved == small
    weights = "adapter_model.safetensors"
    assert (tmp_path / "halved" / weights).read_bytes() == (tmp_path / "small" / weights).read_bytes()


def test_a_row_of_several_examples_is_halved_as_well(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    small = tune(spec, EXAMPLES, changed(micro_batch_size=2), tmp_path / "small")
    tried: list[int] = []

    def limited(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        tried.append(len(batch["input_ids"]))
        if tried[-1] > 2:
            use_up_memory()
        return packed(batch)

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(packing, "packed", limited)
        halved = tune(spec, EXAMPLES, SETTINGS, tmp_path / "halved")
    assert tried[:4] == [2, 4, 2, 2], "the trial of two, then a batch of four in halves"
    assert max(tried[2:]) == 2, "what fitted is kept"
    assert "out of memory with 4 examples at a time; going on with 2" in caplog.text
    assert halved == small


def test_a_trial_that_does_not_fit_the_memory_is_no_end(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(packing, "packed", lambda batch: use_up_memory())
    with caplog.at_level(logging.WARNING):
        assert tune(spec, EXAMPLES, SETTINGS, tmp_path / "apart").steps == 3
    assert "in a row of its own: RuntimeError: " in caplog.text


def test_a_part_of_a_batch_leaves_the_others_padding_behind(spec: ModelSpec) -> None:
    encoded = encode_examples(load_tokenizer(spec), [EXAMPLES[3], EXAMPLES[1], EXAMPLES[0]], 200)
    whole, part = collate(encoded, pad_id=1), collate(encoded[1:], pad_id=1)
    assert part["input_ids"].shape[1] < whole["input_ids"].shape[1]
    for name, values in rows_of(whole, 1, 3).items():
        assert torch.equal(values, part[name])


def test_one_example_that_does_not_fit_the_memory_is_an_error(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "packs", lambda *_: False)
    tried = fail_above(0, monkeypatch, backward=False)
    with pytest.raises(SelfspecError, match="a single example does not fit the device's memory") as caught:
        tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter")
    assert "max_length" in caught.value.place
    assert tried == [4, 2, 1]
    assert not (tmp_path / "adapter").exists()


def test_tuning_goes_on_after_a_kill_with_another_micro_batch(spec: ModelSpec, tmp_path: Path) -> None:
    """``micro_batch_size`` is in no signature: changing it between two runs must neither lose nor repeat an update."""
    whole = tune(spec, EXAMPLES, SETTINGS, tmp_path / "whole")
    where: dict[str, Any] = {"checkpoint_folder": tmp_path / "checkpoints", "checkpoint_every": 1}

    def stop(step: int, total: int, loss: float) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter", progress=stop, **where)
    seen: list[int] = []
    resumed = tune(
        spec,
        EXAMPLES,
        changed(micro_batch_size=1),
        tmp_path / "adapter",
        progress=lambda step, total, loss: seen.append(step),
        **where,
    )
    assert seen == [2, 3]
    assert resumed.steps == whole.steps == 3
    assert [point.loss for point in resumed.losses] == pytest.approx([point.loss for point in whole.losses], abs=1e-4)
