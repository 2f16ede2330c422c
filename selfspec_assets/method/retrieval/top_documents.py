"""The best documents of a query without scoring all of them, and with the very same result.

MaxScore (Turtle & Flood 1995): no word adds more to a score than its bound. Words are taken in the order of their
bounds, rare ones first. Once the k-th best sum so far is above all that the other words could add together, a document
that holds none of the words so far cannot be among the best any more; and of those that do, few are near enough. They
alone get their whole score, added up in the query's own order, so that not a bit of it differs from a full search.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from selfspec_assets.method.retrieval.inverted_index import InvertedIndex

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
_GROUP = 64  # documents whose best sum stands for one of them, where the k-th best is estimated
_FIRST = 32  # one in so many of the documents' number: postings that are added before the first estimate
_SURE = 0.5  # of the k-th best sum: bounds below that leave few documents to look at one by one
_ROUNDING = 1.2e-7  # of the sum of all bounds, for each word: more than sums in float32 are off by


def all_scores(index: InvertedIndex, terms: Sequence[int]) -> Floats:
    """Every document's score, shape (documents,); a word that comes twice counts twice."""
    total = np.zeros(index.documents)
    for term in terms:
        postings = slice(index.starts[term], index.starts[term + 1])
        total[index.owners[postings]] += index.weights[term] * index.impacts[index.codes[postings]]
    return total


def best(places: Places, scores: Floats, k: int) -> tuple[Places, Floats]:
    """The k best above zero of places in corpus order, best first, ties in corpus order."""
    places, scores = places[scores > 0], scores[scores > 0]
    if places.size > k:
        near = scores >= np.partition(scores, -k)[-k]  # everything tied with the k-th, for the corpus order to decide
        places, scores = places[near], scores[near]
    order = np.argsort(-scores, kind="stable")[:k]
    return places[order], scores[order]


def top(index: InvertedIndex, terms: Sequence[int], k: int) -> tuple[Places, Floats]:
    """At most k places of documents with a score above zero, and the scores; what ``all_scores`` would give.

    Args:
        terms: the query's words in their order.
        k: at least 1.
    """
    counts = Counter(terms)
    words = np.fromiter(counts, np.intp, len(counts))
    if (index.weights[words] < 0).any() or not terms:  # a sum could become smaller again
        total = all_scores(index, terms)
        return best(np.arange(index.documents), total, k)
    search = _Search(index, words, np.fromiter(counts.values(), float, len(counts)), k)
    places = search.candidates()
    shares = dict(zip(search.words.tolist(), search.shares(places), strict=True))
    scores = np.zeros(len(places))
    for term in terms:
        scores += shares[term]
    return best(places, scores, k)


class _Search:
    """One query: its different words, those of the largest bounds first."""

    def __init__(self, index: InvertedIndex, words: Places, counts: Floats, k: int) -> None:
        bounds = index.bounds[words] * counts
        order = np.argsort(-bounds, kind="stable")
        self.index, self.k = index, k
        self.words = words[order]
        self.counts = counts[order]
        self.weights = index.weights[self.words] * self.counts
        self.starts, self.ends = index.starts[self.words].tolist(), index.starts[self.words + 1].tolist()
        self.sizes = index.starts[self.words + 1] - index.starts[self.words]
        total = float(bounds.sum())
        self.rest = np.append(np.maximum(total - np.cumsum(bounds[order]), 0.0)[:-1], 0.0)  # of the words behind
        self.slack = total * _ROUNDING * (len(words) + 2)
        self.sums = np.zeros(index.documents, np.float32)
        self.added = 0  # words

    def candidates(self) -> Places:
        """Places, ascending, among which the k best are, and few others."""
        few = max(self.index.documents // _FIRST, 1)
        self._add(1 + int(np.searchsorted(np.cumsum(self.sizes), few)))
        least = self._least()
        for sure in (_SURE, 1.0):  # a better estimate may need a word more, but a worse one never does
            below = least * sure - self.slack
            if self.added < len(self.words) and self.rest[self.added - 1] >= below:
                self._add(1 + int(np.searchsorted(-self.rest, -below)))
                least = self._least()
        places = np.flatnonzero(
            self.sums >= max(least - self.rest[self.added - 1] - self.slack, np.finfo(np.float32).tiny)
        )
        sums = self.sums[places].astype(float)
        for word in range(self.added, len(self.words)):
            if len(places) <= 4 * self.k:
                break
            sums += self.weights[word] * self._impacts(word, places)
            near = sums >= least - self.rest[word] - self.slack
            places, sums = places[near], sums[near]
        return places

    def _add(self, end: int) -> None:
        """The shares of the words up to ``end`` into the sums; one word at a time, so that it stays in the cache."""
        end = min(max(end, self.added + 1), len(self.words))
        for word in range(self.added, end):
            row = self.index.common.get(int(self.words[word]))
            if row is not None:
                self.sums += row if self.counts[word] == 1 else row * np.float32(self.counts[word])
                continue
            part = slice(self.starts[word], self.ends[word])
            shares = self.index.impacts_as_float32.take(self.index.codes[part])
            shares *= np.float32(self.weights[word])
            np.add.at(self.sums, self.index.owners[part], shares)
        self.added = end

    def _least(self) -> float:
        """A score that the k-th best document has at least: of the best of each group the k-th."""
        groups = self.sums[: len(self.sums) // _GROUP * _GROUP].reshape(-1, _GROUP).max(axis=1)
        tail = self.sums[len(groups) * _GROUP :]
        bests = np.concatenate((groups, tail))
        return float(np.partition(bests, -self.k)[-self.k]) if len(bests) >= self.k else 0.0

    def _impacts(self, word: int, places: Places) -> Floats:
        """What a word's postings weigh in these documents; zero where it is not."""
        part = slice(self.starts[word], self.ends[word])
        owners = self.index.owners[part]
        found = owners.searchsorted(places)
        found[found == len(owners)] = 0
        impacts = self.index.impacts.take(self.index.codes[part].take(found))
        impacts[owners.take(found) != places] = 0.0
        return impacts

    def shares(self, places: Places) -> list[Floats]:
        """Each word's share of the scores of documents, once, in the order of ``words``."""
        weights = self.index.weights[self.words].tolist()
        return [weight * self._impacts(word, places) for word, weight in enumerate(weights)]
