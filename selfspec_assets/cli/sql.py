"""``selfspec sql``."""

import sys
from enum import StrEnum
from io import TextIOWrapper
from typing import Annotated

import typer

from selfspec_assets.cli.app import app, database, speaks_plainly
from selfspec_assets.warehouse import reading


class Format(StrEnum):
    """Output formats of ``selfspec sql``."""

    table = "table"
    csv = "csv"
    json = "json"


@app.command(epilog='Example: selfspec sql "SELECT reason, count(*) FROM responses GROUP BY ALL" --format csv')
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
    from selfspec_assets.reports import sql_print

    with reading(database(), query) as (columns, rows):
        if output is Format.csv:
            if isinstance(sys.stdout, TextIOWrapper):  # a file of data is not fitted to a terminal
                sys.stdout.reconfigure(encoding="utf-8", errors="strict")
            sql_print.write_csv(sys.stdout, columns, rows)
        elif output is Format.json:
            sql_print.write_json(sys.stdout, columns, rows)
        else:
            sql_print.print_table(columns, rows)
