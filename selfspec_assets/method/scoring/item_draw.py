"""Which items of a benchmark are asked where not all are: drawn so that a few stand for all. Pure.

Published files are sorted: by label, by report, by difficulty. So the first of them are no sample.
"""

import heapq
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

FEWEST = 4  # items from which on an answer that they share is a label …
LEAST_SHARE = 0.01  # … if they are that share of all items


class Item(Protocol):
    """What is looked at of an item."""

    @property
    def references(self) -> Sequence[str]: ...
    @property
    def document(self) -> str: ...


I = TypeVar("I", bound=Item)  # noqa: E741
Document = tuple[str, int]  # its name, or the place of an item that stands alone


def draw_order(items: Sequence[I], seed: int) -> list[I]:
    """All items in an order of which every beginning is a stratified sample; the draw of more holds that of fewer.

    Each beginning holds every label in its share, to about one item. Of a label's items the next one is of a document
    (a report, an abstract) that few of those before are of, by chance among equals: none fills a draw.
    """
    drawing = random.Random(seed)
    labels = labels_of([item.references[0] for item in items])
    strata = {label: _Stratum() for label in sorted(set(labels))}
    for place in drawing.sample(range(len(items)), len(items)):
        document = items[place].document
        strata[labels[place]].add(place, (document, 0) if document else ("", place))
    used: Counter[Document] = Counter()
    sizes = {label: labels.count(label) for label in strata}
    return [items[strata[label].take(used)] for label in _evenly_spread(sizes, drawing)]


def labels_of(answers: Sequence[str]) -> list[str]:
    """The stratum of each answer: itself where it is given again and again, "" for all that are rarer."""
    counts = Counter(answers)
    fewest = max(FEWEST, LEAST_SHARE * len(answers))
    return [answer if counts[answer] >= fewest else "" for answer in answers]


def _evenly_spread(counts: dict[str, int], drawing: random.Random) -> Iterator[str]:
    """Each label as often as it is counted: the n-th of m stands at (n + an offset of the label) / m."""
    placed = []
    for label, count in counts.items():
        offset = drawing.random()
        placed += [((number + offset) / count, label) for number in range(count)]
    yield from (label for _, label in sorted(placed))


class _Stratum:
    """The items of one label, by document; given out from the documents that were used least."""

    def __init__(self) -> None:
        self._places: dict[Document, list[int]] = {}
        self._waiting: list[tuple[int, int, Document]] = []  # a heap: times used when pushed, number, document

    def add(self, place: int, document: Document) -> None:
        if document not in self._places:
            heapq.heappush(self._waiting, (0, len(self._places), document))
        self._places.setdefault(document, []).append(place)

    def take(self, used: Counter[Document]) -> int:
        """The place of the next item; ``used`` counts its document, for all labels together."""
        while True:
            then, number, document = heapq.heappop(self._waiting)
            place = None
            if then == used[document]:  # else another label used it since: it waits its turn
                place = self._places[document].pop()
                used[document] += 1
            if self._places[document]:
                heapq.heappush(self._waiting, (used[document], number, document))
            if place is not None:
                return place
