"""Workers for a step's chunks, as the recipe's section ``execution`` asks for them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.stopping import StopBetweenBatches
from selfspec_assets.models.weights import has_gpu
from selfspec_assets.steps.chunked import ChunkedWork, Hands, alone
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.workers.process import ProcessWorker
from selfspec_assets.steps.workers.task import Task
from selfspec_assets.steps.workers.team import Team


@contextmanager
def hired(job: Job, work: ChunkedWork, stop: StopBetweenBatches, may_end_early: bool) -> Iterator[Hands]:
    """The hands for a job's work; none are called where nothing is left to make.

    Raises:
        SelfspecError: Ray is asked for and not installed, or has not what the workers need.
    """
    settings = job.recipe.execution
    missing = sum(work.stored(chunk) is None for chunk in range(work.count))
    if not missing or (settings.engine == "local" and min(settings.workers, missing) == 1):
        with alone(job, work, stop, may_end_early) as hands:
            yield hands
        return
    task = Task.of(job, work)
    if settings.engine == "ray":
        from selfspec_assets.steps.workers.ray_actors import starters_on_ray

        starters, takes_part = starters_on_ray(task, settings), False
    else:
        starters = [
            partial(ProcessWorker, task, {"CUDA_VISIBLE_DEVICES": device} if device else {})
            for device in devices_of_others(settings.workers - 1, job.lineage.step(job.step).holds_model)
        ]
        takes_part = True
    team = Team(
        work,
        starters,
        stop,
        lambda line: job.report(f"{job.name}: {line}"),
        takes_part=takes_part,
        ahead=2 * settings.workers if may_end_early else None,
    )
    try:
        yield team
    finally:
        team.close()


def devices_of_others(count: int, holds_model: bool) -> list[str]:
    """For each further process what ``CUDA_VISIBLE_DEVICES`` is in it; this one has the first device. "": no GPU."""
    if not holds_model or not has_gpu():
        return [""] * count
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    devices = named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]
    return [devices[(place + 1) % len(devices)] for place in range(count)]


def range_of(text: str, count: int) -> range:
    """``a:b``: chunks a to b - 1.

    Raises:
        SelfspecError: it is no range of chunks that there are.
    """
    begin, colon, end = text.partition(":")
    remedy = f"give numbers from 0 to {count} with a colon between, the first below the second, e.g. 0:{count}"
    if not colon or not begin.strip().isdecimal() or not end.strip().isdecimal():
        raise SelfspecError(f"--chunks {text}", "is no range of chunks", remedy)
    wanted = range(int(begin), int(end))
    if not wanted or wanted.stop > count:
        raise SelfspecError(f"--chunks {text}", f"holds none, or more than the {count} chunks that there are", remedy)
    return wanted
