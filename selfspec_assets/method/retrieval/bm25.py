"""BM25 over an unlabelled corpus, and p_ret of Eq. 2 (paper, §3.3: d_{1:k} = M_ret(i ⊕ c))."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from rank_bm25 import BM25Okapi

from selfspec_assets import plugins
from selfspec_assets.base.words import search_terms
from selfspec_assets.packs.corpora.documents import Document

Idf = Literal["lucene", "okapi"]
Floats = NDArray[np.float64]
_PIECE = 1 << 20


class Hit(NamedTuple):
    """A document with its score; BM25's is above zero."""

    document: Document
    score: float


class _Postings(BM25Okapi):  # type: ignore[misc]  # rank_bm25 has no types
    """rank_bm25's idf, document lengths and their mean, without its table of words for each document.

    Those tables take some 10 kB each. Here a document's words are three numbers each in flat arrays, in the order of
    the documents; everything else is the library's own code.
    """

    def _initialize(self, corpus: Iterable[Sequence[int]]) -> dict[int, int]:
        self.terms, self.counts, self.owners = array("i"), array("i"), array("i")
        self.doc_len = array("i")
        for owner, document in enumerate(corpus):
            frequencies = Counter(document)
            self.terms.extend(frequencies.keys())
            self.counts.extend(frequencies.values())
            self.owners.extend([owner] * len(frequencies))
            self.doc_len.append(len(document))
        self.corpus_size = len(self.doc_len)
        self.avgdl = sum(self.doc_len) / self.corpus_size
        # In the order in which words were first seen, so that rank_bm25 adds up their idf in its own order.
        return dict(enumerate(np.bincount(np.frombuffer(self.terms, dtype=np.int32)).tolist()))


@plugins.retriever("bm25", version="1")
class Bm25Retriever:
    """The k best documents by BM25, looked up in an inverted index.

    rank_bm25's ``BM25Okapi`` is the source of document lengths, their mean and the form of a word's share. Its
    ``get_scores`` visits every document for every query word; here each word's share of the score is worked out once
    per document that holds it, and added up in the query's order. With its own idf scores are the same floats (with
    b = 1 an empty document scores 0 here, 0/0 there).

    What a word weighs, of N documents that n hold:

    - ``lucene``: log(1 + (N − n + 0.5) / (n + 0.5)) (Robertson et al. 1995, as Lucene keeps it above zero);
    - ``okapi``: rank_bm25's, which is zero for a word of half of the documents and negative beyond that; negative ones
      are floored at epsilon times the mean idf. In a small or uniform corpus no score may be above zero.

    Memory: 12 bytes per distinct word of a document once built, about three times as much while building; the
    documents themselves may stay on the disk.

    Args:
        documents: the corpus, read once and then by place; order breaks ties.
        k1: how fast repeated words saturate.
        b: how far long documents are discounted, 0 to 1.
        idf: what a word weighs.

    Raises:
        ValueError: no document holds a single word, so there is nothing to find.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        k1: Annotated[float, Field(ge=0)] = 1.5,
        b: Annotated[float, Field(ge=0, le=1)] = 0.75,
        idf: Idf = "lucene",
    ) -> None:
        self._documents = documents
        self._ids: dict[str, int] = {}
        if not any(search_terms(f"{d.title} {d.text}") for d in documents):
            raise ValueError("no document of the corpus holds a word")
        okapi = _Postings((self._encode(f"{d.title} {d.text}") for d in documents), k1=k1, b=b)
        self._order_by_word(okapi, idf)

    def _encode(self, text: str) -> list[int]:
        return [self._ids.setdefault(word, len(self._ids)) for word in search_terms(text)]

    def _order_by_word(self, okapi: Any, weighing: Idf) -> None:
        """Flat arrays: where each word's documents start, those documents, the word's share of their scores."""
        term = np.frombuffer(okapi.terms, dtype=np.int32)
        order = np.argsort(term, kind="stable")  # stable: a word's documents stay in corpus order
        self._owners = np.frombuffer(okapi.owners, dtype=np.int32)[order]
        holding = np.bincount(term, minlength=len(self._ids))  # documents, by word
        self._starts = np.concatenate(([0], np.cumsum(holding)))
        frequency, length = np.frombuffer(okapi.counts, dtype=np.int32), np.array(okapi.doc_len)
        if weighing == "okapi":
            idf = np.array([okapi.idf[word] for word in range(len(self._ids))])
        else:
            idf = np.log1p((len(length) - holding + 0.5) / (holding + 0.5))
        self._shares: Floats = np.empty(len(order))
        for start in range(0, len(order), _PIECE):  # piece by piece: what stands in between takes 40 bytes each
            piece = slice(start, start + _PIECE)
            places, owners = order[piece], self._owners[piece]
            # rank_bm25's own expression, operation by operation, so that not even the last bit differs.
            norm = okapi.k1 * (1 - okapi.b + okapi.b * length[owners] / okapi.avgdl)
            counts = frequency[places]
            self._shares[piece] = idf[term[places]] * (counts * (okapi.k1 + 1) / (counts + norm))

    def scores(self, query: str) -> Floats:
        """The BM25 score of every document, shape (documents,); a word repeated in the query counts again."""
        total = np.zeros(len(self._documents))
        for word in search_terms(query):
            index = self._ids.get(word)
            if index is not None:
                postings = slice(self._starts[index], self._starts[index + 1])
                total[self._owners[postings]] += self._shares[postings]
        return total

    def top(self, query: str, k: int) -> list[Hit]:
        """At most ``k`` documents with a score above zero, best first, ties in corpus order."""
        total = self.scores(query)
        places = np.flatnonzero(total > 0)
        if k < 1 or not places.size:
            return []
        if places.size > k:
            least = np.partition(total[places], -k)[-k]
            places = places[total[places] >= least]  # everything tied with the k-th, for the corpus order to decide
        best = places[np.argsort(-total[places], kind="stable")][:k]
        return [Hit(self._documents[i], float(total[i])) for i in best]


def relevance_weights(
    scores: Sequence[float], normalise: Literal["sum", "softmax"] = "sum", temperature: float = 1.0
) -> list[float]:
    """p_ret of Eq. 2: the hits' scores as weights that sum to one.

    ``sum`` is score / Σ scores and knows no temperature (it must be 1); ``softmax`` is softmax(scores / temperature).

    Raises:
        ValueError: an unknown form, a temperature that the form does not allow, or a score that is not finite
            (for ``sum``: not above zero).
    """
    if normalise not in ("sum", "softmax"):
        raise ValueError(f"normalise is 'sum' or 'softmax', not {normalise!r}")
    if normalise == "sum" and temperature != 1.0:
        raise ValueError(f"normalise 'sum' takes no temperature other than 1, not {temperature}")
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"the temperature is above zero and finite, not {temperature}")
    if not all(math.isfinite(s) and (normalise == "softmax" or s > 0) for s in scores):
        raise ValueError(f"scores that cannot be weighed by {normalise!r}: {list(scores)}")
    if not scores:
        return []
    # Divided by (or, for softmax, lowered by) the greatest first: no overflow, whatever the scale.
    greatest = max(scores)
    if normalise == "sum":
        raw = [s / greatest for s in scores]
    else:
        raw = [math.exp((s - greatest) / temperature) for s in scores]
    total = math.fsum(raw)
    return [value / total for value in raw]


def effective_passages(weights: Sequence[float]) -> float:
    """1 / Σ p²: k for k equal weights, 1 for a one-hot, 0 for no passage at all."""
    return 1.0 / math.fsum(p * p for p in weights) if weights else 0.0
