"""The store, with real files, real DuckDB and real processes (forked, so that a kill costs milliseconds)."""

import errno
import functools
import json
import math
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from selfspec_assets.base import signature as signature_module
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import text_digest
from selfspec_assets.warehouse import StepKey, Warehouse, published, read_only_query
from selfspec_assets.warehouse import parquet as parquet_module
from selfspec_assets.warehouse import query as query_module
from selfspec_assets.warehouse.parquet import columns, read_rows, write_rows
from selfspec_assets.warehouse.rows import (
    AdapterRow,
    LossRow,
    PassageRow,
    ResponseTokenRow,
    RetrievalRow,
    RunRow,
    SeedRow,
)
from selfspec_assets.warehouse.score_rows import ItemScoreRow
from selfspec_assets.warehouse.tables import ROW_TYPES

FORK = multiprocessing.get_context("fork")
KEY = StepKey("quickstart", "responses", "biomedicine", 1)


def sign(name: str) -> str:
    return text_digest(name)


def losses(version: float, count: int = 3) -> list[LossRow]:
    return [LossRow(step, 0.5 * step, version, 3e-4) for step in range(count)]


def run_row(signature: str, step: str = "responses", seconds: float = 1.5) -> RunRow:
    return RunRow(
        step=step,
        signature=signature,
        started_at="2025-01-01T00:00:00Z",
        seconds=seconds,
        input_tokens=10,
        output_tokens=20,
        peak_memory_mb=300.0,
        device="cpu",
        dagster_run_id="run-1",
    )


def query(warehouse: Warehouse, sql: str) -> list[tuple]:
    return read_only_query(warehouse.database, sql)[1]


def in_child(work: Callable[[], None]) -> int:
    """Runs ``work`` in a child process: 0, 1 after an exception, or minus the signal that killed it."""
    child = FORK.Process(target=work)
    child.start()
    child.join(60)
    assert child.exitcode is not None
    return child.exitcode


def tree(root: Path) -> dict[str, bytes]:
    """Every file that promises the same bytes; locks and the database (compared by its rows) do not."""
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in sorted(found.items())
        if not name.startswith("locks/") and name != "selfspec.duckdb"
    }


def dump(warehouse: Warehouse) -> dict[str, list[tuple]]:
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        return {table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in published.TABLES}


# --- rows to Parquet and back


def _values(kind: str) -> st.SearchStrategy:
    if kind.endswith("[]"):
        return st.lists(_values(kind[:-2]), max_size=3)
    return {
        "BIGINT": st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1]),
        "DOUBLE": st.floats(allow_nan=False, allow_infinity=False),
        "BOOLEAN": st.booleans(),
        "VARCHAR": st.text(max_size=12) | st.sampled_from(["", "a\nb\r\n", "\x00", "'\"", "Ärzte 😀 ‮", "NULL"]),
    }[kind]


def _rows(row_type):
    hints = parquet_module._hints(row_type)
    fields = {
        name: _values(kind) if parquet_module._without_none(hints[name])[1] is False else st.none() | _values(kind)
        for name, kind in columns(row_type).items()
    }
    return st.lists(st.builds(row_type, **fields), max_size=4)


