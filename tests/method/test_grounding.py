"""Tasks that begin with a stretch of the corpus: their layout is the seeds', their text the corpus's."""

import random
from pathlib import Path
from typing import NamedTuple

import pytest

from selfspec_assets.base.words import count_words
from selfspec_assets.method.instructions.asking import list_requests
from selfspec_assets.method.instructions.grounding import (
    ABOVE_WORDS,
    MOST_WORDS,
    begin_task,
    common_labels,
    sentences_of,
)
from selfspec_assets.method.instructions.list_parser import parse_instruction_list
from selfspec_assets.packs.corpora.documents import Document
from selfspec_assets.packs.templates import Template
from selfspec_assets.recipe.sections import InstructionsSection

HEADER = Template(Path("list.j2"), "Write {{ count }} tasks.")


class SeedLine(NamedTuple):
    demonstrates: str
    instruction: str
    input: str
    passage: str
    output: str = "x"


def seeds_of(kind: str, inputs: list[str], passage: str) -> list[SeedLine]:
    return [SeedLine(kind, f"Do {kind} {number}.", text, passage) for number, text in enumerate(inputs)]


QUESTIONS = seeds_of(
    "reading",
    [f"Context: The {name} swam over to the far bank at noon.\nQuestion: Who swam, the {name}?" for name in "abcde"],
    "input",
)
FACTS = seeds_of("facts", [f"Question: What is {name}?" for name in "abcde"], "above")
TAGS = seeds_of("tags", [f"Sentence: Anna of {name} won." for name in "abcde"], "input")
POSTS = seeds_of("posts", [f"Text: I like {name}.\nTarget: {name}" for name in "abcde"], "")
FIGURES = seeds_of("figures", [f"Text: They had {name} goats.\nQuestion: How many?" for name in "34567"], "input")
CORPUS = [
    Document(f"d{number}", f"Town {number}", " ".join(f"The hill {chr(97 + i)} of town rose high." for i in range(20)))
    for number in range(7)
] + [Document("figures", "Herds", "The herd grew for many years. It had 80 goats in the end. Then it was sold off.")]


def begin(seeds: list[SeedLine], seed: int = 1) -> tuple[str, str, str]:
    task = begin_task("Do it.", seeds, CORPUS, random.Random(seed))
    return task.passage, task.task, task.document


def text_of(document: str) -> str:
    return next(each.text for each in CORPUS if each.id == document)


@pytest.mark.parametrize("seed", range(20))
def test_the_stretch_stands_behind_the_first_label_and_the_model_goes_on_after_the_second(seed: int) -> None:
    above, task, document = begin(QUESTIONS, seed)
    assert above == ""
    assert task.startswith("Do it.\nInput: Context: ")
    assert task.endswith("\nQuestion:")
    stretch = task.removeprefix("Do it.\nInput: Context: ").removesuffix("\nQuestion:")
    assert stretch in text_of(document)
    assert stretch[0].isupper()
    assert stretch.endswith("."), "whole sentences"
    seeds_words = count_words("The a swam over to the far bank at noon.")
    assert seeds_words <= count_words(stretch) < seeds_words + 9 or document == "figures"


def test_an_input_of_one_label_is_complete() -> None:
    _, task, document = begin(TAGS)
    assert task.endswith(".\n")
    assert task.removeprefix("Do it.\nInput: Sentence: ").strip() in text_of(document)


def test_a_passage_above_leaves_the_whole_input_to_the_model() -> None:
    above, task, document = begin(FACTS)
    assert task == "Do it.\nInput: Question:"
    title = next(each.title for each in CORPUS if each.id == document)
    assert above.startswith(f"{title}. ")
    assert count_words(above) <= ABOVE_WORDS + 12


def test_a_passage_is_seen_whatever_instruction_and_layout_are() -> None:
    quiz = seeds_of("quiz", [f"Who swam?\nA) {name}\nB) x" for name in "abcde"], "above")
    task = begin_task("Read it.\nInput: is what you read.", quiz, CORPUS, random.Random(1))
    assert task.shown == f"Read it.\nInput: is what you read.\nPassage: {task.passage}\nInput:"
    assert task.task == "Read it.\nInput: is what you read.\nInput:"
    assert not task.is_complete, "the model writes the input"


