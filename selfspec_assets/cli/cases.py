"""``selfspec cases``."""

from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.cli.app import app, database, domains_of, print_json, speaks_plainly
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.warehouse import check_published


@app.command(epilog="Example: selfspec cases sports")
@speaks_plainly
def cases(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="A domain of the recipe, or 'all'.")],
    recipe: Annotated[str, typer.Option("--recipe", help="A recipe's name, or its file's path.")] = "quickstart",
    iteration: Annotated[int | None, typer.Option(min=1, help="Default: the last one that is scored.")] = None,
    shots: Annotated[int | None, typer.Option(min=0, help="Demonstrations; default: the fewest scored.")] = None,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many gains, typical cases and losses.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show answers of base and adapter to the same questions: gains, losses and typical ones, chosen by rule.

    selfspec cases sports --recipe quickstart
    """
    from selfspec_assets.reports.items import cases as report

    named = load_recipe(recipe)
    domains = domains_of(named, None if domain == "all" else domain)
    check_published(database(), recipe)
    found = [report.load(database(), named, one, iteration, shots, count) for one in domains]
    if as_json:
        print_json(report.as_json(named, found))
        return
    for place, one in enumerate(found):
        if place:
            printing.line("")
        report.print_cases(named, one)
