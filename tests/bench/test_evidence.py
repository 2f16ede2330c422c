"""``make evidence``: the plan, the numbers over seeds, the verdicts, and the whole way on a tiny model."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from bench import evidence, evidence_goals, evidence_plan
from bench.evidence_goals import MET, MISSED, NOT_MEASURED, REPORTED, SEEDS, Goal, goals
from bench.evidence_measured import Estimate, Measured, Row, paired_values
from bench.evidence_page import page
from bench.evidence_plan import SOURCES, Planned, Remaining, plan
from bench.evidence_samples import Item, Sample, load_samples, samples_section, shown
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipe
from selfspec_assets.reports.scores import easiest
from selfspec_assets.reports.scores.score_table import Model
from selfspec_assets.warehouse import Warehouse
from tests.conftest import Project
from tests.synthetic import RIGHT, WRONG, imagined, publish, set_quiz

TASKS = {"facts": "closed_book", "names": "factoid", "spans": "entities", "truths": "yesno"}
ITEMS = 20
# Of twenty items, how many are right: by recipe and iteration, at each benchmark; a seed adds or takes a few.
RIGHTS: dict[tuple[str, int], dict[str, int]] = {
    ("base", 0): {"facts": 1, "names": 4, "spans": 3, "truths": 1},
    ("reference_seeds", 1): {"facts": 2, "names": 9, "spans": 8, "truths": 9},
    ("reference_supervised", 1): {"facts": 3, "names": 19, "spans": 17, "truths": 18},
    ("quickstart", 1): {"facts": 8, "names": 14, "spans": 11, "truths": 15},
    ("quickstart", 2): {"facts": 8, "names": 16, "spans": 13, "truths": 15},
    ("ablation_no_documents", 1): {"facts": 3, "names": 11, "spans": 9, "truths": 12},
    ("ablation_top_5", 1): {"facts": 8, "names": 14, "spans": 11, "truths": 15},
}
SHIFT = {1: -1, 2: 0, 3: 1}


def answers(named: NamedRecipe, n: int, variant: str, k: int, benchmark: str, item: int) -> str:
    source, seed = named.name.rsplit("_s", 1)
    right = RIGHTS[source if n else "base", n][benchmark] + (SHIFT[int(seed)] if n else k)
    if n == 0 and variant == "plain":
        return RIGHT if item < right - 1 else RIGHT + "\n" + "and on " * 500 if item < right + 2 else WRONG
    return RIGHT if item < right else WRONG


def save_sources(project: Project, **adapter: Any) -> None:
    """Tiny recipes under the real ones' names, which the project's folder puts before them."""
    project.recipe["adapter"].update(adapter)
    changes: dict[str, dict[str, Any]] = {
        "quickstart": {},
        "ablation_no_documents": {"iterations": 1, "passages": {"k": 0}},
        "ablation_top_5": {"iterations": 1},
        "reference_seeds": {"iterations": 1, "data": "seeds"},
        "reference_supervised": {"iterations": 1, "data": "supervised"},
    }
    for name, change in changes.items():
        value = json.loads(json.dumps({**project.recipe, **{k: v for k, v in change.items() if k != "data"}}))
        value["adapter"]["data"] = change.get("data", "iteration")
        if name.startswith("ablation_"):
            value["scores"]["shots"] = [0]
        (project.folder / f"recipes/{name}.yaml").write_text(yaml.safe_dump(value))


@pytest.fixture
def planned(project: Project) -> list[Planned]:
    set_quiz(project, TASKS, items=ITEMS, training=True)
    scores = {"shots": [0, 2], "base_variants": ["plain", "cue"], "items_per_benchmark": ITEMS, "items": "first"}
    project.recipe["scores"].update(scores)
    project.save()
    save_sources(project)
    return plan(SOURCES, [1, 2, 3], None, project.folder)


def measure(planned: list[Planned], minutes: float = 5.0) -> Measured:
    reports = {
        (derived.source, "botany", derived.seed): imagined(derived.named, "botany", answers, TASKS, ITEMS)
        for derived in planned
    }
    seconds = {key: 60.0 * (minutes + 0.1 * key[2]) for key in reports}
    return Measured(reports, seconds, {("botany", name): 100 for name in TASKS})


def test_derived_recipes_differ_in_seed_and_domains_alone(project: Project, planned: list[Planned]) -> None:
    assert [(derived.source, derived.seed) for derived in planned[:5]] == [
        ("quickstart", 1), ("reference_seeds", 1), ("reference_supervised", 1), ("ablation_no_documents", 1),
        ("ablation_top_5", 1),
    ]  # fmt: skip
    assert len(planned) == 11, "three recipes under three seeds, two ablations under the first one"
    for one in planned:
        source = load_recipe(one.source).recipe
        scores = source.scores.model_copy(update={"items_per_benchmark": evidence_plan.ITEMS})
        assert one.named.recipe == source.model_copy(
            update={"seed": one.seed, "domains": ("botany",), "scores": scores}
        )
        assert one.named.path == project.folder / f"recipes/{one.source}_s{one.seed}.yaml"
    again = plan(SOURCES, [1, 2, 3], None, project.folder)
    assert [derived.named for derived in again] == [derived.named for derived in planned], (
        "derived recipes are not derived from again"
    )


def test_an_ablation_stays_in_its_own_domains(project: Project, planned: list[Planned]) -> None:
    found = plan(SOURCES, [4], ["zoology"], project.folder)
    assert {derived.source for derived in found} == {"quickstart", "reference_seeds", "reference_supervised"}
    with pytest.raises(SelfspecError, match="nothing is planned"):
        evidence.check(plan(["ablation_*"], [4], ["zoology"], project.folder))
    with pytest.raises(SelfspecError, match="no recipe's name matches"):
        plan(["no_such_*"], [4], None, project.folder)


def test_items_that_another_seed_would_draw_are_refused(project: Project, planned: list[Planned]) -> None:
    project.recipe["scores"]["items"] = "drawn"
    save_sources(project)
    with pytest.raises(SelfspecError, match=r"scores\.items: drawn: every seed would be scored on items of its own"):
        evidence.check(plan(SOURCES, [1], None, project.folder))


def test_averages_name_what_some_model_has_not(planned: list[Planned]) -> None:
    """The reference lacks one: no average of the page holds it, and each heading says so."""
    measured = measure(planned)
    assert measured.without("botany") == []
    gone = sorted(TASKS)[0]
    reports = {
        key: replace(report, scores=[row for row in report.scores if row["benchmark"] != gone])
        if key[0] == "reference_seeds" else report
        for key, report in measured.reports.items()
    }  # fmt: skip
    fewer = Measured(reports, measured.seconds, measured.declared)
    assert fewer.benchmarks("botany") == sorted(TASKS)[1:]
    assert fewer.without("botany") == [gone]
    whole = page(fewer, "home", [])
    assert f"### Macro average over {len(TASKS) - 1} benchmarks (without {gone}: " in whole
    assert f"the paper's Table 2 (without {gone}: " in whole


def test_time_left_counts_each_shared_step_once(project: Project, planned: list[Planned]) -> None:
    warehouse = Warehouse(project.folder / "warehouse")
    one_seed = planned[:5]
    remaining = Remaining(one_seed, warehouse)
    made, total = remaining.counts()
    alone = sum(len(derived.lineage.steps(n)) for derived in one_seed for n in range(derived.iterations + 1))
    assert made == 0
    assert total < alone
    assert remaining.line() == f"0 of {total} steps made, time left not known yet"
    scores = {
        derived.lineage.signature("scores", "botany", n)
        for derived in one_seed
        for n in range(1, derived.iterations + 1)
    }
    publish(one_seed[0].named, "botany", answers, seconds=60.0)
    assert remaining.counts()[0] > 0
    assert remaining.seconds() is None, "steps such as instructions were never timed"
    kinds = {"predictions", "scores", "base_predictions", "base_scores"}
    remaining._steps = {key: step for key, step in remaining._steps.items() if step in kinds}
    left = [key for key in remaining._steps if not warehouse.has(key)]
    assert remaining.seconds() == 60.0 * len(left)
    assert scores & set(left)
    assert re.fullmatch(r"\d+ of \d+ steps made, about \d+:\d\d left", remaining.line())


FIRST, LAST = (Row("quickstart", Model(n, False, "alpaca")) for n in (1, 2))


def mean(source: str, n: int, names: list[str] | None = None) -> float:
    """The seeds' shifts cancel out."""
    names = names or list(TASKS)
    return sum(100 / ITEMS * RIGHTS[source, n][name] for name in names) / len(names)


