"""One document of a corpus, and the JSON lines that hold prepared ones."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import OpenFile, opened
from selfspec_assets.packs.corpora.lines import numbered_lines
from selfspec_assets.packs.records import SPREAD_JSON, goes_on


@dataclass(frozen=True, slots=True)
class Document:
    """One passage of the corpus; ``title`` may be empty."""

    id: str
    title: str
    text: str


def read_corpus(path: str | PathLike[str]) -> Iterator[Document]:
    """Documents of a JSON-lines file, ``{"id", "title"?, "text"}`` each, plain or zipped (told by its bytes).

    Streams: memory holds one line and the set of ids seen (some 100 bytes each). Blank lines and a byte-order
    mark are passed over; a missing or null title is "".

    Raises:
        SelfspecError: the file cannot be read, a line breaks the format (its place is ``file:line``), an id
            comes twice, or there is no document at all.
    """
    path = Path(path)
    seen: dict[str, int] = {}
    with opened(path) as file:
        for number, document in document_lines(file):
            if document.id in seen:
                reason = f"id {document.id!r} was used on line {seen[document.id]} already"
                raise SelfspecError(f"{path}:{number}", reason, "give every document an id of its own")
            seen[document.id] = number
            yield document
    if not seen:
        raise SelfspecError(path, "the corpus is empty", 'write one {"id": …, "title": …, "text": …} per line')


def document_lines(file: OpenFile) -> Iterator[tuple[int, Document]]:
    """Number (from 1) and document of each line that is not blank.

    Raises:
        SelfspecError: as ``numbered_lines`` and ``parse_document``.
    """
    lines = numbered_lines(file)
    for number, line in lines:
        if not line.strip():
            continue
        place = f"{file.path}:{number}"
        try:
            yield number, parse_document(line, place)
        except SelfspecError:
            if goes_on(line, (text for _, text in lines)):
                remedy = "write one object per line, or declare it as a source of the format 'json'"
                raise SelfspecError(place, SPREAD_JSON, remedy) from None
            raise


def parse_document(line: str, place: str) -> Document:
    """One line of a corpus, ``{"id", "title"?, "text"}``; a missing or null title is "".

    Raises:
        SelfspecError: it is something else; the error's place is ``place``.
    """
    remedy = 'each line is one JSON object: {"id": "…", "title": "…", "text": "…"}'
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SelfspecError(place, f"not JSON: {error}", remedy) from None
    if not isinstance(record, dict):
        raise SelfspecError(place, f"a JSON {type(record).__name__}, not an object", remedy)
    title = record.get("title")
    return Document(
        id=_field(record.get("id"), "id", place, remedy),
        title="" if title is None or not str(title).strip() else _field(title, "title", place, remedy),
        text=_field(record.get("text"), "text", place, remedy),
    )


def _field(value: object, name: str, place: str, remedy: str) -> str:
    if value is None:
        raise SelfspecError(place, f"no {name!r}", remedy)
    if not isinstance(value, str):
        raise SelfspecError(place, f"{name!r} holds a JSON {type(value).__name__}, not a string", remedy)
    if not value.strip():
        raise SelfspecError(place, f"{name!r} is empty", remedy)
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise SelfspecError(place, f"{name!r} holds half of a surrogate pair", "write whole characters")
    return value
