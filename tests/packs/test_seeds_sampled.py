"""`seeds: {sample_train: n}`: which items become seeds, which never do, what remakes them; and the shipped files."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.packs.items import load_items, load_training_items
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import Item, Seed, load_seeds
from selfspec_assets.packs.seed_sample import recipe_seeds, sampled_seeds, sampling_notes
from selfspec_assets.planning.check import check_recipe
from selfspec_assets.planning.pack_check import check_pack
from selfspec_assets.planning.seed_lint import doubts, repeats
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import read_only_query
from tests.checkout import ROOT
from tests.conftest import Project, item_rows, seed_rows, training_rows, write_lines
from tests.making import make
from tests.published_data import DATA, published_file

RUN = CliRunner()
PACKS = ("biomedicine", "finance", "sports")


def same(text: str) -> str:
    return " ".join(text.casefold().split())


# Drawn from the bundled training splits


@pytest.mark.parametrize("name", PACKS)
def test_bundled_seeds_come_from_the_training_splits_and_never_from_the_test_splits(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    pack = load_pack(name)
    declared = pack.data("bundled").benchmarks
    seeds = sampled_seeds(pack, "bundled", 5, 42)
    assert Counter(seed.demonstrates for seed in seeds) == {one.name: 5 for one in declared}
    assert len({seed.seed_id for seed in seeds}) == len(seeds)
    asked = {same(item.input) for benchmark in declared for item in load_items(pack, benchmark, "bundled")}
    for one in declared:
        training = {(item.input, item.references[0]) for item in load_training_items(pack, one, "bundled")}
        for seed in (seed for seed in seeds if seed.demonstrates == one.name):
            assert (seed.task, seed.instruction) == (one.task, one.instruction)
            assert (seed.input, seed.output) in training
            assert same(seed.input) not in asked
            assert one.name in seed.source
            assert one.train[0] in seed.source, "a source note says where it is from"
            assert seed.seed_id.removeprefix(f"{one.name}-") in seed.source


def test_the_draw_follows_from_the_seed_and_each_benchmark_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    pack = load_pack("biomedicine")
    drawn = sampled_seeds(pack, "bundled", 5, 42)
    assert drawn == sampled_seeds(pack, "bundled", 5, 42)
    assert drawn != sampled_seeds(pack, "bundled", 5, 43)
    alone = sampled_seeds(pack, "bundled", 5, 42, ("yesno", "list"))
    assert alone == [seed for seed in drawn if seed.demonstrates in ("yesno", "list")]
    places = {seed.demonstrates: [] for seed in drawn}  # type: dict[str, list[str]]
    for seed in drawn:
        places[seed.demonstrates].append(seed.seed_id.rpartition("-")[2])
    assert len(set(map(tuple, places.values()))) > 1, "not the same places in every split"


# In a project


def sampling(project: Project, each: int = 3, **scores: Any) -> None:
    project.recipe["seeds"] = {"sample_train": each}
    project.recipe["scores"].update(scores)
    project.save()


def drawn() -> list[Seed]:
    named = load_recipe("tiny")
    return recipe_seeds(load_pack("botany"), named.recipe)


def test_without_the_key_the_hand_written_seeds_are_taken(project: Project) -> None:
    project.add_training_split()
    assert drawn() == load_seeds(project.folder / "seeds/botany.jsonl")
    sampling(project)
    seeds = drawn()
    assert {seed.output for seed in seeds} == {"green"}, "the first reference"
    assert {seed.input for seed in seeds} < {row["input"] for row in training_rows()}
    (project.folder / "seeds/botany.jsonl").unlink()
    assert drawn() == seeds, "nobody has to write any"


def test_an_item_that_another_benchmark_scores_is_not_drawn(project: Project) -> None:
    project.add_training_split()
    asked = [{**row, "id": f"a{i}", "input": f" {row['input'].upper()}"} for i, row in enumerate(training_rows()[:3])]
    write_lines(project.folder / "data/habits.jsonl", asked)
    other = {"name": "habits", "task": "habit", "instruction": "Say.", "file": "habits.jsonl"}
    project.pack["published"]["benchmarks"].append(other)
    sampling(project, benchmarks=["colours"])
    left = {row["input"] for row in training_rows()[3:]}
    assert {seed.input for seed in drawn()} == left
    sampling(project, each=4)
    with pytest.raises(SelfspecError) as caught:
        drawn()
    assert caught.value.place == str(project.folder / "data/colours_train.jsonl")
    assert "'colours' has 3 items that are in no test split, seeds.sample_train asks for 4" in caught.value.reason


def test_an_item_of_both_splits_of_a_benchmark_is_never_drawn(project: Project) -> None:
    project.add_training_split()
    write_lines(project.folder / "data/colours_train.jsonl", [*training_rows(), {**item_rows()[6], "id": "twin"}])
    sampling(project, each=len(training_rows()))
    assert {seed.seed_id for seed in drawn()} == {f"colours-{row['id']}" for row in training_rows()}


def mixed(project: Project) -> None:
    """Three benchmarks: one with a training split, one without, and one whose split is absent."""
    project.add_training_split()
    rows, seeds = item_rows(), seed_rows()
    for name in ("shapes", "smells"):
        write_lines(
            project.folder / f"data/{name}.jsonl", [{**row, "input": f"{name}: {row['input']}"} for row in rows]
        )
        seeds += [
            {**row, "id": f"{name}-{n}", "task": name, "demonstrates": name, "input": f"A {name} of the {n}th plant."}
            for n, row in enumerate(seed_rows()[:4])
        ]
        declared = {"name": name, "task": name, "instruction": "Say.", "file": f"{name}.jsonl"}
        project.pack["published"]["benchmarks"].append(declared)
    project.pack["published"]["benchmarks"][2].update(train="smells_train.jsonl", obtain="ask the gardener")
    write_lines(project.folder / "seeds/botany.jsonl", seeds)
    sampling(project)


def test_a_benchmark_without_a_training_split_gives_its_hand_written_seeds_and_that_is_said(project: Project) -> None:
    mixed(project)
    assert [seed.seed_id for seed in drawn()][3:] == [f"{n}-{i}" for n in ("shapes", "smells") for i in range(3)]
    assert [seed.demonstrates for seed in drawn()][:3] == ["colours"] * 3
    assert not {seed.seed_id for seed in drawn()} & {"s0", "s1", "s10"}, "of colours and essay nothing is hand-written"
    path = project.folder / "data/smells_train.jsonl"
    notes = [
        "seeds of shapes: the hand-written ones, it declares no training split",
        f"seeds of smells: the hand-written ones, no file {path}. ask the gardener",
    ]
    assert sampling_notes(load_pack("botany"), load_recipe("tiny").recipe) == notes
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 0, done.stderr
    assert all(" ".join(note.split()) in " ".join(done.stdout.split()) for note in notes)
    project.recipe.update(iterations=1)
    project.recipe["adapter"]["data"] = "seeds"
    project.save()
    said = make("seeds")
    assert all(any(line.endswith(note) for line in said) for note in notes)
    _, stored = read_only_query(project.database, "SELECT seed_id FROM seeds ORDER BY seed")
    assert [name for (name,) in stored] == [seed.seed_id for seed in drawn()]
    sampling(project, benchmarks=["colours"])
    assert sampling_notes(load_pack("botany"), load_recipe("tiny").recipe) == [], "of what is scored only"


def test_without_the_key_nothing_is_said_of_splits(project: Project) -> None:
    mixed(project)
    del project.recipe["seeds"]
    project.save()
    assert sampling_notes(load_pack("botany"), load_recipe("tiny").recipe) == []


def test_neither_a_training_split_nor_a_hand_written_seed_is_an_error(project: Project) -> None:
    mixed(project)
    write_lines(project.folder / "seeds/botany.jsonl", seed_rows())
    with pytest.raises(SelfspecError) as caught:
        drawn()
    assert "published benchmark 'shapes' has no training split to sample" in caught.value.reason
    assert "no hand-written seed demonstrates it" in caught.value.reason
    assert "key 'train', write seeds for it, or leave it out with scores.benchmarks" in caught.value.remedy


def test_a_hand_written_seed_with_the_id_of_a_drawn_one_is_an_error(project: Project) -> None:
    mixed(project)
    rows = [{**seed_rows()[0], "id": f"colours-t{n}", "demonstrates": "shapes", "task": "shapes"} for n in range(6)]
    smells = {**seed_rows()[0], "demonstrates": "smells", "task": "smells"}
    write_lines(project.folder / "seeds/botany.jsonl", [*rows, smells])
    sampling(project, each=6)
    with pytest.raises(SelfspecError, match="hand-written seed 'colours-t0' has the id of a seed drawn"):
        drawn()


def test_a_benchmark_that_is_absent_is_left_out_and_none_at_all_is_an_error(project: Project) -> None:
    project.add_training_split()
    gone = {"name": "gone", "task": "gone", "instruction": "x", "file": "gone.jsonl", "obtain": "dig it up"}
    project.pack["published"]["benchmarks"].append(gone)
    sampling(project)
    assert {seed.demonstrates for seed in drawn()} == {"colours"}
    (project.folder / "data/colours.jsonl").unlink()
    with pytest.raises(SelfspecError, match=r"(?s)none of the published benchmarks is present.*gone: dig it up"):
        drawn()


def test_fewer_seeds_than_shots_are_refused_as_of_hand_written_ones(project: Project) -> None:
    project.add_training_split()
    project.recipe["instructions"]["seeds_per_prompt"] = 1
    sampling(project, each=1, shots=[0, 2])
    _, error = check_recipe(load_recipe("tiny"), "botany")
    assert error is not None
    assert error.place == f"{project.folder / 'recipes/tiny.yaml'}: scores.shots"
    assert error.reason == "1 seeds demonstrate 'colours', scores.shots asks for 2"
    assert error.remedy.startswith("raise seeds.sample_train")


@pytest.mark.parametrize("each", [0, -1, 2.5, "five", True])
def test_a_number_that_draws_nothing_is_refused(project: Project, each: Any) -> None:
    sampling(project, each=each)
    with pytest.raises(SelfspecError, match=r"seeds.sample_train"):
        load_recipe("tiny")


def signature_of_seeds() -> str:
    return Lineage(load_recipe("tiny")).signature("seeds", "botany", 0)


def test_what_the_signature_of_the_seeds_covers(project: Project) -> None:
    project.add_training_split()
    written = signature_of_seeds()
    project.recipe["seed"] = 99
    project.save()
    assert signature_of_seeds() == written, "hand-written seeds are not drawn"
    project.recipe["seed"] = 3
    sampling(project)
    seen = {written, signature_of_seeds()}

    def new(what: str) -> None:
        signature = signature_of_seeds()
        assert signature not in seen, what
        seen.add(signature)

    sampling(project, each=4)
    new("the number")
    project.recipe["seed"] = 99
    project.save()
    new("the seed")
    write_lines(project.folder / "data/colours_train.jsonl", training_rows()[:5])
    new("the training split")
    write_lines(project.folder / "data/colours.jsonl", item_rows()[:9])
    new("the test split, whose items are never drawn")
    project.pack["published"]["benchmarks"][0]["instruction"] = "Say the colour."
    project.save()
    new("the instruction")
    sampling(project, each=4, benchmarks=["colours"])
    new("the choice of benchmarks")
    before = signature_of_seeds()
    write_lines(project.folder / "seeds/botany.jsonl", seed_rows()[:9])
    assert signature_of_seeds() == before, "the hand-written file is not read"
    (project.folder / "data/colours_train.jsonl").unlink()
    new("the loss of the training split")
    write_lines(project.folder / "seeds/botany.jsonl", seed_rows()[:8])
    new("the hand-written file, which is read now")


def test_sampled_seeds_are_stored_and_are_the_demonstrations(project: Project) -> None:
    project.add_training_split()
    sampling(project)
    project.recipe.update(iterations=1)
    project.recipe["adapter"]["data"] = "seeds"
    project.save()
    make("seeds", "benchmarks", "adapter", "predictions")
    _, rows = read_only_query(project.database, "SELECT seed_id, task, demonstrates, source FROM seeds ORDER BY seed")
    wanted = drawn()
    assert rows == [(seed.seed_id, seed.task, seed.demonstrates, seed.source) for seed in wanted]
    _, shown = read_only_query(
        project.database, "SELECT DISTINCT unnest(demonstration_ids) FROM predictions WHERE shots = 2 ORDER BY 1"
    )
    assert {name for (name,) in shown} == {seed.seed_id for seed in wanted}
    done = RUN.invoke(app, ["check", "tiny"])
    assert "seeds: 3 of 1 tasks" in done.stdout, done.stderr


def test_seeds_from_a_published_training_split(monkeypatch: pytest.MonkeyPatch) -> None:
    published_file("biomedicine/ncbi_disease/train.tsv")
    published_file("biomedicine/ncbi_disease/devel.tsv")
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    monkeypatch.setenv("SELFSPEC_DATA", str(DATA))
    seeds = sampled_seeds(load_pack("biomedicine"), "published", 5, 42, ("ncbi_disease",))
    assert [seed.demonstrates for seed in seeds] == ["ncbi_disease"] * 5
    assert all("<Disease>" in seed.output and "licence: CC BY 4.0" in seed.source for seed in seeds)


def test_every_published_benchmark_at_hand_has_seeds_when_splits_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    present = {
        "biomedicine": ["pubmedqa_long", "anatem", "ncbi_disease", "hoc"],
        "sports": ["sports_understanding", "bbh_sports_understanding"],
    }
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    monkeypatch.setenv("SELFSPEC_DATA", str(DATA))
    for domain, names in present.items():
        pack = load_pack(domain)
        for benchmark in pack.data("published").benchmarks:
            if benchmark.name in names:
                published_file(benchmark.file)
        seeds = sampled_seeds(pack, "published", 5, 42, tuple(names))
        assert Counter(seed.demonstrates for seed in seeds) == dict.fromkeys(names, 5)
        by_hand = {seed.demonstrates for seed in seeds if seed.source.startswith("hand-written")}
        splits = {
            benchmark.name
            for benchmark in pack.data("published").benchmarks
            if pack.has_training_split(benchmark, "published")
        }
        assert by_hand == set(names) - splits


# The hand-written files


@pytest.mark.parametrize(("name", "count", "types"), [("biomedicine", 80, 16), ("finance", 90, 12), ("sports", 58, 8)])
def test_the_shipped_seeds_are_as_many_as_promised(name: str, count: int, types: int) -> None:
    seeds = load_seeds(Path(ROOT) / "seeds" / f"{name}.jsonl")
    assert len(seeds) == count
    assert len({seed.task for seed in seeds}) >= types
    for seed in seeds:
        assert seed.source.startswith("hand-written; "), seed.seed_id
        assert len(seed.source) > len("hand-written; ") + 5, seed.seed_id
        assert seed.task
        assert seed.demonstrates


def written(**change: str) -> Seed:
    return Seed(**{"seed_id": "s", "task": "d", "demonstrates": "d", "instruction": "Say.", "input": "Is it red?",
                   "output": "yes", "source": "own", **change})  # fmt: skip


def test_the_linter_finds_a_seed_that_repeats_a_benchmark_item() -> None:
    items = [Item("q1", "Is it red?", ("yes",)), Item("q2", "Is it blue?", ("no",))]
    seeds = [written(), written(seed_id="t", input="is  IT blue"), written(seed_id="u", input="Is it black?")]
    assert repeats(seeds, items, "colours") == ["seed s (item q1), t (item q2): repeats an item of colours"]
    assert repeats([written(input="")], [Item("q3", "The", ("x",))], "colours") == [], "nothing is asked in either"


def test_check_tells_of_a_seed_that_repeats_a_benchmark_item(project: Project) -> None:
    write_lines(project.folder / "seeds/botany.jsonl", [{**seed_rows()[0], "input": item_rows()[2]["input"].lower()}])
    assert any("seed s0 (item q2): repeats an item of colours" in line for line in check_pack("botany").lines)


def test_one_label_in_several_cases_is_one_label() -> None:
    texts = ("the oak has leaves", "moss is soft", "birches are white", "nettles sting hard")
    answers = ("yes", "Yes", "YES ", "no")
    seeds = [written(seed_id=str(i), input=text, output=answers[i]) for i, text in enumerate(texts)]
    assert doubts(seeds, []) == ["seeds of d: 3 of 4 answers are 'yes'"]


def test_the_recipe_in_the_documentation_is_read(project: Project) -> None:
    page = (ROOT / "docs/recipe.md").read_text(encoding="utf-8")
    assert "`seeds: {sample_train: 5}`" in page
    project.recipe.update(yaml.safe_load("seeds: {sample_train: 5}"))
    project.save()
    assert load_recipe("tiny").recipe.seeds.sample_train == 5


# A limit


def test_sports_as_in_the_paper_has_exactly_forty_seeds_of_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    recipe, pack = load_recipe("sports_mpt-30b").recipe, load_pack("sports")
    assert (recipe.iterations, recipe.passages.k) == (1, 0)
    seeds, every = recipe_seeds(pack, recipe), load_seeds(pack.seeds_path("published"))
    assert len(seeds) == 40
    assert {seed.demonstrates for seed in seeds} == {seed.demonstrates for seed in every}
    places = [every.index(seed) for seed in seeds]
    assert places == sorted(places), "they stay in the order of their file"
    counts = Counter(seed.demonstrates for seed in seeds)
    rich = [counts[kind] for kind, count in Counter(seed.demonstrates for seed in every).items() if count >= 5]
    assert max(rich) - min(rich) <= 1


def test_a_limit_above_what_is_there_is_an_error_before_any_work(project: Project) -> None:
    project.recipe["seeds"] = {"limit": 12}
    project.save()
    _, error = check_recipe(load_recipe("tiny"), "botany")
    assert error is not None
    assert error.reason == "seeds.limit asks for 12, there are 11"
    project.recipe["seeds"] = {"limit": 2}  # a colour and an essay: both kinds once
    project.save()
    assert [seed.seed_id for seed in recipe_seeds(load_pack("botany"), load_recipe("tiny").recipe)] == ["s0", "s10"]
