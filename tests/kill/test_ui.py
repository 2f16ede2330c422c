"""Runs that the UI launched, killed, terminated, or gone with their server: Dagster's own state recovers by itself.

``dagster.yaml`` says within which time: ``run_monitoring`` polls every ``poll_interval_seconds`` and frees the slots of
a finished run ``free_slots_after_run_end_seconds`` after its end.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
import yaml

from tests.checkout import ROOT
from tests.conftest import Project
from tests.kill.lab import Lab, lines
from tests.ui_server import Server, launch, serving

pytestmark = [pytest.mark.kill, pytest.mark.timeout(900)]
MONITORING = yaml.safe_load((ROOT / "dagster.yaml").read_text())["run_monitoring"]
POLL, FREE = MONITORING["poll_interval_seconds"], MONITORING["free_slots_after_run_end_seconds"]
WITHIN = 3 * POLL + FREE + 30  # seconds; 30 for starting a run's process on a busy machine
TERMINATE = """mutation($id: String!) { terminateRun(runId: $id) {
  __typename ... on TerminateRunFailure { message } ... on PythonError { message } } }"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
REST = ("responses", "adapter")
MAIN = "from selfspec_assets.cli.app import main; main()"
RUN = [sys.executable, "-c", MAIN, "run", "tiny", "--iterations", "1"]


SECONDS = 8  # for an answer
# Python imports this module by itself when it finds it; so every process of the server is slow, until told otherwise.
SLOW = f"""
import pathlib, time
from selfspec_assets.base import failpoints
def wait(point):
    end = time.monotonic() + ({SECONDS} if point == "chunk: before the rename" else 0)
    while time.monotonic() < end and not pathlib.Path(__file__).with_name("quick").exists():
        time.sleep(0.1)
failpoints.listen(wait)
"""


