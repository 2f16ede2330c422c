"""SIGKILL at every commit point of every step, a rerun, and the same bytes. ``make test-kill``."""

import shutil
from pathlib import Path

import pytest

from selfspec_assets.base.signature import folder_files
from tests.kill import victim
from tests.kill.lab import FLOW, Lab, Place, execute, log
from tests.kill.points import RENAME
from tests.kill.state import difference, state
from tests.tiny_gguf import tiny_gguf

_COMMIT = {
    "rows written",
    *(f"{what}: {side}" for what in ("attempts", "revision", "manifest", "database") for side in RENAME),
    "work removed",
    "Dagster: before it is told",
}
_CHUNKS = {f"chunk: {side}" for side in RENAME}
_ADAPTER = {
    "optimiser step",
    *(f"checkpoint: {side}" for side in RENAME),
    "adapter written",
}
_CROSSES = {"published: before the event", "published: after the event"}
_FOLDER = {"folder: before the copy", "folder: after the copy"}
_BUILDING = {f"corpus {what}: {side}" for what in ("part", "duplicates") for side in RENAME}
# What an undisturbed run of each step reaches.
STEPS: dict[str, set[str]] = {
    "seeds": _COMMIT,
    "corpus": _COMMIT | _CHUNKS | _FOLDER | _BUILDING,
    "index": _COMMIT | _FOLDER,
    "benchmarks": _COMMIT,
    "base_predictions": _COMMIT | _CHUNKS,
    "base_scores": _COMMIT,
    "instructions": _COMMIT | _CHUNKS | _CROSSES,
    "passages": _COMMIT | _CHUNKS,
    "responses": _COMMIT | _CHUNKS,
    "adapter": _COMMIT | _ADAPTER | _FOLDER | _CROSSES,
    "predictions": _COMMIT | _CHUNKS,
    "scores": _COMMIT,
}
# Reached only when a revision was damaged, and when the recipe's model is a GGUF file: a test for each.
SPECIAL = {f"{what}: {side}" for what in ("damaged revision", "converted model") for side in RENAME}
# Iteration 2 has the same commit points; these of its steps go on from the adapter of iteration 1.
PLACES = [place for place in FLOW if place[0] < 2] + [(2, "instructions"), (2, "responses"), (2, "adapter")]

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[1]}-{place[0]}")
def test_killed_at_every_point_of_a_step(lab: Lab, place: Place) -> None:
    reached = lab.points(place)
    assert set(reached) == STEPS[place[1]], "the step has other commit points than tests/kill/test_steps.py says"
    lab.kill_at_every_point(place)


@pytest.mark.parametrize("side", RENAME)
def test_a_damaged_revision_is_remade_through_a_kill(lab: Lab, side: str) -> None:
    """Two renames are needed to replace a folder; between them there is none, and that is the same as not made."""
    place = (0, "seeds")
    folder = lab.copy(lab.after(place))
    (rows,) = (folder / "warehouse" / "revisions").glob("*/seeds.parquet")
    rows.write_bytes(rows.read_bytes()[:-1])
    point = f"damaged revision: {side}"
    assert execute(folder, victim.remake, environment={victim.VARIABLE: f"{point}:1"}) == -9, log(folder)
    lab.counted.add(point)
    assert execute(folder, victim.remake) == 0, log(folder)
    lab.counted.add(recovered=1)
    assert difference(state(folder), lab.expected(place)) == []
    lab.counted.add(equal=1)
    shutil.rmtree(folder.parent)


@pytest.mark.parametrize("side", RENAME)
def test_a_gguf_file_is_converted_through_a_kill(lab: Lab, tmp_path: Path, side: str) -> None:
    """The folder of weights is there whole or not at all, and nothing of the killed try is used or left."""
    (tmp_path / "recipes").mkdir()
    path = tiny_gguf(tmp_path)
    point = f"converted model: {side}"
    assert execute(tmp_path, victim.convert, path, environment={victim.VARIABLE: f"{point}:1"}) == -9, log(tmp_path)
    lab.counted.add(point)
    (made,) = (one for one in (tmp_path / "models" / ".work").iterdir() if one.is_dir())
    target = tmp_path / "models" / made.name
    assert target.exists() == (side == RENAME[1])
    if side == RENAME[0]:
        (made / "model" / "model.safetensors").write_bytes(b"half of it")
        (made / "model" / "adapter_config.json").touch()
    assert execute(tmp_path, victim.convert, path) == 0, log(tmp_path)
    lab.counted.add(recovered=1)
    assert not made.exists()
    found = {name: file.read_bytes() for name, file in folder_files(target).items()}
    shutil.rmtree(target)
    assert execute(tmp_path, victim.convert, path) == 0, log(tmp_path)
    assert {name: file.read_bytes() for name, file in folder_files(target).items()} == found
    lab.counted.add(equal=1)


def test_step_by_step_is_all_in_one_go(lab: Lab) -> None:
    """The prepared projects, on which the kills rest, are those of a plain run."""
    folder = lab.copy(lab.fresh)
    assert execute(folder, victim.run, *FLOW[-1]) == 0, log(folder)
    assert difference(state(folder), lab.expected(FLOW[-1])) == []
