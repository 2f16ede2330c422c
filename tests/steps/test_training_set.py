"""The view ``training_set`` holds what the step ``adapter`` really tuned on, row by row."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from selfspec_assets import plugins
from selfspec_assets.method.decoding import encode_example
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps import adapter
from selfspec_assets.steps.adapter import examples_of
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.refining import RefiningStep, Verdict
from selfspec_assets.warehouse import read_only_query
from selfspec_assets.warehouse.rows import ResponseRow
from tests.conftest import Project
from tests.making import make

SMALL = """
base_model: {model: embedded}
data: bundled
domains: [biomedicine]
iterations: 2
seed: 42
instructions: {target: 8, min_kept: 4, max_requests: 12, tasks_per_prompt: 6, max_new_tokens: 200, batch_size: 4}
passages: {k: 3}
responses: {max_new_tokens: 40, min_kept: 0.01}
adapter: {epochs: 1, batch_size: 8, micro_batch_size: 8, max_length: 1024, data: union, with_seeds: true, min_steps: 1}
scores: {shots: [0], base_variants: [alpaca], items_per_benchmark: 1, items: first, max_new_tokens: 4, resamples: 100}
steps: [unlikely_answer]
"""
Examples = list[tuple[str, str]]


@pytest.fixture
def tuned_on(monkeypatch: pytest.MonkeyPatch) -> list[Examples]:
    """What each call of ``tune`` was given."""
    seen: list[Examples] = []
    tune = adapter.tune

    def listening(spec: Any, examples: Examples, *others: Any) -> Any:
        seen.append(list(examples))
        return tune(spec, examples, *others)

    monkeypatch.setattr(adapter, "tune", listening)
    return seen


def shown(database: Path, iteration: int) -> Counter[tuple[str, str]]:
    sql = f"SELECT instruction, input, response FROM training_set WHERE iteration = {iteration}"
    return Counter((alpaca_prompt(task, given), answer) for task, given, answer in read_only_query(database, sql)[1])


def with_a_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers a refining step for this test alone."""
    fresh = plugins.Registry()
    for plugin in plugins.REGISTRY.all():
        fresh.add(plugin)
    monkeypatch.setattr(plugins, "REGISTRY", fresh)

    @plugins.step("every_second", version="1")
    class EverySecond(RefiningStep):
        """Rejects every second answer."""

        refines = "responses"

        def judge(self, job: Job, rows: Sequence[ResponseRow]) -> Iterator[Verdict]:
            for place, row in enumerate(rows):
                yield Verdict(row.instruction_id, "second" if place % 2 else None)


def test_it_is_what_the_adapter_was_tuned_on(
    begun: Project, tuned_on: list[Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_a_judge(monkeypatch)
    begun.recipe["steps"] = ["every_second"]
    begun.recipe["adapter"]["with_seeds"] = True
    begun.save()
    job = Job(Lineage(load_recipe("tiny")), "adapter", "botany", 1, lambda line: None)
    make("every_second")
    tokens = sorted(len(encode_example(job.tokenizer(), one.prompt, one.answer)[0]) for one in examples_of(job))
    begun.recipe["adapter"]["max_length"] = tokens[-2] - 1  # of two examples or more the length is too much
    begun.save()
    make("adapter")
    (examples,) = tuned_on
    assert shown(begun.database, 1) == Counter(examples)
    assert {source for _, source in examples} >= {"brown"}, "seeds are among them"
    left_out = read_only_query(begun.database, "SELECT count(*), any_value(tokens) > 0 FROM too_long_examples")[1]
    assert left_out[0][0] == len(tokens) - len(examples) >= 2
    assert left_out[0][1]
    kinds = "SELECT source, count(*) FROM training_set GROUP BY ALL ORDER BY ALL"
    assert [source for source, _ in read_only_query(begun.database, kinds)[1]] == ["responses", "seeds"]


def test_it_is_what_a_reference_was_tuned_on(project: Project, tuned_on: list[Examples]) -> None:
    project.add_training_split()
    project.recipe["adapter"]["data"] = "supervised"
    for key in ("instructions", "passages", "responses"):
        project.recipe.pop(key)
    project.recipe["iterations"] = 1
    project.save()
    make("benchmarks", "training_items", "adapter")
    (examples,) = tuned_on
    assert shown(project.database, 1) == Counter(examples)
    assert len(examples) == 6


@pytest.mark.slow
def test_it_is_what_the_embedded_model_was_tuned_on_in_both_iterations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tuned_on: list[Examples]
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(SMALL)
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / ".dagster"))
    monkeypatch.delenv("SELFSPEC_WAREHOUSE", raising=False)
    run_recipe(load_recipe("small"), ["biomedicine"], 2, lambda line: None)
    database = tmp_path / "warehouse" / "selfspec.duckdb"
    first, second = tuned_on
    assert shown(database, 1) == Counter(first)
    assert shown(database, 2) == Counter(second)
    assert len(second) > len(first), "answers of both iterations"
    assert read_only_query(database, "SELECT count(*) > 0 FROM verdicts WHERE verdict = 'rejected'")[1] == [(True,)]
