"""What a file is, told by its first bytes and not by its name: packed, a document of another program, a web page. Pure.

The table is short on purpose: libraries that know a thousand kinds also see some of them in plain text, and a text
must never be refused. Each sign below holds bytes that no text begins with.
"""

import re
from typing import NamedTuple

HEAD = 4096  # bytes that ``not_text`` and ``is_page`` need to see; a tar shows itself after 257
_PACKED = (
    ("gzip", re.compile(rb"\x1f\x8b")),
    ("bzip2", re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)")),
    ("xz", re.compile(rb"\xfd7zXZ\x00")),
    ("zstd", re.compile(rb"\x28\xb5\x2f\xfd")),
    ("zip", re.compile(rb"PK(\x03\x04|\x05\x06)")),
)
_DOCTYPE = rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<!doctype\s+html\b"
_ROOT = rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<html\b[^>]*>\s*(\n|<head\b)"
_PAGE = re.compile(rb"(\xef\xbb\xbf)?(" + _DOCTYPE + rb"|" + _ROOT + rb")", re.IGNORECASE | re.DOTALL)
_MARKUP = re.compile(rb"<(script|style|body|div|meta|table)\b[^>]*>", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")  # not those that move a cursor, nor ESC, which ISO-2022 uses


class Kind(NamedTuple):
    """What a file is, with its article, and what to do to have its text."""

    name: str
    remedy: str


_ARCHIVE = "unpack it, and name the files in it"
_TABLE = "save the table as CSV"
_NEEDS_TEXT = "give its text: a picture must be read by a program for that first"
_KINDS = (
    (rb"%PDF-", Kind("a PDF document", "turn it into text first, for example with pdftotext")),
    (rb"\{\\rtf", Kind("an RTF document", "save it as plain text")),
    (
        rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        Kind("an old Word document or Excel workbook", "save it as plain text, or as CSV"),
    ),
    (rb"SQLite format 3\x00", Kind("an SQLite database", _TABLE)),
    (rb"PAR1\x15", Kind("a Parquet file", "name 'parquet' as the reader, or as the format of the source")),
    (rb"ARROW1\x00", Kind("an Arrow file", "save it as Parquet")),
    (rb"Obj\x01", Kind("an Avro file", "save it as Parquet, or as JSON lines")),
    (rb"\x89HDF\r\n", Kind("an HDF5 file", _TABLE)),
    (rb"\x93NUMPY", Kind("a NumPy array", _TABLE)),
    (rb"\x80[\x02-\x05]", Kind("a Python pickle", "save it as JSON lines")),
    (rb"\x89PNG\r\n", Kind("a PNG picture", _NEEDS_TEXT)),
    (rb"\xff\xd8\xff", Kind("a JPEG picture", _NEEDS_TEXT)),
    (rb"GIF8[79]a", Kind("a GIF picture", _NEEDS_TEXT)),
    (rb"7z\xbc\xaf\x27\x1c", Kind("a 7z archive", _ARCHIVE)),
    (rb"Rar!\x1a\x07", Kind("a RAR archive", _ARCHIVE)),
    (rb".{257}ustar", Kind("a tar archive", _ARCHIVE)),
    (rb"\x04\x22M\x18", Kind("LZ4 data", "unpack it")),
    (rb"\x1f\x9d", Kind("data of compress (.Z)", "unpack it")),
    (rb"version https://git-lfs\.github\.com/spec/", Kind("a pointer of Git LFS", "get the file itself: git lfs pull")),
)
_SIGNS = [(re.compile(sign, re.DOTALL), kind) for sign, kind in _KINDS]
_OFFICE = {
    "word/": Kind("a Word document", "save it as plain text, or as HTML for a corpus"),
    "xl/": Kind("an Excel workbook", _TABLE),
    "ppt/": Kind("a PowerPoint presentation", "save it as plain text"),
    "content.xml": Kind("an OpenDocument text or sheet", "save it as plain text, or as CSV"),
    "META-INF/container.xml": Kind("an EPUB book", "unpack it, and name its pages as a corpus of format html"),
}
PAGE = Kind(
    "an HTML page",
    "get the file itself, this is a page about it or of an error; pages are the text of a corpus with format html",
)
_BINARY = Kind(
    "no text: a binary file, or UTF-16",
    "convert the file to UTF-8, for example with iconv, or give one that is text",
)


def packing(head: bytes) -> str:
    """How the bytes are packed: gzip, bzip2, xz, zstd or zip; "" if they are not."""
    return next((name for name, sign in _PACKED if sign.match(head)), "")


def not_text(head: bytes, encoding: str = "utf-8") -> Kind | None:
    """What a file is that is no text; None: it may be one.

    Encodings with one byte to a character take every byte, so that any file would be text in them: there, control
    characters tell.

    >>> not_text(b"%PDF-1.7").name
    'a PDF document'
    >>> not_text(b"PAR1 binds thrombin.") is None
    True
    """
    kind = next((kind for sign, kind in _SIGNS if sign.match(head)), None)
    if kind is None and packing(head):
        kind = Kind(f"{packing(head)} data within packed data", "unpack it")
    if kind is None and "utf" not in encoding.lower():
        controls = len(_CONTROL.findall(head))
        kind = _BINARY if controls >= 8 and controls > len(head) / 50 else None
    return kind


def office_kind(members: list[str]) -> Kind | None:
    """What a zip archive is that a program uses as its own format; None: an archive of files."""
    starts = (kind for start, kind in _OFFICE.items() if any(name.startswith(start) for name in members))
    return next(starts, None)


def is_page(head: bytes) -> bool:
    """Whether it begins as a web page does; a line of a data set that merely holds tags does not count."""
    return _PAGE.match(head) is not None


def has_markup(head: bytes) -> bool:
    """Whether tags of a web page stand in it, which would be read as words."""
    return is_page(head) or _MARKUP.search(head) is not None