@pytest.mark.parametrize("row_type", ROW_TYPES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_come_back_as_they_were(tmp_path, row_type, data):
    rows = data.draw(_rows(row_type))
    path = tmp_path / "[odd] *name'?.parquet"
    write_rows(row_type, rows, path)
    assert repr(read_rows(row_type, path)) == repr(rows)


def test_a_path_is_never_taken_for_a_pattern(tmp_path):
    """DuckDB would read ``run[1]/x`` as ``run1/x``, and ``run?/x`` as both."""
    for value, folder in enumerate(["run[1]", "run1", "run?", "run*", "it's"]):
        (tmp_path / folder).mkdir()
        write_rows(LossRow, losses(float(value)), tmp_path / folder / "x.parquet")
    for value, folder in enumerate(["run[1]", "run1", "run?", "run*", "it's"]):
        assert read_rows(LossRow, tmp_path / folder / "x.parquet") == losses(float(value))


def test_order_survives_many_batches(tmp_path):
    rows = losses(0.5, 25_001)
    write_rows(LossRow, rows, tmp_path / "x.parquet")
    assert read_rows(LossRow, tmp_path / "x.parquet") == rows


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (LossRow(1, math.nan, 1.0, 1.0), "epoch"),
        (LossRow(1, 1.0, -math.inf, 1.0), "loss"),
        (LossRow(2**63, 1.0, 1.0, 1.0), "step"),
        (LossRow(True, 1.0, 1.0, 1.0), "step"),
        (LossRow(1.0, 1.0, 1.0, 1.0), "step"),
        (LossRow(1, None, 1.0, 1.0), "epoch"),
        (LossRow(1, 2**53 + 1, 1.0, 1.0), "epoch"),
        (LossRow(1, "1", 1.0, 1.0), "epoch"),
        (RetrievalRow(1, "\ud800", 1, 1.0), "query"),
        (RetrievalRow(1, None, 1, 1.0), "query"),
        (
            ResponseTokenRow(
                instruction_id=1,
                position=1,
                token_id=1,
                token="a",
                posterior=[1.0, math.nan],
                top_passage_token_id=1,
                marginal_token_id=1,
            ),
            "posterior",
        ),
        (
            ResponseTokenRow(
                instruction_id=1,
                position=1,
                token_id=1,
                token="a",
                posterior=None,
                top_passage_token_id=1,
                marginal_token_id=1,
            ),
            "posterior",
        ),
        (
            ResponseTokenRow(
                instruction_id=1,
                position=1,
                token_id=1,
                token="a",
                posterior=(1.0,),
                top_passage_token_id=1,
                marginal_token_id=1,
            ),
            "posterior",
        ),
    ],
)
def test_a_value_that_a_column_cannot_hold_exactly_is_refused(tmp_path, row, column):
    good = type(row)(**{name: _plain(kind) for name, kind in columns(type(row)).items()})
    with pytest.raises(SelfspecError, match=rf"{row.table}, row 1, column {column}"):
        write_rows(type(row), [good, row], tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def _plain(kind: str) -> object:
    return {"BIGINT": 1, "DOUBLE": 1.0, "VARCHAR": "a", "DOUBLE[]": [1.0]}[kind]


def test_a_row_of_another_type_is_refused(tmp_path):
    with pytest.raises(TypeError, match="RetrievalRow is not LossRow"):
        write_rows(LossRow, [RetrievalRow(1, "q", 1, 1.0)], tmp_path / "x.parquet")


def test_parquet_with_other_columns_is_not_read_as_rows(tmp_path):
    write_rows(RetrievalRow, [], tmp_path / "x.parquet")
    with pytest.raises(SelfspecError, match="another version of selfspec"):
        read_rows(LossRow, tmp_path / "x.parquet")


# --- commit, reuse, publish


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


@pytest.fixture
def adapter(tmp_path) -> Path:
    folder = tmp_path / "made" / "adapter"
    (folder / "sub").mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 50)
    (folder / "sub" / "adapter_config.json").write_text("{}")
    return folder


def test_a_commit_is_read_back_and_published(warehouse, adapter):
    made = warehouse.commit(
        KEY, sign("a"), {LossRow: losses(1.0), AdapterRow: []}, {"adapter": adapter}, run_row(sign("a"))
    )
    assert warehouse.current(KEY) == sign("a")
    assert warehouse.has(sign("a"))
    assert [(entry.key, entry.signature) for entry in warehouse.entries()] == [(KEY, sign("a"))]
    assert warehouse.read(sign("a"), LossRow) == losses(1.0)
    assert warehouse.read(sign("a"), AdapterRow) == []
    copied = warehouse.folder(sign("a"), "adapter")
    assert (copied / "adapter_model.safetensors").read_bytes() == bytes(range(256)) * 50
    assert (copied / "sub" / "adapter_config.json").read_text() == "{}"
    assert query(warehouse, "FROM losses ORDER BY step") == [
        ("quickstart", "biomedicine", 1, step, 0.5 * step, 1.0, 3e-4) for step in range(3)
    ]
    assert query(warehouse, "FROM revisions") == [
        ("quickstart", "responses", "biomedicine", 1, sign("a"), made.content_digest, ["adapters", "losses"])
    ]
    assert query(warehouse, "SELECT recipe, step, signature, seconds, peak_memory_mb FROM runs") == [
        ("quickstart", "responses", sign("a"), 1.5, 300.0)
    ]


