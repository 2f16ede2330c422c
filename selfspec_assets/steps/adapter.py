"""The step ``adapter``: the base tuned on its own answers, or a reference on given ones (Section 3.4, Appendix B)."""

import math
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.files import storing
from selfspec_assets.base.progress import Progress
from selfspec_assets.method.decoding import encode_example
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.method.tuning.tune import TuningSettings, logit_change, tune
from selfspec_assets.packs.items import load_training_items
from selfspec_assets.packs.scored_benchmarks import scored_benchmarks
from selfspec_assets.packs.seed_sample import recipe_seeds
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.recipe.sections import AdapterSection
from selfspec_assets.steps.adapter_card import CARD, adapter_card
from selfspec_assets.steps.digests import noise_of_device
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage, Need, previous_adapters
from selfspec_assets.steps.responses import kept_answers
from selfspec_assets.steps.size import Counts, Forecast, Past, Size
from selfspec_assets.steps.step import Check, Outcome, Step
from selfspec_assets.warehouse.rows import AdapterRow, LossRow, ResponseRow, SeedRow, TooLongRow, TrainingItemRow


class TuningExample(NamedTuple):
    """What an adapter is tuned on, and the row that it is of.

    Attributes:
        source: the table that the row stands in: seeds, training_items or responses.
        iteration: of a response; 0 otherwise.
        row: the seed's or the item's number, or the response's instruction_id.
        benchmark: of an item; None otherwise.
    """

    instruction: str
    input: str
    output: str
    source: str
    iteration: int
    row: int
    benchmark: str | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """(prompt, answer): the Alpaca template and what follows it."""
        return alpaca_prompt(self.instruction, self.input), self.output


@plugins.step("adapter", version="3")
class Adapter(Step):
    """Kept `responses` → an adapter folder for plain PEFT with its card, `adapters`, `losses`,
    `too_long_examples`. Section 3.4.

    A reference is tuned on `seeds` or `training_items` instead. QLoRA (LoRA without quantisation on a CPU) on all
    linear layers, Alpaca template, loss on the response only.
    """

    tables = (AdapterRow, LossRow, TooLongRow)
    sections = ("seed", "adapter")
    checks = ("not_empty", "reloads_and_changes_the_logits")
    kinds = frozenset({"pytorch", "peft", "duckdb"})
    holds_model = True
    unit = "examples"

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        section = recipe.adapter
        if recipe.is_reference:
            return [("seeds" if section.data == "seeds" else "training_items", 0)]
        first = 1 if section.data == "union" else iteration
        seeds: list[Need] = [("seeds", 0)] if section.with_seeds else []
        responses: list[Need] = [("responses", n) for n in range(first, iteration + 1)]
        return [*seeds, *responses, *(previous_adapters(iteration, 1) if section.start == "previous" else [])]

    def crosses(self, recipe: Recipe) -> str | None:
        return None if recipe.is_reference else "adapters"

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        settings: dict[str, Any] = super().settings(recipe, iteration)
        if iteration == 1 and not recipe.is_reference:
            # Nothing comes before it: every way to go on from earlier iterations is the same.
            settings["adapter"].update(data="iteration", start="base")
        if recipe.adapter.dropout:  # the examples of one forward pass share the masks' random numbers
            settings["adapter"]["micro_batch_size"] = recipe.adapter.micro_batch_size
        return settings

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        masks = noise_of_device() if lineage.recipe.adapter.dropout else {}
        return {"model": lineage.model_identity, **masks}

    def size(self, settings: Mapping[str, Any], counts: Counts) -> Size:
        section = settings["adapter"]
        return Size(counts["units"], counts["units"] * section["epochs"], 0.0, disk=section["r"])

    def counted(self, past: Past) -> Counts:
        return {"units": past.rows(AdapterRow)[0].examples}

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        recipe, pack = forecast.recipe, forecast.lineage.pack(forecast.domain)
        if recipe.adapter.data == "seeds":
            return {"units": len(recipe_seeds(pack, recipe))}
        if recipe.adapter.data == "supervised":
            scored = scored_benchmarks(forecast.lineage.named, pack)
            return {"units": sum(len(load_training_items(pack, one, recipe.data)) for one in scored)}
        first = 1 if recipe.adapter.data == "union" else iteration
        seeds = len(recipe_seeds(pack, recipe)) if recipe.adapter.with_seeds else 0
        return {"units": seeds + sum(kept_answers(forecast, n) for n in range(first, iteration + 1))}

    def make(self, job: Job) -> Outcome:
        fitting, tokens, too_long = fitting_examples(job)
        examples = [example.pair for example in fitting]
        _refuse_few_steps(job, len(examples))
        card = adapter_card(job, len(examples))
        work = job.warehouse.work_folder(job.signature) / "adapter"
        shutil.rmtree(work, ignore_errors=True)
        checkpoints = job.warehouse.work_folder(job.signature) / "checkpoints"
        start = job.folder("adapter", "adapter", job.iteration - 1) if _goes_on(job) else None
        progress: list[Progress] = []

        def report(step: int, total: int, loss: float) -> None:
            if not progress:
                progress.append(Progress(f"{job.name}: optimiser steps", total, job.report))
            progress[0].to(step, f"loss {loss:.3f}")

        job.release_model()  # tuning loads its own copy, and two of them might not fit
        tuned = tune(job.lineage.model_spec, examples, tuning_settings(job.recipe), work, start, report, checkpoints)
        with storing(work):
            (work / CARD).write_text(card, encoding="utf-8")
        model = job.model()
        name = "fresh_" + tuned.adapter_digest[:16]
        model.add_adapter(work, name)
        change = logit_change(model, name, [prompt for prompt, _ in examples[:4]])
        model.remove_adapter(name)
        row = AdapterRow(
            adapter_digest=tuned.adapter_digest,
            model_digest=tuned.base_digest,
            start="previous adapter" if start else "base",
            examples=len(examples),
            too_long=len(too_long),
            optimiser_steps=tuned.steps,
            trainable_parameters=tuned.trainable,
            total_parameters=tuned.total,
            first_loss=tuned.losses[0][2],
            last_loss=tuned.losses[-1][2],
            logit_change=change,
            path=f"revisions/{job.signature}/adapter",
        )
        return Outcome(
            {AdapterRow: [row], LossRow: [LossRow(*loss) for loss in tuned.losses], TooLongRow: too_long},
            {"adapter": work},
            input_tokens=job.recipe.adapter.epochs * sum(tokens),
        )

    def check(self, job: Job, tables: Tables) -> list[Check]:
        rows: Any = tables[AdapterRow]
        change = rows[0].logit_change if rows else 0.0
        return [
            Check("not_empty", len(rows) == 1 and rows[0].examples > 0, f"{rows[0].examples if rows else 0} examples"),
            Check(
                "reloads_and_changes_the_logits",
                change > 0,
                f"reloaded from its folder it changes a next-token logit by up to {change:.3g}",
            ),
        ]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[AdapterRow]
        row = rows[0]
        return {
            "examples": row.examples,
            "first loss": row.first_loss,
            "last loss": row.last_loss,
            "trainable share": row.trainable_parameters / row.total_parameters,
            "folder": row.path,
        }


