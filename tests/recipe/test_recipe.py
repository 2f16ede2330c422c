"""Recipes: what is refused, with file, line and key; and that each key counts or is excluded on purpose."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.recipe.recipe import EXCLUDED, Recipe, load_recipe, load_recipes, matching_names, own_recipe_names
from selfspec_assets.steps.lineage import Lineage, every_step
from selfspec_assets.steps.refining import RefiningStep
from tests import other_plugins  # noqa: F401
from tests.checkout import ROOT
from tests.conftest import RECIPE, Project

DOMAIN_STEPS = tuple(name for name, step in every_step().items() if not step.per_iteration)
ITERATION_STEPS = tuple(
    name for name, step in every_step().items() if step.per_iteration and not isinstance(step, RefiningStep)
)


def write(folder: Path, text: str) -> Path:
    path = folder / "bad.yaml"
    path.write_text(text)
    return path


def changed(**changes: Any) -> str:
    value = yaml.safe_load(yaml.safe_dump(RECIPE))
    for dotted, new in changes.items():
        *parents, last = dotted.split("__")
        inner = value
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = new
    return yaml.safe_dump(value, sort_keys=False)


BAD = {
    "unknown key": (changed(colour="red"), "unknown key 'colour'"),
    "unknown nested key": (changed(passages__kk=5), "unknown key 'passages.kk'"),
    "out of range": (changed(iterations=0), "key 'iterations'"),
    "too many iterations": (changed(iterations=10), "key 'iterations'"),
    "wrong type": (changed(seed="three"), "key 'seed'"),
    "number as text": (changed(adapter__learning_rate="fast"), "key 'adapter.learning_rate'"),
    "top_p above one": (changed(instructions__top_p=1.5), "key 'instructions.top_p'"),
    "negative alpha": (changed(responses__contrast={"alpha": -0.1}), "key 'responses.contrast.alpha'"),
    "no such form": (changed(responses__contrast={"form": "ratio"}), "key 'responses.contrast.form'"),
    "min_kept above target": (changed(instructions__min_kept=17), "min_kept (17) is above target (16)"),
    "seeds fill the list": (changed(instructions__tasks_per_prompt=3), "seeds_per_prompt must be below"),
    "micro batch": (changed(adapter__micro_batch_size=3), "micro_batch_size (3) must divide batch_size (4)"),
    "shots unordered": (changed(scores__shots=[1, 0]), "rising order"),
    "domain twice": (changed(domains=["botany", "botany"]), "stands twice"),
    "no domain": (changed(domains=[]), "key 'domains'"),
    "k per iteration": (changed(passages__k=[5]), "lists 1 values for 2 iterations"),
    "sum with temperature": (changed(passages__p_ret={"temperature": 2.0}), "softmax only"),
    "bundled with another model": (changed(data="bundled"), "embedded model's own small world"),
    "hub id without revision": (changed(base_model={"model": "a/b"}), "needs 'revision'"),
    "branch as revision": (changed(base_model={"model": "a/b", "revision": "main"}), "needs 'revision'"),
    "revision of a folder": (changed(base_model={"model": "./m", "revision": "0" * 40}), "hub only"),
    "missing section": (changed().replace("adapter:", "adaptor:"), "adaptor"),
    "not a mapping": ("- 1\n", "must hold a mapping"),
    "empty file": ("", "must hold a mapping"),
    "broken yaml": ("a: [1\nb: 2\n", "is not valid YAML"),
    "key twice": (changed() + "seed: 4\n", "key 'seed' stands twice"),
    "python object": ("a: !!python/object/apply:os.system ['true']\n", "tags are not taken"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_recipe_names_file_line_and_remedy(case: str, tmp_path: Path) -> None:
    text, expected = BAD[case]
    path = write(tmp_path, text)
    with pytest.raises(SelfspecError) as caught:
        load_recipe(str(path))
    assert expected in str(caught.value)
    assert caught.value.place.startswith(str(path))
    assert caught.value.remedy


def test_the_line_is_the_offending_keys(tmp_path: Path) -> None:
    text = changed(instructions__top_p=1.5)
    line = next(number for number, row in enumerate(text.splitlines(), 1) if "top_p" in row)
    with pytest.raises(SelfspecError) as caught:
        load_recipe(str(write(tmp_path, text)))
    assert caught.value.place.endswith(f":{line}")


def test_missing_recipe_lists_the_known_ones() -> None:
    with pytest.raises(SelfspecError, match="quickstart"):
        load_recipe("no_such")


def test_shipped_recipes_load_and_say_how_they_are_run() -> None:
    for path in (ROOT / "recipes").glob("*.yaml"):
        recipe = load_recipe(str(path)).recipe
        header = [line for line in path.read_text().splitlines() if line.startswith("#")]
        assert any(f"selfspec run {path.stem}" in line for line in header), path.name
        assert len(Recipe.model_fields) <= 15
        assert recipe.domains


def test_the_papers_values() -> None:
    recipe = load_recipe(str(ROOT / "recipes/biomedicine_mpt-30b.yaml")).recipe
    section = recipe.instructions
    assert (section.target, section.tasks_per_prompt, section.seeds_per_prompt) == (5000, 20, 3)
    assert (section.temperature, section.top_p, section.max_rouge_l) == (1.0, 0.98, 0.7)
    assert recipe.passages.k == 5
    assert (recipe.responses.contrast.form, recipe.responses.contrast.alpha) == ("difference", 0)
    tuned = recipe.adapter
    assert (tuned.r, tuned.alpha, tuned.batch_size, tuned.learning_rate, tuned.epochs) == (8, 16, 32, 3e-4, 3)
    assert recipe.base_model.quantization == "nf4"
    assert (recipe.scores.shots, recipe.iterations) == ((0, 1, 5), 2)


def test_two_recipes_with_one_dagster_key_are_refused(project: Project) -> None:
    text = (project.folder / "recipes/tiny.yaml").read_text()
    (project.folder / "recipes/a-b.yaml").write_text(text)
    (project.folder / "recipes/a_b.yaml").write_text(text)
    with pytest.raises(SelfspecError, match="clashes with"):
        load_recipes()


def test_a_projects_own_recipes_and_all_in_reach_where_it_has_none(project: Project) -> None:
    assert own_recipe_names() == ["tiny"]
    assert {"tiny", "quickstart"} < set(matching_names("*"))
    (project.folder / "recipes/tiny.yaml").unlink()
    assert "quickstart" in own_recipe_names()


# Each key of a recipe with another legal value.
OTHER: dict[str, Any] = {
    "steps": ["accept"],
    "seed": 4,
    "seeds.sample_train": 2,
    "iterations": 3,
    "instructions.target": 7,
    "instructions.min_kept": 2,
    "instructions.max_requests": 9,
    "instructions.tasks_per_prompt": 15,
    "instructions.seeds_per_prompt": 2,
    "instructions.temperature": 0.9,
    "instructions.top_p": 0.9,
    "instructions.max_new_tokens": 41,
    "instructions.min_p": 0.05,
    "instructions.max_rouge_l": 0.6,
    "instructions.novelty": "task",
    "instructions.show": "same_task",
    "instructions.inputs": "corpus",
    "instructions.later_iterations": "same",
    "instructions.batch_size": 2,
    "passages.k": 2,
    "passages.p_ret.normalise": "softmax",
    "passages.p_ret.temperature": 2.0,
    "passages.longest_input": 12,
    "passages.max_words": 9,
    "passages.retriever": "first",
    "passages.options": {"idf": "okapi"},
    "responses.max_new_tokens": 9,
    "responses.min_kept": 0.02,
    "responses.demonstrations": 1,
    "responses.contrast.form": "log_ratio",
    "responses.contrast.alpha": 0.2,
    "responses.batch_size": 2,
    "adapter.r": 4,
    "adapter.alpha": 8,
    "adapter.dropout": 0.1,
    "adapter.learning_rate": 0.02,
    "adapter.epochs": 5,
    "adapter.batch_size": 8,
    "adapter.micro_batch_size": 2,
    "adapter.max_length": 511,
    "adapter.min_steps": 2,
    "adapter.with_seeds": True,
    "adapter.start": "previous",
    "adapter.data": "union",
    "scores.shots": [0],
    "scores.base_variants": ["alpaca"],
    "scores.benchmarks": ["colours"],
    "scores.items_per_benchmark": 3,
    "scores.items": "first",
    "scores.max_new_tokens": 7,
    "scores.resamples": 300,
    "scores.batch_size": 2,
    "checks.min_novel": 0.5,
    "checks.min_in_language": 0.5,
    "checks.max_unusable": 0.1,
    "checks.max_copied": 0.1,
    "checks.max_same_label": 0.9,
    "checks.max_contaminated": 0.1,
    "checks.max_loss_ratio": 0.9,
    "checks.max_score_drop": 5,
    "execution.workers": 2,
    "execution.engine": "ray",
    "execution.gpus_per_worker": 1,
    "automation": True,
    "base_model.dtype": "bfloat16",
    "base_model.quantization": "nf4",
    "base_model.chat_template": "always",
}
NOT_IN_SIGNATURES = {"iterations"}  # more iterations leave the earlier ones as they are


def leaves(value: dict[str, Any], prefix: str = "") -> set[str]:
    names = set()
    for key, inner in value.items():
        names |= leaves(inner, f"{prefix}{key}.") if isinstance(inner, dict) and inner else {f"{prefix}{key}"}
    return names


def signatures(project: Project) -> dict[tuple[str, int], str]:
    lineage = Lineage(load_recipe("tiny"))
    keys = [(step, 0) for step in DOMAIN_STEPS] + [(step, n) for n in (1, 2) for step in ITERATION_STEPS]
    return {(step, n): lineage.signature(step, "botany", n) for step, n in keys}


def test_every_key_counts_or_is_excluded_on_purpose(project: Project) -> None:
    known = leaves(load_recipe("tiny").recipe.model_dump(mode="json"))
    covered = {"base_model.model", "base_model.revision", "data", "domains"}  # tests/steps/test_signature_fields.py
    assert known - covered == set(OTHER), "give every key another value here"
    before = signatures(project)
    for dotted, new in OTHER.items():
        project.recipe = yaml.safe_load(changed(**{dotted.replace(".", "__"): new}))
        if dotted == "instructions.inputs":
            project.recipe["instructions"].update(show="same_task", novelty="task", tasks_per_prompt=4)
        if dotted == "passages.p_ret.temperature":
            project.recipe["passages"]["p_ret"]["normalise"] = "softmax"
        project.save()
        differs = signatures(project) != before
        assert differs == (dotted not in EXCLUDED | NOT_IN_SIGNATURES), dotted


@pytest.mark.parametrize(
    ("key", "first"),
    [
        ("instructions.target", "instructions"),
        ("passages.max_words", "passages"),
        ("responses.max_new_tokens", "responses"),
        ("adapter.epochs", "adapter"),
    ],
)
def test_a_change_remakes_its_step_and_what_follows_and_nothing_before(project: Project, key: str, first: str) -> None:
    before = signatures(project)
    project.recipe = yaml.safe_load(changed(**{key.replace(".", "__"): OTHER[key]}))
    project.save()
    after = signatures(project)
    position = ITERATION_STEPS.index(first)
    for step in DOMAIN_STEPS:
        assert after[step, 0] == before[step, 0]
    for step in ITERATION_STEPS[:position]:
        assert after[step, 1] == before[step, 1], step
    for step in ITERATION_STEPS[position:]:
        assert after[step, 1] != before[step, 1], step
    for step in ITERATION_STEPS:
        assert after[step, 2] != before[step, 2], step


def test_the_recipes_name_does_not_count(project: Project) -> None:
    text = (project.folder / "recipes/tiny.yaml").read_text()
    (project.folder / "recipes/other.yaml").write_text(text)
    one, two = Lineage(load_recipe("tiny")), Lineage(load_recipe("other"))
    for step in (*DOMAIN_STEPS, *ITERATION_STEPS):
        assert one.signature(step, "botany", 1) == two.signature(step, "botany", 1)


def test_excluded_names_exist() -> None:
    known = leaves(Recipe.model_validate(RECIPE).model_dump(mode="json"))
    assert known >= EXCLUDED
    assert all(re.fullmatch(r"\w+(\.\w+)?", key) for key in EXCLUDED)
