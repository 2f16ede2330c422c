"""Which questions are the same: seeds, generated instructions and training items are compared by one rule."""

import pytest

from selfspec_assets.method.instructions.list_parser import BenchmarkGuard
from selfspec_assets.packs.items import read_training_items
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.records import Seed, question_key
from selfspec_assets.planning.seed_lint import repeats
from tests.conftest import Project
from tests.rows import benchmark_item

SAME = [
    ("Is aspirin safe?", "is ASPIRIN  safe"),
    ("Is [1]aspirin[/1] safe with [2]zulin[/2]?", "Is aspirin safe with [1]zulin[/1]?"),
    ("Ist das Mittel fu\u0308r Kinder?", "ist das mittel für kinder"),
    ("+ -", "+  -"),
]
OTHER = [("Is aspirin safe?", "Is the aspirin safe?"), ("3.5 %", "35 %"), ("+ -", "- +"), ("+", "")]


@pytest.mark.parametrize(("text", "other"), SAME)
def test_questions_that_are_the_same(text: str, other: str) -> None:
    assert question_key(text) == question_key(other)


@pytest.mark.parametrize(("text", "other"), OTHER)
def test_questions_that_are_not(text: str, other: str) -> None:
    assert question_key(text) != question_key(other)


@pytest.mark.parametrize(("text", "other"), SAME[:3])
def test_every_asker_takes_the_same_questions_for_the_same(text: str, other: str) -> None:
    tested = benchmark_item("safety", 0, "Answer.", text)
    assert BenchmarkGuard([tested]).reason("Go on.", other) == "repeats_benchmark:safety/id0"
    seed = Seed("s1", "qa", "safety", "Answer.", other, "yes", "hand-written")
    assert repeats([seed], [tested], "safety")  # type: ignore[list-item]


def test_a_training_item_that_differs_by_a_comma_is_a_test_item(project: Project) -> None:
    project.add_training_split()
    pack = load_pack("botany")
    benchmark = pack.data("published").benchmarks[0]
    before = read_training_items(pack, benchmark, "published").items
    tested = pack.benchmark_paths(benchmark, "published")[0]
    lines = tested.read_text().splitlines()
    asked = before[0].input.replace(" ", ", ", 1)
    tested.write_text("\n".join([*lines, f'{{"id": "again", "input": "{asked}", "references": ["x"]}}']) + "\n")
    assert before[0] not in read_training_items(pack, benchmark, "published").items
