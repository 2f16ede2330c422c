"""``selfspec sql``."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app, database, speaks_plainly
from selfspec_assets.warehouse import check_published


class Format(StrEnum):
    """Output formats of ``selfspec sql``."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


@app.command(epilog='Example: selfspec sql "SELECT reason, count(*) FROM responses GROUP BY ALL" --format csv')
@speaks_plainly
def sql(
    query: Annotated[str | None, typer.Argument(help="One reading statement of DuckDB's SQL; none: a prompt.")] = None,
    form: Annotated[Format | None, typer.Option("--format", help="How to print; table if not said.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Put all rows into this file: .csv, .json or .parquet.")
    ] = None,
) -> None:
    """Query everything that was generated. Read-only; works while runs are going.

    Without a statement it asks for them, or reads them from standard input where that is no terminal.

    A table is cut to the terminal: the first and the last rows, and a line that says how much is not shown. CSV (in
    UTF-8), JSON and Parquet hold all rows; in all three, the second of two columns called a is a_1. NaN and the
    infinities, which JSON lacks, are null there.

    Example: selfspec sql "FROM leaderboard" --output leaderboard.csv
    """
    from selfspec_assets.reports.sql import sql_files
    from selfspec_assets.reports.sql.sql_shell import Quit, Shell, write_file

    check_published(database())
    if output is not None:
        target = sql_files.format_of(output, None if form is None else form.value)
        write_file(database(), _one_statement() if query is None else query, output, target)
        return
    if form is Format.parquet:
        raise SelfspecError("--format parquet", "is no text that could be printed", "name a file with --output")
    mode = Format.table.value if form is None else form.value
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    shell = Shell(database(), mode, pages=query is None and interactive)
    if query is not None:
        shell.statement(query)
    elif interactive:
        from selfspec_assets.reports.sql.sql_prompt import ask

        ask(shell)
    else:
        try:
            if rest := shell.run(sys.stdin.read()):
                shell.statement(rest)
        except Quit:
            return


def _one_statement() -> str:
    """The statement that standard input brings for ``--output``.

    Raises:
        SelfspecError: there is none, or more than one, which would overwrite each other.
    """
    from selfspec_assets.warehouse.statements import split_statements

    done, rest = split_statements(sys.stdin.read())
    statements = [*done, *([rest] if rest else [])]
    if len(statements) != 1:
        reason = f"{len(statements)} statements on standard input, --output takes one"
        raise SelfspecError("--output", reason, "give each a command of its own, or use .output before each of them")
    return statements[0]
