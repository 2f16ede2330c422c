"""Read-only SQL over the published database, for anything that a person may type."""

import re
import shlex
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse.parquet import connect, literal
from selfspec_assets.warehouse.query_errors import REMEDY, Columns, columns_of, refused

# PIVOT arrives as several statements in one, EXPLAIN only shows a plan (with ANALYZE it runs, read-only as well).
_READS = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.MULTI}

_ATTEMPTS = 100
_ROWS_AT_ONCE = 1000
_ROWS_IN_A_BATCH = 10_000  # of Parquet's row groups, which a reader wants larger than a screenful
_LISTENING_S = 0.05
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")  # Python's stand-ins for bytes of the command line are among these


def read_only_query(database: Path, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The column names and all rows of one reading statement; see ``reading``."""
    with reading(database, sql) as (columns, rows):
        return columns, list(rows)


@contextmanager
def reading(database: Path, sql: str) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """Runs one reading statement: SELECT, WITH, FROM, VALUES, PIVOT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN.

    The file is attached read-only to a database in memory, then files, extensions and settings are locked. Attached
    rather than opened: DuckDB shares one handle per process and path, so an open one would pin the old file, and
    two with different settings refuse each other.

    Args:
        database: the published file.
        sql: what the person typed.

    Returns:
        The column names, and the rows in the statement's own order, a few at a time as DuckDB finds them; to be taken
        while the context is open.

    Raises:
        SelfspecError: no database yet, not exactly one reading statement, or DuckDB's own refusal, which may come
            between two rows.
    """
    with _locked(database, sql) as connection, ThreadPoolExecutor(1) as thread:
        with _refusals(connection, sql):
            result = _heard(connection, thread.submit(connection.execute, sql))
            columns = [name for name, *_ in result.description]
        yield columns, _rows(connection, thread, result, sql)


@contextmanager
def reading_batches(database: Path, sql: str) -> Iterator[tuple[Any, Iterator[Any]]]:
    """The same as Arrow: the schema, and record batches as DuckDB finds them.

    Raises:
        SelfspecError: as ``reading``.
    """
    with _locked(database, sql) as connection, ThreadPoolExecutor(1) as thread:
        with _refusals(connection, sql):
            relation = connection.sql(sql)
            batches = _heard(connection, thread.submit(relation.to_arrow_reader, _ROWS_IN_A_BATCH))
        yield batches.schema, _batches(connection, thread, batches, sql)


def catalogue_of(database: Path) -> dict[str, list[str]]:
    """The columns of every table and view of the published database.

    Raises:
        SelfspecError: there is no database yet, or it cannot be opened.
    """
    with _locked(database, "SELECT 1") as connection:
        return columns_of(connection)


@contextmanager
def _locked(database: Path, sql: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can only read the file, and a statement that only reads."""
    if _UNSENDABLE.search(sql):
        raise SelfspecError("SQL", "holds bytes that are not UTF-8, or a NUL", "type the statement as plain text")
    check_published(database)
    with connect() as connection:
        _attach(connection, database)
        for statement in ("USE selfspec", "SET enable_external_access = false", "SET lock_configuration = true"):
            connection.execute(statement)
        with _refusals(connection, sql):
            _refuse_writes(connection, sql)
        yield connection


def _rows(
    connection: duckdb.DuckDBPyConnection, thread: ThreadPoolExecutor, result: duckdb.DuckDBPyConnection, sql: str
) -> Iterator[tuple[Any, ...]]:
    with _refusals(connection, sql):
        while rows := _heard(connection, thread.submit(result.fetchmany, _ROWS_AT_ONCE)):
            yield from rows


def _batches(
    connection: duckdb.DuckDBPyConnection, thread: ThreadPoolExecutor, batches: Any, sql: str
) -> Iterator[Any]:
    with _refusals(connection, sql):
        while (batch := _heard(connection, thread.submit(next, batches, None))) is not None:
            yield batch


def _heard(connection: duckdb.DuckDBPyConnection, result: Future[Any]) -> Any:
    """Waits for a thread: DuckDB is at work there, as within its own calls Ctrl-C may not be heard before they end."""
    try:
        return result.result()
    except KeyboardInterrupt:
        while not result.done():  # again and again: the statement may not have begun yet
            connection.interrupt()
            wait([result], _LISTENING_S)
        raise


@contextmanager
def _refusals(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[None]:
    """DuckDB's own refusals, as errors for a person."""
    try:
        yield
    except (duckdb.Error, OSError) as error:  # out of Arrow a refusal comes as an OSError
        raise refused(error, sql, _columns_if_known(connection)) from error
    except (OverflowError, ValueError) as error:  # an interval of more days than Python counts, for one
        reason = f"a value of the result has no form in Python: {error}"
        raise SelfspecError("SQL", reason, "cast the column to VARCHAR") from error


def _columns_if_known(connection: duckdb.DuckDBPyConnection) -> Columns:
    try:
        return columns_of(connection)
    except duckdb.Error:  # the statement that failed half-way still holds the connection
        return {}


def check_published(database: Path, recipe: str = "quickstart") -> None:
    """Check that there is something to ask; ``recipe`` is what the remedy runs.

    Raises:
        SelfspecError: there is no database yet.
    """
    if not database.is_file():
        remedy = f"selfspec run {shlex.quote(recipe)}"
        raise SelfspecError(database, "there is no published database yet", remedy)


def _attach(connection: duckdb.DuckDBPyConnection, database: Path) -> None:
    """Opens one version of the file, whole.

    DuckDB opens a file twice, for its headers and for the rest. When a new version is swapped in between, one
    version's headers meet the other's blocks (1 in 1,000 opens under four writers that never rest): open again then.
    """
    for _ in range(_ATTEMPTS):
        version = _version(database)
        try:
            connection.execute(f"ATTACH {literal(database)} AS selfspec (READ_ONLY)")
        except duckdb.Error as error:
            if _version(database) == version:
                remedy = f"delete {database}; the next selfspec run writes it anew"
                raise SelfspecError(database, f"cannot be opened: {error}", remedy) from error
            continue
        if _version(database) == version:
            return
        connection.execute("DETACH selfspec")
    raise SelfspecError(database, "was replaced each time that it was opened", "ask again when fewer runs are going")


def _version(database: Path) -> tuple[int, int, int]:
    facts = database.stat()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def _refuse_writes(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise SelfspecError("SQL", f"{len(statements)} statements, expected one", REMEDY)
    kind = statements[0].type
    if kind not in _READS:
        raise SelfspecError("SQL", f"{kind.name} is not a reading statement; this database is read-only", REMEDY)
