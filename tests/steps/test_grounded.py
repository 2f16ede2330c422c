"""``instructions.inputs: corpus`` through the whole loop: what is given, what is asked, and what a change remakes."""

import re
from typing import Any

import pytest

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.planning.check import check_recipe
from selfspec_assets.planning.plan import plan
from selfspec_assets.planning.sample import Sampler
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.instructions import request_signature
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse
from selfspec_assets.warehouse.rows import InstructionRow, RequestRow
from tests.conftest import Project, corpus_rows, seed_rows, write_lines

GROUNDED = {"inputs": "corpus", "show": "same_task", "novelty": "task", "tasks_per_prompt": 4}


@pytest.fixture
def grounded(project: Project) -> Project:
    """The tiny project whose seeds of colours begin with a text of the corpus; those of essays have no place for it."""
    rows: list[dict[str, Any]] = seed_rows()
    for row in rows[:-1]:
        row |= {"passage": "input", "input": f"Context: {row['input']}\nQuestion: Which colour has it?"}
    write_lines(project.folder / "seeds" / "botany.jsonl", rows)
    project.recipe["instructions"].update(GROUNDED, max_new_tokens=12, max_rouge_l=0.95)
    project.save()
    return project


def test_tasks_begin_with_texts_of_the_corpus_and_the_rows_say_which(grounded: Project) -> None:
    named = load_recipe("tiny")
    run_recipe(named, ["botany"], 1, lambda line: None)
    warehouse, lineage = Warehouse(home.warehouse_folder()), Lineage(named)
    signature = lineage.signature("instructions", "botany", 1)
    requests = {row.request: row for row in warehouse.read(signature, RequestRow)}
    texts = {row["id"]: " ".join(row["text"].split()) for row in corpus_rows()}
    instructions = {row["instruction"] for row in seed_rows()[:-1]}
    for row in requests.values():
        given = re.fullmatch(r"(?P<instruction>.+)\nInput: Context: (?P<stretch>.+)\nQuestion:", row.given)
        assert given is not None
        assert row.document_id is not None
        assert given["stretch"] in texts[row.document_id.removeprefix("corpus:")]
        assert given["instruction"] in instructions, "a seed's, of a type with a place for the text"
    kept = [row for row in warehouse.read(signature, InstructionRow) if row.kept]
    assert kept
    for task in kept:
        given_text = requests[task.request].given
        assert given_text.startswith(task.instruction)
        assert task.input.startswith(given_text.split("Input: ")[1].split("\nQuestion")[0])
    assert len({row.document_id for row in requests.values()}) > 3


def test_another_corpus_asks_anew_and_only_where_it_is_used(grounded: Project) -> None:
    def request_digest(inputs: str) -> str:
        grounded.recipe["instructions"]["inputs"] = inputs
        grounded.save()
        return request_signature(Lineage(load_recipe("tiny")), "botany", 1)

    before = {inputs: request_digest(inputs) for inputs in ("written", "corpus")}
    write_lines(grounded.folder / "data" / "corpus.jsonl", corpus_rows()[1:])
    assert request_digest("written") == before["written"]
    assert request_digest("corpus") != before["corpus"]
    assert ("corpus", 0) in Lineage(load_recipe("tiny")).needs("instructions", 1)


def test_the_sample_of_a_plan_takes_the_first_documents(grounded: Project) -> None:
    past = Sampler(lambda line: None).of(Lineage(load_recipe("tiny")), "instructions", "botany")
    assert past is not None
    assert past.cost.output_tokens > 0


def test_seeds_without_a_place_for_a_text_are_refused_before_any_work(grounded: Project) -> None:
    write_lines(grounded.folder / "seeds" / "botany.jsonl", seed_rows())
    named = load_recipe("tiny")
    _, error = check_recipe(named, "botany")
    rows = plan([(named, ["botany"])], Warehouse(home.warehouse_folder()))
    planned = next(row for row in rows if (row.step, row.iteration) == ("instructions", 1))
    assert planned.state == "blocked"
    with pytest.raises(SelfspecError) as caught:
        run_recipe(named, ["botany"], 1, lambda line: None)
    for told in (str(error), " ".join(planned.why), str(caught.value)):
        assert "no seed of botany says where a text of the corpus stands" in told
    assert "give seeds the field 'passage'" in caught.value.remedy
    assert not (grounded.folder / "warehouse" / "revisions").exists()
