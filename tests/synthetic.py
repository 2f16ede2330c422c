"""Results without a model: answers as a test wants them, scored and published by the real code, in milliseconds."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from selfspec_assets.base import home
from selfspec_assets.method.scoring.metrics import item_scores
from selfspec_assets.packs.items import load_items
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.reports.score_table import Model, Report
from selfspec_assets.steps.base_scores import BaseScores
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.predictions import TOO_LONG
from selfspec_assets.steps.scores import Scores
from selfspec_assets.warehouse import Warehouse
from selfspec_assets.warehouse.rows import BenchmarkItemRow, BenchmarkRow, ResponseRow, RunRow
from selfspec_assets.warehouse.score_rows import PredictionRow
from tests.conftest import Project, seed_rows, write_lines

RIGHT, WRONG = "right", "wrong"
# (recipe, iteration, variant, k, benchmark, item) -> the answer, None for a prompt that does not fit the context;
# iteration 0 is the base.
Answers = Callable[[NamedRecipe, int, str, int, str, int], str | None]


def set_quiz(project: Project, tasks: dict[str, str], items: int, training: bool = False) -> None:
    """Gives the pack benchmarks (name -> task) whose only right answer is "right", and seeds for each."""
    declared, seeds = [], []
    for name, task in tasks.items():
        split = {"train": f"{name}_train.jsonl"} if training else {}
        declared.append({"name": name, "task": task, "instruction": f"Do {name}.", "file": f"{name}.jsonl", **split})
        for kind, file in (("test", f"{name}.jsonl"), ("train", f"{name}_train.jsonl")):
            rows = [
                {"id": f"{kind}{i}", "input": f"{kind} {name} number {i}", "references": [RIGHT]} for i in range(items)
            ]
            write_lines(project.folder / "data" / file, rows)
        seeds += [{**row, "id": f"{name}-{row['id']}", "demonstrates": name} for row in seed_rows()[:5]]
    project.pack["published"]["benchmarks"] = declared
    write_lines(project.folder / "seeds/botany.jsonl", seeds)
    project.save()


class Unpublished(Warehouse):
    """Commits without a new database each time."""

    def publish(self) -> None:
        return


def publish(named: NamedRecipe, domain: str, answers: Answers, seconds: float = 30.0) -> None:
    """Commits a recipe's predictions as if they had been made, then scores them."""
    lineage, warehouse = Lineage(named), Unpublished(home.warehouse_folder())

    def commit(step: str, n: int, tables: dict[Any, Any]) -> None:
        signature = lineage.signature(step, domain, n)
        run = RunRow(step, signature, "2026-01-01T00:00:00", seconds, 0, 0, 0.0, "cpu", "")
        warehouse.commit(lineage.key(step, domain, n), signature, tables, run=run)

    items = list(_items(lineage, domain))
    benchmarks = sorted({(item.benchmark, item.task) for item in items})
    declared = [BenchmarkRow(name, task, True, len(items) // len(benchmarks), "", "") for name, task in benchmarks]
    commit("benchmarks", 0, {BenchmarkRow: declared, BenchmarkItemRow: items})
    for n in range(named.recipe.iterations + 1):
        predictions = list(_predictions(named, n, items, answers))
        commit("predictions" if n else "base_predictions", n, {PredictionRow: predictions})
        step, make = ("scores", Scores().make) if n else ("base_scores", BaseScores().make)
        commit(step, n, make(Job(lineage, step, domain, n, lambda line: None)).tables)
        if n and not named.recipe.is_reference:
            commit("responses", n, {ResponseRow: [_response(n)]})
    Warehouse(home.warehouse_folder()).publish()


def imagined(named: NamedRecipe, domain: str, answers: Answers, tasks: dict[str, str], items: int) -> Report:
    """A report as ``score_table`` would load it, without a warehouse; one step of each iteration was timed."""
    found: dict[tuple[Model, int, str], dict[str, dict[int, float]]] = {}
    for n in range(named.recipe.iterations + 1):
        for variant in ("alpaca",) if n else named.recipe.scores.base_variants:
            for k, benchmark, item in product(named.recipe.scores.shots, tasks, range(items)):
                text = answers(named, n, variant, k, benchmark, item)
                assert text is not None
                for oracle in (False,) if n else (False, True):
                    for metric, value in item_scores(text.split("\n")[0] if oracle else text, [RIGHT]).items():
                        series = found.setdefault((Model(n, oracle, variant), k, metric), {})
                        series.setdefault(benchmark, {})[item] = value
    rows = [
        {**model._asdict(), "shots": k, "metric": metric, "benchmark": benchmark, "missing": []}
        for (model, k, metric), series in found.items()
        for benchmark in series
    ]
    shares = [
        {"iteration": n, "tokens": 10, "kept": 1, "marginal_changed": 0.2, "contrast_changed": 0.1 if n > 1 else 0.0}
        for n in range(1, named.recipe.iterations + 1)
    ]
    adapters = [{"model_digest": "m" * 64}]
    return Report(named, domain, rows, [], shares, [], adapters, tasks, dict(found))


def _items(lineage: Lineage, domain: str) -> Iterator[BenchmarkItemRow]:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    for benchmark in pack.data(kind).benchmarks:
        for number, item in enumerate(load_items(pack, benchmark, kind)):
            about = (benchmark.name, benchmark.task, number, item.item_id, benchmark.instruction, item.input)
            yield BenchmarkItemRow(*about, list(item.references), item.document)


def _predictions(
    named: NamedRecipe, n: int, items: list[BenchmarkItemRow], answers: Answers
) -> Iterator[PredictionRow]:
    for variant in ("alpaca",) if n else named.recipe.scores.base_variants:
        for k in named.recipe.scores.shots:
            for item in items:
                text = answers(named, n, variant, k, item.benchmark, item.item)
                about = ("adapter" if n else "base", variant, k, item.benchmark, item.item, item.item_id)
                made = ("", TOO_LONG, 0) if text is None else (text, "eos", 1)
                yield PredictionRow(*about, [], "p", "m", f"a{n}" if n else None, *made)


def _response(n: int) -> ResponseRow:
    """Ten tokens, of which mixing changed two and, from iteration 2 on, contrast changed one."""
    counts = (10, 3, -1.0, 2, 1 if n > 1 else 0)
    return ResponseRow(0, "Do.", "", "Done.", "kept", None, "eos", *counts, "p", "m", None, None)
