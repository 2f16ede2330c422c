"""A document cut into passages at the ends of its sentences.

Passages go into a prompt k at a time and are cut there after ``passages.max_words``, so a longer one would lose its end
unseen. Half a sentence can state the opposite of the whole, so cuts fall between sentences. A fact told in two
sentences would be whole in neither of two passages that part them, so a passage begins with the last sentence of the
one before it.
"""

import re
from collections.abc import Sequence

from selfspec_assets.base.words import count_words, cut_words
from selfspec_assets.packs.corpora.contract import Chunks

# An end mark (Arabic, Indic, Burmese and Khmer ones, too), closing quotes or brackets, space, and something that begins
# a sentence. Chinese and Japanese have no space there.
_END = re.compile(r"[.!?…؟۔।॥။។]+[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\W_a-z])|[。！？]+[”’」』）]*(?=\S)")
_LAST_WORD = re.compile(r"([\w.]+)[.]$")
_ABBREVIATIONS = frozenset(
    (
        *("al", "approx", "ca", "cf", "dr", "e.g", "eq", "eqs", "etc", "ex", "fig", "figs", "i.e", "inc", "jr", "mr"),
        *("mrs", "ms", "no", "nos", "p", "pp", "prof", "ref", "refs", "resp", "sp", "spp", "sr", "st", "u.k", "u.s"),
        *("viz", "vol", "vs"),
    )
)


def sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph, white space between them left out; together they hold every word.

    A rule, not a model, and wrong now and then: after a known abbreviation or a single letter ("E. coli", "J. Smith")
    a full stop ends nothing.
    """
    parts, start = [], 0
    for match in _END.finditer(paragraph):
        before = paragraph[start : match.start() + 1]
        last = _LAST_WORD.search(before)
        if last and (last[1].lower() in _ABBREVIATIONS or (len(last[1]) == 1 and last[1].isalpha())):
            continue
        parts.append(paragraph[start : match.end()].strip())
        start = match.end()
    return [*parts, rest] if (rest := paragraph[start:].strip()) else parts


def passages(paragraphs: Sequence[str], rule: Chunks) -> list[str]:
    """Passages of at most ``rule.max_words`` words, about equally long, every sentence in at least one.

    Equally long, because the last of a document would otherwise be a scrap. Only a sentence that is itself longer than
    ``max_words`` is cut inside.
    """
    parts = [part for paragraph in paragraphs for sentence in sentences(paragraph) for part in _fitting(sentence, rule)]
    lengths = [count_words(part) for part in parts]
    total = sum(lengths)
    if total <= rule.max_words:
        return [" ".join(parts)] if parts else []
    wanted = total / -(-total // rule.max_words)
    cut, first, count = [], 0, 0  # the passage in the making is parts[first:number], count words long
    for number, length in enumerate(lengths):
        if number > first and (count + length > rule.max_words or count >= wanted):
            cut.append(" ".join(parts[first:number]))
            first = _repeated(lengths, first, number, rule)
            count = sum(lengths[first:number])
        count += length
    return [*cut, " ".join(parts[first:])]


def _repeated(lengths: Sequence[int], first: int, number: int, rule: Chunks) -> int:
    """Where the next passage begins: up to ``overlap`` sentences back, if what follows still fits.

    They are at most a third of a passage: one of two long sentences would else make neighbours near-duplicates.
    """
    start = number
    while start > max(first + 1, number - rule.overlap):
        again = sum(lengths[start - 1 : number])
        if again > rule.max_words // 3 or again + lengths[number] > rule.max_words:
            break
        start -= 1
    return start


def _fitting(sentence: str, rule: Chunks) -> list[str]:
    return [sentence] if count_words(sentence) <= rule.max_words else cut_words(sentence, rule.max_words)
