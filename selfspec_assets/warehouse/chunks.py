"""The unfinished work of one step: numbered chunk files that survive a kill."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from selfspec_assets.base.files import below, storing, write_atomically
from selfspec_assets.base.signature import text_digest


class ChunkStore:
    """Chunks of one step under ``folder``; the file system is the truth about what is done.

    A chunk is one JSON text and, on a second line, its SHA-256: a file that a crash left torn, or that somebody
    edited, does not match and counts as absent. Any number of processes may write: what they make is the same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, index: int) -> Path:
        if index < 0:
            raise ValueError(f"chunk {index}: numbers start at 0")
        return self.folder / f"{index:08d}.json"

    def get(self, index: int) -> list[dict[str, Any]] | None:
        """The payload of a finished chunk, equal to what was put; None if it is absent or damaged."""
        try:
            text = self._path(index).read_text(encoding="ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        body, _, digest = text.partition("\n")
        if digest != text_digest(body) + "\n":
            return None
        payload: list[dict[str, Any]] = json.loads(body)
        return payload

    def put(self, index: int, payload: Sequence[Mapping[str, Any]]) -> None:
        """Stores a chunk as a whole, or not at all; it is on the disk when this returns.

        Raises:
            TypeError: a value that JSON does not give back as it was (a tuple, a key that is not text).
            ValueError: a float that is not finite.
            SelfspecError: the disk is full or the folder cannot be written.
        """
        body = json.dumps(payload, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        if json.loads(body) != payload:
            raise TypeError(f"chunk {index}: JSON does not give this payload back as it was")
        with storing(self.folder), self._alone():
            write_atomically(self._path(index), f"{body}\n{text_digest(body)}\n".encode(), "chunk")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two writers of one chunk would share its temporary file. The lock is the folder's own, so it leaves no file.

        A file system that cannot lock a folder is no worse than before: the step's lock keeps two runs apart.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def done(self) -> list[int]:
        """The numbers of all finished, undamaged chunks, ascending."""
        inside = (path for path in below(self.folder) if path.parent == self.folder)
        numbers = sorted(int(path.stem) for path in inside if path.suffix == ".json" and path.stem.isdecimal())
        return [index for index in numbers if self.get(index) is not None]
