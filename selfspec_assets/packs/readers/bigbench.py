"""The JSON of BIG-bench tasks (Srivastava et al. 2022) and of BIG-Bench Hard (Suzgun et al. 2022)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.files import as_object, label_of, read_json, records_of
from selfspec_assets.packs.records import Item, text_field

CHOICE_PREFIX = "\n  choice: "  # BIG-bench's own, where a task names none


def bigbench(
    path: Path, *, prefix: str = "", labels: Annotated[list[str], Field(min_length=1)] | None = None
) -> Iterator[Item]:
    """``examples[].{input, target_scores}`` or ``examples[].{input, target}`` → the best target, or the target.

    As in BIG-bench, the targets that have scores stand behind the input as its choices, unless the task says
    ``append_choices_to_input: false``. Decided: they stand in the order of the alphabet, which tells nothing of the
    right one; BIG-bench shuffles them, and in many files the right one is the first.

    Args:
        prefix: stands before each input.
        labels: the targets that may occur; None: any.

    Raises:
        SelfspecError: no example, one without a target or with several best ones, a label that is not declared.
    """
    task = as_object(str(path), read_json(path))
    before_choice = _before_choice(str(path), task)
    for index, (place, example) in enumerate(records_of(path, task, "examples")):
        scores = _scores(place, example)
        target = text_field(place, example, "target") if scores is None else _best(place, scores)
        gold = target if labels is None else label_of(place, target, labels)
        choices = "" if before_choice is None else "".join(before_choice + choice for choice in sorted(scores or ()))
        yield Item(f"example-{index}", prefix + text_field(place, example, "input") + choices, (gold,))


def _before_choice(place: str, task: dict[str, object]) -> str | None:
    """What stands before each choice; None: choices are not shown."""
    shown = task.get("append_choices_to_input", True)
    if not isinstance(shown, bool):
        raise SelfspecError(place, f"field 'append_choices_to_input' is {shown!r}", "use true or false")
    if not shown:
        return None
    return text_field(place, task, "choice_prefix", empty=True) if "choice_prefix" in task else CHOICE_PREFIX


def _scores(place: str, example: dict[str, object]) -> dict[str, float] | None:
    """Target → score; None: the example names its target."""
    if "target_scores" not in example:
        return None
    declared = as_object(place, example["target_scores"])
    scores = {target: score for target, score in declared.items() if isinstance(score, int | float)}
    if not declared or len(scores) < len(declared):
        raise SelfspecError(place, "field 'target_scores' gives no target a score", "give each target a number")
    return scores


def _best(place: str, scores: dict[str, float]) -> str:
    best = [target for target, score in scores.items() if score == max(scores.values())]
    if len(best) != 1:
        raise SelfspecError(place, f"field 'target_scores' has {len(best)} best targets", "let one be the answer")
    return best[0]
