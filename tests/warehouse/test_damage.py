"""Files that are damaged, edited, lost or from elsewhere are named, and mended where that can be done."""

import json
import math
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from selfspec_assets.base import signature as signature_module
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse import StepKey, published
from selfspec_assets.warehouse.rows import LossRow
from tests.warehouse.samples import KEY, dump, in_child, losses, query, run_row, sign, tree


def _damage_garbage(path: Path) -> None:
    path.write_bytes(b"not a database")


def _damage_truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def _damage_block(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)


def _damage_schema(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("ALTER TABLE losses DROP COLUMN epoch")


def _damage_table(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("DROP TABLE lift")


@pytest.mark.parametrize(
    "damage", [Path.unlink, _damage_garbage, _damage_truncated, _damage_block, _damage_schema, _damage_table]
)
def test_a_lost_damaged_or_older_database_is_written_anew(warehouse, damage):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    other = StepKey("quickstart", "responses", "sports", 1)
    damage(warehouse.database)
    warehouse.commit(other, sign("b"), {LossRow: losses(2.0)})
    assert query(warehouse, "SELECT domain, count(epoch) FROM losses GROUP BY ALL ORDER BY 1") == [
        ("biomedicine", 3),
        ("sports", 3),
    ]
    assert query(warehouse, "FROM lift") == []


def test_damage_that_shows_only_while_replacing_is_mended_too(warehouse, monkeypatch):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})

    def unreadable(*_: object) -> None:
        raise duckdb.IOException("Corrupt database file: computed checksum does not match")

    monkeypatch.setattr(published, "_delete", unreadable)
    warehouse.commit(KEY, sign("b"), {LossRow: losses(2.0)})
    assert query(warehouse, "SELECT count(*), max(loss) FROM losses") == [(3, 2.0)]


def test_a_log_that_a_killed_session_left_does_not_spoil_the_next_version(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})

    def write_and_die() -> None:
        connection = duckdb.connect(str(warehouse.database))
        connection.execute("INSERT INTO losses VALUES ('mine', 'd', 1, 1, 1, 1, 1)")
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(write_and_die) == -signal.SIGKILL
    assert warehouse.database.with_name("selfspec.duckdb.wal").exists()
    warehouse.commit(KEY, sign("b"), {LossRow: losses(2.0)})
    assert query(warehouse, "SELECT DISTINCT recipe, loss FROM losses") == [("quickstart", 2.0)]


def _flip_last_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["losses.parquet", "adapter/sub/adapter_config.json"])
@pytest.mark.parametrize("damage", [_flip_last_byte, Path.unlink])
def test_verify_names_a_damaged_file_and_a_new_commit_replaces_it(warehouse, adapter, name, damage):
    def commit() -> None:
        warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)}, {"adapter": adapter})

    commit()
    before = tree(warehouse.root)
    warehouse.verify(sign("a"))
    path = warehouse.root / "revisions" / sign("a") / name
    damage(path)
    with pytest.raises(SelfspecError, match="delete the folder") as caught:
        warehouse.verify(sign("a"))
    assert caught.value.place == str(path)
    commit()
    assert tree(warehouse.root) == before


def test_damaged_rows_are_neither_read_nor_published(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    _flip_last_byte(warehouse.root / "revisions" / sign("a") / "losses.parquet")
    with pytest.raises(SelfspecError, match=r"losses\.parquet: was changed"):
        warehouse.read(sign("a"), LossRow)
    warehouse.database.unlink()
    with pytest.raises(SelfspecError, match=r"losses\.parquet: was changed"):
        warehouse.publish()
    assert not warehouse.database.exists()


def test_verify_finds_a_file_that_was_added(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    (warehouse.root / "revisions" / sign("a") / "pytorch_model.bin").write_text("x")
    with pytest.raises(SelfspecError, match=r"pytorch_model\.bin: does not belong here"):
        warehouse.verify(sign("a"))


@pytest.mark.parametrize("name", ["adapter/adapter_config.json", "adapter/added.bin"])
def test_a_folder_is_compared_with_its_digests_once(warehouse, adapter, monkeypatch, name):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)}, {"adapter": adapter})
    read = []
    digest = signature_module.file_digest
    monkeypatch.setattr(signature_module, "file_digest", lambda path: read.append(path) or digest(path))
    monkeypatch.setattr(signature_module, "_STILL_WARM_NS", -(10**18))
    folder = warehouse.folder(sign("a"), "adapter")
    once = len(read)
    assert once == len(list(folder.iterdir())) > 0
    assert warehouse.folder(sign("a"), "adapter") == folder
    assert len(read) == once
    path = folder.parent / name
    path.write_bytes(path.read_bytes()[:-1] + b"#" if path.exists() else b"x")
    with pytest.raises(SelfspecError, match=rf"{path.name}: (was changed|does not belong here)"):
        warehouse.folder(sign("a"), "adapter")