def test_means_differences_and_intervals_over_seeds(planned: list[Planned]) -> None:
    measured = measure(planned)
    assert measured.domains == ["botany"]
    first = measured.estimate("botany", FIRST, "f1", 0, list(TASKS))
    assert first
    assert first.value == pytest.approx(mean("quickstart", 1))
    assert first.low < first.value < first.high
    assert (first.seeds, first.items) == (3, 4 * ITEMS)
    gain = measured.estimate("botany", LAST, "f1", 0, list(TASKS), minus=FIRST)
    assert gain
    assert gain.value == pytest.approx(mean("quickstart", 2) - mean("quickstart", 1))
    assert gain.high - gain.low < first.high - first.low, "paired: what the two share is no doubt about the difference"
    none = measured.estimate("botany", FIRST, "f1", 0, list(TASKS), minus=FIRST)
    assert none == Estimate(0.0, 0.0, 0.0, 3, 4 * ITEMS), "negative control: a model against itself"
    assert measured.estimate("botany", Row("no_such", FIRST.model), "f1", 0, list(TASKS)) is None
    # The base at k=0 is the same under every seed: three seeds must not make its interval narrower than one does.
    base = measured.best_base("botany", "f1", 0, oracle=False)
    assert base == Row("quickstart", Model(0, False, "cue"))
    three = measured.estimate("botany", base, "f1", 0, list(TASKS))
    alone = Measured({key: r for key, r in measured.reports.items() if key[2] == 1}, {}, {})
    one = alone.estimate("botany", base, "f1", 0, list(TASKS))
    assert three
    assert one
    assert three.high - three.low == pytest.approx(one.high - one.low, abs=1.5)
    assert measured.best_base("botany", "f1", 0, oracle=True) == Row("quickstart", Model(0, True, "plain"))
    assert measured.easiest("botany", 0) == ("truths", "names")


