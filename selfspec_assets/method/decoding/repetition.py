"""Texts that go round in circles, as small models write them: told apart from texts that are merely long. Pure."""

import re
from collections.abc import Sequence

from selfspec_assets.base.words import count_words

LONGEST_CYCLE = 64  # tokens
_ROUNDS = 3
_LEAST = 24  # tokens of all rounds together: a table's rule or a row of dots is no loop
_LEAST_WORDS = 4  # of a sentence: "Yes, it is." may come back
_SENTENCE = re.compile(r"[^.!?。！？\n]+(?:[.!?。！？]+(?=\s|$)|(?=\n)|[.!?。！？])", re.DOTALL)


def repeated_tokens(ids: Sequence[int]) -> int | None:
    """How many of the tokens there were when the text had said what it now repeats; None if it does not.

    A cycle of up to 64 tokens counts once it has come round three times and fills 24 tokens: [A B A B A B …] keeps
    one A B.
    """
    length = len(ids)
    for period in range(1, min(LONGEST_CYCLE, length // _ROUNDS) + 1):
        span = max(_ROUNDS * period, _LEAST)
        if span <= length and all(ids[-i] == ids[-i - period] for i in range(1, span - period + 1)):
            first = length - span
            while first and ids[first - 1] == ids[first - 1 + period]:
                first -= 1
            return first + period
    return None


def unsettled_tokens(ids: Sequence[int]) -> int:
    """How many tokens at the end ``repeated_tokens`` may yet take back: they say again what stands a cycle before."""
    longest = 0
    for period in range(1, min(LONGEST_CYCLE, len(ids) - 1) + 1):
        again = 0
        while again + period < len(ids) and ids[-1 - again] == ids[-1 - again - period]:
            again += 1
        longest = max(longest, again)
    return longest


def repeated_sentence(text: str) -> int | None:
    """Where a sentence of four words or more begins for the second time, if the text has it three times; else None."""
    places: dict[str, list[int]] = {}
    for match in _SENTENCE.finditer(text):
        sentence = _plain(match[0])
        if count_words(sentence) >= _LEAST_WORDS:
            begins = places.setdefault(sentence, [])
            begins.append(match.start())
            if len(begins) == _ROUNDS:
                return begins[1]
    return None


def unsettled_sentence(text: str) -> int:
    """Where the part begins that ``repeated_sentence`` may yet take back; the text's length where there is none.

    A sentence that has come twice may come a third time, and the one at the end may become one that was there before.
    """
    said: set[str] = set()
    end = 0
    for match in _SENTENCE.finditer(text):
        sentence, end = _plain(match[0]), match.end()
        if sentence in said and count_words(sentence) >= _LEAST_WORDS:
            return match.start()
        if end == len(text):  # it may go on: what is a full stop here may be a decimal point
            end = match.start()
            break
        said.add(sentence)
    begun = _plain(text[end:]).rstrip(".!?。！？")
    return end if begun and any(sentence.startswith(begun) for sentence in said) else len(text)


def _plain(sentence: str) -> str:
    return " ".join(sentence.split()).casefold()
