"""Where an export goes: a folder that is there whole or not at all.

It is built beside its place and renamed. The folder that is built in is locked, so a second export to the same place is
refused, and what a killed one left is cleared by the next.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import fsync_tree, move, remove, storing

RECORD = "selfspec_export.json"  # marks a folder as an export: nothing else is ever replaced


def check_target(path: Path, force: bool) -> None:
    """Before any work.

    Raises:
        SelfspecError: something is there, and may not or must not be replaced.
    """
    if not os.path.lexists(path):
        return
    if not force:
        raise SelfspecError(path, "exists already", "name another --output, or replace the export there with --force")
    if path.is_symlink() or not (path / RECORD).is_file():
        raise SelfspecError(
            path,
            f"is no folder that an export made (it has no {RECORD}), so --force does not replace it",
            "move it away",
        )


@contextmanager
def new_folder(path: Path, force: bool, about: Mapping[str, object]) -> Iterator[Path]:
    """Yields an empty folder; what is in it when the block ends well is at ``path`` then, and durable.

    Args:
        about: what the export is of, for its record.

    Raises:
        SelfspecError: see ``check_target``; another export is writing to the same place; the disk is full.
    """
    path = Path(os.path.abspath(path))
    building, former = path.with_name(f".{path.name}.export"), path.with_name(f".{path.name}.former")
    with storing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        if former.exists() and not os.path.lexists(path):  # killed between the two renames below
            os.rename(former, path)
        check_target(path, force)
        building.mkdir(exist_ok=True)
        lock = os.open(building, os.O_RDONLY)
    try:
        _take(lock, path)
        with storing(building):
            for left in list(building.iterdir()):
                remove(left)
        try:
            yield building
            with storing(building):
                (building / RECORD).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
                _as_usual(building)
                fsync_tree(building)
                _put(building, path, former)
        except BaseException:
            if building.exists():
                remove(building)
            raise
    finally:
        os.close(lock)


def _as_usual(folder: Path) -> None:
    """Libraries write weights through temporary files, which nobody else may read: the usual rights again."""
    mask = os.umask(0)
    os.umask(mask)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o666 & ~mask)


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SelfspecError(
            path, "is being written by another export", "wait for it, or name another --output"
        ) from error


def _put(building: Path, path: Path, former: Path) -> None:
    if former.exists():
        remove(former)
    if path.exists():
        os.rename(path, former)
    try:
        move(building, path, "export")
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise SelfspecError(path, "came up while the export was made", "name another --output") from error
        raise
    if former.exists():
        remove(former)
