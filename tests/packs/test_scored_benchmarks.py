"""Which benchmarks a recipe scores: check, plan and run say the same, before any work."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.packs.item_lint import CONTRADICTORY, REPEATED, doubtful_items
from selfspec_assets.packs.items import ReadItems
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import BLANK_ALTERNATIVE, Item, Remark
from selfspec_assets.packs.scored_benchmarks import scored_benchmarks
from selfspec_assets.planning.obstacles import obstacle
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse.rows import BenchmarkItemRow, BenchmarkRemarkRow
from tests.conftest import Project, item_rows, write_lines

RUN = CliRunner()


def said(command: str) -> tuple[int, str]:
    """Exit status, and all that a command says; a table would break its words."""
    done = RUN.invoke(app, [command, "tiny", *(["--json"] if command == "plan" else [])])
    return done.exit_code, " ".join((done.stdout + done.stderr).split())


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
    status, words = said(command)
    assert "benchmark 'habits': no file habits.jsonl" in words
    assert "ask Ada" in words
    assert command == "plan" or status == 1
    assert not home.warehouse_folder().exists() or not list(home.warehouse_folder().glob("revisions/*"))


def test_one_that_is_not_named_is_left_out_by_name(two: Project) -> None:
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 0, done.stderr
    assert "benchmark habits: LEFT OUT, no file habits.jsonl" in done.stdout
    assert [one.name for one in scored_benchmarks(load_recipe("tiny"), load_pack("botany"))] == ["colours"]


def test_a_broken_benchmark_that_is_not_scored_stops_nothing_and_is_told(two: Project) -> None:
    """What `check` passes, `plan` and `run` pass: nobody asks for it."""
    (two.folder / "data/habits.jsonl").write_text("{\n")
    for wanted, stops in ((None, True), (["colours"], False)):
        two.recipe["scores"]["benchmarks"] = wanted
        two.save()
        assert RUN.invoke(app, ["check", "tiny"]).exit_code == int(stops)
        lineage = Lineage(load_recipe("tiny"))
        assert any(obstacle(lineage, step, "botany") for step in lineage.steps(0)) is stops
    lines: list[str] = []
    job = Job(lineage, "benchmarks", "botany", 0, lines.append)
    made = lineage.step("benchmarks").make(job)
    assert {row.benchmark for row in made.tables[BenchmarkItemRow]} == {"colours"}
    assert any("LEFT OUT habits, which is not scored" in line and "habits.jsonl:1" in line for line in lines)
    (remark,) = made.tables[BenchmarkRemarkRow]
    assert (remark.benchmark, remark.count) == ("habits", 1)
    assert remark.first_place.endswith("habits.jsonl:1")


@pytest.mark.parametrize("command", ["check", "plan", "run"])
def test_too_few_seeds_to_show_stop_all_three(project: Project, command: str) -> None:
    project.recipe["scores"]["shots"] = [0, 11]
    project.save()
    assert "10 seeds demonstrate 'colours', scores.shots asks for 11" in said(command)[1]
    assert not list(home.warehouse_folder().glob("revisions/*"))


def test_what_is_doubtful_is_stored_and_shown_by_each_command(project: Project) -> None:
    rows = item_rows()
    rows += [{**rows[0], "id": "other", "references": ["pink"]}, {**rows[1], "id": "again"}]
    rows[2]["references"] += [" "]
    write_lines(project.folder / "data/colours.jsonl", rows)
    lineage, lines = Lineage(load_recipe("tiny")), list[str]()
    made = lineage.step("benchmarks").make(Job(lineage, "benchmarks", "botany", 0, lines.append))
    stored = {row.what: (row.count, row.first_place) for row in made.tables[BenchmarkRemarkRow]}
    assert stored == {BLANK_ALTERNATIVE: (1, "q2"), CONTRADICTORY: (1, "q0, other"), REPEATED: (1, "again")}
    shown = lineage.step("benchmarks").headline(made.tables)
    assert shown[f"colours: {REPEATED}"] == "1, the first: again"
    told = [f"{what}: {count}, the first: {first}" for what, (count, first) in stored.items()]
    for command in (["check", "tiny"], ["check", "--domain", "botany"], ["benchmarks", "show", "colours"]):
        done = RUN.invoke(app, command)
        assert all(line in done.stdout for line in told), (command, done.stdout, done.stderr)
    assert all(any(one in line for line in lines) for one in told)


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
        ([item("a", "x", "yes"), item("b", "x ", "no"), item("c", "y", "no")], [f"{CONTRADICTORY}: 1", "a, b"]),
        ([item("a", "x", "yes"), item("b", "x", "yes"), item("c", "x", "yes")], [f"{REPEATED}: 2", "b"]),
        ([item("a", "x", "yes", "si"), item("b", "x", "si", "yes")], [f"{REPEATED}: 1", "b"]),
        ([item("a", "X y", "Yes"), item("b", "x  Y", "yes")], [f"{REPEATED}: 1", "b"]),
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
    assert found == ["blanks: 2, the first: a", "lost: 1, the first: b"]


def _folder_of_texts(project: Project) -> str:
    project.pack["published"]["corpus"] = {"sources": [{"name": "texts", "format": "txt", "files": ["texts"]}]}
    (project.folder / "data" / "texts").mkdir()
    return "texts is a folder: name the files in it, such as texts/*"


def _folder_for_a_file(project: Project) -> str:
    (project.folder / "data/corpus.jsonl").unlink()
    (project.folder / "data/corpus.jsonl").mkdir()
    return "corpus.jsonl is a folder: name the files in it, such as corpus.jsonl/*"


def _folder_in_the_pack(project: Project) -> str:
    pack = project.folder / "domains/botany"
    (pack / "corpus.jsonl").mkdir()
    for name in ("seeds/botany.jsonl", "data/colours.jsonl"):
        (pack / Path(name).name).write_bytes((project.folder / name).read_bytes())
    published = project.pack.pop("published")
    project.pack["bundled"] = {**published, "seeds": "botany.jsonl"}
    project.recipe.update(data="bundled", base_model={"model": "embedded"})
    return "corpus.jsonl: is a folder, a prepared corpus is one file"


@pytest.mark.parametrize("change", [_folder_of_texts, _folder_for_a_file, _folder_in_the_pack])
@pytest.mark.parametrize("command", ["check", "plan"])
def test_a_corpus_folder_that_is_there_is_not_called_absent(
    project: Project, change: Callable[[Project], str], command: str
) -> None:
    words = change(project)
    project.save()
    _, told = said(command)
    assert (
        words in told or "corpus.jsonl: cannot be read: Is a directory" in told
    )  # the digest of a plan meets it first
    assert "does not exist" not in told


def test_a_corpus_is_counted_in_the_tokens_of_the_recipes_model(project: Project) -> None:
    done = RUN.invoke(app, ["check", "tiny"])
    assert "tokens of the recipe's model" in done.stdout
    done = RUN.invoke(app, ["check", "--domain", "botany"])
    assert "tokens of the embedded model" in done.stdout
