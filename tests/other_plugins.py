"""Plug-ins of this process, for keys of a recipe of which selfspec brings only one value, or none."""

from collections.abc import Iterator, Sequence

from selfspec_assets import plugins
from selfspec_assets.packs.corpora.documents import Document
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.refining import RefiningStep, Verdict
from selfspec_assets.warehouse.rows import ResponseRow


@plugins.retriever("first", version="1")
class First:
    """The first documents of the corpus, whatever is asked."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents

    def top(self, query: str, k: int) -> list[tuple[Document, float]]:
        return [(self._documents[place], 1 / (place + 1)) for place in range(min(k, len(self._documents)))]


@plugins.step("accept", version="1")
class Accept(RefiningStep):
    """Kept `responses` → `verdicts`: all of them stay."""

    refines = "responses"

    def judge(self, job: Job, rows: Sequence[ResponseRow]) -> Iterator[Verdict]:
        for row in rows:
            yield Verdict(row.instruction_id, None)