def test_of_prompts_that_are_equal_the_page_and_the_scores_choose_the_same(planned: list[Planned]) -> None:
    """Their intervals are drawn apart: at one k or the other the lower bound would choose the other prompt."""
    derived = next(derived for derived in planned if (derived.source, derived.seed) == ("quickstart", 1))
    report = imagined(derived.named, "botany", answers, TASKS, ITEMS)
    for oracle, k in product((False, True), (0, 2)):
        cue, plain = (Model(0, oracle, variant) for variant in ("cue", "plain"))
        for metric in ("f1", "rouge_l"):
            report.items[plain, k, metric] = report.items[cue, k, metric]
    measured = Measured({("quickstart", "botany", 1): report}, {}, {})
    lows: dict[str, list[float]] = {"cue": [], "plain": []}
    for oracle, k, metric in product((False, True), (0, 2), ("f1", "rouge_l")):
        assert measured.best_base("botany", metric, k, oracle=oracle) == Row("quickstart", Model(0, oracle, "cue"))
        names = list(TASKS)[:3]  # of a part, easiest needs no stored average
        assert easiest.best_base(report, k, metric, oracle=oracle, names=names) == Model(0, oracle, "cue")
        for variant, found in lows.items():
            estimate = measured.estimate("botany", Row("quickstart", Model(0, oracle, variant)), metric, k, list(TASKS))
            assert estimate
            found.append(estimate.low)
    assert any(plain > cue for cue, plain in zip(lows["cue"], lows["plain"], strict=True)), (
        "nothing was put to the test"
    )


def test_only_items_that_every_side_answered_are_compared() -> None:
    ours, theirs = {"a": {1: 10.0, 2: 20.0, 3: 30.0}}, {"a": {2: 5.0, 3: 5.0, 4: 5.0}}
    later = {"a": {2: 50.0, 1: 60.0}}
    assert paired_values([[ours, theirs], [later, theirs]], ["a"]) == [[[15.0]], [[45.0]]]
    assert paired_values([[ours], [later]], ["a"]) == [[[10.0, 20.0]], [[60.0, 50.0]]]
    assert paired_values([[ours, {"a": {9: 1.0}}]], ["a"]) == []
    assert paired_values([[ours]], ["a", "b"]) == []


def verdicts(measured: Measured) -> dict[str, Goal]:
    return {goal.letter: goal for goal in goals(measured)}


