"""``selfspec report``."""

from pathlib import Path
from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.cli.app import DomainOption, RecipeName, app, database, domains_of, speaks_plainly
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.warehouse import check_published


@app.command(epilog="Example: selfspec report quickstart --domain sports")
@speaks_plainly
def report(
    recipe: RecipeName,
    domain: DomainOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Default: RECIPE.html, in this folder.")] = None,
    count: Annotated[int, typer.Option("--samples", min=1, max=200, help="How many answers of each domain.")] = 6,
) -> None:
    """Write one HTML file on a recipe: what was asked, kept and learnt, scores, pictures, samples, cost, origin.

    It opens in any browser, offline, and prints. Example: selfspec report quickstart --domain sports
    """
    from selfspec_assets.reports.html_report import write_report

    named = load_recipe(recipe)
    check_published(database(), recipe)
    target = output or Path(f"{named.name}.html")
    write_report(database(), named, domains_of(named, domain), target, count, printing.line)
    printing.line(str(target))
