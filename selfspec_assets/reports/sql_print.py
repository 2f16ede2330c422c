"""What ``selfspec sql`` prints: a table that is cut as DuckDB's own shell cuts it, or all rows as CSV or JSON.

Rows are taken one after the other and never held all at once; ``response_tokens`` has one for every token.
"""

import csv
from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple, TextIO

from rich.cells import cell_len, set_cell_size
from rich.table import Table

from selfspec_assets.base import printing

HALF = 20  # rows shown at each end, as in DuckDB's shell
NARROW = 20  # a cell is cut down to this width before a column is left out
_FRAME = 3  # what a column takes beside its text: a line and two spaces


class _Cut(NamedTuple):
    """The rows at both ends, and how many there are in all."""

    first: list[Sequence[Any]]
    last: list[Sequence[Any]]
    rows: int


class _Fit(NamedTuple):
    """How many columns are shown of both sides, and the width in characters that a cell is cut to."""

    left: int
    right: int
    most: int


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The first and the last rows, cut to the width of the terminal, and how much is not shown."""
    to = printing.console()
    cut = _ends(rows)
    shown = [*cut.first, *cut.last]
    dots = printing.shown("…", to.encoding)
    heads = [_text(name, to.encoding) for name in columns]
    cells = [[_text(value, to.encoding) for value in row] for row in shown]
    fit = _fitting([max(map(cell_len, column)) for column in zip(heads, *cells, strict=True)], to.width, len(dots))
    if cut.rows > len(shown):
        cells.insert(len(cut.first), ["·"] * len(columns))
    sides = ["right" if _is_number(values) else "left" for values in zip(*shown, strict=True)] or ["left"] * len(heads)
    table = Table()
    for name, side in zip(_without_middle(heads, fit, dots), _without_middle(sides, fit, "left"), strict=True):
        table.add_column(_short(name, fit, dots), justify=side, no_wrap=True)  # type: ignore[arg-type]
    for row in cells:
        table.add_row(*(_short(text, fit, dots) for text in _without_middle(row, fit, dots)))
    printing.table(table)
    printing.line(_counted(cut.rows, len(shown), len(columns), fit.left + fit.right))


def _ends(rows: Iterable[Sequence[Any]]) -> _Cut:
    rest = iter(rows)
    first = list(islice(rest, 2 * HALF))
    last, count = deque(first[HALF:], maxlen=HALF), len(first)
    for row in rest:
        last.append(row)
        count += 1
    return _Cut(first[:HALF], list(last), count)


def _text(value: object, encoding: str) -> str:
    """A value in one line."""
    text = "NULL" if value is None else str(value)
    return printing.shown(text, encoding).replace("\n", "\\n").replace("\t", "\\t")


def _is_number(values: Sequence[Any]) -> bool:
    kinds = {type(value) for value in values if value is not None}
    return bool(kinds) and kinds <= {int, float, Decimal}


def _fitting(widths: list[int], width: int, dots: int) -> _Fit:
    """What fits: first the widest cells are cut, then columns of the middle are left out, then all cells are cut."""

    def fits(fit: _Fit) -> bool:
        kept = [*widths[: fit.left], *widths[len(widths) - fit.right :]]
        gap = _FRAME + dots if len(kept) < len(widths) else 0
        return sum(min(one, fit.most) + _FRAME for one in kept) + gap + 1 <= width

    left, right = (len(widths) + 1) // 2, len(widths) // 2
    for most in range(max(widths), NARROW, -1):
        if fits(_Fit(left, right, most)):
            return _Fit(left, right, most)
    fit = _Fit(left, right, NARROW)
    while not fits(fit) and fit.right > 1:
        fit = _Fit(fit.left - (fit.left > fit.right), fit.right - (fit.left <= fit.right), NARROW)
    while not fits(fit) and fit.most > 1:
        fit = fit._replace(most=fit.most - 1)
    return fit


def _without_middle(texts: Sequence[str], fit: _Fit, gap: str) -> list[str]:
    if fit.left + fit.right == len(texts):
        return list(texts)
    return [*texts[: fit.left], gap, *texts[len(texts) - fit.right :]]


def _short(text: str, fit: _Fit, dots: str) -> str:
    return text if cell_len(text) <= fit.most else set_cell_size(text, max(fit.most - len(dots), 0)) + dots


def _counted(rows: int, rows_shown: int, columns: int, columns_shown: int) -> str:
    said = f"{rows} row{'' if rows == 1 else 's'}"
    if rows > rows_shown:
        said += f", {rows - rows_shown} of them not shown"
    if columns > columns_shown:
        said += f"; {columns} columns, {columns - columns_shown} of them not shown"
    return f"{said}; all: --format csv or json" if (rows, columns) != (rows_shown, columns_shown) else said


def write_csv(stream: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """All rows, in the line ends of the system."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(distinct(columns))
    writer.writerows(rows)


def write_json(stream: TextIO, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """All rows as one list of objects, an object a line."""
    names = distinct(columns)
    stream.write("[")
    for number, row in enumerate(rows):
        stream.write(",\n" if number else "")
        stream.write(printing.as_json(dict(zip(names, row, strict=True))))
    stream.write("]\n")


def distinct(columns: Sequence[str]) -> list[str]:
    """Names of columns, each once: of two called ``a`` the second becomes ``a_1``, as DuckDB names them in a table."""
    found: list[str] = []
    for name in columns:
        unique, number = name, 0
        while unique in found or (number and unique in columns):
            number += 1
            unique = f"{name}_{number}"
        found.append(unique)
    return found
