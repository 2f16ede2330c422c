"""What is doubtful in a benchmark's items, though they can be read: counted by kind, with the first place."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from selfspec_assets.base.words import comparable
from selfspec_assets.packs.items import ReadItems
from selfspec_assets.packs.records import Item, Remark

CONTRADICTORY = "inputs that stand more than once with different references, so no answer is right for all"
REPEATED = "items that repeat another one, answer and all, and count once more"


@dataclass(frozen=True)
class Doubt:
    """How many there are of a kind, and the first: an item's id, or ``file:line``."""

    what: str
    count: int
    first: str

    @property
    def line(self) -> str:
        return f"{self.what}: {self.count}, the first: {self.first}"


def doubtful_items(read: ReadItems) -> list[Doubt]:
    """The reader's remarks by kind, inputs that stand there with different references, and repeated items."""
    kinds: dict[str, list[Remark]] = defaultdict(list)
    for remark in read.remarks:
        kinds[remark.what].append(remark)
    return [Doubt(what, len(remarks), remarks[0].place) for what, remarks in kinds.items()] + list(
        _same_inputs(read.items)
    )


def _same_inputs(items: Sequence[Item]) -> Iterator[Doubt]:
    by_input: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_input[comparable(item.input)].append(item)
    contradictory, repeats = [], []
    for same in by_input.values():
        if len({frozenset(map(comparable, item.references)) for item in same}) > 1:
            contradictory.append(same)
        else:
            repeats += same[1:]
    if contradictory:
        yield Doubt(CONTRADICTORY, len(contradictory), ", ".join(item.item_id for item in contradictory[0]))
    if repeats:
        yield Doubt(REPEATED, len(repeats), repeats[0].item_id)
