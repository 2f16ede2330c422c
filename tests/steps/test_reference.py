"""References: adapters tuned on the seeds alone, or on labelled training splits, which are never scored."""

from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.orchestration.builder import assets_of
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.packs.items import REPEATS_TEST, read_training_items
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from tests.conftest import Project, item_rows, seed_rows, training_rows, write_lines

RUN = CliRunner()
LOOP = {"corpus", "index", "instructions", "passages", "responses"}


def reference(project: Project, data: str, *, bare: bool = True, **adapter: Any) -> None:
    """Turns the tiny recipe into a reference; ``bare``: without the sections that it has no use for."""
    project.recipe["iterations"] = 1
    project.recipe["adapter"].update(data=data, **adapter)
    if bare:
        for section in ("instructions", "passages", "responses"):
            project.recipe.pop(section, None)
    project.save()


def ask(project: Project, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("data", ["seeds", "supervised"])
def test_a_reference_is_tuned_once(project: Project, data: str) -> None:
    project.recipe["adapter"]["data"] = data
    project.save()
    with pytest.raises(SelfspecError, match=r"key 'iterations' must be 1 with adapter.data: \w+, not 2") as caught:
        load_recipe("tiny")
    lines = (project.folder / "recipes/tiny.yaml").read_text().splitlines()
    assert lines[int(caught.value.place.rsplit(":", 1)[1]) - 1] == "iterations: 2"


@pytest.mark.parametrize("section", ["instructions", "responses"])
def test_only_a_reference_does_without_the_loops_sections(project: Project, section: str) -> None:
    del project.recipe[section]
    project.save()
    with pytest.raises(SelfspecError, match=f"key '{section}' is missing"):
        load_recipe("tiny")


@pytest.mark.parametrize(("data", "extra"), [("seeds", set()), ("supervised", {"training_items"})])
def test_the_graph_has_no_step_of_the_loop(project: Project, data: str, extra: set[str]) -> None:
    loop = {asset.key.path[-1] for asset in assets_of(load_recipe("tiny"))}  # type: ignore[union-attr]
    assert loop >= LOOP
    loop = {name for name in loop if not name.startswith("published_")}
    assert "training_items" not in loop
    reference(project, data)
    named = load_recipe("tiny")
    assert {asset.key.path[-1] for asset in assets_of(named)} == (loop - LOOP) | extra  # type: ignore[union-attr]
    lineage = Lineage(named)
    assert {*lineage.steps(0), *lineage.steps(1)} == (loop - LOOP) | extra
    assert lineage.needs("adapter", 1) == [("seeds" if data == "seeds" else "training_items", 0)]


def signatures() -> dict[str, str]:
    lineage = Lineage(load_recipe("tiny"))
    return {step: lineage.signature(step, "botany", n) for n in (0, 1) for step in lineage.steps(n)}


def test_sections_that_are_not_used_do_not_count(project: Project) -> None:
    reference(project, "seeds", bare=False)
    before = signatures()
    project.recipe["instructions"]["temperature"] = 0.5
    project.recipe["passages"]["k"] = [1, 2]
    project.recipe["responses"]["max_new_tokens"] = 3
    project.save()
    assert signatures() == before
    reference(project, "seeds")
    assert signatures() == before
    write_lines(project.folder / "data/corpus.jsonl", [{"id": "a", "text": "another corpus"}])
    assert signatures() == before
    reference(project, "seeds", epochs=9)
    assert signatures()["adapter"] != before["adapter"]


def test_a_training_split_counts_for_the_supervised_adapter_alone(project: Project) -> None:
    loop = signatures()
    project.add_training_split()
    assert signatures() == loop, "a pack that gains a training split must not remake the loop"
    reference(project, "supervised")
    before = signatures()
    assert {step for step, value in before.items() if loop.get(step) == value} == {
        "seeds", "benchmarks", "base_predictions", "base_scores",
    }  # fmt: skip
    write_lines(project.folder / "data/colours_train.jsonl", training_rows()[:3])
    after = signatures()
    assert {step for step in after if after[step] != before[step]} == {
        "training_items", "adapter", "predictions", "scores",
    }  # fmt: skip


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What adapters are tuned on."""
    from selfspec_assets.steps import adapter

    examples: list[tuple[str, str]] = []
    tune = adapter.tune

    def spy(spec: Any, given: list[tuple[str, str]], *rest: Any) -> Any:
        examples.extend(given)
        return tune(spec, given, *rest)

    monkeypatch.setattr(adapter, "tune", spy)
    return examples


def test_seeds_alone(project: Project, seen: list[tuple[str, str]]) -> None:
    reference(project, "seeds")
    (project.folder / "data/corpus.jsonl").unlink()  # a reference never looks at it
    run_recipe(load_recipe("tiny"), ["botany"], 1, lambda line: None)
    assert seen == [(alpaca_prompt(row["instruction"], row["input"]), row["output"]) for row in seed_rows()]
    assert ask(project, "SELECT examples FROM adapters") == [(len(seed_rows()),)]
    steps = {step for (step,) in ask(project, "SELECT step FROM revisions")}
    assert not steps & LOOP
    done = RUN.invoke(app, ["scores", "tiny"])
    assert done.exit_code == 0, done.stderr
    assert "seeds alone" in done.stdout
    assert "iteration 1" not in done.stdout


def test_training_items_are_learnt_and_never_scored(project: Project, seen: list[tuple[str, str]]) -> None:
    project.add_training_split()
    reference(project, "supervised")
    run_recipe(load_recipe("tiny"), ["botany"], 1, lambda line: None)
    wanted = [(alpaca_prompt("Name the colour.", row["input"]), row["references"][0]) for row in training_rows()]
    assert seen == wanted
    trained = {row["id"] for row in training_rows()}
    assert {row[0] for row in ask(project, "SELECT item_id FROM training_items")} == trained
    scored = ask(
        project, "SELECT DISTINCT p.item_id, i.input FROM predictions p JOIN benchmark_items i USING (item_id)"
    )
    assert len({item_id for item_id, _ in scored}) == 4
    assert {item_id for item_id, _ in scored} <= {row["id"] for row in item_rows()}
    assert not trained & {item_id for item_id, _ in scored}
    assert not {row["input"] for row in training_rows()} & {text for _, text in scored}
    assert ask(project, "SELECT count(*) FROM benchmark_items") == [(len(item_rows()),)]
    done = RUN.invoke(app, ["scores", "tiny"])
    assert "supervised" in done.stdout, done.stderr


@pytest.mark.parametrize("change", [str, str.upper, lambda text: text.replace(" ", "\n")])
def test_an_item_of_both_splits_is_left_out_counted_and_shown(project: Project, change: Any) -> None:
    """Real HoC and real NCBI share a line between their splits, and nobody edits a published file."""
    project.add_training_split()
    both = {**training_rows()[0], "id": "twin", "input": change(item_rows()[6]["input"])}
    write_lines(project.folder / "data/colours_train.jsonl", [*training_rows(), both])
    pack = load_pack("botany")
    read = read_training_items(pack, pack.data("published").benchmarks[0], "published")
    assert [item.item_id for item in read.items] == [row["id"] for row in training_rows()]
    assert [(remark.what, remark.place) for remark in read.remarks] == [(REPEATS_TEST, "twin")]
    reference(project, "supervised")
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 0, done.stderr
    assert f"{REPEATS_TEST}: 1, the first: twin" in " ".join(done.stdout.split())


def test_a_training_split_that_is_the_test_split_is_refused(project: Project) -> None:
    project.add_training_split()
    write_lines(project.folder / "data/colours_train.jsonl", item_rows())
    pack = load_pack("botany")
    with pytest.raises(SelfspecError, match="every training item of 'colours' is one of its test items"):
        read_training_items(pack, pack.data("published").benchmarks[0], "published")


@pytest.mark.parametrize("absent", [False, True])
def test_supervised_without_a_training_split_says_what_to_add(project: Project, absent: bool) -> None:
    if absent:
        project.add_training_split()
        (project.folder / "data/colours_train.jsonl").unlink()
    reference(project, "supervised")
    for command in ("check", "run"):
        done = RUN.invoke(app, [command, "tiny"])
        assert done.exit_code == 1
        assert "domain.yaml: adapter.data: supervised needs a training split" in done.stderr
        assert "key 'train' of a benchmark (colours)" in done.stderr


def test_a_missing_bundled_training_file_is_named(project: Project) -> None:
    pack = project.folder / "domains/botany"
    for name in ("s.jsonl", "c.jsonl", "b.jsonl"):
        (pack / name).write_text("")
    item = {"name": "b", "task": "b", "instruction": "x", "file": "b.jsonl", "train": "train/b.jsonl"}
    project.pack["bundled"] = {"seeds": "s.jsonl", "corpus": "c.jsonl", "benchmarks": [item]}
    project.save()
    with pytest.raises(SelfspecError, match=r"bundled file 'train/b.jsonl' is missing"):
        load_pack("botany")


def test_check_tells_what_a_reference_uses(project: Project) -> None:
    project.add_training_split()
    reference(project, "supervised", bare=False)
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 0, done.stderr
    assert f"training items: colours {len(training_rows())}" in done.stdout
    assert "not used with adapter.data: supervised: instructions, passages, responses" in done.stdout
    assert "documents" not in done.stdout
