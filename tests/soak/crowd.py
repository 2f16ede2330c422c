"""The processes of the soak: writers that commit without rest, readers that believe nothing, and a collector.

Every row says which commit it is from, so a reader can tell from one answer whether it mixes two.
"""

import hashlib
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from selfspec_assets.planning import garbage
from selfspec_assets.warehouse import StepKey, Warehouse, read_only_query
from selfspec_assets.warehouse.rows import LossRow, PassageRow, RunRow

Told = Counter[str]
# Per partition: the signature that the database names, and what its tables hold.
LOOK = """
SELECT r.domain, r.signature, l.n, l.low, l.high, coalesce(p.n, 0), p.low, p.high, u.signature
FROM revisions r
LEFT JOIN (SELECT domain, count(*) n, min(loss) low, max(loss) high FROM losses GROUP BY ALL) l USING (domain)
LEFT JOIN (SELECT domain, count(*) n, min(score) low, max(score) high FROM passages GROUP BY ALL) p USING (domain)
LEFT JOIN (SELECT domain, any_value(signature) signature FROM runs GROUP BY ALL) u USING (domain)
WHERE r.recipe = 'soak'
"""


def signature_of(number: int, version: int) -> str:
    return hashlib.sha256(f"{number} {version}".encode()).hexdigest()


def counts_of(number: int, version: int) -> tuple[int, int]:
    """Rows of (losses, passages): different from version to version, so that a torn table shows."""
    return 500 + 100 * number + version % 37, 300 + (version * 7) % 41


def wrong(rows: list[tuple[Any, ...]]) -> list[str]:
    """What a snapshot has that no single commit made."""
    found = []
    for domain, signature, losses, low, high, passages, first, last, of_the_run in rows:
        number, version = int(domain[-1]), int(low)
        whole = (
            (losses, passages) == counts_of(number, version)
            and low == high == first == last
            and signature == of_the_run == signature_of(number, version)
        )
        if not whole:
            found.append(f"{domain}: {(signature[:8], losses, low, high, passages, first, last, of_the_run[:8])}")
    return found


def write(root: Path, number: int, until: float, told: Any) -> None:
    """Commits one partition again and again, with the locks that a step holds."""
    done: Told = Counter()
    warehouse, key = Warehouse(root), StepKey("soak", "responses", f"domain{number}", 1)
    version = 0
    try:
        while time.time() < until:
            signature = signature_of(number, version)
            losses, passages = counts_of(number, version)
            with warehouse.lock(key, signature, [signature]):
                warehouse.chunks(signature).put(0, [{"version": version}])
                warehouse.commit(
                    key,
                    signature,
                    {
                        LossRow: [LossRow(step, 0.5, float(version), 3e-4) for step in range(losses)],
                        PassageRow: [
                            PassageRow(
                                instruction_id=n,
                                rank=1,
                                document_id=f"d{n}",
                                title="title",
                                text=f"text {n} " * 20,
                                score=float(version),
                                p_ret=1.0,
                            )
                            for n in range(passages)
                        ],
                    },
                    run=RunRow(
                        step="responses",
                        signature=signature,
                        started_at="2025-01-01T00:00:00Z",
                        seconds=1.0,
                        input_tokens=1,
                        output_tokens=1,
                        peak_memory_mb=1.0,
                        device="cpu",
                        dagster_run_id="",
                    ),
                )
            done["commits"] += 1
            version += 1
    except Exception as error:
        done[f"error of a writer: {error!r}"] += 1
    told.put(done)


def read(root: Path, until: float, told: Any) -> None:
    """As ``selfspec sql`` does."""
    done: Told = Counter()
    try:
        while time.time() < until:
            rows = read_only_query(root / "selfspec.duckdb", LOOK)[1]
            done["reads"] += 1
            done["partitions seen"] += len(rows)
            for problem in wrong(rows):
                done[f"torn read: {problem}"] += 1
    except Exception as error:
        done[f"error of a reader: {error!r}"] += 1
    told.put(done)


def read_as_a_stranger(root: Path, until: float, told: Any) -> None:
    """Any DuckDB client: opens the file, asks twice, and sees the same both times.

    Where the file was replaced in the middle of an open, the open or the first question may fail, and the client opens
    again (docs/architecture.md); any other error counts. Whatever it is told has to be whole.
    """
    done: Told = Counter()
    drawing = random.Random(0)
    while time.time() < until:
        done["opens by a stranger"] += 1
        before, after = version(root / "selfspec.duckdb"), None
        try:
            with duckdb.connect(str(root / "selfspec.duckdb"), read_only=True) as connection:
                after = version(root / "selfspec.duckdb")
                first = connection.execute(LOOK).fetchall()
                time.sleep(drawing.uniform(0, 0.05))
                second = connection.execute(LOOK).fetchall()
        except duckdb.Error as error:
            if (after or version(root / "selfspec.duckdb")) != before:
                done["opens repeated by a stranger"] += 1
            else:
                done[f"error of a reader: {error!r}"] += 1
            continue
        done["reads"] += 1
        if sorted(first) != sorted(second):
            done["torn read: a session's second answer differs from its first"] += 1
        for problem in wrong(first):
            done[f"torn read: {problem}"] += 1
    told.put(done)


def version(database: Path) -> tuple[int, int]:
    """Differs from one published file to the next."""
    facts = database.stat()
    return facts.st_ino, facts.st_mtime_ns


def collect(root: Path, until: float, told: Any) -> None:
    """``selfspec gc --yes`` every now and then, beside the writers."""
    done: Told = Counter()
    warehouse = Warehouse(root)
    try:
        while time.time() < until:
            time.sleep(2)
            leftovers = garbage.find(warehouse)
            garbage.remove(warehouse, leftovers.items)
            done["collections"] += 1
    except Exception as error:
        done[f"error of the collector: {error!r}"] += 1
    told.put(done)
