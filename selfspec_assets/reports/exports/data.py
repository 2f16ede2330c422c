"""The data that an adapter was tuned on: Alpaca's and ShareGPT's JSON, Parquet, and a DuckDB file.

Every folder has its card as README.md, which tells ``datasets.load_dataset(folder)`` what to read, and, but DuckDB's,
LLaMA-Factory's ``dataset_info.json``.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selfspec_assets.reports.exports.cards.dataset_card import write_dataset_card
from selfspec_assets.reports.exports.tuned import Tuned
from selfspec_assets.warehouse import check_published
from selfspec_assets.warehouse.parquet import connect, literal

_ALPACA = {"prompt": "instruction", "query": "input", "response": "output"}
_SHAREGPT = {
    "formatting": "sharegpt",
    "columns": {"messages": "conversations"},
    "tags": {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"},
}
# Beside the examples: how they came about, and what of them. Benchmark items stay out: they have their own licences.
_TABLES = (
    *("seeds", "instruction_requests", "instructions", "passages", "responses", "verdicts", "adapters", "losses"),
    *("scores", "lift"),
)


def write_alpaca(tuned: Tuned, folder: Path) -> list[str]:
    """``train.json``: instruction, input, output."""
    rows = [{"instruction": one.instruction, "input": one.input, "output": one.output} for one in tuned.examples]
    return _write_json(tuned, folder, rows, {"columns": _ALPACA})


def write_sharegpt(tuned: Tuned, folder: Path) -> list[str]:
    """``train.json``: conversations of two turns; the human's is the instruction and, on a new line, the input."""
    rows = []
    for one in tuned.examples:
        asked = f"{one.instruction}\n{one.input}" if one.input else one.instruction
        turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": one.output}]
        rows.append({"conversations": turns})
    return _write_json(tuned, folder, rows, _SHAREGPT)


def write_parquet(tuned: Tuned, folder: Path) -> list[str]:
    """``train.parquet``: also the prompt as the adapter saw it, where each row is from, and the texts it rests on."""
    _copy_examples(tuned, folder, f"COPY training_set TO {literal(folder / 'train.parquet')} (FORMAT parquet)")
    _write_info(tuned, folder, "train.parquet", {"columns": _ALPACA})
    return _finish(tuned, folder, "train.parquet")


def write_duckdb(tuned: Tuned, folder: Path) -> list[str]:
    """``data.duckdb``: the table ``training_set``, and the recipe's rows of the tables that tell how it came about.

    Raises:
        SelfspecError: nothing is published.
    """
    database, copy = tuned.job("adapter").warehouse.database, folder / "published.duckdb"
    check_published(database, tuned.named.name)
    shutil.copyfile(database, copy)  # one version, whole: a run may swap in the next one at any time
    with connect() as connection:
        connection.execute(f"ATTACH {literal(copy)} AS source (READ_ONLY)")
        connection.execute(f"ATTACH {literal(folder / 'data.duckdb')} AS target")
        _fill(connection, "target.training_set", tuned)
        listed = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'source'"
        held = {name for (name,) in connection.execute(listed).fetchall()}
        for table in (name for name in _TABLES if name in held):
            connection.execute(
                f"CREATE TABLE target.{table} AS SELECT * FROM source.{table} "
                "WHERE recipe = $recipe AND domain = $domain AND iteration <= $iteration",
                {"recipe": tuned.named.name, "domain": tuned.domain, "iteration": tuned.iteration},
            )
        connection.execute("DETACH target")
        connection.execute("DETACH source")
    copy.unlink()
    return _finish(tuned, folder, "data.duckdb")


def _write_json(tuned: Tuned, folder: Path, rows: list[dict[str, Any]], info: dict[str, Any]) -> list[str]:
    (folder / "train.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_info(tuned, folder, "train.json", info)
    return _finish(tuned, folder, "train.json")


def _write_info(tuned: Tuned, folder: Path, file: str, info: dict[str, Any]) -> None:
    text = json.dumps({tuned.slug: {"file_name": file, **info}}, indent=2)
    (folder / "dataset_info.json").write_text(text + "\n", encoding="utf-8")


def _finish(tuned: Tuned, folder: Path, file: str) -> list[str]:
    write_dataset_card(tuned, folder, file)
    return [f"{len(tuned.examples)} examples in {file}: what the adapter of iteration {tuned.iteration} was tuned on"]


def _copy_examples(tuned: Tuned, folder: Path, statement: str) -> None:
    with connect() as connection:
        _fill(connection, "training_set", tuned)
        connection.execute(statement)


def _fill(connection: Any, table: str, tuned: Tuned) -> None:
    connection.execute(
        f"CREATE TABLE {table} (instruction VARCHAR, input VARCHAR, output VARCHAR, prompt VARCHAR, source VARCHAR, "
        "iteration INTEGER, row INTEGER, benchmark VARCHAR, texts VARCHAR[])"
    )
    rows = [[*one[:3], one.pair[0], *one[3:], _texts(tuned, one)] for one in tuned.examples]
    connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def _texts(tuned: Tuned, one: Any) -> list[str]:
    return list(tuned.texts.get((one.iteration, one.row), ())) if one.source == "responses" else []


WRITERS: dict[str, Callable[[Tuned, Path], list[str]]] = {
    "alpaca": write_alpaca,
    "sharegpt": write_sharegpt,
    "parquet": write_parquet,
    "duckdb": write_duckdb,
}
