"""Runs that are asked to stop, and two runs of one partition at once."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.kill import victim
from tests.kill.lab import Lab, Paused, Place, Running, execute, log
from tests.kill.state import difference, state

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1200)]
ANSWERING, TUNING = (1, "responses"), (1, "adapter")


def without_events(found: list[str]) -> list[str]:
    """A second run that finds everything made tells Dagster so once more."""
    return [name for name in found if not name.startswith("event ")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("place", "point", "count"),
    [
        (ANSWERING, "chunk: before the rename", 2),
        (TUNING, "optimiser step", 2),
        (ANSWERING, "rows written", 1),
        (ANSWERING, "database: before the rename", 1),
    ],
)
def test_a_signal_stops_a_run_which_then_goes_on(
    lab: Lab, place: Place, point: str, count: int, number: signal.Signals
) -> None:
    folder = lab.copy(lab.before(place))
    stopped = Paused(folder, place, point, count)
    stopped.signal(number)
    assert stopped.go() == 1, log(folder)
    assert "was stopped; every finished batch is kept" in log(folder)
    if point.startswith("chunk"):
        batch = sorted(path.name for path in folder.glob("warehouse/work/*/answers/*"))
        assert batch == [f"{index:08d}.json" for index in range(lab.answers_at_a_time)], "the batch at hand is stored"
    if point == "optimiser step":
        assert [path.name for path in folder.glob("warehouse/work/*/checkpoints/*-*")] == [f"checkpoint-{count}"]
    assert execute(folder, victim.run, *place) == 0, log(folder)
    assert difference(state(folder), lab.expected(place)) == []


def test_a_second_signal_stops_at_once(lab: Lab) -> None:
    folder = lab.copy(lab.before(ANSWERING))
    stopped = Paused(folder, ANSWERING, "chunk: before the rename", 2)
    stopped.signal(signal.SIGTERM)
    time.sleep(0.5)  # two signals at once may arrive as one
    stopped.signal(signal.SIGTERM)
    assert stopped.wait() == 1, log(folder)
    assert len(list(folder.glob("warehouse/work/*/answers/*.json"))) == 1
    assert execute(folder, victim.run, *ANSWERING) == 0, log(folder)
    assert difference(state(folder), lab.expected(ANSWERING)) == []


def test_a_second_run_of_a_partition_waits_for_the_accelerator(lab: Lab) -> None:
    folder = lab.copy(lab.before(ANSWERING))
    first = Paused(folder, ANSWERING, "chunk: before the rename", 2)
    second = Running(folder, victim.run, *ANSWERING)
    end = time.monotonic() + 60
    while "holds the accelerator; steps that need it wait" not in log(folder):
        assert time.monotonic() < end, log(folder)
        time.sleep(0.1)
    assert first.go() == 0, log(folder)
    assert second.wait() == 0, log(folder)
    assert without_events(difference(state(folder), lab.expected(ANSWERING))) == []


def test_a_second_run_of_a_partition_is_refused(lab: Lab) -> None:
    place = (1, "passages")  # needs no accelerator
    folder = lab.copy(lab.before(place))
    first = Paused(folder, place, "rows written", 1)
    assert execute(folder, victim.run, *place) == 1
    assert "is being made by process" in log(folder) or "has the same work" in log(folder), log(folder)
    assert "wait until that process has ended, or stop it, then run again" in log(folder)
    assert first.go() == 0, log(folder)
    assert execute(folder, victim.run, *place) == 0
    assert difference(state(folder), lab.expected(place)) == []


def test_the_command_itself_killed_again_and_again(lab: Lab) -> None:
    """``selfspec run``, started anew after every kill at no particular moment, until it gets to its end."""
    folder = lab.copy(lab.fresh)
    drawing = random.Random(0)
    kills = 0
    variables = {"SELFSPEC_HOME": str(folder), "SELFSPEC_DATA": str(folder / "data")}
    command = [sys.executable, "-c", "from selfspec_assets.cli.app import main; main()", "run", "tiny"]
    while True:
        (folder / "log.txt").write_text("")
        with (folder / "log.txt").open("w") as written:
            process = subprocess.Popen(
                command, cwd=folder, env={**os.environ, **variables}, stdout=written, stderr=subprocess.STDOUT
            )
            while process.poll() is None and "making" not in log(folder):
                time.sleep(0.05)
            if kills < 5:
                time.sleep(drawing.uniform(0.0, 4.0))
                process.kill()
            ended = process.wait()
        if ended == 0:
            break
        assert ended == -signal.SIGKILL, log(folder)
        kills += 1
        lab.counted.add("at no particular moment")
    assert kills == 5
    lab.counted.add(recovered=kills)
    assert difference(state(folder), lab.expected((2, "scores"))) == []
    lab.counted.add(equal=kills)
