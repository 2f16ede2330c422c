"""The prompt of ``selfspec sql``: history, completion, several lines until a ``;``. What it does is ``sql_shell``'s."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError, is_interrupt
from selfspec_assets.reports.sql.sql_shell import COMMANDS, MODES, Quit, Shell
from selfspec_assets.warehouse import catalogue_of
from selfspec_assets.warehouse.query_errors import named_in
from selfspec_assets.warehouse.statements import split_statements

_PROMPT, _GOES_ON = "selfspec> ", "     ...> "
_KEYWORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "JOIN", "LEFT JOIN", "USING", "WITH"),
    *("DISTINCT", "count", "FILTER", "CASE WHEN", "DESCRIBE", "SUMMARIZE", "PIVOT", "UNION ALL", "EXCEPT"),
)
_WORD = re.compile(r"\w+$")
_QUALIFIED = re.compile(r"(\w+)\.(\w*)$")


def history_file() -> Path:
    """Where what was typed is kept: the user's state folder."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "selfspec" / "sql_history"


def ask(shell: Shell) -> None:
    """Reads statements and runs them until Ctrl-D or ``.quit``."""
    session: PromptSession[str] = PromptSession(
        _PROMPT,
        multiline=True,
        prompt_continuation=_GOES_ON,
        history=_history(),
        completer=SqlCompleter(catalogue_of(shell.database)),
        lexer=PygmentsLexer(SqlLexer),
        key_bindings=_keys(),
        include_default_pygments_style=True,
    )
    printing.line(f"{shell.database}, read-only. .tables lists the tables, .help the commands; ; ends a statement.")
    while True:
        try:
            text = session.prompt()
            shell.run(text)
        except SelfspecError as error:
            printing.failure(error)
        except (EOFError, Quit):
            return
        except (KeyboardInterrupt, RuntimeError) as error:
            if not is_interrupt(error):
                raise
            printing.line("stopped", error=True)


def _history() -> History:
    path = history_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        with path.open("ab"):
            return FileHistory(path)
    except OSError as error:
        printing.line(f"note: what you type is not kept: {error}", error=True)
        return InMemoryHistory()


def is_whole(text: str) -> bool:
    """Whether Enter runs what is typed: a dot command, statements that all end in ``;``, or nothing at all."""
    statements, rest = split_statements(text)
    return text.lstrip().startswith(".") or not text.strip() or (bool(statements) and not rest)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None  # takes what is chosen in the menu
        elif is_whole(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


class SqlCompleter(Completer):
    """Names of tables, of the columns of those that the statement names, of dot commands, and the commonest keywords.

    Args:
        columns: those of each table and view.
    """

    def __init__(self, columns: Mapping[str, list[str]]) -> None:
        self._columns = columns

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        before = document.text_before_cursor
        if document.text.lstrip().startswith("."):
            yield from self._of_command(before.lstrip())
            return
        if qualified := _QUALIFIED.search(before):
            yield from _starting(qualified[2], self._of_table(qualified[1], document.text), "column")
            return
        word = _WORD.search(before)
        if word is None and not complete_event.completion_requested:
            return
        begun = word[0] if word else ""
        named = named_in(document.text, self._columns)
        yield from _starting(begun, {name: None for table in named for name in self._columns[table]}, "column")
        yield from _starting(begun, self._columns, "table")
        yield from _starting(begun, _KEYWORDS, "")

    def _of_table(self, name: str, text: str) -> list[str]:
        """Columns of a table, or of the one that the name stands for in this statement."""
        if name in self._columns:
            return self._columns[name]
        for table in named_in(text, self._columns):
            if re.search(rf"\b{table}\s+(?:AS\s+)?{re.escape(name)}\b", text, re.IGNORECASE):
                return self._columns[table]
        return []

    def _of_command(self, before: str) -> Iterator[Completion]:
        command, space, argument = before.partition(" ")
        if not space:
            yield from _starting(command, [usage.split()[0] for usage in COMMANDS], "")
        elif command == ".schema":
            yield from _starting(argument, self._columns, "table")
        elif command == ".mode":
            yield from _starting(argument, MODES, "")


def _starting(begun: str, names: Mapping[str, object] | list[str] | tuple[str, ...], kind: str) -> Iterator[Completion]:
    for name in names:
        if name.lower().startswith(begun.lower()) and name != begun:
            yield Completion(name, -len(begun), display_meta=kind)
