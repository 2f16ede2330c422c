"""``selfspec scores``."""

from typing import Annotated

import typer

from selfspec_assets.cli.app import DomainOption, RecipeName, app, database, domains_of, print_json, speaks_plainly
from selfspec_assets.recipe.recipe import NamedRecipe, is_glob, matching_recipes
from selfspec_assets.reports.scores import ablation_table, score_print, score_table
from selfspec_assets.warehouse import check_published


@app.command(epilog="Example: selfspec scores quickstart --domain sports --details")
@speaks_plainly
def scores(
    recipe: RecipeName,
    domain: DomainOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Add a table per benchmark.")] = False,
) -> None:
    """Show base and adapter side by side, the lift with its interval, and the mechanism shares.

    For a glob ('ablation_*', quoted): one table of all these recipes, as the paper's Table 2.
    """
    recipes = matching_recipes(recipe)
    check_published(database(), recipe)
    if is_glob(recipe):
        _ablations(recipe, recipes, domain, as_json)
        return
    reports = score_table.load(database(), recipes[0], domains_of(recipes[0], domain))
    if as_json:
        print_json(score_print.as_json(reports))
        return
    for report in reports:
        score_print.print_report(report, details)


def _ablations(pattern: str, recipes: list[NamedRecipe], domain: str | None, as_json: bool) -> None:
    tables = ablation_table.load(database(), pattern, recipes, domain)
    if as_json:
        print_json({"recipes": pattern, "rows": [row for table in tables for row in ablation_table.rows(table)]})
        return
    for table in tables:
        score_print.print_ablations(table)