def test_a_deleted_revision_leaves_the_others_in_place_and_comes_back(warehouse):
    other = StepKey("quickstart", "responses", "sports", 1)
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    warehouse.commit(other, sign("b"), {LossRow: losses(2.0)})
    before, rows = tree(warehouse.root), dump(warehouse)
    shutil.rmtree(warehouse.root / "revisions" / sign("a"))
    assert not warehouse.has(sign("a"))
    assert warehouse.current(KEY) == sign("a")
    warehouse.reuse(other, sign("b"))
    assert query(warehouse, "SELECT DISTINCT domain FROM losses") == [("sports",)]
    with pytest.raises(SelfspecError, match="no such revision"):
        warehouse.read(sign("a"), LossRow)
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    assert (tree(warehouse.root), dump(warehouse)) == (before, rows)


def _edited(**changes: object) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps({**json.loads(data), **changes}).encode()


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: b"",
        lambda data: data[:-5],
        lambda data: b"[]",
        lambda data: b"\xff\xfe",
        lambda data: b"{}",
        _edited(signature="../../x"),
        _edited(signature=3),
        _edited(domain="sports"),
        _edited(note="mine"),
    ],
)
def test_a_damaged_manifest_entry_is_named(warehouse, edit):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    path = warehouse.root / "manifest" / "quickstart" / "responses" / "biomedicine" / "1.json"
    path.write_bytes(edit(path.read_bytes()))
    for act in (lambda: warehouse.current(KEY), warehouse.entries, warehouse.publish):
        with pytest.raises(SelfspecError, match="manifest entry is damaged") as caught:
            act()
        assert caught.value.place == str(path)
        assert "delete" in caught.value.remedy
    path.unlink()
    warehouse.reuse(KEY, sign("a"))
    assert query(warehouse, "SELECT count(*) FROM losses") == [(3,)]


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: b"",
        lambda data: data[:-5],
        lambda data: b"[]",
        lambda data: b"\xff\xfe",
        _edited(files={}),
        _edited(step="scores"),
        _edited(signature=sign("b")),
        _edited(tables={"losses": 4}),
        _edited(files=3),
        _edited(content_digest=sign("x")),
    ],
)
def test_a_damaged_revision_json_is_named_and_remade(warehouse, edit):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    before = tree(warehouse.root)
    path = warehouse.root / "revisions" / sign("a") / "revision.json"
    path.write_bytes(edit(path.read_bytes()))
    for act in (lambda: warehouse.verify(sign("a")), lambda: warehouse.read(sign("a"), LossRow), warehouse.publish):
        with pytest.raises(SelfspecError, match="damaged") as caught:
            act()
        assert caught.value.place == str(path)
        assert "delete the folder" in caught.value.remedy
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    assert tree(warehouse.root) == before


def test_a_run_without_a_real_number_is_refused(warehouse):
    with pytest.raises(SelfspecError, match="table runs, row 0, column seconds"):
        warehouse.commit(KEY, sign("a"), {}, run=run_row(sign("a"), seconds=math.nan))
    assert not warehouse.has(sign("a"))


def test_a_damaged_run_json_is_named(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)}, run=run_row(sign("a")))
    path = warehouse.root / "revisions" / sign("a") / "run.json"
    path.write_text("{}")
    warehouse.database.unlink()
    with pytest.raises(SelfspecError, match=r"run\.json"):
        warehouse.publish()
    warehouse.verify(sign("a"))
    path.unlink()
    warehouse.publish()
    assert query(warehouse, "SELECT (SELECT count(*) FROM losses), (SELECT count(*) FROM runs)") == [(3, 0)]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "-x", "a b", "a~b", "x\n"])
def test_a_name_cannot_leave_its_folder(name):
    with pytest.raises(SelfspecError, match="cannot be the name"):
        StepKey("quickstart", "responses", name, 1)


@pytest.mark.parametrize("signature", ["", "..", "a" * 63, "A" * 64, "../" + "a" * 61])
def test_a_signature_is_64_hex_digits(warehouse, signature):
    with pytest.raises(ValueError, match="is not a signature"):
        warehouse.commit(KEY, signature, {})
    with pytest.raises(ValueError, match="is not a signature"):
        warehouse.work_folder(signature)
