"""The assets ``base_scores`` and ``scores``: metrics, intervals, and the adapter's lift over its base (Section 4.1)."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from selfspec_assets.orchestration.assets.predictions import TOO_LONG
from selfspec_assets.orchestration.assets.step import Check, Job, Outcome, Result, Tables, not_empty, run_step, specs
from selfspec_assets.orchestration.partitions import domain_by_iteration, domains, of_domain, of_iteration
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.exam import (
    AVERAGE,
    Exam,
    Series,
    baseline_rows,
    item_rows,
    lift_rows,
    majority_of,
    score,
    score_rows,
)
from selfspec_assets.steps.lineage import STEPS
from selfspec_assets.warehouse.rows import BaselineRow, BenchmarkItemRow, ItemScoreRow, LiftRow, PredictionRow, ScoreRow


def base_scores(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""

    @dg.asset(
        name="base_scores",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domains(named),
        code_version=STEPS["base_scores"].code_version,
        deps=[dg.AssetKey([named.key, "benchmarks"]), dg.AssetKey([named.key, "base_predictions"])],
        check_specs=specs(named, "base_scores", "not_empty"),
        kinds={"duckdb"},
    )
    def base_scores(context: dg.AssetExecutionContext) -> Result:
        """`base_predictions` → the base's `item_scores` and `scores`, its first-line oracles, and `baselines`."""
        yield from run_step(context, named, "base_scores", make_base_scores, check_scores, headline)

    return base_scores


def scores(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""

    @dg.asset(
        name="scores",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domain_by_iteration(named),
        code_version=STEPS["scores"].code_version,
        deps=[of_domain(named, "benchmarks"), of_domain(named, "base_predictions"), of_iteration(named, "predictions")],
        check_specs=specs(named, "scores", "not_empty"),
        kinds={"duckdb"},
    )
    def scores(context: dg.AssetExecutionContext) -> Result:
        """`predictions` against `base_predictions`, item by item → `item_scores`, `scores`, `lift`. Section 4.1."""
        yield from run_step(context, named, "scores", make_scores, check_scores, headline)

    return scores


def exam_of(job: Job) -> Exam:
    items = job.read("benchmarks", BenchmarkItemRow, 0)
    return Exam(
        job.domain,
        job.recipe.seed,
        job.recipe.scores.resamples,
        {(item.benchmark, item.item): item.references for item in items},
        {benchmark.name: benchmark.metrics for benchmark in job.pack.data(job.recipe.data).benchmarks},
    )


def series_of(exam: Exam, rows: Sequence[PredictionRow], *, oracle: bool = False) -> list[Series]:
    """Scored predictions; ``oracle``: cut at their first line, what a base with perfect stopping would score."""
    found: dict[tuple[str, str, bool, int], dict[str, dict[int, str | None]]] = {}
    for row in rows:
        text = row.prediction.split("\n")[0] if oracle else row.prediction
        answers = found.setdefault((row.model, row.variant, oracle, row.shots), {})
        answers.setdefault(row.benchmark, {})[row.item] = None if row.finish == TOO_LONG else text
    return [score(exam, about, answers) for about, answers in found.items()]


def base_series(job: Job, exam: Exam) -> list[Series]:
    """As generated, then cut at the first line."""
    rows = job.read("base_predictions", PredictionRow, 0)
    return [*series_of(exam, rows), *series_of(exam, rows, oracle=True)]


def make_base_scores(job: Job) -> Outcome:
    exam = exam_of(job)
    bases = base_series(job, exam)
    return Outcome(
        {
            ItemScoreRow: [row for series in bases for row in item_rows(series)],
            ScoreRow: [row for series in bases for row in score_rows(exam, series)],
            BaselineRow: baseline_rows(exam, majority_of(exam, bases)),
        }
    )


def make_scores(job: Job) -> Outcome:
    exam = exam_of(job)
    bases = base_series(job, exam)
    own = series_of(exam, job.read("predictions", PredictionRow))
    lifts = [
        row
        for adapter in own
        for base in bases
        if base.shots == adapter.shots
        for row in lift_rows(exam, base, adapter)
    ]
    return Outcome(
        {
            ItemScoreRow: [row for series in own for row in item_rows(series)],
            ScoreRow: [row for series in own for row in score_rows(exam, series)],
            LiftRow: lifts,
        }
    )


def check_scores(job: Job, tables: Tables) -> list[Check]:
    return [not_empty(tables, ScoreRow)]


def headline(tables: Tables) -> dict[str, Any]:
    rows: Any = tables[ScoreRow]
    return {
        f"average {row.metric}, {row.variant}{' (oracle)' if row.oracle else ''}, k={row.shots}": round(row.value, 2)
        for row in rows
        if row.benchmark == AVERAGE
    }
