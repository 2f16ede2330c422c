"""Parquet files, the form in which hub datasets come without a script: the pack says which column is what."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import kind_of
from selfspec_assets.packs.readers.files import Labels
from selfspec_assets.packs.readers.question import AnswerIs, Question, value_at
from selfspec_assets.packs.records import Item, Remark

_ROWS_AT_A_TIME = 1024


def parquet(
    path: Path,
    *,
    input: str,
    answer: str,
    id: str = "",
    labels: Labels | None = None,
    choices: str | list[str] = "",
    answer_is: AnswerIs = "letter",
    join: str | None = None,
) -> Iterator[Item | Remark]:
    """One item per row.

    Args:
        input, answer, id, labels, choices, answer_is, join: as for ``question.Question``; an item without an id is
            named by its row, from 0.

    Whole numbers of a column that the hub's ``datasets`` declares as classes are read as the classes' names.

    Raises:
        SelfspecError: not Parquet, no rows, a column that is missing, a value that is missing, empty or no text.
    """
    question = Question(input, answer, id, labels, choices, answer_is, join)
    for place, number, row in parquet_rows(path, question.fields):
        yield question.item(place, f"row-{number}", row)


def parquet_rows(path: Path, columns: set[str]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Place, number (from 0) and the wanted columns of each row, read a thousand at a time.

    Raises:
        SelfspecError: not Parquet, a column that is missing, no rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            classes = _class_names(file.schema_arrow.metadata or {})
            tops = sorted({_top(path, column, file.schema_arrow.names) for column in columns})
            for batch in file.iter_batches(_ROWS_AT_A_TIME, columns=tops):
                for row in batch.to_pylist():
                    place = f"{path}: row {number}"
                    wanted = {column: value_at(place, row, column) for column in columns}
                    yield place, number, {name: _named(wanted[name], classes.get(_plain(name), [])) for name in wanted}
                    number += 1
    except (pa.ArrowException, OSError) as error:
        reason = f"cannot be read as Parquet: {str(error).splitlines()[0]}"
        kind = kind_of(path)
        remedy = f"it is {kind.name}: {kind.remedy}" if kind and kind.name != "a Parquet file" else ""
        remedy = remedy or "get the file again, or use the reader of its format"
        raise SelfspecError(path, reason, remedy) from error
    if not number:
        raise SelfspecError(path, "the file has no rows", "get the file again, or choose another split")


def is_parquet(path: Path) -> bool:
    """By its first bytes, whatever the name says; false for a file that cannot be opened."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"PAR1"
    except OSError:
        return False


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Column → names of its classes, from what ``datasets`` writes beside the columns."""
    try:
        return _classes(json.loads(metadata[b"huggingface"])["info"]["features"], "")
    except (LookupError, ValueError, TypeError, AttributeError):
        return {}  # not written by datasets: numbers stay numbers, and 'labels' says what they mean


def _classes(feature: Any, column: str) -> dict[str, list[str]]:
    """Of a feature and of those within it: lists (in any of the ways of ``datasets`` to write them) and records."""
    if isinstance(feature, list):
        return _classes(feature[0], column)
    if feature.get("_type") == "ClassLabel":
        return {column: feature["names"]}
    if "_type" in feature:
        return _classes(feature["feature"], column) if "feature" in feature else {}
    classes: dict[str, list[str]] = {}
    for name, inner in feature.items():
        classes |= _classes(inner, f"{column}.{name}".strip("."))
    return classes


def _top(path: Path, column: str, names: list[str]) -> str:
    """The file's own column: the whole name, or what stands before the first dot."""
    top = column if column in names else column.split(".")[0]
    if top not in names:
        reason = f"has no column '{column}'; it has: {', '.join(names)}"
        raise SelfspecError(path, reason, "correct the reader's options in domain.yaml")
    return top


def _named(value: Any, names: list[str]) -> Any:
    """A class's name for its number, in a list, too; anything else as it is."""
    if isinstance(value, list):
        return [_named(member, names) for member in value]
    is_class = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names)
    return names[value] if is_class else value


def _plain(column: str) -> str:
    """The column of which ``tags.0`` is one value."""
    return ".".join(part for part in column.split(".") if not part.isdecimal())