@pytest.fixture
def slow(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project before the answers of iteration 1, each of which takes long."""
    folder = lab.copy(lab.before((1, "responses")))
    project = Project(folder)
    path = folder / "recipes" / "tiny.yaml"
    project.recipe = yaml.safe_load(path.read_text())
    project.recipe["responses"].update(batch_size=1)
    path.write_text(yaml.safe_dump(project.recipe))
    (folder / "sitecustomize.py").write_text(SLOW)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setenv("SELFSPEC_HOME", str(folder))
    monkeypatch.setenv("SELFSPEC_DATA", str(folder / "data"))
    monkeypatch.setenv("DAGSTER_HOME", str(folder / ".dagster"))
    return project


def answers(project: Project) -> list[Path]:
    return sorted(project.folder.glob("warehouse/work/*/answers/*.json"))


def quick(project: Project) -> None:
    (project.folder / "quick").touch()


def status(server: Server, run_id: str) -> str:
    return str(server.ask(STATUS, id=run_id)["runOrError"]["status"])


def stored_status(project: Project, run_id: str) -> str:
    """Without a server, whose daemon may change it before it can be asked."""
    with dg.DagsterInstance.from_config(str(project.folder / ".dagster")) as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        return run.status.value


def process_of(project: Project) -> int:
    """The process that holds the lock of the answers."""
    (lock,) = project.folder.glob("warehouse/locks/tiny~responses~botany~1.lock")
    return int(json.loads(lock.read_text())["pid"])


def slots(project: Project) -> set[str]:
    with dg.DagsterInstance.from_config(str(project.folder / ".dagster")) as instance:
        return set(instance.event_log_storage.get_concurrency_info("gpu").active_run_ids)


def until_answers_are_made(server: Server, project: Project, run_id: str) -> None:
    server.wait_for("the first answer", lambda: answers(project), 120)
    assert status(server, run_id) == "STARTED"
    assert slots(project) == {run_id}


def test_a_killed_run_gives_back_its_status_slot_and_queue(slow: Project) -> None:
    with serving(slow) as server:
        first = launch(server, "botany|1", REST)
        until_answers_are_made(server, slow, first)
        second = launch(server, "botany|1", REST)  # of the same domain: it has to wait
        time.sleep(8)
        assert status(server, second) == "QUEUED"
        there = len(answers(slow))
        os.kill(process_of(slow), signal.SIGKILL)
        killed = time.monotonic()
        server.wait_for("the killed run's status", lambda: status(server, first) == "FAILURE", WITHIN)
        server.wait_for("the queue", lambda: status(server, second) in ("STARTED", "SUCCESS"), WITHIN)
        server.wait_for("the slot", lambda: first not in slots(slow), WITHIN)
        server.wait_for("the slot's next holder", lambda: slots(slow) == {second}, WITHIN)
        lines.append(f"a killed run of the UI: status, slot and queue back after {time.monotonic() - killed:.0f} s")
        server.wait_for("one more answer", lambda: len(answers(slow)) > there, 120)
        server.ask(TERMINATE, id=second)
        server.wait_for("the end", lambda: server.finished(second), 120)


def test_terminate_stops_at_the_next_answer(slow: Project) -> None:
    with serving(slow) as server:
        run_id = launch(server, "botany|1", REST)
        until_answers_are_made(server, slow, run_id)
        before = {path: path.read_bytes() for path in answers(slow)}
        answer: dict[str, Any] = server.ask(TERMINATE, id=run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer
        assert server.wait_for("the end", lambda: server.finished(run_id), 120) == "CANCELED"
        after = answers(slow)
        assert len(before) < len(after) <= len(before) + 2, "the answer at hand was stored, and no other begun"
        assert all(path.read_bytes() == data for path, data in before.items())
        server.wait_for("the slot", lambda: not slots(slow), WITHIN)
        quick(slow)
        again = launch(server, "botany|1", REST)
        assert server.wait_for("a run after it", lambda: server.finished(again), 180) == "SUCCESS"


def test_a_run_that_died_with_its_server_is_seen_by_the_next_one(slow: Project) -> None:
    lost = lost_with_its_server(slow)
    assert stored_status(slow, lost) == "STARTED", "nobody is there to notice"
    with serving(slow) as server:
        waiting = launch(server, "botany|1", REST)
        server.wait_for("the lost run's status", lambda: status(server, lost) == "FAILURE", WITHIN)
        assert server.wait_for("the run after it", lambda: server.finished(waiting), WITHIN + 120) == "SUCCESS"


def test_the_command_line_goes_on_where_the_uis_run_was_killed(slow: Project) -> None:
    lost = lost_with_its_server(slow)
    done = subprocess.run(RUN, cwd=slow.folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"run {lost[:8]} was killed: it is marked as ended" in done.stdout
    assert slots(slow) == set()


def test_a_living_run_of_the_command_line_is_not_taken_for_dead(slow: Project) -> None:
    """The daemon polls while ``selfspec run`` works in a process that the daemon did not start."""
    with serving(slow) as server, (slow.folder / "log.txt").open("w") as log:
        process = subprocess.Popen(RUN, cwd=slow.folder, stdout=log, stderr=subprocess.STDOUT)
        try:
            server.wait_for("the first answer", lambda: answers(slow), 120)
            (run_id,) = slots(slow)
            time.sleep(2 * POLL + 5)
            assert process.poll() is None, "too fast to tell"
            assert status(server, run_id) == "STARTED"
        finally:
            process.terminate()
            process.wait(120)
        assert server.wait_for("its end", lambda: server.finished(run_id), 30) in ("CANCELED", "FAILURE")


def lost_with_its_server(project: Project) -> str:
    """The id of a run whose process was killed together with its server; from then on answers are quick."""
    with serving(project) as server:
        lost = launch(server, "botany|1", REST)
        until_answers_are_made(server, project, lost)
        kill_everything(project)
        server.was_killed = True
    quick(project)
    return lost


def kill_everything(project: Project) -> None:
    """The web server, the daemon, the code server and the run's process at once, as when the machine goes down."""
    session = os.getsid(process_of(project))
    assert session != os.getsid(0)
    for pid in psutil.pids():
        with suppress(ProcessLookupError):
            if os.getsid(pid) == session:
                os.kill(pid, signal.SIGKILL)
