"""How a result of any size is laid out in a terminal: what DuckDB's own shell leaves out is left out here.

Rows in the middle go, then text within cells, then columns in the middle. Before that it is tried what costs nothing: a
long column name takes several lines, and a recipe, domain or iteration that is the same in every row is said once.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len

NARROW = 20  # text is cut down to this width before a column is left out
_NARROWEST = 8  # if that shows every column
_HEAD = 10  # a column's name goes on in another line beyond this width
_FRAME = 3  # what a column takes beside its text: a line and two spaces
_THIN_FRAME = 1
_SAID_ONCE = ("recipe", "domain", "iteration")


class Layout(NamedTuple):
    """Which columns are shown, None for the gap; the width that a cell is cut to; whether cells stand apart."""

    shown: list[int | None]
    said_once: list[int]
    most: int
    apart: bool
    wrapped: bool


def layout(heads: Sequence[str], cells: Sequence[Sequence[str]], width: int, dots: int) -> Layout:
    """What fits into a width.

    Args:
        heads: names of the columns.
        cells: the rows that are shown, as text.
        width: of the terminal, in characters.
        dots: width of the mark that something is left out.
    """
    texts = [max(map(cell_len, column), default=0) for column in zip(*cells, strict=True)] or [0] * len(heads)
    full = [max(text, cell_len(head)) for text, head in zip(texts, heads, strict=True)]
    every = list(range(len(heads)))
    for most in range(max(*full, NARROW), NARROW - 1, -1):
        if _takes(full, every, most, _FRAME) <= width:
            return Layout(list(every), [], most, True, False)
    short = [max(text, *map(cell_len, wrapped(head).split("\n"))) for text, head in zip(texts, heads, strict=True)]
    once = [n for n in every if heads[n] in _SAID_ONCE and len(cells) > 1 and len({row[n] for row in cells}) == 1]
    rest = [n for n in every if n not in once] or every
    once = once if rest is not every else []
    for most, frame in _attempts(max(short)):
        if _takes(short, rest, most, frame) <= width:
            return Layout(list(rest), once, most, frame == _FRAME, True)
    return _without_middle(short, rest, once, width, dots)


def _attempts(widest: int) -> Iterator[tuple[int, int]]:
    yield from ((most, _FRAME) for most in range(max(widest, _NARROWEST), _NARROWEST - 1, -1))
    yield from ((most, _THIN_FRAME) for most in range(NARROW, _NARROWEST - 1, -1))


def _without_middle(widths: Sequence[int], columns: list[int], once: list[int], width: int, dots: int) -> Layout:
    def takes(left: int, right: int, most: int) -> int:
        kept = [*columns[:left], *columns[len(columns) - right :]]
        return _takes(widths, kept, most, _FRAME) + (_FRAME + dots if len(kept) < len(columns) else 0)

    left, right, most = (len(columns) + 1) // 2, len(columns) // 2, NARROW
    while takes(left, right, most) > width and right > 1:
        left, right = left - (left > right), right - (left <= right)
    while takes(left, right, most) > width and most > 1:
        most -= 1
    gap: list[int | None] = [None] if left + right < len(columns) else []
    return Layout([*columns[:left], *gap, *columns[len(columns) - right :]], once, most, True, True)


def _takes(widths: Sequence[int], columns: Sequence[int], most: int, frame: int) -> int:
    return sum(min(widths[n], most) + frame for n in columns) + 1


def wrapped(head: str) -> str:
    """A column's name in lines that end at its underscores: ``top_passage_token_id`` in three, never ``a_b`` in two."""
    lines: list[str] = [""]
    for piece in _pieces(head):
        if lines[-1] and len(lines[-1]) + len(piece) > _HEAD:
            lines.append("")
        lines[-1] += piece
    return "\n".join(lines)


def _pieces(head: str) -> list[str]:
    ends = [0, *(place + 1 for place, character in enumerate(head) if character == "_"), len(head)]
    return [head[start:end] for start, end in pairwise(ends) if start < end]
