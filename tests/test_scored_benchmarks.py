"""Which benchmarks a recipe scores: check, plan and run say the same, before any work."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.packs.item_lint import doubtful_items
from selfspec_assets.packs.items import ReadItems
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import Item, Remark
from selfspec_assets.packs.scored_benchmarks import scored_benchmarks
from selfspec_assets.recipe.recipe import load_recipe
from tests.conftest import Project, item_rows, write_lines

RUN = CliRunner()


@pytest.fixture
def two(project: Project) -> Project:
    """A second benchmark is declared; its file is absent."""
    other = {"name": "habits", "task": "colour", "instruction": "Say it.", "file": "habits.jsonl", "obtain": "ask Ada"}
    project.pack["published"]["benchmarks"].append(other)
    project.save()
    return project


@pytest.mark.parametrize("command", ["check", "plan", "run"])
def test_a_named_benchmark_whose_file_is_absent_stops_all_three(two: Project, command: str) -> None:
    two.recipe["scores"]["benchmarks"] = ["colours", "habits"]
    two.save()
    done = RUN.invoke(app, [command, "tiny"])
    words = " ".join((done.stdout + done.stderr).split())
    assert "benchmark 'habits': no file habits.jsonl" in words
    assert "ask Ada" in words
    if command != "plan":
        assert done.exit_code == 1
    assert not home.warehouse_folder().exists() or not list(home.warehouse_folder().glob("revisions/*"))


def test_one_that_is_not_named_is_left_out_by_name(two: Project) -> None:
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 0, done.stderr
    assert "benchmark habits: LEFT OUT, no file habits.jsonl" in done.stdout
    assert [one.name for one in scored_benchmarks(load_recipe("tiny"), load_pack("botany"))] == ["colours"]


def test_a_misspelt_one_is_answered_with_the_nearest(two: Project) -> None:
    two.recipe["scores"]["benchmarks"] = ["colour"]
    two.save()
    with pytest.raises(SelfspecError) as caught:
        scored_benchmarks(load_recipe("tiny"), load_pack("botany"))
    assert "did you mean 'colours'?" in caught.value.remedy


def test_a_broken_benchmark_still_shows_its_line_and_the_others(two: Project) -> None:
    write_lines(two.folder / "data/habits.jsonl", item_rows())
    (two.folder / "data/colours.jsonl").write_text("{\n")
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 1
    assert "benchmark colours: cannot be read" in done.stdout
    assert f"benchmark habits: {len(item_rows())} items" in done.stdout
    assert "colours.jsonl:1" in done.stderr


def item(name: str, text: str, *references: str) -> Item:
    return Item(name, text, references)


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ([item("a", "x", "yes"), item("b", "x ", "no"), item("c", "y", "no")], ["1 inputs stand", "a, b"]),
        ([item("a", "x", "yes"), item("b", "x", "yes"), item("c", "x", "yes")], ["2 items repeat", "b"]),
        ([item("a", "x", "yes", "si"), item("b", "x", "si", "yes")], ["1 items repeat", "b"]),
        ([item("a", "X y", "Yes"), item("b", "x  Y", "yes")], ["1 items repeat", "b"]),
        ([item("a", "x", "yes"), item("b", "y", "yes")], []),
    ],
)
def test_contradictory_and_repeated_inputs_are_counted(items: list[Item], told: list[str]) -> None:
    found = [doubt.line for doubt in doubtful_items(ReadItems(items, []))]
    assert len(found) == bool(told)
    assert all(words in line for line in found for words in told)


def test_remarks_are_counted_by_kind() -> None:
    remarks = [Remark("blanks", "a"), Remark("lost", "b", drops=True), Remark("blanks", "c")]
    found = [doubt.line for doubt in doubtful_items(ReadItems([], remarks))]
    assert found == ["2 blanks; the first: a", "1 lost; the first: b"]


def _folder(project: Project) -> None:
    project.pack["published"]["corpus"] = {"sources": [{"name": "texts", "format": "txt", "files": ["texts"]}]}
    (project.folder / "data" / "texts").mkdir()


@pytest.mark.parametrize("change", [_folder])
def test_a_corpus_folder_that_is_there_is_not_called_absent_files(
    project: Project, change: Callable[[Project], None]
) -> None:
    change(project)
    project.save()
    done = RUN.invoke(app, ["check", "tiny"])
    assert "texts is a folder: name the files in it, such as texts/*" in done.stdout + done.stderr


def test_a_corpus_is_counted_in_the_tokens_of_the_recipes_model(project: Project) -> None:
    done = RUN.invoke(app, ["check", "tiny"])
    assert "tokens of the recipe's model" in done.stdout
    done = RUN.invoke(app, ["check", "--domain", "botany"])
    assert "tokens of the embedded model" in done.stdout
