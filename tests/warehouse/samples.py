"""Small revisions to commit, and ways to look at what a warehouse holds."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import duckdb

from selfspec_assets.base.signature import text_digest
from selfspec_assets.warehouse import StepKey, Warehouse, published, read_only_query
from selfspec_assets.warehouse.rows import LossRow, RunRow

FORK = multiprocessing.get_context("fork")
KEY = StepKey("quickstart", "responses", "biomedicine", 1)


def sign(name: str) -> str:
    return text_digest(name)


def losses(version: float, count: int = 3) -> list[LossRow]:
    return [LossRow(step, 0.5 * step, version, 3e-4) for step in range(count)]


def run_row(signature: str, step: str = "responses", seconds: float = 1.5) -> RunRow:
    return RunRow(
        step=step,
        signature=signature,
        started_at="2025-01-01T00:00:00Z",
        seconds=seconds,
        input_tokens=10,
        output_tokens=20,
        peak_memory_mb=300.0,
        device="cpu",
        dagster_run_id="run-1",
    )


def query(warehouse: Warehouse, sql: str) -> list[tuple]:
    return read_only_query(warehouse.database, sql)[1]


def in_child(work: Callable[[], None]) -> int:
    """Runs ``work`` in a child process: 0, 1 after an exception, or minus the signal that killed it."""
    child = FORK.Process(target=work)
    child.start()
    child.join(60)
    assert child.exitcode is not None
    return child.exitcode


def tree(root: Path) -> dict[str, bytes]:
    """Every file that promises the same bytes; locks and the database (compared by its rows) do not."""
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in sorted(found.items())
        if not name.startswith("locks/") and name != "selfspec.duckdb"
    }


def dump(warehouse: Warehouse) -> dict[str, list[tuple]]:
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        return {table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in published.TABLES}
