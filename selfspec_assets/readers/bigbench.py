"""The JSON of BIG-bench tasks (Srivastava et al. 2022) and of BIG-Bench Hard (Suzgun et al. 2022)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from selfspec_assets.errors import SelfspecError
from selfspec_assets.readers.files import as_object, label_of, records
from selfspec_assets.records import Item, text_field


def bigbench(
    path: Path, *, prefix: str = "", labels: Annotated[list[str], Field(min_length=1)] | None = None
) -> Iterator[Item]:
    """``examples[].{input, target_scores}`` or ``examples[].{input, target}`` → the best target, or the target.

    Args:
        prefix: stands before each input.
        labels: the targets that may occur; None: any.

    Raises:
        SelfspecError: no example, one without a target or with several best ones, a label that is not declared.
    """
    for index, (place, example) in enumerate(records(path, "examples")):
        target = _target(place, example)
        gold = target if labels is None else label_of(place, target, labels)
        yield Item(f"example-{index}", prefix + text_field(place, example, "input"), (gold,))


def _target(place: str, example: dict[str, object]) -> str:
    if "target_scores" not in example:
        return text_field(place, example, "target")
    scores = as_object(place, example["target_scores"])
    if not scores or not all(isinstance(score, int | float) for score in scores.values()):
        raise SelfspecError(place, "field 'target_scores' gives no target a score", "give each target a number")
    best = [target for target, score in scores.items() if score == max(scores.values())]  # type: ignore[type-var]
    if len(best) != 1:
        raise SelfspecError(place, f"field 'target_scores' has {len(best)} best targets", "let one be the answer")
    return best[0]
