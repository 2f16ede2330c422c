"""Projects that are stopped before one step, copies of them to kill, and what was counted."""

import itertools
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import Project
from tests.kill import victim
from tests.kill.state import DATABASE, State, difference, published, state, torn

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.kill.victim"])
FLOW = (
    *((0, step) for step in ("seeds", "corpus", "index", "benchmarks", "base_predictions", "base_scores")),
    *(
        (n, step)
        for n in (1, 2)
        for step in ("instructions", "passages", "responses", "adapter", "predictions", "scores")
    ),
)
Place = tuple[int, str]
TIMEOUT = 600  # seconds; on a busy machine a run takes long
lines: list[str] = []  # more for the table at the end


@dataclass
class Counted:
    """What the table at the end says."""

    points: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    recovered: int = 0
    equal: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, point: str | None = None, *, recovered: int = 0, equal: int = 0) -> None:
        """One kill at a point, or what came of kills."""
        with self._lock:
            if point is not None:
                self.points[point] += 1
                self.killed += 1
            self.recovered += recovered
            self.equal += equal


class Running:
    """``work(folder, …)`` in a process of its own."""

    def __init__(
        self, folder: Path, work: Callable[..., None], *arguments: object, environment: dict[str, str] | None = None
    ) -> None:
        self.folder = folder
        self._process = SERVER.Process(target=victim.main, args=(folder, environment or {}, work, *arguments))
        self._process.start()

    def wait(self) -> int:
        """The exit code, or minus the signal that ended it."""
        self._process.join(TIMEOUT)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
            raise AssertionError(f"it hung: {log(self.folder)}")
        return self._process.exitcode

    def signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


class Paused(Running):
    """One that waits at a point until it is let go."""

    def __init__(self, folder: Path, place: Place, point: str, count: int = 1) -> None:
        environment = {victim.VARIABLE: f"{point}:{count}", victim.PAUSE: "yes"}
        super().__init__(folder, victim.run, *place, environment=environment)
        end = time.monotonic() + TIMEOUT
        while not (folder / "paused").exists():
            assert self._process.is_alive(), log(folder)
            assert time.monotonic() < end, f"it never came to {point}: {log(folder)}"
            time.sleep(0.02)

    def go(self) -> int:
        (self.folder / "go").touch()
        return self.wait()


def execute(
    folder: Path, work: Callable[..., None], *arguments: object, environment: dict[str, str] | None = None
) -> int:
    """Runs to the end; the exit code, or minus the signal that ended it."""
    return Running(folder, work, *arguments, environment=environment).wait()


def log(folder: Path) -> str:
    path = folder / "log.txt"
    return path.read_text() if path.exists() else ""


class Lab:
    """Makes each prepared project once. ``folder``: where all of them lie."""

    def __init__(self, folder: Path, fresh: Project) -> None:
        self.folder, self.fresh = folder, fresh.folder
        self.target = int(fresh.recipe["instructions"]["target"])
        self.answers_at_a_time = int(fresh.recipe["responses"]["batch_size"])
        self.counted = Counted()
        self._after: dict[Place, Path] = {}
        self._states: dict[Place, State] = {}
        self._numbers = itertools.count()

    def copy(self, of: Path) -> Path:
        folder = self.folder / f"copy{next(self._numbers)}" / "project"
        shutil.copytree(of, folder, symlinks=True)
        (folder / "log.txt").unlink(missing_ok=True)
        return folder

    def before(self, place: Place) -> Path:
        """The project as it is when that step's turn comes."""
        number = FLOW.index(place)
        return self.after(FLOW[number - 1]) if number else self.fresh

    def after(self, place: Place) -> Path:
        """The project as an undisturbed run of that step leaves it, with the points that were reached beside it."""
        if place not in self._after:
            folder = self.copy(self.before(place))
            assert execute(folder, victim.run, *place, folder.parent / "points") == 0, log(folder)
            self._after[place] = folder
        return self._after[place]

    def skip_to(self, place: Place) -> None:
        """Make everything before that step in one run, which is faster."""
        last = FLOW[FLOW.index(place) - 1]
        if last not in self._after:
            folder = self.copy(self.fresh)
            assert execute(folder, victim.run, *last) == 0, log(folder)
            self._after[last] = folder

    def points(self, place: Place) -> Counter[str]:
        """The points that the step reaches in an undisturbed run, and how often."""
        return Counter((self.after(place).parent / "points").read_text().splitlines())

    def expected(self, place: Place) -> State:
        if place not in self._states:
            self._states[place] = state(self.after(place))
        return self._states[place]

    def kill_at_every_point(self, place: Place) -> None:
        """At each point, the first time that it is reached and, where there are more, in the middle; two at once."""
        self.expected(place)
        cases = [(point, count) for point, times in self.points(place).items() for count in {1, times // 2 + 1}]
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(lambda case: self.kill_and_run_again(place, *case), sorted(cases)):
                pass

    def kill_and_run_again(self, place: Place, point: str, count: int = 1) -> None:
        """The heart of these tests: SIGKILL at a point, look at what a reader sees, run again, compare all bytes."""
        where = f"{place[1]} of iteration {place[0]}, {point}:{count}"
        folder = self.copy(self.before(place))
        killed = execute(folder, victim.run, *place, environment={victim.VARIABLE: f"{point}:{count}"})
        assert killed == -signal.SIGKILL, f"{where}: ended with {killed}: {log(folder)}"
        self.counted.add(point)
        assert torn(folder) == [], where
        tables = published(folder / "warehouse" / DATABASE)
        whole = [published(one / "warehouse" / DATABASE) for one in (self.before(place), self.after(place))]
        assert tables in whole, f"{where}: the published tables are half of each"
        ended = execute(folder, victim.run, *place)
        assert ended == 0, f"{where}: the run after the kill failed: {log(folder)}"
        self.counted.add(recovered=1)
        assert difference(state(folder), self.expected(place)) == [], where
        self.counted.add(equal=1)
        shutil.rmtree(folder.parent)
