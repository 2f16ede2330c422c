"""Which runs are dead, told from their processes, and what is done about them; with the shipped settings."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus

from selfspec_assets.base import home
from selfspec_assets.orchestration import launcher, runner
from tests.conftest import Project

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def instance(project: Project) -> Iterator[dg.DagsterInstance]:
    home.prepare_dagster()
    with dg.DagsterInstance.get() as found:
        yield found


@dg.op(pool="gpu")
def linger() -> None:
    Path(os.environ["DAGSTER_HOME"], "running").touch()
    time.sleep(120)


@dg.job(executor_def=dg.in_process_executor)
def lingering() -> None:
    linger()


def run_it() -> None:
    with dg.DagsterInstance.get() as instance:
        lingering.execute_in_process(instance=instance)


def test_the_shipped_settings_name_this_launcher(instance: dg.DagsterInstance) -> None:
    assert type(instance.run_launcher) is launcher.LocalRunLauncher
    assert instance.run_launcher.supports_check_run_worker_health


def test_a_run_is_dead_when_its_process_is(instance: dg.DagsterInstance) -> None:
    process = SPAWN.Process(target=run_it)
    process.start()
    end = time.monotonic() + 120
    while not Path(os.environ["DAGSTER_HOME"], "running").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    (run,) = instance.get_runs()
    slots = instance.event_log_storage.get_concurrency_info
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    assert launcher.clear_dead_runs(instance) == []
    assert slots("gpu").active_run_ids == {run.run_id}

    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    while process.is_alive():  # not waited for yet, a dead child is still in the process table
        time.sleep(0.01)
    health = instance.run_launcher.check_run_worker_health(run)
    assert health.status == WorkerStatus.NOT_FOUND
    assert health.msg == f"its process {process.pid} is gone"
    assert launcher.clear_dead_runs(instance) == [run.run_id]
    assert slots("gpu").active_run_ids == set()
    (after,) = instance.get_runs()
    assert after.status == dg.DagsterRunStatus.FAILURE
    assert launcher.clear_dead_runs(instance) == []


def test_a_later_process_of_the_same_number_is_another() -> None:
    assert launcher._lives(os.getpid(), time.time())
    assert not launcher._lives(os.getpid(), 1_000_000.0)
    assert not launcher._lives(2**22 + 1, time.time())


@pytest.mark.parametrize(("slots", "said"), [(1, 1), (2, 0)])
def test_who_holds_the_accelerator_is_said_only_where_no_slot_is_free(project: Project, slots: int, said: int) -> None:
    (project.folder / "dagster.yaml").write_text(f"concurrency:\n  pools:\n    default_limit: {slots}\n")
    lines: list[str] = []
    with launcher.open_instance() as instance:
        storage = instance.event_log_storage
        runner._say_who_is_ahead(instance, lines.append)
        assert lines == [], "nobody holds it yet"
        storage.initialize_concurrency_limit_to_default("gpu")
        assert storage.claim_concurrency_slot("gpu", "0a1b2c3d-other", "adapter").is_claimed
        runner._say_who_is_ahead(instance, lines.append)
    assert len(lines) == said
    assert all(line.startswith("run 0a1b2c3d () holds the accelerator") for line in lines)
