"""The engine against its reference: rows that leave and rows that join change no text, whatever the architecture."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from selfspec_assets.method.decoding import (
    ContrastSettings,
    Generation,
    Group,
    StopRules,
    answer,
    engine,
    generate,
    greedy,
    prefill,
    sample,
)
from selfspec_assets.method.decoding.cache import GrowingLayer
from selfspec_assets.method.decoding.engine import Flight
from selfspec_assets.method.decoding.stop import StopTracker
from selfspec_assets.models.language_model import LanguageModel
from tests.tiny_models import FAMILIES, load_with_adapters

TOKENS = 8
FREE = StopRules()
HEADER = "Below is a question about melatin receptors in liver cells, asked of an expert. "
ENDS = ("Which gene binds it?", "Is insulin a virus, or a list of ten or perhaps fourteen of them?", "Name it.", "Why?")
GROUPS = [
    Group(tuple(f"{HEADER}{ENDS[(n + m) % 4]} {n} {m}\nAnswer:" for m in range(k)), (1 / k,) * k)
    for n, k in enumerate((1, 2, 3, 1, 2, 3))
]
WIDE = "gemma3_text, wide"
REFERENCE_ALONE = {"gemma3_text"}  # its window of eight places is shorter than the texts


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return load_with_adapters(tmp_path_factory.mktemp("llama"))


def contrasted(lm: LanguageModel) -> Sequence[Generation]:
    return answer(
        lm,
        GROUPS,
        max_new_tokens=TOKENS,
        stop=FREE,
        aligned="a1",
        weaker=None,
        contrast=ContrastSettings(),
        batch_size=3,
    )


def likeliest(lm: LanguageModel) -> Sequence[Generation]:
    texts = [prompt for group in GROUPS for prompt in group.prompts]
    return greedy(lm, texts, max_new_tokens=TOKENS, stop=FREE, adapter="a2", batch_size=4)


def sampled(lm: LanguageModel) -> Sequence[Generation]:
    texts = [prompt for group in GROUPS for prompt in group.prompts]
    seeds = [2**62 + place for place in range(len(texts))]
    options: dict[str, Any] = {"max_new_tokens": TOKENS, "stop": FREE, "adapter": "a2", "batch_size": 4}
    return sample(lm, texts, seeds, temperature=1.0, top_p=0.9, **options)


@pytest.fixture
def by_reference(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Any]:
    def run(action: Callable[[], Any]) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(engine, "rows_may_leave", lambda *_: False)
            return action()

    return run


class Ragged(StopTracker):
    """A text that also ends by its number in the call: after 1, 6, 3, 8, 5, 2, 7 or 4 tokens."""

    number = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._most = 1 + 5 * Ragged.number % TOKENS
        Ragged.number += 1

    def add(self, token_id: int) -> None:
        super().add(token_id)
        if len(self.ids) == self._most:
            self.finish = "eos"


@pytest.fixture(autouse=True)
def ragged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "StopTracker", Ragged)


def run_on(lm: LanguageModel, run: Callable[[LanguageModel], Sequence[Generation]]) -> Sequence[Generation]:
    Ragged.number = 0
    return run(lm)


def assert_same(got: Sequence[Generation], want: Sequence[Generation]) -> None:
    for one, other in zip(got, want, strict=True):
        assert (one.token_ids, one.finish, one.text) == (other.token_ids, other.finish, other.text)
        if hasattr(one, "log_prob") and hasattr(other, "log_prob"):
            assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)
            assert one.marginal_ids == other.marginal_ids  # type: ignore[attr-defined]
            for mine, theirs in zip(one.posterior, other.posterior, strict=True):  # type: ignore[attr-defined]
                assert mine == pytest.approx(theirs, abs=1e-4)


def passes(lm: LanguageModel, action: Callable[[], Any]) -> tuple[Any, list[torch.Size]]:
    """What the action gives, and [rows, tokens] of each forward pass."""
    seen: list[torch.Size] = []
    hook = lm.model.get_input_embeddings().register_forward_hook(lambda _, given, __: seen.append(given[0].shape))
    try:
        return action(), seen
    finally:
        hook.remove()


@pytest.mark.parametrize("family", [*sorted(FAMILIES), WIDE])
def test_texts_are_those_of_the_reference(
    family: str,
    tmp_path_factory: pytest.TempPathFactory,
    llama: LanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    by_reference: Callable[[Callable[[], Any]], Any],
) -> None:
    name = family.split(",")[0]
    changes = {"sliding_window": 400} if family == WIDE else {}
    lm = llama if family == "llama" else load_with_adapters(tmp_path_factory.mktemp(name), name, **changes)
    for run in (contrasted, likeliest, sampled):
        want, whole = passes(lm, lambda: by_reference(lambda: run_on(lm, run)))  # noqa: B023
        got, fewer = passes(lm, lambda: run_on(lm, run))  # noqa: B023
        assert_same(got, want)
        assert len({one.tokens for one in want}) >= 5, "the texts end together: nothing is tried"
        if family in REFERENCE_ALONE:
            assert fewer == whole
        else:
            assert max(rows for rows, _ in fewer) <= max(rows for rows, _ in whole)
            assert steps_of_rows(fewer) < 0.8 * steps_of_rows(whole)


def steps_of_rows(seen: Sequence[torch.Size]) -> int:
    return sum(rows for rows, tokens in seen if tokens == 1)


def test_when_slots_are_refilled_changes_no_text(llama: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    want = run_on(llama, contrasted)
    for share in (0.01, 1.0):
        monkeypatch.setattr(engine, "REFILL", share)
        assert_same(run_on(llama, contrasted), want)


# Negative controls: each spoils one thing that rows take along when they leave or join.


def others_rows(layer: GrowingLayer, sources: Tensor, targets: Tensor) -> None:
    for states in (layer.keys, layer.values):
        states.index_copy_(0, targets, states.index_select(0, sources.flip(0) if len(sources) > 1 else targets))


def one_place_off(layer: GrowingLayer, other: GrowingLayer) -> None:
    JOIN(layer, other)
    layer.keys[-other.keys.shape[0] :] = layer.keys[-other.keys.shape[0] :].roll(1, dims=2)


def left_as_they_are(layer: GrowingLayer, sources: Tensor, targets: Tensor) -> None:
    pass


JOIN = GrowingLayer.join


@pytest.mark.parametrize(
    ("name", "spoilt"), [("move_rows", others_rows), ("move_rows", left_as_they_are), ("join", one_place_off)]
)
def test_a_row_with_anothers_past_would_be_seen(
    name: str,
    spoilt: Callable[..., None],
    llama: LanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    by_reference: Callable[[Callable[[], Any]], Any],
) -> None:
    want = by_reference(lambda: run_on(llama, contrasted))
    assert_same(run_on(llama, contrasted), want)
    monkeypatch.setattr(GrowingLayer, name, spoilt)
    with pytest.raises(AssertionError):
        assert_same(run_on(llama, contrasted), want)


def test_rows_under_anothers_adapter_would_be_seen(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch, by_reference: Callable[[Callable[[], Any]], Any]
) -> None:
    want = by_reference(lambda: run_on(llama, contrasted))
    leave = Flight.leave

    def turned(flight: Flight, groups: Sequence[int]) -> None:
        leave(flight, groups)
        flight.adapters.reverse()

    monkeypatch.setattr(Flight, "leave", turned)
    with pytest.raises(AssertionError):
        assert_same(run_on(llama, contrasted), want)


# The header


def test_the_header_of_a_call_goes_through_the_model_once(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "StopTracker", StopTracker)
    texts = [f"{HEADER * 3}{end} {n}\nAnswer:" for n in range(3) for end in ENDS]
    first = llama.tokenizer(HEADER)["input_ids"][:4]
    options: dict[str, Any] = {"max_new_tokens": 3, "stop": FREE, "adapter": "a1", "batch_size": 4}
    begun: list[int] = []

    def watch(_: Any, given: tuple[Tensor, ...], __: Any) -> None:
        begun.append(sum(row[:4].tolist() == first for row in given[0]))

    hook = llama.model.get_input_embeddings().register_forward_hook(watch)
    try:
        got = greedy(llama, texts, **options)
    finally:
        hook.remove()
    assert sum(begun) == 1
    monkeypatch.setattr(prefill, "worth_sharing", lambda *_: False)
    assert_same(got, greedy(llama, texts, **options))


# The cache's layers, against plain tensors


def by_rows(layer: GrowingLayer) -> Iterator[Tensor]:
    yield from (layer.keys, layer.values)


@pytest.mark.parametrize("seed", range(20))
def test_a_layer_holds_what_plain_tensors_hold(seed: int) -> None:
    """Tokens, moved and forgotten rows, forgotten places and rows that join, in any order."""
    drawing, torch_seed = random.Random(seed), torch.Generator().manual_seed(seed)

    def states(rows: int, tokens: int) -> Tensor:
        return torch.randn(rows, 2, tokens, 4, generator=torch_seed)

    layer, plain = GrowingLayer(60), states(4, 7)
    layer.update(plain.clone(), -plain)
    for _ in range(40):
        act, (rows, _, length, _) = drawing.randrange(5), plain.shape
        if act < 2:
            new = states(rows, drawing.choice([1, 1, 9]))
            plain = torch.cat([plain, new], dim=2)
            layer.update(new, -new)
        elif act == 2 and rows > 2:
            source, target = torch.tensor([rows - 1]), torch.tensor([drawing.randrange(rows - 1)])
            plain = plain.clone()
            plain[target] = plain[source]
            plain = plain[:-1]
            layer.move_rows(source, target)
            layer.keep_rows(rows - 1)
        elif act == 3 and length > 3:
            count = drawing.randrange(1, length - 1)
            plain = plain[:, :, count:]
            layer.drop_places(count)
        elif act == 4 and rows < 9:
            other, joining = GrowingLayer(60), states(drawing.randrange(1, 3), drawing.randrange(1, 30))
            other.update(joining, -joining)
            layer.join(other)
            wide = max(length, joining.shape[2])
            padded = [torch.nn.functional.pad(one, (0, 0, wide - one.shape[2], 0)) for one in (plain, joining)]
            assert all(bool(one.isfinite().all()) for one in by_rows(layer))
            for one in by_rows(layer):  # what is padding is masked, whatever it holds
                one[:rows, :, : wide - length] = 0
                one[rows:, :, : wide - joining.shape[2]] = 0
            plain = torch.cat(padded)
        assert torch.equal(layer.keys, plain)
        assert torch.equal(layer.values, -plain)
        assert layer.get_seq_length() == plain.shape[2]
