"""The published database: what the manifest names, as real tables in one file for any DuckDB client.

It is never opened for writing where readers see it. A copy beside it gets the changed partitions' rows replaced
and takes its place by one rename; a reader that is open keeps the file that it opened.

Copying rather than writing everything anew: with eight partitions of 250,000 token rows one replacement takes
0.6 s, writing everything 2.5 s. Freed blocks are used again, so the file stays below 1.4 times its fresh size;
when more than half of it is free all the same, or the copy turns out damaged, it is written anew.
"""

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import fsync, move, remove
from selfspec_assets.base.model_settings import OWN_MODELS
from selfspec_assets.warehouse.blank import ROW_TYPE_OF, TABLES, blank_catalogue, blank_file, catalogue
from selfspec_assets.warehouse.parquet import columns, connect, literal, pattern
from selfspec_assets.warehouse.revision import Revision, StepKey
from selfspec_assets.warehouse.rows import RunRow
from selfspec_assets.warehouse.score_rows import ItemScoreRow, PredictionRow, ScoreRow

# By several steps of a partition, which their rows name; in ``losses`` a step is the optimiser's, a number.
SHARED = frozenset(table for table, kinds in TABLES.items() if kinds.get("step") == "VARCHAR")

# Of the base and of further models, each by steps of its own; the rows name the model.
_BY_MODEL = frozenset({PredictionRow.table, ItemScoreRow.table, ScoreRow.table})

# What the database holds: partition -> (signature, content digest, its tables).
State = dict[StepKey, tuple[str, str, list[str]]]


def publish(database: Path, wanted: Mapping[StepKey, Revision]) -> bool:
    """Brings ``database`` up to ``wanted``; False if it was so already. The caller holds the publishing lock.

    Raises:
        SelfspecError: a revision's file is missing or changed.
        OSError, duckdb.Error: the disk.
    """
    state = _published_state(database)
    if state == {key: _facts(revision) for key, revision in wanted.items()}:
        return False
    building = database.with_name(f".{database.name}.building")
    try:
        if state is None or not _replace_changed(database, building, state, wanted):
            _write(building, {}, wanted, fresh=True)
        fsync(building)
        # A write-ahead log that somebody's session left here belongs to the old file and would spoil the new one.
        remove(_log(database))
        move(building, database, "database")
    finally:
        remove(building)
        remove(_log(building))
    return True


def _log(database: Path) -> Path:
    return database.with_name(database.name + ".wal")


def _facts(revision: Revision) -> tuple[str, str, list[str]]:
    return revision.signature, revision.content_digest, sorted(revision.tables)


def _published_state(database: Path) -> State | None:
    """What the file holds now; None if it is missing, damaged, or has other tables, views or comments than this
    version writes: then it is written anew.
    """
    if not database.is_file():
        return None
    try:
        with connect() as connection:
            connection.execute(f"ATTACH {literal(database)} AS published (READ_ONLY)")
            connection.execute("USE published")
            return _state(connection) if catalogue(connection) == blank_catalogue() else None
    except (duckdb.Error, SelfspecError):
        return None


def _state(connection: duckdb.DuckDBPyConnection) -> State:
    listing = "SELECT recipe, step, domain, iteration, signature, content_digest, tables FROM revisions"
    return {
        StepKey(recipe, step, domain, iteration): (signature, content_digest, tables)
        for recipe, step, domain, iteration, signature, content_digest, tables in connection.execute(listing).fetchall()
    }


def _replace_changed(database: Path, building: Path, state: State, wanted: Mapping[StepKey, Revision]) -> bool:
    """Writes the new database as a changed copy; False if it must be written anew."""
    try:
        remove(building)
        remove(_log(building))
        shutil.copyfile(database, building)
        return _write(building, state, wanted, fresh=False)
    except duckdb.Error:
        return False


