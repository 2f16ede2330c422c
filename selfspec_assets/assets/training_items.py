"""The asset ``training_items``: labelled examples for the supervised reference, never scored (Fig. 5's upper bound)."""

from collections import Counter
from dataclasses import astuple
from typing import Any

import dagster as dg

from selfspec_assets.assets.step import Check, Job, Outcome, Result, Tables, run_step, specs
from selfspec_assets.domain import no_training_split, read_training_items
from selfspec_assets.item_lint import doubtful_items
from selfspec_assets.lineage import STEPS
from selfspec_assets.partitions import asset_key, domains
from selfspec_assets.recipe import NamedRecipe
from selfspec_assets.rows import BenchmarkItemRow, TrainingItemRow, TrainingRemarkRow
from selfspec_assets.scored_benchmarks import scored_benchmarks
from selfspec_assets.words import comparable


def training_items(named: NamedRecipe) -> dg.AssetsDefinition:
    """Build the asset of one recipe."""

    @dg.asset(
        name="training_items",
        key_prefix=named.key,
        group_name=named.key,
        partitions_def=domains(named),
        code_version=STEPS["training_items"].code_version,
        deps=[asset_key(named, "benchmarks")],
        check_specs=specs(named, "training_items", "not_empty", "no_test_item"),
        kinds={"jsonl", "duckdb"},
    )
    def training_items(context: dg.AssetExecutionContext) -> Result:
        """The training split of every benchmark that has one → `training_items`. Only a supervised recipe has it."""
        yield from run_step(context, named, "training_items", make_training_items, check_training_items, headline)

    return training_items


def make_training_items(job: Job) -> Outcome:
    """Rows of the training splits of all benchmarks that are scored.

    Raises:
        SelfspecError: no benchmark that is scored has one.
    """
    kind = job.recipe.data
    rows: list[TrainingItemRow] = []
    remarks: list[TrainingRemarkRow] = []
    for benchmark in scored_benchmarks(job.lineage.named, job.pack):
        read = read_training_items(job.pack, benchmark, kind)
        found, doubts = read.items, doubtful_items(read)
        for doubt in doubts:
            job.report(f"{job.name}: {benchmark.name}: {doubt.line}")
        remarks += [TrainingRemarkRow(benchmark.name, *astuple(doubt)) for doubt in doubts]
        if benchmark.train is not None and not found:
            job.report(f"{job.name}: LEFT OUT {benchmark.name}: no file {benchmark.train}. {benchmark.obtain}")
        rows += [
            TrainingItemRow(
                benchmark.name,
                benchmark.task,
                number,
                item.item_id,
                benchmark.instruction,
                item.input,
                list(item.references),
            )
            for number, item in enumerate(found)
        ]
    if not rows:
        raise no_training_split(job.pack, kind)
    return Outcome({TrainingItemRow: rows, TrainingRemarkRow: remarks})


def check_training_items(job: Job, tables: Tables) -> list[Check]:
    rows: Any = tables[TrainingItemRow]
    scored = {(item.benchmark, comparable(item.input)) for item in job.read("benchmarks", BenchmarkItemRow)}
    both = [row.item_id for row in rows if (row.benchmark, comparable(row.input)) in scored]
    return [
        Check("not_empty", len(rows) > 0, f"{len(rows)} labelled items"),
        Check("no_test_item", not both, f"{len(both)} training items are test items of their benchmark"),
    ]


def headline(tables: Tables) -> dict[str, Any]:
    rows: Any = tables[TrainingItemRow]
    remarks: Any = tables[TrainingRemarkRow]
    return {
        **{f"items/{name}": count for name, count in Counter(row.benchmark for row in rows).items()},
        **{f"{r.benchmark}: {r.what}": f"{r.count}; the first: {r.first_place}" for r in remarks},
    }
