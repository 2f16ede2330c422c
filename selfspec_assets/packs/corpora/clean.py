"""Text as it should have been written: one form per character, no invisible ones, single spaces."""

import re
import unicodedata
from collections.abc import Sequence

# Line and page breaks of every kind; NEL and the separators come from old mainframes and from word processors.
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Control and format characters, halves of surrogate pairs. The joiners U+200C and U+200D stay: Persian and Indic
# words are spelt with them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def paragraphs(text: str, drop_lines: Sequence[re.Pattern[str]] = ()) -> list[str]:
    """The text's paragraphs, which blank lines part; single spaces within, none empty.

    Unicode NFC (so that é is one character whoever wrote it), no control or format characters, every white space a
    single space. A line in which one of ``drop_lines`` is found is left out first.
    """
    text = _INVISIBLE.sub("", _BREAKS.sub("\n", unicodedata.normalize("NFC", text)))
    parts: list[list[str]] = [[]]
    for line in text.split("\n"):
        words = line.split()
        if not words:
            parts.append([])
        elif not (drop_lines and any(pattern.search(line) for pattern in drop_lines)):
            parts[-1] += words
    return [" ".join(words) for words in parts if words]


def one_line(text: str) -> str:
    """A title: cleaned, in one line."""
    return " ".join(paragraphs(text))
