"""What is printed for people: lines and tables, on standard output or standard error.

Text is data. Nothing in it is markup, the name of an emoji or a command to the terminal, wherever it comes from; only a
style that is given beside it says how it looks. What the stream's encoding lacks is written in ASCII.
"""

import io
import json
import math
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console as Console
from rich.console import Group as Group
from rich.table import Table
from rich.text import Text

Part = str | tuple[str, str]  # text, or text and its style in rich's words ("bold red")

# All that a terminal obeys (but line ends and tabs), and what turns the order of letters around.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ASCII = dict(
    zip("…–—−×≤→†·§‘’“”\xa0", ("...", "-", "-", "-", "x", "<=", "->", "#", ".", "section ", *"''\"\" "), strict=True)
)


class _LiteralConsole(Console):
    """Rich's console, for which every string is data: lines, cells, headers and titles all pass ``render_str``."""

    def render_str(self, text: str, *, style: Any = "", justify: Any = None, overflow: Any = None, **_: Any) -> Text:
        return Text(shown(text, self.encoding), style=style, justify=justify, overflow=overflow)


def prepare() -> None:
    """Makes both streams take any text: a character that the encoding lacks becomes ``\\u2026``, never a traceback.

    Under ``LC_ALL=C`` Python writes UTF-8 by itself; whoever sets that has asked for ASCII.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="ascii" if _asks_for_ascii() else stream.encoding, errors="backslashreplace")


def _asks_for_ascii() -> bool:
    if not sys.flags.utf8_mode or "PYTHONUTF8" in os.environ or "PYTHONIOENCODING" in os.environ:
        return False
    named = (os.environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    return next((locale for locale in named if locale), "") in ("C", "POSIX")


def shown(text: str, encoding: str) -> str:
    """Text as it is written: control characters as Python writes them (``\\x1b``), and what is not in the encoding."""
    plain = _OBEYED.sub(lambda character: character[0].encode("unicode_escape").decode(), text)
    try:
        plain.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_in_encoding(character, encoding) for character in plain)
    return plain


def _in_encoding(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return _ASCII.get(character) or character.encode("ascii", "backslashreplace").decode()
    return character


def console(*, error: bool = False, width: int | None = None) -> Console:
    """The console of the stream as it is now, as wide as the terminal unless told."""
    return _LiteralConsole(file=sys.stderr if error else sys.stdout, width=width, highlight=False)


def line(*parts: Part, error: bool = False) -> None:
    """Prints one line, however long; on standard error if told."""
    to = console(error=error)
    texts = [to.render_str(part) if isinstance(part, str) else to.render_str(part[0], style=part[1]) for part in parts]
    to.print(Text.assemble(*texts), soft_wrap=True)


def failure(message: object, *, word: str = "error", indent: str = "") -> None:
    """Prints what went wrong on standard error, after a word that stands out."""
    line(indent, (word, "bold red"), f" {message}", error=True)


def table(what: Table, most: int | None = None) -> None:
    """Prints a table, at most ``most`` columns wide: as wide as that where there is no terminal to fit it to."""
    to = console()
    if most is not None:
        to = console(width=min(most, to.width) if to.is_terminal else most)
    if to.options.ascii_only:  # rich would cut a long cell with an ellipsis
        for column in what.columns:
            column.overflow = "fold"
    to.print(what)


def labelled(label: str, content: str) -> Iterator[str]:
    """Lines of a text behind its label, those after the first indented; none of an empty text."""
    if content:
        first, *others = content.split("\n")
        yield f"  {label}: {first}"
        yield from (f"    {line}" for line in others)


def as_json(value: Any, indent: int | None = None) -> str:
    """Standard JSON in ASCII, for any value: NaN and the infinities, which JSON lacks, become null; the rest text."""
    return json.dumps(_plain(value), indent=indent, default=str, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
