"""How the text files of packs are read: plain or packed, any line ends, each mistake with its place. Pure."""

from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import DAMAGE, OpenFile, opened, read_error

_PIECE = 1 << 20  # bytes read at a time
MAX_BYTES = 1 << 30  # unpacked; only a corpus is larger, and a corpus is streamed


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The whole file without a byte-order mark, lines ended by \\n; unpacked as ``opened`` does.

    Args:
        encoding: any that Python knows; the older corpora are often "latin-1", which takes every byte.

    Raises:
        SelfspecError: missing, unreadable or too large a file, damaged packed data, a file that is no text but of
            another kind, an HTML page, an unknown encoding, bytes that it does not have.
    """
    with opened(path) as file:
        raw = _at_most(file, encoding)
    try:
        text = raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        reason = f"is not {encoding.upper()} (byte {error.start})"
        raise SelfspecError(f"{path}:{line}", reason, f"save it as {encoding.upper()}, or name its encoding") from error
    except (LookupError, ValueError) as error:  # ValueError: a codec that is none of text, a name with a NUL
        raise SelfspecError(path, f"unknown encoding {encoding!r}", "use utf-8 or latin-1") from error
    return text.replace("\r\n", "\n")


def _at_most(file: OpenFile, encoding: str) -> bytes:
    """All bytes of a file; a few kilobytes of packed data can stand for more than any memory holds."""
    pieces: list[bytes] = []
    size = 0
    try:
        stream = file.text_stream(encoding)
        while piece := stream.read(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BYTES:
                reason = f"holds more than {MAX_BYTES:,} bytes"
                raise SelfspecError(file.path, reason, "split it, or give the file that is meant")
    except DAMAGE as error:
        raise read_error(file, file.path, error) from error
    return b"".join(pieces)
