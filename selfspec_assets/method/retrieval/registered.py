"""A retriever by its registered name, held to its contract."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
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


def stores_index(plugin: plugins.Plugin) -> bool:
    """Whether a retriever's index can be built once and loaded again.

    Raises:
        SelfspecError: it has one of ``save`` and ``load`` without the other.
    """
    there = [name for name in ("save", "load") if callable(getattr(plugin.target, name, None))]
    if len(there) == 1:
        raise SelfspecError(str(plugin), f"has {there[0]} alone", "give it both save and load, or neither")
    return bool(there)


def make_retriever(
    name: str, options: Mapping[str, object], documents: Sequence[Document], place: object
) -> RegisteredRetriever:
    """The retriever of that name over a corpus.

    Args:
        place: who names it, for messages.

    Raises:
        SelfspecError: no such retriever, an option that it does not take, or it cannot be built on this corpus.
    """
    plugin, given = _named(name, options, place)
    with _told_of(name, place):
        return RegisteredRetriever(plugin, plugin.target(documents, **given))


def build_index(
    name: str, options: Mapping[str, object], folder: Path, documents: Sequence[Document], place: object
) -> dict[str, int]:
    """Has the retriever of that name write its index of a corpus into an empty folder; gives the figures it tells.

    Raises:
        SelfspecError: as ``make_retriever``; or it wrote nothing, or its figures are no whole numbers by name.
    """
    plugin, given = _named(name, options, place)
    with _told_of(name, place, OSError):  # of the disk, which the caller tells
        figures = plugin.target(documents, **given).save(folder) or {}
    if not any(folder.iterdir()):
        raise SelfspecError(str(plugin), "wrote no index", "correct the plug-in: save writes into the folder")
    if not isinstance(figures, Mapping) or not all(
        isinstance(key, str) and isinstance(value, int) for key, value in figures.items()
    ):
        reason = f"save gave {figures!r:.80}"
        raise SelfspecError(str(plugin), reason, "correct the plug-in: save gives {name: whole number} or nothing")
    return dict(figures)


def load_retriever(
    name: str, options: Mapping[str, object], folder: Path, documents: Sequence[Document], place: object
) -> RegisteredRetriever:
    """The retriever of that name over an index that ``build_index`` had it write of the same corpus.

    Raises:
        SelfspecError: as ``make_retriever``; or the index is damaged.
    """
    plugin, given = _named(name, options, place)
    with _told_of(name, place):
        retriever = plugin.target(documents, **given)
        retriever.load(folder)
        return RegisteredRetriever(plugin, retriever)


def _named(name: str, options: Mapping[str, object], place: object) -> tuple[plugins.Plugin, dict[str, Any]]:
    plugin = plugins.REGISTRY.get("retriever", name, place)
    return plugin, plugin.options(options, place)


@contextmanager
def _told_of(name: str, place: object, *others: type[Exception]) -> Iterator[None]:
    """Whatever a retriever raises while it is made names it, but for what is of the kinds in ``others``."""
    try:
        yield
    except Exception as error:
        if isinstance(error, (SelfspecError, *others)):
            raise
        said = str(error) if isinstance(error, ValueError | OSError) else repr(error)
        raise SelfspecError(place, f"retriever '{name}': {said}", "correct the corpus, or the retriever") from error
