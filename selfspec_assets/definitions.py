"""What Dagster loads: every recipe's assets in flow order, side by side in one graph."""

from selfspec_assets.orchestration.builder import definitions_of
from selfspec_assets.recipe.recipe import load_recipes

defs = definitions_of(load_recipes())
