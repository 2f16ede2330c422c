"""Rows of further models stand in the tables of the base's, and neither step takes the other's away."""

from pathlib import Path

import duckdb
import pytest

from selfspec_assets.base.signature import text_digest
from selfspec_assets.warehouse import StepKey, Warehouse
from selfspec_assets.warehouse.score_rows import PredictionRow


def row(model: str, prediction: str) -> PredictionRow:
    return PredictionRow(
        model=model,
        variant="plain",
        shots=0,
        benchmark="colours",
        item=0,
        item_id="q0",
        demonstration_ids=[],
        prompt_digest="p",
        model_digest="m",
        adapter_digest=None,
        prediction=prediction,
        finish="eos",
        output_tokens=1,
    )


def commit(warehouse: Warehouse, step: str, *rows: PredictionRow) -> None:
    signature = text_digest(f"{step} {rows}")
    warehouse.commit(StepKey("tiny", step, "botany", 0), signature, {PredictionRow: rows})


def published(warehouse: Warehouse) -> list[tuple[str, str]]:
    with duckdb.connect(str(warehouse.database), read_only=True) as connection:
        return connection.execute("SELECT model, prediction FROM predictions ORDER BY ALL").fetchall()


def test_each_steps_rows_are_replaced_alone(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    commit(warehouse, "base_predictions", row("base", "red"))
    commit(warehouse, "further_predictions", row("big", "blue"), row("small", "green"))
    assert published(warehouse) == [("base", "red"), ("big", "blue"), ("small", "green")]
    commit(warehouse, "further_predictions", row("big", "brown"))
    assert published(warehouse) == [("base", "red"), ("big", "brown")]
    commit(warehouse, "base_predictions", row("base", "grey"))
    assert published(warehouse) == [("base", "grey"), ("big", "brown")]


def test_no_other_step_may_fill_the_table(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    commit(warehouse, "base_predictions", row("base", "red"))
    with pytest.raises(ValueError, match="is filled by step base_predictions"):
        commit(warehouse, "predictions", row("adapter", "blue"))
