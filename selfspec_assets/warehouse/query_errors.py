"""DuckDB's refusals in words for a person: where in the statement, and what it may have been meant to say."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import duckdb

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.warehouse.blank import TABLES
from selfspec_assets.warehouse.views import VIEWS

REMEDY = 'write one SELECT; selfspec sql "SHOW TABLES" lists the tables'
_KEYWORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP", "ORDER", "BY", "HAVING", "LIMIT", "OFFSET", "JOIN", "LEFT", "RIGHT", "FULL"),
    *("INNER", "OUTER", "CROSS", "USING", "DISTINCT", "UNION", "EXCEPT", "INTERSECT", "VALUES", "WITH", "RECURSIVE"),
    *("CASE", "WHEN", "THEN", "ELSE", "END", "AND", "NOT", "LIKE", "ILIKE", "BETWEEN", "EXISTS", "FILTER", "OVER"),
    *("PARTITION", "PIVOT", "UNPIVOT", "DESCRIBE", "SUMMARIZE", "EXPLAIN", "SHOW", "QUALIFY", "WINDOW", "LATERAL"),
)
_NO_TABLE = re.compile(r"Table with name (\S+) does not exist")
_NO_COLUMN = re.compile(r'Referenced column "([^"]+)" not found|does not have a column named "([^"]+)"')
_SYNTAX = re.compile(r'syntax error at or near "([^"]+)"')
_WORD = re.compile(r"[A-Za-z_]\w*")

Columns = Mapping[str, list[str]]  # of each table and view


def columns_of(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of every table and view of the attached database, in their order."""
    listing = "SELECT table_name, list(column_name ORDER BY column_index) FROM duckdb_columns()"
    rows = connection.execute(f"{listing} WHERE database_name = 'selfspec' GROUP BY ALL ORDER BY ALL").fetchall()
    return {str(table): list(names) for table, names in rows}


def named_in(sql: str, names: Iterable[str]) -> list[str]:
    """Which of the names the statement says, in the order of the names."""
    words = {word.lower() for word in _WORD.findall(sql)}
    return [name for name in names if name.lower() in words]


def refused(error: Exception, sql: str, columns: Columns) -> SelfspecError:
    """The error for a person: DuckDB's message with its line and caret, without guesses at tables that are not ours."""
    message = str(error)
    hint = ""
    if missing := _NO_TABLE.search(message):
        message = re.sub(r'\nDid you mean "[^"]*"\?', "", message)
        hint = _table_hint(missing[1], columns)
    elif missing := _NO_COLUMN.search(message):
        known = {name for table in named_in(sql, columns) for name in columns[table]}
        hint = did_you_mean(missing[1] or missing[2], sorted(known))
    elif found := _SYNTAX.search(message):
        hint = _syntax_hint(sql, found[1], columns)
    return SelfspecError("SQL", message, hint + REMEDY)


def _table_hint(name: str, columns: Columns) -> str:
    name = name.strip('"')
    if name in TABLES or name in {view.name for view in VIEWS}:
        return (
            f"{name} is not in this database yet: an earlier version of selfspec wrote it, and the next step that a "
            "run makes or reuses (selfspec run RECIPE) brings it up to date; else "
        )
    return did_you_mean(name, columns)


def _syntax_hint(sql: str, at: str, columns: Columns) -> str:
    """Looks at the word that the parser stopped at and the one before it, which may be a misspelt keyword."""
    words = [(word.start(), word[0]) for word in _WORD.finditer(sql)]
    places = [number for number, (_, word) in enumerate(words) if word == at]
    suspects = [words[number][1] for place in places for number in (place, place - 1) if number >= 0]
    known = {name.upper() for table in columns for name in (table, *columns[table])} | set(_KEYWORDS)
    for suspect in suspects:
        if suspect.upper() in known:
            continue
        if close := get_close_matches(suspect.upper(), _KEYWORDS, n=1, cutoff=0.7):
            return f"did you mean {close[0]} instead of {suspect}? "
    return ""
