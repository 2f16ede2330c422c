"""A finished warehouse of the version before signatures said what really counts: it is read and reused.

``fixtures/warehouse_before_rooms.tar.xz`` holds two iterations of the tiny project, made by commit bdd5afe with the
recipe and pack of ``as_it_was``; its model is a hub's, so that no weights are needed to plan.
"""

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from selfspec_assets.base import home
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.orchestration.builder import definitions_of
from selfspec_assets.orchestration.launcher import open_instance
from selfspec_assets.orchestration.partitions import asset_key
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.planning.plan import Row, plan
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.former import VERSIONS
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse
from tests.conftest import Project

FIXTURE = Path(__file__).parent / "fixtures" / "warehouse_before_rooms.tar.xz"
COMMIT = "a" * 40
LOOP = {"instructions", "passages", "responses", "adapter", "predictions", "scores"}


def before_rooms(project: Project) -> Project:
    """The project with which the fixture was made, and its warehouse."""
    recipe = project.recipe
    recipe["base_model"] = {"model": "tests/tiny", "revision": COMMIT}
    recipe["instructions"] |= {"target": 6, "min_kept": 2}
    recipe["passages"] = {"k": 2}
    recipe["responses"]["max_new_tokens"] = 8
    recipe["adapter"] |= {"r": 1, "epochs": 1}
    recipe["scores"] |= {"shots": [0, 1], "items_per_benchmark": 2, "resamples": 100, "base_variants": ["plain"]}
    project.pack["published"]["benchmarks"][0] |= {"licence": "CC0", "obtain": "written for this test"}
    project.save()
    with tarfile.open(FIXTURE) as packed:
        packed.extractall(project.folder, filter="data")
    return project


@pytest.fixture
def as_it_was(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    def refuse(spec: object) -> LanguageModel:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(LanguageModel, "load", refuse)
    return before_rooms(project)


def planned() -> dict[tuple[str, str], Row]:
    named = load_recipe("tiny")
    rows = plan([(named, ["botany"])], Warehouse(home.warehouse_folder()))
    return {(row.partition, row.step): row for row in rows}


def to_make() -> set[str]:
    return {step for (_, step), row in planned().items() if row.state != "reuse"}


def make_quick_steps() -> None:
    """Those whose code has changed since need no model."""
    named = load_recipe("tiny")
    job = definitions_of([named]).resolve_implicit_global_asset_job_def()
    with open_instance() as instance:
        for step in VERSIONS.keys() & {"seeds", "benchmarks"}:
            job.execute_in_process(instance=instance, partition_key="botany", asset_selection=[asset_key(named, step)])


def run() -> list[str]:
    told: list[str] = []
    run_recipe(load_recipe("tiny"), ["botany"], 2, told.append)
    return told


def rows_of(project: Project, table: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()


def test_it_is_planned_run_and_read_without_a_model_and_then_bears_the_new_signatures(as_it_was: Project) -> None:
    warehouse, lineage = Warehouse(home.warehouse_folder()), Lineage(load_recipe("tiny"))
    before = {entry.key: warehouse.revision(entry.signature) for entry in warehouse.entries()}
    assert len(before) == 17
    warehouse.publish()
    tables = ("responses", "response_tokens", "passages", "instructions", "scores", "lift", "predictions")
    old_rows = {table: rows_of(as_it_was, table) for table in tables}
    assert all(old_rows.values())
    told = run()
    assert sum("taken over" in line for line in told) == len(before) - len({"seeds", "benchmarks"})
    assert {table: rows_of(as_it_was, table) for table in tables} == old_rows
    for key, revision in before.items():
        now = warehouse.revision(lineage.signature(key.step, key.domain, key.iteration))
        assert warehouse.shows(key, now.signature)
        assert now.run is not None
        assert revision.run is not None
        assert key.step in VERSIONS or now.run.seconds == revision.run.seconds
        assert not list(now.damages())
    (path,) = {str(row[-1]) for row in rows_of(as_it_was, "adapters") if row[2] == 1}
    assert (warehouse.root / path / "adapter_model.safetensors").is_file()
    assert not any("taken over" in line for line in run())


def test_the_raw_requests_stay_for_a_higher_target(as_it_was: Project) -> None:
    run()
    work = Lineage(load_recipe("tiny")).work_signature("instructions", "botany", 1)
    assert len(list((home.warehouse_folder() / "work" / work / "requests").glob("*.json"))) >= 8


def edit(project: Project, change: Callable[[dict[str, str]], object]) -> None:
    change(project.pack["published"]["benchmarks"][0])
    project.save()


def test_what_is_other_than_then_is_made_anew(as_it_was: Project) -> None:
    make_quick_steps()
    assert not to_make()
    assert "made by a version before this one" in planned()["botany|2", "responses"].why[0]
    as_it_was.recipe["passages"]["max_words"] = 7
    as_it_was.save()
    assert planned()["botany|1", "instructions"].state == "reuse"
    assert to_make() == LOOP


def test_what_follows_rows_that_are_others_now_is_made_anew(as_it_was: Project) -> None:
    edit(as_it_was, lambda benchmark: benchmark.update(instruction="Say the colour."))
    make_quick_steps()
    assert {"base_predictions", "predictions", "scores"} <= to_make()


def test_a_revision_that_another_domain_shows_as_well_may_be_drawn_by_its_name(as_it_was: Project) -> None:
    manifest = home.warehouse_folder() / "manifest" / "tiny" / "instructions"
    shutil.copytree(manifest / "botany", manifest / "zoology")
    for path in (manifest / "zoology").glob("*.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "domain": "zoology"}, indent=1) + "\n")
    make_quick_steps()
    assert to_make() == LOOP


def test_noise_of_another_kind_of_device_is_not_taken_over(as_it_was: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("selfspec_assets.steps.digests.has_gpu", lambda: True)
    monkeypatch.setattr(Lineage, "model_identity", f"tests/tiny@{COMMIT} auto none")  # as if it were a GPU's float32
    make_quick_steps()
    assert to_make() == LOOP
