"""The rules by which generated rows are passed over, at both sides of each border."""

import pytest

from selfspec_assets.method.refining import (
    is_stretch_of,
    is_supported,
    repeats_the_instruction,
    runs_of,
    shares_a_run,
    unlikely,
)

TEXT = "The spleen, a soft organ, filters old red cells from the blood of mammals."


@pytest.mark.parametrize(
    ("answer", "copied"),
    [
        ("a soft organ filters old red cells from the blood", True),
        ("A soft organ filters OLD red cells from", True),  # eight words, in any case
        ("a soft organ filters old red cells", False),  # seven: an extract
        ("a soft organ filters old white cells from the blood", False),
        ("soft organ filters old red cells from the bloodstream", False),  # whole words
        ("", False),
    ],
)
def test_a_long_answer_that_is_part_of_the_input(answer: str, copied: bool) -> None:
    assert is_stretch_of(answer, TEXT) is copied


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ("Name the gland that makes insulin", True),
        ("the gland that makes insulin", True),
        ("Name a gland that makes the hormone insulin", True),
        ("The pancreas lies behind the stomach and makes insulin.", False),
        ("", False),
    ],
)
def test_an_input_that_says_the_instruction_again(given: str, again: bool) -> None:
    assert repeats_the_instruction("Name the gland that makes insulin.", given) is again


def test_an_echo_is_eight_words_in_a_row() -> None:
    rules = runs_of("Give every instruction a suitable input: one specific, realistic case.")
    assert shares_a_run("Do give every instruction a suitable input, one specific case", rules)
    assert not shares_a_run("every instruction a suitable input, one specific thing", rules), "seven"
    assert not shares_a_run("", rules)


@pytest.mark.parametrize(
    ("answer", "supported"),
    [
        ("The pancreas makes it.", True),
        ("The liver makes it.", False),
        ("the insulin", True),  # adds nothing to the question
        ("", True),
    ],
)
def test_an_answer_needs_one_word_of_a_passage(answer: str, supported: bool) -> None:
    passages = ["Blood sugar rises after meals.", "The pancreas lies behind the stomach."]
    assert is_supported(answer, "Which gland makes insulin and does it well?", passages) is supported


def test_the_least_likely_share_is_out_and_no_more() -> None:
    assert unlikely([-1.0, -3.0, -2.0, -0.5, -2.5], 0.4, ["a"] * 5) == [False, True, False, False, True]
    assert unlikely([-1.0] * 5, 0.2, [None] * 5) == [False, False, False, False, True], "of equals the last"
    assert unlikely([-1.0, -2.0], 0.4, ["a"] * 2) == [False, False]
    assert unlikely([-1.0, -9.0, -2.0, -8.0], 0.5, ["a", "b", "a", "b"]) == [False, True, True, False], "of each type"
    assert unlikely([], 0.2, []) == []
