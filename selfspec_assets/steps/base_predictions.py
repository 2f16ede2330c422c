"""The step ``base_predictions``: what the base model answers on the benchmarks (Section 4.1)."""

from typing import Any

from selfspec_assets import plugins
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.predictions import Predictions, expected_questions, question_settings
from selfspec_assets.steps.size import Counts, Forecast


@plugins.step("base_predictions", version="3")
class BasePredictions(Predictions):
    """`benchmarks`, `seeds` as demonstrations → the base model's `predictions`, by prompt variant. Section 4.1."""

    per_iteration = False

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [("seeds", 0), ("benchmarks", 0)]

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        settings = question_settings(recipe)
        settings["scores"]["base_variants"] = [
            plugins.REGISTRY.get("prompt", name, "scores.base_variants").signed for name in recipe.scores.base_variants
        ]
        return settings

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        return {"units": expected_questions(forecast, len(forecast.recipe.scores.base_variants))}
