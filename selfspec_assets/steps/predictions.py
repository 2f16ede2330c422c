"""The assets ``base_predictions`` and ``predictions``: what base and adapter answer on the benchmarks (Section 4.1)."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

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
from selfspec_assets.recipe.sections import CHAT
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage, Need
from selfspec_assets.steps.size import Counts, Forecast, Past, Size
from selfspec_assets.steps.step import Check, Outcome, Step
from selfspec_assets.warehouse.rows import BenchmarkItemRow, Row, SeedRow
from selfspec_assets.warehouse.score_rows import PredictionRow

TOO_LONG = "too_long"
CHUNK = 4  # batches that one call decodes: places of short answers go to the next prompts; a kill loses so many


@plugins.step("predictions", version="3")
class Predictions(Step):
    """`benchmarks`, `seeds`, `adapter` → the adapter's `predictions`, in the Alpaca template. Section 4.1."""

    tables: ClassVar[tuple[type[Row], ...]] = (PredictionRow,)
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
        return {"model": lineage.model_identity, **read_beside(lineage, domain)}

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        pack = lineage.pack(domain)
        return too_few_demonstrations(lineage.named, pack, recipe_seeds(pack, lineage.recipe))

    def size(self, settings: Mapping[str, Any], counts: Counts) -> Size:
        shots, units = settings["scores"]["shots"], counts["units"]
        return Size(units, units * sum(1 + k for k in shots) / len(shots), units, disk=units)

    def counted(self, past: Past) -> Counts:
        return {"units": past.tables["predictions"]}

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        return {"units": expected_questions(forecast, 1)}

    def make(self, job: Job) -> Outcome:
        questions = questions_of(job)  # before the model: what is wrong with them shows in no time
        model = job.model()
        answers = answered(job, questions, model, job.adapter(job.iteration), "predictions")
        return Outcome({PredictionRow: answers.rows}, input_tokens=answers.read, output_tokens=answers.written)

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
        template = "plain" if self.variant == CHAT else self.variant  # the tokenizer puts it into the chat template
        return evaluation_prompt(template)(self.item.instruction, self.item.input, self.demonstrations)


class Answers(NamedTuple):
    """One model's rows, and how many tokens it read and wrote."""

    rows: list[PredictionRow]
    read: int
    written: int


def answered(
    job: Job,
    questions: Sequence[Question],
    model: LanguageModel,
    adapter: str | None,
    store: str,
    name: str | None = None,
) -> Answers:
    """What a model answers, in batches that survive kills.

    Args:
        store: the name of its chunks.
        name: of a further model; None: base or adapter.
    """
    section = job.recipe.scores
    prompts = [question.prompt for question in questions]
    possible = askable(model, prompts, section.max_new_tokens)

    def make(indices: list[int]) -> list[dict[str, Any]]:
        made = ask(job, model, [prompts[possible[i]] for i in indices], adapter)
        return [
            {"text": g.text, "finish": g.finish, "tokens": g.tokens, "prompt_tokens": g.prompt_tokens} for g in made
        ]

    chunks = job.warehouse.chunks(job.signature, store)
    what = f"predictions of {name}" if name else "predictions"
    results = job.in_batches(chunks, len(possible), CHUNK * section.batch_size, what, make)
    by_question = {possible[i]: value for i, value in enumerate(results)}
    too_long = {"text": "", "finish": TOO_LONG, "tokens": 0}
    digest = job.adapter_digest(adapter) if adapter else None
    called = name or ("base" if digest is None else "adapter")
    rows = [
        prediction_row(called, question, prompts[i], by_question.get(i, too_long), model.digest, digest)
        for i, question in enumerate(questions)
    ]
    return Answers(rows, sum(r["prompt_tokens"] for r in results), sum(r["tokens"] for r in results))


def variants_of(job: Job) -> tuple[str, ...]:
    """The prompts that the step's models are asked with."""
    section = job.recipe.scores
    if job.step == "further_predictions":
        return tuple(model.prompt for model in section.further_models)
    return section.base_variants if job.step == "base_predictions" else ("alpaca",)


def questions_of(job: Job, variants: Sequence[str] | None = None) -> list[Question]:
    """Every variant × shots × item; all models see the same items and the same demonstrations.

    Args:
        variants: the prompts; None: all of the step.
    """
    section = job.recipe.scores
    items = chosen_items(job)
    seeds = job.read("seeds", SeedRow)
    few = too_few_demonstrations(job.lineage.named, job.pack, seeds)
    if few is not None:
        raise few
    return [
        Question(variant, shots, item, demonstrations_for(job, item, shots, seeds))
        for variant in variants or variants_of(job)
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
    settings["scores"].pop("further_models")
    scores = recipe.scores
    draws_items = scores.items == "drawn" and scores.items_per_benchmark is not None
    if not draws_items and not any(scores.shots):
        settings.pop("seed")
    return settings


def read_beside(lineage: Lineage, domain: str) -> dict[str, str]:
    """What decides questions and answers beside the model: a name that rows are drawn by, and where answers end."""
    # Items and demonstrations are drawn by the domain's name; the labels of the response prompt end an answer.
    labels = "\n".join(lineage.pack(domain).response_prompt.labels)
    return {"domain": domain, "labels": text_digest(labels)}


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
    model: str, question: Question, prompt: str, made: dict[str, Any], model_digest: str, adapter_digest: str | None
) -> PredictionRow:
    return PredictionRow(
        model=model,
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


def expected_questions(forecast: Forecast, askings: int) -> int:
    """How many questions are asked, by a number of models or prompts."""
    section = forecast.recipe.scores
    limit, wanted = section.items_per_benchmark, section.benchmarks
    items = {name: count for name, count in forecast.benchmark_items.items() if wanted is None or name in wanted}
    asked = sum(count if limit is None else min(count, limit) for count in items.values())
    return asked * len(section.shots) * askings
