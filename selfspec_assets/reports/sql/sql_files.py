"""A result as a file: CSV, JSON or Parquet, written by us a batch at a time; DuckDB itself may not write any."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow
import pyarrow.parquet

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import storing
from selfspec_assets.reports.sql import sql_print
from selfspec_assets.warehouse import reading, reading_batches

FileFormat = Literal["csv", "json", "parquet"]
FORMATS: tuple[FileFormat, ...] = ("csv", "json", "parquet")


def format_of(target: Path, wanted: str | None) -> FileFormat:
    """The format that a file is written in: the one that is asked for, else that of its suffix.

    Raises:
        SelfspecError: neither says one, or they contradict each other.
    """
    suffix = target.suffix.lower().removeprefix(".")
    named = [one for one in FORMATS if one in (wanted, suffix)]
    if wanted not in (None, *FORMATS):
        raise SelfspecError(target, f"a {wanted} is cut to a terminal's width", f"choose one of: {', '.join(FORMATS)}")
    if len(named) == 1:
        return named[0]
    reason = f"its suffix says {suffix}, --format says {wanted}" if named else "its suffix names no format"
    raise SelfspecError(target, reason, "end the name in .csv, .json or .parquet, or say which with --format")


def write_result(database: Path, sql: str, target: Path, form: FileFormat) -> int:
    """Runs a statement and puts all its rows into a file, which appears as a whole; what was there is replaced.

    Returns:
        How many rows there are.

    Raises:
        SelfspecError: a statement that is refused, a value that the format does not hold, a place that cannot be
            written or belongs to the warehouse.
    """
    target = target.expanduser()
    _check_place(target, database)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with storing(target.parent):
            rows = _write(database, sql, temporary, form)
            os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return rows


def _check_place(target: Path, database: Path) -> None:
    folder = target.resolve().parent
    if not folder.is_dir():
        raise SelfspecError(target, f"there is no folder {folder}", "make it, or name another file")
    if target.is_dir():
        raise SelfspecError(target, "is a folder", "name a file")
    warehouse = database.resolve().parent
    if warehouse in (folder, *folder.parents):
        raise SelfspecError(target, f"lies in the warehouse {warehouse}", "name a file elsewhere")


def _write(database: Path, sql: str, path: Path, form: FileFormat) -> int:
    if form == "parquet":
        return _write_parquet(database, sql, path)
    with reading(database, sql) as (columns, rows), path.open("w", encoding="utf-8", newline="") as stream:
        counted = _Counted(rows)
        (sql_print.write_csv if form == "csv" else sql_print.write_json)(stream, columns, counted)
    return counted.count


class _Counted:
    """Passes rows on and counts them."""

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self.rows, self.count = rows, 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        for row in self.rows:
            self.count += 1
            yield row


def _write_parquet(database: Path, sql: str, path: Path) -> int:
    with reading_batches(database, sql) as (schema, batches):
        names = sql_print.distinct(schema.names)
        renamed = pyarrow.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
        rows = 0
        try:
            with pyarrow.parquet.ParquetWriter(path, renamed, compression="zstd") as writer:
                for batch in batches:
                    rows += batch.num_rows
                    writer.write_batch(pyarrow.RecordBatch.from_arrays(batch.columns, schema=renamed))
        except pyarrow.ArrowNotImplementedError as error:
            raise SelfspecError("SQL", f"Parquet cannot hold it: {error}", "cast the column to VARCHAR") from error
    return rows
