"""Who makes which chunk: workers take the next that nobody has, one that is lost is given again, none is kept twice."""

import bisect
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.progress import Report
from selfspec_assets.base.stopping import StopBetweenBatches
from selfspec_assets.steps.chunked import ChunkedWork, Results

TRIES = 3  # workers that may die over one chunk, or while they prepare, before it is called a failure
_LOOK = 0.5  # seconds between two looks at signals; whatever else happens wakes the waiting at once


class WorkerLost(Exception):
    """A worker's process, node or actor is gone, and said nothing of why."""


class Worker(Protocol):
    """Somebody who makes chunks, driven by a thread of its own; ``close`` may come from another one at any time."""

    def ready(self) -> None:
        """Returns when the step is prepared. Raises: WorkerLost, SelfspecError."""
        ...

    def make(self, chunk: int) -> Results:
        """Raises: WorkerLost, SelfspecError."""
        ...

    def close(self) -> None:
        """Ends it, whatever it is at."""
        ...


class Team:
    """Makes a piece of work with several workers; this process alone stores what they made.

    Args:
        starters: one for each worker; called again when it has died.
        takes_part: whether this process makes chunks, too.
        ahead: that many chunks at most beyond the one that is asked for, where the work may end early; None: all.
        patience: seconds after which a chunk that holds up the end is given to a second worker; never before three
            times as long as any other took.
    """

    def __init__(
        self,
        work: ChunkedWork,
        starters: Sequence[Callable[[], Worker]],
        stop: StopBetweenBatches,
        report: Report,
        *,
        takes_part: bool,
        ahead: int | None = None,
        patience: float = 60.0,
    ) -> None:
        self._work, self._stop, self._report = work, stop, report
        self._takes_part, self._ahead, self._patience = takes_part, ahead, patience
        self._change = threading.Condition()
        self._open = [chunk for chunk in range(work.count) if work.stored(chunk) is None]
        self._done = set(range(work.count)) - set(self._open)
        self._at_work: dict[int, tuple[float, int]] = {}  # chunk -> when it was begun first, by how many now
        self._losses: dict[int | None, int] = {}  # by chunk; None: while preparing
        self._first, self._longest, self._ending = 0, 0.0, False
        self._failure: BaseException | None = None
        self._workers: list[Worker] = []
        needed = starters[: max(0, len(self._open) - takes_part)]
        self._threads = [threading.Thread(target=self._drive, args=(start,), daemon=True) for start in needed]
        for thread in self._threads:
            thread.start()

    def results(self, chunk: int) -> Results:
        """A chunk's results, stored; until they are there this process makes what nobody has taken.

        Raises:
            SelfspecError: what a worker met, or too many have died over one chunk.
        """
        while True:
            with self._change:
                self._first = chunk
                self._change.notify_all()
                if self._failure is not None:
                    raise self._failure
                if self._stop.asked:
                    self._let_them_finish()
                if chunk in self._done:
                    break
                own = self._take() if self._takes_part else None
                if own is None:
                    self._change.wait(_LOOK)
                    continue
            self._finish(own, self._work.make(self._work.indices(own)))
        self._stop.here()
        return self._work.results(chunk)

    def close(self) -> None:
        """Ends all workers; what they are at is lost."""
        with self._change:
            self._ending = True
            self._change.notify_all()
            workers = list(self._workers)
        for worker in workers:
            worker.close()
        for thread in self._threads:
            thread.join(10)

    def _let_them_finish(self) -> None:
        """After a signal: nothing new is begun, and what the workers are at is stored before it is passed on."""
        self._ending = True
        while self._at_work and self._failure is None:
            self._change.wait(_LOOK)
        self._stop.here()

    def _drive(self, start: Callable[[], Worker]) -> None:
        worker: Worker | None = None
        try:
            while self._wait_for_work():
                chunk: int | None = None
                try:
                    worker = worker or self._begun(start)
                    with self._change:
                        chunk = None if self._ending else self._take()
                    if chunk is not None:
                        self._finish(chunk, worker.make(chunk))
                except WorkerLost as lost:
                    self._retire(worker)
                    worker = None
                    self._lost(chunk, lost)
        except BaseException as error:
            with self._change:
                self._failure = self._failure or error
                self._change.notify_all()
        finally:
            self._retire(worker)

    def _begun(self, start: Callable[[], Worker]) -> Worker:
        worker = start()
        with self._change:
            self._workers.append(worker)
            ending = self._ending
        if ending:  # ``close`` may have looked before it was there
            self._retire(worker)
            raise WorkerLost("the run ends")
        try:
            worker.ready()
        except BaseException:
            self._retire(worker)
            raise
        return worker

    def _retire(self, worker: Worker | None) -> None:
        if worker is not None:
            worker.close()
            with self._change:
                self._workers = [other for other in self._workers if other is not worker]

    def _wait_for_work(self) -> bool:
        """False: there will be none any more."""
        with self._change:
            while not self._ending and self._failure is None and len(self._done) < self._work.count:
                if self._next() is not None:
                    return True
                self._change.wait(_LOOK)
            return False

    def _next(self) -> int | None:
        """The next chunk to be made: one that nobody has, or one that holds up the end."""
        limit = self._work.count if self._ahead is None else self._first + 1 + self._ahead
        if self._open and self._open[0] < limit:
            return self._open[0]
        late = max(self._patience, 3 * self._longest)
        now = time.monotonic()
        return next((c for c, (since, by) in self._at_work.items() if by == 1 and now - since > late), None)

    def _take(self) -> int | None:
        chunk = self._next()
        if chunk is not None:
            if chunk in self._open:
                self._open.remove(chunk)
            else:
                self._report(f"chunk {chunk} takes long: a second worker makes it, too")
            since, by = self._at_work.get(chunk, (time.monotonic(), 0))
            self._at_work[chunk] = since, by + 1
        return chunk

    def _finish(self, chunk: int, results: Results) -> None:
        with self._change:
            if chunk not in self._done:  # else another worker was faster
                self._work.keep(chunk, results)
                self._done.add(chunk)
                self._longest = max(self._longest, time.monotonic() - self._at_work[chunk][0])
            self._at_work.pop(chunk, None)
            self._change.notify_all()

    def _lost(self, chunk: int | None, lost: WorkerLost) -> None:
        with self._change:
            if self._ending or chunk in self._done:
                self._at_work.pop(chunk, None) if chunk is not None else None
                self._change.notify_all()
                return
            if chunk is not None:
                since, by = self._at_work[chunk]
                if by > 1:
                    self._at_work[chunk] = since, by - 1
                else:
                    del self._at_work[chunk]
                    bisect.insort(self._open, chunk)
            self._losses[chunk] = self._losses.get(chunk, 0) + 1
            what = "while it loaded" if chunk is None else f"at chunk {chunk}, which is made again"
            self._report(f"a worker was lost {what}: {lost}")
            self._change.notify_all()
            if self._losses[chunk] >= TRIES:
                reason = f"{TRIES} workers were lost {what.split(',')[0]}, the last: {lost}"
                remedy = "see what they wrote, and whether the memory is enough for so many; or run with --workers 1"
                raise SelfspecError("execution.workers", reason, remedy)
