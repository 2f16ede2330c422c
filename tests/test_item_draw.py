"""Which items are drawn: every label in its share, documents spread, the same draw for the same seed."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfspec_assets.method.scoring.item_draw import are_labels, draw_order


@dataclass(frozen=True)
class Item:
    number: int
    references: tuple[str, ...]
    document: str = ""


def sorted_file(shares: dict[str, int]) -> list[Item]:
    """As published files are: label after label."""
    labels = [label for label, count in shares.items() for _ in range(count)]
    return [Item(number, (label,)) for number, label in enumerate(labels)]


@given(
    shares=st.dictionaries(st.sampled_from("abcdef"), st.integers(4, 60), min_size=2),
    seed=st.integers(0, 1000),
    share=st.floats(0.05, 1),
)
def test_every_beginning_holds_every_label_in_its_share(shares: dict[str, int], seed: int, share: float) -> None:
    items = sorted_file(shares)
    size = max(1, int(share * len(items)))
    counts = Counter(item.references[0] for item in draw_order(items, seed)[:size])
    for label, count in shares.items():
        # Merging evenly spaced sequences puts each label within one of its share, for every other label at most.
        assert abs(counts[label] - count * size / len(items)) <= len(shares)


def test_a_sorted_file_gives_its_last_label_too() -> None:
    """The first 200 of PhraseBank hold no negative."""
    items = sorted_file({"positive": 300, "neutral": 500, "negative": 100})
    counts = Counter(item.references[0] for item in draw_order(items, 1)[:90])
    assert counts == {"positive": 30, "neutral": 50, "negative": 10}


def test_no_second_item_of_a_document_before_one_of_each() -> None:
    items = [Item(number, (f"answer {number}",), f"report {number // 7}") for number in range(70)]
    drawn = draw_order(items, 3)
    assert len({item.document for item in drawn[:10]}) == 10
    assert Counter(item.document for item in drawn[:20]).most_common(1)[0][1] == 2


def test_items_that_stand_alone_are_one_round() -> None:
    items = [Item(number, (f"answer {number}",)) for number in range(50)]
    drawn = draw_order(items, 5)
    assert sorted(item.number for item in drawn) == list(range(50))
    assert [item.number for item in drawn] != list(range(50))


@pytest.mark.parametrize("labelled", [True, False])
def test_the_draw_is_the_seeds_and_nothing_elses(labelled: bool) -> None:
    items = sorted_file({"yes": 30, "no": 10}) if labelled else [Item(n, (str(n),)) for n in range(40)]
    assert draw_order(items, 1) == draw_order(items, 1)
    assert draw_order(items, 1) != draw_order(items, 2)
    assert set(draw_order(items, 1)) == set(items)


@pytest.mark.parametrize(
    ("answers", "labels"),
    [
        (["yes", "no"] * 10, True),
        (["yes"] * 20, False),  # one label is nothing to be stratified by
        ([f"name {n}" for n in range(20)], False),
        ([f"label {n}" for n in range(21)] * 10, False),
        (["yes", "no", "maybe"], False),
    ],
)
def test_what_counts_as_labels(answers: list[str], labels: bool) -> None:
    assert are_labels(answers) is labels
