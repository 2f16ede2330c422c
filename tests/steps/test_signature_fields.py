"""Every field of a recipe, one by one: which steps a change of it makes anew, and that it leaves the others alone.

The fields are found in the recipe's model itself, so a new one fails here until it is said what it counts for.
"""

import json
import typing
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from selfspec_assets.base.signature import text_digest
from selfspec_assets.base.strict import Strict
from selfspec_assets.recipe.recipe import EXCLUDED, Recipe, load_recipe
from selfspec_assets.steps.lineage import Lineage
from tests import other_plugins  # noqa: F401
from tests.conftest import RECIPE, Project, write_lines

Place = tuple[str, int]  # (step, iteration); 0: of the domain
DATA = {("seeds", 0), ("corpus", 0), ("benchmarks", 0)}
MODEL = {("base_predictions", 0), *((step, n) for step in ("instructions", "responses", "adapter") for n in (1, 2))}
EVERY = (1, 2)


def both(step: str) -> set[Place]:
    return {(step, n) for n in EVERY}


BASED_ON_SEED = {*both("instructions"), *both("adapter"), ("base_predictions", 0), ("base_scores", 0)} | both(
    "predictions"
)

# field -> (another legal value, the steps whose own signature it is in). What follows from them is worked out.
FIELDS: dict[str, tuple[Any, set[Place]]] = {
    "base_model.model": ("./other_model", MODEL),
    "base_model.revision": ("b" * 40, MODEL),
    "base_model.dtype": ("bfloat16", MODEL),
    "base_model.quantization": ("nf4", MODEL),
    "base_model.chat_template": ("always", MODEL),
    "base_model.devices": (2, set()),
    "data": ("bundled", DATA),
    "domains": (["botany", "zoology"], set()),
    "iterations": (3, set()),
    "seed": (4, BASED_ON_SEED),
    "seeds.sample_train": (3, {("seeds", 0)}),
    "seeds.limit": (9, {("seeds", 0)}),
    "instructions.target": (7, both("instructions")),
    "instructions.min_kept": (2, set()),
    "instructions.max_requests": (9, both("instructions")),
    "instructions.tasks_per_prompt": (15, both("instructions")),
    "instructions.seeds_per_prompt": (2, both("instructions")),
    "instructions.temperature": (0.9, both("instructions")),
    "instructions.top_p": (0.9, both("instructions")),
    "instructions.max_new_tokens": (41, both("instructions")),
    "instructions.min_p": (0.05, both("instructions")),
    "instructions.novelty": ("task", both("instructions")),
    "instructions.show": ("same_task", both("instructions")),
    "instructions.inputs": ("corpus", both("instructions")),
    "instructions.max_rouge_l": (0.6, both("instructions")),
    "instructions.later_iterations": ("same", {("instructions", 2)}),
    "instructions.batch_size": (2, set()),
    "passages.k": ([3, 2], {("passages", 2)}),
    "passages.p_ret.normalise": ("softmax", both("passages")),
    "passages.p_ret.temperature": (2.0, both("passages")),
    "steps": (["accept"], both("accept")),
    "passages.retriever": ("first", both("passages")),
    "passages.options": ({"idf": "okapi"}, both("passages") | {("index", 0)}),
    "passages.max_words": (9, both("passages")),
    "responses.max_new_tokens": (9, both("responses")),
    "responses.min_kept": (0.02, set()),
    "responses.demonstrations": (1, both("responses")),
    "responses.contrast.form": ("log_ratio", {("responses", 2)}),
    "responses.contrast.alpha": (0.2, {("responses", 2)}),
    "responses.batch_size": (2, set()),
    "adapter.r": (4, both("adapter")),
    "adapter.alpha": (8, both("adapter")),
    "adapter.dropout": (0.1, both("adapter")),
    "adapter.learning_rate": (0.02, both("adapter")),
    "adapter.epochs": (5, both("adapter")),
    "adapter.batch_size": (8, both("adapter")),
    "adapter.micro_batch_size": (2, set()),
    "adapter.max_length": (511, both("adapter")),
    "adapter.min_steps": (2, set()),
    "adapter.with_seeds": (True, both("adapter")),
    "adapter.start": ("previous", {("adapter", 2)}),
    "adapter.data": ("union", {("adapter", 2)}),
    "scores.shots": ([0], both("predictions") | {("base_predictions", 0)}),
    "scores.base_variants": (["alpaca"], {("base_predictions", 0)}),
    "scores.benchmarks": (["colours"], both("predictions") | {("base_predictions", 0)}),
    "scores.items_per_benchmark": (3, both("predictions") | {("base_predictions", 0)}),
    "scores.items": ("first", both("predictions") | {("base_predictions", 0)}),
    "scores.max_new_tokens": (7, both("predictions") | {("base_predictions", 0)}),
    "scores.resamples": (300, both("scores") | {("base_scores", 0)}),
    "scores.batch_size": (2, set()),
    "scores.further_models": (
        [{"name": "other", "model": "./model", "prompt": "alpaca"}],
        {("further_predictions", 0)},
    ),
    "checks.min_novel": (0.5, set()),
    "checks.min_in_language": (0.5, set()),
    "checks.max_unusable": (0.1, set()),
    "checks.max_copied": (0.1, set()),
    "checks.max_same_label": (0.9, set()),
    "checks.max_contaminated": (0.1, set()),
    "checks.max_loss_ratio": (0.9, set()),
    "checks.max_score_drop": (5, set()),
    "execution.workers": (2, set()),
    "execution.engine": ("ray", set()),
    "execution.gpus_per_worker": (1, set()),
    "automation": (True, set()),
}
# Fields that can only be changed beside another: what the recipe says before and after besides.
BESIDES: dict[str, dict[str, Any]] = {
    "base_model.revision": {"base_model.model": "owner/name", "base_model.revision": "a" * 40},
    "data": {"base_model.model": "embedded"},
    "instructions.inputs": {
        "instructions.show": "same_task",
        "instructions.novelty": "task",
        "instructions.tasks_per_prompt": 4,
    },
    "passages.p_ret.temperature": {"passages.p_ret.normalise": "softmax"},
}


