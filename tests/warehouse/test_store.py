"""Commit, reuse and publish: what a partition shows, what stays, what is shared."""

import os
import subprocess
import sys

import duckdb
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse import StepKey, Warehouse, published
from selfspec_assets.warehouse.rows import AdapterRow, LossRow, PassageRow, RetrievalRow, RunRow, SeedRow
from selfspec_assets.warehouse.score_rows import ItemScoreRow
from selfspec_assets.warehouse.tables import ROW_TYPES
from selfspec_assets.warehouse.views import VIEWS
from tests.warehouse.samples import KEY, dump, in_child, losses, query, run_row, sign, tree


def test_a_commit_is_read_back_and_published(warehouse, adapter):
    revision = warehouse.commit(
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
        ("quickstart", "responses", "biomedicine", 1, sign("a"), revision.content_digest, ["adapters", "losses"], None)
    ]
    assert query(warehouse, "SELECT recipe, step, signature, seconds, peak_memory_mb FROM runs") == [
        ("quickstart", "responses", sign("a"), 1.5, 300.0)
    ]


def test_all_tables_exist_from_the_first_publish_on(warehouse):
    warehouse.publish()
    tables = {name for (name,) in query(warehouse, "SHOW TABLES")}
    assert tables == {row_type.table for row_type in ROW_TYPES} | {"revisions"} | {view.name for view in VIEWS}
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


def test_a_replaced_partition_loses_exactly_its_own_rows(warehouse, monkeypatch):
    warehouse.publish()
    monkeypatch.setattr(published, "blank_file", None)  # from here on by replacing, never by writing anew
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
        revision = Warehouse(tmp_path / root).commit(
            KEY,
            sign("a"),
            {LossRow: losses(1.0, 12_000), PassageRow: []},
            {"adapter": adapter},
            run_row(sign("a"), seconds=seconds),
        )
        return tree(tmp_path / root), revision.content_digest

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
    rows = [RetrievalRow(i, os.urandom(50).hex(), 1, float(i)) for i in range(90_000)]
    warehouse.commit(KEY, sign("large"), {RetrievalRow: rows})
    large = warehouse.database.stat().st_size
    warehouse.commit(KEY, sign("small"), {RetrievalRow: rows[:1]})
    assert large > 5 * empty
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
