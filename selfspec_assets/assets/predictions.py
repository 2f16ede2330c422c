"""The assets ``base_predictions`` and ``predictions``: what base and adapter answer on the benchmarks (Section 4.1)."""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import dagster as dg

from selfspec_assets.asking import prediction_stop
from selfspec_assets.assets.step import Check, Job, Outcome, Result, Tables, run_step, specs
from selfspec_assets.decoding import fits, greedy
from selfspec_assets.item_draw import draw_order
from selfspec_assets.lineage import STEPS
from selfspec_assets.partitions import domain_by_iteration, domains, of_domain, of_iteration
from selfspec_assets.prompts import EVALUATION_PROMPTS
from selfspec_assets.recipe import NamedRecipe
from selfspec_assets.records import demonstrating
from selfspec_assets.rows import BenchmarkItemRow, PredictionRow, SeedRow
from selfspec_assets.scored_benchmarks import scored_benchmarks, too_few_demonstrations
from selfspec_assets.signature import random_seed, text_digest

TOO_LONG = "too_long"


def base_predictions(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""

    @dg.asset(
        name="base_predictions",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domains(named),
        code_version=STEPS["base_predictions"].code_version,
        pool="gpu",
        deps=[dg.AssetKey([named.key, "seeds"]), dg.AssetKey([named.key, "benchmarks"])],
        check_specs=specs(named, "base_predictions", "rows_reconcile", "not_empty"),
        kinds={"transformers", "duckdb"},
    )
    def base_predictions(context: dg.AssetExecutionContext) -> Result:
        """`benchmarks`, `seeds` as demonstrations → the base model's `predictions`, by prompt variant. Section 4.1."""
        yield from run_step(context, named, "base_predictions", make_predictions, check_predictions, headline)

    return base_predictions


def predictions(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""

    @dg.asset(
        name="predictions",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domain_by_iteration(named),
        code_version=STEPS["predictions"].code_version,
        pool="gpu",
        deps=[of_domain(named, "seeds"), of_domain(named, "benchmarks"), of_iteration(named, "adapter")],
        check_specs=specs(named, "predictions", "rows_reconcile", "not_empty"),
        kinds={"transformers", "duckdb"},
    )
    def predictions(context: dg.AssetExecutionContext) -> Result:
        """`benchmarks`, `seeds`, `adapter` → the adapter's `predictions`, in the Alpaca template. Section 4.1."""
        yield from run_step(context, named, "predictions", make_predictions, check_predictions, headline)

    return predictions


@dataclass(frozen=True)
class Question:
    """One prompt to answer."""

    variant: str
    shots: int
    item: BenchmarkItemRow
    demonstrations: tuple[SeedRow, ...]

    @property
    def prompt(self) -> str:
        return EVALUATION_PROMPTS[self.variant](self.item.instruction, self.item.input, self.demonstrations)


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


def demonstrations_for(job: Job, item: BenchmarkItemRow, shots: int, seeds: list[SeedRow]) -> tuple[SeedRow, ...]:
    """``shots`` seeds that demonstrate this benchmark or its task, drawn for each item from the item's own seed."""
    own = demonstrating(seeds, item.benchmark, item.task)
    drawing = random.Random(random_seed(job.recipe.seed, job.domain, "demonstrations", item.benchmark, item.item))
    return tuple(drawing.sample(own, len(own))[:shots])


def make_predictions(job: Job) -> Outcome:
    section = job.recipe.scores
    questions = questions_of(job)  # before the model: what is wrong with them shows in no time
    model = job.model()
    adapter = job.adapter(job.iteration)
    prompts = [question.prompt for question in questions]
    possible = [i for i, prompt in enumerate(prompts) if fits(model, prompt, section.max_new_tokens)]
    # Neighbours of like length share a batch; the order is part of the fixed schedule.
    possible.sort(key=lambda i: (len(prompts[i]), i))

    def make(indices: list[int]) -> list[dict[str, Any]]:
        made = greedy(
            model,
            [prompts[possible[i]] for i in indices],
            max_new_tokens=section.max_new_tokens,
            stop=prediction_stop(model.spec),
            adapter=adapter,
            batch_size=section.batch_size,
        )
        return [
            {"text": g.text, "finish": g.finish, "tokens": g.tokens, "prompt_tokens": g.prompt_tokens} for g in made
        ]

    store = job.warehouse.chunks(job.signature, "predictions")
    results = job.in_batches(store, len(possible), section.batch_size, "predictions", make)
    by_question = {possible[i]: value for i, value in enumerate(results)}
    too_long = {"text": "", "finish": TOO_LONG, "tokens": 0}
    digest = job.adapter_digest(adapter)
    rows = [
        _row(question, prompts[i], by_question.get(i, too_long), model.digest, digest)
        for i, question in enumerate(questions)
    ]
    return Outcome(
        {PredictionRow: rows},
        input_tokens=sum(r["prompt_tokens"] for r in results),
        output_tokens=sum(r["tokens"] for r in results),
    )


def _row(
    question: Question, prompt: str, made: dict[str, Any], model_digest: str, adapter_digest: str | None
) -> PredictionRow:
    return PredictionRow(
        "base" if adapter_digest is None else "adapter",
        question.variant,
        question.shots,
        question.item.benchmark,
        question.item.item,
        question.item.item_id,
        [seed.seed_id for seed in question.demonstrations],
        text_digest(prompt),
        model_digest,
        adapter_digest,
        made["text"],
        made["finish"],
        made["tokens"],
    )


def check_predictions(job: Job, tables: Tables) -> list[Check]:
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


def headline(tables: Tables) -> dict[str, Any]:
    rows: Any = tables[PredictionRow]
    return {f"finish/{name}": count for name, count in Counter(row.finish for row in rows).items()}
