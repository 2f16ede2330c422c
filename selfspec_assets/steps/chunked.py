"""A step's long work, cut into chunks that any process can make.

Bounds and batch shapes of a chunk follow from the recipe alone, never from who makes it or how many do, so in float32
its numbers are the same bytes whoever makes it.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from selfspec_assets.base.stopping import StopBetweenBatches
from selfspec_assets.warehouse import ChunkStore

Results = list[dict[str, Any]]


@dataclass(frozen=True)
class ChunkedWork:
    """Results 0..total-1 of one step; chunk n is the n-th batch of ``size`` of them.

    Attributes:
        store: where each result is a file of its own, so that another size finds all of them.
        make: the results of one chunk's indices.
    """

    store: ChunkStore
    total: int
    size: int
    make: Callable[[list[int]], Results]

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return math.ceil(self.total / self.size)

    @property
    def identity(self) -> str:
        """Equal in two processes only if they would make the same chunks: the work's signature, its name and bounds."""
        folder = self.store.folder
        return f"{folder.parent.name}/{folder.name}, {self.total} by {self.size}"

    def indices(self, chunk: int) -> list[int]:
        return list(range(chunk * self.size, min((chunk + 1) * self.size, self.total)))

    def stored(self, chunk: int) -> Results | None:
        """A chunk's results; None if one of them is missing."""
        results: Results = []
        for index in self.indices(chunk):
            file = self.store.get(index)
            if file is None:
                return None
            results.extend(file)
        return results

    def keep(self, chunk: int, results: Results) -> Results:
        """Stores what is not there yet of a chunk's results, and gives all of them as they are stored.

        Raises:
            SelfspecError: the disk is full or the folder cannot be written.
        """
        kept: Results = []
        for index, result in zip(self.indices(chunk), results, strict=True):
            file = self.store.get(index)
            if file is None:
                self.store.put(index, file := [result])
            kept.extend(file)
        return kept

    def results(self, chunk: int) -> Results:
        """A chunk's results, made as a whole if a part of them is missing, so that the batch has its own shape."""
        stored = self.stored(chunk)
        return self.keep(chunk, self.make(self.indices(chunk))) if stored is None else stored


class Prepared(BaseException):
    """Ends a step whose chunks are to be made by a worker; no error, and not to be caught as one."""

    def __init__(self, work: ChunkedWork) -> None:
        super().__init__(work.identity)
        self.work = work


class Hands(Protocol):
    """Whoever makes the chunks."""

    def results(self, chunk: int) -> Results:
        """A chunk's results, stored; a signal to stop is passed on once nothing would be lost."""
        ...


class Hire(Protocol):
    """Gets hands for a piece of work, and lets them go at its end."""

    def __call__(self, job: Any, work: ChunkedWork, stop: StopBetweenBatches, may_end_early: bool) -> Any: ...


class _Alone:
    def __init__(self, work: ChunkedWork, stop: StopBetweenBatches) -> None:
        self._work, self._stop = work, stop

    def results(self, chunk: int) -> Results:
        self._stop.here()
        return self._work.results(chunk)


@contextmanager
def alone(job: Any, work: ChunkedWork, stop: StopBetweenBatches, may_end_early: bool) -> Iterator[Hands]:
    """This process makes every chunk itself."""
    yield _Alone(work, stop)
