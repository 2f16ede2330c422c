"""The assets ``base_predictions`` and ``predictions``: what base and adapter answer on the benchmarks (Section 4.1)."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import random_seed, text_digest
from selfspec_assets.method.decoding import Generation, fits, greedy
from selfspec_assets.method.instructions.asking import answer_stop
from selfspec_assets.method.prompts import evaluation_prompt
from selfspec_assets.method.scoring.item_draw import draw_order
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.packs.records import demonstrating
from selfspec_assets.packs.scored_benchmarks import scored_benchmarks, too_few_demonstrations
from selfspec_assets.packs.seed_sample import recipe_seeds
from selfspec_assets.recipe.recipe import Recipe, settings_for
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage, Need
from selfspec_assets.steps.size import Counts, Forecast, Past, Size
from selfspec_assets.steps.step import Check, Outcome, Step
from selfspec_assets.warehouse.rows import BenchmarkItemRow, SeedRow
from selfspec_assets.warehouse.score_rows import PredictionRow

TOO_LONG = "too_long"
CHUNK = 4  # batches that one call decodes: places of short answers go to the next prompts; a kill loses so many


@plugins.step("predictions", version="3")
class Predictions(Step):
    """`benchmarks`, `seeds`, `adapter` → the adapter's `predictions`, in the Alpaca template. Section 4.1."""

    tables = (PredictionRow,)
    checks = ("rows_reconcile", "not_empty")
    kinds = frozenset({"huggingface", "duckdb"})
    holds_model = True
    unit = "predictions"

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [("seeds", 0), ("benchmarks", 0), ("adapter", iteration)]

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        settings = question_settings(recipe)
        settings["scores"].pop("base_variants")
        return settings

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        # Items and demonstrations are drawn by the domain's name; the labels of the response prompt end an answer.
        labels = "\n".join(lineage.pack(domain).response_prompt.labels)
        return {"model": lineage.model_identity, "domain": domain, "labels": text_digest(labels)}

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        pack = lineage.pack(domain)
        return too_few_demonstrations(lineage.named, pack, recipe_seeds(pack, lineage.recipe))

    def size(self, settings: Mapping[str, Any], counts: Counts) -> Size:
        shots, units = settings["scores"]["shots"], counts["units"]
        return Size(units, units * sum(1 + k for k in shots) / len(shots), units, disk=units)

    def counted(self, past: Past) -> Counts:
        return {"units": past.tables["predictions"]}

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        return {"units": expected_questions(forecast, base=self.name == "base_predictions")}

    def make(self, job: Job) -> Outcome:
        section = job.recipe.scores
        questions = questions_of(job)  # before the model: what is wrong with them shows in no time
        model = job.model()
        adapter = job.adapter(job.iteration)
        prompts = [question.prompt for question in questions]
        possible = askable(model, prompts, section.max_new_tokens)

        def make(indices: list[int]) -> list[dict[str, Any]]:
            made = ask(job, model, [prompts[possible[i]] for i in indices], adapter)
            return [
                {"text": g.text, "finish": g.finish, "tokens": g.tokens, "prompt_tokens": g.prompt_tokens} for g in made
            ]

        store = job.warehouse.chunks(job.signature, "predictions")
        results = job.in_batches(store, len(possible), CHUNK * section.batch_size, "predictions", make)
        by_question = {possible[i]: value for i, value in enumerate(results)}
        too_long = {"text": "", "finish": TOO_LONG, "tokens": 0}
        digest = job.adapter_digest(adapter)
        rows = [
            prediction_row(question, prompts[i], by_question.get(i, too_long), model.digest, digest)
            for i, question in enumerate(questions)
        ]
        return Outcome(
            {PredictionRow: rows},
            input_tokens=sum(r["prompt_tokens"] for r in results),
            output_tokens=sum(r["tokens"] for r in results),
        )

    def check(self, job: Job, tables: Tables) -> list[Check]:
        rows: Any = tables[PredictionRow]
        asked = len(questions_of(job))
        answered = sum(row.finish != TOO_LONG for row in rows)
        return [
            Check(
                "rows_reconcile",
                len(rows) == asked,
                f"{asked} asked = {answered} answered + {len(rows) - answered} whose prompt does not fit the context",
            ),
            Check("not_empty", answered > 0, f"{answered} predictions"),
        ]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[PredictionRow]
        return {f"finish/{name}": count for name, count in Counter(row.finish for row in rows).items()}


@dataclass(frozen=True)
class Question:
    """One prompt to answer."""

    variant: str
    shots: int
    item: BenchmarkItemRow
    demonstrations: tuple[SeedRow, ...]

    @property
    def prompt(self) -> str:
        return evaluation_prompt(self.variant)(self.item.instruction, self.item.input, self.demonstrations)


