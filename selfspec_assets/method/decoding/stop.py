"""Where a generated text ends.

Base models do not know when to stop: after an answer they go on with a blank line and something else, or with the
next item of a list. The rules are defined on the text (``cut``); while tokens come in they are only looked up when
the last tokens could have made a difference.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from selfspec_assets.method.decoding.types import Finish

_BLANK_LINE = re.compile(r"\n[ \t\r\f\v]*\n")
# `12.` `3)` `(3)` `**4.**` `**4**.` `### 5` at the start of a line. A digit or a small letter after it means something
# else ("2.5 mg", "5th"), so while the text still grows a match waits for the next character.
_LIST_NUMBER = (
    r"\n[ \t]*(?:"
    r"\(?\d{1,3}[.)]|"
    r"\*{1,2}\(?\d{1,3}(?:[.):]\*{0,2}|\*{1,2}[.):]?)|"
    r"#{1,6}[ \t]*\(?\d{1,3}[.):]?)"
)
_LIST_NUMBER_OPEN = re.compile(_LIST_NUMBER + r"(?=[^0-9a-z])")
_LIST_NUMBER_CLOSED = re.compile(_LIST_NUMBER + r"(?![0-9a-z])")
_LINE_HEAD = 12  # tokens after a line break within which a list number may still be completed


@dataclass(frozen=True, slots=True)
class StopRules:
    """What ends a text besides the end token.

    Args:
        blank_line: a blank line, after the text's leading white space.
        list_number: a line, not the first, that begins with a list number: ``12.`` ``3)`` ``**4.**`` ``### 5``.
    """

    blank_line: bool = False
    list_number: bool = False


def cut(text: str, rules: StopRules, *, ended: bool) -> tuple[str, Finish | None]:
    """The text up to the first stop, and which rule it was (None: no stop).

    Args:
        text: as decoded, with its leading white space.
        ended: no more text will come, so a list number at the very end counts.
    """
    lead = len(text) - len(text.lstrip())
    stops: list[tuple[int, Finish]] = []
    if rules.blank_line and (match := _BLANK_LINE.search(text, lead)):
        stops.append((match.start(), "blank_line"))
    if rules.list_number and (match := (_LIST_NUMBER_CLOSED if ended else _LIST_NUMBER_OPEN).search(text, lead)):
        stops.append((match.start(), "list_number"))
    if not stops:
        return text, None
    position, rule = min(stops)
    return text[:position], rule


class StopTracker:
    """Follows one growing text; knows nothing of batches.

    Args:
        decode: token ids to text.
        eos_ids: the model's end tokens.
        rules: what else ends it.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], eos_ids: frozenset[int], rules: StopRules) -> None:
        self._decode = decode
        self._eos_ids = eos_ids
        self._rules = rules
        self._since_line_break = _LINE_HEAD
        self.ids: list[int] = []
        self.finish: Finish | None = None

    def add(self, token_id: int) -> None:
        """Take the next token; ``finish`` is set once the text has ended."""
        if token_id in self._eos_ids:
            self.finish = "eos"
            return
        self.ids.append(token_id)
        self._since_line_break = 0 if "\n" in self._decode([token_id]) else self._since_line_break + 1
        if self._since_line_break < _LINE_HEAD and self._rules != StopRules():
            self.finish = cut(self._decode(self.ids), self._rules, ended=False)[1]

    def result(self) -> tuple[str, Finish, int]:
        """Stripped text, what ended it, and the number of tokens that the text needs."""
        text = self._decode(self.ids)
        kept, rule = cut(text, self._rules, ended=True)
        kept = kept.rstrip() if rule else kept
        needed = len(self.ids)
        while rule and needed and self._decode(self.ids[: needed - 1]).startswith(kept):
            needed -= 1
        return kept.strip(), rule or self.finish or "length", needed
