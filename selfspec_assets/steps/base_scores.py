"""The step ``base_scores``: metrics of the base's answers, and what always giving one answer scores (Section 4.1)."""

from selfspec_assets import plugins
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.exam import baseline_rows, item_rows, majority_of, score_rows
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.scores import Scores, base_series, exam_of
from selfspec_assets.steps.step import Outcome
from selfspec_assets.warehouse.score_rows import BaselineRow, ItemScoreRow, ScoreRow


@plugins.step("base_scores", version="5")
class BaseScores(Scores):
    """`base_predictions` → the base's `item_scores` and `scores`, its first-line oracles, and `baselines`."""

    per_iteration = False
    tables = (ItemScoreRow, ScoreRow, BaselineRow)
    _predictions = "base_predictions"

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [("benchmarks", 0), ("base_predictions", 0)]

    def askings(self, recipe: Recipe) -> int:
        return len(recipe.scores.base_variants)

    def make(self, job: Job) -> Outcome:
        exam = exam_of(job)
        bases = base_series(job, exam)
        return Outcome(
            {
                ItemScoreRow: [row for series in bases for row in item_rows(series)],
                ScoreRow: [row for series in bases for row in score_rows(exam, series)],
                BaselineRow: baseline_rows(exam, majority_of(exam, bases)),
            }
        )
