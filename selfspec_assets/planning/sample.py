"""``selfspec plan --sample``: a short try of the steps that no past run tells about, on the recipe's real model.

Each step's own code runs, with a recipe that asks for a few units and inputs that stand for those of the steps before:
seeds for instructions and answers, the corpus's first documents for its passages. Nothing is stored. What is left out:
loading the model, the second model of a contrast (counted as twice the time), and the steps that need no model.
"""

import json
import tempfile
import time
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from selfspec_assets.base.files import size_of
from selfspec_assets.base.progress import Report
from selfspec_assets.base.words import first_words
from selfspec_assets.method.tuning.tune import tune
from selfspec_assets.packs.census import first_documents
from selfspec_assets.packs.corpora.documents import Document
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.records import Seed
from selfspec_assets.packs.scored_benchmarks import scored_benchmarks
from selfspec_assets.packs.seed_sample import recipe_seeds
from selfspec_assets.planning.costs import Cost, Past
from selfspec_assets.recipe.recipe import NamedRecipe, Recipe
from selfspec_assets.steps.adapter import fitting_examples, tuning_settings
from selfspec_assets.steps.benchmarks import item_row
from selfspec_assets.steps.job import Job, R
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.seeds import seed_row
from selfspec_assets.warehouse import Warehouse
from selfspec_assets.warehouse.rows import (
    BenchmarkItemRow,
    InstructionRow,
    PassageRow,
    RequestRow,
    ResponseRow,
    Row,
    SeedRow,
    TrainingItemRow,
)
from selfspec_assets.warehouse.score_rows import PredictionRow

REQUESTS = ANSWERS = ITEMS = 4
DOCUMENTS = 50


class Sampler:
    """Tries steps, each once per recipe and domain; the model is loaded at the first one."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._tried: dict[tuple[str, str, str], Past | None] = {}

    def of(self, lineage: Lineage, step: str, domain: str) -> Past | None:
        """What a few units of a step cost; None for one without a model or of further models, or if nothing fits.

        Raises:
            SelfspecError: the model, or a file that the prompts are made from.
        """
        if not lineage.step(step).holds_model or step == "further_predictions":  # other models, each with its own pace
            return None
        key = (lineage.named.name, step, domain)
        if key not in self._tried:
            self._report(f"sample: {step} of {domain}")
            with tempfile.TemporaryDirectory() as folder:
                job = _SampleJob(lineage, step, domain, Path(folder), self._report)
                self._tried[key] = _tuned(job) if step == "adapter" else _made(job)
        return self._tried[key]


class _SampleJob(Job):
    """A step's work on a few units of iteration 1, written by the base, in a warehouse that is thrown away."""

    def __init__(self, lineage: Lineage, step: str, domain: str, folder: Path, report: Report) -> None:
        named, pack = lineage.named, lineage.pack(domain)
        few = NamedRecipe(name=named.name, path=named.path, recipe=_of_few(named.recipe))
        super().__init__(Lineage(few, {domain: pack}), step, domain, 1, report)
        self.warehouse = Warehouse(folder)

    def adapter(self, iteration: int) -> str | None:
        """None was tuned yet."""
        return None

    def read(self, step: str, row_type: type[R], iteration: int | None = None) -> list[R]:
        """Rows that stand for those of a step that was not made."""
        stand_ins: dict[type[Row], Any] = {
            SeedRow: self._seed_rows,
            BenchmarkItemRow: self._items,
            InstructionRow: self._instructions,
            PassageRow: self._passages,
            ResponseRow: self._responses,
            TrainingItemRow: self._training_items,
        }
        rows: list[R] = stand_ins[row_type]()
        return rows

    @cached_property
    def documents(self) -> list[Document]:
        """The first ones, as their files have them."""
        return first_documents(self.pack, self.recipe.data, DOCUMENTS)

    @property
    def _seeds(self) -> list[Seed]:
        return recipe_seeds(self.pack, self.recipe)

    def _seed_rows(self) -> list[SeedRow]:
        return [seed_row(number, seed) for number, seed in enumerate(self._seeds)]

    def _items(self) -> list[BenchmarkItemRow]:
        """One of each of the first benchmarks."""
        kind = self.recipe.data
        return [
            item_row(benchmark, 0, load_items(self.pack, benchmark, kind)[0])
            for benchmark in scored_benchmarks(self.lineage.named, self.pack)[:ITEMS]
        ]

    def _instructions(self) -> list[InstructionRow]:
        return [
            InstructionRow(
                instruction_id=number,
                request=0,
                position=number,
                instruction=seed.instruction,
                input=seed.input,
                kept=True,
                reason=None,
                nearest=None,
                nearest_rouge_l=None,
                seed_ids=[],
                made_in_iteration=1,
            )
            for number, seed in enumerate(self._seeds[:ANSWERS])
        ]

    def _passages(self) -> list[PassageRow]:
        section = self.recipe.passages
        documents = first_documents(self.pack, self.recipe.data, section.k_of(1))
        return [
            PassageRow(
                instruction_id=row.instruction_id,
                rank=rank,
                document_id=document.id,
                title=document.title,
                text=first_words(document.text, section.max_words),
                score=1.0,
                p_ret=1 / len(documents),
            )
            for row in self._instructions()
            for rank, document in enumerate(documents, start=1)
        ]

    def _responses(self) -> list[ResponseRow]:
        return [
            ResponseRow(
                instruction_id=number,
                instruction=seed.instruction,
                input=seed.input,
                response=seed.output,
                verdict="kept",
                reason=None,
                finish="eos",
                tokens=0,
                passages=0,
                log_prob=None,
                marginal_changed=0,
                contrast_changed=0,
                prompt_digest="",
                model_digest="",
                adapter_digest=None,
                weaker_adapter_digest=None,
            )
            for number, seed in enumerate(self._seeds)
        ]

    def _training_items(self) -> list[TrainingItemRow]:
        return [
            TrainingItemRow(
                benchmark=seed.demonstrates,
                task=seed.task,
                item=number,
                item_id=seed.seed_id,
                instruction=seed.instruction,
                input=seed.input,
                references=[seed.output],
            )
            for number, seed in enumerate(self._seeds)
        ]


