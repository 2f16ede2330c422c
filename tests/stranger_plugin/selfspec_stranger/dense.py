"""Retrieval by the cosine of letter-trigram vectors, which a misspelt query survives."""

from collections.abc import Sequence

import numpy as np

from selfspec_assets import plugins
from selfspec_assets.packs.corpora.documents import Document
from selfspec_stranger.vectors import embed


@plugins.retriever("dense", version="2")
class Dense:
    """The k documents whose vectors have the highest cosine with the query's."""

    def __init__(self, documents: Sequence[Document], *, dimensions: int = 512) -> None:
        self._documents, self._dimensions = documents, dimensions
        self._vectors = np.stack([embed(f"{one.title} {one.text}", dimensions) for one in documents])

    def top(self, query: str, k: int) -> list[tuple[Document, float]]:
        cosines = self._vectors @ embed(query, self._dimensions)
        best = np.argsort(-cosines, kind="stable")[:k]
        return [(self._documents[place], float(cosines[place])) for place in best if cosines[place] > 0]
