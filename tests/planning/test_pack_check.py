"""`selfspec check --domain all`, the linter of seeds, and `selfspec benchmarks show`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.items import load_items, load_training_items
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import Seed, load_seeds
from selfspec_assets.planning.obstacles import obstacle
from selfspec_assets.planning.pack_check import check_pack
from selfspec_assets.planning.seed_lint import doubts
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.benchmarks import Benchmarks
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse.rows import BenchmarkRow
from tests.checkout import ROOT
from tests.conftest import Project, seed_rows, write_lines

RUN = CliRunner()


def seed(number: int, **change: Any) -> Seed:
    words = ("apple", "bridge", "candle", "dragon", "engine", "forest", "garden", "hammer", "island", "jungle")
    asked = f"Tell how {words[number]} and {words[-number - 1]} differ from {words[(number * 3) % 10]}."
    return replace(
        Seed(f"s{number}", "colour", "colours", asked, f"The {words[number]}.", str(number), "own"), **change
    )


COLOURS = [Benchmark(name="colours", task="colour", instruction="Name it.", file="x")]
FIVE = [seed(number) for number in range(5)]


@pytest.mark.parametrize(
    ("seeds", "found"),
    [
        (FIVE, []),
        ([*FIVE, seed(3, seed_id="s9")], ["seed s9 (as s3): is asked twice"]),
        (
            [*FIVE, seed(3, seed_id="s9", instruction=seed(3).instruction.upper(), input="The Dragon!")],
            ["seed s9 (to s3, 1.00): comes close to another, ROUGE-L above 0.7"],
        ),
        ([*FIVE, seed(5, input="")], ["seed s5: has no input, unlike the others that demonstrate its benchmark"]),
        (
            [*FIVE, seed(5, demonstrates="colors"), seed(6, demonstrates="xyz"), seed(7, demonstrates="colour")],
            [
                "seed s5 ('colors'; did you mean 'colours'?), s6 ('xyz'): "
                "demonstrates no benchmark, nor a benchmark's task, nor its own task"
            ],
        ),
        ([seed(n, demonstrates="essay", task="essay", input="" if n else "x") for n in range(4)], []),
        ([seed(n, output="yes" if n else "no") for n in range(5)], ["seeds of colours: 4 of 5 answers are 'yes'"]),
        ([seed(n, output="yes" if n > 1 else "no") for n in range(5)], []),
        ([seed(n, output="yes") for n in range(3)], []),
    ],
    ids=[
        "sound",
        "duplicate",
        "close",
        "no input",
        "misspelt",
        "free task",
        "one-sided",
        "balanced",
        "too few to tell",
    ],
)
def test_doubts(seeds: list[Seed], found: list[str]) -> None:
    assert doubts(seeds, COLOURS) == found


def test_many_of_a_kind_are_counted() -> None:
    line = doubts([seed(1, seed_id=f"t{n}") for n in range(6)], COLOURS)[0]
    assert line == "seed t1 (as t0), t2 (as t0), t3 (as t0) and 2 more: is asked twice"


@pytest.mark.parametrize("name", ["biomedicine", "finance", "sports"])
def test_the_shipped_seeds_for_real_models_leave_no_doubt(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    pack = load_pack(name)
    assert doubts(load_seeds(pack.seeds_path("published")), pack.data("published").benchmarks) == []


def test_check_of_every_pack(project: Project) -> None:
    (project.folder / "seeds" / "botany.jsonl").unlink()
    write_lines(project.folder / "seeds" / "botany.jsonl", [*seed_rows(), {**seed_rows()[0], "id": "again"}])
    done = RUN.invoke(app, ["check", "--domain", "all"])
    assert done.exit_code == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "benchmark colours: 10 items" in text
    assert "seeds: 12 of 2 tasks: colour 11, essay 1" in text
    assert "warning: seed again (as s0): is asked twice" in text
    assert "warning: seeds of colours: 11 of 11 answers are 'brown'" in text
    assert "corpus: 40 documents, 520 words" in text
    assert "benchmark tatqa: ABSENT" in text
    assert "(licence: CC BY 4.0)" in text
    assert "warning: no corpus" in text  # of the packs that ship with the project


def test_check_of_every_pack_fails_and_goes_on(project: Project) -> None:
    write_lines(project.folder / "data" / "colours.jsonl", [{"id": "a", "input": "x", "references": []}])
    write_lines(project.folder / "data" / "corpus.jsonl", [{"id": "a", "text": ""}])
    done = RUN.invoke(app, ["check", "--domain", "all"])
    assert done.exit_code == 1
    assert "colours.jsonl:1" in done.stderr
    assert "corpus.jsonl:1" in done.stderr
    assert "sports" in done.stdout


def test_a_pack_that_cannot_be_loaded_is_an_error(project: Project) -> None:
    project.pack["colour"] = "red"
    project.save()
    report = check_pack("botany")
    assert report.lines == ["code: none"]
    assert "unknown key 'colour'" in report.errors[0].reason
    assert RUN.invoke(app, ["check", "--domain", "all"]).exit_code == 1


def test_without_published_data_the_rest_is_checked(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SELFSPEC_DATA")
    report = check_pack("botany")
    assert report.errors == []
    assert "benchmarks and corpus not looked at: set SELFSPEC_DATA" in report.lines[-1]


def test_without_published_data_each_benchmark_is_said_to_be_absent(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SELFSPEC_DATA")
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    published = load_pack("biomedicine").data("published")
    lines = [" ".join(line.split()) for line in check_pack("biomedicine").lines]
    for one in published.benchmarks:
        if not one.comes_with_pack:
            assert f"benchmark {one.name}: ABSENT, no data folder. {one.obtain} (licence: {one.licence})" in lines
    for source in published.corpus.sources:
        assert f"corpus {source.name}: ABSENT, no data folder. {' '.join(source.how_to_get.split())}" in lines


def two_files(project: Project) -> None:
    """A second benchmark of two files, of which one is there."""
    first = project.pack["published"]["benchmarks"][0]
    second = {
        **first,
        "name": "shades",
        "file": "shades.jsonl",
        "also": ["more/shades.jsonl"],
        "obtain": "ask a painter",
    }
    write_lines(project.folder / "data" / "shades.jsonl", [{"id": "x", "input": "How dark?", "references": ["very"]}])
    project.pack["published"]["benchmarks"] = [first, second]
    project.save()


def test_a_benchmark_of_two_files_of_which_one_is_there_is_left_out(project: Project) -> None:
    two_files(project)
    every = " ".join(RUN.invoke(app, ["check", "--domain", "botany"]).stdout.split())
    assert "benchmark shades: ABSENT, no file more/shades.jsonl. ask a painter" in every
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 0, done.stderr
    left_out = "shades: LEFT OUT, no file more/shades.jsonl. ask a painter"
    assert left_out in " ".join(done.stdout.split())
    lines: list[str] = []
    lineage = Lineage(load_recipe("tiny"))
    made = Benchmarks().make(Job(lineage, "benchmarks", "botany", 0, lines.append))
    rows: Any = made.tables[BenchmarkRow]
    assert [(row.benchmark, row.present, row.items) for row in rows] == [("colours", True, 10), ("shades", False, 0)]
    assert any("LEFT OUT shades: no file more/shades.jsonl. ask a painter" in line for line in lines)
    assert [obstacle(lineage, step, "botany") for step in ("benchmarks", "base_predictions")] == [None, None]
    before = lineage.signature("benchmarks", "botany", 0)
    items = [{"id": "y", "input": "How light?", "references": ["not very"]}]
    write_lines(project.folder / "data" / "more" / "shades.jsonl", items)
    lineage = Lineage(load_recipe("tiny"))
    assert lineage.signature("benchmarks", "botany", 0) != before
    rows = Benchmarks().make(Job(lineage, "benchmarks", "botany", 0, lines.append)).tables[BenchmarkRow]
    assert [(row.benchmark, row.present, row.items) for row in rows] == [("colours", True, 10), ("shades", True, 2)]


DDI = """<document id="d"><sentence id="d.s0" text="Aspirin and warfarin interact.">
<entity id="d.s0.e0" charOffset="0-6" text="Aspirin"/><entity id="d.s0.e1" charOffset="12-19" text="warfarin"/>
<pair e1="d.s0.e0" e2="d.s0.e1" ddi="{}"/></sentence></document>"""


def test_a_benchmark_may_be_a_folder(project: Project) -> None:
    folder = project.folder / "data" / "ddi"
    first = project.pack["published"]["benchmarks"][0]
    ddi = {**first, "name": "ddi", "file": "ddi/test", "train": "ddi/train", "reader": "ddi"}
    project.pack["published"]["benchmarks"] = [first, ddi]
    project.save()
    assert obstacle(Lineage(load_recipe("tiny")), "benchmarks", "botany") is None, "absent, and the other is there"
    signatures = []
    for kind in ("test", "train"):
        for name in ("a", "b"):
            path = folder / kind / "deep" / f"{name}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            text = DDI if kind == "test" else DDI.replace("Aspirin", "Ibufrin")
            text = text.replace("interact", f"interact {name}")
            path.write_text(text.replace('"d', f'"{name}').format("true"))
    for label in ("true", "false"):
        other = DDI.replace('"d', '"b').replace("interact", "interact b")
        (folder / "test" / "deep" / "b.xml").write_text(other.format(label))
        lineage = Lineage(load_recipe("tiny"))
        signatures.append(lineage.signature("benchmarks", "botany", 0))
        pack = lineage.pack("botany")
        declared = pack.data("published").benchmarks[1]
        assert [item.references for item in load_items(pack, declared, "published")] == [("true",), (label,)]
        assert len(load_training_items(pack, declared, "published")) == 2
    assert signatures[0] != signatures[1], "one file of the folder changed"
    assert "benchmark ddi: 2 items, 2 to train on" in " ".join(check_pack("botany").lines)
    trained = Lineage(load_recipe("tiny")).signature("training_items", "botany", 0)
    (folder / "train" / "deep" / "a.xml").unlink()
    assert Lineage(load_recipe("tiny")).signature("training_items", "botany", 0) != trained


def test_demonstrations_of_another_layout_are_doubtful(project: Project) -> None:
    rows = [{**row, "demonstrates": "colour"} if row["id"] == "s1" else row for row in seed_rows()]
    write_lines(project.folder / "seeds" / "botany.jsonl", [{**rows[0], "task": "hue"}, *rows[1:]])
    warnings = [line.partition("warning: ")[2] for line in check_pack("botany").lines if "warning" in line]
    assert "colours has seeds of its own, and those of its task are drawn as well: s1" in warnings
    assert any("is of task 'hue', the benchmark of 'colour'" in line for line in warnings)
    write_lines(project.folder / "seeds" / "botany.jsonl", rows[-1:])
    assert any("no seed demonstrates colours" in line for line in check_pack("botany").lines)


def test_a_recipe_s_check_shows_doubts_too(project: Project) -> None:
    done = RUN.invoke(app, ["check", "tiny"])
    assert "warning: seeds of colours: 10 of 10 answers are 'brown'" in done.stdout


def test_show_a_benchmark(project: Project) -> None:
    done = RUN.invoke(app, ["benchmarks", "show", "colours", "--domain", "botany"])
    assert done.exit_code == 0
    for text in (
        "botany colours (published)",
        "items: 10,",
        "metrics: f1, rouge_l",
        "answers: 1 different; commonest: 'brown' 10",
        "first item, q0:",
        "Is the fern number 0 in the book?",
        "reference: brown",
        "reference: dark brown",
    ):
        assert text in done.stdout, text


def test_show_finds_a_name_in_every_pack(project: Project) -> None:
    done = RUN.invoke(app, ["benchmarks", "show", "factoid"])
    assert [line for line in done.stdout.splitlines() if line.endswith("(bundled)")] == [
        f"{pack} factoid (bundled)" for pack in ("biomedicine", "finance", "sports")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["colour"], "is not in any pack"),
        (["colours", "--domain", "sports"], "is not in pack 'sports'"),
        (["colours", "--domain", "alchemy"], "no such domain pack"),
        (["sportqa", "--domain", "sports"], "CC BY 4.0"),
    ],
)
def test_show_says_what_is_missing(project: Project, arguments: list[str], message: str) -> None:
    done = RUN.invoke(app, ["benchmarks", "show", *arguments])
    assert done.exit_code == 1
    assert message in done.stderr
    assert "remedy" in done.stderr


def test_text_of_items_is_shown_as_it_is(project: Project, tmp_path: Path) -> None:
    row = {"id": "a", "input": "[bold]x[/bold]\nsecond", "references": ["[y]"]}
    (project.folder / "data" / "colours.jsonl").write_text(json.dumps(row) + "\n")
    done = RUN.invoke(app, ["benchmarks", "show", "colours", "--domain", "botany"])
    assert "    [bold]x[/bold]\n    second\n  reference: [y]" in done.stdout
