"""SQL that cannot be taken. What a statement may never do, however it is put, is tried in test_sql_lock.py."""

from typing import Any

from selfspec_assets.base import home
from selfspec_assets.base.signature import text_digest
from selfspec_assets.warehouse import StepKey, Warehouse, read_only_query
from selfspec_assets.warehouse.rows import LossRow
from tests.bad_input import ways
from tests.bad_input.spoil import gone, put
from tests.bad_input.trial import Case, Kind, made_once
from tests.conftest import Project

DATABASE = "warehouse/selfspec.duckdb"


def a_database(project: Project) -> None:
    key = StepKey("tiny", "adapter", "botany", 1)
    Warehouse(home.warehouse_folder()).commit(key, text_digest("a"), {LossRow: [LossRow(0, 1.0, 0.1, 1e-4)]})


def ask(project: Project, given: Any) -> None:
    read_only_query(home.warehouse_folder() / "selfspec.duckdb", given[0])


def case(name: str, sql: str, reason: str, remedy: str = "write one SELECT") -> Case:
    return Case(name, lambda project: [sql], "SQL", reason, remedy)


CASES = (
    case("nothing", "", "0 statements"),
    case("a comment", "/* SELECT 1 */", "0 statements"),
    case("no SQL", "SELEC 1", "syntax error"),
    case("prose", "how many losses are there", "syntax error"),
    case("an open quote", "SELECT 'a", "unterminated"),
    case("an open bracket", "SELECT (1", "syntax error"),
    case("brackets 5,000 deep", f"SELECT {'(' * 5000}1{')' * 5000}", "depth limit"),
    case("two statements", "SELECT 1; SELECT 2", "2 statements"),
    case("a statement after a question", "FROM losses; DROP TABLE losses", "2 statements"),
    case("an unknown table", "FROM loses", "loses does not exist"),
    case("an unknown column", "SELECT los FROM losses", '"los" not found'),
    case("an unknown function", "SELECT averge(loss) FROM losses", "averge does not exist"),
    case("a wrong type", "SELECT loss + 'a' FROM losses", "Could not convert"),
    case("a parameter", "SELECT ?", "Values were not provided"),
    case("too large a number", "SELECT 10::TINYINT * 100::TINYINT", "Overflow"),
    case("an interval beyond Python's", "SELECT INTERVAL 10000000 YEARS", "no form in Python", "cast the column"),
    case("a NUL", "SELECT 1\0", "or a NUL", "plain text"),
    case("bytes that are no UTF-8", "SELECT '\udcff'", "not UTF-8", "plain text"),
    case("insert", "INSERT INTO losses SELECT * FROM losses", "INSERT is not a reading statement"),
    case("update", "UPDATE losses SET loss = 0", "UPDATE is not a reading statement"),
    case("delete", "DELETE FROM losses", "DELETE is not a reading statement"),
    case("create", "CREATE TABLE x AS SELECT 1", "CREATE is not a reading statement"),
    case("a variable", "SET VARIABLE x = 1", "SET is not a reading statement"),
    case("a file", "FROM read_text('/etc/passwd')", "disabled by configuration"),
    case("an address", "FROM 'https://example.org/a.csv'", "disabled by configuration"),
    Case("no database", lambda project: (gone(DATABASE)(project), ["SELECT 1"])[1], "selfspec.duckdb",
         "no published database yet", "selfspec run"),
    Case("an empty database", lambda project: (put(DATABASE, b"")(project), ["SELECT 1"])[1], "selfspec.duckdb",
         "not a valid DuckDB database file", "delete"),
    Case("a database that is none", lambda project: (put(DATABASE, b"x" * 9999)(project), ["SELECT 1"])[1],
         "selfspec.duckdb", "cannot be opened", "delete"),
)  # fmt: skip
KIND = Kind("SQL", (ask, ways.command("sql")), CASES, prepare=made_once(a_database))
