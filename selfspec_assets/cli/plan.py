"""``selfspec plan``."""

from typing import Annotated

import typer

from selfspec_assets.base import home, printing
from selfspec_assets.cli.app import DomainOption, RecipeName, app, domains_of, print_json, speaks_plainly
from selfspec_assets.recipe.recipe import matching_recipes
from selfspec_assets.warehouse import Warehouse


@app.command(epilog="Example: selfspec plan quickstart --domain sports")
@speaks_plainly
def plan(
    recipe: RecipeName,
    domain: DomainOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    sample: Annotated[
        bool, typer.Option("--sample", help="Load the model and try the steps of which no past run tells the cost.")
    ] = False,
) -> None:
    """Show what a run would reuse, make (and why) or stop at, and what it would cost. Runs nothing."""
    from selfspec_assets.planning import plan as planning
    from selfspec_assets.planning import plan_print

    chosen = [(named, domains_of(named, domain)) for named in matching_recipes(recipe)]
    sampler = None
    if sample:
        from selfspec_assets.planning.sample import Sampler

        sampler = Sampler(lambda line: printing.line(line, error=True))
    rows = planning.plan(chosen, Warehouse(home.warehouse_folder()), sampler)
    if as_json:
        print_json(plan_print.as_json(rows))
    else:
        plan_print.print_plan(rows)
