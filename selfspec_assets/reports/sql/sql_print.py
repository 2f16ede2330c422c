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
from selfspec_assets.reports.sql.sql_table import Layout, layout, wrapped

HALF = 20  # rows shown at each end, as in DuckDB's shell
_DIGITS = 6
_ALL = "--format csv or json, or --output FILE"


class _Cut(NamedTuple):
    """The rows at both ends, and how many there are in all."""

    first: list[Sequence[Any]]
    last: list[Sequence[Any]]
    rows: int


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """The first and the last rows, cut to the width of the terminal, and how much is not shown.

    Returns:
        How many rows there are.
    """
    to = printing.console()
    cut = _ends(rows)
    shown = [*cut.first, *cut.last]
    dots = printing.shown("…", to.encoding)
    heads = [_text(name, to.encoding) for name in columns]
    cells = [[_text(value, to.encoding) for value in row] for row in shown]
    fit = layout(heads, cells, to.width, len(dots))
    sides = ["right" if _is_number(values) else "left" for values in zip(*shown, strict=True)] or ["left"] * len(heads)
    table = Table(padding=(0, 1) if fit.apart else (0, 0))
    for n in fit.shown:
        head = (
            dots
            if n is None
            else "\n".join(
                _short(line, fit.most, dots) for line in (wrapped(heads[n]) if fit.wrapped else heads[n]).split("\n")
            )
        )
        table.add_column(head, justify="left" if n is None else sides[n], no_wrap=True)  # type: ignore[arg-type]
    if cut.rows > len(shown):
        cells.insert(len(cut.first), ["·"] * len(columns))
    for row in cells:
        table.add_row(*(dots if n is None else _short(row[n], fit.most, dots) for n in fit.shown))
    printing.table(table)
    printing.line(_counted(cut.rows, len(shown), heads, cells, fit))
    return cut.rows


def _ends(rows: Iterable[Sequence[Any]]) -> _Cut:
    rest = iter(rows)
    first = list(islice(rest, 2 * HALF))
    last, count = deque(first[HALF:], maxlen=HALF), len(first)
    for row in rest:
        last.append(row)
        count += 1
    return _Cut(first[:HALF], list(last), count)


def _text(value: object, encoding: str) -> str:
    """A value in one line; of a number's digits the first six that count, as the rest hides the other columns."""
    text = "NULL" if value is None else str(_rounded(value))
    return printing.shown(text, encoding).replace("\n", "\\n").replace("\t", "\\t")


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value


def _is_number(values: Sequence[Any]) -> bool:
    kinds = {type(value) for value in values if value is not None}
    return bool(kinds) and kinds <= {int, float, Decimal}


def _short(text: str, most: int, dots: str) -> str:
    return text if cell_len(text) <= most else set_cell_size(text, max(most - len(dots), 0)) + dots


def _counted(rows: int, rows_shown: int, heads: Sequence[str], cells: Sequence[Sequence[str]], fit: Layout) -> str:
    said = f"{rows} row{'' if rows == 1 else 's'}"
    if rows > rows_shown:
        said += f", {rows - rows_shown} of them not shown"
    columns_shown = len(fit.said_once) + sum(n is not None for n in fit.shown)
    if len(heads) > columns_shown:
        said += f"; {len(heads)} columns, {len(heads) - columns_shown} of them not shown"
    if (rows, len(heads)) != (rows_shown, columns_shown):
        said += f"; all: {_ALL}"
    if fit.said_once:
        same = ", ".join(f"{heads[n]} {cells[0][n]}" for n in fit.said_once)
        said += f"\nin each row shown: {same}"
    return said


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
