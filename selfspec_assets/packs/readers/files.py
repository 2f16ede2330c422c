"""What every reader needs: a file's text, lines and JSON, and fields of a given type, or the place of a mistake."""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.text_file import read_text
from selfspec_assets.packs.records import parse_json


def _declared(labels: Any) -> Any:
    if not labels:
        raise ValueError("declares no label")
    return labels


# Types of options, so that a pack's mistake shows when the pack is loaded.
Labels = Annotated[dict[str, str] | list[str], AfterValidator(_declared)]
Separator = Annotated[str, Field(min_length=1)]
OneCharacter = Annotated[str, Field(min_length=1, max_length=1)]
Quoting = Literal["none", "csv"]  # whether quotes of a table are letters, or may hold separators and line ends


def filled_text(path: Path, encoding: str = "utf-8") -> str:
    """``read_text``, and there is something in it.

    Raises:
        SelfspecError: as ``read_text``, or the file is empty.
    """
    text = read_text(path, encoding)
    if not text.strip():
        raise SelfspecError(path, "the file is empty", "get the file again")
    return text


def filled_lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line that is not blank."""
    for number, line in enumerate(filled_text(path, encoding).split("\n"), start=1):
        if line.strip():
            yield number, line


def read_json(path: Path) -> Any:
    """The file's JSON value.

    Raises:
        SelfspecError: as ``filled_text``; the text is not JSON as ``parse_json`` takes it.
    """
    try:
        return parse_json(filled_text(path))
    except json.JSONDecodeError as error:
        one_per_line = "; use the reader 'jsonl' if it holds one value per line" if error.msg == "Extra data" else ""
        remedy = f"get the file again{one_per_line}"
        raise SelfspecError(f"{path}:{error.lineno}", f"is not JSON: {error.msg}", remedy) from error
    except ValueError as error:
        raise SelfspecError(path, f"is not JSON: {error}", "correct it, or get the file again") from error


def as_object(place: str, value: object) -> dict[str, object]:
    """A JSON object, or an error at ``place``."""
    if not isinstance(value, dict):
        raise SelfspecError(place, f"is not a JSON object but {type(value).__name__}", "give it named fields")
    return value


def records(path: Path, key: str = "") -> Iterator[tuple[str, dict[str, object]]]:
    """Place and value of each object in the file's list, or, with a key, in the list of that name; at least one.

    Raises:
        SelfspecError: as ``read_json`` and ``records_of``.
    """
    yield from records_of(path, read_json(path), key)


def records_of(path: Path, value: Any, key: str = "") -> Iterator[tuple[str, dict[str, object]]]:
    """``records`` of a file that has been read: of its JSON value.

    Raises:
        SelfspecError: there is no such list, it is empty, or it holds something else.
    """
    if key:
        value = as_object(str(path), value).get(key)
    if not isinstance(value, list) or not value:
        what = f"field '{key}' is not a filled list" if key else "is not a filled JSON list"
        raise SelfspecError(path, what, "get the file again, or use the reader of its format")
    for index, member in enumerate(value):
        place = f"{path}: {key}[{index}]"
        yield place, as_object(place, member)


def objects(place: str, record: Mapping[str, object], key: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Place and value of each object in the list ``record[key]``; the list may be empty.

    Raises:
        SelfspecError: there is no such list, or it holds something else.
    """
    members = record.get(key)
    if not isinstance(members, list):
        raise SelfspecError(place, f"field '{key}' is not a list", f"give '{key}' a list of objects")
    for index, value in enumerate(members):
        inner = f"{place}.{key}[{index}]"
        yield inner, as_object(inner, value)


def texts(place: str, record: Mapping[str, object], key: str, *, empty: bool = False) -> list[str]:
    """``record[key]`` as a list of texts, which may have no member; ``empty`` allows members without a character."""
    members = record.get(key)
    if not isinstance(members, list) or not all(isinstance(text, str) and (empty or text.strip()) for text in members):
        raise SelfspecError(place, f"field '{key}' is not a list of texts", f"give '{key}' a list of texts")
    return members


def label_of(place: str, label: str, labels: Mapping[str, str] | Sequence[str]) -> str:
    """The answer that a file's label stands for; with a plain list of labels, the label itself.

    Raises:
        SelfspecError: the label is not among those declared.
    """
    named = labels if isinstance(labels, Mapping) else {label: label for label in labels}
    if label not in named:
        remedy = f"{did_you_mean(label, named)}use one of: {', '.join(sorted(named))}"
        raise SelfspecError(place, f"unknown label '{label}'", remedy)
    return named[label]


def has_quotes(separator: str, quoting: Quoting | None) -> bool:
    """Whether quotes of a table are more than letters: as it is declared; else in all but files with tabs."""
    return (quoting or ("none" if separator == "\t" else "csv")) == "csv"


def table_rows(lines: Iterable[str], separator: str, *, quotes: bool) -> Iterator[tuple[int, int, list[str]]]:
    """First line (from 1), last line and cells of each row; no cells of a blank line.

    Args:
        lines: each with its end.
        quotes: as CSV has them: a cell in quotes may hold separators, line ends, and quotes, two for one.

    Raises:
        csv.Error: a quote that ends nowhere, or text behind one.
    """
    if quotes:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        first = 1
        for cells in reader:
            yield first, reader.line_num, cells
            first = reader.line_num + 1
    else:
        for number, line in enumerate(lines, start=1):
            text = line.removesuffix("\n")
            yield number, number, text.split(separator) if text else []


def other_separator(top: str, separator: str, wanted: Collection[str]) -> str:
    """What parts a table's first line instead of ``separator``: that gives the wanted columns, or else any; or "".

    >>> other_separator("id;text", ",", {"text"})
    ';'
    """
    others = [other for other in ",;\t|" if other != separator and other in top]
    rows = {other: next(csv.reader([top], delimiter=other), []) for other in others}
    fitting = [other for other in others if set(wanted) <= set(rows[other])]
    return next(iter(fitting), "") or next((other for other in others if separator not in top), "")


def with_context(contexts: Sequence[str], question: str) -> str:
    """``Context: …`` before ``Question: …``, as In-BoXBART has it; white space is made single."""
    context = " ".join(" ".join(contexts).split())
    return f"Context: {context}\nQuestion: {question}" if context else f"Question: {question}"
