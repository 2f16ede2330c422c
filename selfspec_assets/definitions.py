"""What Dagster loads: every recipe's assets in flow order, side by side in one graph."""

from collections.abc import Callable

import dagster as dg

from selfspec_assets.orchestration.assets.adapter import adapter
from selfspec_assets.orchestration.assets.benchmarks import benchmarks
from selfspec_assets.orchestration.assets.corpus import corpus
from selfspec_assets.orchestration.assets.instructions import instructions
from selfspec_assets.orchestration.assets.passages import passages
from selfspec_assets.orchestration.assets.predictions import base_predictions, predictions
from selfspec_assets.orchestration.assets.responses import responses
from selfspec_assets.orchestration.assets.scores import base_scores, scores
from selfspec_assets.orchestration.assets.seeds import seeds
from selfspec_assets.orchestration.assets.training_items import training_items
from selfspec_assets.orchestration.partitions import published_adapters
from selfspec_assets.recipe.recipe import NamedRecipe, load_recipes
from selfspec_assets.steps.steps import belongs_to

FLOW: dict[str, Callable[[NamedRecipe], dg.AssetsDefinition]] = {
    "seeds": seeds,
    "corpus": corpus,
    "benchmarks": benchmarks,
    "training_items": training_items,
    "base_predictions": base_predictions,
    "base_scores": base_scores,
    "instructions": instructions,
    "passages": passages,
    "responses": responses,
    "adapter": adapter,
    "predictions": predictions,
    "scores": scores,
}


def assets_of(named: NamedRecipe) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """One recipe's assets in flow order; a reference has no part in the loop."""
    own = [build(named) for step, build in FLOW.items() if belongs_to(step, named.recipe)]
    return [*own, published_adapters(named)]


def definitions_of(recipes: list[NamedRecipe]) -> dg.Definitions:
    """All recipes' assets; a run is one partition's chain and goes through in one process (the model loads once)."""
    return dg.Definitions(
        assets=[asset for named in recipes for asset in assets_of(named)], executor=dg.in_process_executor
    )


defs = definitions_of(load_recipes())
