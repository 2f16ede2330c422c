"""The project's Dagster instance, and its runs whose process is gone.

How Dagster's run monitoring sees such runs, and how ``selfspec run`` clears them away.

Dagster's own local launcher cannot say whether a run's process still lives: a run whose code server died with it, or
one that ``selfspec run`` started, would stay "started" for ever and keep the accelerator's slot and its domain's queue.
"""

import time
from collections.abc import Mapping

import dagster as dg
import psutil
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

from selfspec_assets.base import home
from selfspec_assets.base.files import storing, waiting

_SILENT_SECONDS = 120.0  # a run that has not said by then which process it is in never will
_CLOCK_SECONDS = 2.0  # a process's start and an event's time are told by different clocks
_UNFINISHED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def open_instance() -> dg.DagsterInstance:
    """The project's Dagster instance, made where there is none; to be closed by the caller.

    One process at a time: Dagster makes its tables without a lock, and of two first starts at once one fails.

    Raises:
        SelfspecError: the folder cannot be written.
    """
    with storing(home.dagster_folder()):
        folder = home.prepare_dagster()
        with waiting(folder / "starting.lock"):
            return dg.DagsterInstance.get()


class LocalRunLauncher(dg.DefaultRunLauncher):
    """Dagster's local launcher, which also knows whether the process of a run is alive; ``dagster.yaml`` names it."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Asked by the run monitoring daemon every ``poll_interval_seconds``."""
        gone = why_gone(self._instance, run)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND if gone else WorkerStatus.RUNNING, gone)


def why_gone(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """Why a started run cannot go on; None while its process lives on this machine."""
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    for event in reversed(events):
        pid = _pid(event)
        if pid is not None:
            return None if _lives(pid, event.timestamp) else f"its process {pid} is gone"
    stats = instance.get_run_stats(run.run_id)
    if stats.start_time is not None and time.time() - stats.start_time > _SILENT_SECONDS:
        return "it never said which process it is in"
    return None


def _pid(event: dg.EventLogEntry) -> int | None:
    data = event.dagster_event.event_specific_data if event.dagster_event else None
    metadata: Mapping[str, object] = getattr(data, "metadata", {})
    value = metadata.get("pid")
    return int(value.value) if isinstance(value, dg.TextMetadataValue) and (value.value or "").isdecimal() else None


def _lives(pid: int, said_at: float) -> bool:
    """Whether that process, and not a later one with its number, is alive."""
    try:
        process = psutil.Process(pid)
        later = process.create_time() > said_at + _CLOCK_SECONDS
        return not later and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def clear_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Ends the runs whose process is gone and frees their slots, as the daemon does where one is running.

    Returns:
        The ids of the runs that were cleared away.
    """
    cleared = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        gone = why_gone(instance, run)
        if gone:
            canceled = run.status == dg.DagsterRunStatus.CANCELING
            report = instance.report_run_canceled if canceled else instance.report_run_failed
            report(run, f"The run cannot go on: {gone}.")
            cleared.append(run.run_id)
    storage = instance.event_log_storage
    for run_id in storage.get_concurrency_run_ids():
        held_by = instance.get_run_by_id(run_id)
        if held_by is None or (held_by.is_finished and why_gone(instance, held_by)):
            storage.free_concurrency_slots_for_run(run_id)
    return cleared
