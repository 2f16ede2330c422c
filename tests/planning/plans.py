"""What ``selfspec plan`` says of the tiny project, and ways to make some of it."""

from selfspec_assets.base import home
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.planning.plan import Row, plan
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.warehouse import Warehouse

FIRST = [("botany", step) for step in ("seeds", "corpus", "index", "benchmarks", "base_predictions", "base_scores")] + [
    ("botany|1", step) for step in ("instructions", "passages", "responses", "adapter", "predictions", "scores")
]


def warehouse() -> Warehouse:
    return Warehouse(home.warehouse_folder())


def planned(name: str = "tiny") -> dict[tuple[str, str], Row]:
    named = load_recipe(name)
    return {(row.partition, row.step): row for row in plan([(named, named.recipe.domains)], warehouse())}


def run(iterations: int = 1, name: str = "tiny") -> None:
    run_recipe(load_recipe(name), ["botany"], iterations, lambda line: None)


def states(rows: dict[tuple[str, str], Row]) -> dict[tuple[str, str], str]:
    return {place: row.state for place, row in rows.items()}


def to_make(rows: dict[tuple[str, str], Row]) -> list[tuple[str, str]]:
    return [place for place, row in rows.items() if row.state == "make"]
