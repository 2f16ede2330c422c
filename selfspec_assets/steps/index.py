"""The step ``index``: what passages are looked up in, made once of a corpus and left on the disk."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

from selfspec_assets import plugins
from selfspec_assets.base.files import remove, storing
from selfspec_assets.base.progress import Progress
from selfspec_assets.method.retrieval.registered import build_index, stores_index
from selfspec_assets.packs.corpora.documents import Document
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.job import INDEX_FOLDER, Job, Tables
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.step import Outcome, Step
from selfspec_assets.warehouse.rows import IndexRow


def has_index(recipe: Recipe) -> bool:
    """Whether a recipe looks passages up by a retriever whose index is stored."""
    if recipe.is_reference or not any(recipe.passages.k_of(n) for n in range(1, recipe.iterations + 1)):
        return False
    plugin = plugins.REGISTRY.find("retriever", recipe.passages.retriever)
    return plugin is not None and stores_index(plugin)


def signed_retriever(recipe: Recipe) -> dict[str, Any]:
    """The recipe's retriever and all of its options, as they count in signatures.

    Raises:
        SelfspecError: there is no such retriever, or it has no such option.
    """
    section, place = recipe.passages, "passages.retriever"
    plugin = plugins.REGISTRY.get("retriever", section.retriever, place)
    return {"retriever": plugin.identity, "options": plugin.options(section.options, place)}


@plugins.step("index", version="1")
class IndexStep(Step):
    """`corpus` → `indexes`, and the index itself. M_ret of Eq. 1: built once, shared by recipes and iterations."""

    per_iteration = False
    on_demand = True
    tables = (IndexRow,)
    kinds = frozenset({"duckdb"})

    def belongs_to(self, recipe: Recipe) -> bool:
        return has_index(recipe)

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [("corpus", 0)]

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        return {"passages": signed_retriever(recipe)}

    def make(self, job: Job) -> Outcome:
        section, place = job.recipe.passages, f"{job.lineage.named.path}: passages.retriever"
        documents = _Counted(job)
        folder = job.warehouse.work_folder(job.signature) / INDEX_FOLDER
        with storing(folder):
            remove(folder)  # half of it, of an attempt that was killed
            folder.mkdir()
            figures = build_index(section.retriever, section.options, folder, documents, place)
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        told = {"documents": len(documents), **figures, "bytes": size}
        rows = [IndexRow(section.retriever, figure, value) for figure, value in told.items()]
        return Outcome({IndexRow: rows}, {INDEX_FOLDER: folder})

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[IndexRow]
        figures = {row.figure: row.value for row in rows}
        return {**figures, "MB": round(figures["bytes"] / 1e6, 1)}


class _Counted(Sequence[Document]):
    """The documents of a job, which says how far reading them in their order has come."""

    def __init__(self, job: Job) -> None:
        self._documents, self._job = job.documents, job

    def __len__(self) -> int:
        return len(self._documents)

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | Sequence[Document]:
        return self._documents[index]

    def __iter__(self) -> Iterator[Document]:
        progress = Progress(f"{self._job.name}: documents", len(self), self._job.report)
        for number, document in enumerate(self._documents, start=1):
            yield document
            progress.to(number)
