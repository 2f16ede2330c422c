"""The asset ``responses``: answers marginalised over passages (Eq. 2), from iteration 2 on contrasted (Eq. 3)."""

import json
from dataclasses import asdict
from typing import Any

import dagster as dg

from selfspec_assets.asking import response_stop
from selfspec_assets.assets.step import Check, Job, Outcome, Result, Tables, run_step, specs
from selfspec_assets.decoding import (
    Answer,
    ContrastSettings,
    Group,
    answer,
    fits,
    verify_contrast_pair,
)
from selfspec_assets.lineage import STEPS
from selfspec_assets.partitions import asset_key, domain_by_iteration, of_earlier_adapters, of_iteration
from selfspec_assets.recipe import NamedRecipe
from selfspec_assets.rows import InstructionRow, PassageRow, ResponseRow, ResponseTokenRow
from selfspec_assets.signature import text_digest


def responses(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""

    @dg.asset(
        name="responses",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domain_by_iteration(named),
        code_version=STEPS["responses"].code_version,
        pool="gpu",
        deps=[
            dg.AssetDep(asset_key(named, "instructions")),
            of_iteration(named, "passages"),
            *of_earlier_adapters(named, (1, 2)),
        ],
        check_specs=specs(
            named,
            "responses",
            "rows_reconcile",
            "not_empty",
            "attribution_sums_to_one",
            "retrieval_is_at_work",
            "contrast_is_at_work",
        ),
        kinds={"transformers", "duckdb"},
    )
    def responses(context: dg.AssetExecutionContext) -> Result:
        """`instructions`, `passages` (and the last two adapters) → `responses`, `response_tokens`. Eqs. 2 and 3.

        Iteration 1 is answered by the base, later ones by adapter n-1, contrasted with adapter n-2 (in iteration 2: the
        base). All see the pack's prompt.
        """
        yield from run_step(context, named, "responses", make_responses, check_responses, headline)

    return responses


def prompts_of(job: Job, row: InstructionRow, passages: list[PassageRow]) -> Group:
    """One prompt per passage, weighted by p_ret; without a passage a single prompt."""
    texts = [f"{p.title}. {p.text}" if p.title else p.text for p in passages] or [""]
    template = job.pack.response_prompt
    prompts = tuple(template.render(instruction=row.instruction, input=row.input, passage=text) for text in texts)
    return Group(prompts, tuple(p.p_ret for p in passages) or (1.0,))


def contrast_of(job: Job) -> ContrastSettings:
    """Iteration 1 has no weaker ancestor."""
    section = job.recipe.loop.responses.contrast
    return ContrastSettings("none" if job.iteration == 1 else section.form, section.alpha)


def sides_of(job: Job, contrast: ContrastSettings) -> tuple[str | None, str | None]:
    """Names of the answering adapter and, where there is a contrast, of the weaker one; None is the base, too."""
    return job.adapter(job.iteration - 1), None if contrast.form == "none" else job.adapter(job.iteration - 2)


def make_responses(job: Job) -> Outcome:
    settings = job.recipe.loop.responses
    kept = [row for row in job.read("instructions", InstructionRow) if row.kept]
    passages: dict[int, list[PassageRow]] = {}
    for passage in job.read("passages", PassageRow):
        passages.setdefault(passage.instruction_id, []).append(passage)
    groups = [prompts_of(job, row, passages.get(row.instruction_id, [])) for row in kept]
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
            stop=response_stop(model.spec),
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
    tokens = [token for i, made in answers.items() for token in _tokens(kept[i].instruction_id, made)]
    return Outcome(
        {ResponseRow: rows, ResponseTokenRow: tokens},
        input_tokens=sum(a.prompt_tokens for a in answers.values()),
        output_tokens=sum(a.tokens for a in answers.values()),
    )


def _row(
    row: InstructionRow, group: Group, made: Answer | None, passages: int, digests: tuple[str, str | None, str | None]
) -> ResponseRow:
    digest = text_digest("\x00".join(group.prompts))
    about = (row.instruction_id, row.instruction, row.input)
    if made is None:
        return ResponseRow(*about, "", "failed", "prompt_too_long", None, 0, passages, None, 0, 0, digest, *digests)
    reason = "truncated" if made.finish == "length" else None if made.text else "empty"
    return ResponseRow(
        *about,
        made.text,
        "rejected" if reason else "kept",
        reason,
        made.finish,
        made.tokens,
        passages,
        made.log_prob,
        made.marginal_changed,
        made.contrast_changed,
        digest,
        *digests,
    )


def _tokens(instruction_id: int, made: Answer) -> list[ResponseTokenRow]:
    columns = zip(made.token_ids, made.pieces, made.posterior, made.top_passage_ids, made.marginal_ids, strict=True)
    return [
        ResponseTokenRow(instruction_id, position, token_id, piece, list(posterior), top_passage, marginal)
        for position, (token_id, piece, posterior, top_passage, marginal) in enumerate(columns)
    ]


def check_responses(job: Job, tables: Tables) -> list[Check]:
    rows: Any = tables[ResponseRow]
    tokens: Any = tables[ResponseTokenRow]
    kept = [row for row in job.read("instructions", InstructionRow) if row.kept]
    verdicts = {name: sum(row.verdict == name for row in rows) for name in ("kept", "rejected", "failed")}
    total = sum(row.tokens for row in rows)
    marginal, contrasted = mechanism_shares(tables)
    off = sum(abs(sum(token.posterior) - 1) > 1e-4 for token in tokens)
    many = any(row.passages > 1 and row.tokens for row in rows)
    contrasts = contrast_of(job).form != "none"
    return [
        Check(
            "rows_reconcile",
            sum(verdicts.values()) == len(rows) == len(kept) and total == len(tokens),
            f"{len(kept)} asked = {' + '.join(f'{count} {name}' for name, count in verdicts.items())}; "
            f"{total} tokens, {len(tokens)} attributed",
        ),
        Check("not_empty", verdicts["kept"] > 0, f"{verdicts['kept']} responses kept"),
        Check("attribution_sums_to_one", not off, f"{off} tokens whose posterior does not sum to one"),
        Check(
            "retrieval_is_at_work",
            marginal > 0 or not many,
            f"the marginal chose another token than the best passage alone at {marginal:.1%} of {total} tokens"
            if many
            else "one passage or none per question: nothing to marginalise",
        ),
        Check(
            "contrast_is_at_work",
            contrasted > 0 or not contrasts,
            f"contrast changed the choice at {contrasted:.1%} of {total} tokens"
            if contrasts
            else "no contrast in this iteration",
        ),
    ]


def mechanism_shares(tables: Tables) -> tuple[float, float]:
    """Shares of tokens at which Eq. 2's mixture and Eq. 3's contrast changed the choice."""
    rows: Any = tables[ResponseRow]
    total = sum(row.tokens for row in rows) or 1
    return sum(row.marginal_changed for row in rows) / total, sum(row.contrast_changed for row in rows) / total


def headline(tables: Tables) -> dict[str, Any]:
    rows: Any = tables[ResponseRow]
    marginal, contrasted = mechanism_shares(tables)
    counts = {name: sum(row.verdict == name for row in rows) for name in ("kept", "rejected", "failed")}
    return {
        **{f"answers/{name}": count for name, count in counts.items()},
        "tokens where the marginal changed the choice": round(marginal, 4),
        "tokens where contrast changed the choice": round(contrasted, 4),
    }