def test_goals_are_computed_from_the_data(planned: list[Planned], monkeypatch: pytest.MonkeyPatch) -> None:
    judged = verdicts(measure(planned))
    values = {name: goal.value for name, goal in judged.items()}
    assert values == {
        "a": pytest.approx(mean("quickstart", 1) - (mean("base", 0) - 5), abs=0.1),  # plain: one of twenty less
        "b": pytest.approx(mean("quickstart", 1) - mean("base", 0)),
        "c": pytest.approx(mean("quickstart", 1) - mean("reference_seeds", 1)),
        "d": pytest.approx(mean("quickstart", 2) - mean("quickstart", 1)),
        "e": pytest.approx(25.0),
        "f": pytest.approx(90.0),  # the iteration that kept least
        "g": pytest.approx(mean("reference_supervised", 1) - mean("quickstart", 2)),
        "h": pytest.approx(5.3),  # the slowest seed
    }
    missed = {name for name, goal in judged.items() if goal.verdict == MISSED}
    assert missed == {"g"}
    assert judged["h"].verdict == REPORTED
    assert {goal.verdict for name, goal in judged.items() if name not in {*missed, "h"}} == {MET}
    assert judged["e"].what.startswith("iteration 1 − no documents, facts alone")
    assert judged["b"].what.startswith("iteration 1 − base, cue")
    assert judged["d"].sources == ("quickstart",)
    assert judged["c"].sources == ("quickstart", "reference_seeds")


WORSE: dict[str, tuple[tuple[str, int], dict[str, int], str]] = {
    "a": (("quickstart", 1), {"facts": 0, "names": 3, "spans": 2, "truths": 0}, MISSED),
    "b": (("quickstart", 1), {"facts": 2, "names": 5, "spans": 4, "truths": 2}, MISSED),  # clear, but below 10
    "c": (("reference_seeds", 1), {"facts": 8, "names": 14, "spans": 10, "truths": 15}, MISSED),
    "d": (("quickstart", 2), {"facts": 1, "names": 2, "spans": 2, "truths": 2}, REPORTED),
    "e": (("ablation_no_documents", 1), {"facts": 8}, MISSED),
}


