"""``selfspec run``."""

from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import DomainOption, RecipeName, app, domains_of, speaks_plainly
from selfspec_assets.recipe.recipe import matching_recipes, with_workers


@app.command(epilog="Example: selfspec run quickstart --domain sports")
@speaks_plainly
def run(
    recipe: RecipeName,
    domain: DomainOption = None,
    iterations: Annotated[int | None, typer.Option(min=1, help="Stop after this iteration.")] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processes that make chunks, this one counted; the same rows.")
    ] = None,
) -> None:
    """Make whatever of a recipe is not made yet, through Dagster. Can be killed and run again at any time."""
    from selfspec_assets.orchestration.runner import run_recipe

    recipes = matching_recipes(recipe)
    most = max(named.recipe.iterations for named in recipes)
    if iterations is not None and iterations > most:
        raise SelfspecError(
            f"--iterations {iterations}", f"'{recipe}' has {most}", f"raise 'iterations' in {recipes[-1].path}"
        )
    chosen = [(named, domains_of(named, domain)) for named in recipes]  # a mistake shows before anything runs
    for named, domains in chosen:
        asked = named if workers is None else with_workers(named, workers)
        run_recipe(asked, domains, min(iterations or most, named.recipe.iterations), printing.line)
