"""`selfspec sql` cannot write, read files, load code or unlock itself: two locks, each of which holds alone.

The first looks at the statement; the second is DuckDB's own, set before the statement is run. Here each attempt is made
against both, and then against the second alone.
"""

import os
from pathlib import Path

import duckdb
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import text_digest
from selfspec_assets.warehouse import StepKey, Warehouse, query, read_only_query
from selfspec_assets.warehouse.rows import LossRow

SECRET = "a-word-from-a-file-outside"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A published database; beside it files with a secret in every format that DuckDB reads by itself."""
    folder = tmp_path_factory.mktemp("lock")
    warehouse = Warehouse(folder / "warehouse")
    key = StepKey("tiny", "adapter", "botany", 1)
    warehouse.commit(key, text_digest("a"), {LossRow: [LossRow(0, 1.0, 0.1, 1e-4)]})
    outside = folder / "outside"
    outside.mkdir()
    (outside / "x.csv").write_text(f"a\n{SECRET}\n")
    (outside / "x.json").write_text(f'{{"a": "{SECRET}"}}')
    with duckdb.connect(str(outside / "x.duckdb")) as connection:
        connection.execute(f"CREATE TABLE t AS SELECT '{SECRET}' AS a")
        connection.execute(f"COPY t TO '{outside / 'x.parquet'}'")
    return warehouse


FILES = [
    *(f"FROM {name}('{{outside}}/x.csv')" for name in (
        "read_csv", "read_csv_auto", "read_text", "read_blob", "sniff_csv",
    )),
    *(f"FROM {name}('{{outside}}/x.json')" for name in (
        "read_json", "read_json_auto", "read_json_objects", "read_json_objects_auto", "read_ndjson",
        "read_ndjson_auto", "read_ndjson_objects",
    )),
    *(f"FROM {name}('{{outside}}/x.parquet')" for name in (
        "read_parquet", "parquet_scan", "parquet_metadata", "parquet_schema", "parquet_kv_metadata",
        "parquet_file_metadata", "parquet_full_metadata",
    )),
    "FROM parquet_bloom_probe('{outside}/x.parquet', 'a', 'x')",
    "FROM read_duckdb('{outside}/x.duckdb')",
    "FROM glob('{outside}/*')",
    "SELECT * FROM glob('/**')",
    "FROM '{outside}/x.csv'",
    "FROM '{outside}/x.parquet'",
    "FROM '{outside}/*.json'",
    "FROM query_table('{outside}/x.parquet')",
    "FROM query('SELECT * FROM read_text(''{outside}/x.csv'')')",
    "SELECT (SELECT content FROM read_text('{outside}/x.csv'))",
    "WITH x AS (FROM read_csv('{outside}/x.csv')) SELECT * FROM x",
    "EXPLAIN ANALYZE FROM read_text('{outside}/x.csv')",
    "SUMMARIZE '{outside}/x.parquet'",
    "DESCRIBE FROM '{outside}/x.parquet'",
    "PIVOT '{outside}/x.csv' ON a",
    "FROM '/proc/self/environ'",
    "FROM read_text('/proc/self/environ')",
    "FROM read_csv('https://example.org/x.csv')",
    "FROM read_parquet('s3://bucket/x.parquet')",
    "FROM read_text('file://{outside}/x.csv')",
    "IMPORT DATABASE '{outside}'",
]  # fmt: skip
CODE = [
    "SELECT getenv('SELFSPEC_SECRET')",
    "INSTALL httpfs",
    "INSTALL httpfs FROM community",
    "FORCE INSTALL httpfs",
    "INSTALL '{outside}/x.duckdb_extension'",
    "LOAD httpfs",
    "LOAD '{outside}/x.duckdb_extension'",
    "UPDATE EXTENSIONS",
    "FROM duckdb_extensions()",
    "FROM duckdb_secrets()",
    "CREATE SECRET s (TYPE s3)",
    "CREATE PERSISTENT SECRET s (TYPE s3)",
]
ATTACH = [
    "ATTACH '{outside}/x.duckdb'",
    "ATTACH '{outside}/x.duckdb' AS other (READ_ONLY)",
    "ATTACH '{outside}/new.duckdb' AS other",
    "ATTACH IF NOT EXISTS '{database}' AS again",
]
WRITE = [
    "CREATE TABLE x AS SELECT 1",
    "CREATE TABLE selfspec.main.x (a INTEGER)",
    "CREATE VIEW selfspec.main.v AS SELECT 1",
    "CREATE SCHEMA selfspec.s",
    "CREATE TYPE selfspec.main.e AS ENUM ('a')",
    "CREATE SEQUENCE selfspec.main.q",
    "CREATE INDEX i ON losses (step)",
    "CREATE MACRO selfspec.main.m() AS 1",
    "INSERT INTO losses SELECT * FROM losses",
    "INSERT OR REPLACE INTO losses SELECT * FROM losses",
    "UPDATE losses SET loss = 0",
    "DELETE FROM losses",
    "MERGE INTO losses USING losses AS o ON true WHEN MATCHED THEN DELETE",
    "TRUNCATE losses",
    "DROP TABLE losses",
    "ALTER TABLE losses ADD COLUMN x INTEGER",
    "COMMENT ON TABLE losses IS 'x'",
    "WITH x AS (DELETE FROM losses RETURNING *) FROM x",
    "EXPLAIN ANALYZE DELETE FROM losses",
    "COPY losses TO '{outside}/out.csv'",
    "COPY (FROM losses) TO '{outside}/out.parquet' (FORMAT parquet)",
    "COPY losses FROM '{outside}/x.csv'",
    "COPY FROM DATABASE selfspec TO memory",
    "EXPLAIN ANALYZE COPY losses TO '{outside}/out.csv'",
    "EXPORT DATABASE '{outside}/out'",
    "CALL enable_logging(storage = 'file', storage_path = '{outside}/out')",
    "FROM enable_logging(storage = 'file', storage_path = '{outside}/out')",
    "FROM enable_profiling(save_location = '{outside}/out')",
    "PRAGMA enable_profiling = 'json'",
]
UNLOCK = [
    "SET lock_configuration = false",
    "SET GLOBAL lock_configuration = false",
    "RESET lock_configuration",
    "SET enable_external_access = true",
    "SET GLOBAL enable_external_access = true",
    "RESET enable_external_access",
    "PRAGMA enable_external_access = true",
    "SET allowed_directories = ['{outside}']",
    "SET allowed_paths = ['{outside}/x.csv']",
    "SET disabled_filesystems = ''",
    "SET allow_unsigned_extensions = true",
    "SET autoload_known_extensions = true",
    "SET autoinstall_known_extensions = true",
    "SET extension_directory = '{outside}'",
    "SET custom_extension_repository = 'https://example.org'",
    "SET home_directory = '{outside}'",
    "SET secret_directory = '{outside}'",
    "SET temp_directory = '{outside}'",
    "SET file_search_path = '{outside}'",
    "SET log_query_path = '{outside}/out'",
    "SET profile_output = '{outside}/out'",
    "SET profiling_output = '{outside}/out'",
    "SET python_enable_replacements = true",
    "SET threads = 8",
    "SET memory_limit = '100GB'",
]
# DuckDB itself allows what changes only the empty database in memory that a connection begins with.
FIRST_LOCK_ALONE = ["COPY FROM DATABASE selfspec TO memory"]
ATTEMPTS = FILES + CODE + ATTACH + WRITE + UNLOCK


def attempt(warehouse: Warehouse, sql: str) -> str:
    """The refusal's message; nothing may have changed, and nothing from outside may stand in it."""
    outside = warehouse.root.parent / "outside"
    before = {path: path.read_bytes() for path in warehouse.root.parent.rglob("*") if path.is_file()}
    with pytest.raises(SelfspecError) as caught:
        read_only_query(warehouse.database, sql.format(outside=outside, database=warehouse.database))
    assert {path: path.read_bytes() for path in warehouse.root.parent.rglob("*") if path.is_file()} == before
    assert caught.value.place == "SQL"
    assert caught.value.remedy
    assert SECRET not in str(caught.value)
    return caught.value.reason


