"""Alpaca and ShareGPT: as seeds of a pack, as items of a benchmark, as what a supervised reference learns."""

import json
from pathlib import Path
from typing import Any

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.bound_reader import bound_reader
from selfspec_assets.packs.items import read_training_items
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import Item, Remark, Seed
from selfspec_assets.packs.seed_file import pack_seeds
from selfspec_assets.planning.pack_check import check_pack
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.digests import seed_file
from selfspec_assets.steps.lineage import Lineage
from tests.conftest import Project

ALPACA: list[dict[str, Any]] = [
    {"instruction": "Name the colour.", "input": "moss", "output": "green", "text": "a prompt that nobody reads"},
    {"instruction": "Name a tree.", "input": "", "output": "oak"},
    {"instruction": "Name a fern.", "output": "bracken"},
]
HI = {"from": "human", "value": "Name a tree."}
SHAREGPT: list[dict[str, Any]] = [
    {"id": "x", "conversations": [HI, {"from": "gpt", "value": "oak"}, HI, {"from": "gpt", "value": "elm"}]},
    {"conversations": [{"from": "system", "value": "You know plants."}, HI, {"from": "gpt", "value": "ash"}]},
    {"messages": [{"role": "user", "content": "Name a fern."}, {"role": "assistant", "content": "bracken"}]},
]
ASKED = {
    "alpaca": [("Name the colour.\nmoss", "green"), ("Name a tree.", "oak"), ("Name a fern.", "bracken")],
    "sharegpt": [("Name a tree.", "oak"), ("Name a tree.", "ash"), ("Name a fern.", "bracken")],
}
FILES = {"alpaca": ALPACA, "sharegpt": SHAREGPT}


def write(path: Path, rows: list[dict[str, Any]], *, lines: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows, indent=1))
    return path


def read(path: Path, format: str) -> list[Item | Remark]:
    return list(bound_reader(path.parent, "instructions", {"format": format})(path))


# Items


@pytest.mark.parametrize("format", FILES)
@pytest.mark.parametrize("lines", [False, True])
def test_a_list_and_lines_give_the_same_items(tmp_path: Path, format: str, lines: bool) -> None:
    found = read(write(tmp_path / "file", FILES[format], lines=lines), format)
    assert [(item.input, *item.references) for item in found if isinstance(item, Item)] == ASKED[format]
    first = "line-1" if lines else "record-0"
    assert isinstance(found[0], Item)
    assert found[0].item_id == first


@pytest.mark.parametrize(("format", "record", "what"), [
    ("alpaca", {**ALPACA[0], "output": " "}, "examples without an answer"),
    ("alpaca", {**ALPACA[0], "instruction": ""}, "examples without a question"),
    ("sharegpt", {"conversations": []}, "examples without a question"),
    ("sharegpt", {"conversations": [{"from": "gpt", "value": "oak"}, HI]}, "examples without a question"),
    ("sharegpt", {"conversations": [HI]}, "examples without an answer"),
    ("sharegpt", {"conversations": [HI, HI]}, "examples without an answer"),
    ("sharegpt", {"conversations": [HI, {"from": "gpt", "value": ""}]}, "examples without an answer"),
])  # fmt: skip
def test_half_an_example_is_left_out(tmp_path: Path, format: str, record: dict[str, Any], what: str) -> None:
    (found,) = read(write(tmp_path / "file", [record]), format)
    assert found == Remark(what, f"{tmp_path / 'file'}: [0]", drops=True)


@pytest.mark.parametrize(("format", "record", "place", "reason"), [
    ("alpaca", SHAREGPT[0], ": [0]", "field 'instruction' is missing"),
    ("alpaca", {**ALPACA[0], "input": 3}, ": [0]", "field 'input' is not text but int"),
    ("sharegpt", ALPACA[0], ": [0]", "field 'conversations' is not a list"),
    ("sharegpt", {"conversations": [{"role": "user", "content": "x"}]}, ": [0].conversations[0]",
     "field 'from' is missing"),
])  # fmt: skip
def test_another_format_is_named(tmp_path: Path, format: str, record: dict[str, Any], place: str, reason: str) -> None:
    path = write(tmp_path / "file", [record])
    with pytest.raises(SelfspecError) as caught:
        read(path, format)
    assert (caught.value.place, caught.value.reason) == (f"{path}{place}", reason)


