"""``selfspec review``."""

import sys
from pathlib import Path
from typing import Annotated

import click
import typer

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import DomainOption, RecipeName, app, domains_of, speaks_plainly
from selfspec_assets.recipe.recipe import load_recipe


@app.command()
@speaks_plainly
def review(
    recipe: RecipeName,
    domain: DomainOption = None,
    iteration: Annotated[int | None, typer.Option(min=1, help="Only this one.")] = None,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FILE.csv", help="Write answers and decisions as a table.")
    ] = None,
    taken: Annotated[
        Path | None, typer.Option("--import", metavar="FILE.csv", help="Take the decisions of such a table.")
    ] = None,
) -> None:
    """Look at answers before they are tuned on: keep, reject, edit, note, by keyboard or in a table.

    For recipes with steps: [review]. Each key press is stored at once; see docs/review.md.

    selfspec review my_recipe --domain sports --iteration 1
    """
    from selfspec_assets.reports import review_sheets
    from selfspec_assets.reports.review_session import Hands
    from selfspec_assets.reports.review_session import review as page_through

    if export is not None and taken is not None:
        raise SelfspecError("--export, --import", "are two commands", "give one of them")
    named = load_recipe(recipe)
    domains = domains_of(named, domain)
    interactive = export is None and taken is None
    if interactive and not (sys.stdin.isatty() and sys.stdout.isatty()):
        remedy = "run it in a terminal, or decide in a table: --export FILE.csv, then --import FILE.csv"
        raise SelfspecError("selfspec review", "asks for keys, and there is no terminal", remedy)
    sheets = review_sheets.load_sheets(named, domains, iteration, printing.line)
    if export is not None:
        printing.line(f"{review_sheets.export_csv(sheets, export)} answers in {export}; fill in decision, edited, note")
        return
    said = (
        review_sheets.import_csv(sheets, taken) if taken else page_through(sheets, Hands(typer.getchar, _edit, _note))
    )
    for line in said:
        printing.line(line)
    printing.line(f"selfspec run {recipe} goes on from here")


def _edit(text: str) -> str | None:
    """In $VISUAL or $EDITOR."""
    try:
        edited: str | None = click.edit(text, extension=".txt")
    except click.ClickException as error:
        raise SelfspecError("the editor", error.format_message(), "set EDITOR to one that is there") from error
    return edited


def _note(note: str) -> str:
    said: str = typer.prompt("note (- for none)", default=note, show_default=bool(note))
    return said
