"""Durable writes, locks that die with their process, and file errors in words.

Every change that a reader may see goes through ``move``: a kill leaves either the old state or the new one.
"""

import errno
import fcntl
import json
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.failpoints import reached

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
# A write-ahead log that cannot be written fails the commit, and a checkpoint that cannot be written the whole database.
_OF_THE_DISK = (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException)
_PATIENCE = 2.0  # seconds; to see whether a lock is held takes microseconds, but many may look on a busy machine
_PAUSE = 0.02  # seconds between two tries


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Turns a file error on the way to ``folder`` into a SelfspecError that names the path and the remedy."""
    try:
        yield
    except OSError as error:
        place = error.filename or folder
        reason = f"cannot be written: {os.strerror(error.errno) if error.errno else error}"
        raise SelfspecError(place, reason, _remedy(error.errno, folder)) from error
    except _OF_THE_DISK as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: Exception) -> SelfspecError:
    """What a library says that could not write to ``folder`` and does not give the system's own error."""
    remedy = f"see that there is space at {folder} and that it may be written, then run again"
    return SelfspecError(folder, f"cannot be written: {error}", remedy)


def _remedy(number: int | None, folder: Path) -> str:
    if number in _FULL:
        return f"free space on the disk of {folder}, then run again; finished work is kept"
    if number in _FORBIDDEN:
        return f"give this user the right to write to {folder}, or work in another project folder, then run again"
    return f"mend what the system reports about {folder}, then run again; finished work is kept"


def fsync(path: Path) -> None:
    """Forces a file's bytes, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_tree(folder: Path) -> None:
    """Forces everything below a folder to the disk, the folder itself last."""
    for path in sorted(folder.rglob("*"), reverse=True):
        fsync(path)
    fsync(folder)


def move(source: Path, target: Path, what: str = "file") -> None:
    """Renames in one step and makes the new name durable; a file at ``target`` is replaced.

    Args:
        what: is being committed; names the failpoints on both sides of the rename.
    """
    reached(f"{what}: before the rename")
    os.replace(source, target)
    reached(f"{what}: after the rename")
    fsync(target.parent)


def write_file(path: Path, data: bytes) -> None:
    """Writes a new file and forces its bytes to the disk; the folder's own entry is the caller's to force."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def write_atomically(path: Path, data: bytes, what: str) -> None:
    """Replaces ``path`` as a whole; the caller keeps other writers of it out by a lock.

    The temporary file has one name, so that the next writer overwrites what a killed one left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        write_file(temporary, data)
        move(temporary, path, what)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove(path: Path) -> None:
    """Removes a file or a folder with all that is in it; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def below(folder: Path) -> Iterator[Path]:
    """Every file and folder below a folder, without following links; what vanishes during the walk is left out."""
    for parent, folders, names in os.walk(folder):  # unlike rglob, which fails when a folder has gone
        yield from (Path(parent, name) for name in (*folders, *names))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what has gone counts as nothing."""
    return sum(_file_size(file) for file in (path, *below(path)))


def _file_size(path: Path) -> int:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return 0
    return facts.st_size if stat.S_ISREG(facts.st_mode) else 0


def _open_lock(path: Path) -> int:
    with storing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)


def _take(path: Path, wait: bool) -> int | None:
    """A descriptor that holds the lock at ``path``; None if somebody else holds it and ``wait`` is not set."""
    while True:
        descriptor = _open_lock(path)
        try:
            if not wait and not _locked(descriptor, fcntl.LOCK_EX):
                os.close(descriptor)
                return None
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # ``remove_lock`` was faster: this file has no name any more, so others lock another


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Holds the lock at ``path``, after whoever has it now. For short sections only."""
    descriptor = _take(path, wait=True)
    assert descriptor is not None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def holding(path: Path, busy: Callable[[str], SelfspecError], uses: Sequence[str] = ()) -> Iterator[None]:
    """Holds the lock at ``path`` or fails within seconds; the kernel frees it when the process dies, however it dies.

    ``flock`` rather than a file that merely exists: nothing is left to clean up after a kill, and a second
    thread of the same process is kept out as well.

    Args:
        uses: what must not be removed while the lock is held; ``holder`` gives it back.

    Raises:
        SelfspecError: what ``busy`` makes of the holder's description ("process 12, since …"), or the disk is full.
    """
    end = time.monotonic() + _PATIENCE
    while (descriptor := _take(path, wait=False)) is None:
        if time.monotonic() > end:  # until then it may be ``holder``, which only looks
            raise busy(str(_facts(path)))
        time.sleep(_PAUSE)
    try:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        with storing(path):
            _write_text(descriptor, json.dumps({"pid": os.getpid(), "since": since, "uses": list(uses)}))
        yield
    finally:
        with suppress(OSError):
            os.ftruncate(descriptor, 0)  # or whoever looks next would be told of a process that has let go
        os.close(descriptor)


def _write_text(descriptor: int, text: str) -> None:
    """Replaces what a file holds; a write that a full disk cut short is gone on with, and then fails by name."""
    data, written = text.encode(), 0
    os.ftruncate(descriptor, 0)
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], written)


def remove_lock(path: Path) -> None:
    """Removes the file of a lock that nobody holds. Whoever waits for it sees that it has gone and locks a new one."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        if _locked(descriptor, fcntl.LOCK_EX) and _is_at(descriptor, path):
            path.unlink()
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Holder:
    """Who holds a lock; ``uses`` is None while the holder has not written it yet."""

    who: str
    uses: tuple[str, ...] | None

    def __str__(self) -> str:
        return self.who


def holder(path: Path) -> Holder | None:
    """Who holds the lock at ``path`` now; None if nobody does. Nothing is written."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            free = _locked(descriptor, fcntl.LOCK_SH)
            if _is_at(descriptor, path):  # else it was removed meanwhile, and somebody may hold a new one
                return None if free else _facts(path)
        finally:
            os.close(descriptor)


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _facts(path: Path) -> Holder:
    try:
        facts = json.loads(path.read_text())
        return Holder(f"process {facts['pid']}, since {facts['since']}", tuple(facts["uses"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder("another process", None)  # it has the lock but has not written its name yet
