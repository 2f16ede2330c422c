"""The published database before any row: its tables and views, and a comment on each of them and of their columns."""

import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import duckdb

from selfspec_assets.warehouse.comments import column_comment
from selfspec_assets.warehouse.parquet import columns, connect, literal
from selfspec_assets.warehouse.rows import Row
from selfspec_assets.warehouse.tables import ROW_TYPES
from selfspec_assets.warehouse.views import VIEWS

_PARTITION = {"recipe": "VARCHAR", "domain": "VARCHAR", "iteration": "INTEGER"}
REVISIONS = {
    "recipe": "VARCHAR",
    "step": "VARCHAR",
    "domain": "VARCHAR",
    "iteration": "INTEGER",
    "signature": "VARCHAR",
    "content_digest": "VARCHAR",
    "tables": "VARCHAR[]",
    "inputs": "MAP(VARCHAR, VARCHAR)",
}
ROW_TYPE_OF: dict[str, type[Row]] = {row_type.table: row_type for row_type in ROW_TYPES}
TABLES: dict[str, dict[str, str]] = {
    **{table: {**_PARTITION, **columns(row_type)} for table, row_type in ROW_TYPE_OF.items()},
    "revisions": REVISIONS,
}
_STORAGE = "v1.0.0"  # any DuckDB from 1.0 on opens it; 2.0's own form only 2.0
Listing = list[tuple[object, ...]]


class _Blank(NamedTuple):
    file: bytes
    catalogue: Listing


def blank_file() -> bytes:
    """The bytes of the database without a row: a few hundred statements make it, so once per process."""
    return _blank().file


def blank_catalogue() -> Listing:
    """What ``catalogue`` lists of a database that this version has made."""
    return _blank().catalogue


def catalogue(connection: duckdb.DuckDBPyConnection) -> Listing:
    """Tables, views, columns, types and comments of the database that is attached as ``published``."""
    listing: Listing = []
    for sql in (
        "SELECT table_name, column_index, column_name, data_type, comment FROM duckdb_columns()",
        "SELECT table_name, comment FROM duckdb_tables()",
        "SELECT view_name, sql, comment FROM duckdb_views()",
    ):
        listing += connection.execute(f"{sql} WHERE database_name = 'published' ORDER BY 1, 2").fetchall()
    return listing


@cache
def _blank() -> _Blank:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "blank.duckdb"
        with connect() as connection:
            connection.execute(f"ATTACH {literal(path)} AS published (STORAGE_VERSION '{_STORAGE}')")
            connection.execute("USE published")
            connection.execute("BEGIN")
            _create(connection)
            connection.execute("COMMIT")
            connection.execute("CHECKPOINT published")
        with connect() as connection:  # as it is read: DuckDB prints a view's SQL in another form than before
            connection.execute(f"ATTACH {literal(path)} AS published (READ_ONLY)")
            listing = catalogue(connection)
        return _Blank(path.read_bytes(), listing)


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    for table, kinds in TABLES.items():
        names = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
        connection.execute(f"CREATE TABLE {table} ({names})")
        connection.execute(f"COMMENT ON TABLE {table} IS {literal(table_comment(table))}")
        _comment_columns(connection, table, {name: column_comment(table, name) for name in kinds})
    for view in VIEWS:
        connection.execute(f"CREATE VIEW {view.name} AS {view.sql}")
        connection.execute(f"COMMENT ON VIEW {view.name} IS {literal(view.comment)}")
        names_of = [name for name, *_ in connection.execute(f"DESCRIBE {view.name}").fetchall()]
        words = {name: view.columns.get(name) or _inherited(name) for name in names_of}
        _comment_columns(connection, view.name, words)


def _inherited(column: str) -> str | None:
    """A view's column means what the same name means in the table that it is taken from."""
    sources = ("passages", "responses", "runs", "scores", "instructions", "adapters")
    return next((words for table in sources if (words := column_comment(table, column)) is not None), None)


def _comment_columns(connection: duckdb.DuckDBPyConnection, table: str, words: dict[str, str | None]) -> None:
    for name, comment in words.items():
        if comment is not None:
            connection.execute(f'COMMENT ON COLUMN {table}."{name}" IS {literal(comment)}')


def table_comment(table: str) -> str:
    """What a row of the table is, from its row type."""
    if table == "revisions":
        return "Which revision each partition of each step shows, which tables it fills, and what it was made from."
    text = " ".join((ROW_TYPE_OF[table].__doc__ or "").replace("``", "").split())
    return "" if text.startswith(ROW_TYPE_OF[table].__name__ + "(") else text  # the dataclass's own signature
