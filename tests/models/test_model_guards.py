"""What must hold of a model before and while it works: fit, lengths, one copy of the base."""

import gc
import json
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import ContrastSettings
from selfspec_assets.models import language_model
from selfspec_assets.models import weights as model_weights
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
from selfspec_assets.planning.check import check_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.responses import sides_of
from selfspec_assets.warehouse.rows import SeedRow
from tests.conftest import Project, seed_rows, write_lines
from tests.tiny_models import write_model


def no_end_token(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token": None}))


def small_embedding(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "vocab_size": 300}))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (no_end_token, "has no end-of-sequence token"),
        (small_embedding, "has ids up to 399, the model's embedding has 300 rows"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_told_before_the_weights_are_read(
    spoil: Callable[[Path], None], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = write_model(tmp_path)
    spoil(tmp_path)

    def never(*_: object) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(language_model, "load_weights", never)
    with pytest.raises(SelfspecError, match=reason) as caught:
        LanguageModel.load(spec)
    assert caught.value.place == str(tmp_path)
    assert caught.value.remedy


TOO_LONG = {
    "instructions.max_new_tokens": (2048, "2048 tokens do not fit the model's context of 2048", "2047 or less"),
    "responses.max_new_tokens": (3000, "3000 tokens do not fit", "2047 or less"),
    "scores.max_new_tokens": (2048, "2048 tokens do not fit", "2047 or less"),
    "adapter.max_length": (2049, "2049 tokens do not fit", "2048 or less"),
}


@pytest.mark.parametrize("key", TOO_LONG)
def test_lengths_beyond_the_context_are_told_by_check(key: str, project: Project) -> None:
    value, reason, remedy = TOO_LONG[key]
    section, name = key.split(".")
    project.recipe[section][name] = value
    project.save()
    _, error = check_recipe(load_recipe("tiny"), "botany")
    assert error is not None
    assert error.place.endswith(f"tiny.yaml: {key}")
    assert reason in error.reason
    assert remedy in error.remedy
    project.recipe[section][name] = value - 1 if value < 3000 else 2047
    if section != "instructions":  # there the prompt takes room, too
        project.save()
        assert check_recipe(load_recipe("tiny"), "botany")[1] is None


def test_a_list_prompt_beyond_the_context_is_told_by_check(project: Project) -> None:
    project.recipe["instructions"]["max_new_tokens"] = 2000
    project.save()
    _, error = check_recipe(load_recipe("tiny"), "botany")
    assert error is not None
    assert error.place.endswith("tiny.yaml: instructions.max_new_tokens")
    assert "a list prompt with the longest seeds ('Which colour" in error.reason
    assert "with 2000 new ones it does not fit the model's context of 2048" in error.reason


def test_a_prompt_for_a_task_from_the_corpus_is_measured_with_answers_and_text(project: Project) -> None:
    """Both are added to what the seeds alone take; the longest seeds are those of one type."""

    def tokens(**values: object) -> int:
        project.recipe["instructions"].update(max_new_tokens=2000, **values)
        project.save()
        _, error = check_recipe(load_recipe("tiny"), "botany")
        assert error is not None
        found = re.search(r"has (\d+) tokens", error.reason)
        assert found, error.reason
        return int(found[1])

    write_lines(project.folder / "seeds" / "botany.jsonl", [{**row, "passage": "above"} for row in seed_rows()])
    one_type = {"show": "same_task", "novelty": "task", "seeds_per_prompt": 3, "tasks_per_prompt": 4}
    written, grounded = tokens(**one_type), tokens(**one_type, inputs="corpus")
    assert grounded > written + 80, "a stretch of up to 80 words, and the answers"
    assert tokens(**one_type, inputs="written") == written


def test_a_step_is_told_before_the_model_writes_a_word(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfspec_assets.method.decoding import generate
    from selfspec_assets.steps.instructions import _ask
    from selfspec_assets.steps.job import Job

    def never(*_: object) -> None:
        raise AssertionError("the model was asked")

    def job() -> Job:
        project.save()
        return Job(Lineage(load_recipe("tiny")), "instructions", "botany", 1, lambda line: None)

    monkeypatch.setattr(generate, "_decode", never)
    seeds = [SeedRow(seed=i, seed_id=row.pop("id"), passage="", **row) for i, row in enumerate(seed_rows())]
    project.recipe["instructions"]["max_new_tokens"] = 2000
    with pytest.raises(SelfspecError, match="a list prompt with the longest seeds"):
        _ask(job(), seeds, [0])
    project.recipe["adapter"]["max_length"] = 4096
    with pytest.raises(SelfspecError, match="4096 tokens do not fit the model's context of 2048"):
        _ask(job(), seeds, [0])


def test_a_list_prompt_beyond_the_context_stops_a_run_before_anything_is_predicted(project: Project) -> None:
    """The list prompt belongs to a later step than ``base_predictions``, which takes hours with a real model."""
    from selfspec_assets.base import home
    from selfspec_assets.orchestration.runner import run_recipe
    from selfspec_assets.warehouse import Attempts, Warehouse

    project.recipe["instructions"]["max_new_tokens"] = 2000
    project.save()
    named = load_recipe("tiny")
    with pytest.raises(SelfspecError, match="a list prompt with the longest seeds"):
        run_recipe(named, ["botany"], 1, lambda line: None)
    warehouse = Warehouse(home.warehouse_folder())
    assert {entry.key.step for entry in warehouse.entries()} == {"seeds", "corpus", "index", "benchmarks"}
    work = warehouse.root / "work" / Lineage(named).signature("base_predictions", "botany", 0)
    assert [path.name for path in work.iterdir()] == ["attempts.json"]
    assert Attempts(work).recipes() == (project.folder / "recipes" / "tiny.yaml",)


def test_the_weaker_adapter_is_loaded_only_where_it_is_asked() -> None:
    loaded: list[int] = []

    def load(iteration: int) -> str:
        loaded.append(iteration)
        return f"adapter {iteration}"

    job: Any = SimpleNamespace(iteration=3, adapter=load)
    assert sides_of(job, ContrastSettings("none")) == ("adapter 2", None)
    assert loaded == [2]
    assert sides_of(job, ContrastSettings("difference")) == ("adapter 2", "adapter 1")


def test_tuning_does_not_hold_the_base_twice(begun: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step before it has one in memory; beside tuning's own copy a large model would not fit."""
    from selfspec_assets.orchestration.runner import run_recipe
    from selfspec_assets.steps import job as step

    step._models.clear()  # what the fixture's runs left
    load = LanguageModel.load.__func__  # type: ignore[attr-defined]
    alive: weakref.WeakSet[LanguageModel] = weakref.WeakSet()
    beside: list[int] = []

    def watched(cls: type[LanguageModel], spec: ModelSpec) -> LanguageModel:
        gc.collect()
        beside.append(len(alive))
        lm: LanguageModel = load(cls, spec)
        alive.add(lm)
        return lm

    monkeypatch.setattr(LanguageModel, "load", classmethod(watched))
    begun.recipe["responses"]["max_new_tokens"] -= 1  # answers, and an adapter from them, in one process
    begun.save()
    run_recipe(load_recipe("tiny"), ["botany"], 1, lambda line: None)
    assert beside == [0, 0, 0], "for the answers, for tuning, and for what comes after it"


def test_what_a_cpu_made_does_not_pass_for_a_gpus(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """``dtype: auto`` is float32 there and bfloat16 here: base and adapter would be scored in two precisions."""
    here = Lineage(load_recipe("tiny")).model_identity
    monkeypatch.setattr(model_weights, "has_gpu", lambda: True)
    there = Lineage(load_recipe("tiny")).model_identity
    assert there != here
    project.recipe["base_model"]["dtype"] = "bfloat16"
    project.save()
    assert Lineage(load_recipe("tiny")).model_identity == there