@pytest.mark.parametrize("sql", ATTEMPTS)
def test_it_is_refused(filled: Warehouse, sql: str) -> None:
    assert attempt(filled, sql)


@pytest.mark.parametrize("sql", [sql for sql in ATTEMPTS if sql not in FIRST_LOCK_ALONE])
def test_duckdbs_own_lock_holds_alone(filled: Warehouse, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "_refuse_writes", lambda connection, statement: None)
    assert attempt(filled, sql)


def test_without_the_locks_these_attempts_would_succeed(filled: Warehouse) -> None:
    """Or the tests above would show nothing."""
    outside = filled.root.parent / "outside"
    with duckdb.connect() as connection:
        for sql in ("FROM read_csv('{outside}/x.csv')", "FROM read_text('{outside}/x.csv')", "FROM '{outside}/x.json'"):
            assert SECRET in str(connection.execute(sql.format(outside=outside)).fetchall()), sql
        connection.execute(f"ATTACH '{outside}/x.duckdb' AS other (READ_ONLY)")
        assert connection.execute("FROM other.t").fetchall() == [(SECRET,)]
        assert connection.execute("COPY other.t TO '/dev/null' (FORMAT csv)").fetchall() == [(1,)]


def test_the_process_itself_is_out_of_reach(filled: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's variables and environment cannot be named in a statement."""
    monkeypatch.setenv("SELFSPEC_SECRET", SECRET)
    assert os.environ["SELFSPEC_SECRET"] == SECRET
    local = duckdb.sql(f"SELECT '{SECRET}' AS a")
    assert local
    for sql in ("FROM local", "SELECT getenv('SELFSPEC_SECRET')", "SELECT getvariable('local') || 'x' + 1"):
        with pytest.raises(SelfspecError) as caught:
            read_only_query(filled.database, sql)
        assert SECRET not in str(caught.value)


def test_a_database_of_another_path_is_not_opened(filled: Warehouse, tmp_path: Path) -> None:
    odd = tmp_path / "it's; DROP TABLE losses; --"
    odd.mkdir()
    copy = odd / "selfspec.duckdb"
    copy.write_bytes(filled.database.read_bytes())
    assert read_only_query(copy, "SELECT count(*) FROM losses")[1] == [(1,)]
