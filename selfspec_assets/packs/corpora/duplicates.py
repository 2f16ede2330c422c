"""Passages that are there already: of a replaced or deleted article, exact duplicates, near-duplicates.

DuckDB works it out over the Parquet parts, in a fixed piece of memory, and spills to the disk what does not fit: one
pass for exact duplicates and one per band of MinHash. Nothing here depends on how the parts were made, so a kill costs
this step and no other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from selfspec_assets.base.files import fsync, move, remove, storing
from selfspec_assets.base.words import words
from selfspec_assets.packs.corpora.minhash import BANDS, NEAR, jaccard, shingles
from selfspec_assets.packs.corpora.ngrams import word_hashes
from selfspec_assets.packs.corpora.record import used_twice
from selfspec_assets.warehouse.parquet import connect, literal, pattern

MEMORY = "1GB"
BAND_COLUMNS = tuple(f"b{number:02d}" for number in range(BANDS))
_PAIRS_AT_A_TIME = 512
Textless = tuple[str, str, int, str, int]  # source, id of a document, its place in the order of reading, file, position


@dataclass(frozen=True)
class Repeats:
    """What an id that comes again means: the later article replaces the earlier one, or somebody made a mistake."""

    replacing: Sequence[str]  # sources
    mistaken: Sequence[str]  # sources
    deleted: Sequence[tuple[str, str, int]]  # source, id of the document, its place in the order of reading
    textless: Iterable[Sequence[Textless]] = ()  # documents that left no passage, in batches


def find_duplicates(
    parts: Sequence[Path], repeats: Repeats, folder: Path, target: Path, paths: Mapping[str, Path]
) -> None:
    """Writes ``target``, a Parquet file: ``ordinal``, ``reason``, ``match`` (a passage's id) and ``similarity``.

    Args:
        parts: Parquet files of passages.
        repeats: what a repeated id means, by source.
        folder: for intermediate files.
        target: the passages to drop, in order.
        paths: each source file's name → its path, for messages.

    Raises:
        SelfspecError: two documents of one source have one id; the disk.
    """
    spill = folder / "spill"
    with storing(folder), connect() as connection:
        remove(spill)
        spill.mkdir(parents=True)
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = {literal(spill)}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET enable_progress_bar = false")
        listed = ", ".join(pattern(path) for path in parts)
        connection.execute(f"CREATE VIEW passages AS FROM read_parquet([{listed}])")
        connection.execute("CREATE TABLE gone (ordinal BIGINT, reason VARCHAR, first BIGINT, similarity DOUBLE)")
        _read_textless(connection, repeats.textless)
        _refuse_repeated(connection, repeats.mistaken, paths)
        _replaced(connection, repeats)
        _exact(connection)
        _near(connection, spill / "near.parquet")
        building = target.with_name(f".{target.name}.tmp")
        connection.execute(
            "COPY (SELECT gone.ordinal, reason, passages.id AS match, similarity FROM gone"
            " LEFT JOIN passages ON passages.ordinal = gone.first ORDER BY gone.ordinal)"
            f" TO {literal(building)} (FORMAT parquet)"
        )
        fsync(building)
        move(building, target, "corpus duplicates")
        remove(spill)


def _read_textless(connection: duckdb.DuckDBPyConnection, batches: Iterable[Sequence[Textless]]) -> None:
    connection.execute(
        "CREATE TABLE textless (source VARCHAR, record_id VARCHAR, record BIGINT, file VARCHAR, position BIGINT)"
    )
    for batch in batches:
        _insert(connection, "textless", batch)


def _refuse_repeated(connection: duckdb.DuckDBPyConnection, sources: Sequence[str], paths: Mapping[str, Path]) -> None:
    repeated = connection.execute(
        "SELECT record_id, min_by(file, record), min_by(position, record),"
        " max_by(file, record), max_by(position, record)"
        " FROM (SELECT source, record_id, record, file, position FROM passages UNION ALL FROM textless)"
        " WHERE list_contains($1, source) GROUP BY source, record_id"
        " HAVING min(record) < max(record) ORDER BY min(record) LIMIT 1",
        [list(sources)],
    ).fetchone()
    if repeated is not None:
        name, file, position, other, again = repeated
        raise used_twice(name, f"{paths.get(other, other)}:{again}", f"{paths.get(file, file)}:{position}")


def _replaced(connection: duckdb.DuckDBPyConnection, repeats: Repeats) -> None:
    """A later version counts even if nothing of it was stored: a withdrawn abstract must not stay in its old words."""
    connection.execute("CREATE TABLE deleted (source VARCHAR, record_id VARCHAR, record BIGINT)")
    for start in range(0, len(repeats.deleted), 10_000):
        _insert(connection, "deleted", repeats.deleted[start : start + 10_000])
    connection.execute(
        "INSERT INTO gone SELECT ordinal, 'superseded', NULL, NULL FROM passages JOIN"
        " (SELECT source, record_id, max(record) AS last FROM (SELECT source, record_id, record FROM passages"
        "  UNION ALL SELECT source, record_id, record FROM textless) WHERE list_contains($1, source)"
        "  GROUP BY source, record_id HAVING min(record) < max(record)) USING (source, record_id) WHERE record < last",
        [list(repeats.replacing)],
    )
    connection.execute(
        "INSERT INTO gone SELECT DISTINCT ordinal, 'deleted', NULL::BIGINT, NULL::DOUBLE FROM passages"
        " JOIN deleted USING (source, record_id) ANTI JOIN gone USING (ordinal)"
        " WHERE passages.record <= deleted.record"
    )


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        listed = ", ".join(f"unnest(${number})" for number in range(1, len(columns) + 1))
        connection.execute(f"INSERT INTO {table} SELECT {listed}", columns)


def _exact(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "INSERT INTO gone WITH left_over AS (SELECT ordinal, exact FROM passages ANTI JOIN gone USING (ordinal))"
        " SELECT ordinal, 'duplicate', first, NULL FROM left_over JOIN"
        " (SELECT exact, min(ordinal) AS first FROM left_over GROUP BY exact HAVING count(*) > 1) USING (exact)"
        " WHERE ordinal > first"
    )


def _near(connection: duckdb.DuckDBPyConnection, verified: Path) -> None:
    """Candidates band by band, each with the first passage of its band; then the similarity of each pair."""
    connection.execute("CREATE TABLE pairs (ordinal BIGINT, first BIGINT)")
    for band in BAND_COLUMNS:
        connection.execute(
            f"INSERT INTO pairs WITH left_over AS (SELECT ordinal, {band} AS key FROM passages"
            " ANTI JOIN gone USING (ordinal)) SELECT ordinal, first FROM left_over JOIN"
            " (SELECT key, min(ordinal) AS first FROM left_over GROUP BY key HAVING count(*) > 1) USING (key)"
            " WHERE ordinal > first"
        )
    connection.execute("CREATE TABLE candidates AS SELECT DISTINCT ordinal, first FROM pairs")
    connection.execute("DROP TABLE pairs")
    _write_verified(connection, verified)
    connection.execute(
        f"INSERT INTO gone SELECT ordinal, 'near_duplicate', min(first), min_by(similarity, first)"
        f" FROM read_parquet({pattern(verified)}) GROUP BY ordinal"
    )


def _write_verified(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("ordinal", pa.int64()), ("first", pa.int64()), ("similarity", pa.float64())])
    # sql() and not execute(): rows come as they are asked for, and are not all held at once.
    reader: Any = connection.sql(
        "SELECT candidates.ordinal, first, later.text AS text, earlier.text AS other FROM candidates"
        " JOIN passages AS later ON later.ordinal = candidates.ordinal"
        " JOIN passages AS earlier ON earlier.ordinal = candidates.first"
    ).to_arrow_reader(_PAIRS_AT_A_TIME)
    with pq.ParquetWriter(path, schema) as writer:
        for batch in reader:
            near = list(_near_ones(batch.to_pylist()))
            if near:
                writer.write_table(pa.Table.from_pylist(near, schema))


def _near_ones(pairs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, object]]:
    for pair in pairs:
        both = [shingles(word_hashes(words(pair[name]))) for name in ("text", "other")]
        similarity = jaccard(*both)
        if similarity >= NEAR:
            yield {"ordinal": pair["ordinal"], "first": pair["first"], "similarity": similarity}
