"""Which items of a benchmark are asked where not all are: drawn so that a few stand for all. Pure.

Published files are sorted: by label, by report, by difficulty. So the first of them are no sample.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Protocol, TypeVar

MOST_LABELS = 20  # different answers up to which they count as labels …
ITEMS_PER_LABEL = 4  # … if there are that many items to each in the mean


class Item(Protocol):
    """What is looked at of an item."""

    @property
    def references(self) -> Sequence[str]: ...
    @property
    def document(self) -> str: ...


I = TypeVar("I", bound=Item)  # noqa: E741


def draw_order(items: Sequence[I], seed: int) -> list[I]:
    """All items in an order of which every beginning is a stratified sample.

    Each beginning holds every label in its share, to one item, where the answers are labels; and no second item of a
    document (a report, an abstract) before there is one of each, where items belong to documents. So the draw of more
    items holds that of fewer.
    """
    drawing = random.Random(seed)
    shuffled = list(items)
    drawing.shuffle(shuffled)
    rounds: list[list[I]] = []
    met: Counter[str] = Counter()
    several = len({item.document for item in shuffled}) > 1  # all of one document are as of none
    for item in shuffled:
        place = met[item.document] if item.document and several else 0
        met[item.document] += 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(item)
    labelled = are_labels([item.references[0] for item in items])
    return [item for own in rounds for item in (_interleaved(own, drawing) if labelled else own)]


def are_labels(answers: Sequence[str]) -> bool:
    """Whether the answers are labels: few different ones, each given again and again."""
    different = len(set(answers))
    return 1 < different <= MOST_LABELS and different * ITEMS_PER_LABEL <= len(answers)


def _interleaved(items: Sequence[I], drawing: random.Random) -> list[I]:
    """Labels spread evenly: the n-th item of a label with m items stands at (n + an offset of the label) / m."""
    by_label: dict[str, list[I]] = {}
    for item in items:
        by_label.setdefault(item.references[0], []).append(item)
    placed = []
    for label in sorted(by_label):
        own, offset = by_label[label], drawing.random()
        placed += [((number + offset) / len(own), label, number, item) for number, item in enumerate(own)]
    return [item for *_, item in sorted(placed, key=lambda one: one[:3])]
