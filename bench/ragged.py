"""Documents for the retrieval benches: of ragged length, of words as frequent as Zipf's law has them, or real ones."""

from collections.abc import Iterator

import numpy as np

from selfspec_assets.packs.corpora.documents import Document

LEAST, MOST = 20, 300  # words of a document; abstracts have about as many
QUERY_WORDS = 40  # at most; an instruction with its input


def ragged(count: int, vocabulary: int, seed: int = 0) -> Iterator[Document]:
    """``count`` documents of ``LEAST`` to ``MOST`` words out of ``vocabulary``, the r-th of them with weight 1/r."""
    rng = np.random.default_rng(seed)
    words = np.array([f"word{rank}" for rank in range(vocabulary)], dtype=object)
    shares = np.cumsum(1 / np.arange(1, vocabulary + 1))
    shares /= shares[-1]
    for number in range(count):
        drawn = np.searchsorted(shares, rng.random(rng.integers(LEAST, MOST)))
        yield Document(str(number), "", " ".join(words[drawn]))


def queries(count: int, vocabulary: int, seed: int = 1) -> list[str]:
    """The first words of documents that are not in the corpus of another seed; at most ``QUERY_WORDS``."""
    return [" ".join(document.text.split()[:QUERY_WORDS]) for document in ragged(count, vocabulary, seed)]
