"""Large text files line by line: plain, gzip or zstd by their first bytes; memory holds one line."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from selfspec_assets.base.errors import SelfspecError

MAX_RECORD = 64 << 20  # bytes of one line or document: one that is larger would have to be held whole
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True)
class OpenFile:
    """A file that is being read; ``name`` is what tables call it, ``raw`` its bytes on the disk."""

    path: Path
    name: str
    raw: IO[bytes]
    stream: IO[bytes]

    def position(self) -> int:
        """Bytes of the file on the disk that have been read: what progress is measured in."""
        return self.raw.tell()


@contextmanager
def opened(path: Path, name: str = "") -> Iterator[OpenFile]:
    """The file, unzipped if need be.

    Raises:
        SelfspecError: it cannot be read.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None
    with raw:
        try:
            magic = raw.read(4)
            raw.seek(0)
        except OSError as error:
            raise _unreadable(path, error) from None
        yield OpenFile(path, name or str(path), raw, _unzipped(raw, magic))


def _unzipped(raw: IO[bytes], magic: bytes) -> IO[bytes]:
    if magic.startswith(_GZIP):
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if magic == _ZSTD:
        import pyarrow as pa

        return cast(IO[bytes], _Zstd(pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd")))
    return raw


class _Zstd:
    """pyarrow's stream with the two methods that are used here; its own ``readline`` does not exist."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._rest = stream, b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (piece := self._stream.read(1 << 20)):
            self._rest += piece
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def readline(self, limit: int) -> bytes:
        end = self._rest.find(b"\n")
        while end < 0 and len(self._rest) < limit and (piece := self._stream.read(1 << 20)):
            place = len(self._rest)
            self._rest += piece
            end = self._rest.find(b"\n", place)
        end = min(limit, end + 1 if end >= 0 else len(self._rest))
        found, self._rest = self._rest[:end], self._rest[end:]
        return found


def numbered_lines(file: OpenFile, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """Number (from 1) and text of each line with its line end made \\n; a byte-order mark is passed over.

    Raises:
        SelfspecError: bytes that the encoding does not have, gzip or zstd data that is cut off or damaged, a line of
            more than 64 MiB, a disk error; each with ``file:line``.
    """
    number = 0
    try:
        while raw := file.stream.readline(MAX_RECORD + 1):
            number += 1
            if len(raw) > MAX_RECORD:
                raise too_large(f"{file.path}:{number}")
            text = raw.decode("utf-8-sig" if number == 1 and encoding == "utf-8" else encoding)
            yield number, text[:-2] + "\n" if text.endswith("\r\n") else text
    except UnicodeDecodeError as error:
        reason = f"not {encoding.upper()} (byte {error.start + 1} of the line)"
        remedy = f"convert the file to {encoding.upper()}, for example with iconv, or name its encoding"
        raise SelfspecError(f"{file.path}:{number}", reason, remedy) from None
    except (EOFError, zlib.error, OSError) as error:
        raise read_error(file, f"{file.path}:{number + 1}", error) from None


def read_error(file: OpenFile, place: str, error: Exception) -> SelfspecError:
    """What went wrong while reading, in words."""
    if file.stream is not file.raw:  # gzip.BadGzipFile is an OSError, and so is what pyarrow says of zstd
        return SelfspecError(place, f"the {_kind(file)} data is cut off or damaged ({error})", "fetch the file again")
    return _unreadable(file.path, error)


def _kind(file: OpenFile) -> str:
    return "zstd" if isinstance(file.stream, _Zstd) else "gzip"


def too_large(place: str) -> SelfspecError:
    return SelfspecError(
        place,
        f"one document of more than {MAX_RECORD >> 20} MiB",
        "split it: a document is held in memory as a whole, a file is not",
    )


def _unreadable(path: Path, error: Exception) -> SelfspecError:
    reason = getattr(error, "strerror", None) or error
    return SelfspecError(path, f"cannot be read: {reason}", "check the corpus path and its permissions")
