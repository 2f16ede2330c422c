"""Progress of long work, with an estimate of the time left."""

import time
from collections.abc import Callable

Report = Callable[[str], None]


class Progress:
    """Counts work and reports at most every ``every`` seconds, and at the end.

    The estimate is linear in what this process has done itself: work resumed from chunks does not make it rosy.
    """

    def __init__(self, what: str, total: int, report: Report, done: int = 0, every: float = 5.0) -> None:
        self._what, self._total, self._report = what, total, report
        self._resumed = self._done = done
        self._started = time.monotonic()
        self._last = self._started
        self._every = every
        if done:
            report(f"{what}: {done} of {total} were already there")

    def to(self, done: int, note: str = "") -> None:
        """Set the count of finished work."""
        self._done = done
        now = time.monotonic()
        if now - self._last < self._every and done < self._total:
            return
        self._last = now
        self._report(f"{self._what}: {done} of {self._total}{', ' + note if note else ''}{self._left(now)}")

    def enough(self, note: str) -> None:
        """The work ended before its total, as planned."""
        self._report(f"{self._what}: {self._done} were enough, {note}, took {clock(time.monotonic() - self._started)}")

    def _left(self, now: float) -> str:
        own = self._done - self._resumed
        if own <= 0 or self._done >= self._total:
            return f", took {clock(now - self._started)}" if self._done >= self._total else ""
        return f", about {clock((now - self._started) / own * (self._total - self._done))} left"


def clock(seconds: float) -> str:
    """``1:02:03``, ``2:03`` or ``3 s``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
