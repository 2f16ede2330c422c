"""Shared prompt parts: the same texts as whole prompts give, with fewer tokens through the model."""

import random

import pytest
import torch

from selfspec_assets.method.decoding import ContrastSettings, Group, StopRules, answer, greedy, prefill
from selfspec_assets.method.decoding import prefix as prefix_module
from selfspec_assets.method.decoding.prefill import Prefill, Query
from selfspec_assets.method.decoding.prefix import Sharing, best_sharing, laid_out
from selfspec_assets.models.language_model import LanguageModel
from tests.tiny_models import FAMILIES, load_with_adapters

HEADER = "Below is a question about melatin receptors in liver cells, asked of an expert. " * 4
ENDS = ("Which gene binds it?", "Is insulin a virus, or a list of ten or perhaps fourteen of them?", "Name it.", "Why?")
GROUPS = [
    Group(tuple(f"{HEADER}{end} {n}\nAnswer:" for end in ENDS[: 2 + n % 2]), (1 / (2 + n % 2),) * (2 + n % 2))
    for n in range(3)
] + [Group((f"{HEADER[:90]} Who?\nAnswer:",), (1.0,))]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return load_with_adapters(tmp_path_factory.mktemp("llama"))


def tokens_seen(lm: LanguageModel, run: object) -> tuple[object, int]:
    seen: list[int] = []
    hook = lm.model.get_input_embeddings().register_forward_hook(lambda _, given, __: seen.append(given[0].numel()))
    try:
        return run(), sum(seen)  # type: ignore[operator]
    finally:
        hook.remove()


REFUSED = {"mpt": "counts places", "gemma3_text": "slides over 8 places"}
WIDE = "gemma3_text, wide"


@pytest.mark.parametrize("family", [*sorted(FAMILIES), WIDE])
def test_shared_parts_give_what_whole_prompts_give(
    family: str, tmp_path_factory: pytest.TempPathFactory, llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups of rows under two adapters at once, and single rows, some of which share nothing."""
    changes = {"sliding_window": 400} if family == WIDE else {}
    name = family.split(",")[0]
    lm = llama if family == "llama" else load_with_adapters(tmp_path_factory.mktemp(name), name, **changes)
    stop = StopRules()

    def contrasted() -> object:
        return answer(
            lm,
            GROUPS,
            max_new_tokens=6,
            stop=stop,
            aligned="a1",
            weaker=None,
            contrast=ContrastSettings(),
            batch_size=4,
        )

    def alone() -> object:
        texts = [prompt for group in GROUPS for prompt in group.prompts]
        return greedy(lm, texts, max_new_tokens=6, stop=stop, adapter="a2", batch_size=12)

    for run in (contrasted, alone):
        got, fewer = tokens_seen(lm, run)
        with monkeypatch.context() as patch:
            patch.setattr(prefix_module, "_WORTH", 0.0)
            want, whole = tokens_seen(lm, run)
        for one, other in zip(got, want, strict=True):  # type: ignore[call-overload]
            assert (one.token_ids, one.finish, one.prompt_tokens) == (
                other.token_ids,
                other.finish,
                other.prompt_tokens,
            )
            if run is contrasted:
                assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)
        if family in REFUSED:
            assert fewer == whole
            assert [REFUSED[family] in told for told in lm.told] == [True], "said once"
        else:
            assert fewer < 0.9 * whole, (fewer, whole)
            assert not lm.told


def test_the_prompts_go_through_in_parts_on_a_cpu(llama: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    want = greedy(llama, GROUPS[1].prompts, max_new_tokens=4, stop=StopRules(), adapter="a1", batch_size=3)
    monkeypatch.setattr(prefill, "tokens_at_a_time", lambda *_: 7)
    got = greedy(llama, GROUPS[1].prompts, max_new_tokens=4, stop=StopRules(), adapter="a1", batch_size=3)
    assert got == want


def test_a_gap_in_a_model_that_counts_places_would_be_seen(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why MPT takes whole prompts."""
    lm = load_with_adapters(tmp_path_factory.mktemp("mpt"), "mpt")

    def first_logits() -> torch.Tensor:
        query = Query(tuple(tuple(lm.tokenizer(prompt)["input_ids"]) for prompt in GROUPS[1].prompts), (None,) * 3)
        return torch.log_softmax(Prefill(lm, [query], 1)([0]).logits, dim=-1)

    whole = first_logits()
    monkeypatch.setattr(prefill, "gaps_refused", lambda *_: None)
    with pytest.raises((AssertionError, TypeError, RuntimeError)):
        torch.testing.assert_close(first_logits(), whole, atol=2e-4, rtol=0)


def tokens_of(rows: list[list[int]], sharing: Sharing) -> list[list[int]]:
    ids, mask = laid_out(rows, sharing, -1, torch.device("cpu"))
    return [[int(token) for token, real in zip(*pair, strict=True) if real] for pair in zip(ids, mask, strict=True)]


@pytest.mark.parametrize("seed", range(40))
def test_a_layout_holds_every_row_whole_and_shares_what_is_the_same(seed: int) -> None:
    drawing = random.Random(seed)
    header = [drawing.randrange(9) for _ in range(drawing.randrange(30))]
    heads = [header + [drawing.randrange(9) for _ in range(drawing.randrange(20))] for _ in range(4)]
    group_of = [drawing.randrange(4) for _ in range(10)]
    rows = [heads[group] + [drawing.randrange(9) for _ in range(drawing.randrange(1, 9))] for group in group_of]
    adapters = [drawing.choice(["a", None]) for _ in rows]
    groups = [[row for row, own in enumerate(group_of) if own == group] for group in range(4)]
    sharing = best_sharing(rows, adapters, groups)
    if sharing is None:
        return
    assert sorted(row for members in sharing.clusters for row in members) == list(range(10))
    assert sharing.tokens < 10 * max(map(len, rows))
    assert tokens_of(rows, sharing) == rows
    ids, mask = laid_out(rows, sharing, -1, torch.device("cpu"))
    assert bool(mask[:, -1].all()), "the last place of a row is its prompt's last token"
    for members in sharing.clusters:
        assert len({adapters[row] for row in members}) == 1
        for row in members:
            assert torch.equal(ids[row, : sharing.width], ids[members[0], : sharing.width])
            assert torch.equal(mask[row, : sharing.width], mask[members[0], : sharing.width])


def test_the_cheaper_sharing_is_taken() -> None:
    header, question = list(range(50)), list(range(100, 140))
    apart = [[*header, number] for number in range(4)]
    assert best_sharing(apart, [None] * 4, [[0], [1], [2], [3]]) == Sharing(((0, 1, 2, 3),), (50,), 50, 1)
    pairs = [[group, *question, number] for group in range(2) for number in range(2)]
    assert best_sharing(pairs, [None] * 4, [[0, 1], [2, 3]]) == Sharing(((0, 1), (2, 3)), (41, 41), 41, 1)
    assert best_sharing(pairs, ["a", None, "a", None], [[0, 1], [2, 3]]) is None, "of different adapters"
    assert best_sharing([[1, 2, 3], [4, 5, 6]], [None] * 2, [[0], [1]]) is None
