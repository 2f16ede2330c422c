"""Documents of a source's files: one small generator per format, all of them streams."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from selfspec_assets.corpora.lines import MAX_RECORD, numbered_lines, too_large
from selfspec_assets.corpora.pubmed import read_pubmed
from selfspec_assets.corpora.record import Record
from selfspec_assets.corpus_contract import Source
from selfspec_assets.errors import SelfspecError
from selfspec_assets.opened_file import OpenFile
from selfspec_assets.readers.parquet import parquet_rows
from selfspec_assets.retrieval import parse_document


def records(source: Source, file: OpenFile) -> Iterator[Record]:
    """Every document of a file, and what it says is deleted.

    Raises:
        SelfspecError: the file is empty, damaged or of another format, a column is missing, a document has no text
            (unless ``empty: drop``); each with ``file:line``, or the row or article where a format has no lines.
    """
    found = False
    for record in _FORMATS[source.format](source, file):
        found = True
        yield record
    if not found:
        raise SelfspecError(file.path, "the file is empty", "fetch the file again, or take it out of the source")


def _jsonl(source: Source, file: OpenFile) -> Iterator[Record]:
    titled, number = source.title is None, 0  # JSON lines leave a title out where there is none, and only then
    for number, line in numbered_lines(file, source.encoding):
        if not line.strip():
            continue
        place = f"{file.path}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SelfspecError(place, f"not JSON: {error}", "write one JSON object per line") from None
        if not isinstance(value, dict):
            raise SelfspecError(place, f"a JSON {type(value).__name__}, not an object", "write one object per line")
        titled = titled or source.title in value
        yield _from_columns(source, file, place, number, {str(source.title): None, **value})
    if not titled and number:
        reason = f"no document has a '{source.title}'"
        raise SelfspecError(file.path, reason, "correct the source's title in domain.yaml, or declare none")


def _table(source: Source, file: OpenFile) -> Iterator[Record]:
    csv.field_size_limit(MAX_RECORD)
    separator = "," if source.format == "csv" else "\t"
    lines = (text for _, text in numbered_lines(file, source.encoding))
    reader = csv.reader(lines, delimiter=separator, strict=True)
    header: list[str] = []
    first = 1
    try:
        for cells in reader:
            place, number = f"{file.path}:{first}", first
            first = reader.line_num + 1
            if not cells:
                continue
            if not header:
                header = cells
                if len(set(header)) < len(header):
                    raise SelfspecError(place, "two columns have one name", "rename one")
                continue
            if len(cells) != len(header):
                reason = f"{len(cells)} fields, but the header names {len(header)} columns"
                raise SelfspecError(place, reason, "quote fields that hold the separator, or correct the row")
            yield _from_columns(source, file, place, number, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise SelfspecError(
            f"{file.path}:{first}", f"not {source.format.upper()}: {error}", "correct the row"
        ) from None


def _parquet(source: Source, file: OpenFile) -> Iterator[Record]:
    columns = {*source.text, *(name for name in (source.title, source.id) if name)}
    for place, number, row in parquet_rows(file.path, columns):
        yield _from_columns(source, file, place, number, row)


def _txt(source: Source, file: OpenFile) -> Iterator[Record]:
    parts: list[str] = []
    first, size = 1, 0
    for number, line in numbered_lines(file, source.encoding):
        ends = source.document != "file" and not line.strip()
        if not ends:
            parts.append(line)
            size += len(line)
            if size > MAX_RECORD:
                raise too_large(f"{file.path}:{first}")
        if parts and (ends or source.document == "line"):
            yield Record(f"{file.name}:{first}", "", "".join(parts), first)
            parts, size = [], 0
        if not parts:
            first = number + 1
    if parts and "".join(parts).strip():
        yield Record(file.name if source.document == "file" else f"{file.name}:{first}", "", "".join(parts), first)


def _documents(source: Source, file: OpenFile) -> Iterator[Record]:
    for number, line in numbered_lines(file):
        if line.strip():
            document = parse_document(line, f"{file.path}:{number}")
            yield Record(document.id, document.title, document.text, number)


def _pubmed(source: Source, file: OpenFile) -> Iterator[Record]:
    return read_pubmed(file)


_FORMATS: dict[str, Callable[[Source, OpenFile], Iterator[Record]]] = {
    "jsonl": _jsonl,
    "csv": _table,
    "tsv": _table,
    "parquet": _parquet,
    "txt": _txt,
    "pubmed": _pubmed,
    "documents": _documents,
}


@dataclass(frozen=True)
class _Columns:
    """Fields of one row; ``place`` is where a mistake is."""

    place: str
    row: Mapping[str, Any]

    def text(self, column: str) -> str:
        """The column's text; "" for null.

        Raises:
            SelfspecError: there is no such column, or it holds no text.
        """
        if column not in self.row:
            reason = f"no '{column}'; it has: {', '.join(map(str, self.row)) or 'nothing'}"
            raise SelfspecError(self.place, reason, "correct the source's columns in domain.yaml")
        value = self.row[column]
        if value is None or isinstance(value, str):
            return value or ""
        reason = f"'{column}' holds a {type(value).__name__}, not text"
        raise SelfspecError(self.place, reason, "name a column of texts in domain.yaml")

    def name(self, column: str) -> str:
        """The column as a name: text or a whole number.

        Raises:
            SelfspecError: it is missing, empty, or neither.
        """
        value = self.row.get(column)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if found := self.text(column).strip():
            return found
        raise SelfspecError(
            self.place, f"'{column}' is empty", "give every document an id, or declare no column for it"
        )


def _from_columns(source: Source, file: OpenFile, place: str, number: int, row: Mapping[str, Any]) -> Record:
    columns = _Columns(place, row)
    texts = [columns.text(column) for column in source.text]
    text = "\n\n".join(one for one in texts if one.strip())
    if not text and source.empty == "error":
        named = ", ".join(f"'{column}'" for column in source.text)
        reason = f"{named} {'is' if len(texts) == 1 else 'are'} null or empty"
        raise SelfspecError(place, reason, "give it a text, or declare 'empty: drop' to leave such documents out")
    title = columns.text(source.title) if source.title else ""
    return Record(columns.name(source.id) if source.id else f"{file.name}:{number}", title, text, number)
