"""CSV and TSV, as spreadsheets and Kaggle have them: the pack says which column is what."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.packs.readers.files import (
    Labels,
    OneCharacter,
    Quoting,
    filled_text,
    has_quotes,
    label_of,
    other_separator,
    table_rows,
)
from selfspec_assets.packs.readers.question import AnswerIs, Question, fields_of, filled
from selfspec_assets.packs.records import Item, Remark, text_field

SPANS_LINES = "rows that span lines, since a quoted text goes on in the next"
Row = dict[str, object]


def table(
    path: Path,
    *,
    input: str,
    answer: str,
    id: str = "",
    labels: Labels | None = None,
    choices: str | list[str] = "",
    answer_is: AnswerIs = "letter",
    columns: Sequence[str] = (),
    separator: OneCharacter = ",",
    quoting: Quoting | None = None,
    encoding: str = "utf-8",
) -> Iterator[Item | Remark]:
    """One item per row.

    Args:
        input, answer, id, labels, choices, answer_is: as for ``question.Question``; an item without an id is named by
            its line.
        columns: the names of the columns, of a file that has no header.
        separator: what stands between columns.
        quoting: "csv" where a text in quotes may hold separators, line ends and quotes (two for one); "none" where
            quotes are letters as others are. Without it: none between tabs, as such files are written, else csv.
        encoding: of the file.

    Raises:
        SelfspecError: a column that is missing, a row of another length, an empty field, a label not declared.
    """
    question = Question(input, answer, id, labels, choices, answer_is)
    for row in _rows(path, question.fields, columns, separator, quoting, encoding):
        yield row if isinstance(row, Remark) else question.item(row[0], f"line-{row[1]}", row[2])


def column_table(
    path: Path,
    *,
    input: str,
    questions: dict[str, str],
    labels: Labels,
    columns: Sequence[str] = (),
    separator: OneCharacter = ",",
    quoting: Quoting | None = None,
    encoding: str = "utf-8",
) -> Iterator[Item | Remark]:
    """One item per row and column that is asked about.

    Args:
        input: as for ``table``, with ``{question}`` where the question goes.
        questions: column → the question that it answers.
        labels: as for ``table``.
        columns, separator, quoting, encoding: as for ``table``.

    Raises:
        SelfspecError: as ``table``.
    """
    wanted = (fields_of(input) - {"question"}) | questions.keys()
    for read in _rows(path, wanted, columns, separator, quoting, encoding):
        if isinstance(read, Remark):
            yield read
            continue
        place, number, row = read
        for column, question in questions.items():
            gold = label_of(f"{place} column '{column}'", text_field(place, row, column).strip(), labels)
            asked = filled(place, input, {**row, "question": question})
            yield Item(f"line-{number}:{column}", asked, (gold,), f"line-{number}")


def _rows(
    path: Path, wanted: set[str], columns: Sequence[str], separator: str, quoting: Quoting | None, encoding: str
) -> Iterator[tuple[str, int, Row] | Remark]:
    """Place, first line and fields of each row; a remark for each that spans lines."""
    text = filled_text(path, encoding)
    quotes = has_quotes(separator, quoting)
    hint = _hint(text.partition("\n")[0], separator, wanted, quotes)
    header = _header(str(path), list(columns), wanted, "") if columns else []
    last = 0
    try:
        for first, last, cells in table_rows(io.StringIO(text), separator, quotes=quotes):
            place = f"{path}:{first}"
            if last > first:
                yield Remark(SPANS_LINES, place)
            if not header:
                header = _header(place, cells, wanted, hint)
            elif cells:
                yield place, first, _row(place, header, cells, quotes)
    except csv.Error as error:
        no_quotes = "close the quote; give the reader 'quoting: none' if quotes are letters here; or get the file again"
        remedy = f"{'' if header else hint}{no_quotes}"
        raise SelfspecError(f"{path}:{last + 1}", f"is not valid CSV: {error}", remedy) from error


def _hint(top: str, separator: str, wanted: set[str], quotes: bool) -> str:
    """What may be wrong where the first line is no header: another separator, or quotes that are no letters."""
    other = other_separator(top, separator, wanted)
    option = "'quoting: csv'" if '"' in top else ""
    if other:
        also = f" and {option}" if option and other == "\t" else ""
        return f"if {other!r} parts its columns, give the reader 'separator: {json.dumps(other)}'{also}; "
    return f"if its quotes are no letters, give the reader {option}; " if option and not quotes else ""


def _header(place: str, cells: list[str], wanted: set[str], hint: str) -> list[str]:
    twice = [name for name in wanted if cells.count(name) > 1]
    if twice:
        raise SelfspecError(place, f"the header has column '{min(twice)}' twice", "rename one of them")
    missing = sorted(wanted - set(cells))
    if missing:
        reason = f"the header has no column '{missing[0]}'; it has: {', '.join(cells)}"
        remedy = (
            f"{hint}{did_you_mean(missing[0], cells)}correct the header, or the reader's options in domain.yaml; of a "
            "file without a header, name its columns with 'columns'"
        )
        raise SelfspecError(place, reason, remedy)
    return cells


def _row(place: str, header: list[str], cells: list[str], quotes: bool) -> Row:
    if len(cells) != len(header):
        reason = f"has {len(cells)} columns instead of {len(header)}"
        held = not quotes and any(cell.startswith('"') for cell in cells)
        hint = "; give the reader 'quoting: csv' if quotes hold lines or columns together" if held else ""
        raise SelfspecError(place, reason, f"give each line: {', '.join(header)}{hint}")
    return dict(zip(header, cells, strict=True))
