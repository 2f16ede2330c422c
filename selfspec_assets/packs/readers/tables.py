"""CSV and TSV with a header, as spreadsheets and Kaggle have them: the pack says which column is what."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.packs.readers.files import Labels, OneCharacter, filled_text, label_of, other_separator
from selfspec_assets.packs.records import Item, text_field

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
Row = dict[str, object]


def table(
    path: Path,
    *,
    input: str,
    answer: str,
    id: str = "",
    labels: Labels | None = None,
    separator: OneCharacter = ",",
    encoding: str = "utf-8",
) -> Iterator[Item]:
    r"""One item per row.

    Args:
        input: the question, with column names in braces: ``"Sentence: {text}\nDrug: {drug}"``.
        answer: the column that holds the answer.
        id: the column that names the item; "" takes the line.
        labels: the answers that may occur; as a mapping, from the file's word to the answer. None: any text.
        separator: what stands between columns.
        encoding: of the file.

    Raises:
        SelfspecError: a column that is missing, a row of another length, an empty field, a label not declared.
    """
    wanted = {*columns_of(input), answer, *([id] if id else [])}
    for place, number, row in _rows(path, wanted, separator, encoding):
        found = text_field(place, row, answer).strip()
        gold = found if labels is None else label_of(place, found, labels)
        name = text_field(place, row, id) if id else f"line-{number}"
        yield Item(name, filled(place, input, row), (gold,))


def column_table(
    path: Path,
    *,
    input: str,
    questions: dict[str, str],
    labels: Labels,
    separator: OneCharacter = ",",
    encoding: str = "utf-8",
) -> Iterator[Item]:
    r"""One item per row and column that is asked about.

    Args:
        input: as for ``table``, with ``{question}`` where the question goes.
        questions: column → the question that it answers.
        labels: as for ``table``.
        separator, encoding: as for ``table``.

    Raises:
        SelfspecError: as ``table``.
    """
    wanted = (columns_of(input) - {"question"}) | questions.keys()
    for place, number, row in _rows(path, wanted, separator, encoding):
        for column, question in questions.items():
            gold = label_of(f"{place} column '{column}'", text_field(place, row, column).strip(), labels)
            asked = filled(place, input, {**row, "question": question})
            yield Item(f"line-{number}:{column}", asked, (gold,), f"line-{number}")


def columns_of(template: str) -> set[str]:
    """The columns that a question's template names in braces."""
    return set(_PLACEHOLDER.findall(template))


def filled(place: str, template: str, row: Row) -> str:
    """The template with the row's texts where it names columns; an empty one is an error at ``place``."""
    return _PLACEHOLDER.sub(lambda found: text_field(place, row, found[1]).strip(), template)


def _rows(path: Path, wanted: set[str], separator: str, encoding: str) -> Iterator[tuple[str, int, Row]]:
    """Place, first line and fields of each row."""
    text = filled_text(path, encoding)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    other = other_separator(text.partition("\n")[0], separator, wanted)
    hint = f"if {other!r} parts its columns, give the reader 'separator: {json.dumps(other)}'; " if other else ""
    header: list[str] = []
    first = 1
    try:
        for cells in reader:
            place = f"{path}:{first}"
            if not header:
                header = _header(place, cells, wanted, hint)
            elif cells:
                yield place, first, _row(place, header, cells)
            first = reader.line_num + 1
    except csv.Error as error:
        remedy = f"{'' if header else hint}get the file again"
        raise SelfspecError(f"{path}:{reader.line_num}", f"is not valid CSV: {error}", remedy) from error


def _header(place: str, cells: list[str], wanted: set[str], hint: str) -> list[str]:
    twice = [name for name in wanted if cells.count(name) > 1]
    if twice:
        raise SelfspecError(place, f"the header has column '{min(twice)}' twice", "rename one of them")
    missing = sorted(wanted - set(cells))
    if missing:
        reason = f"the header has no column '{missing[0]}'; it has: {', '.join(cells)}"
        remedy = f"{hint}{did_you_mean(missing[0], cells)}correct the header, or the reader's options in domain.yaml"
        raise SelfspecError(place, reason, remedy)
    return cells


def _row(place: str, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        reason = f"has {len(cells)} columns instead of {len(header)}"
        raise SelfspecError(place, reason, f"give each line: {', '.join(header)}")
    return dict(zip(header, cells, strict=True))
