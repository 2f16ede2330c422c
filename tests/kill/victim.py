"""What runs in the processes that are killed: the real ``run_recipe`` up to one step, and a listener that kills.

The processes are forked from a server that has imported everything once and run nothing (``multiprocessing``'s
forkserver), so a run starts in milliseconds and dies alone.
"""

import functools
import gc
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from selfspec_assets.base import failpoints
from selfspec_assets.method.tuning.tune import tune
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.source import model_folder
from selfspec_assets.orchestration import runner
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps import adapter as adapter_asset
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.seeds import Seeds
from selfspec_assets.warehouse.rows import RunRow

for _module in (
    "alembic.command",
    "dagster._core.execution.execute_in_process",
    "dagster._core.executor.in_process",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.sqlite_storage",
    "dagster._daemon.controller",
    "peft.tuners.lora.bnb",
    "selfspec_assets.method.decoding.processor",
    "selfspec_assets.method.decoding.sampling",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "transformers.trainer",
):  # what a run imports on its way: here once for all of them
    importlib.import_module(_module)
importlib.import_module("transformers.conversion_mapping").get_checkpoint_conversion_mapping("llama")  # fills a cache
VARIABLE = "SELFSPEC_FAILPOINT"  # "name:count": die at the count-th time that the name is reached; read here alone
PAUSE = "SELFSPEC_FAILPOINT_PAUSE"  # wait there instead, until the parent lets this process go on
CHECKPOINT_EVERY = 3  # optimiser steps: the tiny recipe has few


class Killer:
    """Kills this process at the n-th time that a point is reached."""

    def __init__(self, wanted: str) -> None:
        self.point, _, count = wanted.rpartition(":")
        self.left = int(count)

    def __call__(self, point: str) -> None:
        self.left -= point == self.point
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Pauser(Killer):
    """Waits there, with "paused" in the project's folder, until "go" is there."""

    def __call__(self, point: str) -> None:
        self.left -= point == self.point
        if self.left == 0:
            self.left = -1
            Path("paused").touch()
            while not Path("go").exists():
                time.sleep(0.02)


class Recorder:
    """Writes down every point that is reached."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text("")

    def __call__(self, point: str) -> None:
        with self.path.open("a") as stream:
            stream.write(point + "\n")


def enter(folder: Path) -> None:
    """Makes this process one of a user in that project."""
    os.environ.update(SELFSPEC_HOME=str(folder), SELFSPEC_DATA=str(folder / "data"))
    os.environ["DAGSTER_HOME"] = str(folder / ".dagster")
    os.environ.pop("SELFSPEC_WAREHOUSE", None)
    os.chdir(folder)


def listen(recorded: Path | None = None) -> None:
    """Kill where the environment says so, or write down."""
    if VARIABLE in os.environ:
        failpoints.listen((Pauser if PAUSE in os.environ else Killer)(os.environ[VARIABLE]))
    elif recorded is not None:
        failpoints.listen(Recorder(recorded))


def convert(folder: Path, path: Path) -> None:
    """Read a GGUF file into a folder of the project, and check it."""
    listen()
    model_folder(ModelSpec(str(path), dtype="float32"))


def remake(folder: Path) -> None:
    """Commit the seeds over a damaged revision of them."""
    listen()
    job = Job(Lineage(load_recipe("tiny")), "seeds", "botany", 0, print)
    made = Seeds().make(job)
    run_of = RunRow(
        step="seeds",
        signature=job.signature,
        started_at="",
        seconds=0.0,
        input_tokens=0,
        output_tokens=0,
        peak_memory_mb=0.0,
        device="",
        dagster_run_id="",
    )
    job.warehouse.commit(job.key, job.signature, made.tables, {}, run_of, job.lineage.signed("seeds", "botany", 0))


def run(folder: Path, iteration: int, step: str, recorded: Path | None = None) -> None:
    """``selfspec run`` until that step of that iteration is made."""
    listen(recorded)
    adapter_asset.tune = functools.partial(tune, checkpoint_every=CHECKPOINT_EVERY)
    every_step = Lineage.steps

    def steps(lineage: Lineage, n: int) -> tuple[str, ...]:
        known = every_step(lineage, n)
        return known if n < iteration else known[: known.index(step) + 1]

    Lineage.steps = steps  # type: ignore[method-assign]
    runner.is_wanted = lambda *_: True  # the index in its own turn, before what needs it is in the flow
    run_recipe(load_recipe("tiny"), ["botany"], iteration, lambda line: print(line, flush=True))


def main(folder: Path, environment: dict[str, str], work: Callable[..., None], *arguments: object) -> None:
    """The life of one process: ends with 0, with 1 and a traceback in the log, or is killed."""
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    os.environ.update(environment)
    gc.freeze()  # what was imported is not looked through at each collection
    enter(folder)
    try:
        work(folder, *arguments)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    sys.stdout.flush()
    os._exit(0)  # as selfspec_assets.cli.app.main: the interpreter's teardown is skipped
