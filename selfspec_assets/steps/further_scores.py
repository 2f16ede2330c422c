"""The step ``further_scores``: metrics of further models' answers, and the base beside each (Figs. 2, 4, 5)."""

from collections.abc import Sequence
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.exam import Exam, Series, item_rows, lift_rows, score_rows
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.scores import Scores, exam_of, series_of
from selfspec_assets.steps.step import Outcome
from selfspec_assets.warehouse.score_rows import FurtherLiftRow, ItemScoreRow, PredictionRow, ScoreRow


@plugins.step("further_scores", version="1")
class FurtherScores(Scores):
    """`further_predictions` → their `item_scores` and `scores`; the base minus each of them, `further_lift`."""

    per_iteration = False
    tables = (ItemScoreRow, ScoreRow, FurtherLiftRow)
    _predictions = "further_predictions"

    def belongs_to(self, recipe: Recipe) -> bool:
        return bool(recipe.scores.further_models)

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [("benchmarks", 0), ("base_predictions", 0), ("further_predictions", 0)]

    def askings(self, recipe: Recipe) -> int:
        return len(recipe.scores.further_models)

    def make(self, job: Job) -> Outcome:
        exam = exam_of(job)
        further = further_series(job, exam)
        bases = series_of(exam, job.read("base_predictions", PredictionRow))
        return Outcome(
            {
                ItemScoreRow: [row for series in further for row in item_rows(series)],
                ScoreRow: [row for series in further for row in score_rows(exam, series)],
                FurtherLiftRow: further_lift_rows(exam, further, bases),
            }
        )

    def headline(self, tables: Any) -> dict[str, Any]:
        averages = [row for row in tables[ScoreRow] if row.benchmark == "average"]
        return {f"average {row.metric}, {row.model}, k={row.shots}": round(row.value, 2) for row in averages}


def further_series(job: Job, exam: Exam) -> list[Series]:
    """The further models' answers, scored."""
    return series_of(exam, job.read("further_predictions", PredictionRow, 0))


def further_lift_rows(exam: Exam, further: Sequence[Series], own: Sequence[Series]) -> list[FurtherLiftRow]:
    """Each of ``own`` minus each of ``further`` at the same number of shots, item by item, as in ``lift``."""
    return [
        FurtherLiftRow(
            model=other.model,
            variant=other.variant,
            own_variant=ours.variant,
            shots=row.shots,
            benchmark=row.benchmark,
            metric=row.metric,
            further=row.base,
            own=row.adapter,
            lift=row.lift,
            low=row.low,
            high=row.high,
            p_value=row.p_value,
            n=row.n,
            missing=row.missing,
        )
        for ours in own
        for other in further
        if other.shots == ours.shots
        for row in lift_rows(exam, other, ours)
    ]
