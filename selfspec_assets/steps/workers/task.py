"""What a worker is told, and what it answers: the same for a process of this machine and for an actor elsewhere."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfspec_assets.base.errors import NotEnoughMemory, SelfspecError
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.chunked import ChunkedWork, Prepared, Results
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage

Payload = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One step of one partition.

    Attributes:
        recipe: the recipe's file.
        signature: of the step in this partition.
        identity: of the work that is to be made (``ChunkedWork.identity``).
        threads: of torch on a CPU, the same for all who make chunks: a sum's order may follow from it. 0: as they are.
    """

    recipe: str
    step: str
    domain: str
    iteration: int
    signature: str
    identity: str
    threads: int = 0

    @staticmethod
    def of(job: Job, work: ChunkedWork) -> "Task":
        path = str(Path(job.lineage.named.path).resolve())
        return Task(path, job.step, job.domain, job.iteration, job.signature, work.identity, _threads())


def _threads() -> int:
    """Torch is not imported for it: where no model is at work, no number counts."""
    torch = sys.modules.get("torch")
    return 0 if torch is None else int(torch.get_num_threads())


class Workbench:
    """A worker's side: the step is prepared once, with its model, and makes whatever chunks it is asked for."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._work: ChunkedWork | None = None

    def ready(self) -> Payload:
        """Prepares the step; ``{}``, or how it failed."""

        def prepare() -> Payload:
            if self._task.threads:
                import torch

                torch.set_num_threads(self._task.threads)
            job = Job(
                Lineage(load_recipe(self._task.recipe)), self._task.step, self._task.domain, self._task.iteration, _mute
            )
            if job.signature != self._task.signature:
                raise _changed(job, f"its signature is {job.signature[:16]}, {self._task.signature[:16]} was asked for")
            self._work = prepared(job, self._task.identity)
            return {}

        return _answered(prepare)

    def make(self, chunk: int) -> Payload:
        """``{"results": …}`` of one chunk, or how it failed; nothing is written."""

        def make() -> Payload:
            assert self._work is not None
            return {"results": self._work.make(self._work.indices(chunk))}

        return _answered(make)


def prepared(job: Job, identity: str | None = None) -> ChunkedWork:
    """The chunks of a job's step; whatever comes before them in the step is done, the model is loaded.

    Args:
        identity: of the work that is wanted; None: the first of which something is missing.

    Raises:
        SelfspecError: the step has no chunks, or others than these, because something changed meanwhile.
    """

    def found(work: ChunkedWork) -> None:
        complete = all(work.stored(chunk) is not None for chunk in range(work.count))
        if identity in (None, work.identity) and not (identity is None and complete):
            raise Prepared(work)
        if not complete:
            raise _changed(job, f"{work.identity} is to be made here, {identity} was asked for")

    job.on_chunks = found
    try:
        job.lineage.step(job.step).make(job)
    except Prepared as ready:
        return ready.work
    if identity is not None:
        raise _changed(job, f"nothing of {identity} is to be made here")
    raise SelfspecError(
        job.name, "nothing of it is left to be made in chunks", f"selfspec run {job.lineage.named.name}"
    )


def _changed(job: Job, what: str) -> SelfspecError:
    reason = f"recipe, files or warehouse are not those that the run began with: {what}"
    return SelfspecError(job.name, reason, "let every worker see the same project, then run again")


def _answered(work: Callable[[], Payload]) -> Payload:
    try:
        return work()
    except SelfspecError as error:
        kind = "memory" if isinstance(error, NotEnoughMemory) else "other"
        return {"failed": [error.place, error.reason, error.remedy], "kind": kind}


def results_of(answer: Payload) -> Results:
    """What a worker answered.

    Raises:
        SelfspecError: the same that the worker met.
    """
    if "failed" in answer:
        raise (NotEnoughMemory if answer["kind"] == "memory" else SelfspecError)(*answer["failed"])
    results: Results = answer.get("results", [])
    return results


def _mute(line: str) -> None:
    """The run itself tells of progress."""
