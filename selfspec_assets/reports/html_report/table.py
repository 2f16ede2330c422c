"""Tables of the page, as plain text; the template escapes every cell."""

from collections.abc import Sequence
from dataclasses import dataclass, field

NONE = "—"


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        texts: columns that hold words and stand to the left; all others hold numbers.
        rows: cells as they are shown; a row of one cell is a heading within the table.
        notes: sentences below it.
        feet: how many of the last rows sum up those above.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1
    notes: Sequence[str] = field(default=())
    feet: int = 0


def number(value: float | None, digits: int = 1) -> str:
    """A score, or a dash."""
    return NONE if value is None else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    return NONE if value is None else _minus(f"{value:+.1f}")


def interval(low: float | None, high: float | None, *, plus: bool = False) -> str:
    """``[low, high]``; with signs if it is of a difference."""
    if low is None or high is None:
        return NONE
    return _minus(f"[{low:+.1f}, {high:+.1f}]" if plus else f"[{low:.1f}, {high:.1f}]")


def _minus(shown: str) -> str:
    """With the sign that is as wide as a plus."""
    return shown.replace("-", "−")


def count(value: int | None) -> str:
    """An integer with thin spaces between thousands."""
    return NONE if value is None else f"{value:,}".replace(",", "\u202f")


def seconds(value: float) -> str:
    """A duration as a person says it."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
