"""Parquet files, the form in which hub datasets come without a script: the pack says which column is what."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import kind_of
from selfspec_assets.packs.readers.files import Labels, label_of
from selfspec_assets.packs.readers.tables import columns_of, filled
from selfspec_assets.packs.records import Item

_ROWS_AT_A_TIME = 1024


def parquet(
    path: Path,
    *,
    input: str,
    answer: str,
    id: str = "",
    labels: Labels | None = None,
) -> Iterator[Item]:
    r"""One item per row.

    Args:
        input: the question, with column names in braces: ``"{context}\nQuestion: {question}"``.
        answer: the column of the answer; a list gives several references, of which blank ones are passed on as "".
        id: the column that names the item; "" takes the row's number, from 0.
        labels: the answers that may occur; as a mapping, from the file's word to the answer. None: any text.

    A dot reaches into a column of records (``answers.text``). Whole numbers of a column that the hub's ``datasets``
    declares as classes are read as the classes' names.

    Raises:
        SelfspecError: not Parquet, no rows, a column that is missing, a value that is missing, empty or no text.
    """
    wanted = {*columns_of(input), answer, *([id] if id else [])}
    for place, number, row in parquet_rows(path, wanted):
        references = [text.strip() for text in _texts(place, answer, row[answer])]
        if labels is not None:
            references = [label_of(place, text, labels) if text else text for text in references]
        asked = {name: _text(place, name, row[name]) for name in columns_of(input)}
        name = _text(place, id, row[id]) if id else f"row-{number}"
        yield Item(name, filled(place, input, {**asked}), tuple(references))


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
                    yield place, number, {column: _value(place, row, column, classes) for column in columns}
                    number += 1
    except (pa.ArrowException, OSError) as error:
        reason = f"cannot be read as Parquet: {str(error).splitlines()[0]}"
        kind = kind_of(path)
        remedy = f"it is {kind.name}: {kind.remedy}" if kind and kind.name != "a Parquet file" else ""
        remedy = remedy or "get the file again, or use the reader of its format"
        raise SelfspecError(path, reason, remedy) from error
    if not number:
        raise SelfspecError(path, "the file has no rows", "get the file again, or choose another split")


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Column → names of its classes, from what ``datasets`` writes beside the columns."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {name: found["names"] for name, found in features.items() if found.get("_type") == "ClassLabel"}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}  # not written by datasets: numbers stay numbers, and 'labels' says what they mean


def _top(path: Path, column: str, names: list[str]) -> str:
    """The file's own column: the whole name, or what stands before the first dot."""
    top = column if column in names else column.split(".")[0]
    if top not in names:
        reason = f"has no column '{column}'; it has: {', '.join(names)}"
        raise SelfspecError(path, reason, "correct the reader's options in domain.yaml")
    return top


def _value(place: str, row: dict[str, Any], column: str, classes: dict[str, list[str]]) -> Any:
    value: Any = row
    for part in [column] if column in row else column.split("."):
        if not isinstance(value, dict) or part not in value:
            raise SelfspecError(place, f"has no '{column}'", "correct the reader's options in domain.yaml")
        value = value[part]
    names = classes.get(column, [])
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


def _texts(place: str, column: str, value: Any) -> list[str]:
    """One answer, or those of a list, where a blank one is "" and at least one is not."""
    if not isinstance(value, list):
        return [_text(place, column, value)]
    found = ["" if _is_blank(one) else _text(place, column, one) for one in value]
    if not any(found):
        raise SelfspecError(place, f"column '{column}' holds no answer", "leave the row out, or give it an answer")
    return found


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _text(place: str, column: str, value: Any) -> str:
    """Text as it is, a number or a truth value in words; anything else is an error."""
    text = str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value
    if not isinstance(text, str) or not text.strip():
        what = "is empty" if text is None or isinstance(text, str) else f"is not text but {type(value).__name__}"
        raise SelfspecError(
            place, f"column '{column}' {what}", "leave the row out, or read it with the pack's readers.py"
        )
    return text
