"""The step ``passages``: what is retrieved for each kept instruction (Eq. 1)."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.words import first_words
from selfspec_assets.method.retrieval.bm25 import effective_passages, relevance_weights
from selfspec_assets.method.retrieval.registered import RegisteredRetriever, load_retriever, make_retriever
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.recipe.sections import PassagesSection
from selfspec_assets.steps.index import has_index, signed_retriever
from selfspec_assets.steps.instructions import kept_instructions
from selfspec_assets.steps.job import INDEX_FOLDER, Job, Tables
from selfspec_assets.steps.lineage import Need
from selfspec_assets.steps.size import Counts, Forecast, Past
from selfspec_assets.steps.step import Check, Outcome, Step
from selfspec_assets.warehouse.rows import InstructionRow, PassageRow, RetrievalRow

MOST_WITHOUT = 0.05  # share of the questions that may find nothing before there is a warning
GROUP = 100  # queries to a chunk file: on a small corpus a query takes a millisecond, a file some


@plugins.step("passages", version="2")
class Passages(Step):
    """`corpus`, `instructions` → `retrievals`, `passages`. Eq. 1, with p_ret of Eq. 2 from the BM25 scores."""

    tables = (RetrievalRow, PassageRow)
    main_table = PassageRow
    checks = ("rows_reconcile", "weights_sum_to_one", "passages_found")
    kinds = frozenset({"bm25", "duckdb"})
    unit = "queries"
    told_by_files = frozenset({"index"})  # it follows wholly from the corpus, the retriever and its options

    def belongs_to(self, recipe: Recipe) -> bool:
        return not recipe.is_reference

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        if not recipe.passages.k_of(iteration):
            return [("instructions", iteration)]
        index: list[Need] = [("index", 0)] if has_index(recipe) else []
        return [("corpus", 0), *index, ("instructions", iteration)]

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        k = recipe.passages.k_of(iteration)
        if not k:
            return {"passages": {"k": 0}}
        section = recipe.passages.model_dump(mode="json")
        return {"passages": {**section, **signed_retriever(recipe), "k": k}}

    def counted(self, past: Past) -> Counts:
        return {"units": past.tables["retrievals"]}

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        return {"units": kept_instructions(forecast, iteration)}

    def make(self, job: Job) -> Outcome:
        settings = job.recipe.passages
        k = settings.k_of(job.iteration)
        kept = [row for row in job.read("instructions", InstructionRow) if row.kept]
        queries = [f"{row.instruction} {row.input}".strip() for row in kept]
        if k == 0:
            return Outcome(
                {
                    RetrievalRow: [
                        RetrievalRow(row.instruction_id, query, 0, 0.0)
                        for row, query in zip(kept, queries, strict=True)
                    ],
                    PassageRow: [],
                }
            )
        retriever: list[RegisteredRetriever] = []

        def make(indices: list[int]) -> list[dict[str, Any]]:
            if not retriever:
                retriever.append(_retriever(job))
            (group,) = indices
            asked = zip(kept[group * GROUP :][:GROUP], queries[group * GROUP :][:GROUP], strict=True)
            results = [_search(retriever[0], settings, k, row.instruction_id, query) for row, query in asked]
            return [
                {
                    "retrievals": [asdict(retrieval) for retrieval, _ in results],
                    "passages": [asdict(passage) for _, passages in results for passage in passages],
                }
            ]

        groups = math.ceil(len(kept) / GROUP)
        store = job.warehouse.chunks(job.signature, "passages")
        chunks = job.in_batches(store, groups, 1, f"groups of {GROUP} queries", make)
        retrievals = [RetrievalRow(**row) for chunk in chunks for row in chunk["retrievals"]]
        _refuse_nothing_found(job, retrievals)
        return Outcome(
            {RetrievalRow: retrievals, PassageRow: [PassageRow(**row) for chunk in chunks for row in chunk["passages"]]}
        )

    def check(self, job: Job, tables: Tables) -> list[Check]:
        retrievals: Any = tables[RetrievalRow]
        rows: Any = tables[PassageRow]
        kept = {row.instruction_id for row in job.read("instructions", InstructionRow) if row.kept}
        asked = [row.instruction_id for row in retrievals]
        hits = sum(row.hits for row in retrievals)
        sums: dict[int, float] = {}
        for row in rows:
            sums[row.instruction_id] = sums.get(row.instruction_id, 0.0) + row.p_ret
        off = [number for number, total in sums.items() if abs(total - 1) > 1e-9]
        return [
            Check(
                "rows_reconcile",
                sorted(asked) == sorted(kept) and hits == len(rows),
                f"{len(asked)} queries for {len(kept)} instructions; {hits} hits = {len(rows)} passages",
            ),
            Check("weights_sum_to_one", not off, f"p_ret does not sum to one for {len(off)} queries"),
            _passages_found(job, retrievals),
        ]

    def headline(self, tables: Tables) -> dict[str, Any]:
        retrievals: Any = tables[RetrievalRow]
        with_hits = [row.effective_passages for row in retrievals if row.hits]
        mean = sum(with_hits) / len(with_hits) if with_hits else 0.0
        return {"without a passage": len(retrievals) - len(with_hits), "mean effective passages": round(mean, 2)}


def _retriever(job: Job) -> RegisteredRetriever:
    """Over the index that is stored; of a retriever that stores none, made here."""
    settings, place = job.recipe.passages, f"{job.lineage.named.path}: passages.retriever"
    if has_index(job.recipe):
        folder = job.folder("index", INDEX_FOLDER)
        return load_retriever(settings.retriever, settings.options, folder, job.documents, place)
    job.report(f"{job.name}: indexing the corpus")
    return make_retriever(settings.retriever, settings.options, job.documents, place)


def _refuse_nothing_found(job: Job, retrievals: Sequence[RetrievalRow]) -> None:
    """Answers that were to be grounded would all be written without a passage, and nobody would see it."""
    if any(row.hits for row in retrievals):
        return
    reason = f"no passage was found for any of the {len(retrievals)} questions, and passages.k asks for some"
    remedy = "give the pack a corpus in the language and of the field of its seeds, or set passages.k: 0"
    if job.recipe.passages.options.get("idf") == "okapi":
        remedy = f"set passages.options.idf: lucene, by which no word weighs nothing; {remedy}"
    raise SelfspecError(f"{job.lineage.named.path}: {job.name}", reason, remedy)


def _search(
    retriever: RegisteredRetriever, settings: PassagesSection, k: int, instruction_id: int, query: str
) -> tuple[RetrievalRow, list[PassageRow]]:
    hits = retriever.top(query, k)
    scores = [hit.score for hit in hits]
    if settings.p_ret.normalise == "sum" and any(score <= 0 for score in scores):
        reason = f"retriever '{settings.retriever}' gave the score {min(scores)}, which p_ret cannot divide by a sum"
        raise SelfspecError("passages.p_ret", reason, "set passages.p_ret.normalise: softmax")
    weights = relevance_weights(scores, settings.p_ret.normalise, settings.p_ret.temperature)
    passages = [
        PassageRow(
            instruction_id=instruction_id,
            rank=rank,
            document_id=hit.document.id,
            title=hit.document.title,
            text=first_words(hit.document.text, settings.max_words),
            score=hit.score,
            p_ret=weight,
        )
        for rank, (hit, weight) in enumerate(zip(hits, weights, strict=True), start=1)
    ]
    return RetrievalRow(instruction_id, query, len(hits), effective_passages(weights) if hits else 0.0), passages


def _passages_found(job: Job, retrievals: Sequence[RetrievalRow]) -> Check:
    """A warning: some questions may well be outside of the corpus, but of many the retrieval is to be doubted."""
    without = sum(row.hits == 0 for row in retrievals)
    few = not job.recipe.passages.k_of(job.iteration) or without <= MOST_WITHOUT * len(retrievals)
    return Check("passages_found", few, f"{without} of {len(retrievals)} questions have no passage", warns=True)


def expected_passages(forecast: Forecast, iteration: int) -> int:
    """How many passages an iteration's answers read, or will read."""
    revision = forecast.made("passages", iteration)
    k = forecast.recipe.passages.k_of(iteration)
    return kept_instructions(forecast, iteration) * k if revision is None else revision.tables["passages"]
