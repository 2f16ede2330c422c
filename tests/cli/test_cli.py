"""The command line, as a person types it."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from tests.conftest import Project

RUN = CliRunner()


def test_scores_json_holds_the_lift(finished: Project) -> None:
    done = RUN.invoke(app, ["scores", "tiny", "--json"])
    assert done.exit_code == 0
    value = json.loads(done.stdout)
    assert {row["iteration"] for row in value["lift"]} == {1, 2, 3}
    for row in value["lift"]:
        assert set(row) >= {"domain", "iteration", "k", "metric", "base_variant", "base", "adapter", "low", "high", "n"}
        assert row["low"] <= row["lift"] <= row["high"]
        assert row["lift"] == pytest.approx(row["adapter"] - row["base"])
        same = [
            s
            for s in value["scores"]
            if s["benchmark"] == "average"
            and s["metric"] == row["metric"]
            and s["shots"] == row["k"]
            and s["iteration"] == 0
            and s["oracle"] == row["oracle"]
        ]
        assert row["base"] == pytest.approx(max(s["value"] for s in same))


def test_scores_prints_models_shots_and_shares(finished: Project) -> None:
    done = RUN.invoke(app, ["scores", "tiny", "--details"])
    assert done.exit_code == 0
    for text in (
        "base, plain",
        "base, cue*",
        "iteration 3",
        "k=0",
        "k=2",
        "mixing the passages changed",
        "contrast changed it at",
        "colours",
    ):
        assert text in done.stdout, text


def test_sql_in_three_formats(finished: Project) -> None:
    query = "SELECT domain, iteration, count(*) AS n FROM responses GROUP BY ALL ORDER BY iteration"
    as_json = json.loads(RUN.invoke(app, ["sql", query, "--format", "json"]).stdout)
    as_csv = list(csv.DictReader(io.StringIO(RUN.invoke(app, ["sql", query, "--format", "csv"]).stdout)))
    assert [str(row["n"]) for row in as_json] == [row["n"] for row in as_csv]
    assert [row["iteration"] for row in as_json] == [1, 2, 3]
    table = RUN.invoke(app, ["sql", query])
    assert "botany" in table.stdout
    assert "3 rows" in table.stdout


@pytest.mark.parametrize(
    "query", ["DELETE FROM responses", "SELECT nothing FROM responses", "COPY responses TO '/tmp/x'"]
)
def test_sql_refuses_and_says_why(finished: Project, query: str) -> None:
    done = RUN.invoke(app, ["sql", query])
    assert done.exit_code == 1
    assert "remedy" in done.stderr
    assert done.stdout == ""


def test_text_that_looks_like_markup_is_printed_as_it_is(finished: Project) -> None:
    done = RUN.invoke(app, ["sql", "SELECT '[bold]x[/bold]' AS \"[red]\""])
    assert "[bold]x[/bold]" in done.stdout
    assert "[red]" in done.stdout


def test_check_tells_what_is_there(project: Project) -> None:
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 0
    assert "benchmark colours: 10 items, 10 seeds demonstrate it" in done.stdout
    assert "corpus: 40 documents" in done.stdout


def test_check_needs_the_folder_of_the_model(project: Project) -> None:
    (project.folder / "model").unlink()
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 1
    assert "no such model folder" in done.stderr


def test_check_without_a_data_folder_says_how_to_get_what_a_recipe_needs(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = project.pack["published"]
    published["corpus"] = {"sources": [{"name": "texts", "format": "jsonl", "files": ["t.jsonl"], "obtain": "ask Ada"}]}
    colours = {**published["benchmarks"][0], "obtain": "ask Bea", "licence": "CC0"}
    published["benchmarks"] = [
        colours,
        {**colours, "name": "shades", "obtain": "ask Cem"},
        {**colours, "name": "hues", "obtain": "ask Dan", "file": "pack:hues.jsonl"},
    ]
    (project.folder / "domains/botany/hues.jsonl").write_bytes((project.folder / "data/colours.jsonl").read_bytes())
    project.recipe["scores"]["benchmarks"] = ["colours", "hues"]
    project.save()
    for value in (None, str(project.folder / "nowhere")):
        monkeypatch.delenv("SELFSPEC_DATA") if value is None else monkeypatch.setenv("SELFSPEC_DATA", value)
        done = RUN.invoke(app, ["check", "tiny"])
        assert done.exit_code == 1
        assert "  benchmark colours: ABSENT, no data folder. ask Bea (licence: CC0)\n" in done.stdout
        assert "  corpus texts: ABSENT, no data folder. ask Ada\n" in done.stdout
        assert "ask Cem" not in done.stdout, "the recipe does not score it"
        assert "ask Dan" not in done.stdout, "it lies in the pack"
        assert "seeds: 11 of 2 tasks" in done.stdout
        assert "error SELFSPEC_DATA: " in done.stderr
        assert "remedy: set SELFSPEC_DATA" in done.stderr


def test_check_takes_the_projects_recipes_and_a_broken_one_hides_no_other(project: Project) -> None:
    assert RUN.invoke(app, ["check"]).stdout.count(" × ") == 1, "not those that ship with selfspec"
    text = (project.folder / "recipes/tiny.yaml").read_text()
    (project.folder / "recipes/second.yaml").write_text(text)
    (project.folder / "recipes/broken.yaml").write_text(text.replace("iterations: 2", "iterations: none"))
    for arguments in (["check"], ["check", "[bst]*[nydk]"]):
        done = RUN.invoke(app, arguments)
        assert done.exit_code == 1
        for line in ("broken\n", "second × botany\n", "tiny × botany\n"):
            assert line in done.stdout
        assert done.stderr.count("error") == 1
        assert "broken.yaml" in done.stderr
        assert "key 'iterations'" in done.stderr
        assert "remedy" in done.stderr
    (project.folder / "recipes/broken.yaml").unlink()
    assert RUN.invoke(app, ["check"]).exit_code == 0


def test_check_fails_with_the_place(project: Project) -> None:
    corpus = project.folder / "data/corpus.jsonl"
    corpus.write_text(corpus.read_text() + '{"id": "bad", "text": ""}\n')
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 1
    assert "corpus.jsonl:41" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nothing"], "no such recipe"),
        (["run", "tiny", "--domain", "zoology"], "has no such domain"),
        (["run", "tiny", "--iterations", "9"], "has 2"),
        (["scores", "tiny"], "selfspec run tiny"),
        (["scores", "t?ny"], "selfspec run 't?ny'"),
        (["sql", "SELECT 1"], "selfspec run quickstart"),
    ],
)
def test_mistakes_end_with_one_and_a_remedy(project: Project, arguments: list[str], message: str) -> None:
    done = RUN.invoke(app, arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert "remedy" in done.stderr
    assert not (project.folder / "warehouse" / "selfspec.duckdb").exists()


BAD_INPUT = {
    "no weights": (lambda p: (p.folder / "model").unlink(), "no such model folder"),
    "empty corpus": (lambda p: (p.folder / "data/corpus.jsonl").write_text(""), "corpus.jsonl"),
    "row without text": (lambda p: (p.folder / "data/corpus.jsonl").write_text('{"id": "a"}\n'), "corpus.jsonl:1"),
    "no benchmark file": (lambda p: (p.folder / "data/colours.jsonl").unlink(), "none of the published benchmarks"),
    "bad seed": (lambda p: (p.folder / "seeds/botany.jsonl").write_text("{\n"), "botany.jsonl:1"),
    "data folder gone": (lambda p: (p.folder / "data").rename(p.folder / "elsewhere"), "SELFSPEC_DATA"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_stops_the_run_with_its_place(project: Project, case: str) -> None:
    damage, place = BAD_INPUT[case]
    damage(project)
    done = RUN.invoke(app, ["run", "tiny"])
    assert done.exit_code == 1, done.stdout
    assert place in done.stderr
    assert "remedy" in done.stderr


def test_the_installed_command_leaves_no_noise(project: Project) -> None:
    program = Path(sys.executable).parent / "selfspec"
    done = subprocess.run([program, "run", "tiny", "--iterations", "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "iteration" not in done.stdout or "Traceback" not in done.stdout
    assert "tiny botany|1: making" in done.stdout
