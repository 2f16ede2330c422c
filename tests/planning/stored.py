"""Revisions of the tiny project without a run, and what of a warehouse may go."""

import multiprocessing
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selfspec_assets.planning import garbage
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import StepKey, Warehouse
from selfspec_assets.warehouse.rows import LossRow, RequestRow
from tests.conftest import Project

FORK = multiprocessing.get_context("fork")


def commit(warehouse: Warehouse, step: str = "seeds", iteration: int = 0, recipe: str = "tiny") -> str:
    """A revision of what the recipe expects now; its rows do not matter here."""
    lineage = Lineage(load_recipe("tiny"))
    signature = lineage.signature(step, "botany", iteration)
    tables = {LossRow: [LossRow(1, 0.5, 2.0, 0.1)]} if step == "seeds" else {RequestRow: []}
    warehouse.commit(StepKey(recipe, step, "botany", iteration), signature, tables)
    return signature


def change_seeds(project: Project, word: str) -> None:
    path = project.folder / "seeds" / "botany.jsonl"
    path.write_text(re.sub(r"brown|dark|pale", word, path.read_text()))


def kinds(warehouse: Warehouse) -> list[tuple[str, str]]:
    return [(item.kind, item.name) for item in garbage.find(warehouse).items]


def everything(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def _hold(warehouse: Warehouse, key: StepKey, signature: str, uses: list[str], ready) -> None:  # type: ignore[no-untyped-def]
    with warehouse.lock(key, signature, uses):
        ready.set()
        signal.pause()


@contextmanager
def made_elsewhere(warehouse: Warehouse, signature: str, uses: list[str]) -> Iterator[int]:
    """A step that another process is making; killed at the end."""
    ready = FORK.Event()
    process = FORK.Process(
        target=_hold, args=(warehouse, StepKey("tiny", "responses", "botany", 1), signature, uses, ready)
    )
    process.start()
    try:
        assert ready.wait(30)
        yield process.pid or 0
    finally:
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
