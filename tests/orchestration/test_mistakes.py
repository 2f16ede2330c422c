"""Ordinary mistakes in the UI: each ends in a message that says what to do, and nothing that was stored is lost.

Every mistake is made on a real instance, as a launched run makes it; what is read is the failure event that the run's
page shows. Then what the message says is done, and the run goes through.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg
import duckdb
import pytest
import yaml

from selfspec_assets.base import home
from selfspec_assets.base.errors import NotEnoughMemory, SelfspecError
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.orchestration import failures
from selfspec_assets.orchestration.builder import definitions_of
from selfspec_assets.orchestration.launcher import open_instance
from selfspec_assets.orchestration.partitions import asset_key, partition_key
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse
from tests.conftest import Project
from tests.making import QUIET


class Told(NamedTuple):
    """What the run's page shows of a failure."""

    message: str
    metadata: Mapping[str, str]


def materialise(step: str, iteration: int = 1) -> Told | None:
    """One step as the UI's button makes it; what it failed with, None where it went through."""
    named = load_recipe("tiny")
    definitions = definitions_of([named])
    partition = partition_key("botany", iteration) if iteration else "botany"
    with open_instance() as instance:
        result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            QUIET, instance, partition_key=partition, asset_selection=[asset_key(named, step)], raise_on_error=False
        )
        if result.success:
            return None
        (event,) = [
            log for log in instance.all_logs(result.run_id) if log.dagster_event and log.dagster_event.is_step_failure
        ]
    data: Any = event.dagster_event.event_specific_data if event.dagster_event else None
    shown: Any = data.user_failure_data  # type: ignore[union-attr]
    return Told(shown.description, {key: value.value for key, value in shown.metadata.items()})


def revisions(project: Project) -> set[tuple[Any, ...]]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return set(connection.execute("SELECT step, iteration, signature FROM revisions").fetchall())


def folder_of(step: str) -> Path:
    lineage = Lineage(load_recipe("tiny"))
    iteration = 1 if lineage.step(step).per_iteration else 0
    return home.warehouse_folder() / "revisions" / lineage.signature(step, "botany", iteration)


def break_line(path: Path) -> None:
    path.write_text(path.read_text().replace("{", "", 1))


class Mistake(NamedTuple):
    """``make`` it, materialise ``step`` of ``iteration``, read the ``words``, do what ``remedy`` says."""

    make: Callable[[Project], object]
    step: str
    iteration: int
    words: str
    remedy: str
    takes: str = ""  # what it took away itself


def set_value(section: str, **values: Any) -> Callable[[Project], None]:
    def change(project: Project) -> None:
        project.recipe[section].update(values)
        project.save()

    return change


MISTAKES = {
    "a later step first": Mistake(
        lambda project: None, "responses", 2, "it needs instructions of botany|2, which has not been made",
        "selfspec run tiny --domain botany --iterations 2",
    ),
    "the second iteration first": Mistake(
        lambda project: shutil.rmtree(project.folder / "warehouse/manifest/tiny/adapter"), "instructions", 2,
        "it needs adapter of botany|1, which has not been made", "selfspec run tiny --domain botany --iterations 1",
        takes="tiny botany|1: making adapter",
    ),
    "a recipe edited between two steps": Mistake(
        set_value("instructions", target=15), "passages", 1,
        "it needs instructions of botany|1, which was made from other settings or files than now",
        "selfspec run tiny --domain botany --iterations 1",
    ),
    "seeds edited between two steps": Mistake(
        lambda project: (project.folder / "seeds/botany.jsonl").write_text(
            (project.folder / "seeds/botany.jsonl").read_text().replace("brown", "green", 1)
        ),
        "predictions", 1, "it needs seeds of botany, which was made from other settings or files than now",
        "selfspec run tiny --domain botany",
    ),
    "a deleted revision": Mistake(
        lambda project: shutil.rmtree(folder_of("adapter")), "predictions", 1,
        "it needs adapter of botany|1, which was deleted", "selfspec run tiny --domain botany --iterations 1",
        takes="tiny botany|1: making adapter",
    ),
    "a damaged revision": Mistake(
        lambda project: (folder_of("seeds") / "seeds.parquet").write_bytes(b"PAR1"), "predictions", 1,
        "seeds.parquet: was changed", "run again; only this step is made anew",
        takes="tiny botany: making seeds",
    ),
    "a model that is not there": Mistake(
        set_value("base_model", model="./no_such_model"), "instructions", 1, "no_such_model", "give a folder",
    ),
    "a benchmark whose file is gone": Mistake(
        lambda project: (
            set_value("scores", benchmarks=["colours"])(project),
            (project.folder / "data/colours.jsonl").unlink(),
        ),
        "benchmarks", 0, "colours.jsonl", "colours",
    ),
    "a broken line in the seeds": Mistake(
        lambda project: break_line(project.folder / "seeds/botany.jsonl"), "seeds", 0, "botany.jsonl:1",
        "one JSON object per line",
    ),
    "too few instructions": Mistake(
        set_value("instructions", target=60, min_kept=50, max_requests=3), "instructions", 1,
        "after 3 requests only", "raise instructions.max_requests",
    ),
    "a pack that is not there": Mistake(
        lambda project: (project.folder / "domains/botany").rename(project.folder / "botany"), "seeds", 0,
        "botany", "selfspec new-domain botany",
    ),
}  # fmt: skip