@pytest.mark.parametrize("letter", WORSE)
def test_a_goal_can_be_missed(planned: list[Planned], letter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, values, verdict = WORSE[letter]
    monkeypatch.setitem(RIGHTS, key, {**RIGHTS[key], **values})
    assert verdicts(measure(planned))[letter].verdict == verdict


def test_what_was_not_measured_is_said_and_time_is_told(planned: list[Planned]) -> None:
    without = [derived for derived in planned if derived.source == "quickstart"]
    judged = verdicts(measure(without, minutes=14.8))
    assert {name for name, goal in judged.items() if goal.verdict == NOT_MEASURED} == {"c", "e", "g"}
    assert judged["h"][3:6] == pytest.approx((15.1, 14.9, 15.1))


def test_a_bound_alone_and_a_clear_interval_alone_do_not_do() -> None:
    verdict: Callable[[Estimate], str] = evidence_goals.at_least(8)
    assert verdict(Estimate(9.0, 1.0, 20.0, 3, 9)) == MET
    assert verdict(Estimate(9.0, -1.0, 20.0, 3, 9)) == MISSED
    assert verdict(Estimate(7.0, 1.0, 20.0, 3, 9)) == MISSED
    assert evidence_goals.clear_or_reported(Estimate(-3.0, -5.0, -1.0, 3, 9)) == REPORTED


def rows_under(text: str, heading: str) -> dict[str, list[str]]:
    section = text.split(heading, 1)[1].split("\n#", 1)[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines[1:]}


def test_the_page_shows_every_row_with_interval_and_command(planned: list[Planned]) -> None:
    measured = measure(planned)
    text = page(measured, "build/evidence", [])
    averages = rows_under(text, "### Macro average over 4 benchmarks")
    assert list(averages)[1:] == [
        "base, plain", "base, cue", r"base, plain, first line \*", r"base, cue, first line \*", "seeds alone",
        "iteration 1", "iteration 2", "supervised",
    ]  # fmt: skip
    seeds = measured.estimate("botany", SEEDS, "f1", 0, list(TASKS))
    assert seeds
    assert averages["seeds alone"][0] == f"{mean('reference_seeds', 1):.1f} [{seeds.low:.1f}, {seeds.high:.1f}]"
    assert averages["seeds alone"][-1] == "`selfspec run 'reference_seeds_s*' --domain botany`"
    assert len(averages["iteration 2"]) == 5
    without = rows_under(text, "### Without the two easiest (k=0: truths, names; k=2: truths, names)")
    assert without["iteration 2"][0].startswith(f"{mean('quickstart', 2, ['facts', 'spans']):.1f} [")
    tasks = rows_under(text, "### F1 by benchmark, k=0")
    assert [cell.split()[0] for cell in tasks["names"]] == ["15.0", "20.0", "45.0", "70.0", "80.0", "95.0"]
    ablations = rows_under(text, "### botany: the paper's Table 2")
    assert list(ablations)[1:] == [
        "base, plain", "base, cue", "1st iteration, no documents", "1st iteration, top-3",
    ]  # fmt: skip
    assert ablations["1st iteration, no documents"][2].startswith("10.0 ["), "of the first seed alone"
    assert "Seed 1 alone." in text
    shares = rows_under(text, "### The mechanism at work")
    assert shares["iteration 2"][:4] == ["1 / 1 / 1", "30", "20.0%", "10.0%"]
    assert shares["iteration 1"][3] == "—"
    goal_rows = rows_under(text, "## Goals")
    assert sum("**missed**" in row for row in goal_rows.values()) == 1
    assert goal_rows["(d) iteration 2 − iteration 1: clear of zero, or reported"][1].startswith("+5.0")
    assert goal_rows["(f) answers kept of asked, every iteration, worst seed: at least 80 %"][1:3] == [
        "90.0 %", "[90.0, 95.0] %",
    ]  # fmt: skip
    assert goal_rows["(h) time of all steps of quickstart, 24 items of each benchmark, slowest seed"][1:3] == [
        "5.3 min", "[5.1, 5.3] min",
    ]  # fmt: skip
    assert "partial" not in text
    assert "Training seeds: 1, 2, 3." in text
    assert "\n\nScored, from the first on: 20 of 100 items of each benchmark.\n\n" in text
    fewer = replace(measured, declared={**measured.declared, ("botany", "names"): 20})
    listed = "facts 20 of 100 items, names 20 of 20 items, spans 20 of 100 items, truths 20 of 100 items"
    assert f"Scored, from the first on: {listed}." in page(fewer, "build/evidence", [])
    assert "One seed only" not in text
    assert "One seed only" in page(measure(planned[:5]), "build/evidence", [])
    assert str(planned[0].named.path.parents[1]) not in text


def test_a_page_lacks_what_was_not_asked_for_as_well_as_what_was_not_made(
    project: Project, planned: list[Planned], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_plan, "DEFAULT_SEEDS", (1, 2))
    whole = measure([*planned, *plan(SOURCES, [2], None, project.folder)])
    assert evidence.missing_of(planned, whole) == [], "a seed more does no harm"

    def lacking(*asked: str, seeds: tuple[int, ...] = (1, 2)) -> list[str]:
        narrow = plan(asked, seeds, None, project.folder)
        keys = {(derived.source, "botany", derived.seed) for derived in narrow}
        return evidence.missing_of(narrow, replace(whole, reports={k: whole.reports[k] for k in keys}))

    assert lacking(*SOURCES) == []
    assert lacking("quickstart", "reference_*", "ablation_no_documents", "*_top_5") == [], "what globs stand for counts"
    assert lacking("quickstart", "ablation_*") == [
        "`reference_seeds` in botany, seeds 1, 2",
        "`reference_supervised` in botany, seeds 1, 2",
    ]
    assert lacking(*SOURCES, seeds=(2,)) == [f"`{derived.source}` in botany, seed 1" for derived in planned[:5]]
    assert lacking(*SOURCES, seeds=(1, 2, 3)) == []
    made = {key: report for key, report in whole.reports.items() if key != ("quickstart", "botany", 3)}
    assert evidence.missing_of(planned, replace(whole, reports=made)) == ["`quickstart` in botany, seed 3"]
    elsewhere = {(source, "zoology", seed): report for (source, _, seed), report in whole.reports.items()}
    assert len(evidence.missing_of([], replace(whole, reports=elsewhere))) == 5, "a narrow page lacks whole domains"


@pytest.mark.slow
def test_from_nothing_to_the_page_and_again(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_quiz(project, TASKS, items=3, training=True)
    project.recipe["instructions"].update(target=8, min_kept=1, max_requests=24)
    project.recipe["scores"].update(
        shots=[0], base_variants=["plain", "cue"], resamples=100, max_new_tokens=4, items="first"
    )
    project.save()
    save_sources(project, epochs=1)
    # Half of the time of so many small steps would go into Dagster's event files; tests/test_pipeline.py has them.
    monkeypatch.setattr(dg.DagsterInstance, "get", dg.DagsterInstance.ephemeral)
    for module in (evidence, evidence_plan):
        monkeypatch.setattr(module, "DEFAULT_SEEDS", (5,))
    target, lines = tmp_path / "docs" / "evidence.md", []
    common = ["--home", str(project.folder), "--page", str(target)]
    report = lines.append
    target.parent.mkdir()
    target.write_text("the last page")
    assert evidence.main([*common, "--recipes", "reference_seeds"], report) == 1
    assert target.read_text() == "the last page"
    assert "`quickstart` in botany, seed 5" in lines[-1]
    assert evidence.main([*common, "--recipes", "reference_seeds", "--partial"], report) == 0
    assert "**This page is partial.**" in target.read_text()

    assert evidence.main(common, report) == 0, "\n".join(lines)
    text = target.read_text()
    assert "partial" not in text
    assert all(len(row) == 5 for row in rows_under(text, "## Goals").values())
    assert not re.search(r"\| — ", text.split("### The mechanism", 1)[0]), "something was not measured"
    assert "Scored, from the first on: 3 of 3 items of each benchmark." in text
    assert any(re.search(r"\d+ of \d+ steps made, about .* left", line) for line in lines)

    def refuse(spec: object) -> LanguageModel:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(LanguageModel, "load", refuse)
    lines.clear()
    assert evidence.main(common, report) == 0
    assert target.read_text() == text
    assert any("about 0 s left" in line for line in lines)

    assert "what each row answers" not in text, "the items of published data are not ours to print"
    planned = plan(SOURCES, [5], None, project.folder)
    ours = [replace(one, named=as_starter(one.named)) for one in planned]
    samples = load_samples(ours, Warehouse(project.folder / "warehouse"), "botany")
    assert [(item.benchmark, item.place) for item in samples] == [
        *((name, 0) for name in sorted(TASKS)), *((name, 1) for name in sorted(TASKS)), ("facts", 2), ("names", 2),
    ]  # fmt: skip
    for answered in samples.values():
        asked = {(row.source, row.model.iteration, row.model.variant) for row in answered}
        assert {("quickstart", 0, "plain"), ("quickstart", 0, "cue"), ("reference_seeds", 1, "alpaca")} <= asked
        assert {iteration for source, iteration, _ in asked if source == "quickstart"} == {0, 1, 2}
        assert not any(source.startswith("ablation_") for source, _, _ in asked)


def as_starter(named: NamedRecipe) -> NamedRecipe:
    return named.model_copy(update={"recipe": named.recipe.model_copy(update={"data": "starter"})})


def test_samples_are_tables_that_hold_any_text() -> None:
    first = Item("facts", 0, "Say it.", "Which | sign?", "a *star*")
    seeds, base = SEEDS, Row("quickstart", Model(0, False, "cue"))
    answers = {seeds: Sample("two\nlines | and <p>", 50.0), base: Sample("", 0.0)}
    titles = {base: "base, cue", seeds: "seeds alone", Row("quickstart", Model(1, False, "alpaca")): "iteration 1"}
    head, block = samples_section({first: answers}, titles)
    assert head == "### 1 items, and what each row answers"
    assert block.splitlines() == [
        r"**facts** Say it. Which \| sign? → **a \*star\***",
        "",
        "| | answer | F1 |",
        "| --- | --- | ---: |",
        "| base, cue | *nothing* | 0 |",
        r"| seeds alone | two lines \| and \<p\> | 50 |",
    ]
    assert shown("word " * 90, 3) == "word word word …"
    assert samples_section({}, titles) == []


def test_a_recipe_that_fails_leaves_the_others_and_the_page_alone(
    project: Project, planned: list[Planned], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target, lines, asked = tmp_path / "evidence.md", [], []

    def fail(named: NamedRecipe, domains: list[str], iterations: int, report: object) -> None:
        asked.append(named.name)
        raise SelfspecError("somewhere", "it broke", "mend it")

    monkeypatch.setattr(evidence, "run_recipe", fail)
    target.write_text("the last page")
    options = ["--seeds", "1", "2", "--home", str(project.folder), "--page", str(target)]
    assert evidence.main(options, lines.append) == 1
    assert len(asked) == 8
    assert target.read_text() == "the last page"
    assert "`quickstart` in botany, seeds 42, 43, 44, 1, 2" in lines[-1]
    assert any("FAILED quickstart_s1 × botany: somewhere: it broke" in line for line in lines)