def questions_of(job: Job) -> list[Question]:
    """Every variant × shots × item; base and adapter see the same items and the same demonstrations."""
    section = job.recipe.scores
    variants = section.base_variants if job.step == "base_predictions" else ("alpaca",)
    items = chosen_items(job)
    seeds = job.read("seeds", SeedRow)
    few = too_few_demonstrations(job.lineage.named, job.pack, seeds)
    if few is not None:
        raise few
    return [
        Question(variant, shots, item, demonstrations_for(job, item, shots, seeds))
        for variant in variants
        for shots in section.shots
        for item in items
    ]


def chosen_items(job: Job) -> list[BenchmarkItemRow]:
    """The items that are asked, in the order of their files."""
    section = job.recipe.scores
    wanted = {one.name for one in scored_benchmarks(job.lineage.named, job.pack)}
    items = [item for item in job.read("benchmarks", BenchmarkItemRow) if item.benchmark in wanted]
    limit = section.items_per_benchmark
    if limit is None:
        return items
    if section.items == "first":
        return [item for item in items if item.item < limit]
    by_benchmark: dict[str, list[BenchmarkItemRow]] = {}
    for item in items:
        by_benchmark.setdefault(item.benchmark, []).append(item)
    drawn = {
        (name, item.item)
        for name, own in by_benchmark.items()
        for item in draw_order(own, random_seed(job.recipe.seed, job.domain, "items", name))[:limit]
    }
    return [item for item in items if (item.benchmark, item.item) in drawn]


def question_settings(recipe: Recipe) -> dict[str, Any]:
    """What of a recipe decides the questions; its seed only where it draws items or demonstrations."""
    settings: dict[str, Any] = settings_for(recipe, "seed", "scores")
    settings["scores"].pop("resamples")
    scores = recipe.scores
    draws_items = scores.items == "drawn" and scores.items_per_benchmark is not None
    if not draws_items and not any(scores.shots):
        settings.pop("seed")
    return settings


def demonstrations_for(job: Job, item: BenchmarkItemRow, shots: int, seeds: list[SeedRow]) -> tuple[SeedRow, ...]:
    """``shots`` seeds that demonstrate this benchmark or its task, drawn for each item from the item's own seed."""
    own = demonstrating(seeds, item.benchmark, item.task)
    drawing = random.Random(random_seed(job.recipe.seed, job.domain, "demonstrations", item.benchmark, item.item))
    return tuple(drawing.sample(own, len(own))[:shots])


def askable(model: LanguageModel, prompts: Sequence[str], max_new_tokens: int) -> list[int]:
    """The places of the prompts that fit the context, in a fixed order: neighbours of like length share a batch."""
    possible = [i for i, prompt in enumerate(prompts) if fits(model, prompt, max_new_tokens)]
    return sorted(possible, key=lambda i: (len(prompts[i]), i))


def ask(job: Job, model: LanguageModel, prompts: Sequence[str], adapter: str | None) -> list[Generation]:
    """Greedy answers, of at most the recipe's length, that end where every answer to a benchmark ends."""
    section = job.recipe.scores
    return greedy(
        model,
        prompts,
        max_new_tokens=section.max_new_tokens,
        stop=answer_stop(model.spec, job.pack.response_prompt),
        adapter=adapter,
        batch_size=section.batch_size,
    )


def prediction_row(
    question: Question, prompt: str, made: dict[str, Any], model_digest: str, adapter_digest: str | None
) -> PredictionRow:
    return PredictionRow(
        model="base" if adapter_digest is None else "adapter",
        variant=question.variant,
        shots=question.shots,
        benchmark=question.item.benchmark,
        item=question.item.item,
        item_id=question.item.item_id,
        demonstration_ids=[seed.seed_id for seed in question.demonstrations],
        prompt_digest=text_digest(prompt),
        model_digest=model_digest,
        adapter_digest=adapter_digest,
        prediction=made["text"],
        finish=made["finish"],
        output_tokens=made["tokens"],
    )


def expected_questions(forecast: Forecast, base: bool) -> int:
    """How many questions base or adapter is asked."""
    section = forecast.recipe.scores
    limit, wanted = section.items_per_benchmark, section.benchmarks
    items = {name: count for name, count in forecast.benchmark_items.items() if wanted is None or name in wanted}
    asked = sum(count if limit is None else min(count, limit) for count in items.values())
    return asked * len(section.shots) * (len(section.base_variants) if base else 1)
