"""Which items are drawn: every label in its share, documents spread, the same draw for the same seed."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfspec_assets.method.scoring.item_draw import draw_order, labels_of

TOPICS = [f"topic {n}" for n in range(20)]


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
        (["yes", "no"] * 10, {"yes", "no"}),
        (["yes"] * 20, {"yes"}),
        ([f"name {n}" for n in range(20)], {""}),
        (["none"] * 300 + [f"topic {n}" for n in range(20) for _ in range(10)] + ["a, b"] * 3, {"none", "", *TOPICS}),
        (["yes", "no", "maybe"], {""}),
    ],
)
def test_what_counts_as_labels(answers: list[str], labels: set[str]) -> None:
    """Of texts with several labels the common answers are strata, and all the rare ones together are one."""
    assert set(labels_of(answers)) == labels


def test_labels_keep_their_share_though_documents_are_few() -> None:
    """Two documents of a sorted file: spreading them must not undo the shares."""
    labels = ["positive"] * 300 + ["neutral"] * 500 + ["negative"] * 100
    items = [Item(number, (label,), "a" if number < 600 else "b") for number, label in enumerate(labels)]
    drawn = draw_order(items, 1)[:90]
    assert Counter(item.references[0] for item in drawn) == {"positive": 30, "neutral": 50, "negative": 10}
    assert min(Counter(item.document for item in drawn).values()) >= 30


def test_no_document_fills_a_draw_that_has_labels() -> None:
    items = [Item(number, (f"answer {number % 3}",), f"report {number // 7}") for number in range(70)]
    drawn = draw_order(items, 3)
    assert len({item.document for item in drawn[:10]}) == 10, "one of each report, whatever its labels"
    assert sorted(item.number for item in drawn) == list(range(70))
