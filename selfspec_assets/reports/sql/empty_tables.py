"""What a result without rows may be due to: a table that nothing has filled so far, and the command that fills it."""

from pathlib import Path

from selfspec_assets.warehouse import read_only_query
from selfspec_assets.warehouse.blank import TABLES
from selfspec_assets.warehouse.query_errors import named_in

# Which step fills a table. Steps say it themselves; asking them would load torch, and take seconds.
FILLED_BY = {
    "seeds": "seeds",
    "corpora": "corpus",
    "corpus_counts": "corpus",
    "corpus_dropped": "corpus",
    "indexes": "index",
    "benchmarks": "benchmarks",
    "benchmark_items": "benchmarks",
    "benchmark_remarks": "benchmarks",
    "training_items": "training_items",
    "training_remarks": "training_items",
    "instruction_requests": "instructions",
    "instructions": "instructions",
    "retrievals": "passages",
    "passages": "passages",
    "responses": "responses",
    "response_tokens": "responses",
    "verdicts": "other_form",
    "adapters": "adapter",
    "losses": "adapter",
    "too_long_examples": "adapter",
    "predictions": "predictions",
    "item_scores": "scores",
    "scores": "scores",
    "baselines": "base_scores",
    "lift": "scores",
    "further_models": "further_predictions",
    "further_lift": "further_lift",
}
# Recipes have those steps or not; this one has them, where the one at hand may not.
RECIPE_WITH = {"training_items": "reference_supervised", "other_form": "quickstart"}
# A view is empty for want of rows in the table that it lists.
_OF_VIEW = {
    "training_set": "adapters",
    "leaderboard": "scores",
    "answer_sources": "response_tokens",
    "lineage": "instructions",
    "costs": "runs",
    "yields": "instructions",
    "made_from": "revisions",
}


def notes(database: Path, sql: str) -> list[str]:
    """A line for each table or view that the statement names and that is empty."""
    _, made = read_only_query(database, "SELECT recipe, tables FROM revisions ORDER BY recipe")
    filled = {table for _, tables in made for table in tables}
    recipe = str(made[0][0]) if made else "quickstart"
    return [
        _note(name, filled, recipe)
        for name in named_in(sql, (*TABLES, *_OF_VIEW))
        if not read_only_query(database, f"SELECT 1 FROM {name} LIMIT 1")[1]
    ]


def _note(name: str, filled: set[str], recipe: str) -> str:
    table = _OF_VIEW.get(name, name)
    if table not in FILLED_BY:
        return f"{name} is empty so far; every step fills it: selfspec run {recipe}"
    step = FILLED_BY[table]
    if table in filled:
        return f"{name} is empty: the step {step} ran and had no row for it"
    if step.startswith("further_"):
        return f"{name} is empty so far; the step {step} fills it, in recipes with scores.further_models"
    return f"{name} is empty so far; the step {step} fills it: selfspec run {RECIPE_WITH.get(step, recipe)}"
