"""Words: what is one in any script, and that ASCII text and plain English have the words that they always had."""

import doctest
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.tokenize import tokenize

from selfspec_assets.base import words as module
from selfspec_assets.base.words import comparable, count_words, cut_words, first_words, folded, search_terms, words


def test_examples_in_the_docstrings() -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize(("text", "expected"), [
    ("α-blocker", ["α", "blocker"]), ("IL_6, 5mg", ["il", "6", "5mg"]), ("", []), ("…？！", []), ("☂\ufe0f", []),
    ("cafe\u0301", ["café"]), ("ﬁbre ＤＮＡ１", ["fibre", "dna1"]), ("STRASSE straße", ["strasse", "strasse"]),
    ("patient’s", ["patient", "s"]), ("patientʼs", ["patient", "s"]), ("ὈΔΟΣ ὀδός", ["ὀδοσ", "ὀδόσ"]),
    ("हिन्दी में", ["हिन्दी", "में"]), ("می\u200cخواهم", ["میخواهم"]), ("Экзамен, ёлка", ["экзамен", "ёлка"]),
    ("co\u00adoperate", ["cooperate"]), ("한국어 문장", ["한국어", "문장"]),
    ("維生素DNA型", ["維", "生", "素", "dna", "型"]), ("コーヒー", ["コ", "ー", "ヒ", "ー"]),
    ("ｶﾞ", ["ガ"]), ("DNA，RNA", ["dna", "rna"]), ("ภาษาไทย", ["ภ", "า", "ษ", "า", "ไ", "ท", "ย"]),
    ("น้ำ", ["น\u0e49\u0e4d", "า"]), ("ភាសា", ["ភា", "សា"]), ("二〇", ["二", "〇"]),
])  # fmt: skip
def test_words_of_any_script(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_neighbours_are_searched_by_where_a_script_has_no_spaces() -> None:
    assert search_terms("東京都、大阪 DNA型") == ["東京", "京都", "大阪", "dna", "型"]
    assert search_terms("IL-6 हिन्दी") == words("IL-6 हिन्दी")


def test_a_whole_text_is_the_same_however_it_is_encoded_and_spaced() -> None:
    assert comparable("Cafe\u0301  ist’s\nＡ") == comparable("café ist's a") != comparable("cafe ist's a")


@settings(deadline=None)
@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_text_has_the_words_of_rouge_score_and_of_white_space(text: str) -> None:
    assert words(text) == search_terms(text) == tokenize(text, None) == re.findall(r"[^\W_]+", text.lower())
    assert count_words(text) == len(text.split())


@settings(deadline=None, max_examples=300)
@given(st.text())
def test_the_form_that_is_compared_is_a_fixed_point(text: str) -> None:
    assert words(folded(text)) == words(text) == words(unicodedata.normalize("NFD", text))
    assert all(words(word) == [word] for word in words(text))


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="aé–μ²ж 東京。ไทย ,'\u0301Ⅳ½_"))
def test_plain_scripts_are_read_faster_and_not_otherwise(text: str) -> None:
    found = [match[0] for match in module._STRETCH_OR_WORD.finditer(folded(text))]
    if module._PLAIN.fullmatch(folded(text)):
        assert words(text) == found


@pytest.mark.parametrize(("text", "count"), [
    ("", 0), ("IL-6 is - high.", 4), ("東京です。", 4), ("「東京」（DNA）は", 4), ("DNA 東京", 3), ("हिन्दी में", 2),
])  # fmt: skip
def test_count(text: str, count: int) -> None:
    assert count_words(text) == count


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="ab 東京。。「」é\u0301\n-"), st.integers(1, 7))
def test_parts_hold_every_letter_and_no_more_words_than_asked(text: str, count: int) -> None:
    parts = cut_words(text, count)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < count_words(part) <= count for part in parts)
    assert bool(parts) == bool(text.strip())
    short = first_words(text, count)
    assert short == (text if count_words(text) <= count else parts[0])


def test_spaced_text_is_cut_between_spaces() -> None:
    text = "one  two-three,\nfour – five six"
    assert cut_words(text, 2) == ["one two-three,", "four –", "five six"]
    assert first_words(text, 2) == "one two-three,"
    assert first_words(text, 6) == text
