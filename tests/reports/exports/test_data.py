"""Exported data, loaded by the tools that it is for."""

import json
from pathlib import Path

import datasets
import duckdb
import pytest
from huggingface_hub import DatasetCard
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.reports.exports.tuned import Tuned
from tests.conftest import Project

RUN = CliRunner()


def export(format_: str, output: Path, *options: str) -> str:
    done = RUN.invoke(app, ["export", format_, "tiny", "--output", str(output), *options])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def kept(project: Project) -> list[tuple[str, str, str]]:
    """What the adapter says that it was tuned on: kept answers."""
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return connection.execute(
            "SELECT instruction, input, response FROM responses WHERE verdict = 'kept' AND iteration = 1"
        ).fetchall()


def test_alpaca_is_what_the_adapter_was_tuned_on(tuned_project: Project, tuned: Tuned, output: Path) -> None:
    export("alpaca", output)
    rows = datasets.load_dataset(str(output))["train"]
    assert [(row["instruction"], row["input"], row["output"]) for row in rows] == kept(tuned_project)
    assert len(rows) == tuned.row.examples > 0


def test_llama_factory_finds_file_and_columns(tuned_project: Project, output: Path) -> None:
    export("alpaca", output)
    (info,) = json.loads((output / "dataset_info.json").read_text()).values()
    rows = json.loads((output / info["file_name"]).read_text())
    assert set(info["columns"]) == {"prompt", "query", "response"}
    assert set(info["columns"].values()) == set(rows[0])


def test_sharegpt_has_a_turn_of_each_side(tuned_project: Project, output: Path) -> None:
    export("sharegpt", output)
    (info,) = json.loads((output / "dataset_info.json").read_text()).values()
    tags = info["tags"]
    rows = datasets.load_dataset(str(output))["train"]
    for row, (instruction, context, answer) in zip(rows, kept(tuned_project), strict=True):
        human, gpt = row[info["columns"]["messages"]]
        assert (human[tags["role_tag"]], gpt[tags["role_tag"]]) == (tags["user_tag"], tags["assistant_tag"])
        assert human[tags["content_tag"]] == (f"{instruction}\n{context}" if context else instruction)
        assert gpt[tags["content_tag"]] == answer


def test_parquet_names_the_texts_that_an_answer_rests_on(tuned_project: Project, tuned: Tuned, output: Path) -> None:
    export("parquet", output)
    rows = datasets.load_dataset(str(output))["train"]
    assert [(row["prompt"], row["output"]) for row in rows] == [one.pair for one in tuned.examples]
    with duckdb.connect(str(tuned_project.database), read_only=True) as connection:
        titles = connection.execute(
            "SELECT instruction_id, list(title ORDER BY rank) FROM passages WHERE iteration = 1 GROUP BY 1"
        ).fetchall()
    assert {row["row"]: row["texts"] for row in rows if row["texts"]} == {
        name: list(dict.fromkeys(found)) for name, found in titles if name in set(rows["row"])
    }


def test_a_duckdb_file_holds_the_set_and_how_it_came_about(tuned_project: Project, tuned: Tuned, output: Path) -> None:
    export("duckdb", output)
    with duckdb.connect(str(output / "data.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM training_set").fetchone() == (len(tuned.examples),)
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        assert connection.execute("SELECT DISTINCT recipe, domain FROM instructions").fetchall() == [("tiny", "botany")]
    assert {"instructions", "responses", "passages", "verdicts", "scores"} <= tables
    assert "benchmark_items" not in tables
    files = {path.name for path in output.iterdir()}
    assert files == {"README.md", "data.duckdb", "selfspec_export.json", "texts.txt"}


def test_the_card_is_one_and_tells_what_counts(tuned_project: Project, tuned: Tuned, output: Path) -> None:
    export("alpaca", output)
    card = DatasetCard.load(output / "README.md")
    assert card.data.language == "en"
    assert card.data.to_dict()["configs"] == [{"config_name": "default", "data_files": "train.json"}]
    for part in (
        "random seed 3",
        f"{len(tuned.examples)} answers that the model wrote itself",
        "kept",
        "95 % interval",
    ):
        assert part in card.text, part
    assert tuned.row.model_digest in card.text


def test_only_one_domain_and_an_iteration_that_is_there(tuned_project: Project, output: Path) -> None:
    for options, said in ((["--iteration", "2"], "has not been made"), (["--iteration", "7"], "iterations 1 to 2")):
        done = RUN.invoke(app, ["export", "alpaca", "tiny", "--output", str(output), *options])
        assert done.exit_code == 1
        assert said in done.stderr
        assert not output.exists()
    assert "iteration 1 is exported" in export("alpaca", output)


def test_what_a_judge_rejects_is_not_exported(begun: Project, output: Path) -> None:
    """The adapter of a recipe without the judge is stale for the one with it: nothing of another setting is sold."""
    begun.recipe["steps"] = ["repeated_answer"]
    begun.save()
    done = RUN.invoke(app, ["export", "alpaca", "tiny", "--output", str(output), "--iteration", "1"])
    assert done.exit_code == 1
    assert "from other settings" in done.stderr
    assert not output.parent.exists()
