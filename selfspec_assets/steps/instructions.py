"""The step ``instructions``: what the model asks itself (Section 3.2, Appendix B)."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import random_seed, signed_text, text_digest
from selfspec_assets.method.instructions.asking import ask_for_lists, list_requests
from selfspec_assets.method.instructions.list_parser import (
    BenchmarkGuard,
    InstructionFilter,
    ParsedItem,
    parse_instruction_list,
)
from selfspec_assets.method.instructions.novelty import NoveltyIndex
from selfspec_assets.packs.seed_sample import recipe_seeds, unfit_to_show
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.digests import guarded_text, noise_of_device
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage, Need, previous_adapters
from selfspec_assets.steps.size import Counts, Forecast, Past, Size
from selfspec_assets.steps.step import Check, Outcome, Step
from selfspec_assets.warehouse.rows import BenchmarkItemRow, InstructionRow, RequestRow, SeedRow


@plugins.step("instructions", version="4")
class Instructions(Step):
    """`seeds` (and, from iteration 2 on, the last adapter) → `instruction_requests`, `instructions`.

    Section 3.2: a list prompt with three random seeds is continued by the model at temperature 1.0, top-p 0.98;
    each item is kept, or rejected with its reason. With ``inputs: corpus`` a task begins with a text of the corpus.
    """

    tables = (RequestRow, InstructionRow)
    main_table = InstructionRow
    sections = ("seed", "instructions")
    checks = ("rows_reconcile", "not_empty", "no_benchmark_item")
    told_by_files = frozenset({"benchmarks"})
    kinds = frozenset({"huggingface", "duckdb"})
    holds_model = True
    unit = "requests"

    def belongs_to(self, recipe: Recipe) -> bool:
        return not recipe.is_reference

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        if _takes_over(recipe, iteration):
            return [("instructions", 1)]
        earlier: list[Need] = [("instructions", n) for n in range(1, iteration)]
        corpus: list[Need] = [("corpus", 0)] if _is_grounded(recipe) else []
        return [("seeds", 0), *corpus, ("benchmarks", 0), *earlier, *previous_adapters(iteration, 1)]

    def crosses(self, recipe: Recipe) -> str | None:
        return "instructions"

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        settings: dict[str, Any] = super().settings(recipe, iteration)
        if iteration == 1:
            settings["instructions"].pop("later_iterations")
        return settings

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        pack = lineage.pack(domain)
        digests = {
            **_asked_with(lineage, domain),
            "banned_words": text_digest("\n".join(pack.file.banned_words)),
            "language": pack.file.language,
            "benchmark_text": guarded_text(lineage.named, pack),
        }
        if pack.file.filters:
            digests["filters"] = text_digest(" ".join(pack.filters.code))
        return digests

    def work_signature(self, lineage: Lineage, domain: str, iteration: int) -> str:
        if _takes_over(lineage.recipe, iteration):
            return super().work_signature(lineage, domain, iteration)
        return request_signature(lineage, domain, iteration)

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        return unfit_to_show(lineage.named, domain, recipe_seeds(lineage.pack(domain), lineage.recipe))

    def size(self, settings: Mapping[str, Any], counts: Counts) -> Size:
        section, units = settings["instructions"], counts["units"]
        items = units * (section["tasks_per_prompt"] - section["seeds_per_prompt"])
        return Size(units, units, items, disk=items)

    def counted(self, past: Past) -> Counts:
        kept = sum(row.kept for row in past.rows(InstructionRow))
        return {"units": past.tables["instruction_requests"], "kept": kept}

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        again = _takes_over(forecast.recipe, iteration)
        return {"units": 0 if again else forecast.recipe.loop.instructions.max_requests}

    def make(self, job: Job) -> Outcome:
        if job.iteration > 1 and job.recipe.loop.instructions.later_iterations == "same":
            first = [row for row in job.read("instructions", InstructionRow, 1) if row.kept]
            return Outcome({RequestRow: [], InstructionRow: first})
        settings = job.recipe.loop.instructions
        seeds = job.read("seeds", SeedRow)
        unfit = unfit_to_show(job.lineage.named, job.domain, seeds)
        if unfit is not None:
            raise unfit
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

        store = job.warehouse.chunks(request_signature(job.lineage, job.domain, job.iteration), "requests")
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

    def check(self, job: Job, tables: Tables) -> list[Check]:
        rows: Any = tables[InstructionRow]
        kept = sum(row.kept for row in rows)
        rejected = sum(row.reason is not None for row in rows)
        items = job.read("benchmarks", BenchmarkItemRow, 0)
        guard = BenchmarkGuard(items)
        repeats = [row.instruction_id for row in rows if row.kept and guard.reason(row.instruction, row.input)]
        return [
            Check(
                "rows_reconcile", kept + rejected == len(rows), f"{len(rows)} items = {kept} kept + {rejected} rejected"
            ),
            Check("not_empty", kept > 0, f"{kept} instructions kept"),
            Check("no_benchmark_item", not repeats, f"{len(repeats)} kept instructions repeat a benchmark item"),
        ]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[InstructionRow]
        reasons = Counter((row.reason or "kept").split(":")[0] for row in rows)
        return {f"items/{name}": count for name, count in reasons.items()}


REQUESTS = "4"  # raise it when the same settings would ask the model for other lists of instructions


class Sieve:
    """Takes requests in order and decides about each item; the order alone decides, not the batch size."""

    def __init__(self, job: Job) -> None:
        settings = job.recipe.loop.instructions
        self._job, self._tasks, self._shown = job, settings.tasks_per_prompt, settings.seeds_per_prompt
        self._target = settings.target
        self._filter = InstructionFilter(job.pack.file.banned_words, language=job.pack.file.language)
        items = job.read("benchmarks", BenchmarkItemRow)
        self._guard = BenchmarkGuard(items)
        self._novelty, self._compares_inputs = NoveltyIndex(settings.max_rouge_l), settings.novelty == "task"
        for seed in job.read("seeds", SeedRow):
            self._novelty.add(self._compared(seed))
        for earlier in range(1, job.iteration):
            for row in job.read("instructions", InstructionRow, earlier):
                if row.kept:
                    self._novelty.add(self._compared(row))
        self.rows: list[InstructionRow] = []
        self.kept = 0
        self.requests: list[RequestRow] = []

    def _compared(self, task: SeedRow | InstructionRow | ParsedItem) -> str:
        return f"{task.instruction}\n{task.input}" if self._compares_inputs else task.instruction

    def take(self, request: RequestRow, hit_limit: bool) -> None:
        self.requests.append(request)
        wanted = self._tasks - self._shown
        items = parse_instruction_list(f"{request.given} {request.output}", self._shown + 1, hit_limit)
        for item in items[:wanted]:
            if self.kept == self._target:
                break  # what a list holds beyond the target is not looked at
            reason: str | None = item.problem or self._filter.reason(item.instruction, item.input)
            reason = reason or self._job.pack.filters.reason(item.instruction, item.input)
            reason = reason or self._guard.reason(item.instruction, item.input)
            nearest = None if reason else self._novelty.nearest(self._compared(item))
            if nearest:
                reason = "not_novel"
            if reason is None:
                self._novelty.add(self._compared(item))
                self.kept += 1
            self.rows.append(
                InstructionRow(
                    instruction_id=len(self.rows),
                    request=request.request,
                    position=item.position,
                    instruction=item.instruction,
                    input=item.input,
                    kept=reason is None,
                    reason=reason,
                    nearest=nearest[1] if nearest else None,
                    nearest_rouge_l=nearest[0] if nearest else None,
                    seed_ids=request.seed_ids,
                    made_in_iteration=self._job.iteration,
                )
            )


def _ask(job: Job, seeds: list[SeedRow], indices: list[int]) -> list[dict[str, Any]]:
    settings = job.recipe.loop.instructions
    model, adapter = job.model(), job.adapter(job.iteration - 1)
    row_seeds = [random_seed(job.recipe.seed, job.domain, job.iteration, "request", index) for index in indices]
    corpus = job.documents if _is_grounded(job.recipe) else ()  # here: where every request is made it is not read
    requests = list_requests(job.pack.instruction_header, seeds, row_seeds, settings, corpus)
    outputs = ask_for_lists(model, requests, settings, adapter)
    rows = [
        RequestRow(
            request=index,
            seed_ids=[seed.seed_id for seed in request.shown],
            prompt_digest=text_digest(f"{request.prompt}\n\n{request.opening}"),
            model_digest=model.digest,
            adapter_digest=job.adapter_digest(adapter),
            given=request.given,
            document_id=request.document,
            output=output.text,
            output_tokens=output.tokens,
            random_seed=request.random_seed,
        )
        for index, request, output in zip(indices, requests, outputs, strict=True)
    ]
    return [
        {**asdict(row), "hit_limit": output.finish in ("length", "repetition"), "input_tokens": output.prompt_tokens}
        for row, output in zip(rows, outputs, strict=True)
    ]


def _yield_report(job: Job, sieve: Sieve) -> str:
    reasons = Counter((row.reason or "kept").split(":")[0] for row in sieve.rows)
    counted = ", ".join(f"{name} {count}" for name, count in reasons.most_common()) or "no item could be parsed"
    return (
        f"{job.name}: after {len(sieve.requests)} requests only {sieve.kept} instructions were kept, "
        f"{job.recipe.loop.instructions.min_kept} are needed; of {len(sieve.rows)} items: {counted}"
    )


def kept_instructions(forecast: Forecast, iteration: int) -> int:
    """How many instructions an iteration has, or will have."""
    made = forecast.made("instructions", iteration)
    if made is not None:
        return sum(row.kept for row in forecast.rows(made, InstructionRow))
    if _takes_over(forecast.recipe, iteration):
        return kept_instructions(forecast, 1)
    settings = forecast.recipe.loop.instructions
    share = forecast.kept_per_item(iteration)
    most = settings.max_requests * (settings.tasks_per_prompt - settings.seeds_per_prompt)
    return settings.target if share is None else min(settings.target, max(settings.min_kept, int(most * share)))


def _takes_over(recipe: Recipe, iteration: int) -> bool:
    """Table 2's "same instruction set": the first iteration's, answered anew."""
    return iteration > 1 and recipe.loop.instructions.later_iterations == "same"


def _is_grounded(recipe: Recipe) -> bool:
    """Tasks begin with texts of the corpus."""
    return recipe.loop.instructions.inputs == "corpus"


def _asked_with(lineage: Lineage, domain: str) -> dict[str, str]:
    header = lineage.pack(domain).instruction_header
    asked = {"model": lineage.model_identity, "header": text_digest(header.source)}
    return {**asked, "domain": domain, **noise_of_device()}


def request_signature(lineage: Lineage, domain: str, iteration: int) -> str:
    """Of the raw instruction requests alone: what decides which items are kept throws none of them away."""
    return text_digest(request_signed(lineage, domain, iteration))


def request_signed(lineage: Lineage, domain: str, iteration: int) -> str:
    """The text that ``request_signature`` is the SHA-256 of."""
    settings = lineage.settings("instructions", iteration)
    section = dict(settings["instructions"])
    for key in ("target", "max_requests", "max_rouge_l", "novelty"):
        section.pop(key)
    corpus: list[Need] = [("corpus", 0)] if _is_grounded(lineage.recipe) else []
    needed = [("seeds", 0), *corpus, *previous_adapters(iteration, 1)]
    inputs = {f"{name}|{n}": lineage.signature(name, domain, n) for name, n in needed}
    inputs.update(_asked_with(lineage, domain))
    return signed_text("instruction_requests", REQUESTS, {"seed": settings["seed"], "instructions": section}, inputs)
