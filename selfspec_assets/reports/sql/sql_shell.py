"""What ``selfspec sql`` does with a statement or a dot command, whether a person types it or a file brings it."""

import re
import shlex
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from rich.table import Table

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.reports.sql import empty_tables, sql_files, sql_print
from selfspec_assets.reports.sql.pager import paged
from selfspec_assets.warehouse import catalogue_of, read_only_query, reading
from selfspec_assets.warehouse.statements import split_statements

MODES = ("table", "csv", "json")
COMMANDS = {
    ".tables": "the tables and views, what a row of each is, and how many rows there are",
    ".schema [TABLE]": "the columns of a table or view (of all), their types, and what they hold",
    ".mode table|csv|json": "how results are shown from now on",
    ".output FILE": "the next result goes into this file: .csv, .json or .parquet",
    ".help": "this list",
    ".quit": "leave (also .exit, Ctrl-D)",
}


class Quit(Exception):
    """Somebody typed ``.quit``."""


class Shell:
    """Runs what is typed against the newest version of the published database.

    Args:
        database: the published file; it is opened anew for each statement, so a run that goes on meanwhile is seen.
        mode: table, csv or json.
        pages: whether long output goes through a pager.
    """

    def __init__(self, database: Path, mode: str = "table", *, pages: bool = False) -> None:
        self.database, self.mode = database, mode
        self._pages = pages
        self._next_file: tuple[Path, sql_files.FileFormat] | None = None

    def run(self, text: str) -> str:
        """Runs every whole statement and dot command of a text, in their order.

        Returns:
            What is left: the beginning of a statement.

        Raises:
            SelfspecError: a statement or a command is refused; what stands behind it is not run.
            Quit: ``.quit``.
        """
        rest = ""
        for line in text.splitlines(keepends=True):
            if not rest.strip() and line.lstrip().startswith("."):
                self.command(line.strip())
                rest = ""
                continue
            statements, rest = split_statements(rest + line)
            for statement in statements:
                self.statement(statement)
            rest += "\n" if rest else ""
        return rest.strip()

    def statement(self, sql: str) -> None:
        """Runs one statement and shows its result, or puts it into the file that ``.output`` named."""
        if self._next_file is not None:
            (target, form), self._next_file = self._next_file, None
            write_file(self.database, sql, target, form)
            return
        with self._paging(), reading(self.database, sql) as (columns, rows):
            if self.mode == "csv":
                plain_stream()
                sql_print.write_csv(sys.stdout, columns, rows)
                return
            if self.mode == "json":
                sql_print.write_json(sys.stdout, columns, rows)
                return
            count = sql_print.print_table(columns, rows)
        if count <= 1:  # none, or one that counts none
            for note in empty_tables.notes(self.database, sql):
                printing.line(f"note: {note}", error=True)

    def command(self, line: str) -> None:
        """Obeys a dot command.

        Raises:
            SelfspecError: there is no such command, or it has other arguments.
            Quit: ``.quit``.
        """
        try:
            name, *arguments = shlex.split(line.rstrip("; "))
        except ValueError as error:
            raise SelfspecError(line, f"cannot be read: {error}", "close the quotes") from error
        commands: dict[str, Callable[..., None]] = {
            ".tables": self._tables,
            ".schema": self._schema,
            ".mode": self._set_mode,
            ".output": self._set_output,
            ".help": self._help,
            ".quit": _quit,
            ".exit": _quit,
        }
        if name not in commands:
            hint = did_you_mean(name, commands)
            raise SelfspecError(name, "is no command", f"{hint}.help lists the commands")
        try:
            commands[name](*arguments)
        except TypeError as error:
            usage = next(one for one in (*COMMANDS, name) if one.split()[0] == name)
            raise SelfspecError(line, "has other arguments than the command takes", usage) from error

    def _paging(self) -> AbstractContextManager[None]:
        return paged() if self._pages else nullcontext()

    def _tables(self) -> None:
        sizes = "SELECT table_name, estimated_size, comment FROM duckdb_tables() WHERE database_name = 'selfspec'"
        views = "SELECT view_name, NULL, comment FROM duckdb_views() WHERE database_name = 'selfspec' AND NOT internal"
        _, rows = read_only_query(self.database, f"{sizes} UNION ALL {views} ORDER BY 2 IS NULL, 1")
        table = Table("name", "rows", "what a row is", box=None, padding=(0, 2, 0, 0))
        table.columns[1].justify = "right"
        for name, size, comment in rows:
            first_sentence = re.split(r"(?<=[.:;]) ", comment or "")[0].rstrip(":;")
            table.add_row(name, "view" if size is None else str(size), first_sentence)
        with self._paging():
            printing.table(table)

    def _schema(self, name: str | None = None) -> None:
        known = catalogue_of(self.database)
        if name is not None and name not in known:
            raise SelfspecError(name, "is no table or view", f"{did_you_mean(name, known)}.tables lists them")
        listing = "SELECT table_name, column_name, data_type, comment FROM duckdb_columns()"
        _, rows = read_only_query(
            self.database, f"{listing} WHERE database_name = 'selfspec' ORDER BY table_name, column_index"
        )
        with self._paging():
            for table_name in [name] if name else known:
                table = Table(table_name, "type", "what it holds", box=None, padding=(0, 2, 0, 0))
                for _, column, kind, comment in (row for row in rows if row[0] == table_name):
                    table.add_row(column, kind, comment or "")
                printing.table(table)
                if name is None:
                    printing.line("")

    def _set_mode(self, mode: str) -> None:
        if mode not in MODES:
            raise SelfspecError(f".mode {mode}", "is no mode", f"choose one of: {', '.join(MODES)}")
        self.mode = mode

    def _set_output(self, file: str) -> None:
        target = Path(file).expanduser()
        self._next_file = target, sql_files.format_of(target, None)

    def _help(self) -> None:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for usage, words in COMMANDS.items():
            table.add_row(usage, words)
        printing.table(table)
        printing.line("A statement ends with ; and may have several lines. Nothing can be changed: all is read-only.")


def _quit() -> NoReturn:
    raise Quit


def write_file(database: Path, sql: str, target: Path, form: sql_files.FileFormat) -> None:
    """Puts a statement's rows into a file and says how many, on standard error."""
    rows = sql_files.write_result(database, sql, target, form)
    printing.line(f"{rows} row{'' if rows == 1 else 's'} in {target}", error=True)


def plain_stream() -> None:
    """A file of data is not fitted to a terminal: UTF-8, whatever the locale says."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="strict")
