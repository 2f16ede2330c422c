"""``selfspec review``."""

import os
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import click
import typer

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import DomainOption, RecipeName, app, domains_of, speaks_plainly
from selfspec_assets.recipe.recipe import load_recipe


@app.command(epilog="Example: selfspec review my_recipe")
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
    from selfspec_assets.reports.review import review_sheets
    from selfspec_assets.reports.review.review_session import Hands
    from selfspec_assets.reports.review.review_session import review as page_through

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
    if taken is not None:
        said = review_sheets.import_csv(sheets, taken)
    else:
        with _Keyboard() as keyboard:
            said = page_through(sheets, Hands(keyboard.key, keyboard.edit, keyboard.note))
    for line in said:
        printing.line(line)
    printing.line(f"selfspec run {recipe} goes on from here")


class _Keyboard:
    """Single keys of the terminal; what is typed ahead waits, where a library that asks anew each time drops it."""

    def __enter__(self) -> "_Keyboard":
        self._terminal = sys.stdin.fileno()
        self._as_it_was = termios.tcgetattr(self._terminal)
        self._one_by_one()
        termios.tcflush(self._terminal, termios.TCIFLUSH)  # what was typed before the first page decides nothing
        return self

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._as_it_was)

    def _one_by_one(self) -> None:
        tty.setcbreak(self._terminal, termios.TCSADRAIN)

    def key(self) -> str:
        """Raises:
        EOFError: the terminal has gone.
        """
        typed = os.read(self._terminal, 32)
        if not typed:
            raise EOFError
        return typed.decode(errors="replace")

    @contextmanager
    def _line_by_line(self) -> Iterator[None]:
        self.__exit__()
        try:
            yield
        finally:
            self._one_by_one()

    def edit(self, text: str) -> str | None:
        """In $VISUAL or $EDITOR.

        Raises:
            SelfspecError: there is no such editor, or it failed.
        """
        with self._line_by_line():
            try:
                edited: str | None = click.edit(text, extension=".txt")
            except click.ClickException as error:
                raise SelfspecError("the editor", error.format_message(), "set EDITOR to one that is there") from error
        return edited

    def note(self, note: str) -> str:
        with self._line_by_line():
            said: str = typer.prompt("note (- for none)", default=note, show_default=bool(note))
        return said
