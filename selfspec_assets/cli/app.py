"""The command line's frame: the application, how a command speaks of errors, and what several commands share."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec

import typer

from selfspec_assets.base import home, printing
from selfspec_assets.base.errors import SelfspecError, is_interrupt
from selfspec_assets.recipe.recipe import NamedRecipe

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # typer would read what is typed as markup, and draw boxes on any terminal
    help="Carve a domain expert out of a generalist language model.",
    epilog="Example: selfspec run quickstart --domain sports. selfspec COMMAND --help has one for each command.",
)
benchmarks = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the benchmarks of the packs.",
    epilog="Example: selfspec benchmarks show yes_no",
)
app.add_typer(benchmarks, name="benchmarks")
data = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Get data that packs name and do not hold.",
    epilog="Example: selfspec data get starter",
)
app.add_typer(data, name="data")
models = typer.Typer(rich_markup_mode=None, help="List the known small models, or get one of them.")
app.add_typer(models, name="models")
P = ParamSpec("P")
_STOPPED = 130  # what a shell says of a command that Ctrl-C has ended

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A recipe's name, its file's path, or a quoted glob.")
]
DomainOption = Annotated[str | None, typer.Option("--domain", help="Only this domain of the recipe.")]


def main() -> None:
    """Entry point of the ``selfspec`` command."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads must not burn shared cores
    printing.prepare()
    status: int | str | None = 0
    try:
        app()
    except SystemExit as ending:
        status = ending.code
    # DuckDB's binding (nanobind) prints a page of "leaked" lines when the interpreter is torn down after torch has been
    # at work. Everything is closed by now, so the teardown is skipped.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(status is not None))


def speaks_plainly(command: Callable[P, None]) -> Callable[P, None]:
    """Show a SelfspecError as its message and exit with 1; say in a line that Ctrl-C has ended it, with 130."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except SelfspecError as error:
            printing.failure(error)
            raise typer.Exit(1) from error
        except (KeyboardInterrupt, RuntimeError) as error:
            if not is_interrupt(error):
                raise
            printing.line("stopped", error=True)
            raise typer.Exit(_STOPPED) from error

    return wrapped


def domains_of(named: NamedRecipe, only: str | None) -> list[str]:
    """The domains of a recipe, or the one that is asked for.

    Raises:
        SelfspecError: the recipe does not have it.
    """
    if only is None:
        return list(named.recipe.domains)
    if only not in named.recipe.domains:
        raise SelfspecError(
            f"--domain {only}",
            f"recipe '{named.name}' has no such domain",
            f"choose one of: {', '.join(named.recipe.domains)}; or add it to {named.path}",
        )
    return [only]


def print_lines(lines: list[str]) -> None:
    for line in lines:
        printing.line(f"  {line}")


def print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(printing.as_json(value, indent=2) + "\n")


def database() -> Path:
    return home.warehouse_folder() / "selfspec.duckdb"
