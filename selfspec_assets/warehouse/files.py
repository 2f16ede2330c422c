"""Durable writes, locks that die with their process, and file errors in words.

Every change that a reader may see goes through ``move``: a kill leaves either the old state or the new one.
"""

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from selfspec_assets.errors import SelfspecError
from selfspec_assets.failpoints import reached

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
# A write-ahead log that cannot be written fails the commit, and a checkpoint that cannot be written the whole database.
_OF_THE_DISK = (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException)
_GLANCE = 0.05  # seconds; to see whether a lock is held takes microseconds


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
        remedy = f"see that there is space at {folder} and that it may be written, then run again"
        raise SelfspecError(folder, str(error), remedy) from error


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


def _open_lock(path: Path) -> int:
    with storing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)


@contextmanager
def waiting(path: Path) -> Iterator[None]:
    """Holds the lock at ``path``, after whoever has it now. For short sections only."""
    descriptor = _open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def holding(path: Path, busy: Callable[[str], SelfspecError], uses: Sequence[str] = ()) -> Iterator[None]:
    """Holds the lock at ``path`` or fails at once; the kernel frees it when the process dies, however it dies.

    ``flock`` rather than a file that merely exists: nothing is left to clean up after a kill, and a second
    thread of the same process is kept out as well.

    Args:
        uses: what must not be removed while the lock is held; ``holder`` gives it back.

    Raises:
        SelfspecError: what ``busy`` makes of the holder's description ("process 12, since …").
    """
    descriptor = _open_lock(path)
    try:
        if not _locked(descriptor, fcntl.LOCK_EX):
            time.sleep(_GLANCE)  # it may be ``holder``, which only looks
            if not _locked(descriptor, fcntl.LOCK_EX):
                raise busy(str(_facts(path)))
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since": since, "uses": list(uses)}).encode(), 0)
        yield
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
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _locked(descriptor, fcntl.LOCK_SH) else _facts(path)
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
