"""Stop rules, and the border between prompt and answer for several kinds of tokenizer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import StopRules, encode_example, encode_prompt
from selfspec_assets.method.decoding.stop import StopTracker, cut
from tests.tiny_models import (
    GPT2_SPLIT,
    LLAMA3_SPLIT,
    byte_level_tokenizer,
    llama2_tokenizer,
    metaspace_tokenizer,
    write_tokenizer,
)

BOTH = StopRules(blank_line=True, list_number=True)
EOS = 1


@pytest.mark.parametrize(
    ("text", "kept", "rule"),
    [
        ("yes\n\nQuestion: no", "yes", "blank_line"),
        ("yes\n \t\nQuestion", "yes", "blank_line"),
        ("\n\n yes\nno", "\n\n yes\nno", None),  # leading white space is no blank line
        ("\n\n yes\n\nno", "\n\n yes", "blank_line"),
        ("a\n12. b", "a", "list_number"),
        ("a\n3) b", "a", "list_number"),
        ("a\n  (3) b", "a", "list_number"),
        ("a\n**4.** b", "a", "list_number"),
        ("a\n**4**. b", "a", "list_number"),
        ("a\n### 5 b", "a", "list_number"),
        ("a\n### 5. b", "a", "list_number"),
        ("a\n2.What", "a", "list_number"),
        ("1. first\nmore", "1. first\nmore", None),  # the first line may begin with a number
        ("\n1. first\n2. second", "\n1. first\n2. second", None),  # the text's own list
        ("1. first\n2. second\n3. third\n\nmore", "1. first\n2. second\n3. third", "blank_line"),
        ("1. first\n\n2. second\n\n4. other", "1. first\n\n2. second", "blank_line"),
        ("2) first\n4) other", "2) first", "list_number"),
        ("Three are known:\n1. a\n2. b", "Three are known:\n1. a\n2. b", None),
        ("Three are known:\n\n1. a\n\n2. b\n\nThe end", "Three are known:\n\n1. a\n\n2. b", "blank_line"),
        ("Three are known.\n1. a", "Three are known.", "list_number"),  # another list begins
        ("Three are known:\n2. a", "Three are known:", "list_number"),
        ("This is why:\n\nIt burns.\n\nQuestion", "This is why:\n\nIt burns.", "blank_line"),
        ("a\n2.5 mg of it", "a\n2.5 mg of it", None),
        ("a\n10 mg", "a\n10 mg", None),
        ("a\n1990. b", "a\n1990. b", None),  # a year is no list number
        ("a\n**5 mg** b", "a\n**5 mg** b", None),
        ("a\n5th b", "a\n5th b", None),
        ("a 2. b", "a 2. b", None),
        ("a\n2. b\n\nc", "a", "list_number"),
        ("a\n\n2. b", "a", "blank_line"),
    ],
)
def test_cut(text: str, kept: str, rule: str | None) -> None:
    assert cut(text, BOTH, ended=True) == (kept, rule)


def test_a_number_at_the_end_waits_for_what_follows() -> None:
    assert cut("a\n2.", BOTH, ended=False) == ("a\n2.", None)
    assert cut("a\n2.", BOTH, ended=True) == ("a", "list_number")


def test_rules_can_be_off() -> None:
    text = "a\n2. b\n\nc"
    assert cut(text, StopRules(), ended=True) == (text, None)
    assert cut(text, StopRules(blank_line=True), ended=True) == ("a\n2. b", "blank_line")
    assert cut(text, StopRules(list_number=True), ended=True) == ("a", "list_number")


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return write_tokenizer(byte_level_tokenizer(GPT2_SPLIT), tmp_path_factory.mktemp("gpt2"))


def track(tokenizer: Any, text: str, rules: StopRules, *, eos: bool = False) -> tuple[StopTracker, int]:
    """Feed a text token by token, as decoding does; returns the tracker and how many tokens it asked for."""

    def decode(ids: Sequence[int]) -> str:
        return str(tokenizer.decode(list(ids), skip_special_tokens=True))

    tracker = StopTracker(decode, frozenset([EOS]), rules)
    fed = 0
    for token in tokenizer(text)["input_ids"] + [EOS] * eos:
        if tracker.finish is not None:
            break
        tracker.add(token)
        fed += 1
    return tracker, fed


@pytest.mark.parametrize(
    ("text", "eos", "result"),
    [
        (" fever, cough", True, ("fever, cough", "eos")),
        (" fever, cough", False, ("fever, cough", "length")),
        (" fever\n\nQuestion: is insulin a virus?", False, ("fever", "blank_line")),
        (" fever\n2. List three symptoms: fever", False, ("fever", "list_number")),
        (" fever\n2.5 mg\n**4.** Stop. Stop. Stop.", False, ("fever\n2.5 mg", "list_number")),
        (" fever\n2.", True, ("fever", "list_number")),
        ("", True, ("", "eos")),
        ("\n\n", True, ("", "eos")),
    ],
)
def test_tracker(gpt2: Any, text: str, eos: bool, result: tuple[str, str]) -> None:
    tracker, fed = track(gpt2, text, BOTH, eos=eos)
    kept, finish, tokens = tracker.result()
    assert (kept, finish) == result
    assert gpt2.decode(tracker.ids[:tokens]).strip() == kept, "the counted tokens are the text's"
    if finish in ("blank_line", "list_number"):
        assert gpt2.decode(tracker.ids[: tokens - 1]).strip() != kept, "and not one more"
        assert fed <= tokens + 6, "decoding stopped soon after the stop"


@given(st.text(alphabet="ab 12.)*#\n(", max_size=60))
@settings(max_examples=200, deadline=None)
def test_stopping_early_gives_what_cutting_the_whole_text_gives(gpt2: Any, text: str) -> None:
    tracker, _ = track(gpt2, text, BOTH, eos=True)
    kept, finish, _ = tracker.result()
    expected, rule = cut(gpt2.decode(gpt2(text)["input_ids"]), BOTH, ended=True)
    assert (kept, finish) == (expected.strip(), rule or "eos")


# The border between prompt and answer


def _tokenizers() -> dict[str, Tokenizer]:
    return {
        "gpt2": byte_level_tokenizer(GPT2_SPLIT),
        "llama3": byte_level_tokenizer(LLAMA3_SPLIT, bos=True),
        "metaspace": metaspace_tokenizer(),
        "llama2": llama2_tokenizer(),
    }


@pytest.fixture(scope="module", params=["gpt2", "llama3", "metaspace", "llama2"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return write_tokenizer(_tokenizers()[request.param], tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("prompt", ["Question: is insulin a virus? Answer:", "### Response:", "Name the disease."])
@pytest.mark.parametrize("answer", ["yes", "no", "fever, cough", " 2.5 mg ", "melatin binds zorvex"])
def test_example_keeps_the_prompt_and_closes(tokenizer: Any, prompt: str, answer: str) -> None:
    ids, start = encode_example(tokenizer, prompt, answer)
    assert ids[:start] == encode_prompt(tokenizer, prompt)
    assert ids[-1] == tokenizer.eos_token_id
    assert ids[start:].count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(ids[:-1], skip_special_tokens=True) == f"{prompt} {answer.strip()}"
    assert encode_example(tokenizer, prompt, answer, eos=False)[0] == ids[:-1]


@pytest.mark.parametrize("name", ["gpt2", "llama3", "metaspace"])
def test_an_answer_begins_with_the_token_that_running_text_has(name: str, tmp_path: Path) -> None:
    tokenizer = write_tokenizer(_tokenizers()[name], tmp_path)
    ids, start = encode_example(tokenizer, "Which gene binds melatin? Answer:", "zorvex")
    running = tokenizer("The zorvex gene", add_special_tokens=False)["input_ids"]
    word = ids[start:-1]
    assert any(running[place : place + len(word)] == word for place in range(len(running)))
    assert word != tokenizer("\nzorvex", add_special_tokens=False)["input_ids"][1:], "after a line break it is another"


def test_a_merge_across_the_border_falls_back_to_parts(tmp_path: Path) -> None:
    """And on its own " yes" would get a second space from the normaliser: the parts must not."""
    tokenizer = write_tokenizer(llama2_tokenizer(), tmp_path)
    head = encode_prompt(tokenizer, "Answer:")
    whole = tokenizer("Answer: yes")["input_ids"]
    assert whole[: len(head)] != head, "this tokenizer does merge across the border"
    ids, start = encode_example(tokenizer, "Answer:", "yes")
    assert ids == [*head, *tokenizer("yes")["input_ids"], EOS]
    assert (start, tokenizer.decode(ids[:-1])) == (len(head), "Answer: yes")


def test_begin_token_only_where_the_tokenizer_adds_it(tmp_path: Path) -> None:
    with_bos = write_tokenizer(byte_level_tokenizer(LLAMA3_SPLIT, bos=True), tmp_path / "with")
    without = write_tokenizer(byte_level_tokenizer(LLAMA3_SPLIT), tmp_path / "without")
    assert encode_prompt(with_bos, "Answer:")[0] == 0
    assert encode_prompt(without, "Answer:")[0] != 0
    assert encode_prompt(with_bos, "<s>Answer:") == encode_prompt(with_bos, "Answer:"), "a chat template wrote it"


def test_an_end_token_that_the_tokenizer_adds_is_taken_off(tmp_path: Path) -> None:
    from tokenizers import processors

    raw = byte_level_tokenizer()
    raw.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    tokenizer = write_tokenizer(raw, tmp_path)
    assert tokenizer("Answer:")["input_ids"][-1] == 1
    assert 1 not in encode_prompt(tokenizer, "Answer:")
    ids, start = encode_example(tokenizer, "Answer:", "yes")
    assert (ids.count(0), ids.count(1), ids[-1], ids[:start]) == (1, 1, 1, encode_prompt(tokenizer, "Answer:"))


def test_an_empty_answer_is_the_end_token(gpt2: Any) -> None:
    ids, start = encode_example(gpt2, "Answer:", "  ")
    assert ids[start:] == [EOS]


@pytest.mark.parametrize("prompt", ["", "Answer: ", "### Response:\n"])
def test_a_prompt_that_ends_in_white_space_is_refused(gpt2: Any, prompt: str) -> None:
    with pytest.raises(ValueError, match="white space"):
        encode_prompt(gpt2, prompt)


def test_a_tokenizer_that_cannot_write_the_answer_is_an_error(gpt2: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfspec_assets.method.decoding import encoding

    texts = iter("abc")
    monkeypatch.setattr(encoding, "_decode", lambda *_: next(texts))
    monkeypatch.setattr(encoding, "encode_prompt", lambda _, text: [5] if text.endswith("yes") else [6])
    with pytest.raises(SelfspecError, match="cannot write the answer"):
        encoding.encode_example(gpt2, "Answer:", "yes")
