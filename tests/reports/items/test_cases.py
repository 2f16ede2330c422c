"""Cases: which are chosen, and what is shown of them."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.reports.items.cases import Case, chosen
from selfspec_assets.warehouse.published import TABLES

RUN = CliRunner()
# benchmark, base's F1, adapter's F1
SCORES = [
    ("colours", 0, 100),
    ("colours", 0, 100),
    ("shapes", 0, 100),
    ("shapes", 50, 100),
    ("shapes", 40, 40),
    ("sounds", 0, 0),
    ("sounds", 80, 80),
    ("sounds", 100, 0),
    ("colours", 50, 40),
]


def items() -> list[Case]:
    return [
        Case("typical", name, f"{name}-{place}", "Do.", "", ["gold"], "a", "b", float(base), float(adapter))
        for place, (name, base, adapter) in enumerate(SCORES)
    ]


def test_gains_typical_ones_and_losses_by_the_rule() -> None:
    found = [(case.group, case.item_id) for case in chosen(items(), 2)]
    assert found == [
        ("gain", "colours-0"),
        ("gain", "shapes-2"),  # as far as colours-1, and of another benchmark
        ("typical", "sounds-6"),  # no change, as the median, and 80 as the adapter's median
        ("typical", "shapes-4"),
        ("loss", "sounds-7"),
        ("loss", "colours-8"),
    ]


def test_more_are_asked_for_than_there_are() -> None:
    found = list(chosen(items(), 50))
    assert len(found) == len(SCORES), "each once"
    assert {case.group for case in found if case.adapter_f1 > case.base_f1} == {"gain"}
    assert {case.group for case in found if case.adapter_f1 < case.base_f1} == {"loss"}
    assert list(chosen([], 3)) == []


RECIPE = {
    "base_model": {"model": "embedded"},
    "data": "bundled",
    "domains": ["sports", "finance"],
    "iterations": 2,
    "instructions": {"target": 16, "min_kept": 4, "max_requests": 40, "max_new_tokens": 60},
    "responses": {"max_new_tokens": 16},
    "adapter": {"max_length": 512, "min_steps": 1},
    "scores": {"max_new_tokens": 24},
}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three items; the base in two prompts, of which cue is better on average, two adapters, and an oracle."""
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    monkeypatch.delenv("SELFSPEC_WAREHOUSE", raising=False)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "little.yaml").write_text(yaml.safe_dump(RECIPE))
    (tmp_path / "warehouse").mkdir()
    path = tmp_path / "warehouse" / "selfspec.duckdb"
    with duckdb.connect(str(path)) as connection:

        def put(table: str, **values: Any) -> None:
            row = {"recipe": "little", "domain": "sports", "iteration": 0, **values}
            names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))

        for table, kinds in TABLES.items():
            columns = ", ".join(f'"{name}" {kind}' for name, kind in kinds.items())
            connection.execute(f"CREATE TABLE {table} ({columns})")
        for item in range(3):
            given = {"benchmark": "rules", "item": item, "item_id": f"r{item}", "references": ["gold"]}
            put("benchmark_items", **given, instruction=f"Ask {item}.", input="word " * 200, document="", task="t")
            models = {(0, "plain"): 10.0, (0, "cue"): 50.0, (1, "alpaca"): 60.0, (2, "alpaca"): 40.0 + 20 * item}
            for (iteration, variant), value in models.items():
                model = "adapter" if iteration else "base"
                about = {"iteration": iteration, "model": model, "variant": variant, "shots": 0}
                about |= {"benchmark": "rules", "item": item}
                put("predictions", **about, prediction=f"[bold]{variant}[/bold] {iteration} {item}")
                put("item_scores", **about, oracle=False, metric="f1", value=value)
                put("item_scores", **about, oracle=True, metric="f1", value=99.0)
                put("item_scores", **about, oracle=False, metric="rouge_l", value=1.0)
        for iteration in (1, 2):
            for variant, base, oracle in (("plain", 10.0, False), ("cue", 50.0, False), ("plain", 90.0, True)):
                about = {"iteration": iteration, "base_variant": variant, "oracle": oracle, "shots": 0}
                put("lift", **about, benchmark="average", metric="f1", base=base, missing=[])
    return path


def test_the_last_iteration_against_the_best_base_prompt(database: Path) -> None:
    done = RUN.invoke(app, ["cases", "sports", "--recipe", "little", "--json"])
    assert done.exit_code == 0, done.stderr
    (found,) = json.loads(done.stdout)["domains"]
    assert (found["iteration"], found["variant"], found["compared"]) == (2, "cue", 3)
    assert (found["better"], found["worse"], found["same"], found["median_change"]) == (2, 1, 0, 10.0)
    changes = [(case["group"], case["item_id"], case["base_f1"], case["adapter_f1"]) for case in found["cases"]]
    assert changes == [("gain", "r2", 50.0, 80.0), ("gain", "r1", 50.0, 60.0), ("loss", "r0", 50.0, 40.0)]
    first = json.loads(
        RUN.invoke(app, ["cases", "sports", "--recipe", "little", "--iteration", "1", "--json", "--count", "1"]).stdout
    )["domains"][0]
    assert [(case["group"], case["adapter"]) for case in first["cases"]] == [
        ("gain", "[bold]alpaca[/bold] 1 0"),
        ("typical", "[bold]alpaca[/bold] 1 1"),
    ]


def test_what_is_printed(database: Path) -> None:
    done = RUN.invoke(app, ["cases", "sports", "--recipe", "little"])
    assert "3 items: 2 better, 1 worse, 0 the same" in done.stdout
    assert "Chosen by rule" in done.stdout
    for words in (
        "1. gain",
        "loss  rules, item r0: F1 50 → 40",
        "[bold]cue[/bold] 0 2",
        "[bold]alpaca[/bold] 2 2",
        "gold",
    ):
        assert words in done.stdout, words
    assert "word …" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 300


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["finance"], "no scores of finance"),
        (["all"], "no scores of finance"),
        (["sports", "--iteration", "3"], "iteration 3"),
        (["sports", "--shots", "5"], "k = 5"),
        (["cooking"], "no such domain"),
    ],
)
def test_what_is_not_there_is_told(database: Path, arguments: list[str], words: str) -> None:
    done = RUN.invoke(app, ["cases", *arguments, "--recipe", "little"])
    assert done.exit_code == 1
    assert words in done.stderr
    assert done.stdout == ""
