"""What each refining step says of rows, and that a recipe can name them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selfspec_assets import plugins
from selfspec_assets.packs.templates import Template
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage, every_step
from selfspec_assets.warehouse.rows import PassageRow
from tests.conftest import Project

RULES = "Every instruction gets one specific, realistic case as its input. Write {{ count }} tasks."
LONG = "a soft organ filters old red cells from the blood"


def row(number: int, instruction: str = "Do.", given: str = "", response: str = "", log_prob: float = -1.0) -> Any:
    return SimpleNamespace(
        instruction_id=number, instruction=instruction, input=given, response=response, log_prob=log_prob, tokens=2
    )


def job() -> Any:
    passage = PassageRow(
        instruction_id=1, rank=1, document_id="d", title="Spleen", text="It lies on the left.", score=1.0, p_ret=1.0
    )
    return SimpleNamespace(
        pack=SimpleNamespace(instruction_header=Template(Path("list.j2"), RULES)),
        recipe=SimpleNamespace(loop=SimpleNamespace(instructions=SimpleNamespace(tasks_per_prompt=9))),
        read=lambda step, row_type: [passage],
    )


@pytest.mark.parametrize(
    ("step", "rows", "reasons"),
    [
        ("repeated_input", [row(1, "Name it.", "name it"), row(2, "Name it.", "The spleen.")], [True, False]),
        ("echoed_prompt", [row(1, given="Use one specific, realistic case as its input, and go"), row(2)], [False] * 2),
        ("echoed_prompt", [row(1, "Gets one specific realistic case as its input!"), row(2)], [True, False]),
        ("copied_input", [row(1, given=f"See: {LONG}.", response=LONG), row(2, response=LONG)], [True, False]),
        (
            "repeated_answer",
            [row(1, response=LONG), row(2, response=f"{LONG}."), row(3, response="yes")] * 1,
            [False, True, False],
        ),
        ("repeated_answer", [row(1, response="yes"), row(2, response="yes")], [False, False]),
        (
            "unsupported_answer",
            [row(1, "Where?", response="Right of it."), row(2, "Where?", response="Up.")],
            [True, False],
        ),
        ("unsupported_answer", [row(1, "Where?", response="Left.")], [False]),
        ("unsupported_answer", [row(1, "Where?", "In a dog.", "Right of it.")], [False]),
    ],
)
def test_what_it_passes_over(step: str, rows: list[Any], reasons: list[bool]) -> None:
    """Of the question without a passage nothing can be said, and a task with an input rests on that."""
    verdicts = list(every_step()[step].judge(job(), rows))
    assert [verdict.row for verdict in verdicts] == [one.instruction_id for one in rows]
    assert [verdict.reason is not None for verdict in verdicts] == reasons


SEEDS = [
    SimpleNamespace(seed_id=f"{kind}{n}", demonstrates=kind, instruction="Yes or no?", input="x", output=said)
    for kind, answers in (("claim", ("yes", "no", "yes")), ("rare", ("yes", "no")))
    for n, said in enumerate(answers)
]


def test_an_answer_is_held_against_the_seeds_of_its_type() -> None:
    shown = {1: ["claim0", "claim1"], 2: ["claim0", "claim2"], 3: ["claim0", "rare0"], 4: ["rare0", "rare1"]}
    tasks = [SimpleNamespace(instruction_id=number, seed_ids=names) for number, names in shown.items()]
    stored: dict[str, list[Any]] = {"SeedRow": SEEDS, "InstructionRow": tasks}
    job = SimpleNamespace(read=lambda step, row_type, iteration=None: stored[row_type.__name__])
    said = {1: "no", 2: "maybe", 3: "maybe", 4: "maybe"}
    rows = [row(number, "Yes or no?", "x", answer) for number, answer in said.items()]
    verdicts: Any = every_step()["other_form"].judge(job, rows)  # type: ignore[attr-defined]
    assert list(verdicts) == [(1, None), (2, "none_of_the_labels"), (3, None), (4, None)], (
        "of mixed seeds and of types with two seeds nothing is said"
    )


def test_the_less_likely_half_of_each_type_is_left() -> None:
    shown = {1: ["claim0"], 2: ["rare0"], 3: ["claim1"], 4: ["rare1"], 5: ["claim0", "rare0"]}
    tasks = [SimpleNamespace(instruction_id=number, seed_ids=names) for number, names in shown.items()]
    stored: dict[str, list[Any]] = {"SeedRow": SEEDS, "InstructionRow": tasks}
    job = SimpleNamespace(read=lambda step, row_type, iteration=None: stored[row_type.__name__])
    likely = {1: -0.1, 2: -5.0, 3: -0.2, 4: -6.0, 5: -9.0}
    verdicts: Any = every_step()["unlikely_answer"].judge(  # type: ignore[attr-defined]
        job, [row(number, log_prob=value) for number, value in likely.items()]
    )
    assert [verdict.row for verdict in verdicts if verdict.reason] == [3, 4], "the one of mixed seeds stands alone"


def test_a_recipe_can_name_all_of_them(project: Project) -> None:
    project.recipe["steps"] = list(plugins.JUDGES)
    project.save()
    lineage = Lineage(load_recipe("tiny"))
    names = lineage.steps(1)
    assert set(plugins.JUDGES) <= set(names)
    assert names.index("repeated_input") < names.index("passages")
    assert names.index("responses") < names.index("disagreeing_answers") < names.index("adapter")
    assert ("passages", 1) in lineage.needs("disagreeing_answers", 1)
    assert ("copied_input", 1) in lineage.needs("adapter", 1)