def fields_of(model: type[Strict], prefix: str = "") -> Iterator[str]:
    """Dotted names of all fields, those of optional sections included."""
    for name, field in model.model_fields.items():
        sections = [
            part
            for part in (field.annotation, *typing.get_args(field.annotation))
            if typing.get_origin(field.annotation) is not tuple  # a list of sections is one field
            and isinstance(part, type)
            and issubclass(part, Strict)
        ]
        if sections:
            yield from fields_of(sections[0], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def put(recipe: dict[str, Any], dotted: str, value: object) -> None:
    *parents, last = dotted.split(".")
    for parent in parents:
        recipe = recipe.setdefault(parent, {})
    recipe[last] = value


@pytest.fixture
def wide(project: Project) -> Project:
    """The tiny project with a second domain, bundled data and a second model beside."""
    project.add_training_split()
    project.pack["bundled"] = json.loads(json.dumps(project.pack["published"]))
    project.pack["bundled"]["seeds"] = "seeds.jsonl"
    project.save()
    pack = project.folder / "domains" / "botany"
    for name, source in (
        ("seeds", "seeds/botany"),
        ("corpus", "data/corpus"),
        ("colours", "data/colours"),
        ("colours_train", "data/colours_train"),
    ):
        lines = (project.folder / f"{source}.jsonl").read_text().splitlines()
        write_lines(pack / f"{name}.jsonl", [json.loads(line) for line in lines[1:]])
    (project.folder / "other_model").mkdir()
    for path in (project.folder / "model").iterdir():
        if path.name == "config.json":
            (project.folder / "other_model" / path.name).write_text(path.read_text() + "\n")
        else:
            (project.folder / "other_model" / path.name).symlink_to(path.resolve())
    return project


def signatures(project: Project, values: dict[str, Any]) -> tuple[dict[Place, str], Lineage]:
    project.recipe = json.loads(json.dumps(RECIPE))
    for dotted, value in values.items():
        put(project.recipe, dotted, value)
    path = project.folder / "recipes" / "tiny.yaml"
    path.write_text(yaml.safe_dump(project.recipe), encoding="utf-8")
    lineage = Lineage(load_recipe("tiny"))
    return {(step, n): lineage.signature(step, "botany", n) for n in (0, *EVERY) for step in lineage.steps(n)}, lineage


def with_followers(lineage: Lineage, roots: set[Place]) -> set[Place]:
    """The steps and all that needs them, however far behind."""
    found: set[Place] = set()
    for n in (0, *EVERY):
        for step in lineage.steps(n):
            needs = {(name, of) for name, of in lineage.needs(step, n)}
            if (step, n) in roots or needs & found:
                found.add((step, n))
    return found


def test_every_field_is_said_to_count_for_something_or_for_nothing() -> None:
    assert set(fields_of(Recipe)) == set(FIELDS)
    for_nothing = {field for field, (_, roots) in FIELDS.items() if not roots}
    assert for_nothing == EXCLUDED | {"domains", "iterations"}  # these two add partitions and change none


@pytest.mark.parametrize("field", FIELDS)
def test_a_changed_field_remakes_its_steps_and_what_follows_and_nothing_else(wide: Project, field: str) -> None:
    value, roots = FIELDS[field]
    besides = BESIDES.get(field, {})
    before, _ = signatures(wide, besides)
    after, lineage = signatures(wide, {**besides, field: value})
    changed = {place for place, signature in after.items() if before.get(place) != signature}
    assert changed == with_followers(lineage, roots)
    # and back: what was made under the old value is found again
    assert signatures(wide, besides)[0] == before


@pytest.mark.parametrize(
    ("data", "steps"),
    [("seeds", {"seeds"}), ("supervised", {"benchmarks", "training_items"})],
    ids=["seeds", "supervised"],  # a set's text differs from worker to worker
)
def test_a_reference_shares_what_it_has_in_common_with_the_loop(wide: Project, data: str, steps: set[str]) -> None:
    loop, _ = signatures(wide, {"iterations": 1})
    reference, lineage = signatures(wide, {"iterations": 1, "adapter.data": data})
    shared = {place for place, signature in reference.items() if loop.get(place) == signature}
    assert shared == {(step, 0) for step in ("seeds", "benchmarks", "base_predictions", "base_scores")}
    assert {step for step, _ in with_followers(lineage, {("training_items", 0)})} <= {
        *steps,
        *("adapter", "predictions", "scores"),
    }


FILES = {
    "seeds/botany.jsonl": {("seeds", 0)},
    "data/corpus.jsonl": {("corpus", 0)},
    "data/colours.jsonl": {("benchmarks", 0), ("corpus", 0)},  # no passage may hold text of a benchmark
    "domains/botany/list.j2": both("instructions"),
    "domains/botany/answer.j2": both("responses"),
    "model/config.json": MODEL,
}


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_remakes_the_steps_that_read_it_and_what_follows(wide: Project, name: str) -> None:
    before, _ = signatures(wide, {})
    if name.startswith("model/"):  # the model's folder is shared by all tests; the other one is this test's own
        (wide.folder / "model").unlink()
        (wide.folder / "other_model").rename(wide.folder / "model")
    else:
        path = wide.folder / name
        path.write_text(_edited(path.read_text()))
    after, lineage = signatures(wide, {})
    changed = {place for place, signature in after.items() if before[place] != signature}
    assert changed == with_followers(lineage, FILES[name])


def _edited(text: str) -> str:
    for old, new in (("brown", "dark"), ("Write", "List"), ("You", "Thou")):
        if old in text:
            return text.replace(old, new, 1)
    raise AssertionError("nothing to change")


def test_a_signature_is_of_the_text_that_says_what_it_is_made_of(wide: Project) -> None:
    signed, lineage = signatures(wide, {})
    for (step, n), signature in signed.items():
        text = lineage.signed(step, "botany", n)
        assert text_digest(text) == signature
        told = lineage.step(step).told_by_files
        needs = {f"{name}|{of}": signed[name, of] for name, of in lineage.needs(step, n) if name not in told}
        assert json.loads(text)["inputs"].items() >= needs.items()


@pytest.mark.parametrize(
    ("scores", "draws"),
    [
        ({"shots": [0], "items": "first", "items_per_benchmark": 2}, False),
        ({"shots": [0], "items_per_benchmark": None}, False),
        ({"shots": [0], "items_per_benchmark": 2}, True),
        ({"shots": [0, 1], "items": "first", "items_per_benchmark": 2}, True),
    ],
)
def test_another_seed_asks_the_base_anew_only_where_something_is_drawn(
    wide: Project, scores: dict[str, Any], draws: bool
) -> None:
    values = {f"scores.{key}": value for key, value in scores.items()}
    before, after = (signatures(wide, {**values, "seed": seed})[0]["base_predictions", 0] for seed in (3, 4))
    assert (before != after) == draws
