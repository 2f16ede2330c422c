"""How assets are laid out for a person in the UI: groups, owners, tags, the job of a recipe, and what is said of it."""

import inspect

from selfspec_assets.base.text_file import read_text
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.step import Step

RECIPE_TAG, DOMAIN_TAG, ITERATION_TAG = "selfspec/recipe", "selfspec/domain", "selfspec/iteration"
PAPER = "https://arxiv.org/abs/2310.00160"
_FIRST = "quickstart"
# Dagster sorts groups by name: what a newcomer looks for stands first, what compares it stands behind.
_FAMILIES = {"ablation": "3_ablations", "reference": "4_references", "trial": "5_trials"}
_EVALUATION = (
    *("base_predictions", "base_scores", "predictions", "scores"),
    *("further_predictions", "further_scores", "further_lift"),
)
_OWNERS = {
    **dict.fromkeys(("seeds", "corpus", "benchmarks", "training_items"), "team:domain_pack"),
    **dict.fromkeys(_EVALUATION, "team:evaluation"),
}


def group_of(named: NamedRecipe) -> str:
    """The quickstart first, then every other recipe by itself; ablations, references and trials stand together."""
    if named.name == _FIRST:
        return f"1_{_FIRST}"
    return _FAMILIES.get(named.name.split("_")[0], f"2_{named.key}")


def owners_of(step: Step) -> list[str]:
    """Who is asked about it: those of the pack, of the evaluation, or of the method itself."""
    return [_OWNERS.get(step.name, "team:method")]


def tags_of(named: NamedRecipe) -> dict[str, str]:
    """To find the assets of a recipe by, as the runs that made them."""
    return {RECIPE_TAG: named.key}


def description_of(step: Step) -> str:
    """The step's docstring (columns in and out, equation or section), its tables, and where the paper is."""
    tables = ", ".join(f"`{row_type.table}`" for row_type in step.tables)
    return f"{inspect.getdoc(type(step)) or ''}\n\nTables: {tables}. [Paper]({PAPER})"


def headline_of(named: NamedRecipe) -> str:
    """What the recipe's file says of itself in the comment at its top; its name where there is none."""
    lines = []
    for line in read_text(named.path).splitlines():
        if not line.startswith("#") or line.startswith("#  "):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines) or named.name
