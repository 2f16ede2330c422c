"""The step ``further_lift``: an iteration's adapter beside each further model, item by item (Figs. 2, 4, 5)."""

from typing import Any

from selfspec_assets import plugins
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.further_scores import further_lift_rows, further_series
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.scores import Scores, exam_of, series_of
from selfspec_assets.steps.step import Check, Outcome
from selfspec_assets.warehouse.score_rows import FurtherLiftRow, PredictionRow


@plugins.step("further_lift", version="1")
class FurtherLift(Scores):
    """`predictions` against `further_predictions`, item by item → `further_lift`, the adapter minus each of them."""

    tables = (FurtherLiftRow,)
    main_table = FurtherLiftRow
    checks = ()

    def belongs_to(self, recipe: Recipe) -> bool:
        return bool(recipe.scores.further_models)

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [("benchmarks", 0), ("further_predictions", 0), ("predictions", iteration)]

    def make(self, job: Job) -> Outcome:
        exam = exam_of(job)
        own = series_of(exam, job.read("predictions", PredictionRow))
        return Outcome({FurtherLiftRow: further_lift_rows(exam, further_series(job, exam), own)})

    def check(self, job: Job, tables: Tables) -> list[Check]:
        return []  # none may be there: no model has an item in common with the adapter that fitted both contexts

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[FurtherLiftRow]
        averages = [row for row in rows if row.benchmark == "average"]
        return {f"average {row.metric} over {row.model}, k={row.shots}": round(row.lift, 2) for row in averages}
