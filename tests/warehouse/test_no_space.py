"""No space, and no right to write."""

import math
import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse import Warehouse
from selfspec_assets.warehouse.rows import LossRow
from tests.warehouse.samples import FORK, KEY, dump, losses, query, sign, tree


def _limited(work: Callable[[], object], limit: int, report) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # a write beyond fails as on a full disk (EFBIG)
    _reporting(work, report)


def _reporting(work: Callable[[], object], report) -> None:
    try:
        work()
        report.put("no error")
    except SelfspecError as error:
        report.put((error.place, error.reason, error.remedy))
    except BaseException as error:
        report.put(repr(error))


def _report_of(target: Callable[..., None], *args: object) -> object:
    report = FORK.SimpleQueue()
    child = FORK.Process(target=target, args=(*args, report))
    child.start()
    said = report.get()
    child.join(30)
    return said


@pytest.mark.parametrize("limit", [100, 3_000, 30_000, 200_000])
def test_a_full_disk_leaves_the_last_good_state(warehouse, adapter, limit):
    """The limits stop the revision's JSON, its Parquet, its adapter, and the published database."""
    warehouse.commit(KEY, sign("old"), {LossRow: losses(1.0)})
    warehouse.chunks(sign("new")).put(0, [{"row": 1}])
    rows = [LossRow(step, step / 7, math.sin(step), math.cos(step)) for step in range(2_000)]

    def commit() -> None:
        warehouse.commit(KEY, sign("new"), {LossRow: rows}, {"adapter": adapter})

    said = _report_of(_limited, commit, limit)
    assert isinstance(said, tuple), said
    place, _, remedy = said
    assert place.startswith(str(warehouse.root))
    assert "space" in remedy
    assert query(warehouse, "SELECT count(*) FROM losses") == [(3,)]
    if not warehouse.has(sign("new")):
        assert warehouse.chunks(sign("new")).done() == [0]
    leftovers = [path.name for path in warehouse.root.rglob(".*")]
    assert leftovers == []
    commit()
    assert query(warehouse, "SELECT count(*) FROM losses") == [(2_000,)]


def test_a_full_disk_stops_a_chunk_cleanly(warehouse):
    store = warehouse.chunks(sign("a"))
    store.put(0, [{"text": "kept"}])
    said = _report_of(_limited, lambda: store.put(1, [{"text": "x" * 5_000}]), 1_000)
    assert isinstance(said, tuple)
    assert "space" in said[2]
    assert [path.name for path in store.folder.iterdir()] == ["00000000.json"]


@pytest.mark.parametrize("limit", [0, 10])
def test_a_full_disk_gives_no_lock_without_its_holders_name(warehouse, limit):
    """Nothing can be written, or only the first bytes: ``gc`` would wait for ever for the rest of the text."""
    lock = warehouse.root / "locks" / f"work-{sign('a')}.lock"

    def begin() -> None:
        with warehouse.lock(KEY, sign("a"), [sign("a")]):
            raise AssertionError("it was taken")

    with warehouse.lock(KEY):
        pass  # its own lock is there, so that the disk is full at the second one, too
    said = _report_of(_limited, begin, limit)
    assert isinstance(said, tuple), said
    place, reason, remedy = said
    assert place in (str(lock), str(lock.with_name(f"{str(KEY).replace('/', '~')}.lock")))
    assert "cannot be written: File too large" in reason
    assert "space" in remedy
    assert warehouse.holder(sign("a")) is None
    with warehouse.lock(KEY, sign("a"), [sign("a")]):
        assert warehouse.holder(sign("a")).uses == (sign("a"),)
    assert lock.read_text() == "", "who looks later is told of nobody"


def _unprivileged(work: Callable[[], object], report) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    _reporting(work, report)


@pytest.mark.parametrize("locked", ["", "revisions", "manifest", "locks"])
def test_a_folder_that_cannot_be_written_is_named(locked):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own temporary folders are closed to other users
        root = Path(folder) / "warehouse"
        warehouse = Warehouse(root)
        warehouse.commit(KEY, sign("old"), {LossRow: losses(1.0)})
        for path in [Path(folder), *Path(folder).rglob("*")]:
            path.chmod(0o777 if path.is_dir() else 0o666)
        for path in [root / locked, *(root / locked).rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        before, rows = tree(root), dump(warehouse)
        work = [
            lambda: warehouse.commit(KEY, sign("new"), {LossRow: losses(2.0)}),
            lambda: warehouse.lock(KEY).__enter__(),
        ]
        for act in work[: 2 if locked in ("", "locks") else 1]:
            said = _report_of(_unprivileged, act)
            assert isinstance(said, tuple), said
            assert said[0].startswith(str(root / locked))
            assert "the right to write" in said[2]
        if locked != "manifest":  # there the new revision is whole already, and only not shown
            assert tree(root) == before
        assert dump(warehouse) == rows
        assert _report_of(_unprivileged, lambda: warehouse.read(sign("old"), LossRow)) == "no error"
        assert _report_of(_unprivileged, lambda: query(warehouse, "FROM losses")) == "no error"
        for path in Path(folder).rglob("*"):
            path.chmod(0o777 if path.is_dir() else 0o666)
