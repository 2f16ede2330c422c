"""Chunks of real steps made by several processes, on the tiny model in float32: the same bytes, whoever makes them."""

import os
import signal

import psutil
import pytest
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe, with_workers
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.workers.process import ProcessWorker
from selfspec_assets.steps.workers.task import Task, Workbench, prepared
from selfspec_assets.steps.workers.team import WorkerLost
from tests.conftest import Project
from tests.kill.state import State, difference
from tests.making import make
from tests.steps.workers.projects import chunk_files, outcome, running, until, workers_of

INSTRUCTIONS = ("work", "tiny", "instructions", "botany|2", "--chunks")


def work(*words: str) -> str:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.output


def refused(*words: str) -> str:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1, done.output
    return " ".join(done.output.split())


def test_chunks_made_by_hand_in_any_order_are_what_the_run_would_have_made(
    begun: Project, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last chunks first: one whose draws depended on what came before it would differ."""
    project.enter(monkeypatch)
    make("seeds", "corpus", "index", "benchmarks")
    by_hand = {"base_predictions": "0:1", "instructions": "1:5 0:1", "passages": "0:1", "responses": "0:1"}
    for step, ranges in by_hand.items():
        partition = "botany|1" if step != "base_predictions" else "botany"
        for chunks in ranges.split():
            work("work", "tiny", step, partition, "--chunks", chunks)
        there = {path: path.stat().st_mtime_ns for path in chunk_files(project)}
        make(step)
        left = {path: path.stat().st_mtime_ns for path in chunk_files(project)}
        assert {path: there[path] for path in there if path in left}.items() <= left.items(), "they were made again"
    made, whole = outcome(project), outcome(begun)
    revisions = [name for name in made if name.startswith("file revisions/")]
    assert len({name.split("/")[1] for name in revisions}) == 8
    assert {name: made[name] for name in revisions} == {name: whole.get(name) for name in revisions}


def test_bad_words_are_refused_with_a_remedy(begun: Project) -> None:
    before = chunk_files(begun)
    assert "remedy: give numbers from 0 to 5" in refused(*INSTRUCTIONS, "0:99")
    assert "remedy: choose one of: seeds," in refused("work", "tiny", "poems", "botany|1", "--chunks", "0:1")
    assert "remedy: give 'botany|1' to 'botany|2'" in refused(
        "work", "tiny", "responses", "botany|3", "--chunks", "0:1"
    )
    assert "remedy: give 'botany'" in refused("work", "tiny", "base_predictions", "botany|1", "--chunks", "0:1")
    assert "is made already" in refused("work", "tiny", "responses", "botany|1", "--chunks", "0:1")
    assert "remedy: selfspec run tiny" in refused("work", "tiny", "responses", "botany|2", "--chunks", "0:1")
    assert chunk_files(begun) == before


def test_a_process_makes_the_same_chunk_and_dies_alone(begun: Project) -> None:
    job = Job(Lineage(load_recipe("tiny")), "instructions", "botany", 2, lambda line: None)
    here, before = prepared(job), chunk_files(begun)
    worker = ProcessWorker(Task.of(job, here), {})
    try:
        worker.ready()
        assert worker.make(1) == here.make(here.indices(1))
        assert chunk_files(begun) == before, "a worker writes nothing"
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(WorkerLost, match="-9"):
            worker.make(2)
    finally:
        worker.close()


def test_a_worker_of_another_recipe_refuses(begun: Project) -> None:
    job = Job(Lineage(load_recipe("tiny")), "instructions", "botany", 2, lambda line: None)
    task = Task.of(job, prepared(job))
    begun.recipe["instructions"]["temperature"] = 0.9
    begun.save()
    answer = Workbench(task).ready()
    assert "recipe, files or warehouse are not those" in answer["failed"][1]


@pytest.mark.cluster
@pytest.mark.timeout(900)
@pytest.mark.parametrize("workers", [2, 5])
def test_several_workers_make_the_bytes_of_one(of_one_process: State, small: Project, workers: int) -> None:
    run_recipe(with_workers(load_recipe("tiny"), workers), ["botany"], 2, lambda line: None)
    assert difference(outcome(small), of_one_process) == []


@pytest.mark.cluster
@pytest.mark.timeout(900)
@pytest.mark.parametrize("victim", ["worker", "parent"])
def test_killed_in_the_middle_it_ends_in_the_same_bytes(of_one_process: State, small: Project, victim: str) -> None:
    run = running("--workers", "3")
    until(lambda: run.poll() is not None or len(workers_of(run.pid)) == 2, "the workers are there")
    workers = workers_of(run.pid)
    assert workers, run.communicate()[0]
    if victim == "worker":
        workers[0].kill()
        said = run.communicate(timeout=600)[0]
        assert run.returncode == 0, said
        assert "a worker was lost" in said
    else:
        run.kill()
        run.wait()
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive, "workers go with their parent"
        run = running("--workers", "2")
        said = run.communicate(timeout=600)[0]
        assert run.returncode == 0, said
    assert difference(outcome(small), of_one_process) == []


@pytest.mark.cluster
@pytest.mark.timeout(900)
def test_sigterm_ends_the_run_and_all_its_workers(small: Project) -> None:
    run = running("--workers", "2")
    until(lambda: run.poll() is not None or workers_of(run.pid), "a worker is there")
    workers = workers_of(run.pid)
    run.terminate()
    said = run.communicate(timeout=600)[0]
    assert "was stopped" in said, said
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
