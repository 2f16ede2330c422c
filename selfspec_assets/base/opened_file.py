"""The one way in which a file's bytes are had: unpacked by its first bytes, and refused where they are no text."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.file_kinds import HEAD, PAGE, Kind, is_page, not_text, office_kind, packing

DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)  # what reading packed data may raise


@dataclass(frozen=True)
class OpenFile:
    """A file that is being read.

    Attributes:
        name: what tables call it.
        raw: its bytes on the disk.
        stream: what they hold, unpacked.
        packed: how they are packed, as ``file_kinds.packing``.
    """

    path: Path
    name: str
    raw: IO[bytes]
    stream: io.BufferedReader
    packed: str

    def position(self) -> int:
        """Bytes of the file on the disk that have been read: what progress is measured in."""
        return self.raw.tell()

    def head(self) -> bytes:
        """The first bytes of what it holds, which stay to be read; to be asked before anything is read.

        Raises:
            OSError, …: those of ``DAMAGE``.
        """
        return self.stream.peek(HEAD)[:HEAD]

    def text_stream(self, encoding: str = "utf-8", *, pages: bool = False) -> io.BufferedReader:
        """``stream``, unless it is no text.

        Args:
            pages: an HTML page is text, too.

        Raises:
            SelfspecError: it is of another kind, which is named with what to do.
            OSError, …: those of ``DAMAGE``.
        """
        head = self.head()
        kind = PAGE if not pages and is_page(head) else not_text(head, encoding)
        if kind is not None:
            raise _of_another_kind(self.path, kind)
        return self.stream


@contextmanager
def opened(path: Path, name: str = "") -> Iterator[OpenFile]:
    """The file, unpacked if it is gzip, bzip2, xz, zstd, or a zip archive of one file.

    Raises:
        SelfspecError: it cannot be read, or is an archive of several files or a document of another program.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError as error:
        raise SelfspecError(repr(str(path)), f"is not a file's name: {error}", "correct the name") from None
    with raw:
        try:
            packed = packing(raw.peek(16))
        except OSError as error:
            raise _unreadable(path, error) from None
        yield OpenFile(path, name or str(path), raw, _unpacked(path, raw, packed), packed)


def read_error(file: OpenFile, place: object, error: Exception) -> SelfspecError:
    """What went wrong while reading, in words: one of ``DAMAGE``."""
    if file.packed:  # gzip.BadGzipFile is an OSError, and so is what bz2 and pyarrow say of damage
        return _damaged(place, file.packed, error)
    return _unreadable(file.path, error)


def kind_of(path: Path) -> Kind | None:
    """What a file is that is no text, or packed; None: text, or unknown, or it cannot be read."""
    try:
        with path.open("rb") as raw:
            head = raw.read(HEAD)
    except OSError:
        return None
    packed = packing(head)
    return Kind(f"packed as {packed}", "unpack it") if packed else PAGE if is_page(head) else not_text(head)


def _unpacked(path: Path, raw: io.BufferedReader, packed: str) -> io.BufferedReader:
    if not packed:
        return raw
    if packed == "zip":
        stream: Any = _only_member(path, raw)
    elif packed == "zstd":
        import pyarrow as pa

        stream = pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd")
    elif packed == "gzip":
        stream = gzip.GzipFile(fileobj=raw)
    else:
        stream = bz2.BZ2File(raw) if packed == "bzip2" else lzma.LZMAFile(raw)  # noqa: SIM115
    return io.BufferedReader(cast(io.RawIOBase, stream), 1 << 16)


def _only_member(path: Path, raw: IO[bytes]) -> IO[bytes]:
    """The one file of a zip archive; what a Mac adds beside it does not count."""
    try:
        archive = zipfile.ZipFile(raw)
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        if (kind := office_kind(names)) is not None:
            raise _of_another_kind(path, kind)
        files = [name for name in names if not name.startswith("__MACOSX/") and not Path(name).name.startswith(".")]
        if len(files) != 1:
            named = f": {', '.join(files[:3])}{' …' if len(files) > 3 else ''}" if files else ""
            reason = f"is a zip archive of {len(files)} files{named}"
            raise SelfspecError(path, reason, "unpack it, and name the file that is meant")
        return archive.open(files[0])
    except DAMAGE as error:
        raise _damaged(path, "zip", error) from None
    except (RuntimeError, NotImplementedError) as error:  # a password; a compression that Python lacks
        raise SelfspecError(path, f"the zip archive cannot be read: {error}", "unpack it") from None


def _of_another_kind(path: Path, kind: Kind) -> SelfspecError:
    return SelfspecError(path, f"is {kind.name}", kind.remedy)


def _damaged(place: object, packed: str, error: Exception) -> SelfspecError:
    return SelfspecError(place, f"the {packed} data is cut off or damaged ({error})", "get the file again")


def _unreadable(path: Path, error: Exception) -> SelfspecError:
    if isinstance(error, FileNotFoundError):
        return SelfspecError(path, "cannot be read: the file does not exist", "add it, or correct its name")
    reason = getattr(error, "strerror", None) or error
    return SelfspecError(path, f"cannot be read: {reason}", "give a file that can be read; look at its permissions")
