"""What ``selfspec gc`` removes and what it leaves, on a real warehouse."""

import fcntl
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from selfspec_assets.base import files
from selfspec_assets.base.files import size_of
from selfspec_assets.cli.app import app
from selfspec_assets.planning import garbage
from selfspec_assets.planning.costs import done
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.instructions import request_signature
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Attempts, StepKey, Warehouse, upkeep
from tests.conftest import Project
from tests.planning.stored import change_seeds, commit, everything, kinds, made_elsewhere

RUN = CliRunner()


# --- what goes


def test_a_superseded_revision_is_shown_first_and_goes_with_yes(project: Project, warehouse: Warehouse) -> None:
    old = commit(warehouse)
    change_seeds(project, "dark")
    new = commit(warehouse)
    size = size_of(warehouse.root / "revisions" / old)
    before = everything(warehouse.root)
    shown = RUN.invoke(app, ["gc"])
    assert shown.exit_code == 0
    assert old[:20] in shown.stdout.replace("\n", "")
    assert "--yes" in shown.stdout
    assert everything(warehouse.root) == before
    done = RUN.invoke(app, ["gc", "--yes"])
    assert done.exit_code == 0
    assert re.search(r"removed; ([\d.]+) (k?B) freed", done.stdout)
    assert garbage.find(warehouse).items == ()
    assert not warehouse.has(old)
    warehouse.verify(new)
    after = everything(warehouse.root)
    gone = {name for name in before if name not in after and not name.startswith("locks/")}
    assert gone == {name for name in before if name.startswith(f"revisions/{old}/")}
    assert sum(len(before[name]) for name in gone) == size


def test_the_bytes_that_are_told_are_those_that_went(project: Project, warehouse: Warehouse) -> None:
    commit(warehouse)
    change_seeds(project, "dark")
    commit(warehouse)
    before = size_of(warehouse.root / "revisions")
    freed = garbage.remove(warehouse, garbage.find(warehouse).items)
    assert freed == before - size_of(warehouse.root / "revisions") > 0


def test_nothing_to_remove_is_said(project: Project, warehouse: Warehouse) -> None:
    assert "nothing to remove" in RUN.invoke(app, ["gc", "--yes"]).stdout
    commit(warehouse)
    assert "nothing to remove" in RUN.invoke(app, ["gc", "--yes"]).stdout


def test_what_the_manifest_names_stays_even_if_no_recipe_expects_it(project: Project, warehouse: Warehouse) -> None:
    old = commit(warehouse)
    change_seeds(project, "dark")  # and nothing is made of it
    assert kinds(warehouse) == []
    assert warehouse.has(old)


def test_what_a_recipe_expects_stays_even_if_no_manifest_names_it(project: Project, warehouse: Warehouse) -> None:
    first = commit(warehouse)
    change_seeds(project, "dark")
    second = commit(warehouse)
    change_seeds(project, "brown")  # back, and not run yet: the first one is wanted again
    assert kinds(warehouse) == []
    change_seeds(project, "pale")
    third = commit(warehouse)
    assert kinds(warehouse) == [(garbage.SUPERSEDED, one) for one in sorted((first, second))]
    (project.folder / "recipes" / "other.yaml").write_text((project.folder / "recipes" / "tiny.yaml").read_text())
    change_seeds(project, "brown")
    assert kinds(warehouse) == [(garbage.SUPERSEDED, second)]
    assert warehouse.has(third)


