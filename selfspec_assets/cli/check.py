"""``selfspec check``."""

from typing import Annotated

import typer

from selfspec_assets import plugins
from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app, domains_of, print_lines, speaks_plainly
from selfspec_assets.packs.finding import EVERY_PACK
from selfspec_assets.recipe.recipe import load_recipe, matching_names, own_recipe_names


@app.command(epilog="Example: selfspec check quickstart")
@speaks_plainly
def check(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            help="A name or a quoted glob ('*' for all in reach); default: those of the project's own recipes/, or all "
            "where it has none.",
        ),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option("--domain", help="Only this domain; with no recipe: its pack alone, 'all' for every pack."),
    ] = None,
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Look at packs, every one without --domain, and run none of their code.")
    ] = False,
) -> None:
    """Check recipes, domain packs, seeds, benchmarks, and that a model's folder is there and fits the recipe.

    Loads no weights and needs no GPU. Plug-ins, and a pack's readers.py and filters.py, are run, unless --no-code
    says no.
    """
    from selfspec_assets.planning.check import check_recipe

    if no_code and recipe is not None:
        remedy = f"selfspec check --no-code --domain {domain or 'NAME'}"
        raise SelfspecError("--no-code", "looks at packs; a recipe needs the code of its packs", remedy)
    plugins.REGISTRY.foreign = not no_code
    if recipe is None and (no_code or domain is not None):
        _check_packs(domain or EVERY_PACK, code=not no_code)
        return
    broken = 0
    for name in own_recipe_names() if recipe is None else matching_names(recipe):
        try:
            named = load_recipe(name)
        except SelfspecError as error:
            if name == recipe:
                raise
            broken += 1  # it must not hide the others
            printing.line((name, "bold"))
            printing.failure(error, indent="  ")
            continue
        for each in domains_of(named, domain):
            lines, problem = check_recipe(named, each)
            printing.line((named.name, "bold"), f" × {each}")
            print_lines(lines)
            if problem is not None:
                broken += 1
                printing.failure(problem, indent="  ")
    if broken:
        raise typer.Exit(1)


def _check_packs(domain: str, *, code: bool) -> None:
    from selfspec_assets.packs.finding import broken_places
    from selfspec_assets.packs.pack import domain_names
    from selfspec_assets.planning.pack_check import check_pack

    broken = broken_places() if domain == EVERY_PACK else []
    for place in broken:
        printing.failure(place)
    reports = [check_pack(name, code=code) for name in (domain_names() if domain == EVERY_PACK else [domain])]
    for report in reports:
        printing.line((report.name, "bold"))
        print_lines(report.lines)
        for error in report.errors:
            printing.failure(error, indent="  ")
    if broken or any(report.errors for report in reports):
        raise typer.Exit(1)
