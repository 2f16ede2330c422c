"""Texts told as they grow: together the pieces are the text that is given whole, whatever ends it."""

import random
from pathlib import Path

import pytest

from selfspec_assets.method.decoding import PromptTooLong, encode_prompt, greedy, sample
from selfspec_assets.method.decoding.stop import StopRules, StopTracker
from selfspec_assets.method.decoding.stream import TextStream, tell
from selfspec_assets.models.language_model import LanguageModel
from tests.tiny_models import load_with_adapters

RULES = StopRules(
    blank_line=True, list_number=True, labels=("Input", "Response"), repeated_tokens=True, repeated_sentences=True
)
PROMPTS = ["Name the disease.", "Give the dose of 2.5 mg.", "Does aspirin inhibit platelets?", "Which gene?"]


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return load_with_adapters(tmp_path_factory.mktemp("stream"), adapters=2)


def streams(lm: LanguageModel, adapters: list[str | None], length: int = 40, **more: object) -> list[TextStream]:
    made = []
    for prompt, adapter in zip(PROMPTS, adapters, strict=False):
        pieces: list[str] = []
        stream = TextStream(encode_prompt(lm.tokenizer, prompt), adapter, length, RULES, **more)  # type: ignore[arg-type]
        stream.tell = pieces.append
        made.append(stream)
    return made


def test_rows_of_different_adapters_write_what_each_writes_alone(lm: LanguageModel) -> None:
    adapters = [None, "a1", "a2", "a1"]
    group = streams(lm, adapters)
    together = tell(lm, group, 4)
    for prompt, adapter, stream, written in zip(PROMPTS, adapters, group, together, strict=True):
        (alone,) = greedy(lm, [prompt], max_new_tokens=40, stop=RULES, adapter=adapter, batch_size=1)
        assert written.text == alone.text == stream.told
        assert (written.finish, written.prompt_tokens) == (alone.finish, alone.prompt_tokens)
        assert written.tokens >= alone.tokens
    assert len({one.text for one in tell(lm, streams(lm, [None, "a1"])[:1] + streams(lm, ["a1"]), 4)}) == 2


def test_drawn_texts_are_those_of_sample(lm: LanguageModel) -> None:
    group = streams(lm, [None, "a1"], temperature=0.9, top_p=0.95, random_seed=7)
    told = [written.text for written in tell(lm, group, 4)]
    for prompt, adapter, text in zip(PROMPTS, [None, "a1"], told, strict=False):
        (alone,) = sample(
            lm,
            [prompt],
            [7],
            temperature=0.9,
            top_p=0.95,
            max_new_tokens=40,
            stop=RULES,
            adapter=adapter,
            batch_size=1,
        )
        assert alone.text == text
    other = streams(lm, [None], temperature=0.9, top_p=0.95, random_seed=8)
    assert tell(lm, other, 4)[0].text != told[0]


def test_each_text_has_its_own_limit_and_context(lm: LanguageModel) -> None:
    """A long prompt with few new tokens and a short one with many fit the context alone, and not side by side."""
    long = TextStream([5] * 500, None, 12, StopRules())
    short = TextStream(encode_prompt(lm.tokenizer, PROMPTS[0]), None, 60, StopRules())
    written = tell(lm, [short, long], 4)
    assert written[1].tokens <= 12
    assert written[0].tokens > 12
    with pytest.raises(PromptTooLong) as refused:
        tell(lm, [short, TextStream([5] * 501, None, 12, StopRules())], 4)
    assert refused.value.index == 1


def test_a_stop_text_ends_it_and_is_no_part_of_it(lm: LanguageModel) -> None:
    (plain,) = streams(lm, [None])
    whole = tell(lm, [plain], 1)[0]
    middle = whole.text[len(whole.text) // 2 :][:3]
    (stopped,) = streams(lm, [None], stop_texts=(middle, "never"))
    written = tell(lm, [stopped], 1)[0]
    assert written.text == whole.text[: whole.text.index(middle)].strip() == stopped.told
    assert written.finish != "length"
    assert written.tokens < whole.tokens


def test_who_is_not_wanted_any_more_ends(lm: LanguageModel) -> None:
    first, second = streams(lm, [None, "a1"])
    left = iter([True] * 3)
    first.is_wanted = lambda: next(left, False)
    written = tell(lm, [first, second], 2)
    assert written[0].tokens == 4
    assert written[1].tokens > 4


def test_what_is_settled_is_never_taken_back() -> None:
    """Of texts in pieces of random length, full of what stop rules look at."""
    parts = [
        "Yes, it is so. ",
        "\n",
        "\n\n",
        "Input: ",
        "1. ",
        "2. ",
        "the liver ",
        "2.5 mg",
        ":",
        "no",
        " ### Response",
    ]
    drawing, ended = random.Random(0), set()
    for _ in range(120):
        # Few parts in a text, so that they repeat themselves.
        few = drawing.sample(parts, 3)
        text = "".join(drawing.choice(few) for _ in range(40))
        vocabulary = {}
        while text:
            size = drawing.randint(1, 6)
            vocabulary[len(vocabulary)] = text[:size]
            text = text[size:]
        ids = {piece: number for number, piece in reversed(list(vocabulary.items()))}
        tracker = StopTracker(lambda tokens, v=vocabulary: "".join(v[i] for i in tokens), frozenset({-1}), RULES)  # type: ignore[misc]
        told = []
        for piece in vocabulary.values():
            tracker.add(ids[piece])
            if tracker.finish:
                break
            told.append(tracker.settled().strip())
        final, finish, _ = tracker.result()
        ended.add(finish)
        for beginning in told:
            assert final.startswith(beginning), (final, beginning)
    assert {"blank_line", "label", "list_number", "repetition"} <= ended


def test_what_is_settled_keeps_up() -> None:
    """All but the end of a text that ends no rule is told before the text has ended."""
    text = (
        "The spleen is a soft organ. It filters old cells.\nIt lies on the left, above the kidney and below the ribs."
    )
    tracker = StopTracker(lambda tokens: "".join(chr(i) for i in tokens), frozenset({0}), RULES)
    for letter in text:
        tracker.add(ord(letter))
    assert len(tracker.settled()) > len(text) - 4


def test_half_a_letter_is_not_told(tmp_path: Path) -> None:
    whole = "Fièvre élevée".encode()
    tracker = StopTracker(lambda tokens: bytes(tokens).decode(errors="replace"), frozenset(), StopRules())
    for byte in whole:
        tracker.add(byte)
        assert "�" not in tracker.settled()
    assert tracker.settled() == "Fièvre élevée"