def test_a_text_with_a_figure_where_every_seed_has_one() -> None:
    for seed in range(10):
        task = begin_task("Do it.", FIGURES, CORPUS[-2:], random.Random(seed))
        assert task.document == "figures"
        assert "80" in task.input
    assert any(begin(QUESTIONS, seed)[2] != "figures" for seed in range(10)), "and not where none is needed"


def test_a_corpus_without_anything_fitting_gives_its_beginning() -> None:
    long = [Document("d", "", "word " * 500)]
    task = begin_task("Do it.", QUESTIONS, long, random.Random(1))
    assert task.document == "d"
    assert count_words(task.input) < MOST_WORDS


@pytest.mark.parametrize(
    ("inputs", "labels"),
    [
        (["Text: a: b\nTarget: c", "Text: d\nTarget: e"], ["Text", "Target"]),
        (["Text: a\nNote: x\nTarget: c", "Text: d\nTarget: e"], ["Text", "Target"]),
        (["at 12:30 we met", "Text: x"], []),
        (["The score is: 3", "The score is: 4"], ["The score is"]),
        ([], []),
    ],
)
def test_labels_are_those_that_every_input_has(inputs: list[str], labels: list[str]) -> None:
    assert common_labels(inputs) == labels


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It began in 1902. St. Moritz was first. Was it? No! Yes.", 5),
        ('He said "no." Then he left (at last). J. B. Smith ran 3.5 km.', 3),
        ("これは犬です。猫です。", 2),
        ("A heading\nA sentence.", 2),
        ("   ", 0),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    assert len(list(sentences_of(text))) == sentences


def section(**values: object) -> InstructionsSection:
    required = {"target": 9, "min_kept": 1, "max_requests": 99, "max_new_tokens": 9, "seeds_per_prompt": 3}
    grounded = {"inputs": "corpus", "tasks_per_prompt": 4, "show": "same_task", "novelty": "task"}
    return InstructionsSection.model_validate({**required, **grounded, **values})


def test_a_request_goes_on_from_what_is_given_and_is_read_as_one_task() -> None:
    seeds = [*QUESTIONS, *FACTS, *TAGS, *POSTS]
    requests = list_requests(HEADER, seeds, range(80), section(), CORPUS)
    assert requests == list_requests(HEADER, seeds, range(80), section(), CORPUS), "fixed by the random seed"
    for request in requests:
        kind = request.shown[-1].demonstrates
        assert kind != "posts", "a type without a place for a text is left to its seeds"
        head, _, rest = request.given.partition("Input: ")
        passage = request.opening.removeprefix(f"4. Instruction: {head}").removesuffix(f"Input: {rest}")
        assert request.opening == f"4. Instruction: {head}{passage}Input: {rest}"
        assert passage.startswith("Passage: ") == (kind == "facts"), "seen by the model, no part of the task"
        assert "Passage" not in request.given
        assert request.prompt.count("Response: x") == 3, "the seeds' answers show what is asked"
        assert request.document in {document.id for document in CORPUS}
        assert (request.stop is None) == (kind == "tags"), "nothing is asked where the task is complete"
        instruction = request.given.split("\n")[0]
        assert instruction not in request.prompt, "an instruction of the type that the prompt does not show"
        (item,) = parse_instruction_list(f"{request.given} Who won?", 4, False)
        assert item.instruction == instruction
        assert item.input.startswith(request.given.split("Input: ")[1].strip()[:30])
    assert {request.shown[-1].demonstrates for request in requests} == {"reading", "facts", "tags"}


def test_written_inputs_take_nothing_from_the_corpus() -> None:
    written = section(inputs="written")
    assert list_requests(HEADER, QUESTIONS, range(9), written, CORPUS) == list_requests(
        HEADER, QUESTIONS, range(9), written
    )


@pytest.mark.parametrize("change", [{"show": "mixed"}, {"novelty": "instruction"}, {"tasks_per_prompt": 5}])
def test_a_grounded_request_is_for_one_task(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))}' must be .* with inputs: corpus"):
        section(**change)