def test_a_recipe_that_is_no_more_keeps_its_revisions_and_is_named(project: Project, warehouse: Warehouse) -> None:
    old = commit(warehouse, recipe="former")
    change_seeds(project, "dark")
    commit(warehouse)
    found = garbage.find(warehouse)
    assert found.items == ()
    assert any("former" in note and "manifest" in note for note in found.notes)
    entry = warehouse.root / "manifest" / "former"
    for path in sorted(entry.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    entry.rmdir()
    assert kinds(warehouse) == [(garbage.SUPERSEDED, old)]


def test_a_recipe_that_ran_and_cannot_be_read_holds_everything_back(
    project: Project, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(warehouse)
    change_seeds(project, "dark")
    commit(warehouse)
    work = warehouse.work_folder("c" * 64)
    (work / "note").write_text("x")
    assert len(kinds(warehouse)) == 2
    monkeypatch.delenv("SELFSPEC_DATA")
    found = garbage.find(warehouse)
    assert found.items == ()
    assert any("tiny" in note and "SELFSPEC_DATA" in note for note in found.notes)


def test_a_damaged_manifest_entry_stops_it(project: Project, warehouse: Warehouse) -> None:
    commit(warehouse)
    next((warehouse.root / "manifest").rglob("*.json")).write_text("{}")
    done = RUN.invoke(app, ["gc", "--yes"])
    assert done.exit_code == 1
    assert "manifest entry is damaged" in done.stderr


# --- unfinished work and temporary files


def test_work_of_a_recipe_that_lies_elsewhere_stays(project: Project, warehouse: Warehouse, tmp_path: Path) -> None:
    """``selfspec run path/to/mine.yaml`` was killed before anything was in the manifest."""
    path = tmp_path / "mine.yaml"
    project.recipe["instructions"]["target"] = 9
    path.write_text(yaml.safe_dump(project.recipe))
    mine = Lineage(load_recipe(str(path))).signature("responses", "botany", 1)
    warehouse.chunks(mine, "answers").put(0, [{"text": "x"}])
    Attempts(warehouse.work_folder(mine)).begin(path)
    found = garbage.find(warehouse)
    assert found.items == ()
    assert [note for note in found.notes if str(path) in note and "stays until the file is deleted" in note]

    before = path.read_text()
    path.write_text("base_model: [")
    found = garbage.find(warehouse)
    assert found.items == ()
    assert [note for note in found.notes if str(path) in note and "cannot be read" in note]

    path.write_text(before.replace("target: 9", "target: 10"))  # it expects other answers now
    assert kinds(warehouse) == [(garbage.WORK, mine)]
    path.unlink()
    assert kinds(warehouse) == [(garbage.WORK, mine)]


def test_unfinished_work_stays_while_a_recipe_expects_it(project: Project, warehouse: Warehouse) -> None:
    lineage = Lineage(load_recipe("tiny"))
    wanted = [
        lineage.signature("responses", "botany", 1),
        request_signature(lineage, "botany", 1),
        request_signature(lineage, "botany", 2),
    ]
    for signature in (*wanted, "d" * 64):
        warehouse.chunks(signature, "answers").put(0, [{"text": "x"}])
    assert kinds(warehouse) == [(garbage.WORK, "d" * 64)]
    # The first requests are those of any target; the second ones are written by an adapter that would be another.
    project.recipe["instructions"]["target"] = 9
    project.save()
    assert kinds(warehouse) == [(garbage.WORK, name) for name in sorted(("d" * 64, wanted[0], wanted[2]))]
    garbage.remove(warehouse, garbage.find(warehouse).items)
    assert [path.name for path in (warehouse.root / "work").iterdir()] == [wanted[1]]


def test_work_that_a_kill_left_behind_a_commit_goes(project: Project, warehouse: Warehouse) -> None:
    signature = commit(warehouse)
    warehouse.chunks(signature).put(0, [{"text": "x"}])
    assert kinds(warehouse) == [(garbage.WORK, signature)]


def test_temporary_files_of_dead_runs_go_and_nothing_else(project: Project, warehouse: Warehouse) -> None:
    kept = commit(warehouse)
    wanted = request_signature(Lineage(load_recipe("tiny")), "botany", 1)
    warehouse.chunks(wanted, "requests").put(0, [{"text": "x"}])
    before = everything(warehouse.root)
    left = [
        f"revisions/.building-{kept}/losses.parquet",
        f"revisions/.discarded-{kept}/losses.parquet",
        ".selfspec.duckdb.building",
        ".selfspec.duckdb.building.wal",
        "manifest/tiny/seeds/botany/.0.json.tmp",
        f"work/{wanted}/requests/.00000001.json.tmp",
        f"work/.discarded-{wanted}/requests/00000001.json",
    ]
    for name in left:
        path = warehouse.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    found = garbage.find(warehouse)
    assert {item.kind for item in found.items} == {garbage.TEMPORARY}
    assert garbage.remove(warehouse, found.items) == 4 * len(left)
    assert {name: data for name, data in everything(warehouse.root).items() if not name.startswith("locks/")} == {
        name: data for name, data in before.items() if not name.startswith("locks/")
    }


@pytest.mark.parametrize("what", ["database", "manifest", "revision", "work"])
def test_what_a_living_process_is_writing_is_no_leftover(project: Project, warehouse: Warehouse, what: str) -> None:
    """Elsewhere a process holds the lock and has its temporary file half written."""
    wanted = Lineage(load_recipe("tiny")).signature("responses", "botany", 1)
    name, lock = {
        "database": (".selfspec.duckdb.building", "publish"),
        "manifest": ("manifest/tiny/seeds/botany/.0.json.tmp", "manifest"),
        "revision": (f"revisions/.building-{wanted}/losses.parquet", f"commit-{wanted}"),
        "work": (f"work/{wanted}/answers/.00000001.json.tmp", f"work-{wanted}"),
    }[what]
    path = warehouse.root / name
    path.parent.mkdir(parents=True)
    path.write_text("half")
    with files.waiting(warehouse.root / "locks" / f"{lock}.lock"):
        assert kinds(warehouse) == []
    assert [kind for kind, _ in kinds(warehouse)] == [garbage.TEMPORARY]


def test_a_temporary_file_of_work_stays_if_a_step_began_after_the_look(project: Project, warehouse: Warehouse) -> None:
    wanted = Lineage(load_recipe("tiny")).signature("responses", "botany", 1)
    path = warehouse.work_folder(wanted) / ".attempts.json.tmp"
    path.write_text("half")
    items = garbage.find(warehouse).items
    with made_elsewhere(warehouse, wanted, [wanted]):
        assert garbage.remove(warehouse, items) == 0
        assert path.exists()
    assert garbage.remove(warehouse, items) == 4


def test_a_folder_that_vanishes_during_the_look_is_left_out(
    project: Project, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step commits, and its work goes, between the listing of a folder and that of what is in it."""
    going, staying = "c" * 64, "d" * 64
    warehouse.chunks(staying, "answers").put(0, [{"text": "x"}])
    scan, gone = os.scandir, []

    def scan_late(path: str | Path | int = ".") -> Iterator[os.DirEntry[str]]:
        if not isinstance(path, int) and Path(path).name == "answers" and Path(path).parent.name == going:
            shutil.rmtree(Path(path).parent, ignore_errors=True)
            gone.append(path)
        return scan(path)

    for look in (
        lambda: [item.bytes for item in garbage.find(warehouse).items if item.name == staying],
        lambda: [done(warehouse, going).units + 1],
        lambda: [Attempts(warehouse.root / "work" / going).spent() + 1],
    ):
        warehouse.chunks(going, "answers").put(0, [{"text": "x"}])
        Attempts(warehouse.work_folder(going)).begin(project.folder / "recipes" / "tiny.yaml")
        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", scan_late)
            assert look()[0] > 0
    assert len(gone) >= 3


# --- lock files


def test_lock_files_go_with_what_they_were_for(project: Project, warehouse: Warehouse) -> None:
    old = commit(warehouse)
    change_seeds(project, "dark")
    new = commit(warehouse)
    key = StepKey("tiny", "seeds", "botany", 0)
    for signature in (old, new):
        with warehouse.lock(key, signature, [signature]):
            pass
    locks = warehouse.root / "locks"
    assert len(list(locks.glob(f"*{old}.lock"))) == len(list(locks.glob(f"*{new}.lock"))) == 2
    with made_elsewhere(warehouse, "e" * 64, ["e" * 64]):
        assert RUN.invoke(app, ["gc", "--yes"]).exit_code == 0
        assert warehouse.holder("e" * 64) is not None
        assert not warehouse.has(old)
        assert list(locks.glob(f"*{old}.lock")) == []
        assert len(list(locks.glob(f"*{new}.lock"))) == 2


def test_who_waited_for_a_lock_that_was_removed_holds_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    entered, leave = threading.Event(), threading.Event()

    def wait() -> None:
        with files.waiting(path):
            entered.set()
            leave.wait(60)

    waiter = threading.Thread(target=wait)
    with files.waiting(path):
        waiter.start()
        assert not entered.wait(0.2)
        path.unlink()
    assert entered.wait(60)
    assert files.holder(path) is not None
    files.remove_lock(path)
    assert path.exists(), "a lock that is held stays"
    leave.set()
    waiter.join()
    files.remove_lock(path)
    assert not path.exists()


# --- running steps


def test_a_running_step_keeps_what_it_reads_and_its_own_work(project: Project, warehouse: Warehouse) -> None:
    read = commit(warehouse)
    change_seeds(project, "dark")
    commit(warehouse)  # meanwhile the partition shows something newer
    own, requests = "e" * 64, "f" * 64
    for signature in (own, requests):
        warehouse.chunks(signature).put(0, [{"text": "x"}])
        (warehouse.root / "work" / signature / "chunks" / ".00000001.json.tmp").write_text("half")
    with made_elsewhere(warehouse, own, [read, own, requests]) as process:
        found = garbage.find(warehouse)
        assert found.items == ()
        assert any(f"process {process}" in note for note in found.notes)
        assert not upkeep.remove_revision(warehouse, read)
        assert not upkeep.remove_work(warehouse, own)
        assert not upkeep.remove_work(warehouse, requests)
        assert warehouse.has(read)
    assert kinds(warehouse) == [
        (garbage.SUPERSEDED, read),
        (garbage.WORK, own),
        (garbage.WORK, requests),
    ]


def test_a_step_that_began_after_the_look_is_safe(project: Project, warehouse: Warehouse) -> None:
    old = commit(warehouse)
    change_seeds(project, "dark")
    commit(warehouse)
    items = garbage.find(warehouse).items
    with made_elsewhere(warehouse, "e" * 64, [old]):
        assert garbage.remove(warehouse, items) == 0
    assert warehouse.has(old)
    warehouse.reuse(StepKey("tiny", "seeds", "botany", 0), old)  # or shown again
    assert garbage.remove(warehouse, items) == 0
    assert warehouse.has(old)


def test_a_holder_that_has_not_said_what_it_uses_keeps_everything(project: Project, warehouse: Warehouse) -> None:
    old = commit(warehouse)
    change_seeds(project, "dark")
    commit(warehouse)
    with made_elsewhere(warehouse, "e" * 64, []):
        lock = warehouse.root / "locks" / f"work-{'e' * 64}.lock"
        said = lock.read_text()
        lock.write_text("")
        assert kinds(warehouse) == []
        lock.write_text(said)
        assert kinds(warehouse) == [(garbage.SUPERSEDED, old)]


def test_looking_at_a_lock_does_not_stop_a_step_from_taking_it(
    project: Project, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, signature = StepKey("tiny", "seeds", "botany", 0), "e" * 64
    with warehouse.lock(key, signature):
        pass
    monkeypatch.setattr(files, "_PATIENCE", 60)  # however slowly the looker is woken up
    glance = os.open(warehouse.root / "locks" / f"work-{signature}.lock", os.O_RDONLY)
    fcntl.flock(glance, fcntl.LOCK_SH)
    threading.Timer(0.3, lambda: os.close(glance)).start()
    with warehouse.lock(key, signature):
        assert warehouse.holder(signature) is not None
    assert warehouse.holder(signature) is None
