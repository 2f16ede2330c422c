"""The asset ``adapter``: the base tuned on its own answers, or a reference on given ones (Section 3.4, Appendix B)."""

import shutil
from typing import Any

import dagster as dg

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.failpoints import reached
from selfspec_assets.base.progress import Progress
from selfspec_assets.method.decoding import encode_example
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.method.tuning.tune import TuningSettings, logit_change, tune
from selfspec_assets.orchestration.assets.step import Check, Job, Outcome, Result, Tables, run_step, specs
from selfspec_assets.orchestration.partitions import (
    asset_key,
    domain_by_iteration,
    of_domain,
    of_earlier_adapters,
    of_iteration,
)
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.steps.lineage import STEPS
from selfspec_assets.warehouse.rows import AdapterRow, LossRow, ResponseRow, SeedRow, TrainingItemRow


def adapter(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""
    published = asset_key(named, "published_adapters")

    @dg.asset(
        name="adapter",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domain_by_iteration(named),
        code_version=STEPS["adapter"].code_version,
        pool="gpu",
        deps=_deps(named),
        check_specs=specs(named, "adapter", "not_empty", "reloads_and_changes_the_logits"),
        kinds={"peft", "duckdb"},
    )
    def adapter(context: dg.AssetExecutionContext) -> Result:
        """Kept `responses` → an adapter folder for plain PEFT, `adapters`, `losses`. Section 3.4.

        A reference is tuned on `seeds` or `training_items` instead. QLoRA (LoRA without quantisation on a CPU) on all
        linear layers, Alpaca template, loss on the response only.
        """
        for result in run_step(context, named, "adapter", make_adapter, check_adapter, headline):
            if isinstance(result, dg.MaterializeResult) and result.data_version:
                _publish(context, published, result.data_version.value)
            yield result

    return adapter


def _deps(named: NamedRecipe) -> list[dg.AssetDep]:
    section = named.recipe.adapter
    if section.data == "seeds":
        return [of_domain(named, "seeds")]
    if section.data == "supervised":
        return [of_domain(named, "training_items")]
    if section.data == "union":
        return [of_iteration(named, "responses"), *of_earlier_adapters(named, tuple(range(1, named.recipe.iterations)))]
    earlier = of_earlier_adapters(named, (1,)) if section.start == "previous" else []
    return [of_iteration(named, "responses"), *earlier]


def _publish(context: dg.AssetExecutionContext, published: dg.AssetKey, signature: str) -> None:
    """Report the adapter to the next iteration, once: reporting a reused one again would set automation off."""
    partition = context.partition_key
    for record in context.instance.fetch_materializations(
        dg.AssetRecordsFilter(published, asset_partitions=[partition]), limit=1
    ).records:
        materialization = record.asset_materialization
        if materialization and (materialization.tags or {}).get("dagster/data_version") == signature:
            return
    reached("published_adapters: before the event")
    context.log_event(dg.AssetMaterialization(published, partition=partition, tags={"dagster/data_version": signature}))
    reached("published_adapters: after the event")


def examples_of(job: Job) -> list[tuple[str, str]]:
    """(prompt, answer) pairs: this iteration's kept responses, those of all iterations so far, or a reference's."""
    if job.recipe.adapter.data == "seeds":
        return [(alpaca_prompt(row.instruction, row.input), row.output) for row in job.read("seeds", SeedRow)]
    if job.recipe.adapter.data == "supervised":
        labelled = job.read("training_items", TrainingItemRow)
        return [(alpaca_prompt(row.instruction, row.input), row.references[0]) for row in labelled]
    first = 1 if job.recipe.adapter.data == "union" else job.iteration
    return [
        (alpaca_prompt(row.instruction, row.input), row.response)
        for n in range(first, job.iteration + 1)
        for row in job.read("responses", ResponseRow, n)
        if row.verdict == "kept"
    ]


def make_adapter(job: Job) -> Outcome:
    section = job.recipe.adapter
    tokenizer = job.tokenizer()
    everything = examples_of(job)
    lengths = [len(encode_example(tokenizer, *example)[0]) for example in everything]
    fitting = [i for i, length in enumerate(lengths) if length <= section.max_length]
    examples = [everything[i] for i in fitting]
    if not examples:
        raise SelfspecError(
            f"{job.lineage.named.path}: adapter.max_length",
            f"{job.name}: none of {len(everything)} examples has at most {section.max_length} tokens",
            "raise adapter.max_length",
        )
    settings = TuningSettings(
        r=section.r,
        alpha=section.alpha,
        dropout=section.dropout,
        learning_rate=section.learning_rate,
        epochs=section.epochs,
        batch_size=section.batch_size,
        micro_batch_size=section.micro_batch_size,
        max_length=section.max_length,
        seed=job.recipe.seed,
    )
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
    tuned = tune(job.lineage.model_spec, examples, settings, work, start, report, checkpoints)
    model = job.model()
    name = "fresh_" + tuned.adapter_digest[:16]
    model.add_adapter(work, name)
    change = logit_change(model, name, [prompt for prompt, _ in examples[:4]])
    model.remove_adapter(name)
    row = AdapterRow(
        tuned.adapter_digest,
        tuned.base_digest,
        "previous adapter" if start else "base",
        len(examples),
        len(everything) - len(examples),
        tuned.steps,
        tuned.trainable,
        tuned.total,
        tuned.losses[0][2],
        tuned.losses[-1][2],
        change,
        f"revisions/{job.signature}/adapter",
    )
    return Outcome(
        {AdapterRow: [row], LossRow: [LossRow(*loss) for loss in tuned.losses]},
        {"adapter": work},
        input_tokens=section.epochs * sum(lengths[i] for i in fitting),
    )


def _goes_on(job: Job) -> bool:
    return job.recipe.adapter.start == "previous" and job.iteration > 1


def check_adapter(job: Job, tables: Tables) -> list[Check]:
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


def headline(tables: Tables) -> dict[str, Any]:
    rows: Any = tables[AdapterRow]
    row = rows[0]
    return {
        "examples": row.examples,
        "first loss": row.first_loss,
        "last loss": row.last_loss,
        "trainable share": row.trainable_parameters / row.total_parameters,
        "folder": row.path,
    }