def test_they_are_learnt_from_as_a_training_split(project: Project) -> None:
    write(project.folder / "data/test.json", ALPACA[:1])
    write(project.folder / "data/train.jsonl", ALPACA, lines=True)
    keys = {"file": "test.json", "train": "train.jsonl", "reader": "instructions", "options": {"format": "alpaca"}}
    project.pack["published"]["benchmarks"][0].update(keys)
    project.save()
    pack = load_pack("botany")
    found = read_training_items(pack, pack.data("published").benchmarks[0], "published")
    assert [item.input for item in found.items] == ["Name a tree.", "Name a fern."], "the first is scored"


# Seeds


def seeds(project: Project, declared: Any) -> list[Seed]:
    project.pack["published"]["seeds"] = declared
    project.save()
    return pack_seeds(load_pack("botany"), "published")


@pytest.mark.parametrize("format", FILES)
def test_they_are_seeds_of_one_task(project: Project, format: str) -> None:
    write(project.folder / "domains/botany/own.json", FILES[format])
    found = seeds(project, {"file": "own.json", "format": format, "task": "naming", "source": "a garden, CC0"})
    assert [f"{seed.instruction}\n{seed.input}".strip() for seed in found] == [asked for asked, _ in ASKED[format]]
    assert [seed.output for seed in found] == [answer for _, answer in ASKED[format]]
    assert {(seed.task, seed.demonstrates) for seed in found} == {("naming", "naming")}
    assert (found[1].seed_id, found[1].source) == ("record-1", "record-1 of own.json; a garden, CC0")
    assert any("seeds: 3 of 1 tasks: naming 3" in line for line in check_pack("botany").lines)


def test_how_seeds_are_read_counts_and_a_plain_path_is_what_it_was(project: Project) -> None:
    signatures = []
    write(project.folder / "domains/botany/own.json", ALPACA)
    for task in ("naming", "listing"):
        seeds(project, {"file": "own.json", "format": "alpaca", "task": task, "source": "CC0"})
        signatures.append(Lineage(load_recipe("tiny")).signature("seeds", "botany", 0))
    assert len(set(signatures)) == 2
    own = (project.folder / "seeds/botany.jsonl").read_text()
    (project.folder / "domains/botany/own.jsonl").write_text(own)
    by_path = [seeds(project, one) for one in ("own.jsonl", {"file": "own.jsonl"})]
    assert by_path[0] == by_path[1] != []
    assert set(seed_file(load_pack("botany"), load_recipe("tiny").recipe)) == {"file"}, "as before formats were named"


@pytest.mark.parametrize(("declared", "reason"), [
    ({"file": "own.json", "format": "alpaca"}, "need 'task' and 'source'"),
    ({"file": "own.json", "format": "sharegpt", "task": "naming"}, "need 'task' and 'source'"),
    ({"file": "own.json", "task": "naming"}, "stand in each line of jsonl"),
    ({"file": "own.json", "format": "csv", "task": "naming", "source": "x"}, "format"),
    ({"file": "../own.json"}, "points outside"),
])  # fmt: skip
def test_seeds_that_are_half_declared_stop_the_pack(project: Project, declared: Any, reason: str) -> None:
    with pytest.raises(SelfspecError) as caught:
        seeds(project, declared)
    assert reason in caught.value.reason
    assert "domain.yaml:" in caught.value.place


def test_a_seed_without_an_answer_is_an_error(project: Project) -> None:
    write(project.folder / "domains/botany/own.json", [ALPACA[0], {**ALPACA[1], "output": ""}])
    with pytest.raises(SelfspecError, match="examples without an answer cannot be seeds") as caught:
        seeds(project, {"file": "own.json", "format": "alpaca", "task": "naming", "source": "CC0"})
    assert caught.value.place.endswith("own.json: [1]")
