"""What earlier attempts at one step cost, and how the last one failed: ``attempts.json`` in its folder of work.

It also names the files of the recipes that made them, as a recipe may lie anywhere and ``selfspec gc`` has to ask it.
A run that was killed cannot say how long it worked, so its time is taken from the newest file that it left.
"""

import json
import stat
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import below, storing, write_atomically

_NAME = "attempts.json"


@dataclass(frozen=True)
class Failure:
    """How the last attempt at a revision ended; see ``SelfspecError``."""

    signature: str
    place: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class _State:
    spent: float = 0.0  # seconds of the attempts that have ended
    started: float | None = None  # seconds since the epoch, of an attempt whose end is not known
    failure: Failure | None = None
    recipes: tuple[str, ...] = ()


class Attempts:
    """The record of one folder of unfinished work. A damaged one counts as absent: only an estimate is lost."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / _NAME
        self._earlier, self._clock = 0.0, time.monotonic()

    def begin(self, recipe: Path) -> None:
        """Starts an attempt.

        Args:
            recipe: the file of the recipe that asks for it.

        Raises:
            SelfspecError: the folder cannot be written.
        """
        self._earlier, self._clock = self.spent(), time.monotonic()
        recipes = {*self._read().recipes, str(recipe.resolve())}
        self._write(_State(self._earlier, time.time(), None, tuple(sorted(recipes))))

    def recipes(self) -> tuple[Path, ...]:
        """The files of all recipes that worked here, whether they are still there or not."""
        return tuple(map(Path, self._read().recipes))

    @property
    def seconds(self) -> float:
        """What this attempt and the earlier ones took until now (s)."""
        return self._earlier + time.monotonic() - self._clock

    def end(self) -> None:
        """The attempt is over and has not failed.

        Raises:
            SelfspecError: the folder cannot be written.
        """
        self._write(_State(self.seconds, None, None, self._read().recipes))

    def fail(self, signature: str, error: Exception) -> None:
        """The attempt at this revision failed. Where that cannot be written down, the error itself matters more."""
        if isinstance(error, SelfspecError):
            failure = Failure(signature, error.place, error.reason, error.remedy)
        else:
            failure = Failure(signature, type(error).__name__, str(error), "see the run's log, then run again")
        with suppress(SelfspecError):
            self._write(_State(self.seconds, None, failure, self._read().recipes))

    def spent(self) -> float:
        """Seconds (s) of all attempts so far; of one that has not ended, until the newest file that it left."""
        state = self._read()
        return state.spent + (0.0 if state.started is None else max(0.0, self._newest() - state.started))

    def failure(self, signature: str) -> Failure | None:
        """How the last attempt at this revision failed; None if it did not, or was killed."""
        failure = self._read().failure
        return failure if failure is not None and failure.signature == signature else None

    def _newest(self) -> float:
        newest = 0.0
        for path in below(self._folder):
            with suppress(FileNotFoundError):  # somebody may be at work here
                facts = path.stat()
                if stat.S_ISREG(facts.st_mode) and path.name != _NAME:
                    newest = max(newest, facts.st_mtime)
        return newest

    def _read(self) -> _State:
        try:
            facts = json.loads(self._path.read_bytes())
            failure = None if facts["failure"] is None else Failure(**facts["failure"])
            started = None if facts["started"] is None else float(facts["started"])
            return _State(float(facts["spent"]), started, failure, tuple(map(str, facts.get("recipes", ()))))
        except (OSError, ValueError, KeyError, TypeError):
            return _State()

    def _write(self, state: _State) -> None:
        with storing(self._folder):
            write_atomically(self._path, json.dumps(asdict(state)).encode(), "attempts")
