"""The assets ``base_scores`` and ``scores``: metrics, intervals, and the adapter's lift over its base (Section 4.1)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from selfspec_assets import plugins
from selfspec_assets.base.signature import text_digest
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.exam import AVERAGE, Exam, Series, item_rows, lift_rows, score, score_rows
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage, Need
from selfspec_assets.steps.predictions import TOO_LONG, expected_questions
from selfspec_assets.steps.size import Counts, Forecast, Past, Size
from selfspec_assets.steps.step import Check, Outcome, Step, not_empty
from selfspec_assets.warehouse.rows import BenchmarkItemRow, Row
from selfspec_assets.warehouse.score_rows import ItemScoreRow, LiftRow, PredictionRow, ScoreRow


@plugins.step("scores", version="5")
class Scores(Step):
    """`predictions` against `base_predictions`, item by item → `item_scores`, `scores`, `lift`. Section 4.1."""

    tables: ClassVar[tuple[type[Row], ...]] = (ItemScoreRow, ScoreRow, LiftRow)
    main_table: ClassVar[type[Row] | None] = ScoreRow
    sections = ("seed",)

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [("benchmarks", 0), ("base_predictions", 0), ("predictions", iteration)]

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        return {**super().settings(recipe, iteration), "scores": {"resamples": recipe.scores.resamples}}

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        """What a pack declares is for scoring alone: the questions and the answers to them stay as they are."""
        benchmarks = lineage.pack(domain).data(lineage.recipe.data).benchmarks
        declared = {
            f"{benchmark.name}/metrics": text_digest(" ".join(use.identity("metric") for use in benchmark.metrics))
            for benchmark in benchmarks
            if benchmark.metrics
        }
        return {**declared, "domain": domain}  # resamples are drawn by its name

    def size(self, settings: Mapping[str, Any], counts: Counts) -> Size:
        units = counts["units"]
        return Size(units, units * settings["scores"]["resamples"], 0.0, disk=units)

    def counted(self, past: Past) -> Counts:
        return {"units": past.upstream(self._predictions)["predictions"]}

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        return {"units": expected_questions(forecast, self.askings(forecast.recipe))}

    def askings(self, recipe: Recipe) -> int:
        """How many models or prompts are scored."""
        return 1

    _predictions = "predictions"

    def make(self, job: Job) -> Outcome:
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

    def check(self, job: Job, tables: Tables) -> list[Check]:
        return [not_empty(tables, ScoreRow)]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[ScoreRow]
        return {
            f"average {row.metric}, {row.variant}{' (oracle)' if row.oracle else ''}, k={row.shots}": round(
                row.value, 2
            )
            for row in rows
            if row.benchmark == AVERAGE
        }


def exam_of(job: Job) -> Exam:
    items = job.read("benchmarks", BenchmarkItemRow, 0)
    benchmarks = job.pack.data(job.recipe.data).benchmarks
    return Exam(
        job.domain,
        job.recipe.seed,
        job.recipe.scores.resamples,
        {(item.benchmark, item.item): item.references for item in items},
        {benchmark.name: [use.name for use in benchmark.metrics] for benchmark in benchmarks},
        {(benchmark.name, use.name): use.options for benchmark in benchmarks for use in benchmark.metrics},
    )


def series_of(exam: Exam, rows: Sequence[PredictionRow], *, oracle: bool = False) -> list[Series]:
    """Scored predictions; ``oracle``: cut at their first line, what a base with perfect stopping would score."""
    answers_of: dict[tuple[str, str, bool, int], dict[str, dict[int, str | None]]] = {}
    for row in rows:
        text = row.prediction.split("\n")[0] if oracle else row.prediction
        answers = answers_of.setdefault((row.model, row.variant, oracle, row.shots), {})
        answers.setdefault(row.benchmark, {})[row.item] = None if row.finish == TOO_LONG else text
    return [score(exam, about, answers) for about, answers in answers_of.items()]


def base_series(job: Job, exam: Exam) -> list[Series]:
    """As generated, then cut at the first line."""
    rows = job.read("base_predictions", PredictionRow, 0)
    return [*series_of(exam, rows), *series_of(exam, rows, oracle=True)]
