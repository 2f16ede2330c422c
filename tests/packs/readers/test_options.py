"""The options of a multiple-choice question, found in its text."""

import pytest

from selfspec_assets.packs.readers.options import split_options

X = {"A": "x", "B": "y"}


@pytest.mark.parametrize(("text", "asked", "options"), [
    ("Who won?\nA) x\nB) y", "Who won?", X),
    ("Who won?\n\n A. x \n\nB. y\n", "Who won?", X),
    ("Who won?\n(A) x\n(B) y", "Who won?", X),
    ("Who won?\nA)x\nB)y", "Who won?", X),
    # Lines that were wrapped, in the question and in an option.
    ("Which club did Lee found in Wick\nR)I?\nA) x\nB) y", "Which club did Lee found in Wick R)I?", X),
    ("Who won the\nC. Doe Cup?\nA) x\nB) y", "Who won the C. Doe Cup?", X),
    ("Who won the\nA) Doe Cup?\nA) x\nB) y", "Who won the A) Doe Cup?", X),
    ("Which?\nA) a\nU)S. Open\nB) the Cup of\nOslo", "Which?", {"A": "a U)S. Open", "B": "the Cup of Oslo"}),
    ("Which?\nA) x\nB) J.\nC. Doe\nC) z", "Which?", {"A": "x", "B": "J. C. Doe", "C": "z"}),
    ("Who?\nA)\nx\nB)\ny", "Who?", X),
    # The same block twice is one.
    ("Who won?\nA) x\nB) y\nA) x\nB) y\nA) x\nB) y", "Who won?", X),
    ("Who?\n" + "\n".join(f"{chr(65 + n)}) {n}" for n in range(26)), "Who?", {chr(65 + n): str(n) for n in range(26)}),
])  # fmt: skip
def test_options_are_the_last_run_from_a(text: str, asked: str, options: dict[str, str]) -> None:
    assert split_options(text) == (asked, options)


@pytest.mark.parametrize(("text", "what"), [
    ("Who won?", "no options that run on from A"),
    ("Who won?\nA) x", "no options that run on from A"),
    ("Who won?\nA) x\nC) y", "no options that run on from A"),
    ("Who won?\nB) x\nC) y", "no options that run on from A"),
    ("A) x\nB) y", "options without a question"),
    ("Who won?\nA) x\nB)\n", "an option without a text"),
    ("Who won?\nA) x\nB) y\nB) z\nC) w", "a letter of the options is skipped or stands twice"),
    ("Who won?\nA) x\nB) y\nD) z", "a letter of the options is skipped or stands twice"),
    ("Who won?\nA)x\nB)y\nD)z", "a letter of the options is skipped or stands twice"),
    ("Is it the\nA) 100K |\nB) 125K, the\nA) highest |\nB) lowest?", "two different blocks of options"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_the_words_of_its_kind(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"^{what}$"):
        split_options(text)
