"""The command line: check, new-domain, run, plan, gc, verify, scores, benchmarks, sql, ui."""

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from io import TextIOWrapper
from typing import Annotated, Any, ParamSpec

import typer

from selfspec_assets import __version__, ablation_table, home, printing, score_print, score_table
from selfspec_assets.errors import SelfspecError, is_interrupt
from selfspec_assets.pack_finding import EVERY_PACK
from selfspec_assets.recipe import (
    NamedRecipe,
    is_glob,
    load_recipe,
    matching_names,
    matching_recipes,
    own_recipe_names,
)
from selfspec_assets.warehouse import Warehouse, check_published, reading

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # typer would read what is typed as markup, and draw boxes on any terminal
    help="Carve a domain expert out of a generalist language model.",
)
benchmarks = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at the benchmarks of the packs.")
app.add_typer(benchmarks, name="benchmarks")
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


def _domains(named: NamedRecipe, only: str | None) -> list[str]:
    if only is None:
        return list(named.recipe.domains)
    if only not in named.recipe.domains:
        raise SelfspecError(
            f"--domain {only}",
            f"recipe '{named.name}' has no such domain",
            f"choose one of: {', '.join(named.recipe.domains)}; or add it to {named.path}",
        )
    return [only]


@app.command()
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

    Loads no weights and needs no GPU. A pack's readers.py and filters.py are run, unless --no-code says no.
    """
    from selfspec_assets.check import check_recipe

    if no_code and recipe is not None:
        remedy = f"selfspec check --no-code --domain {domain or 'NAME'}"
        raise SelfspecError("--no-code", "looks at packs; a recipe needs the code of its packs", remedy)
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
        for one in _domains(named, domain):
            lines, problem = check_recipe(named, one)
            printing.line((named.name, "bold"), f" × {one}")
            _print_lines(lines)
            if problem is not None:
                broken += 1
                printing.failure(problem, indent="  ")
    if broken:
        raise typer.Exit(1)


def _check_packs(domain: str, *, code: bool) -> None:
    from selfspec_assets.domain import domain_names
    from selfspec_assets.pack_check import check_pack
    from selfspec_assets.pack_finding import broken_places

    broken = broken_places() if domain == EVERY_PACK else []
    for place in broken:
        printing.failure(place)
    reports = [check_pack(name, code=code) for name in (domain_names() if domain == EVERY_PACK else [domain])]
    for report in reports:
        printing.line((report.name, "bold"))
        _print_lines(report.lines)
        for error in report.errors:
            printing.failure(error, indent="  ")
    if broken or any(report.errors for report in reports):
        raise typer.Exit(1)


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        printing.line(f"  {line}")


@app.command()
@speaks_plainly
def new_domain(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and _; such as 'law'.")],
) -> None:
    """Write a small domain pack and its recipe, which run as they are and are yours to fill."""
    from selfspec_assets.new_domain import scaffold

    _print_lines(scaffold(name))


@benchmarks.command()
@speaks_plainly
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A benchmark of a pack.")],
    domain: Annotated[str | None, typer.Option("--domain", help="Only this pack.")] = None,
) -> None:
    """Show how many items a benchmark has, and its first one."""
    from selfspec_assets import benchmark_show

    for line in benchmark_show.show(name, domain):
        printing.line(line)


@app.command()
@speaks_plainly
def run(
    recipe: RecipeName,
    domain: DomainOption = None,
    iterations: Annotated[int | None, typer.Option(min=1, help="Stop after this iteration.")] = None,
) -> None:
    """Make whatever of a recipe is not made yet, through Dagster. Can be killed and run again at any time."""
    from selfspec_assets.runner import run_recipe

    recipes = matching_recipes(recipe)
    most = max(named.recipe.iterations for named in recipes)
    if iterations is not None and iterations > most:
        raise SelfspecError(
            f"--iterations {iterations}", f"'{recipe}' has {most}", f"raise 'iterations' in {recipes[-1].path}"
        )
    chosen = [(named, _domains(named, domain)) for named in recipes]  # a mistake shows before anything runs
    for named, domains in chosen:
        run_recipe(named, domains, min(iterations or most, named.recipe.iterations), printing.line)


@app.command()
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
    from selfspec_assets import plan as planning
    from selfspec_assets import plan_print

    chosen = [(named, _domains(named, domain)) for named in matching_recipes(recipe)]
    sampler = None
    if sample:
        from selfspec_assets.plan_sample import Sampler

        sampler = Sampler(lambda line: printing.line(line, error=True))
    rows = planning.plan(chosen, Warehouse(home.warehouse_folder()), sampler)
    if as_json:
        _print_json(plan_print.as_json(rows))
    else:
        plan_print.print_plan(rows)


@app.command()
@speaks_plainly
def gc(yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only shown.")] = False) -> None:
    """Show, or remove, what nothing needs any more: superseded revisions, leftovers of dead runs."""
    from selfspec_assets import garbage, plan_print

    warehouse = Warehouse(home.warehouse_folder())
    found = garbage.find(warehouse)
    plan_print.print_garbage(found)
    if yes:
        freed = garbage.remove(warehouse, found.items)
        printing.line(f"removed; {plan_print.size(freed)} freed")


@app.command()
@speaks_plainly
def verify(
    drop: Annotated[
        bool, typer.Option("--drop", help="Remove damaged revisions, so that the next run makes them anew, alone.")
    ] = False,
) -> None:
    """Read every stored file and compare it with its digest. Ends with 1 if something is damaged and stays."""
    from selfspec_assets import verification

    warehouse = Warehouse(home.warehouse_folder())
    found = verification.verify(warehouse)
    _print_lines([f"{found.files} files of {found.revisions} revisions read, {len(found.damages)} revisions damaged"])
    for one in found.damages:
        for error in one.errors:
            printing.failure(error, word="damaged", indent="  ")
    done = verification.drop(warehouse, found.damages if drop else [])
    if done.gone:
        _print_lines([f"{len(done.gone)} damaged revisions removed; made anew by:", *verification.commands(done.gone)])
    if done.sound:
        _print_lines([f"{len(done.sound)} revisions were made anew meanwhile, are sound now, and stay"])
    if len(done.gone) + len(done.sound) < len(found.damages):
        raise typer.Exit(1)


@app.command()
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
    check_published(_database(), recipe)
    if is_glob(recipe):
        _ablations(recipe, recipes, domain, as_json)
        return
    reports = score_table.load(_database(), recipes[0], _domains(recipes[0], domain))
    if as_json:
        _print_json(score_print.as_json(reports))
        return
    for report in reports:
        score_print.print_report(report, details)


def _ablations(pattern: str, recipes: list[NamedRecipe], domain: str | None, as_json: bool) -> None:
    tables = ablation_table.load(_database(), pattern, recipes, domain)
    if as_json:
        _print_json({"recipes": pattern, "rows": [row for table in tables for row in ablation_table.rows(table)]})
        return
    for table in tables:
        score_print.print_ablations(table)


def _print_json(value: dict[str, Any]) -> None:
    sys.stdout.write(printing.as_json(value, indent=2) + "\n")


class Format(StrEnum):
    """Output formats of ``selfspec sql``."""

    table = "table"
    csv = "csv"
    json = "json"


@app.command()
@speaks_plainly
def sql(
    query: Annotated[str, typer.Argument(help="One reading statement of DuckDB's SQL.")],
    output: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """Query everything that was generated. Read-only; works while runs are going.

    A table is cut to the terminal: the first and the last rows, and a line that says how much is not shown. CSV (in
    UTF-8) and JSON hold all rows; in both, the second of two columns called a is a_1. NaN and the infinities, which
    JSON lacks, are null there.
    """
    from selfspec_assets import sql_print

    with reading(_database(), query) as (columns, rows):
        if output is Format.csv:
            if isinstance(sys.stdout, TextIOWrapper):  # a file of data is not fitted to a terminal
                sys.stdout.reconfigure(encoding="utf-8", errors="strict")
            sql_print.write_csv(sys.stdout, columns, rows)
        elif output is Format.json:
            sql_print.write_json(sys.stdout, columns, rows)
        else:
            sql_print.print_table(columns, rows)


@app.command()
@speaks_plainly
def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 3000) -> None:
    """Open Dagster's UI on 127.0.0.1, with the daemon that runs backfills and queues. Ctrl-C ends all of it."""
    from selfspec_assets.launcher import open_instance
    from selfspec_assets.ui import serve

    workspace = home.find("workspace.yaml")
    if workspace is None:
        raise SelfspecError("workspace.yaml", "is missing", "reinstall selfspec")
    with open_instance():
        pass  # made here, under its lock, before the server's processes open it
    raise typer.Exit(serve(["-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]))


@app.command()
def version() -> None:
    """Print the version."""
    printing.line(__version__)


def _database() -> Any:
    return home.warehouse_folder() / "selfspec.duckdb"
