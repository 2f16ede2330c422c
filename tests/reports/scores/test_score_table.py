"""The score table: averages with and without the two easiest benchmarks, and that it fits a terminal."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe
from selfspec_assets.reports.scores import easiest, score_table
from selfspec_assets.reports.scores.score_table import Model, Report
from selfspec_assets.steps.lineage import Lineage
from tests.checkout import ROOT
from tests.conftest import Project, make_project, write_lines
from tests.synthetic import RIGHT, WRONG, publish, set_quiz

RUN = CliRunner()
TASKS = {"colours": "colour", "habits": "habit", "names": "name", "uses": "use"}
# How many of ten items are right. At k=0 the adapter gains most at habits and uses, at k=2 at colours and names; the
# oracle would name others, and the first iteration too.
BASE = {"colours": 5, "habits": 1, "names": 4, "uses": 2}
LAST = {0: {"colours": 6, "habits": 9, "names": 4, "uses": 8}, 2: {"colours": 9, "habits": 2, "names": 9, "uses": 2}}
FIRST = {"colours": 10, "habits": 1, "names": 10, "uses": 2}
# The best base prompt is "cue"; "plain" is below it everywhere, and cut at its first line it is above.
VARIANTS = {"plain": -1, "cue": 0, "alpaca": -1}


def answers(named: NamedRecipe, n: int, variant: str, k: int, benchmark: str, item: int) -> str:
    if n:
        return RIGHT if item < (FIRST if n == 1 else LAST[k])[benchmark] else WRONG
    right = BASE[benchmark] + VARIANTS[variant]
    if variant == "plain" and item < right + 2:  # right at its first line only
        return RIGHT if item < right else f"{RIGHT}\nand so on and on"
    return RIGHT if item < right else WRONG


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Report]:
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("scored") / "project", tiny_model, patch)
        set_quiz(project, TASKS, items=10)
        project.recipe["scores"].update(shots=[0, 2], base_variants=["plain", "cue", "alpaca"])
        project.save()
        publish(load_recipe("tiny"), "botany", answers)
        yield score_table.load(project.database, load_recipe("tiny"), ["botany"])[0]


def average(counts: dict[str, int], names: list[str]) -> float:
    return sum(10.0 * counts[name] for name in names) / len(names)


def test_the_easiest_are_the_largest_gains_of_the_last_iteration_over_the_best_base(report: Report) -> None:
    assert easiest.easiest(report, 0) == ("habits", "uses")
    assert easiest.easiest(report, 2) == ("names", "colours")
    base = easiest.best_base(report, 0, "f1", oracle=False, names=score_table.benchmarks(report))
    assert base == Model(0, False, "cue")


def test_equal_gains_are_told_apart_by_name_and_two_benchmarks_are_too_few() -> None:
    assert easiest.largest_gains({"b": 1.0, "a": 1.0, "c": 1.0}) == ("a", "b")
    assert easiest.largest_gains({"a": 1.0, "b": 5.0}) == ()


def test_averages_without_them(report: Report) -> None:
    rows = {(Model(r["iteration"], r["oracle"], r["variant"]), r["shots"], r["metric"]): r
            for r in easiest.scores_without(report)}  # fmt: skip
    assert len(rows) == 8 * 2 * 2
    left = ["colours", "names"]
    assert rows[Model(0, False, "cue"), 0, "f1"]["value"] == pytest.approx(average(BASE, left))
    assert rows[Model(2, False, "alpaca"), 0, "f1"]["value"] == pytest.approx(average(LAST[0], left))
    at_two = rows[Model(2, False, "alpaca"), 2, "f1"]
    assert at_two["value"] == pytest.approx(average(LAST[2], ["habits", "uses"]))
    assert at_two["without"] == ["names", "colours"]
    assert at_two["n"] == 20
    for row in rows.values():
        assert row["low"] <= row["value"] <= row["high"]


def test_lift_without_them_is_paired_with_the_best_of_each_kind(report: Report) -> None:
    rows = [row for row in easiest.lift_without(report) if row["metric"] == "f1" and row["k"] == 0]
    assert [(row["iteration"], row["base_variant"], row["oracle"]) for row in rows] == [
        (1, "cue", False), (1, "plain", True), (2, "cue", False), (2, "plain", True),
    ]  # fmt: skip
    gain = rows[2]
    assert gain["lift"] == pytest.approx(average(LAST[0], ["colours", "names"]) - average(BASE, ["colours", "names"]))
    assert gain["low"] <= gain["lift"] <= gain["high"]
    assert gain["lift"] == pytest.approx(gain["adapter"] - gain["base"])
    whole = next(r for r in report.lift if (r["iteration"], r["k"], r["metric"], r["oracle"]) == (2, 0, "f1", False))
    assert whole["lift"] == pytest.approx(average(LAST[0], list(TASKS)) - average(BASE, list(TASKS)))
    assert gain["lift"] < whole["lift"], "the easy ones made most of it"


def test_json_carries_them_and_a_lift_row_over_the_best_base_and_the_best_oracle(report: Report) -> None:
    value = json.loads(RUN.invoke(app, ["scores", "tiny", "--json"]).stdout)
    assert value["scores_without_easiest"] == json.loads(json.dumps(easiest.scores_without(report)))
    assert value["lift_without_easiest"] == json.loads(json.dumps(easiest.lift_without(report)))
    for name in ("lift", "lift_without_easiest"):
        keys = [(r["domain"], r["iteration"], r["k"], r["metric"], r["oracle"]) for r in value[name]]
        assert len(keys) == len(set(keys)) == 2 * 2 * 2 * 2
        assert {(r["oracle"], r["base_variant"]) for r in value[name]} == {(False, "cue"), (True, "plain")}


def test_the_table_fits_eighty_columns_and_names_what_it_leaves_out(report: Report) -> None:
    lines = RUN.invoke(app, ["scores", "tiny", "--details"]).stdout.splitlines()
    boxes = [line for line in lines if line.startswith(("│", "┃", "┏", "├", "└", "┡"))]
    assert max(map(len, boxes)) <= 80
    for row in ("base, alpaca ", "base, alpaca* ", "base, plain* ", "iteration 2 ", "without two† "):
        assert any(line.startswith(f"│ {row}") for line in lines), row
    empty = [line for line in boxes if line.startswith("│   ") and line.strip("│ ")]
    assert not empty, f"a title was wrapped: {empty}"
    note = next(line for line in lines if line.startswith("†"))
    assert "'iteration 2' gained most F1" in note
    assert note.endswith("k=0: habits, uses; k=2: names, colours")


def test_with_two_benchmarks_there_is_nothing_to_leave_out(project: Project) -> None:
    set_quiz(project, {"colours": "colour", "habits": "habit"}, items=10)
    project.recipe["scores"].update(base_variants=["plain", "cue", "alpaca"])
    project.save()
    publish(load_recipe("tiny"), "botany", answers)
    done = RUN.invoke(app, ["scores", "tiny", "--json"])
    assert json.loads(done.stdout)["scores_without_easiest"] == []
    assert "†" not in RUN.invoke(app, ["scores", "tiny"]).stdout


def test_an_average_over_chosen_benchmarks_needs_all_of_them(report: Report) -> None:
    model, names = Model(2, False, "alpaca"), ["colours", "names"]
    average: Any = score_table.average_over(report, model, "f1", 0, names)
    assert average.value == pytest.approx(50)
    assert score_table.average_over(report, model, "f1", 0, ["colours", "no_such"]) is None
    stored = score_table.cell(report, model, "f1", 0, "names")
    assert stored
    assert score_table.average_over(report, model, "f1", 0, ["names"]) == (
        stored["value"], stored["low"], stored["high"], stored["n"],
    )  # fmt: skip


# What a pack declares beside F1 and ROUGE-L

GOLD = {
    "colours": ["red"] * 10,
    "sums": ["25%", "6.5 million", *["12"] * 8],
    "uses": ["rope, dye", *["tea, dye, soap"] * 9],
    "verdicts": [*["yes"] * 6, *["no"] * 4],
}
DECLARED = {"sums": ["numeric_match"], "uses": ["set_f1", "box_f1"], "verdicts": ["macro_f1", "majority"]}


def declared_answers(named: NamedRecipe, n: int, variant: str, k: int, benchmark: str, item: int) -> str:
    """The base says yes to everything and forgets scale and members; the adapter errs at every fifth item."""
    gold = GOLD[benchmark][item]
    if n:
        return "dye" if item % 5 == 4 else gold
    return {"colours": "red", "sums": gold.removesuffix(" million"), "uses": "dye", "verdicts": "yes"}[benchmark]


def set_declared(project: Project, metrics: dict[str, list[str]]) -> None:
    """The pack asks the questions of GOLD; the items of a benchmark differ in their gold answers."""
    set_quiz(project, dict.fromkeys(GOLD, "quiz"), items=10)
    for declared in project.pack["published"]["benchmarks"]:
        name = declared["name"]
        rows = [{"id": f"i{i}", "input": f"{name} {i}?", "references": [gold]} for i, gold in enumerate(GOLD[name])]
        write_lines(project.folder / "data" / f"{name}.jsonl", rows)
        declared.pop("metrics", None)
        if name in metrics:
            declared["metrics"] = metrics[name]
    project.recipe["scores"]["items_per_benchmark"] = 10
    project.save()


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Report]:
    with pytest.MonkeyPatch.context() as patch:
        project = make_project(tmp_path_factory.mktemp("declared") / "project", tiny_model, patch)
        set_declared(project, DECLARED)
        publish(load_recipe("tiny"), "botany", declared_answers)
        yield score_table.load(project.database, load_recipe("tiny"), ["botany"])[0]


BASE_PLAIN, LAST_ADAPTER = Model(0, False, "plain"), Model(2, False, "alpaca")


def value(report: Report, model: Model, metric: str, benchmark: str, k: int = 0) -> Any:
    row = score_table.cell(report, model, metric, k, benchmark)
    return row and row["value"]


def test_declared_metrics_are_scored_where_they_are_declared_and_never_averaged(declared: Report) -> None:
    wanted = {("sums", "numeric_match"), ("uses", "set_f1"), ("uses", "box_f1"), ("verdicts", "macro_f1")}
    assert set(score_table.extra_metrics(declared)) == wanted
    assert value(declared, BASE_PLAIN, "numeric_match", "sums") == 90, "25% is right, 6.5 is not 6.5 million"
    assert value(declared, BASE_PLAIN, "set_f1", "uses") == pytest.approx((200 / 3 + 9 * 50) / 10)
    assert value(declared, BASE_PLAIN, "box_f1", "uses") == 100
    assert value(declared, BASE_PLAIN, "macro_f1", "verdicts") == pytest.approx(75 / 2), "2·6/16 of yes, nothing of no"
    assert value(declared, LAST_ADAPTER, "macro_f1", "verdicts") == pytest.approx(100 * (10 / 11 + 6 / 7) / 2)
    for row in declared.scores:
        assert row["low"] <= row["value"] + 1e-9, row
        assert row["value"] <= row["high"] + 1e-9, row
    spread = score_table.cell(declared, LAST_ADAPTER, "macro_f1", 0, "verdicts")
    assert spread
    assert spread["low"] < 75 < 99 < spread["high"], "items are resampled, and the score is made anew"
    per_item = {metric for _, _, metric in declared.items}
    assert per_item == {"f1", "rouge_l", "numeric_match", "set_f1", "box_f1"}


def test_declared_metrics_leave_f1_and_rouge_l_alone(
    declared: Report, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_declared(project, {})
    publish(load_recipe("tiny"), "botany", declared_answers)
    plain = score_table.load(project.database, load_recipe("tiny"), ["botany"])[0]
    headline = ("f1", "rouge_l")
    assert plain.scores == [row for row in declared.scores if row["metric"] in headline]
    assert plain.lift == declared.lift
    assert plain.baselines == []
    assert "other metrics" not in RUN.invoke(app, ["scores", "tiny", "--details"]).stdout


def test_lift_of_declared_metrics_is_tested_in_pairs(declared: Report) -> None:
    rows = {(r["benchmark"], r["metric"]): r for r in declared.lift_by_benchmark if (r["iteration"], r["k"]) == (2, 0)}
    assert {*rows} == {*score_table.extra_metrics(declared), *((b, m) for b in GOLD for m in ("f1", "rouge_l"))}
    for (benchmark, metric), row in rows.items():
        base, adapter = (value(declared, m, metric, benchmark) for m in (Model(0, False, "cue"), LAST_ADAPTER))
        assert (row["base"], row["adapter"]) == (pytest.approx(base), pytest.approx(adapter))
        assert row["lift"] == pytest.approx(adapter - base)
        assert row["low"] - 1e-9 <= row["lift"] <= row["high"] + 1e-9
        assert row["n"] == 10
    assert rows["uses", "set_f1"]["p_value"] < 0.05
    assert rows["sums", "numeric_match"]["p_value"] > 0.5
    assert rows["verdicts", "macro_f1"]["lift"] > 40
    assert {row["base_variant"] for row in rows.values()} == {"cue"}, "of equal prompts the first by name"


def test_the_query_in_the_documentation_runs(declared: Report) -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    (query,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    done = RUN.invoke(app, ["sql", query, "--format", "json"])
    assert {row["benchmark"] for row in json.loads(done.stdout)} == {"verdicts"}, done.stderr


def test_the_majority_baseline_stands_apart_from_the_models(declared: Report) -> None:
    by_metric = {row["metric"]: row for row in declared.baselines}
    assert {row["benchmark"] for row in declared.baselines} == {"verdicts"}
    assert {row["answer"] for row in declared.baselines} == {"yes"}
    values = {metric: row["value"] for metric, row in by_metric.items()}
    assert values == {"f1": 60, "rouge_l": 60, "majority": 60, "macro_f1": pytest.approx(75 / 2)}
    assert all(row["low"] < row["value"] < row["high"] and row["n"] == 10 for row in declared.baselines)
    assert {(m.iteration > 0, m.variant) for m in score_table.models(declared)} == {
        (False, "plain"), (False, "cue"), (True, "alpaca"),
    }  # fmt: skip
    assert "majority" not in {row["metric"] for row in declared.scores}


def test_declared_metrics_are_printed_and_in_the_json(declared: Report) -> None:
    lines = RUN.invoke(app, ["scores", "tiny"]).stdout.splitlines()
    rows = [line for line in lines if "macro f1" in line]
    assert len(rows) == 1, "of the first k alone; --details shows each"
    assert [cell.strip() for cell in rows[0].strip("│").split("│")] == [
        "verdicts", "macro f1", "37.5", "88.3", "88.3", "37.5",
    ]  # fmt: skip
    assert max(len(line) for line in lines if line.startswith(("│", "┃"))) <= 80
    assert "F1 of always giving the commonest answer (majority): verdicts 60.0" in lines
    details = RUN.invoke(app, ["scores", "tiny", "--details"]).stdout
    assert details.count("macro f1") == 2
    printed = json.loads(RUN.invoke(app, ["scores", "tiny", "--json"]).stdout)
    assert printed["baselines"] == declared.baselines
    assert printed["lift_by_benchmark"] == declared.lift_by_benchmark
    assert {row["metric"] for row in printed["lift"]} == {"f1", "rouge_l"}
    assert "macro_f1" in {row["metric"] for row in printed["scores"]}


def test_declaring_a_metric_remakes_the_scores_and_no_answer(project: Project) -> None:
    def signatures() -> dict[str, str]:
        lineage = Lineage(load_recipe("tiny"))
        return {step: lineage.signature(step, "botany", n) for n in (0, 1) for step in lineage.steps(n)}

    before = signatures()
    project.pack["published"]["benchmarks"][0]["metrics"] = ["set_f1"]
    project.save()
    after = signatures()
    assert {step for step in after if after[step] != before[step]} == {"base_scores", "scores"}


def test_the_easiest_are_found_on_the_items_that_both_answered(report: Report) -> None:
    """The base lacks the items of "names" at which it failed, as if their prompts had been too long for it."""
    items = {key: dict(found) for key, found in report.items.items()}
    key = Model(0, False, "cue"), 2, "f1"
    items[key]["names"] = {item: score for item, score in items[key]["names"].items() if score == 100}
    assert easiest.easiest(report, 2) == ("names", "colours")
    fewer = replace(report, items=items)
    assert easiest.easiest(fewer, 2) == ("colours", "habits"), "nothing is gained at the names that are left"
