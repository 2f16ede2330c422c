"""Averages where prompts do not fit: over the benchmarks that both sides have, and what is left out is named."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe
from selfspec_assets.reports.scores import ablation_table, easiest, score_notes, score_table
from selfspec_assets.reports.scores.score_table import Model, Report
from tests.conftest import Project, make_project
from tests.synthetic import RIGHT, WRONG, publish, set_quiz

RUN = CliRunner()
TASKS = {"colours": "colour", "habits": "habit", "names": "name", "uses": "use"}
PLAIN, CUE, LAST = Model(0, False, "plain"), Model(0, False, "cue"), Model(2, False, "alpaca")


def answers(named: NamedRecipe, n: int, variant: str, k: int, benchmark: str, item: int) -> str | None:
    """No prompt of "uses" fits; with two shots none of "names" fits the base with its prompt "plain", which is right
    everywhere else. The base with "cue" is right at 2 items of ten, the adapter at 6."""
    if benchmark == "uses" or (benchmark == "names" and k == 2 and variant == "plain"):
        return None
    right = 6 if n else 2 if variant == "cue" or k == 0 else 10
    return RIGHT if item < right else WRONG


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("unfit") / "project", tiny_model, patch)
        set_quiz(project, TASKS, items=10)
        publish(load_recipe("tiny"), "botany", answers)
        yield project


@pytest.fixture(scope="module")
def report(project: Project) -> Report:
    return score_table.load(project.database, load_recipe("tiny"), ["botany"])[0]


def test_an_average_names_the_benchmarks_that_it_is_without(report: Report) -> None:
    stored = {(Model(r["iteration"], r["oracle"], r["variant"]), r["shots"]): r for r in report.scores
              if (r["benchmark"], r["metric"]) == ("average", "f1")}  # fmt: skip
    assert stored[LAST, 0]["missing"] == ["uses"]
    assert stored[PLAIN, 2]["missing"] == ["names", "uses"]
    assert [stored[key]["value"] for key in ((LAST, 0), (PLAIN, 2))] == [60, 100]
    assert stored[PLAIN, 2]["left_out"] == 20


def test_models_are_compared_over_what_all_of_them_have(report: Report) -> None:
    assert score_table.shared_benchmarks(report, 0) == ["colours", "habits", "names"]
    assert score_table.shared_benchmarks(report, 2) == ["colours", "habits"]
    assert score_table.not_shared(report, 2)["names"] == ["base, plain"]
    for k in (0, 2):
        for model in score_table.models(report):
            average = score_table.average_over(report, model, "f1", k, score_table.shared_benchmarks(report, k))
            assert average is not None, (model, k)
    assert score_table.average_over(report, PLAIN, "f1", 2, ["colours", "names"]) is None


def test_lift_is_over_the_benchmarks_of_both_sides_and_over_the_base_that_has_most(report: Report) -> None:
    rows = {(r["k"], r["oracle"]): r for r in report.lift if (r["iteration"], r["metric"]) == (2, "f1")}
    assert rows[2, False]["base_variant"] == "cue", "'plain' is better where it is scored, but lacks a benchmark"
    assert rows[2, False]["missing"] == ["uses"]
    assert rows[2, False]["lift"] == pytest.approx(40)
    assert rows[2, False]["n"] == 30
    assert {row["base_variant"] for row in report.lift_by_benchmark if row["k"] == 2} == {"cue"}


def test_the_easiest_are_looked_for_among_what_all_have(report: Report) -> None:
    assert easiest.easiest(report, 0) == ("colours", "habits")
    assert easiest.easiest(report, 2) == (), "two benchmarks are too few"


def test_the_page_says_what_it_is_without_and_for_whom(report: Report) -> None:
    done = RUN.invoke(app, ["scores", "tiny"])
    lines = done.stdout.splitlines()
    assert "macro average over 2–3 benchmarks" in lines[0]
    why = "no prompt fits the context of"
    assert f"the averages at k=2 are without names: {why} base, plain" in lines
    assert sum(line.startswith("the averages at k=") and "uses" in line for line in lines) == 2
    assert "the lift of iteration 2 over base, cue at k=2 is without uses" in lines
    row = next(line for line in lines if line.startswith("│ base, cue "))
    assert "20.0" in row


def test_json_keeps_averages_and_lift_and_names_the_rest(report: Report) -> None:
    printed = json.loads(RUN.invoke(app, ["scores", "tiny", "--json"]).stdout)
    assert any(row["benchmark"] == "average" for row in printed["scores"])
    assert {tuple(row["missing"]) for row in printed["lift"] if row["k"] == 0} == {("uses",)}
    assert printed["averages_without"]["botany"]["2"]["names"] == ["base, plain"]
    assert set(printed["averages_without"]["botany"]["0"]) == {"uses"}


def test_an_ablation_table_names_what_it_is_without(project: Project) -> None:
    (table,) = ablation_table.load(project.database, "tin*", [load_recipe("tiny")], None)
    assert table.scopes[0].benchmarks == ("colours", "habits", "names")
    assert "left out, as not every row has a score of it: uses" in table.notes
    assert all(average is not None for line in table.lines for average in line.averages.values())


def test_a_model_of_which_no_prompt_fits_is_named(project: Project) -> None:
    def none_of_cue(named: NamedRecipe, n: int, variant: str, k: int, benchmark: str, item: int) -> str | None:
        return None if variant == "cue" and k == 2 else RIGHT

    project.recipe["seed"] = 99
    project.save()
    publish(load_recipe("tiny"), "botany", none_of_cue)
    report = score_table.load(project.database, load_recipe("tiny"), ["botany"])[0]
    assert score_table.shared_benchmarks(report, 2) == sorted(TASKS)
    assert "base, cue has no score at k=2: none of its prompts fits the context" in score_notes.shortfalls(report)
