"""Results without a model: answers as a test wants them, scored and published by the real code, in milliseconds."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from selfspec_assets.base import home
from selfspec_assets.method.scoring.metrics import item_scores
from selfspec_assets.packs.items import load_items
from selfspec_assets.recipe.recipe import NamedRecipe
from selfspec_assets.reports.scores.score_table import Model, Report
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
        run = RunRow(
            step=step,
            signature=signature,
            started_at="2026-01-01T00:00:00",
            seconds=seconds,
            input_tokens=0,
            output_tokens=0,
            peak_memory_mb=0.0,
            device="cpu",
            dagster_run_id="",
        )
        warehouse.commit(lineage.key(step, domain, n), signature, tables, run=run)

    items = list(_items(lineage, domain))
    benchmarks = sorted({(item.benchmark, item.task) for item in items})
    declared = [
        BenchmarkRow(
            benchmark=name, task=task, present=True, items=len(items) // len(benchmarks), licence="", obtain=""
        )
        for name, task in benchmarks
    ]
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
    yields = [{"iteration": n, "asked": 20, "kept": 17 + n} for n in range(1, named.recipe.iterations + 1)]
    return Report(named, domain, rows, [], shares, [], adapters, tasks, dict(found), training_yield=yields)


def _items(lineage: Lineage, domain: str) -> Iterator[BenchmarkItemRow]:
    pack, kind = lineage.pack(domain), lineage.recipe.data
    for benchmark in pack.data(kind).benchmarks:
        for number, item in enumerate(load_items(pack, benchmark, kind)):
            yield BenchmarkItemRow(
                benchmark=benchmark.name,
                task=benchmark.task,
                item=number,
                item_id=item.item_id,
                instruction=benchmark.instruction,
                input=item.input,
                references=list(item.references),
                document=item.document,
            )


def _predictions(
    named: NamedRecipe, n: int, items: list[BenchmarkItemRow], answers: Answers
) -> Iterator[PredictionRow]:
    for variant in ("alpaca",) if n else named.recipe.scores.base_variants:
        for k in named.recipe.scores.shots:
            for item in items:
                text = answers(named, n, variant, k, item.benchmark, item.item)
                yield PredictionRow(
                    model="adapter" if n else "base",
                    variant=variant,
                    shots=k,
                    benchmark=item.benchmark,
                    item=item.item,
                    item_id=item.item_id,
                    demonstration_ids=[],
                    prompt_digest="p",
                    model_digest="m",
                    adapter_digest=f"a{n}" if n else None,
                    prediction=text or "",
                    finish=TOO_LONG if text is None else "eos",
                    output_tokens=0 if text is None else 1,
                )


def _response(n: int) -> ResponseRow:
    """Ten tokens, of which mixing changed two and, from iteration 2 on, contrast changed one."""
    return ResponseRow(
        instruction_id=0,
        instruction="Do.",
        input="",
        response="Done.",
        verdict="kept",
        reason=None,
        finish="eos",
        tokens=10,
        passages=3,
        log_prob=-1.0,
        marginal_changed=2,
        contrast_changed=1 if n > 1 else 0,
        prompt_digest="p",
        model_digest="m",
        adapter_digest=None,
        weaker_adapter_digest=None,
    )