def test_all_tables_exist_from_the_first_publish_on(warehouse):
    warehouse.publish()
    tables = {name for (name,) in query(warehouse, "SHOW TABLES")}
    assert tables == {row_type.table for row_type in ROW_TYPES} | {"revisions"}
    described = [(name, kind) for name, kind, *_ in query(warehouse, "DESCRIBE response_tokens")]
    assert described[:4] == [
        ("recipe", "VARCHAR"),
        ("domain", "VARCHAR"),
        ("iteration", "INTEGER"),
        ("instruction_id", "BIGINT"),
    ]
    assert ("posterior", "DOUBLE[]") in described
    comments = dict(query(warehouse, "SELECT table_name, comment FROM duckdb_tables()"))
    assert comments["runs"].startswith("What making a revision cost.")
    assert comments["losses"] == ""
    assert query(warehouse, "SELECT count(*) FROM duckdb_views() WHERE NOT internal") == [(0,)]


def test_a_replaced_partition_loses_exactly_its_own_rows(warehouse, monkeypatch):
    warehouse.publish()
    monkeypatch.setattr(published, "_create_tables", None)  # from here on by replacing, never by writing anew
    others = [
        StepKey("quickstart", "responses", "biomedicine", 2),
        StepKey("quickstart", "responses", "sports", 1),
        StepKey("other", "responses", "biomedicine", 1),
    ]
    for number, key in enumerate(others):
        signature = sign(f"other {number}")
        warehouse.commit(key, signature, {LossRow: losses(10.0 + number)}, run=run_row(signature))
    # Other steps of the same partition, and a step of the domain alone that fills a table of the same name.
    scores = StepKey("quickstart", "scores", "biomedicine", 1)
    base = StepKey("quickstart", "base_scores", "biomedicine", 0)
    item = ItemScoreRow(
        model="base", variant="plain", oracle=False, shots=0, benchmark="b", item=1, metric="f1", value=50.0
    )
    warehouse.commit(base, sign("base"), {ItemScoreRow: [item]}, run=run_row(sign("base"), "base_scores"))
    warehouse.commit(scores, sign("scores"), {ItemScoreRow: [item]}, run=run_row(sign("scores"), "scores"))
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0), SeedRow: []}, run=run_row(sign("a")))
    before = dump(warehouse)
    warehouse.commit(KEY, sign("b"), {LossRow: losses(2.0, 1), PassageRow: []}, run=run_row(sign("b"), seconds=9.0))
    after = dump(warehouse)
    mine = ("quickstart", "biomedicine", 1)
    assert [row for row in after["losses"] if row[:3] == mine] == [(*mine, 0, 0.0, 2.0, 3e-4)]
    for table in ("losses", "seeds"):
        assert [row for row in before[table] if row[:3] != mine] == [row for row in after[table] if row[:3] != mine]
    assert before["item_scores"] == after["item_scores"]
    assert len(after["item_scores"]) == 2
    assert len(after["runs"]) == 6
    kept = [row for row in before["runs"] if row[4] != sign("a")]
    assert [row for row in after["runs"] if row[4] != sign("b")] == kept


def test_a_table_that_the_new_revision_no_longer_fills_is_emptied(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0), RetrievalRow: [RetrievalRow(1, "q", 1, 1.0)]})
    warehouse.commit(KEY, sign("b"), {LossRow: losses(1.0)})
    assert query(warehouse, "FROM retrievals") == []


def test_two_recipes_share_a_revision(warehouse):
    other = StepKey("ablation", "responses", "biomedicine", 1)
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)}, run=run_row(sign("a")))
    warehouse.reuse(other, sign("a"))
    assert query(warehouse, "SELECT recipe, count(*) FROM losses GROUP BY ALL ORDER BY 1") == [
        ("ablation", 3),
        ("quickstart", 3),
    ]
    assert len(list((warehouse.root / "revisions").iterdir())) == 1
    warehouse.commit(other, sign("b"), {LossRow: losses(2.0)})
    assert warehouse.current(KEY) == sign("a")
    assert query(warehouse, "SELECT DISTINCT recipe, loss FROM losses ORDER BY 1") == [
        ("ablation", 2.0),
        ("quickstart", 1.0),
    ]


