"""Reading with SQL: what answers, what is refused, in which words."""

import duckdb
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse import Warehouse, read_only_query
from selfspec_assets.warehouse.rows import LossRow
from tests.warehouse.samples import KEY, losses, sign


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
