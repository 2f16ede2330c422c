"""Cleaning, and passages that are cut at sentences."""

import random
import re
from itertools import pairwise

import pytest

from selfspec_assets.base.words import count_words
from selfspec_assets.packs.corpora.chunks import passages, sentences
from selfspec_assets.packs.corpora.clean import one_line, paragraphs
from selfspec_assets.packs.corpora.contract import Chunks


def test_cleaning() -> None:
    dirty = "Cafe\u0301\u00a0 au\tlait\x00.\u200b\u00ad\r\nSecond\x0bline\ud800\r\n\r\n \u2028 New\ufeff paragraph \n"
    assert paragraphs(dirty) == ["Café au lait. Second line", "New paragraph"]
    assert one_line(" A\n\ntitle ") == "A title"
    assert paragraphs("می‌خواهم") == ["می‌خواهم"]


def test_lines_are_dropped_by_declared_rules() -> None:
    rules = [re.compile(r"^\s*Page \d+\s*$"), re.compile("(?i)all rights reserved")]
    assert paragraphs("One.\nPage 7\ntwo.\n\n(c) All Rights Reserved\n\nPage of history.", rules) == [
        "One. two.",
        "Page of history.",
    ]


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        (
            "See Fig. 3 and Smith et al. 2020 for E. coli. Next.",
            ["See Fig. 3 and Smith et al. 2020 for E. coli.", "Next."],
        ),
        (
            "A dose of 2.5 mg, e.g. Aspirin, helps. p. 5 of J. Smith.",
            ["A dose of 2.5 mg, e.g. Aspirin, helps. p. 5 of J. Smith."],
        ),
        ("Wird es? Über alles. Ölig.", ["Wird es?", "Über alles.", "Ölig."]),
        ("第一句。第二句！", ["第一句。", "第二句！"]),
        ("(Closed.) [Next one.] End", ["(Closed.)", "[Next one.]", "End"]),
    ],
)
def test_sentences(paragraph: str, expected: list[str]) -> None:
    assert sentences(paragraph) == expected


@pytest.mark.parametrize("overlap", [0, 1, 2])
@pytest.mark.parametrize("most", [20, 33, 60])
def test_passages_keep_sentences_whole(overlap: int, most: int) -> None:
    rng = random.Random(most)
    parts_of = [f"S{n} " + "word " * rng.randrange(1, 18) + f"e{n}." for n in range(40)]
    cut = passages([" ".join(parts_of[:25]), " ".join(parts_of[25:])], Chunks(max_words=most, overlap=overlap))
    whole = [sentences(one) for one in cut]
    assert all(len(one.split()) <= most for one in cut)
    assert sorted({s for one in whole for s in one}) == sorted(parts_of)
    for before, after in pairwise(whole):
        shared = [s for s in after if s in before]
        assert shared == after[: len(shared)]
        assert len(shared) <= overlap
        assert len(shared) < len(after)
    if overlap:
        assert any(set(before) & set(after) for before, after in pairwise(whole))


def test_no_scrap_is_left_at_the_end() -> None:
    cut = passages([" ".join(f"S{n} {'word ' * 8}end." for n in range(26))], Chunks(max_words=250, overlap=0))
    assert [len(one.split()) for one in cut] == [130, 130]


@pytest.mark.parametrize(("text", "expected"), [
    ("東京は首都です。大阪は商都です。京都は古都です。" * 3, [21] * 3),
    ("โรค" * 20, [30, 30]), ("मधुमेह है। दवा लें। " * 9, [18, 18]),
])  # fmt: skip
def test_texts_without_spaces_are_cut_as_often_as_others(text: str, expected: list[int]) -> None:
    cut = passages([text.strip()], Chunks(max_words=30, overlap=0))
    assert [count_words(one) for one in cut] == expected


def test_a_long_sentence_is_not_repeated() -> None:
    long = "Long " + "word " * 10 + "end."
    cut = passages([f"One two. {long} {long.replace('L', 'B')} Four five."], Chunks(max_words=20, overlap=1))
    assert cut == [f"One two. {long}", f"{long.replace('L', 'B')} Four five."]


def test_only_an_endless_sentence_is_cut_inside() -> None:
    cut = passages(["word " * 45], Chunks(max_words=20, overlap=0))
    assert [len(one.split()) for one in cut] == [20, 20, 5]
    assert passages(["Short one. Another."], Chunks()) == ["Short one. Another."]
    assert passages([], Chunks()) == []
