"""Documents of a source's files: one small generator per format, all of them streams."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.opened_file import OpenFile
from selfspec_assets.packs.corpora.contract import Source
from selfspec_assets.packs.corpora.documents import document_lines
from selfspec_assets.packs.corpora.jats import read_jats
from selfspec_assets.packs.corpora.lines import MAX_RECORD, numbered_lines, too_large, whole_text
from selfspec_assets.packs.corpora.markup import html_text, markdown_text
from selfspec_assets.packs.corpora.pubmed import read_pubmed
from selfspec_assets.packs.corpora.record import Record
from selfspec_assets.packs.corpora.wiki_leads import read_wiki_leads
from selfspec_assets.packs.readers.files import other_separator, table_rows
from selfspec_assets.packs.readers.parquet import parquet_rows
from selfspec_assets.packs.records import SPREAD_JSON, goes_on


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
    lines = numbered_lines(file, source.encoding)
    for number, line in lines:
        if not line.strip():
            continue
        place = f"{file.path}:{number}"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            if goes_on(line, (text for _, text in lines)):
                raise SelfspecError(place, SPREAD_JSON, "declare 'format: json' if it is a list of objects") from None
            raise SelfspecError(place, f"not JSON: {error}", "write one JSON object per line") from None
        if not isinstance(value, dict):
            remedy = "write one object per line" + (", or declare 'format: json'" if isinstance(value, list) else "")
            raise SelfspecError(place, f"a JSON {type(value).__name__}, not an object", remedy)
        titled = titled or source.title in value
        yield _from_columns(source, file, place, number, _untitled(source, value))
    if not titled and number:
        raise _without_titles(source, file)


def _json(source: Source, file: OpenFile) -> Iterator[Record]:
    text = whole_text(file, source.encoding)
    if not text.strip():
        return
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        remedy = "declare 'format: jsonl'" if error.msg == "Extra data" else "fetch the file again"
        raise SelfspecError(f"{file.path}:{error.lineno}", f"not JSON: {error.msg}", remedy) from None
    except (ValueError, RecursionError) as error:
        raise SelfspecError(file.path, f"not JSON: {error}", "fetch the file again") from None
    if not isinstance(rows, list):
        reason = f"a JSON {type(rows).__name__}, not a list of objects"
        raise SelfspecError(file.path, reason, "write its documents as a list, or as JSON lines")
    for number, row in enumerate(rows):
        place = f"{file.path}: [{number}]"
        if not isinstance(row, dict):
            raise SelfspecError(place, f"a JSON {type(row).__name__}, not an object", "give it named fields")
        yield _from_columns(source, file, place, number, _untitled(source, row))
    if rows and source.title is not None and not any(source.title in row for row in rows):
        raise _without_titles(source, file)


def _untitled(source: Source, row: dict[str, Any]) -> dict[str, Any]:
    """JSON leaves a title out where there is none."""
    return row if source.title is None else {source.title: None, **row}


def _without_titles(source: Source, file: OpenFile) -> SelfspecError:
    reason = f"no document has a '{source.title}'"
    return SelfspecError(file.path, reason, "correct the source's title in domain.yaml, or declare none")


def _table(source: Source, file: OpenFile) -> Iterator[Record]:
    csv.field_size_limit(MAX_RECORD)
    separator = source.columns_parted_by
    lines = (text for _, text in numbered_lines(file, source.encoding))
    top = next(lines, "")
    header: list[str] = []
    following = 1
    try:
        for number, last, cells in table_rows(chain([top], lines), separator, quotes=source.has_quotes):
            place, following = f"{file.path}:{number}", last + 1
            if not cells:
                continue
            if not header:
                header = cells
                _check_header(source, place, cells, _other_separator(source, top, separator))
                continue
            if len(cells) != len(header):
                reason = f"{len(cells)} fields, but the header names {len(header)} columns"
                no_quotes = "declare 'quoting: csv' if quotes hold fields of several lines together"
                remedy = "quote fields that hold the separator" if source.has_quotes else no_quotes
                raise SelfspecError(place, reason, f"{remedy}, or correct the row")
            yield _from_columns(source, file, place, number, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        remedy = "" if header else _other_separator(source, top, separator)
        reason = f"not {source.format.upper()}: {error}"
        remedy += "correct the row, or declare 'quoting: none' if quotes are letters here"
        raise SelfspecError(f"{file.path}:{following}", reason, remedy) from None


def _other_separator(source: Source, top: str, separator: str) -> str:
    found = other_separator(top, separator, _columns(source))
    quotes = " and 'quoting: csv'" if found == "\t" and '"' in top else ""
    if found:
        return f"declare 'format: csv' with 'separator: {json.dumps(found)}'{quotes}, or "
    return "declare 'quoting: csv' if its quotes are no letters, or " if '"' in top and not source.has_quotes else ""


def _check_header(source: Source, place: str, header: Sequence[str], remedy: str) -> None:
    if len(set(header)) < len(header):
        raise SelfspecError(place, "two columns have one name", "rename one")
    if missing := sorted(_columns(source) - set(header)):
        remedy += did_you_mean(missing[0], header) + "correct the source's columns in domain.yaml"
        raise SelfspecError(place, f"no '{missing[0]}'; it has: {', '.join(header)}", remedy)


def _columns(source: Source) -> set[str]:
    return {*source.text, *(name for name in (source.title, source.id) if name)}


def _parquet(source: Source, file: OpenFile) -> Iterator[Record]:
    for place, number, row in parquet_rows(file.path, _columns(source)):
        yield _from_columns(source, file, place, number, row)


def _txt(source: Source, file: OpenFile) -> Iterator[Record]:
    if source.document == "file":
        yield from _one_document(source, file, lambda text: ("", text))
        return
    parts: list[str] = []
    first, size = 1, 0
    for number, line in numbered_lines(file, source.encoding, pages=True):
        if line.strip():
            parts.append(line)
            size += len(line)
            if size > MAX_RECORD:
                raise too_large(f"{file.path}:{first}")
        if parts and (not line.strip() or source.document == "line"):
            yield Record(f"{file.name}:{first}", "", "".join(parts), first)
            parts, size = [], 0
        if not parts:
            first = number + 1
    if parts:
        yield Record(f"{file.name}:{first}", "", "".join(parts), first)


def _html(source: Source, file: OpenFile) -> Iterator[Record]:
    return _one_document(source, file, html_text)


def _markdown(source: Source, file: OpenFile) -> Iterator[Record]:
    return _one_document(source, file, markdown_text)


def _one_document(source: Source, file: OpenFile, parsed: Callable[[str], tuple[str, str]]) -> Iterator[Record]:
    """The whole file; ``parsed`` gives its title and text, which may be "" where a script would write the page."""
    written = whole_text(file, source.encoding, pages=True)
    if written.strip():
        yield Record(file.name, *parsed(written), 1)


def _documents(source: Source, file: OpenFile) -> Iterator[Record]:
    for number, document in document_lines(file):
        yield Record(document.id, document.title, document.text, number)


def _pubmed(source: Source, file: OpenFile) -> Iterator[Record]:
    return read_pubmed(file)


def _jats(source: Source, file: OpenFile) -> Iterator[Record]:
    return read_jats(file)


def _wiki_leads(source: Source, file: OpenFile) -> Iterator[Record]:
    return read_wiki_leads(file, source.select)


_FORMATS: dict[str, Callable[[Source, OpenFile], Iterator[Record]]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _table,
    "tsv": _table,
    "parquet": _parquet,
    "txt": _txt,
    "html": _html,
    "md": _markdown,
    "pubmed": _pubmed,
    "jats": _jats,
    "wiki_leads": _wiki_leads,
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