def tuning_settings(recipe: Recipe) -> TuningSettings:
    """What of a recipe tunes its adapters."""
    return TuningSettings(**recipe.adapter.model_dump(), seed=recipe.seed)


def fitting_examples(job: Job) -> tuple[list[TuningExample], list[int], list[TooLongRow]]:
    """The examples of at most ``adapter.max_length`` tokens, the tokens of each, and those that are longer.

    Raises:
        SelfspecError: all are.
    """
    longest, tokenizer = job.recipe.adapter.max_length, job.tokenizer()
    fitting: list[TuningExample] = []
    lengths: list[int] = []
    too_long: list[TooLongRow] = []
    for example in examples_of(job):
        tokens = len(encode_example(tokenizer, *example.pair)[0])
        if tokens <= longest:
            fitting.append(example)
            lengths.append(tokens)
        else:
            too_long.append(TooLongRow(example.source, example.iteration, example.row, example.benchmark, tokens))
    if not fitting:
        raise SelfspecError(
            f"{job.lineage.named.path}: adapter.max_length",
            f"{job.name}: none of {len(too_long)} examples has at most {longest} tokens",
            "raise adapter.max_length",
        )
    return fitting, lengths, too_long


def examples_of(job: Job) -> Iterator[TuningExample]:
    """A reference's examples, or the seeds where the recipe wants them, then this iteration's kept responses or those
    of all iterations so far."""
    section = job.recipe.adapter
    if section.data == "supervised":
        for item in job.read("training_items", TrainingItemRow):
            output, place = item.references[0], ("training_items", 0, item.item, item.benchmark)
            yield TuningExample(item.instruction, item.input, output, *place)
        return
    if section.data == "seeds" or section.with_seeds:
        for seed in job.read("seeds", SeedRow):
            yield TuningExample(seed.instruction, seed.input, seed.output, "seeds", 0, seed.seed)
    if section.data == "seeds":
        return
    for n in range(1 if section.data == "union" else job.iteration, job.iteration + 1):
        for row in job.read("responses", ResponseRow, n):
            if row.is_kept:
                yield TuningExample(row.instruction, row.input, row.response, "responses", n, row.instruction_id)


def _refuse_few_steps(job: Job, examples: int) -> None:
    """Raises:
    SelfspecError: so few examples are left that tuning on them would change next to nothing.
    """
    section = job.recipe.adapter
    steps = optimiser_steps(examples, section)
    if steps < section.min_steps:
        raise SelfspecError(
            f"{job.lineage.named.path}: adapter.min_steps",
            f"{job.name}: {examples} examples make {steps} optimiser steps (batch_size {section.batch_size}, epochs "
            f"{section.epochs}), {section.min_steps} are wanted",
            "raise instructions.target, look why answers are rejected (the table responses, column reason), lower "
            "adapter.batch_size, or lower adapter.min_steps",
        )


def optimiser_steps(examples: int, section: AdapterSection) -> int:
    """How many steps tuning takes: batches go on across the end of an epoch."""
    return math.ceil(examples * section.epochs / section.batch_size)


def _goes_on(job: Job) -> bool:
    return job.recipe.adapter.start == "previous" and job.iteration > 1