# What makes adapters or answers anew takes seconds; `tests/test_pipeline.py` has the messages of two of them.
LONG = {"the second iteration first", "a deleted revision", "too few instructions"}


@pytest.mark.parametrize(
    "mistake",
    [pytest.param(m, id=name, marks=[pytest.mark.slow] if name in LONG else []) for name, m in MISTAKES.items()],
)
def test_a_mistake_is_told_with_its_remedy_and_nothing_is_lost(begun: Project, mistake: Mistake) -> None:
    before = revisions(begun)
    copy = begun.folder.parent / "as it was"
    shutil.copytree(begun.folder, copy, symlinks=True)
    mistake.make(begun)
    failure = materialise(mistake.step, mistake.iteration)
    assert failure is not None, "it went through"
    assert mistake.words in failure.message
    assert f"remedy: {failure.metadata['remedy']}" in failure.message
    assert mistake.remedy in failure.metadata["remedy"]
    assert "Traceback" not in failure.message
    assert revisions(begun) == before, "what is published stays"
    # With the files as they were, what is stored is found again; only what the mistake itself took away is made anew.
    for name in ("recipes", "domains", "seeds", "data"):
        shutil.rmtree(begun.folder / name, ignore_errors=True)
        shutil.copytree(copy / name, begun.folder / name)
    if "delete the folder" in failure.metadata["remedy"]:
        shutil.rmtree(folder_of("seeds"))
    lines: list[str] = []
    run_recipe(load_recipe("tiny"), ["botany"], 1, lines.append)
    assert revisions(begun) == before
    made = [line for line in lines if ": making" in line]
    assert made == ([mistake.takes] if mistake.takes else [])


def test_a_recipe_that_cannot_be_read_is_named_where_the_code_location_fails(begun: Project) -> None:
    path = begun.folder / "recipes" / "tiny.yaml"
    path.write_text(yaml.safe_dump({**begun.recipe, "iteration": 2}))
    with pytest.raises(SelfspecError, match=r"tiny\.yaml:\d+: unknown key 'iteration'") as caught:
        load_recipe("tiny")
    assert "did you mean 'iterations'?" in caught.value.remedy


def test_a_partition_of_a_domain_that_the_recipe_has_no_more_is_refused(begun: Project) -> None:
    named = load_recipe("tiny")
    job = definitions_of([named]).resolve_implicit_global_asset_job_def()
    with open_instance() as instance, pytest.raises(dg.DagsterUnknownPartitionError, match="zoology"):
        job.execute_in_process(instance=instance, partition_key="zoology", asset_selection=[asset_key(named, "seeds")])


def test_a_second_run_of_a_partition_names_the_first(begun: Project) -> None:
    lineage = Lineage(load_recipe("tiny"))
    warehouse, key = Warehouse(home.warehouse_folder()), lineage.key("scores", "botany", 1)
    with warehouse.lock(key, lineage.work_signature("scores", "botany", 1), []):
        failure = materialise("scores")
    assert failure is not None
    assert "is being made by" in failure.message
    assert failure.metadata["remedy"]
    assert materialise("scores") is None


@pytest.mark.parametrize(("fails", "goes_through"), [(2, True), (9, False)])
def test_memory_that_is_used_up_is_waited_for(
    begun: Project, monkeypatch: pytest.MonkeyPatch, fails: int, goes_through: bool
) -> None:
    begun.recipe["scores"]["max_new_tokens"] = 5
    begun.save()
    waits: list[float] = []
    tries: list[int] = []
    real, retry = LanguageModel.load, dg.RetryRequested

    def load(spec: Any) -> LanguageModel:
        tries.append(1)
        if len(tries) <= fails:
            raise NotEnoughMemory("model", "does not fit the memory", "choose a smaller model")
        return real(spec)

    def request(max_retries: int, seconds_to_wait: float) -> dg.RetryRequested:
        waits.append(seconds_to_wait)
        return retry(max_retries, 0)

    monkeypatch.setattr(LanguageModel, "load", load)
    monkeypatch.setattr("selfspec_assets.steps.job._models", {})
    monkeypatch.setattr(failures.dg, "RetryRequested", request)
    failure = materialise("predictions")
    assert (failure is None) == goes_through
    assert waits == [30.0, 60.0, 120.0][:fails]
    if failure is not None:
        assert failure.metadata["remedy"] == "choose a smaller model"
        assert len(tries) == failures.RETRIES + 1


def test_nothing_but_memory_is_tried_again(begun: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    begun.recipe["scores"]["max_new_tokens"] = 5
    begun.save()
    tries: list[int] = []

    def load(spec: Any) -> LanguageModel:
        tries.append(1)
        raise SelfspecError("model", "is broken", "get it anew")

    monkeypatch.setattr(LanguageModel, "load", load)
    monkeypatch.setattr("selfspec_assets.steps.job._models", {})
    failure = materialise("predictions")
    assert failure is not None
    assert json.dumps(dict(failure.metadata)) == '{"place": "model", "reason": "is broken", "remedy": "get it anew"}'
    assert len(tries) == 1
