"""The asset ``instructions``: what the model asks itself (Section 3.2, Appendix B)."""

from collections import Counter
from dataclasses import asdict
from typing import Any

import dagster as dg

from selfspec_assets.asking import ask_for_lists, list_prompts
from selfspec_assets.assets.step import Check, Job, Outcome, Result, Tables, run_step, specs
from selfspec_assets.errors import SelfspecError
from selfspec_assets.instruction_list import BenchmarkGuard, InstructionFilter, parse_instruction_list
from selfspec_assets.lineage import STEPS
from selfspec_assets.novelty import NoveltyIndex
from selfspec_assets.partitions import domain_by_iteration, of_domain, of_earlier_adapters
from selfspec_assets.recipe import NamedRecipe
from selfspec_assets.rows import BenchmarkItemRow, InstructionRow, RequestRow, SeedRow
from selfspec_assets.seed_sample import too_few_to_show
from selfspec_assets.signature import random_seed, text_digest


def instructions(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""

    @dg.asset(
        name="instructions",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domain_by_iteration(named),
        code_version=STEPS["instructions"].code_version,
        pool="gpu",
        deps=[of_domain(named, "seeds"), of_domain(named, "benchmarks"), *of_earlier_adapters(named, (1,))],
        check_specs=specs(named, "instructions", "rows_reconcile", "not_empty", "no_benchmark_item"),
        kinds={"transformers", "duckdb"},
    )
    def instructions(context: dg.AssetExecutionContext) -> Result:
        """`seeds` (and, from iteration 2 on, the last adapter) → `instruction_requests`, `instructions`.

        Section 3.2: a list prompt with three random seeds is continued by the model at temperature 1.0, top-p 0.98;
        each item is kept, or rejected with its reason.
        """
        yield from run_step(context, named, "instructions", make_instructions, check_instructions, headline)

    return instructions


class Sieve:
    """Takes requests in order and decides about each item; the order alone decides, not the batch size."""

    def __init__(self, job: Job) -> None:
        settings = job.recipe.loop.instructions
        self._job, self._tasks, self._shown = job, settings.tasks_per_prompt, settings.seeds_per_prompt
        self._target = settings.target
        self._filter = InstructionFilter(job.pack.file.banned_words, language=job.pack.file.language)
        items = job.read("benchmarks", BenchmarkItemRow)
        self._guard = BenchmarkGuard(items)
        self._novelty = NoveltyIndex(settings.max_rouge_l)
        for seed in job.read("seeds", SeedRow):
            self._novelty.add(seed.instruction)
        for earlier in range(1, job.iteration):
            for row in job.read("instructions", InstructionRow, earlier):
                if row.kept:
                    self._novelty.add(row.instruction)
        self.rows: list[InstructionRow] = []
        self.kept = 0
        self.requests: list[RequestRow] = []

    def take(self, request: RequestRow, hit_limit: bool) -> None:
        self.requests.append(request)
        wanted = self._tasks - self._shown
        items = parse_instruction_list(request.output, self._shown + 1, hit_limit)
        for item in items[:wanted]:
            if self.kept == self._target:
                break  # what a list holds beyond the target is not looked at
            reason: str | None = item.problem or self._filter.reason(item.instruction, item.input)
            reason = reason or self._job.pack.filters.reason(item.instruction, item.input)
            reason = reason or self._guard.reason(item.instruction, item.input)
            nearest = None if reason else self._novelty.nearest(item.instruction)
            if nearest:
                reason = "not_novel"
            if reason is None:
                self._novelty.add(item.instruction)
                self.kept += 1
            self.rows.append(
                InstructionRow(
                    len(self.rows),
                    request.request,
                    item.position,
                    item.instruction,
                    item.input,
                    reason is None,
                    reason,
                    nearest[1] if nearest else None,
                    nearest[0] if nearest else None,
                    request.seed_ids,
                    self._job.iteration,
                )
            )


def make_instructions(job: Job) -> Outcome:
    if job.iteration > 1 and job.recipe.loop.instructions.later_iterations == "same":
        first = [row for row in job.read("instructions", InstructionRow, 1) if row.kept]
        return Outcome({RequestRow: [], InstructionRow: first})
    settings = job.recipe.loop.instructions
    seeds = job.read("seeds", SeedRow)
    few = too_few_to_show(job.lineage.named, job.domain, len(seeds))
    if few is not None:
        raise few
    sieve = Sieve(job)
    taken = 0

    def make(indices: list[int]) -> list[dict[str, Any]]:
        return _ask(job, seeds, indices)

    def enough(results: list[dict[str, Any]]) -> tuple[bool, str]:
        nonlocal taken
        while taken < len(results) and sieve.kept < settings.target:
            value = dict(results[taken])
            hit_limit = bool(value.pop("hit_limit"))
            value.pop("input_tokens")
            sieve.take(RequestRow(**value), hit_limit)
            taken += 1
        return sieve.kept >= settings.target, f"{sieve.kept} of {settings.target} instructions kept"

    store = job.warehouse.chunks(job.lineage.request_signature(job.domain, job.iteration), "requests")
    results = job.in_batches(store, settings.max_requests, settings.batch_size, "requests", make, enough)
    if sieve.kept < settings.min_kept:
        raise SelfspecError(
            f"{job.lineage.named.path}: instructions.min_kept",
            _yield_report(job, sieve),
            (
                "raise instructions.max_requests (the requests made so far are kept and used), lower min_kept, "
                "or write more varied seeds"
            ),
        )
    used = results[:taken]
    return Outcome(
        {RequestRow: sieve.requests, InstructionRow: sieve.rows},
        input_tokens=sum(r["input_tokens"] for r in used),
        output_tokens=sum(r["output_tokens"] for r in used),
    )


def _ask(job: Job, seeds: list[SeedRow], indices: list[int]) -> list[dict[str, Any]]:
    settings = job.recipe.loop.instructions
    model, adapter = job.model(), job.adapter(job.iteration - 1)
    row_seeds = [random_seed(job.recipe.seed, job.domain, job.iteration, "request", index) for index in indices]
    shown, prompts = list_prompts(job.pack.instruction_header, seeds, row_seeds, settings)
    outputs = ask_for_lists(model, prompts, row_seeds, settings, adapter)
    requests = [
        RequestRow(
            index,
            [s.seed_id for s in three],
            text_digest(prompt),
            model.digest,
            job.adapter_digest(adapter),
            output.text,
            output.tokens,
            seed,
        )
        for index, three, prompt, output, seed in zip(indices, shown, prompts, outputs, row_seeds, strict=True)
    ]
    return [
        {**asdict(row), "hit_limit": output.finish == "length", "input_tokens": output.prompt_tokens}
        for row, output in zip(requests, outputs, strict=True)
    ]


def _yield_report(job: Job, sieve: Sieve) -> str:
    reasons = Counter((row.reason or "kept").split(":")[0] for row in sieve.rows)
    counted = ", ".join(f"{name} {count}" for name, count in reasons.most_common()) or "no item could be parsed"
    return (
        f"{job.name}: after {len(sieve.requests)} requests only {sieve.kept} instructions were kept, "
        f"{job.recipe.loop.instructions.min_kept} are needed; of {len(sieve.rows)} items: {counted}"
    )


def check_instructions(job: Job, tables: Tables) -> list[Check]:
    rows: Any = tables[InstructionRow]
    kept = sum(row.kept for row in rows)
    rejected = sum(row.reason is not None for row in rows)
    items = job.read("benchmarks", BenchmarkItemRow, 0)
    guard = BenchmarkGuard(items)
    repeats = [row.instruction_id for row in rows if row.kept and guard.reason(row.instruction, row.input)]
    return [
        Check("rows_reconcile", kept + rejected == len(rows), f"{len(rows)} items = {kept} kept + {rejected} rejected"),
        Check("not_empty", kept > 0, f"{kept} instructions kept"),
        Check("no_benchmark_item", not repeats, f"{len(repeats)} kept instructions repeat a benchmark item"),
    ]


def headline(tables: Tables) -> dict[str, Any]:
    rows: Any = tables[InstructionRow]
    reasons = Counter((row.reason or "kept").split(":")[0] for row in rows)
    return {f"items/{name}": count for name, count in reasons.items()}
