"""Labels and repetition end a text; what stops it is the same whether it is looked at while it grows or as a whole."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfspec_assets.method.decoding.repetition import repeated_sentence, repeated_tokens
from selfspec_assets.method.decoding.stop import StopRules, StopTracker, cut

LABELS = StopRules(labels=("Instruction", "Input", "Response", "Output", "Case note"))
EVERY = StopRules(True, True, LABELS.labels, True, True)
EOS = 0x110000 - 1


def decode(ids: Sequence[int]) -> str:
    """Each token is a character, so that every place of a text is a place between two tokens."""
    return "".join(map(chr, ids))


def track(text: str, rules: StopRules) -> StopTracker:
    tracker = StopTracker(decode, frozenset([EOS]), rules)
    for token in [*map(ord, text), EOS]:
        if tracker.finish is None:
            tracker.add(token)
    return tracker


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (" fever\nInput: a cough", " fever"),
        (" fever\ninput: a cough", " fever"),
        (" fever\n  **Input:** a cough", " fever"),
        (" fever\n**Input**: a cough", " fever"),
        (" fever\nInput 2: a cough", " fever"),
        (" fever\n### Response:\ncough", " fever"),
        (" fever\n### Response\ncough", " fever"),
        (" fever\n## Instruction 3\ncough", " fever"),
        (" fever\nCase note: cough", " fever"),
        (" fever\nInput：咳", " fever"),
        (" Output: fever\nand chills", " Output: fever\nand chills"),  # the first line is the answer, whatever it says
        (" fever\nInputs: a cough", " fever\nInputs: a cough"),
        (" fever\nThe Input: a cough", " fever\nThe Input: a cough"),
        (" fever\nInput of oxygen", " fever\nInput of oxygen"),
        (" fever\n### Responses vary", " fever\n### Responses vary"),
        (" fever Input: a cough", " fever Input: a cough"),
    ],
)
def test_a_label_at_the_head_of_a_line_ends_the_text(text: str, kept: str) -> None:
    assert cut(text, LABELS, ended=True) == (kept, None if kept == text else "label")
    tracker = track(text, LABELS)
    assert tracker.result()[:2] == (kept.strip(), "eos" if kept == text else "label")
    if kept != text:
        assert cut(text, StopRules(), ended=True) == (text, None), "without the rule nothing ends it"


@pytest.mark.parametrize("period", [1, 2, 5, 8, 64])
def test_a_cycle_of_tokens_keeps_its_first_round(period: int) -> None:
    before, cycle = [1000, 1001, 1002], list(range(period))
    rounds = max(3, -(-24 // period))
    ids = before + cycle * rounds
    assert repeated_tokens(ids) == len(before) + period
    assert repeated_tokens([*ids, *cycle[: period // 2]]) == len(before) + period
    assert repeated_tokens(before + cycle * 2) is None, "twice is no loop"
    assert repeated_tokens([*ids, 2000]) is None, "it has gone on"


def test_a_longer_cycle_or_a_short_row_is_no_loop() -> None:
    assert repeated_tokens(list(range(65)) * 4) is None
    assert repeated_tokens([7] * 23) is None
    assert repeated_tokens([7] * 24) == 1
    assert repeated_tokens([]) is None


def test_a_sentence_may_come_twice() -> None:
    said = "The drug is safe in children."
    other = "Nobody knows why."
    assert repeated_sentence(f"{said} {other} {said}") is None
    text = f"{said} {other} {said} {other} It helps. {said}"
    assert repeated_sentence(text) == text.index(said, 1) - 1
    assert repeated_sentence("Yes. Yes. Yes. No. No. No. ") is None, "short ones come back in lists"
    assert repeated_sentence("It weighs 2.5 kg in all.\n" * 3) is not None, "a line is a sentence, a point in it no end"


def test_a_repetition_is_told_apart_from_a_long_text_and_cut() -> None:
    rules = StopRules(repeated_tokens=True, repeated_sentences=True)
    tracker = track("The spleen is large, " + "and red, " * 9, rules)
    assert tracker.result() == ("The spleen is large, and red", "repetition", 28)
    said = "The spleen is large today. "
    tracker = track(f"{said}It is red. {said}It hurts much. {said}And so on", rules)
    assert tracker.result()[:2] == ("The spleen is large today. It is red.", "repetition")
    assert len(tracker.ids) < len(f"{said}It is red. {said}It hurts much. {said}"), "it stopped at once"
    assert track("The spleen is large, " + "and red, " * 9, StopRules()).finish == "eos"


@given(st.text(alphabet="ab 12.:)*#\nInput", max_size=60))
@settings(max_examples=300, deadline=None)
def test_stopping_early_gives_what_cutting_the_whole_text_gives(text: str) -> None:
    rules = StopRules(True, True, ("Input", "a b"))
    kept, finish, tokens = track(text, rules).result()
    expected, rule = cut(text, rules, ended=True)
    assert (kept, finish) == (expected.strip(), rule or "eos")
    assert decode(list(map(ord, text))[:tokens]).strip() == kept


@given(st.text(alphabet="ab .\n", max_size=200))
@settings(max_examples=200, deadline=None)
def test_every_rule_together_keeps_a_beginning_of_the_text(text: str) -> None:
    kept, _, tokens = track(text, EVERY).result()
    assert text.strip().startswith(kept)
    assert text[:tokens].strip() == kept
