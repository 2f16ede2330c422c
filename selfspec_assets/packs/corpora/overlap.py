"""Passages that hold text of a benchmark: found by runs of 13 words (Brown et al. 2020, appendix C).

A base model or an adapter that has read an item's answer in a retrieved passage is scored on its memory. So a passage
goes when it shares 13 ``words`` in a row with the input or a reference of an item; of a script without spaces they are
13 letters. Brown et al. cut a window of 200 characters out around a run; passages are short, so here the whole passage
goes. Texts of fewer than 13 words cannot be looked for (a yes, a name, a label): items without any longer text are
counted.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from selfspec_assets.base.words import words
from selfspec_assets.packs.corpora.ngrams import Hashes, ngram_hashes, word_hashes

N = 13


class BenchmarkText:
    """The runs of 13 words of all items; 12 bytes each (a million words of benchmarks: 12 MB).

    Args:
        items: name ("benchmark/id") of each item, and its texts.
    """

    def __init__(self, items: Iterable[tuple[str, Sequence[str]]]) -> None:
        self._names: list[str] = []
        self.too_short: list[str] = []  # items without a text of 13 words
        keys: list[Hashes] = []
        owners: list[NDArray[np.int32]] = []
        for name, texts in items:
            text_hashes = [ngram_hashes(word_hashes(words(text)), N) for text in texts]
            if not any(len(runs) for runs in text_hashes):
                self.too_short.append(name)
                continue
            keys += text_hashes
            owners += [np.full(len(runs), len(self._names), dtype=np.int32) for runs in text_hashes]
            self._names.append(name)
        together = np.concatenate(keys) if keys else np.empty(0, dtype=np.uint64)
        order = np.argsort(together, kind="stable")  # stable: of items that share a run the first is named
        self._keys = together[order]
        self._owners = np.concatenate(owners)[order] if owners else np.empty(0, dtype=np.int32)

    def __len__(self) -> int:
        """Items that can be looked for."""
        return len(self._names)

    def find(self, tokens: Sequence[str], hashes: Hashes) -> tuple[str, str] | None:
        """The item that the passage's first shared run belongs to, and the run itself; None if there is none.

        Args:
            tokens: the passage's words.
            hashes: their numbers, shape (words,).
        """
        runs = ngram_hashes(hashes, N)
        if not len(runs) or not len(self._keys):
            return None
        places = np.minimum(np.searchsorted(self._keys, runs), len(self._keys) - 1)
        shared = np.flatnonzero(self._keys[places] == runs)
        if not shared.size:
            return None
        first = int(shared[0])
        return self._names[self._owners[places[first]]], " ".join(tokens[first : first + N])
