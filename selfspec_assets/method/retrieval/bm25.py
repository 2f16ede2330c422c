"""BM25 over an unlabelled corpus, and p_ret of Eq. 2 (paper, §3.3: d_{1:k} = M_ret(i ⊕ c))."""

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field
from rank_bm25 import BM25Okapi

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.words import search_terms
from selfspec_assets.method.retrieval.index_building import BLOCK_WORDS, IndexBuilder
from selfspec_assets.method.retrieval.inverted_index import InvertedIndex
from selfspec_assets.method.retrieval.top_documents import Floats, all_scores, top
from selfspec_assets.packs.corpora.documents import Document

Idf = Literal["lucene", "okapi"]


class Hit(NamedTuple):
    """A document with its score; BM25's is above zero."""

    document: Document
    score: float


class _Weights(BM25Okapi):  # type: ignore[misc]  # rank_bm25 has no types
    """rank_bm25's own idf of words that are counted already: in how many documents each one stands."""

    def __init__(self, documents: int, holding: Sequence[int]) -> None:
        self._documents, self._holding = documents, holding
        super().__init__(())

    def _initialize(self, corpus: object) -> dict[int, int]:
        self.corpus_size = self._documents
        # In the order in which words were first seen, so that rank_bm25 adds up their idf in its own order.
        return dict(enumerate(self._holding))


@plugins.retriever("bm25", version="1")
class Bm25Retriever:
    """The k best documents by BM25, looked up in an inverted index.

    rank_bm25's ``BM25Okapi`` is the source of the form of a word's share and of the idf ``okapi``. Its ``get_scores``
    visits every document for every query word; here only documents that hold the words are looked at, and of those only
    the ones that can be among the best (``top_documents``). With its own idf scores are the same floats (with b = 1 an
    empty document scores 0 here, 0/0 there).

    What a word weighs, of N documents that n hold:

    - ``lucene``: log(1 + (N − n + 0.5) / (n + 0.5)) (Robertson et al. 1995, as Lucene keeps it above zero);
    - ``okapi``: rank_bm25's, which is zero for a word of half of the documents and negative beyond that; negative ones
      are floored at epsilon times the mean idf. In a small or uniform corpus no score may be above zero.

    ``save`` writes the index to a folder in blocks, and ``load`` maps that into memory: then neither the index nor the
    documents need to fit (docs/retrieval.md). Without either it is built and held in memory at the first question.

    Args:
        documents: the corpus, read once and then by place; order breaks ties.
        k1: how fast repeated words saturate.
        b: how far long documents are discounted, 0 to 1.
        idf: what a word weighs.

    Raises:
        ValueError: at the first question: no document holds a single word, so there is nothing to find.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        k1: Annotated[float, Field(ge=0)] = 1.5,
        b: Annotated[float, Field(ge=0, le=1)] = 0.75,
        idf: Idf = "lucene",
    ) -> None:
        self._documents, self._k1, self._b, self._idf = documents, k1, b, idf
        self._opened: InvertedIndex | None = None

    @property
    def _index(self) -> InvertedIndex:
        if self._opened is None:
            with tempfile.TemporaryDirectory() as folder:
                self.save(Path(folder))
                self._opened = InvertedIndex(Path(folder), mapped=False)
        return self._opened

    def save(self, folder: Path, block_words: int = BLOCK_WORDS) -> dict[str, int]:
        """Writes the index into the empty folder ``folder``; gives its documents, terms and postings.

        Raises:
            ValueError: no document holds a single word.
        """
        builder = IndexBuilder(folder, block_words)
        builder.add_all(search_terms(f"{d.title} {d.text}") for d in self._documents)
        documents, holding = len(builder.lengths), builder.holding
        if self._idf == "okapi":
            by_word = _Weights(documents, holding.tolist()).idf
            weights = np.fromiter(by_word.values(), float, len(by_word))
        else:
            weights = np.log1p((documents - holding + 0.5) / (holding + 0.5))
        lengths, counts = builder.pairs
        # rank_bm25's own expression, operation by operation, so that not even the last bit differs.
        norm = self._k1 * (1 - self._b + self._b * lengths / (sum(builder.lengths) / documents))
        builder.write_weights(counts * (self._k1 + 1) / (counts + norm), weights)
        return builder.finish()

    def load(self, folder: Path) -> None:
        """Opens the index that ``save`` wrote and leaves it on the disk.

        Raises:
            SelfspecError: a file of it is absent or damaged, or it is one of another number of documents.
        """
        self._opened = InvertedIndex(folder)
        if self._opened.documents != len(self._documents):
            reason = f"is the index of {self._opened.documents} documents, and the corpus has {len(self._documents)}"
            raise SelfspecError(folder, reason, "delete the revision that holds it and run again")

    def _terms(self, query: str) -> list[int]:
        """The query's words that documents hold, as the index numbers them; one that comes twice counts twice."""
        return [term for word in search_terms(query) if (term := self._index.term(word)) is not None]

    def scores(self, query: str) -> Floats:
        """The BM25 score of every document, shape (documents,); a word repeated in the query counts again."""
        return all_scores(self._index, self._terms(query))

    def places(self, query: str, k: int) -> list[tuple[int, float]]:
        """At most ``k`` places of documents with a score above zero, and the scores; in the order of ``top``."""
        terms = self._terms(query)
        if k < 1 or not terms:
            return []
        places, scores = top(self._index, terms, k)
        return list(zip(places.tolist(), scores.tolist(), strict=True))

    def top(self, query: str, k: int) -> list[Hit]:
        """At most ``k`` documents with a score above zero, best first, ties in corpus order."""
        return [Hit(self._documents[place], score) for place, score in self.places(query, k)]


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
