"""A finished warehouse of an earlier version: it is read, and ``plan`` says what would be made anew.

``fixtures/warehouse_before_rooms.tar.xz`` holds two iterations of the tiny project, made by commit bdd5afe; its model
is a hub's, so that no weights are needed to plan.
"""

import tarfile
from pathlib import Path

import duckdb
import pytest

from selfspec_assets.base import home
from selfspec_assets.planning.plan import plan
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.scores import score_table
from selfspec_assets.warehouse import Warehouse
from tests.conftest import Project

FIXTURE = Path(__file__).parent / "fixtures" / "warehouse_before_rooms.tar.xz"


@pytest.fixture
def as_it_was(project: Project) -> Project:
    recipe = project.recipe
    recipe["base_model"] = {"model": "tests/tiny", "revision": "a" * 40}
    recipe["instructions"] |= {"target": 6, "min_kept": 2}
    recipe["passages"] = {"k": 2}
    recipe["responses"]["max_new_tokens"] = 8
    recipe["adapter"] |= {"r": 1, "epochs": 1}
    recipe["scores"] |= {"shots": [0, 1], "items_per_benchmark": 2, "resamples": 100, "base_variants": ["plain"]}
    project.save()
    with tarfile.open(FIXTURE) as packed:
        packed.extractall(project.folder, filter="data")
    return project


def test_it_is_read_and_undamaged(as_it_was: Project) -> None:
    warehouse = Warehouse(home.warehouse_folder())
    assert len(warehouse.entries()) == 17
    for entry in warehouse.entries():
        assert not list(warehouse.revision(entry.signature).damages())
    warehouse.publish()
    tables = ("responses", "response_tokens", "passages", "instructions", "scores", "lift", "predictions", "adapters")
    with duckdb.connect(str(as_it_was.database), read_only=True) as connection:
        for table in tables:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() > (0,), table
    (report,) = score_table.load(as_it_was.database, load_recipe("tiny"), ["botany"])
    assert [row["kept"] > 0 for row in report.training_yield] == [True, True]


def test_what_it_would_make_anew_is_planned_and_nothing_is_touched(as_it_was: Project) -> None:
    before = {path: path.read_bytes() for path in (as_it_was.folder / "warehouse").rglob("*") if path.is_file()}
    rows = plan([(load_recipe("tiny"), ["botany"])], Warehouse(home.warehouse_folder()))
    assert {row.state for row in rows} == {"make"}
    assert all(row.why for row in rows)
    assert {path: path.read_bytes() for path in before} == before
