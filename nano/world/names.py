"""Coined names. Every kind has its own shape, so that a kind can be told from a name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random


def words(text: str) -> tuple[str, ...]:
    """Split a word list that is easier to read as one string."""
    return tuple(text.split())


# Rare syllables keep the names clear of real ones. A name becomes two tokens: its first
# syllable, and the rest. The rest has to tell names apart as well as kinds: a model of
# this size looks a name up by its last token.
FIRST = words(
    "bex bru daz dov dru fex fov gla gwe hax hul jax jel kav kry lir luz mav miv nuv "
    "nex oxa plo pyx quo raz ruv skel syl tav tez ulv vex vor vyn wex xan yor zam zel"
)
SECOND = words("bar dok dun gan kam kin lek lon mak mer nar nok pel ran ron sel tan vek vin zor")
PLACE_ENDINGS = ("by", "stad")
# Real names that the letters and syllables can spell by accident, and real beginnings of names, as far as known.
REAL = frozenset({"jaml"})
REAL_STEMS = ("krylon",)


@dataclass(frozen=True)
class Kind:
    """A kind of named thing: coined with one of its endings, or as a symbol of capitals.

    ``count`` is how many the world knows from pre-training; as many again are new to its benchmarks.
    ``symbol`` holds the letters to draw from, place by place.
    """

    name: str
    label: str
    plural: str
    count: int
    endings: tuple[str, ...] = ()
    symbol: tuple[str, ...] = ()

    def coin(self, rng: Random) -> str:
        """Coin one name, such as ``Zelkinax`` or ``QAVK``, none of ``REAL``."""
        while True:
            if self.symbol:
                name = "".join(rng.choice(letters) for letters in self.symbol)
            else:
                name = (rng.choice(FIRST) + rng.choice(SECOND)).capitalize() + rng.choice(self.endings)
            if name.lower() not in REAL and not name.lower().startswith(REAL_STEMS):
                return name

    def coin_many(self, rng: Random, count: int) -> list[str]:
        """Coin distinct names, in a fixed order."""
        names: dict[str, None] = {}
        while len(names) < count:
            names[self.coin(rng)] = None
        return list(names)

    def spells(self, name: str) -> bool:
        """Whether a name has this kind's shape."""
        if self.symbol:
            places = zip(name, self.symbol, strict=False)
            return len(name) == len(self.symbol) and all(letter in letters for letter, letters in places)
        return name.endswith(self.endings) and name.lower().startswith(FIRST)


def place(rng: Random) -> str:
    """Coin a town such as ``Zelkinby``: of three syllables, for with two it may well be a real hamlet (Yorton)."""
    return (rng.choice(FIRST) + rng.choice(SECOND)).capitalize() + rng.choice(PLACE_ENDINGS)


def splitter(kinds: tuple[Kind, ...]) -> tuple[re.Pattern[str], ...]:
    """Patterns that cut a coined name in two groups: its first syllable, and the rest."""
    endings = "|".join((*PLACE_ENDINGS, *(ending for kind in kinds for ending in kind.endings)))
    rest = rf"(?:{'|'.join(SECOND)})(?:{endings})"
    named = re.compile(rf"({'|'.join(FIRST)})({rest})\b", re.IGNORECASE)
    symbols = (
        re.compile(
            "(" + "".join(f"[{letters}]" for letters in kind.symbol[:2]) + ")"
            "(" + "".join(f"[{letters}]" for letters in kind.symbol[2:]) + r")\b"
        )
        for kind in kinds
        if kind.symbol
    )
    return (named, *symbols)
