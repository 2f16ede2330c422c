"""``selfspec samples``."""

from typing import Annotated

import typer

from selfspec_assets.base import printing
from selfspec_assets.cli.app import DomainOption, RecipeName, app, database, domains_of, print_json, speaks_plainly
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.warehouse import check_published


@app.command(epilog="Example: selfspec samples quickstart --domain sports --count 5")
@speaks_plainly
def samples(
    recipe: RecipeName,
    domain: DomainOption = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many answers of each domain.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Another number draws others.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what the model wrote: tasks with their passages and answers, kept and rejected, drawn at random."""
    from selfspec_assets.reports.items import samples as report

    named = load_recipe(recipe)
    check_published(database(), recipe)
    rows = {name: report.load(database(), named, name, count, seed) for name in domains_of(named, domain)}
    if as_json:
        print_json(rows)
        return
    for name, drawn in rows.items():
        printing.line(f"{recipe} × {name}: {len(drawn)} of the answers, drawn at random")
        for line in report.lines(drawn):
            printing.line(line)
