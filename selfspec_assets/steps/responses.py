"""The step ``responses``: answers marginalised over passages (Eq. 2), from iteration 2 on contrasted (Eq. 3)."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import text_digest
from selfspec_assets.method.decoding import Answer, ContrastSettings, Group, answer, fits, verify_contrast_pair
from selfspec_assets.method.instructions.asking import answer_stop
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.instructions import kept_instructions
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage, Need, previous_adapters
from selfspec_assets.steps.passages import expected_passages
from selfspec_assets.steps.size import Counts, Forecast, Past, Size
from selfspec_assets.steps.step import Check, Outcome, Step
from selfspec_assets.warehouse.rows import InstructionRow, PassageRow, ResponseRow, ResponseTokenRow, SeedRow


@plugins.step("responses", version="2")
class Responses(Step):
    """`instructions`, `passages` (and the last two adapters) → `responses`, `response_tokens`. Eqs. 2 and 3.

    Iteration 1 is answered by the base, later ones by adapter n-1, contrasted with adapter n-2 (in iteration 2: the
    base). All see the pack's prompt.
    """

    tables = (ResponseRow, ResponseTokenRow)
    sections = ("responses",)
    checks = (
        "rows_reconcile",
        "not_empty",
        "attribution_sums_to_one",
        "retrieval_is_at_work",
        "contrast_is_at_work",
    )
    kinds = frozenset({"huggingface", "duckdb"})
    holds_model = True
    unit = "answers"

    def belongs_to(self, recipe: Recipe) -> bool:
        return not recipe.is_reference

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        # Eq. 3: the writer is adapter n-1; its weaker ancestor is adapter n-2, or the base in iteration 2.
        contrasts = recipe.loop.responses.contrast.form != "none"
        adapters = previous_adapters(iteration, 2 if contrasts else 1)
        seeds: list[Need] = [("seeds", 0)] if recipe.loop.responses.demonstrations else []
        return [("instructions", iteration), ("passages", iteration), *seeds, *adapters]

    def crosses(self, recipe: Recipe) -> str | None:
        return "responses" if recipe.adapter.data == "union" else None

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        settings: dict[str, Any] = super().settings(recipe, iteration)
        if iteration == 1:
            settings["responses"].pop("contrast")
            return settings
        plugin = plugins.REGISTRY.find("contrast", recipe.loop.responses.contrast.form)
        if plugin is not None:
            settings["responses"]["contrast"]["form"] = plugin.signed
        return settings

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        return {"model": lineage.model_identity, "prompt": text_digest(lineage.pack(domain).response_prompt.source)}

    def size(self, settings: Mapping[str, Any], counts: Counts) -> Size:
        form = settings["responses"].get("contrast", {}).get("form", "none")
        prompts = max(counts["units"], counts.get("passages", 0))
        return Size(counts["units"], prompts, counts["units"], weight=1.0 if form == "none" else 2.0, disk=prompts)

    def counted(self, past: Past) -> Counts:
        return {"units": past.tables["responses"], "passages": past.upstream("passages")["passages"]}

    def forecast(self, forecast: Forecast, iteration: int) -> Counts:
        return {"units": kept_instructions(forecast, iteration), "passages": expected_passages(forecast, iteration)}

    def make(self, job: Job) -> Outcome:
        settings = job.recipe.loop.responses
        kept = [row for row in job.read("instructions", InstructionRow) if row.kept]
        passages: dict[int, list[PassageRow]] = {}
        for passage in job.read("passages", PassageRow):
            passages.setdefault(passage.instruction_id, []).append(passage)
        shown = demonstrations_of(job)
        groups = [prompts_of(job, row, passages.get(row.instruction_id, []), shown(row)) for row in kept]
        model, contrast = job.model(), contrast_of(job)
        aligned, weaker = sides_of(job, contrast)
        possible = [
            i
            for i, group in enumerate(groups)
            if all(fits(model, prompt, settings.max_new_tokens) for prompt in group.prompts)
        ]
        if contrast.form != "none" and possible:
            verify_contrast_pair(model, aligned, weaker, groups[possible[0]].prompts[0])

        def make(indices: list[int]) -> list[dict[str, Any]]:
            answers = answer(
                model,
                [groups[possible[i]] for i in indices],
                max_new_tokens=settings.max_new_tokens,
                stop=answer_stop(model.spec, job.pack.response_prompt),
                aligned=aligned,
                weaker=weaker,
                contrast=contrast,
                batch_size=settings.batch_size,
            )
            return [json.loads(json.dumps(asdict(a))) for a in answers]  # tuples become lists, as they come back

        store = job.warehouse.chunks(job.signature, "answers")
        results = job.in_batches(store, len(possible), settings.batch_size, "answers", make)
        answers = {possible[i]: Answer(**value) for i, value in enumerate(results)}
        weaker_digest = None if contrast.form == "none" else job.adapter_digest(weaker)
        digests = (model.digest, job.adapter_digest(aligned), weaker_digest)
        rows = [
            _row(row, groups[i], answers.get(i), len(passages.get(row.instruction_id, [])), digests)
            for i, row in enumerate(kept)
        ]
        _refuse_small_yield(job, rows)
        tokens = [token for i, made in answers.items() for token in _tokens(kept[i].instruction_id, made)]
        return Outcome(
            {ResponseRow: rows, ResponseTokenRow: tokens},
            input_tokens=sum(a.prompt_tokens for a in answers.values()),
            output_tokens=sum(a.tokens for a in answers.values()),
        )

    def check(self, job: Job, tables: Tables) -> list[Check]:
        rows: Any = tables[ResponseRow]
        tokens: Any = tables[ResponseTokenRow]
        kept = [row for row in job.read("instructions", InstructionRow) if row.kept]
        verdicts = {name: sum(row.verdict == name for row in rows) for name in ("kept", "rejected", "failed")}
        total = sum(row.tokens for row in rows)
        off = sum(abs(sum(token.posterior) - 1) > 1e-4 for token in tokens)
        return [
            Check(
                "rows_reconcile",
                sum(verdicts.values()) == len(rows) == len(kept) and total == len(tokens),
                f"{len(kept)} asked = {' + '.join(f'{count} {name}' for name, count in verdicts.items())}; "
                f"{total} tokens, {len(tokens)} attributed",
            ),
            Check("not_empty", verdicts["kept"] > 0, f"{verdicts['kept']} responses kept"),
            Check("attribution_sums_to_one", not off, f"{off} tokens whose posterior does not sum to one"),
            retrieval_at_work(rows, job.read("passages", PassageRow)),
            contrast_at_work(rows, contrast_of(job).form != "none"),
        ]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[ResponseRow]
        marginal, contrasted = mechanism_shares(tables)
        counts = {name: sum(row.verdict == name for row in rows) for name in ("kept", "rejected", "failed")}
        return {
            **{f"answers/{name}": count for name, count in counts.items()},
            "tokens where the marginal changed the choice": round(marginal, 4),
            "tokens where contrast changed the choice": round(contrasted, 4),
        }


def prompts_of(job: Job, row: InstructionRow, passages: list[PassageRow], demonstrations: Sequence[SeedRow]) -> Group:
    """One prompt per passage, weighted by p_ret; without a passage a single prompt.

    Demonstrations stand in front, in the same template and without a passage, as Self-MoE (Kang et al. 2024) shows
    seeds when it answers.
    """
    texts = [f"{p.title}. {p.text}" if p.title else p.text for p in passages] or [""]
    template = job.pack.response_prompt
    solved = [
        f"{template.render(instruction=seed.instruction, input=seed.input, passage='')} {seed.output}\n\n"
        for seed in demonstrations
    ]
    prompts = tuple(
        "".join(solved) + template.render(instruction=row.instruction, input=row.input, passage=text) for text in texts
    )
    return Group(prompts, tuple(p.p_ret for p in passages) or (1.0,))


def demonstrations_of(job: Job) -> Callable[[InstructionRow], list[SeedRow]]:
    """For an instruction the last of the seeds that its request showed: those stand closest to it."""
    count = job.recipe.loop.responses.demonstrations
    if not count:
        return lambda row: []
    seeds = {seed.seed_id: seed for seed in job.read("seeds", SeedRow)}
    return lambda row: [seeds[name] for name in row.seed_ids[-count:]]


def contrast_of(job: Job) -> ContrastSettings:
    """Iteration 1 has no weaker ancestor."""
    section = job.recipe.loop.responses.contrast
    return ContrastSettings("none" if job.iteration == 1 else section.form, section.alpha)


def sides_of(job: Job, contrast: ContrastSettings) -> tuple[str | None, str | None]:
    """Names of the answering adapter and, where there is a contrast, of the weaker one; None is the base, too."""
    return job.adapter(job.iteration - 1), None if contrast.form == "none" else job.adapter(job.iteration - 2)


def _row(
    row: InstructionRow,
    group: Group,
    written: Answer | None,
    passages: int,
    digests: tuple[str, str | None, str | None],
) -> ResponseRow:
    """``written`` is None where a prompt does not fit the context; ``digests`` are of model, adapter and weaker one."""
    reason = _why_not_kept(written)
    verdict = "failed" if written is None else "rejected" if reason else "kept"
    return ResponseRow(
        instruction_id=row.instruction_id,
        instruction=row.instruction,
        input=row.input,
        response=written.text if written else "",
        verdict=verdict,
        reason=reason,
        finish=written.finish if written else None,
        tokens=written.tokens if written else 0,
        passages=passages,
        log_prob=written.log_prob if written else None,
        marginal_changed=written.marginal_changed if written else 0,
        contrast_changed=written.contrast_changed if written else 0,
        prompt_digest=text_digest("\x00".join(group.prompts)),
        model_digest=digests[0],
        adapter_digest=digests[1],
        weaker_adapter_digest=digests[2],
    )


def _refuse_small_yield(job: Job, rows: Sequence[ResponseRow]) -> None:
    """Raises:
    SelfspecError: too small a share of the answers can be kept to tune on; they stay in the work folder.
    """
    least = job.recipe.loop.responses.min_kept
    outcome = Counter(row.reason or row.verdict for row in rows)
    kept = sum(row.is_kept for row in rows)
    if kept < least * len(rows):
        counted = ", ".join(f"{count} {name}" for name, count in outcome.most_common())
        raise SelfspecError(
            f"{job.lineage.named.path}: responses.min_kept",
            f"{job.name}: only {kept} of {len(rows)} answers can be kept, responses.min_kept asks for {least:.0%}: "
            f"{counted}",
            "truncated: raise responses.max_new_tokens; repeats_itself: cooler instructions (instructions.temperature) "
            "or a larger model; or lower responses.min_kept (the answers are kept and used)",
        )


def _why_not_kept(written: Answer | None) -> str | None:
    """Why it is no example: it ran into the limit, repeats itself, says nothing, or announces what does not follow."""
    if written is None:
        return "prompt_too_long"
    if written.finish in ("length", "repetition"):
        return "truncated" if written.finish == "length" else "repeats_itself"
    if not written.text:
        return "empty"
    return "unfinished" if written.text.endswith(":") else None


def _tokens(instruction_id: int, made: Answer) -> list[ResponseTokenRow]:
    columns = zip(made.token_ids, made.pieces, made.posterior, made.top_passage_ids, made.marginal_ids, strict=True)
    return [
        ResponseTokenRow(
            instruction_id=instruction_id,
            position=position,
            token_id=token_id,
            token=piece,
            posterior=list(posterior),
            top_passage_token_id=top_passage,
            marginal_token_id=marginal,
        )
        for position, (token_id, piece, posterior, top_passage, marginal) in enumerate(columns)
    ]


def mechanism_shares(tables: Tables) -> tuple[float, float]:
    """Shares of tokens at which Eq. 2's mixture and Eq. 3's contrast changed the choice."""
    rows: Any = tables[ResponseRow]
    total = sum(row.tokens for row in rows) or 1
    return sum(row.marginal_changed for row in rows) / total, sum(row.contrast_changed for row in rows) / total


def retrieval_at_work(rows: Sequence[ResponseRow], passages: Sequence[PassageRow]) -> Check:
    """A warning where Eq. 2 changed no choice; an error where it could not: one passage has all the weight."""
    name, total = "retrieval_is_at_work", sum(row.tokens for row in rows)
    several = {row.instruction_id for row in rows if row.passages > 1 and row.tokens}
    if not several:
        return Check(name, True, "one passage or none per question: nothing to marginalise")
    largest: dict[int, float] = {}
    for passage in passages:
        largest[passage.instruction_id] = max(largest.get(passage.instruction_id, 0.0), passage.p_ret)
    if not any(largest[number] < 1 for number in several):
        return Check(name, False, "of each question's passages one has all the weight: p_ret is no mixture")
    share = sum(row.marginal_changed for row in rows) / total
    told = f"the marginal chose another token than the best passage alone at {share:.1%} of {total} tokens"
    return Check(name, share > 0, told, warns=True)


def contrast_at_work(rows: Sequence[ResponseRow], contrasts: bool) -> Check:
    """A warning where Eq. 3 changed no choice; an error where it could not: both sides had the same adapter."""
    name, total = "contrast_is_at_work", sum(row.tokens for row in rows)
    if not contrasts:
        return Check(name, True, "no contrast in this iteration")
    answered = [row for row in rows if row.tokens]
    if answered and all(row.adapter_digest == row.weaker_adapter_digest for row in answered):
        return Check(name, False, "the answering adapter and the weaker one are the same: their contrast is empty")
    share = sum(row.contrast_changed for row in rows) / (total or 1)
    return Check(name, share > 0, f"contrast changed the choice at {share:.1%} of {total} tokens", warns=True)


def kept_answers(forecast: Forecast, iteration: int) -> int:
    """How many answers an iteration keeps, or will keep."""
    made = forecast.made("responses", iteration)
    if made is None:
        return kept_instructions(forecast, iteration)
    return sum(row.verdict == "kept" for row in forecast.rows(made, ResponseRow))
