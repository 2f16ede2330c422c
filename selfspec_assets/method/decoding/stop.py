"""Where a generated text ends.

Base models do not know when to stop: after an answer they go on with a blank line and something else, with the next
item of a list, or with the labels of the prompt ("Input:", "### Instruction:"); small ones repeat themselves to the
end. The rules are defined on the text (``cut``) and on its tokens (``repetition``); while tokens come in, the text is
only looked at when the last tokens could have made a difference.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from selfspec_assets.method.decoding.repetition import (
    repeated_sentence,
    repeated_tokens,
    unsettled_sentence,
    unsettled_tokens,
)
from selfspec_assets.method.decoding.types import Finish

# `12.` `3)` `(3)` `**4.**` `**4**.` `### 5` at the start of a line. A digit or a small letter after it means something
# else ("2.5 mg", "5th"), so while the text still grows a match waits for the next character.
_LIST_NUMBER = (
    r"[ \t]*(?:"
    r"\(?(?P<a>\d{1,3})[.)]|"
    r"\*{1,2}\(?(?P<b>\d{1,3})(?:[.):]\*{0,2}|\*{1,2}[.):]?)|"
    r"#{1,6}[ \t]*\(?(?P<c>\d{1,3})[.):]?)"
)
_LIST_NUMBER_OPEN = re.compile(_LIST_NUMBER + r"(?=[^0-9a-z])")
_LIST_NUMBER_CLOSED = re.compile(_LIST_NUMBER + r"(?![0-9a-z])")
_MAY_BECOME_A_NUMBER = re.compile(r"[ \t]*[(*#]{0,7}[ \t]*\d{0,3}[.):*]{0,4}")
_SENTENCE_END = re.compile(r"[.!?。！？\n]")
_LINE_HEAD = 16  # tokens after a line break within which a list number or a label may still be completed


@dataclass(frozen=True, slots=True)
class StopRules:
    """What ends a text besides the end token.

    Args:
        blank_line: a blank line after the text's leading white space; not one behind a line that ends in a colon, nor
            one between the entries of the text's own list.
        list_number: a line that begins with a list number (``12.`` ``3)`` ``**4.**`` ``### 5``), unless it belongs to
            the text's own list. That begins on the text's first line, or with 1 behind a line that ends in a colon,
            and goes on with the next number.
        labels: a line, not the first, that begins with one of these words and a colon, or is a heading of it, in any
            case and markup: ``Input:``, ``**Answer:**``, ``### Response``.
        repeated_tokens: the same tokens again and again (``repetition.repeated_tokens``).
        repeated_sentences: one sentence a third time (``repetition.repeated_sentence``).
    """

    blank_line: bool = False
    list_number: bool = False
    labels: tuple[str, ...] = ()
    repeated_tokens: bool = False
    repeated_sentences: bool = False

    @property
    def of_lines(self) -> bool:
        """Whether any rule looks at how lines begin."""
        return self.blank_line or self.list_number or bool(self.labels)


def cut(text: str, rules: StopRules, *, ended: bool) -> tuple[str, Finish | None]:
    """The text up to the first stop of its lines, and which rule it was (None: no stop).

    Args:
        text: as decoded, with its leading white space.
        ended: no more text will come, so a list number at the very end counts.
    """
    own: int | None = None  # the last number of the text's own list
    before, blank = "", None  # the last line with ink; where a blank line began since then
    for start, line, is_last in _lines(text):
        if not line.strip():
            if before and not is_last and blank is None and not before.endswith(":"):
                blank = start - 1
                if rules.blank_line and own is None:
                    return text[:blank], "blank_line"
            continue
        number = _list_number(line, closed=ended or not is_last)
        belongs = number is not None and (
            not before or (own is not None and number == own + 1) or (number == 1 and before.endswith(":"))
        )
        if blank is not None and rules.blank_line and not belongs:
            undecided = is_last and not ended and number is None and _MAY_BECOME_A_NUMBER.fullmatch(line)
            return (text, None) if undecided else (text[:blank], "blank_line")
        if before and _is_label(line, rules.labels, closed=ended or not is_last):
            return text[: start - 1], "label"
        if before and rules.list_number and number is not None and not belongs:
            return text[: start - 1], "list_number"
        own, before, blank = number if belongs else own, line.rstrip(), None
    return text, None


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """(start, line, is it the last) of a text without its leading white space."""
    start = len(text) - len(text.lstrip())
    lines = text[start:].split("\n")
    for index, line in enumerate(lines, start=1):
        yield start, line, index == len(lines)
        start += len(line) + 1


def _list_number(line: str, *, closed: bool) -> int | None:
    match = (_LIST_NUMBER_CLOSED if closed else _LIST_NUMBER_OPEN).match(line)
    return int(match["a"] or match["b"] or match["c"]) if match else None


def _is_label(line: str, labels: tuple[str, ...], *, closed: bool) -> bool:
    if not labels:
        return False
    labelled, heading = _label_patterns(labels)
    return bool(labelled.match(line) or (closed and heading.fullmatch(line)))


@lru_cache(maxsize=64)
def _label_patterns(labels: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    words = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    label = rf"[*_]{{0,3}}(?:{words})(?:[ \t]\d{{1,3}})?[*_]{{0,3}}"
    labelled = re.compile(rf"[ \t]*(?:#{{1,6}}[ \t]*)?{label}[ \t]?[:：]", re.IGNORECASE)
    return labelled, re.compile(rf"[ \t]*#{{1,6}}[ \t]*{label}[ \t]*", re.IGNORECASE)


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
        self._wanted: int | None = None  # tokens before the text repeated itself
        self.ids: list[int] = []
        self.finish: Finish | None = None

    def add(self, token_id: int) -> None:
        """Take the next token; ``finish`` is set once the text has ended."""
        if token_id in self._eos_ids:
            self.finish = "eos"
            return
        self.ids.append(token_id)
        piece = self._decode([token_id])
        self._since_line_break = 0 if "\n" in piece else self._since_line_break + 1
        if self._since_line_break < _LINE_HEAD and self._rules.of_lines:
            self.finish = cut(self._decode(self.ids), self._rules, ended=False)[1]
        if self.finish is None:
            self._wanted = self._before_repetition(piece)
            self.finish = None if self._wanted is None else "repetition"

    def _before_repetition(self, piece: str) -> int | None:
        """How many tokens there were before the text began to repeat itself; None: it does not."""
        if self._rules.repeated_tokens and (wanted := repeated_tokens(self.ids)) is not None:
            return wanted
        if self._rules.repeated_sentences and _SENTENCE_END.search(piece):
            text = self._decode(self.ids)
            if (position := repeated_sentence(text)) is not None:
                return self._tokens_of(text[:position].rstrip(), len(self.ids))
        return None

    def _tokens_of(self, kept: str, most: int) -> int:
        """The fewest tokens whose text begins with ``kept``."""
        while most and self._decode(self.ids[: most - 1]).startswith(kept):
            most -= 1
        return most

    def settled(self) -> str:
        """The beginning of the text that no later token takes back, with its leading white space."""
        ids = self.ids
        if self._rules.repeated_tokens:
            ids = ids[: len(ids) - unsettled_tokens(ids)]
        text = self._decode(ids).rstrip("\ufffd")  # half of a letter
        if self._rules.repeated_sentences:
            text = text[: unsettled_sentence(text)]
        if self._rules.of_lines and self._since_line_break < _LINE_HEAD and "\n" in text:
            text = text[: text.rindex("\n")]  # how the line begins may still end the text before it
        return text.rstrip()

    def result(self) -> tuple[str, Finish, int]:
        """Stripped text, what ended it, and the number of tokens that the text needs."""
        length = len(self.ids) if self._wanted is None else self._wanted
        text = self._decode(self.ids[:length])
        kept, rule = cut(text, self._rules, ended=True)
        needed = self._tokens_of(kept.rstrip(), length) if rule else length
        return kept.strip(), rule or self.finish or "length", needed
