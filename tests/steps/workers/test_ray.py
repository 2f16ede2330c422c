"""The same chunks as tasks on actors of a Ray cluster of several nodes, each of processes of its own."""

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.recipe.sections import ExecutionSection
from selfspec_assets.steps.workers import ray_actors
from selfspec_assets.steps.workers.task import Task
from tests.checkout import ROOT
from tests.conftest import Project
from tests.kill.state import State, difference
from tests.steps.workers.projects import outcome, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
ray = pytest.importorskip("ray", reason="pip install 'selfspec[ray]'")


class Nodes:
    """A head that computes nothing and two nodes with room for one actor each, and one more on call."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        self.nodes = [self.cluster.add_node(num_cpus=1) for _ in range(2)]
        ray.init(address=self.cluster.address, log_to_driver=False)
        self.cluster.wait_for_nodes()

    def end(self) -> None:
        ray.shutdown()
        self.cluster.shutdown()


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = Nodes()
    yield made
    made.end()


def actors() -> list[psutil.Process]:
    """The processes of the actors that are at work."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any("ray::Workbench" in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


def run_on_ray(project: Project, said: list[str], workers: int = 2) -> threading.Thread:
    project.recipe["execution"] = {"engine": "ray", "workers": workers}
    project.save()
    named = load_recipe("tiny")
    thread = threading.Thread(target=run_recipe, args=(named, ["botany"], 2, said.append))
    thread.start()
    return thread


def finish(run: threading.Thread) -> None:
    run.join(600)
    assert not run.is_alive()


def asked(project: Project) -> bool:
    """Whether lists of instructions are being made: of these there are most chunks."""
    return any((project.folder / "warehouse" / "work").glob("*/requests/*.json"))


@pytest.mark.parametrize("trouble", ["none", "a node is killed", "an actor is out of memory", "a straggler"])
def test_the_same_bytes_whatever_happens_to_the_cluster(
    of_one_process: State, small: Project, nodes: Nodes, trouble: str
) -> None:
    said: list[str] = []
    run = run_on_ray(small, said)
    until(lambda: (asked(small) and len(actors()) == 2) or not run.is_alive(), "both actors are at work")
    victim = actors()[0].pid
    if trouble == "a node is killed":
        nodes.cluster.remove_node(nodes.nodes[0], allow_graceful=False)
        nodes.cluster.add_node(num_cpus=1)
    elif trouble == "an actor is out of memory":
        os.kill(victim, signal.SIGKILL)  # as the kernel does it, and Ray's own memory monitor
    elif trouble == "a straggler":
        os.kill(victim, signal.SIGSTOP)
    finish(run)
    assert difference(outcome(small), of_one_process) == [], said
    if trouble == "a straggler":
        os.kill(victim, signal.SIGKILL)  # a process that is stopped does not even hear Ray
    if trouble != "none":
        assert any("a worker was lost" in line or "takes long" in line for line in said), said
    until(lambda: not actors(), "the actors are gone")


def test_more_than_the_cluster_has_is_refused(nodes: Nodes) -> None:
    task = Task("recipes/tiny.yaml", "responses", "botany", 1, "none", "none")
    with pytest.raises(SelfspecError, match="asks for 1, the whole cluster has 0"):
        ray_actors.starters_on_ray(task, ExecutionSection(engine="ray", gpus_per_worker=1))
