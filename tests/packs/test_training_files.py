"""A training split of several files: read together, there when all are, each one counted where it matters."""

from typing import Any

import pytest

from selfspec_assets.packs.items import load_training_items
from selfspec_assets.packs.pack import Pack, load_pack
from selfspec_assets.packs.seed_sample import recipe_seeds, sampling_notes
from selfspec_assets.planning.reasons import Reasons
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse
from tests.conftest import Project, training_rows, write_lines


@pytest.fixture
def split(project: Project) -> Project:
    """The labelled items in two files."""
    for name, rows in (("heads", training_rows()[:2]), ("posts", training_rows()[2:])):
        write_lines(project.folder / f"data/{name}.jsonl", rows)
    declare(project, ["heads.jsonl", "posts.jsonl"])
    return project


def declare(project: Project, train: Any) -> Pack:
    project.pack["published"]["benchmarks"][0]["train"] = train
    project.save()
    return load_pack("botany")


def items(pack: Pack) -> list[str]:
    return [item.input for item in load_training_items(pack, pack.data("published").benchmarks[0], "published")]


def test_the_items_of_all_files_are_one_split(split: Project) -> None:
    assert items(load_pack("botany")) == [row["input"] for row in training_rows()]


def test_one_name_is_a_list_of_one(split: Project) -> None:
    as_list = declare(split, ["posts.jsonl"])
    signature = Lineage(load_recipe("tiny")).signature("benchmarks", "botany", 0)
    as_name = declare(split, "posts.jsonl")
    assert as_name.file == as_list.file
    assert Lineage(load_recipe("tiny")).signature("benchmarks", "botany", 0) == signature


@pytest.mark.parametrize("absent", ["heads.jsonl", "posts.jsonl"])
def test_a_split_that_lacks_a_file_is_absent_and_the_file_is_named(split: Project, absent: str) -> None:
    (split.folder / "data" / absent).unlink()
    split.recipe["seeds"] = {"sample_train": 2}
    split.save()
    pack, recipe = load_pack("botany"), load_recipe("tiny").recipe
    assert items(pack) == []
    (note,) = sampling_notes(pack, recipe)
    assert f"no file {split.folder / 'data' / absent}." in note
    assert {seed.output for seed in recipe_seeds(pack, recipe)} == {"brown"}, "the hand-written ones"


@pytest.mark.parametrize("name", ["heads.jsonl", "posts.jsonl"])
def test_each_file_counts_for_what_draws_from_it_and_for_nothing_else(split: Project, name: str) -> None:
    split.recipe["seeds"] = {"sample_train": 2}
    split.save()
    before = Lineage(load_recipe("tiny"))
    old = {step: before.signature(step, "botany", 0) for step in ("seeds", "benchmarks")}
    write_lines(split.folder / "data" / name, [{**training_rows()[0], "id": "z", "input": "A new one?"}])
    after = Lineage(load_recipe("tiny"))
    assert after.signature("seeds", "botany", 0) != old["seeds"]
    assert after.signature("benchmarks", "botany", 0) == old["benchmarks"]


@pytest.mark.parametrize(("step", "given", "shown"), [
    ("seeds", "colours/train", "data/heads.jsonl"),
    ("seeds", "colours/1/train", "data/posts.jsonl"),
    ("seeds", "colours", "data/colours.jsonl"),
    ("training_items", "colours", "data/heads.jsonl"),
    ("training_items", "colours/1", "data/posts.jsonl"),
    ("training_items", "colours/2", "domains/botany/domain.yaml"),
])  # fmt: skip
def test_plan_names_the_file_that_changed(split: Project, step: str, given: str, shown: str) -> None:
    lineage = Lineage(load_recipe("tiny"))
    reasons = Reasons(lineage, Warehouse(split.folder / "warehouse"), lambda *place: True)
    assert reasons._place(step, "botany", given)[0] == shown


def test_a_file_that_leaves_its_folder_is_refused_in_the_list_too(split: Project) -> None:
    from selfspec_assets.base.errors import SelfspecError

    with pytest.raises(SelfspecError, match="points outside"):
        declare(split, ["heads.jsonl", "../posts.jsonl"])
