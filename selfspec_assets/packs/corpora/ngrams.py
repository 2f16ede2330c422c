"""Runs of n words as 64-bit numbers: what de-duplication and decontamination compare.

Words are those of ``words``: without case, letters and digits of any script, punctuation left out. A number stands for
a run of words; that two different runs of a corpus of 10¹⁰ runs meet in one of 10⁷ of a benchmark has a chance of one
in 180. The same on every machine and in every process, unlike Python's own ``hash``.
"""

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def mixed(values: Hashes) -> Hashes:
    """SplitMix64's finaliser (Steele, Lea, Flood 2014): every bit of the input moves about half of the output's."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def word_hashes(tokens: Sequence[str]) -> Hashes:
    """One number per word, shape (words,)."""
    # Its length beside its CRC: 40 bits, so that hardly any two words of a vocabulary share a number.
    codes = [crc32(raw) | len(raw) << 32 for raw in (token.encode("utf-8", "surrogatepass") for token in tokens)]
    return mixed(np.array(codes, dtype=np.uint64) + _MULTIPLIER)


def ngram_hashes(hashes: Hashes, n: int) -> Hashes:
    """One number per run of ``n`` words, in order, shape (words − n + 1,); empty for a shorter text."""
    count = len(hashes) - n + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    numbers = np.zeros(count, dtype=np.uint64)
    for offset in range(n):
        numbers = numbers * _MULTIPLIER + hashes[offset : offset + count]
    return mixed(numbers)
