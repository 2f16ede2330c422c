"""How the text files of packs are read: plain or gzipped, any line ends, each mistake with its place. Pure."""

import gzip
import io
import zlib
from pathlib import Path
from typing import IO

from selfspec_assets.base.errors import SelfspecError

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 1 << 20  # bytes read at a time
MAX_BYTES = 1 << 30  # unzipped; only a corpus is larger, and a corpus is streamed


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The whole file without a byte-order mark, lines ended by \\n.

    Gzip is told by the first bytes, whatever the name says.

    Args:
        encoding: any that Python knows; the older corpora are often "latin-1", which takes every byte.

    Raises:
        SelfspecError: missing, unreadable or too large a file, cut gzip data, an unknown encoding, bytes that it does
            not have.
    """
    raw = _unzipped(path, _raw(path))
    try:
        text = raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        reason = f"is not {encoding.upper()} (byte {error.start})"
        raise SelfspecError(f"{path}:{line}", reason, f"save it as {encoding.upper()}, or name its encoding") from error
    except (LookupError, ValueError) as error:  # ValueError: a codec that is none of text, a name with a NUL
        raise SelfspecError(path, f"unknown encoding {encoding!r}", "use utf-8 or latin-1") from error
    return text.replace("\r\n", "\n")


def _raw(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return _at_most(path, stream)
    except FileNotFoundError as error:
        raise SelfspecError(path, "the file does not exist", "add it, or correct its name") from error
    except OSError as error:
        raise SelfspecError(path, f"cannot be read: {error.strerror}", "give a file that can be read") from error
    except ValueError as error:
        raise SelfspecError(repr(str(path)), f"is not a file's name: {error}", "correct the name") from error


def _unzipped(path: Path, raw: bytes) -> bytes:
    if not raw.startswith(_GZIP_MAGIC):
        return raw
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            return _at_most(path, stream)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        reason = f"the gzip data is cut off or damaged: {error}"
        raise SelfspecError(path, reason, "get the file again") from error


def _at_most(path: Path, stream: IO[bytes] | gzip.GzipFile) -> bytes:
    """All bytes of a stream; a few kilobytes of gzip can stand for more than any memory holds."""
    pieces: list[bytes] = []
    size = 0
    while piece := stream.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BYTES:
            raise SelfspecError(
                path, f"holds more than {MAX_BYTES:,} bytes", "split it, or give the file that is meant"
            )
    return b"".join(pieces)
