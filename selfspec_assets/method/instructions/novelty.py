"""Exact ROUGE-L novelty (paper, §3.2 after self-instruct): is a text too close to one that was kept before?"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import LCSseq
from rouge_score.scoring import fmeasure

from selfspec_assets.base.words import words

# Character codes stand for token ids, so that rapidfuzz compares strings; this many distinct tokens fit.
_MOST_TOKENS = 0x110000
# Bounds are derived in real numbers, fmeasure is rounded a few times: bounds give way by more than that.
_ROUNDING = 1e-9


def rouge_l(common: int, first: int, second: int) -> float:
    """ROUGE-L F of two texts of ``first`` and ``second`` tokens whose longest common subsequence is ``common``.

    rouge_score's own arithmetic (precision and recall rounded first), which 2·LCS/(m+n) does not always equal to
    the last bit; it is symmetric. 0 where either text has no token.
    """
    return float(fmeasure(common / first, common / second)) if first and second else 0.0


class NoveltyIndex:
    """Kept texts, and whether a new one has ROUGE-L F above the threshold with any of them.

    Decisions and scores are rouge_score's (stemmer off) over ``words``, which are its own tokens where a text is ASCII;
    found without comparing every pair. Write
    n and m for the token counts of the new and a kept text, L for their LCS, t for the threshold:

    1. F = 2L/(m+n) > t needs L > t(m+n)/2. As L ≤ m, it needs m > tn/(2-t), and so L > tn/(2-t) whatever m is.
    2. A common subsequence is a common multiset. With repeated words told apart by their count so far ("the" 1,
       "the" 2, …) texts are sets of elements, and L is at most the size of the intersection.
    3. So a text above the threshold shares at least o = ⌈tn/(2-t)⌉ of the new text's n elements, and by the pigeonhole
       principle at least one of *any* n-o+1 of them. Every element of every kept text is in the inverted index and
       only the new text's elements are chosen from; so any choice is lossless, and the rarest at this moment is the
       fastest. No order of tokens has to hold over time, as it would if kept texts were indexed by prefix too.
    4. A text met c times in the chosen n-o+1 shares at most c + (o-1) elements: dropped if that is below t(m+n)/2, or
       if m is. Only for the rest is the LCS computed (rapidfuzz, bit-parallel).

    Common words are among the chosen as well, so the texts that are met grow with the kept ones; counting them and
    step 4 are NumPy's, which makes that part of a query small beside the rest of it up to tens of thousands of texts.

    Args:
        threshold: in [0, 1]; a score equal to it is novel still.

    Raises:
        ValueError: a threshold outside [0, 1].
    """

    def __init__(self, threshold: float) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"a ROUGE-L threshold lies between 0 and 1, not {threshold}")
        self.threshold = threshold
        self._texts: list[str] = []
        self._encoded: list[str] = []
        self._ids: dict[str, int] = {}
        self._lengths = array("i")
        self._postings: defaultdict[tuple[str, int], array[int]] = defaultdict(lambda: array("i"))

    def __len__(self) -> int:
        """How many texts were added."""
        return len(self._texts)

    def add(self, text: str) -> None:
        """Keep a text, whether or not it is novel."""
        encoded = self._encode(text)
        for element in _elements(encoded):
            self._postings[element].append(len(self._texts))
        self._texts.append(text)
        self._encoded.append(encoded)
        self._lengths.append(len(encoded))

    def nearest(self, text: str) -> tuple[float, str] | None:
        """The highest score above the threshold and the kept text that has it (the earliest of equals), or None."""
        encoded = self._encode(text)
        candidates = {i: self._encoded[i] for i in self._candidates(encoded)}
        least = self._shared(len(encoded))
        best: tuple[float, int] | None = None
        scored = process.extract_iter(encoded, candidates, scorer=LCSseq.similarity, score_cutoff=least)
        for other, common, index in scored:
            score = rouge_l(int(common), len(encoded), len(other))
            if score > self.threshold and (best is None or (score, -index) > (best[0], -best[1])):
                best = score, index
        return None if best is None else (best[0], self._texts[best[1]])

    def _shared(self, size: int) -> int:
        """Step 1's o: how many tokens a text of ``size`` tokens shares at least with any text above the threshold."""
        return max(1, math.ceil(self.threshold * size / (2 - self.threshold) * (1 - _ROUNDING)))

    def _candidates(self, encoded: str) -> list[int]:
        """Steps 1, 3 and 4 of the class's proof: every kept text above the threshold, and few others."""
        size = len(encoded)
        shared = self._shared(size)
        postings = [self._postings[element] for element in _elements(encoded) if element in self._postings]
        unseen = size - len(postings)
        rarest = sorted(postings, key=len)[: max(0, size - shared + 1 - unseen)]
        if not rarest:
            return []
        met = np.bincount(np.concatenate([np.frombuffer(part, dtype=np.intc) for part in rarest]))
        indices = np.flatnonzero(met)
        lengths = np.frombuffer(self._lengths, dtype=np.intc)[indices]
        most = np.minimum(lengths, met[indices] + (shared - 1))
        kept: list[int] = indices[most >= self.threshold * (size + lengths) / 2 * (1 - _ROUNDING)].tolist()
        return kept

    def _encode(self, text: str) -> str:
        ids = [self._ids.setdefault(token, len(self._ids)) for token in words(text)]
        if len(self._ids) > _MOST_TOKENS:
            raise OverflowError(f"more than {_MOST_TOKENS} distinct words in the novelty index")
        return "".join(map(chr, ids))


def _elements(encoded: str) -> Iterator[tuple[str, int]]:
    """Each token with the number of times that it occurred before: a multiset as a set."""
    seen: Counter[str] = Counter()
    for token in encoded:
        yield token, seen[token]
        seen[token] += 1
