"""The step ``benchmarks``: the questions that base and adapter are scored on (Section 4.1, Appendix A)."""

from dataclasses import astuple
from typing import Any

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.item_lint import Doubt, doubtful_items
from selfspec_assets.packs.items import ReadItems
from selfspec_assets.packs.records import Item
from selfspec_assets.packs.scored_benchmarks import read_present, scored_benchmarks
from selfspec_assets.steps.digests import benchmark_files
from selfspec_assets.steps.job import Job, Tables
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.step import Check, Outcome, Step, not_empty
from selfspec_assets.warehouse.rows import BenchmarkItemRow, BenchmarkRemarkRow, BenchmarkRow


@plugins.step("benchmarks", version="3")
class Benchmarks(Step):
    """Every item of every benchmark that is present → `benchmarks`, `benchmark_items`. Appendix A."""

    per_iteration = False
    tables = (BenchmarkRow, BenchmarkItemRow, BenchmarkRemarkRow)
    main_table = BenchmarkItemRow
    kinds = frozenset({"json", "duckdb"})

    def files(self, lineage: Lineage, domain: str, iteration: int) -> dict[str, str]:
        return benchmark_files(lineage.named, lineage.pack(domain))

    def obstacle(self, lineage: Lineage, domain: str) -> SelfspecError | None:
        pack, kind = lineage.pack(domain), lineage.recipe.data
        scored_benchmarks(lineage.named, pack)
        read_present(pack, kind, lineage.recipe.scores.benchmarks)
        return None

    def make(self, job: Job) -> Outcome:
        kind = job.recipe.data
        scored_benchmarks(job.lineage.named, job.pack)
        present, broken = read_present(job.pack, kind, job.recipe.scores.benchmarks)
        declared: list[BenchmarkRow] = []
        items: list[BenchmarkItemRow] = []
        remarks: list[BenchmarkRemarkRow] = []
        for benchmark in job.pack.data(kind).benchmarks:
            absent = job.pack.absent_file(benchmark, kind)
            if absent is not None:
                job.report(f"{job.name}: LEFT OUT {benchmark.name}: no file {absent}. {benchmark.how_to_get}")
            read = present.get(benchmark.name, ReadItems([], []))
            read_items, doubts = read.items, doubtful_items(read)
            if (error := broken.get(benchmark.name)) is not None:
                doubts = [Doubt("file that cannot be read, of a benchmark that is not scored", 1, str(error.place))]
                job.report(f"{job.name}: LEFT OUT {benchmark.name}, which is not scored: {error}")
            for doubt in doubts:
                job.report(f"{job.name}: {benchmark.name}: {doubt.line}")
            remarks += [BenchmarkRemarkRow(benchmark.name, *astuple(doubt)) for doubt in doubts]
            declared.append(
                BenchmarkRow(
                    benchmark=benchmark.name,
                    task=benchmark.task,
                    present=absent is None,
                    items=len(read_items),
                    licence=benchmark.licence,
                    obtain=benchmark.obtain,
                )
            )
            items += [item_row(benchmark, number, item) for number, item in enumerate(read_items)]
        return Outcome({BenchmarkRow: declared, BenchmarkItemRow: items, BenchmarkRemarkRow: remarks})

    def check(self, job: Job, tables: Tables) -> list[Check]:
        return [not_empty(tables, BenchmarkItemRow)]

    def headline(self, tables: Tables) -> dict[str, Any]:
        rows: Any = tables[BenchmarkRow]
        remarks: Any = tables[BenchmarkRemarkRow]
        return {
            "present": ", ".join(f"{r.benchmark} ({r.items})" for r in rows if r.present),
            "left out": ", ".join(r.benchmark for r in rows if not r.present) or "none",
            **{f"{r.benchmark}: {r.what}": f"{r.count}, the first: {r.first_place}" for r in remarks},
        }


def item_row(benchmark: Benchmark, number: int, item: Item) -> BenchmarkItemRow:
    """The row of a benchmark's item, its number-th (from 0)."""
    return BenchmarkItemRow(
        benchmark=benchmark.name,
        task=benchmark.task,
        item=number,
        item_id=item.item_id,
        instruction=benchmark.instruction,
        input=item.input,
        references=list(item.references),
        document=item.document,
    )