def test_reuse_goes_back_to_an_earlier_revision_and_writes_no_other(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    warehouse.commit(KEY, sign("b"), {LossRow: losses(2.0)})
    inode = (warehouse.root / "revisions" / sign("a")).stat().st_ino
    warehouse.reuse(KEY, sign("a"))
    assert query(warehouse, "SELECT DISTINCT loss FROM losses") == [(1.0,)]
    assert (warehouse.root / "revisions" / sign("a")).stat().st_ino == inode
    with pytest.raises(SelfspecError, match="no such revision"):
        warehouse.reuse(KEY, sign("never made"))
    with pytest.raises(ValueError, match="is one of responses"):
        warehouse.reuse(StepKey("quickstart", "passages", "biomedicine", 1), sign("a"))
    assert warehouse.current(KEY) == sign("a")


def test_an_undamaged_revision_is_never_replaced(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)}, run=run_row(sign("a")))
    before = tree(warehouse.root)
    warehouse.commit(KEY, sign("a"), {LossRow: losses(2.0)}, run=run_row(sign("a"), seconds=99.0))
    assert tree(warehouse.root) == before
    assert query(warehouse, "SELECT DISTINCT loss FROM losses") == [(1.0,)]


def test_one_table_of_a_partition_belongs_to_one_step(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    with pytest.raises(ValueError, match="table losses of this partition is filled by step responses"):
        warehouse.commit(StepKey("quickstart", "adapter", "biomedicine", 1), sign("b"), {LossRow: losses(2.0)})
    assert query(warehouse, "SELECT DISTINCT loss FROM losses") == [(1.0,)]


@pytest.mark.parametrize(
    ("tables", "run"),
    [({RunRow: []}, None), ({}, run_row(sign("a"), step="scores")), ({}, run_row(sign("b")))],
)
def test_a_run_is_that_of_its_revision(warehouse, tables, run):
    with pytest.raises(ValueError, match="run"):
        warehouse.commit(KEY, sign("a"), tables, run=run)
    assert not warehouse.root.exists()


def test_equal_input_gives_equal_bytes_and_time_is_in_no_digest(tmp_path, adapter):
    def make(root: str, seconds: float) -> tuple[dict[str, bytes], str]:
        made = Warehouse(tmp_path / root).commit(
            KEY,
            sign("a"),
            {LossRow: losses(1.0, 12_000), PassageRow: []},
            {"adapter": adapter},
            run_row(sign("a"), seconds=seconds),
        )
        return tree(tmp_path / root), made.content_digest

    assert in_child(lambda: make("other process", 2.5)) == 0
    one, one_digest = make("one", 1.5)
    other = tree(tmp_path / "other process")
    run = f"revisions/{sign('a')}/run.json"
    assert one.pop(run) != other.pop(run)
    assert one == other
    assert one_digest == Warehouse(tmp_path / "other process").revision(sign("a")).content_digest
    changed = Warehouse(tmp_path / "changed").commit(KEY, sign("a"), {LossRow: losses(1.5, 12_000), PassageRow: []})
    assert changed.content_digest != one_digest


def test_publishing_again_changes_nothing(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    paths = [warehouse.database, *(warehouse.root / "manifest").rglob("*")]
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}
    warehouse.publish()
    warehouse.reuse(KEY, sign("a"))
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths} == before


def test_the_published_file_does_not_grow_without_bound(warehouse):
    rows = [[RetrievalRow(i, os.urandom(50).hex(), 1, float(i)) for i in range(3_000)] for _ in range(6)]
    for number in range(6):
        key = StepKey("r", "passages", f"d{number % 3}", 1)
        warehouse.commit(key, sign(str(number)), {RetrievalRow: rows[number]})
    sizes = []
    for turn in range(15):
        warehouse.reuse(StepKey("r", "passages", f"d{turn % 3}", 1), sign(str((turn * 5 + 1) % 6)))
        sizes.append(warehouse.database.stat().st_size)
    assert query(warehouse, "SELECT count(*), count(DISTINCT domain) FROM retrievals") == [(9_000, 3)]
    warehouse.database.unlink()
    warehouse.publish()
    fresh = warehouse.database.stat().st_size
    assert max(sizes) <= 3 * fresh, (sizes, fresh)


