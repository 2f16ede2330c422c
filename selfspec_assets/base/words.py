"""What a word is, for all that compares, counts or cuts text: retrieval, novelty, contamination, filters, metrics.

Text is compared in Unicode's compatible form (NFKC) without case, so that é is one letter however it is encoded. A
word is a run of letters, their marks and digits of any script. Han, Kana, Thai, Lao, Khmer and Burmese are written
without spaces: there each letter is a word of its own, as in Unicode's rules without a dictionary (UAX 29) and in the
scores of MLQA (Lewis et al. 2020), and two neighbours are what is searched by.
"""

import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise

import regex

_SCRIPTS = "".join(rf"\p{{scx={name}}}" for name in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"))
_UNSPACED = rf"[[{_SCRIPTS}]&&[\p{{L}}\p{{Nl}}]]"
_UNIT = regex.compile(rf"{_UNSPACED}\p{{M}}*", regex.V1)
_STRETCH_OR_WORD = regex.compile(
    rf"(?P<stretch>(?:{_UNSPACED}\p{{M}}*)+)|[[\p{{L}}\p{{N}}]--{_UNSPACED}][[\p{{L}}\p{{M}}\p{{N}}]--{_UNSPACED}]*",
    regex.V1,
)
# What is read as one word: a unit with the marks around it, or what stands between spaces and units.
_PIECE = regex.compile(rf"[\p{{Ps}}\p{{Pi}}]*{_UNSPACED}[\p{{M}}\p{{P}}]*|[[^\s]--{_UNSPACED}]+", regex.V1)
# Latin, Greek and Cyrillic hold neither such scripts nor marks: there the standard library finds the same, much faster.
_PLAIN = re.compile(r"[\x00-\u02ff\u0370-\u0482\u2000-\u20cf\u2100-\u2bff]*")
_PLAIN_WORD = re.compile(r"[^\W_]+")
_WRITTEN_ALIKE = str.maketrans(
    {
        **dict.fromkeys("‘’ʼ´", "'"),
        **dict.fromkeys("\u00ad\u200c\u200d\u2060\ufeff", ""),  # soft hyphen and joiners: seen or not, the same word
        **{mark: f"{mark} " for mark in "、。，；：！？"},  # no space follows them, and NFKC makes a comma of a "，"
    }
)


def folded(text: str) -> str:
    """The form in which texts are compared: NFKC, no case, straight apostrophes, no joiners.

    >>> folded("Cafe\\u0301 patient’s ＤＮＡ") == "café patient's dna"
    True
    """
    if text.isascii():
        return text.lower()
    folded_once = unicodedata.normalize("NFKC", text.translate(_WRITTEN_ALIKE)).casefold()
    return unicodedata.normalize("NFKC", folded_once)


def comparable(text: str) -> str:
    """A whole text for the question whether another is the same: folded, single spaces."""
    return " ".join(folded(text).split())


def words(text: str) -> list[str]:
    """The words of a text, folded; punctuation and symbols are none.

    There is no stop list and no stemming: BM25's idf already makes frequent words cheap, and a stop list would
    have to be written per language and per domain.

    >>> words("IL-6_α, the Patient’s हिन्दी 東京。")
    ['il', '6', 'α', 'the', 'patient', 's', 'हिन्दी', '東', '京']
    """
    return _parted(text, _UNIT.findall)


def search_terms(text: str) -> list[str]:
    """The words of a text, but of a script without spaces each two neighbours, as Lucene's CJKAnalyzer has them.

    A single letter of such a script stands in too many documents to tell them apart.

    >>> search_terms("東京都、DNA 型")
    ['東京', '京都', 'dna', '型']
    """
    return _parted(text, _neighbours)


def _parted(text: str, stretch_parts: Callable[[str], list[str]]) -> list[str]:
    """Words, and what ``stretch_parts`` makes of a stretch of a script without spaces."""
    text = folded(text)
    if _PLAIN.fullmatch(text):
        return _PLAIN_WORD.findall(text)
    matches = _STRETCH_OR_WORD.finditer(text)
    return [part for match in matches for part in (stretch_parts(match[0]) if match["stretch"] else [match[0]])]


def _neighbours(stretch: str) -> list[str]:
    units = _UNIT.findall(stretch)
    return [unit + other for unit, other in pairwise(units)] or units


def spaced(text: str) -> str:
    """The text with spaces around each letter of a script that has none."""
    return text if text.isascii() else str(_UNIT.sub(r" \g<0> ", text))


def starts_unspaced(text: str) -> bool:
    """Whether its first letter is of a script without spaces, where a word has no visible edge."""
    return _UNIT.match(text) is not None


def count_words(text: str) -> int:
    """How many words a reader would count: what spaces part, and each letter of a script without them.

    >>> count_words("IL-6 is high."), count_words("東京です。")
    (3, 4)
    """
    return len(text.split()) if text.isascii() else sum(len(_PIECE.findall(part)) for part in text.split())


def cut_words(text: str, count: int) -> list[str]:
    """The text in parts of ``count`` words (the last may have fewer), single spaces within; none of a blank text.

    >>> cut_words("one two  three", 2), cut_words("東京です。", 3)
    (['one two', 'three'], ['東京で', 'す。'])
    """
    text = " ".join(text.split())
    ends = [match.end() for match in _PIECE.finditer(text)]
    edges = [0, *ends[count - 1 : -1 : count], len(text)]
    return [text[start:end].strip() for start, end in pairwise(edges)] if ends else []


def first_words(text: str, count: int) -> str:
    """The text as it is, or its first ``count`` words."""
    return text if count_words(text) <= count else cut_words(text, count)[0]