def _of_few(recipe: Recipe) -> Recipe:
    """The recipe with few units for each step."""
    scores = {"base_variants": recipe.scores.base_variants[:1], "items_per_benchmark": None}
    changes: dict[str, Any] = {
        "adapter": recipe.adapter.model_copy(update={"epochs": 1}),
        "scores": recipe.scores.model_copy(update=scores),
    }
    if not recipe.is_reference:
        # Below what a recipe may say: a sample that keeps nothing tells the pace all the same.
        few = {"max_requests": REQUESTS, "min_kept": 0}
        changes["instructions"] = recipe.loop.instructions.model_copy(update=few)
    return recipe.model_copy(update=changes)


def _made(job: _SampleJob) -> Past | None:
    """A step as it makes its rows; the model is there before the clock starts."""
    job.model()
    started = time.monotonic()
    outcome = job.lineage.step(job.step).make(job)
    seconds = time.monotonic() - started
    tables: Any = outcome.tables
    requests, answers = tables.get(RequestRow, ()), [row for row in tables.get(ResponseRow, ()) if row.tokens]
    units = len(requests) + len(answers) + sum(row.output_tokens > 0 for row in tables.get(PredictionRow, ()))
    if not units:  # no prompt fits the context
        return None
    counts = {"units": float(units), "passages": float(sum(row.passages for row in answers))}
    stored = sum(len(json.dumps(asdict(row))) for rows in tables.values() for row in rows)
    kept = sum(row.kept for row in tables.get(InstructionRow, ()))
    cost = Cost(outcome.input_tokens, outcome.output_tokens, seconds, stored)
    return _past(job, counts, cost, f"a sample of {units}", kept)


def _tuned(job: _SampleJob) -> Past | None:
    """Two optimiser steps: the first also waits for what is set up once, so both are taken to last as the second."""
    examples, tokens, _ = fitting_examples(job)
    batch = min(len(examples) // 2, job.recipe.adapter.micro_batch_size)
    if not batch:
        return None
    settings = tuning_settings(job.recipe).model_copy(update={"batch_size": batch, "micro_batch_size": batch})
    ends: list[float] = []
    job.release_model()  # tuning loads its own copy, and two of them might not fit
    folder, chosen = job.warehouse.root / "adapter", [example.pair for example in examples[: 2 * batch]]
    tune(job.lineage.model_spec, chosen, settings, folder, progress=lambda *_: ends.append(time.monotonic()))
    cost = Cost(sum(tokens[: 2 * batch]), 0.0, 2 * (ends[1] - ends[0]), size_of(folder))
    return _past(job, {"units": 2.0 * batch}, cost, f"a sample of {2 * batch} examples")


def _past(job: _SampleJob, counts: dict[str, float], cost: Cost, source: str, kept: float = 0.0) -> Past:
    return Past(job.lineage.step(job.step).size(job.lineage.settings(job.step, 1), counts), cost, source, kept)