def test_space_that_a_large_partition_leaves_is_given_back(warehouse):
    warehouse.publish()
    empty = warehouse.database.stat().st_size
    rows = [RetrievalRow(i, os.urandom(50).hex(), 1, float(i)) for i in range(60_000)]
    warehouse.commit(KEY, sign("large"), {RetrievalRow: rows})
    large = warehouse.database.stat().st_size
    warehouse.commit(KEY, sign("small"), {RetrievalRow: rows[:1]})
    assert large > 10 * empty
    assert warehouse.database.stat().st_size < 4 * empty


def test_an_open_reader_keeps_its_version_over_a_swap(warehouse):
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0, 5_000)})
    ask = [
        sys.executable,
        "-c",
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True)\n"
        "for line in sys.stdin: print(c.execute('SELECT count(*), max(loss) FROM losses').fetchall(), flush=True)",
        str(warehouse.database),
    ]
    with subprocess.Popen(ask, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin
        assert other.stdout
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "[(5000, 1.0)]\n"
        with duckdb.connect(str(warehouse.database), read_only=True) as mine:
            slow = mine.execute("SELECT loss FROM losses")
            assert slow.fetchone() == (1.0,)
            warehouse.commit(KEY, sign("b"), {LossRow: losses(2.0, 7)})
            assert query(warehouse, "SELECT count(*), max(loss) FROM losses") == [(7, 2.0)]
            assert slow.fetchall() == [(1.0,)] * 4_999
            assert mine.execute("SELECT count(*), max(loss) FROM losses").fetchall() == [(5_000, 1.0)]
        assert other.communicate("\n")[0] == "[(5000, 1.0)]\n"


# --- damage


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


# --- chunks


def test_chunks_survive_and_go_with_the_commit(warehouse):
    store = warehouse.chunks(sign("a"))
    payloads = {10: [{"a": 1.5, "b": [None, "é\ud800\n"]}], 2: [], 0: [{"x": True}, {"y": {"z": 2**70}}]}
    for index, payload in payloads.items():
        store.put(index, payload)
    again = Warehouse(warehouse.root).chunks(sign("a"))
    assert again.done() == [0, 2, 10]
    assert {index: again.get(index) for index in again.done()} == payloads
    assert again.get(1) is None
    assert warehouse.chunks(sign("a"), "scores").done() == []
    assert warehouse.chunks(sign("b")).done() == []
    warehouse.work_folder(sign("b"))
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    assert [path.name for path in (warehouse.root / "work").iterdir()] == [sign("b")]


def test_a_torn_or_edited_chunk_counts_as_absent(warehouse):
    store = warehouse.chunks(sign("a"))
    store.put(0, [{"text": "kept"}])
    store.put(1, [{"text": "abc"}])
    path = store.folder / "00000001.json"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert store.get(1) is None, length
    for damaged in (whole.replace(b"abc", b"abd"), whole + b"x", b"\xff" + whole, whole.replace(b"\n", b"")):
        path.write_bytes(damaged)
        assert store.done() == [0]
    store.put(1, [{"text": "new"}])
    assert store.get(1) == [{"text": "new"}]
    assert store.done() == [0, 1]


@pytest.mark.parametrize(
    ("payload", "error"),
    [([{"a": (1, 2)}], TypeError), ([{1: "a"}], TypeError), ([{"a": {1}}], TypeError), ([{"a": math.nan}], ValueError)],
)
def test_a_chunk_that_would_come_back_changed_is_refused(warehouse, payload, error):
    store = warehouse.chunks(sign("a"))
    with pytest.raises(error):
        store.put(0, payload)
    assert store.done() == []


# --- kills


class Killer:
    """Kills this process right before its n-th operation that leaves a trace: a rename, a copy or a removal."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def wrap(self, operation: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(operation)
        def counted(*args: object, **kwargs: object) -> object:
            self.count += 1
            if self.count == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*args, **kwargs)

        return counted

    def arm(self) -> None:
        os.replace = self.wrap(os.replace)  # type: ignore[assignment]
        os.rmdir = self.wrap(os.rmdir)  # type: ignore[assignment]
        shutil.copyfile = self.wrap(shutil.copyfile)  # type: ignore[assignment]
        Path.unlink = self.wrap(Path.unlink)  # type: ignore[assignment, method-assign]


def _second_commit(warehouse: Warehouse, adapter: Path) -> None:
    """What a step does, as a rerun would do it: chunks that are missing, then the commit."""
    with warehouse.lock(KEY, sign("new")):
        if warehouse.has(sign("new")):
            warehouse.reuse(KEY, sign("new"))
            return
        store = warehouse.chunks(sign("new"))
        for index in {0, 1} - set(store.done()):
            store.put(index, [{"row": index}])
        warehouse.commit(
            KEY, sign("new"), {LossRow: losses(2.0, 5), PassageRow: []}, {"adapter": adapter}, run_row(sign("new"))
        )


def _one_good_state(warehouse: Warehouse) -> None:
    old, new = [(3, 1.0)], [(5, 2.0)]
    assert query(warehouse, "SELECT count(*), any_value(loss) FROM losses") in (old, new)
    current = warehouse.current(KEY)
    assert current in (sign("old"), sign("new"))
    for signature in (sign("old"), current):
        warehouse.verify(signature)
    if warehouse.has(sign("new")):
        warehouse.verify(sign("new"))


def test_a_kill_at_any_point_leaves_the_last_good_state_and_a_rerun_the_same_bytes(tmp_path, adapter):
    first = Warehouse(tmp_path / "first")
    first.commit(KEY, sign("old"), {LossRow: losses(1.0), RetrievalRow: [RetrievalRow(1, "q", 1, 1.0)]})
    undisturbed = Warehouse(tmp_path / "undisturbed")
    shutil.copytree(first.root, undisturbed.root)
    _second_commit(undisturbed, adapter)
    expected, rows = tree(undisturbed.root), dump(undisturbed)

    for at in range(1, 200):
        warehouse = Warehouse(tmp_path / f"killed {at}")
        shutil.copytree(first.root, warehouse.root)

        def work(at: int = at, warehouse: Warehouse = warehouse) -> None:
            Killer(at).arm()
            _second_commit(warehouse, adapter)

        ended = in_child(work)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        _one_good_state(warehouse)
        _second_commit(warehouse, adapter)
        assert tree(warehouse.root) == expected, at
        assert dump(warehouse) == rows, at
    assert 12 < at < 199  # the loop went over all points and there were some


def test_another_partitions_commit_publishes_what_a_killed_one_left(warehouse):
    """Between the manifest and the published database nobody else need rerun anything."""
    warehouse.publish()

    def die_before_publishing() -> None:
        warehouse.publish = lambda: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
        warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})

    assert in_child(die_before_publishing) == -signal.SIGKILL
    assert query(warehouse, "SELECT count(*) FROM losses") == [(0,)]
    warehouse.commit(StepKey("quickstart", "responses", "sports", 1), sign("b"), {LossRow: losses(2.0)})
    assert query(warehouse, "SELECT domain, count(*) FROM losses GROUP BY ALL ORDER BY 1") == [
        ("biomedicine", 3),
        ("sports", 3),
    ]


# --- locks


def _hold_forever(warehouse: Warehouse, key: StepKey, signature: str | None, ready) -> None:
    with warehouse.lock(key, signature):
        ready.set()
        time.sleep(60)


@pytest.mark.parametrize("signature", [None, sign("a")])
def test_a_second_run_is_stopped_until_the_first_dies(warehouse, signature):
    ready = FORK.Event()
    holder = FORK.Process(target=_hold_forever, args=(warehouse, KEY, signature, ready))
    holder.start()
    assert ready.wait(20)
    wanted = KEY if signature is None else StepKey("ablation", "responses", "biomedicine", 1)
    said = rf"by process {holder.pid}, since 20\d\d-"
    with pytest.raises(SelfspecError, match=said) as caught, warehouse.lock(wanted, signature):
        pass
    assert caught.value.place == str(wanted)
    assert "wait until that process has ended" in caught.value.remedy
    with warehouse.lock(StepKey("quickstart", "responses", "biomedicine", 2), sign("b")):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with warehouse.lock(wanted, signature):
        pass


def test_a_second_thread_is_stopped_and_a_lock_ends_with_its_block(warehouse):
    caught: list[Exception] = []

    def second() -> None:
        try:
            with warehouse.lock(KEY):
                pass
        except SelfspecError as error:
            caught.append(error)

    with warehouse.lock(KEY):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert str(os.getpid()) in str(caught[0])
    with warehouse.lock(KEY):
        pass
    with pytest.raises(FileNotFoundError, match="the step's own"), warehouse.lock(KEY):
        raise FileNotFoundError(errno.ENOENT, "the step's own")


# --- several writers and readers


def _write(root: Path, number: int, commits: int) -> None:
    warehouse = Warehouse(root)
    key = StepKey("quickstart", "responses", f"domain{number}", 1)
    for version in range(commits):
        rows = losses(float(version), 50 + number)
        warehouse.commit(key, sign(f"{number} {version}"), {LossRow: rows}, run=run_row(sign(f"{number} {version}")))


def _read_until(root: Path, stop, bad, reads) -> None:
    database = root / "selfspec.duckdb"
    while not stop.is_set():
        sql = "SELECT domain, count(*), min(loss), max(loss) FROM losses GROUP BY ALL"
        for domain, count, low, high in read_only_query(database, sql)[1]:
            if count != 50 + int(domain[-1]) or low != high:
                bad.value += 1
        reads.value += 1


def test_four_writers_under_continuous_readers(warehouse):
    writers, commits = 4, 6
    warehouse.publish()
    stop, bad, reads = FORK.Event(), FORK.Value("i", 0), FORK.Value("i", 0)
    reader = FORK.Process(target=_read_until, args=(warehouse.root, stop, bad, reads))
    reader.start()
    started = [FORK.Process(target=_write, args=(warehouse.root, number, commits)) for number in range(writers)]
    for writer in started:
        writer.start()
    for writer in started:
        writer.join(60)
    stop.set()
    reader.join(20)
    assert [process.exitcode for process in [*started, reader]] == [0] * (writers + 1)
    assert bad.value == 0
    assert reads.value > 5
    assert query(warehouse, "SELECT domain, count(*), max(loss) FROM losses GROUP BY ALL ORDER BY 1") == [
        (f"domain{number}", 50 + number, commits - 1.0) for number in range(writers)
    ]
    assert query(warehouse, "SELECT count(*) FROM runs") == [(writers,)]


class SwappedWhileOpening:
    """A connection under which the file is replaced once, in the middle of its first ATTACH."""

    def __init__(self, swap: Callable[[], object]) -> None:
        self.inner, self.swap = parquet_module.connect(), [swap]

    def __enter__(self) -> "SwappedWhileOpening":
        return self

    def __exit__(self, *error: object) -> None:
        self.inner.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def execute(self, sql: str) -> object:
        try:
            return self.inner.execute(sql)
        finally:
            if self.swap:
                self.swap.pop()()


@pytest.mark.parametrize("opened", ["whole", "torn"])
def test_a_swap_while_the_file_is_being_opened_mixes_no_versions(warehouse, tmp_path, monkeypatch, opened):
    """DuckDB opens a file twice; what it got is only good if the file is still the same afterwards."""
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    new = shutil.copyfile(warehouse.database, tmp_path / "new")
    with duckdb.connect(str(warehouse.database)) as connection:
        connection.execute("DELETE FROM losses")
    if opened == "torn":
        _damage_truncated(warehouse.database)
    swapped = SwappedWhileOpening(lambda: os.replace(new, warehouse.database))
    monkeypatch.setattr(query_module, "connect", lambda: swapped)
    assert query(warehouse, "SELECT count(*) FROM losses") == [(3,)]


def test_two_processes_may_commit_one_signature_at_once(warehouse, adapter):
    def commit(recipe: str) -> None:
        key = StepKey(recipe, "responses", "biomedicine", 1)
        warehouse.commit(key, sign("a"), {LossRow: losses(1.0, 3_000)}, {"adapter": adapter})

    started = [FORK.Process(target=commit, args=(f"r{number}",)) for number in range(4)]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    assert [process.exitcode for process in started] == [0] * 4
    warehouse.verify(sign("a"))
    assert query(warehouse, "SELECT count(*), count(DISTINCT recipe) FROM losses") == [(12_000, 4)]


# --- no space, no right to write


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


# --- SQL


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("sql") / "ware'house")
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    return warehouse


READS = [
    ("SELECT count(*) AS n FROM losses", ["n"], [(3,)]),
    ("  select 1 as a; -- done", ["a"], [(1,)]),
    ("WITH x AS (SELECT max(step) AS s FROM losses) SELECT s FROM x", ["s"], [(2,)]),
    ("FROM losses SELECT step ORDER BY step LIMIT 1", ["step"], [(0,)]),
    ("VALUES (1, 'a')", ["col0", "col1"], [(1, "a")]),
    ("TABLE lift", None, []),
    ("SELECT * FROM (PIVOT losses ON step USING sum(loss) GROUP BY recipe)", None, [("quickstart", 1.0, 1.0, 1.0)]),
    ("PIVOT losses ON step USING sum(loss) GROUP BY recipe", None, [("quickstart", 1.0, 1.0, 1.0)]),
    ("SELECT count(*) FROM selfspec.main.losses", None, [(3,)]),
    ("SELECT current_setting('lock_configuration'), current_setting('enable_external_access')", None, [(True, False)]),
]


@pytest.mark.parametrize(("sql", "names", "rows"), READS)
def test_reading_statements_answer(filled, sql, names, rows):
    found_names, found_rows = read_only_query(filled.database, sql)
    assert found_rows == rows
    assert names in (None, found_names)


@pytest.mark.parametrize("sql", ["DESCRIBE losses", "SHOW TABLES", "SUMMARIZE losses", "EXPLAIN FROM losses"])
def test_describing_statements_answer(filled, sql):
    assert read_only_query(filled.database, sql)[1]


REFUSED = [
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE VIEW x AS SELECT 1",
    "CREATE MACRO x() AS 1",
    "INSERT INTO losses SELECT * FROM losses",
    "UPDATE losses SET loss = 0",
    "DELETE FROM losses",
    "DROP TABLE losses",
    "TRUNCATE losses",
    "ALTER TABLE losses ADD COLUMN x INTEGER",
    "WITH x AS (INSERT INTO losses SELECT * FROM losses RETURNING *) SELECT * FROM x",
    "EXPLAIN ANALYZE DELETE FROM losses",
    "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
    "COPY losses TO '{out}'",
    "COPY (SELECT 1) TO '{out}' (FORMAT csv)",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'",
    "EXPORT DATABASE '{out}'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_parquet('{parquet}')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('{parquet}')",
    "FROM '/etc/passwd'",
    "FROM '{parquet}'",
    "FROM '/etc/*.csv'",
    "FROM query_table('/etc/passwd')",
    "FROM query('DROP TABLE losses')",
    "ATTACH '{out}'",
    "ATTACH ':memory:' AS x",
    "DETACH selfspec",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{out}'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET threads = 2",
    "SET VARIABLE x = 1",
    "PRAGMA threads = 2",
    "PRAGMA enable_profiling",
    "PRAGMA database_size",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "PREPARE x AS SELECT 1",
    "CREATE SECRET s (TYPE s3)",
    "CALL enable_logging(storage = 'file', storage_path = '{out}')",
    "SELECT 1; DROP TABLE losses",
    "SELECT 1; SELECT 2",
    "PIVOT losses ON step; DROP TABLE losses",
    "",
    "-- nothing",
    "SELEC 1",
    "SELECT * FROM no_such_table",
    "SELECT * FROM secret_rows",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_everything_else_is_refused_with_words(filled, tmp_path, sql):
    secret_rows = duckdb.sql("SELECT 'a variable of this process'")
    assert secret_rows
    before = filled.database.read_bytes()
    parquet = filled.root / "revisions" / sign("a") / "losses.parquet"
    out = tmp_path / "out"
    with pytest.raises(SelfspecError) as caught:
        read_only_query(filled.database, sql.format(out=out, parquet=str(parquet).replace("'", "''")))
    assert caught.value.place == "SQL"
    assert "SHOW TABLES" in caught.value.remedy
    assert not out.exists()
    assert filled.database.read_bytes() == before
    assert sorted(path.name for path in filled.root.iterdir()) == ["locks", "manifest", "revisions", "selfspec.duckdb"]


def test_duckdbs_own_message_is_passed_on(filled):
    with pytest.raises(SelfspecError, match='Referenced column "los" not found'):
        read_only_query(filled.database, "SELECT los FROM losses")


def test_no_database_yet_names_the_command(warehouse):
    with pytest.raises(SelfspecError, match="selfspec run quickstart"):
        read_only_query(warehouse.database, "SELECT 1")
    assert not warehouse.root.exists()


def test_a_damaged_database_is_named(warehouse):
    warehouse.publish()
    warehouse.database.write_bytes(b"no")
    with pytest.raises(SelfspecError, match=r"selfspec\.duckdb: cannot be opened"):
        read_only_query(warehouse.database, "SELECT 1")
