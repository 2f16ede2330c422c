"""Workers that are actors of a Ray cluster; Ray places them, this process hands out chunks and stores what they made.

Every node sees the project folder and the data under the same paths, and has this package installed.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.recipe.sections import ExecutionSection
from selfspec_assets.steps.chunked import Results
from selfspec_assets.steps.workers.task import Payload, Task, Workbench, results_of
from selfspec_assets.steps.workers.team import Worker, WorkerLost


class RayWorker:
    """One actor, which holds the model."""

    def __init__(self, task: Task, gpus: float) -> None:
        import ray

        self._ray = ray
        actor = ray.remote(Workbench).options(num_cpus=1, num_gpus=gpus, max_restarts=0, runtime_env=_environment())
        self._actor = actor.remote(task)

    def ready(self) -> None:
        results_of(self._got(self._actor.ready.remote()))

    def make(self, chunk: int) -> Results:
        return results_of(self._got(self._actor.make.remote(chunk)))

    def close(self) -> None:
        with suppress(Exception):  # it may be gone already, with its node or with the cluster
            self._ray.kill(self._actor)

    def _got(self, reference: Any) -> Payload:
        try:
            payload: Payload = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            raise WorkerLost(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}") from error
        return payload


def starters_on_ray(task: Task, settings: ExecutionSection) -> list[Callable[[], Worker]]:
    """One for each worker, on the cluster that ``RAY_ADDRESS`` names, or on one of this machine alone.

    Raises:
        SelfspecError: Ray is not installed, cannot be reached, or has not what a single worker needs.
    """
    _connect()
    import ray

    if settings.gpus_per_worker > ray.cluster_resources().get("GPU", 0):
        raise SelfspecError(
            "execution.gpus_per_worker",
            f"each worker asks for {settings.gpus_per_worker:g}, the whole cluster has "
            f"{ray.cluster_resources().get('GPU', 0):g}",
            "lower it, or add nodes with GPUs to the cluster (ray status shows what it has)",
        )
    return [partial(RayWorker, task, settings.gpus_per_worker)] * settings.workers


def _connect() -> None:
    try:
        import ray
    except ImportError as error:
        raise SelfspecError("execution.engine: ray", "Ray is not installed", "pip install 'selfspec[ray]'") from error
    if ray.is_initialized():
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(log_to_driver=False, configure_logging=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        place = f"RAY_ADDRESS={os.environ.get('RAY_ADDRESS', '')}"
        raise SelfspecError(
            place, f"no Ray cluster answers: {error}", "see ray status, or unset RAY_ADDRESS"
        ) from error
    finally:
        for number, handler in before.items():  # Ray puts its own in place, and a signal is to wait for the chunks
            signal.signal(number, handler)


def _environment() -> dict[str, Any]:
    """What an actor has to be told of this process's surroundings."""
    names = ("SELFSPEC_DATA", "PYTHONPATH", "OMP_NUM_THREADS", "HF_HOME", "HF_HUB_OFFLINE")
    told = {name: value for name in names if (value := os.environ.get(name)) is not None}
    told["SELFSPEC_HOME"] = str(home.project_folder())
    told["SELFSPEC_WAREHOUSE"] = str(home.warehouse_folder())
    return {"env_vars": {**told, "OMP_WAIT_POLICY": "PASSIVE"}}
