"""What a killed run has made is used, also under other batch sizes; what it has not made comes out the same."""

import math
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.kill import victim
from tests.kill.lab import Lab, Place, execute, log
from tests.kill.state import difference, state

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1200)]
STORED = "chunk: after the rename"


def change(folder: Path, section: str, **values: object) -> None:
    path = folder / "recipes" / "tiny.yaml"
    recipe = yaml.safe_load(path.read_text())
    recipe[section].update(values)
    path.write_text(yaml.safe_dump(recipe))


def killed(lab: Lab, place: Place, point: str, count: int) -> Path:
    folder = lab.copy(lab.before(place))
    assert execute(folder, victim.run, *place, environment={victim.VARIABLE: f"{point}:{count}"}) == -9, log(folder)
    return folder


def again(folder: Path, place: Place) -> list[str]:
    """Runs once more; the points that were reached."""
    (folder / "log.txt").unlink()
    assert execute(folder, victim.run, *place, folder.parent / "points") == 0, log(folder)
    return (folder.parent / "points").read_text().splitlines()


def rows(folder: Path, table: str, iteration: int) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "warehouse" / "selfspec.duckdb"), read_only=True) as connection:
        return connection.execute(f"SELECT * FROM {table} WHERE iteration = {iteration} ORDER BY ALL").fetchall()


def same(one: object, other: object) -> bool:
    """Equal, numbers up to the round-off of another batch shape (float32)."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-4)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(
    ("place", "section", "table"),
    [
        ((1, "instructions"), "instructions", "instruction_requests"),
        ((1, "responses"), "responses", "response_tokens"),
        ((1, "predictions"), "scores", "predictions"),
    ],
)
def test_another_batch_size_goes_on_from_the_chunks(
    lab: Lab, place: Place, section: str, table: str, batch_size: int
) -> None:
    whole = lab.points(place)[STORED]
    half = whole // 2
    folder = killed(lab, place, STORED, half)
    change(folder, section, batch_size=batch_size)
    made = again(folder, place).count(STORED)
    assert f"{half} of " in log(folder), log(folder)
    assert 0 < made <= whole - half
    found, expected = rows(folder, table, place[0]), rows(lab.after(place), table, place[0])
    assert len(found) > 0
    assert all(map(same, found, expected))
    assert len(found) == len(expected)


def test_another_micro_batch_size_goes_on_from_the_checkpoint(lab: Lab) -> None:
    place, step = (1, "adapter"), "optimiser step"
    steps = lab.points(place)[step]
    folder = killed(lab, place, step, victim.CHECKPOINT_EVERY + 1)
    change(folder, "adapter", micro_batch_size=1)
    assert again(folder, place).count(step) == steps - victim.CHECKPOINT_EVERY
    found, expected = rows(folder, "losses", 1), rows(lab.after(place), "losses", 1)
    assert len(found) == len(expected) == steps
    assert [row[-2] for row in found] == pytest.approx([row[-2] for row in expected], rel=1e-2)
    early = slice(0, victim.CHECKPOINT_EVERY)
    assert found[early] == expected[early]


def test_a_torn_checkpoint_is_not_gone_on_from(lab: Lab) -> None:
    """Killed while the second checkpoint is written: the run goes on from the first."""
    place, step = (1, "adapter"), "optimiser step"
    folder = killed(lab, place, "checkpoint: before the rename", 2)
    (torn,) = folder.glob("warehouse/work/*/checkpoints/unfinished/checkpoint-*")
    (torn / "optimizer.pt").unlink()
    assert again(folder, place).count(step) == lab.points(place)[step] - victim.CHECKPOINT_EVERY
    assert difference(state(folder), lab.expected(place)) == []


def test_scoring_goes_on_where_generation_had_finished(lab: Lab) -> None:
    place = (1, "scores")
    folder = killed(lab, place, "rows written", 1)
    again(folder, place)
    assert "loading" not in log(folder), "the model was loaded: something was generated again"
    assert difference(state(folder), lab.expected(place)) == []


def test_more_requests_are_asked_for_on_top_of_those_of_a_killed_run(lab: Lab) -> None:
    """The raw requests outlive the recipe's change of target: nothing is asked twice."""
    place = (1, "instructions")
    folder = killed(lab, place, "rows written", 1)
    there = len(list(folder.glob("warehouse/work/*/requests/*.json")))
    change(folder, "instructions", target=lab.target + 4)
    made = again(folder, place).count(STORED)
    total = len(list(folder.glob("warehouse/work/*/requests/*.json")))
    assert there > 0
    assert total == there + made
