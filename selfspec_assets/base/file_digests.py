"""Digests of files, those of large ones kept between processes: every command needs them, and 40 GB take minutes."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import waiting, write_atomically
from selfspec_assets.base.signature import file_digest_once

_KEPT_FROM = 256 << 20  # bytes of all the files together


def file_digests(paths: Sequence[Path]) -> dict[str, str]:
    """Path → SHA-256. Those of many bytes are kept in the warehouse, by the size and times of each file.

    Raises:
        SelfspecError: a file cannot be read.
    """
    try:
        large = sum(path.stat().st_size for path in paths) >= _KEPT_FROM
        return _kept(paths) if large else _computed(paths)
    except OSError as error:
        raise SelfspecError(error.filename, f"cannot be read: {error.strerror}", "check its permissions") from error


def _computed(paths: Sequence[Path]) -> dict[str, str]:
    return {str(path): file_digest_once(path) for path in paths}


def _kept(paths: Sequence[Path]) -> dict[str, str]:
    memory = home.warehouse_folder() / "file_digests.json"
    known = _remembered(memory)
    keys = {str(path): _state(path) for path in paths}
    kept = {path: str(known[path][-1]) for path, state in keys.items() if known.get(path, [None])[:-1] == state}
    missing = _computed([path for path in paths if str(path) not in kept])
    if missing:
        now = {path: [*keys[path], digest] for path, digest in missing.items()}
        lock = memory.parent / "locks" / "file_digests.lock"
        # Where nothing can be kept, the next process hashes again.
        with suppress(OSError, SelfspecError), waiting(lock):
            # Read again: another process may have added files of its own while this one hashed.
            write_atomically(memory, json.dumps({**_remembered(memory), **now}).encode(), "file digests")
    return {**kept, **missing}


def _remembered(memory: Path) -> dict[str, list[object]]:
    try:
        known = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _state(path: Path) -> list[object]:
    stat = path.stat()
    return [stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
