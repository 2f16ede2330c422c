"""A retriever by its registered name, held to its contract."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.retrieval.bm25 import Hit
from selfspec_assets.packs.corpora.documents import Document

_REMEDY = "correct the plug-in: top(query, k) gives at most k (document, score), best first"


class RegisteredRetriever:
    """A retriever whose every result is looked at before it is used."""

    def __init__(self, plugin: plugins.Plugin, retriever: Any) -> None:
        self._plugin, self._retriever = plugin, retriever

    def top(self, query: str, k: int) -> list[Hit]:
        """At most ``k`` documents, best first.

        Raises:
            SelfspecError: the retriever fails, or gives too many, the same document twice, something that is no
                document, a score that is no finite number, or an order that is not from best to worst. Named.
        """
        with self._plugin.named_in_failures(query):
            hits = [Hit(document, score) for document, score in self._retriever.top(query, k)]
        if len(hits) > k:
            raise self._broken(f"gave {len(hits)} hits, not at most {k}")
        seen: set[str] = set()
        for hit in hits:
            if not isinstance(hit.document, Document):
                raise self._broken(f"gave {hit.document!r:.80}, which is no document of the corpus")
            if hit.document.id in seen:
                raise self._broken(f"gave document {hit.document.id!r} twice")
            if isinstance(hit.score, bool) or not isinstance(hit.score, float | int) or not math.isfinite(hit.score):
                raise self._broken(f"scored document {hit.document.id!r} with {hit.score!r}, not a finite number")
            seen.add(hit.document.id)
        if any(worse.score > better.score for better, worse in pairwise(hits)):
            raise self._broken("gave hits in an order that is not from best to worst")
        return hits

    def _broken(self, reason: str) -> SelfspecError:
        return SelfspecError(str(self._plugin), reason, _REMEDY)


def make_retriever(
    name: str, options: Mapping[str, object], documents: Sequence[Document], place: object
) -> RegisteredRetriever:
    """The retriever of that name over a corpus.

    Args:
        place: who names it, for messages.

    Raises:
        SelfspecError: no such retriever, an option that it does not take, or it cannot be built on this corpus.
    """
    plugin = plugins.REGISTRY.get("retriever", name, place)
    given = plugin.options(options, place)
    try:
        return RegisteredRetriever(plugin, plugin.target(documents, **given))
    except SelfspecError:
        raise
    except Exception as error:
        said = str(error) if isinstance(error, ValueError) else repr(error)
        raise SelfspecError(place, f"retriever '{name}': {said}", "correct the corpus, or the retriever") from error
