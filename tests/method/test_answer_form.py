"""The form of answers, read off seeds: what it lets through and what it holds back, each rule by itself."""

from typing import NamedTuple

import pytest

from selfspec_assets.method.answer_form import form_of


class Line(NamedTuple):
    instruction: str
    input: str
    output: str


CHOICE = [Line("Is it true? Reply yes or no.", f"Claim {n}", said) for n, said in enumerate(["yes", "no", "yes"])]
TOPICS = [
    Line("Name topics out of rules, venues and history.", f"Text {n}", said)
    for n, said in enumerate(["rules", "rules, history", "venues"])
]
NAMES = [
    Line("Tag the names.", "Anna met Bo in Rome.", said)
    for said in ("Anna <Person>, Rome <Place>", "Bo <Person>", "Rome <Place>")
]
EXTRACTS = [
    Line("What does the text say?", "The disc is made of cork. Its rim is steel.", said)
    for said in ("cork", "made of cork", "steel")
]
AMOUNTS = [Line("Count.", "Five and two", said) for said in ("7", "3 pairs", "12-9")]
REASONS = [Line("Explain.", "Why?", " ".join(["word"] * n)) for n in (10, 14, 20)]


@pytest.mark.parametrize(
    ("seeds", "instruction", "given", "answer", "fault"),
    [
        (CHOICE, "Reply yes or no.", "Claim", "No", None),
        (CHOICE, "Reply yes or no.", "Claim", "perhaps", "none_of_the_labels"),
        (CHOICE, "Reply true or false.", "Claim", "true", None),
        (CHOICE, "Reply yes or no.", "Claim", "no it is not", "too_long"),
        (TOPICS, "Choose from rules and history.", "x", "history, rules", None),
        (TOPICS, "Choose from rules and history.", "x", "history, food", "none_of_the_labels"),
        (NAMES, "Tag.", "Eve saw Oslo.", "Eve <Person>, Oslo <Place>", None),
        (NAMES, "Tag.", "Eve saw Oslo.", "Eve, Oslo <Place>", "without_a_tag"),
        (NAMES, "Tag.", "Eve saw Oslo.", "Eve <Person> Oslo <Place>", "without_a_tag"),
        (NAMES, "Tag.", "Eve saw Oslo.", "Eve <Bird>", "without_a_tag"),
        (NAMES, "Tag.", "Eve saw Oslo.", "Bo <Person>", "not_in_the_input"),
        (EXTRACTS, "Say.", "The hull is of oak.", "of oak", None),
        (EXTRACTS, "Say.", "The hull is of oak.", "oak hull", "not_in_the_input"),
        (EXTRACTS, "Say.", "The hull is of oak.", "the hull is of oak and of more oak", "too_long"),
        (AMOUNTS, "Count.", "x", "4", None),
        (AMOUNTS, "Count.", "x", "four", "without_a_figure"),
        (REASONS, "Explain.", "Why?", " ".join(["said"] * 5), None),
        (REASONS, "Explain.", "Why?", " ".join(["said"] * 4), "too_short"),
        (REASONS, "Explain.", "Why?", " ".join(["said"] * 40), None),
        (REASONS, "Explain.", "Why?", " ".join(["said"] * 41), "too_long"),
    ],
)
def test_an_answer_of_another_form(seeds: list[Line], instruction: str, given: str, answer: str, fault: str) -> None:
    form = form_of(seeds)
    assert form is not None
    assert form.fault(instruction, given, answer) == fault


@pytest.mark.parametrize("seeds", [CHOICE, TOPICS, NAMES, EXTRACTS, AMOUNTS, REASONS])
def test_every_seed_has_the_form_of_its_type(seeds: list[Line]) -> None:
    form = form_of(seeds)
    assert form is not None
    assert [form.fault(*seed) for seed in seeds] == [None] * len(seeds)


def test_two_seeds_say_nothing() -> None:
    assert form_of(CHOICE[:2]) is None