def _write(building: Path, state: State, wanted: Mapping[StepKey, Revision], *, fresh: bool) -> bool:
    """Makes ``building`` hold ``wanted``; False if more than half of the file is free afterwards."""
    if fresh:
        remove(building)
        remove(_log(building))
        building.write_bytes(blank_file())
    with connect() as connection:
        connection.execute(f"ATTACH {literal(building)} AS published")
        connection.execute("USE published")
        connection.execute("BEGIN")
        for key, facts in state.items():
            if key not in wanted or _facts(wanted[key]) != facts:
                _delete(connection, key, facts[2])
        for key, revision in sorted(wanted.items()):
            if state.get(key) != _facts(revision):
                _insert(connection, key, revision)
        connection.execute("COMMIT")
        connection.execute("CHECKPOINT published")
        size = "SELECT free_blocks * 2 <= total_blocks FROM pragma_database_size() WHERE database_name = 'published'"
        compact = connection.execute(size).fetchone()
    return compact is not None and bool(compact[0])


def shared(step: str, other: str) -> frozenset[str]:
    """The tables that both steps may fill in one partition: their rows say whose they are."""
    return SHARED | _BY_MODEL if _of_further_models(step) != _of_further_models(other) else SHARED


def _of_further_models(step: str) -> bool:
    return step.startswith("further_")


def _delete(connection: duckdb.DuckDBPyConnection, key: StepKey, tables: list[str]) -> None:
    """Removes a step's rows. Within a partition a table belongs to one step, or its rows name theirs."""
    partition = [key.recipe, key.domain, key.iteration]
    for table in (*tables, "revisions", "runs"):
        condition, values = "recipe = ? AND domain = ? AND iteration = ?", partition
        if table in SHARED:
            condition, values = f"{condition} AND step = ?", [*partition, key.step]
        elif table in _BY_MODEL:
            own = ", ".join(map(literal, OWN_MODELS))
            condition += f" AND model {'NOT ' if _of_further_models(key.step) else ''}IN ({own})"
        connection.execute(f"DELETE FROM {table} WHERE {condition}", values)


def _insert(connection: duckdb.DuckDBPyConnection, key: StepKey, revision: Revision) -> None:
    partition = [key.recipe, key.domain, key.iteration]
    # A table that this version no longer has stays in its revision and is not published.
    for table in sorted(revision.tables.keys() & ROW_TYPE_OF.keys()):
        source = f"read_parquet({pattern(revision.check(f'{table}.parquet'))})"
        stored = {str(name) for name, *_ in connection.execute(f"DESCRIBE FROM {source}").fetchall()}
        names = ", ".join(f'"{name}"' for name in columns(ROW_TYPE_OF[table]) if name in stored)
        select = f"SELECT ? AS recipe, ? AS domain, ? AS iteration, {names} FROM {source}"
        try:
            connection.execute(f"INSERT INTO {table} BY NAME {select}", partition)
        except duckdb.ConversionException as error:
            remedy = f"delete the folder {revision.folder} and run again; only this step is made anew"
            raise SelfspecError(revision.folder, f"another version of selfspec wrote it: {error}", remedy) from error
    signed = revision.signed
    inputs = None if signed is None else json.loads(signed)["inputs"]
    values = [key.recipe, key.step, key.domain, key.iteration, *_facts(revision)]
    cast = "CASE WHEN $8 THEN map($9::VARCHAR[], $10::VARCHAR[]) END"
    known = [inputs is not None, list(inputs or {}), list((inputs or {}).values())]
    connection.execute(f"INSERT INTO revisions VALUES ($1, $2, $3, $4, $5, $6, $7, {cast})", [*values, *known])
    if revision.run is not None:
        _insert_run(connection, partition, revision.run)


def _insert_run(connection: duckdb.DuckDBPyConnection, partition: list[object], run: RunRow) -> None:
    values = [*partition, *(getattr(run, field.name) for field in dataclasses.fields(run))]
    connection.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(values))})", values)
