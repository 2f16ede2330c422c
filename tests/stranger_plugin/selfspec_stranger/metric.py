"""A metric of yes or no: is the answer a reference, letter by letter?"""

from collections.abc import Sequence

from selfspec_assets import plugins


@plugins.metric("exact", version="1")
def exact(answer: str, references: Sequence[str], *, ignore_case: bool = True) -> float:
    """100 or 0."""
    fold = str.casefold if ignore_case else str
    return 100.0 * any(fold(answer.strip()) == fold(reference.strip()) for reference in references)
