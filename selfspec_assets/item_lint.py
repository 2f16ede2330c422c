"""What is doubtful in a benchmark's items, though they can be read: each doubt in one line, counted."""

from collections import defaultdict
from collections.abc import Iterator

from selfspec_assets.domain import ReadItems
from selfspec_assets.records import Item, Remark

_CONTRADICTORY = "inputs stand more than once with different references: no answer can be right for all of them"
_REPEATED = "items repeat another one, answer and all: they count more than once"


def doubtful_items(read: ReadItems) -> list[str]:
    """Remarks of the reader by kind, inputs with contradictory references, and repeats; each with its first place."""
    kinds: dict[str, list[Remark]] = defaultdict(list)
    for remark in read.remarks:
        kinds[remark.what].append(remark)
    told = [f"{len(found)} {what}; the first: {found[0].place}" for what, found in kinds.items()]
    return [*told, *_same_inputs(read.items)]


def _same_inputs(items: list[Item]) -> Iterator[str]:
    by_input: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_input[" ".join(item.input.split())].append(item)
    contradictory, repeats = [], []
    for same in by_input.values():
        if len({frozenset(item.references) for item in same}) > 1:
            contradictory.append(same)
        else:
            repeats += same[1:]
    if contradictory:
        ids = ", ".join(item.item_id for item in contradictory[0])
        yield f"{len(contradictory)} {_CONTRADICTORY}; the first: {ids}"
    if repeats:
        yield f"{len(repeats)} {_REPEATED}; the first: {repeats[0].item_id}"
