"""The step ``training_items``: labelled examples for the supervised reference, never scored (Fig. 5's upper bound)."""

from collections import Counter
from dataclasses import astuple
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.item_lint import doubtful_items
from selfspec_assets.packs.items import load_training_items, no_training_split, read_training_items
from selfspec_assets.packs.records import question_key
from selfspec_assets.packs.scored_benchmarks import scored_benchmarks
from selfspec_assets.recipe.recipe import Recipe
from selfspec_assets.steps.digests import training_files
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage, Need
from selfspec_assets.steps.step import Check, Outcome, Step
from selfspec_assets.warehouse.rows import BenchmarkItemRow, TrainingItemRow, TrainingRemarkRow


@plugins.step("training_items", version="4")
class TrainingItems(Step):
    """The training split of every benchmark that has one → `training_items`. Only a supervised recipe has it."""

    per_iteration = False
    tables = (TrainingItemRow, TrainingRemarkRow)
    checks = ("not_empty", "no_test_item")
    kinds = frozenset({"json", "duckdb"})

    def belongs_to(self, recipe: Recipe) -> bool:
        return recipe.adapter.data == "supervised"

    def needs(self, recipe: Recipe, iteration: int) -> list[Need]:
        return [("benchmarks", 0)]

    def settings(self, recipe: Recipe, iteration: int) -> dict[str, Any]:
        return {"scores": {"benchmarks": recipe.scores.benchmarks}}

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        return training_files(lineage.pack(domain), lineage.recipe)

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        pack, kind = lineage.pack(domain), lineage.recipe.data
        labelled = any(
            load_training_items(pack, benchmark, kind) for benchmark in scored_benchmarks(lineage.named, pack)
        )
        return None if labelled else no_training_split(pack, kind)

    def make(self, job: Job) -> Outcome:
        """Rows of the training splits of all benchmarks that are scored.

        Raises:
            SelfspecError: no benchmark that is scored has one.
        """
        kind = job.recipe.data
        rows: list[TrainingItemRow] = []
        remarks: list[TrainingRemarkRow] = []
        for benchmark in scored_benchmarks(job.lineage.named, job.pack):
            read = read_training_items(job.pack, benchmark, kind)
            read_items, doubts = read.items, doubtful_items(read)
            for doubt in doubts:
                job.report(f"{job.name}: {benchmark.name}: {doubt.line}")
            remarks += [TrainingRemarkRow(benchmark.name, *astuple(doubt)) for doubt in doubts]
            if (absent := job.pack.absent_training_file(benchmark, kind)) is not None:
                job.report(f"{job.name}: LEFT OUT {benchmark.name}: no file {absent}. {benchmark.obtain}")
            rows += [
                TrainingItemRow(
                    benchmark=benchmark.name,
                    task=benchmark.task,
                    item=number,
                    item_id=item.item_id,
                    instruction=benchmark.instruction,
                    input=item.input,
                    references=list(item.references),
                )
                for number, item in enumerate(read_items)
            ]
        if not rows:
            raise no_training_split(job.pack, kind)
        return Outcome({TrainingItemRow: rows, TrainingRemarkRow: remarks})

    def check(self, job: Job, tables: Tables) -> list[Check]:
        rows: Any = tables[TrainingItemRow]
        scored = {(item.benchmark, question_key(item.input)) for item in job.read("benchmarks", BenchmarkItemRow)}
        both = [row.item_id for row in rows if (row.benchmark, question_key(row.input)) in scored]
        return [
            Check("not_empty", len(rows) > 0, f"{len(rows)} labelled items"),
            Check("no_test_item", not both, f"{len(both)} training items are test items of their benchmark"),
        ]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[TrainingItemRow]
        remarks: Any = tables[TrainingRemarkRow]
        return {
            **{f"items/{name}": count for name, count in Counter(row.benchmark for row in rows).items()},
            **{f"{r.benchmark}: {r.what}": f"{r.count}, the first: {r.first_place}" for r in remarks},
        }
