"""Runs of words: near duplicates by bands of hashes, benchmark items by thirteen words in a row."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfspec_assets.base.words import words
from selfspec_assets.packs.corpora.minhash import band_keys, jaccard
from selfspec_assets.packs.corpora.ngrams import ngram_hashes, word_hashes
from selfspec_assets.packs.corpora.overlap import BenchmarkText, N
from tests.checkout import ROOT
from tests.corpus_files import build, corpus, counts, source, texts, write_jsonl


def test_hashes_are_the_same_in_every_process() -> None:
    # Written down: another value would break the resume of a corpus across versions and machines.
    assert ngram_hashes(word_hashes(["one", "two", "three"]), 2).tolist() == HASHES
    code = (
        "from selfspec_assets.packs.corpora.ngrams import *;"
        "print(ngram_hashes(word_hashes(['one','two','three']), 2).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == HASHES


HASHES = [4767424866027192699, 82011835730880740]


def test_order_counts_in_runs_of_words() -> None:
    rng = random.Random(1)
    tokens = [str(rng.random()) for _ in range(3000)]
    hashes = word_hashes(tokens)
    assert len(np.unique(hashes)) == 3000
    assert len(np.unique(ngram_hashes(hashes, 3))) == 2998
    assert ngram_hashes(word_hashes(["a", "b"]), 2) != ngram_hashes(word_hashes(["b", "a"]), 2)
    assert ngram_hashes(word_hashes(["a"]), 2).size == 0


def similar(similarity: float, size: int, rng: random.Random) -> tuple[Any, Any]:
    """Two sets of random runs with that Jaccard similarity."""
    shared = round(2 * size * similarity / (1 + similarity))
    values = np.array([rng.getrandbits(64) for _ in range(2 * size - shared)], dtype=np.uint64)
    return np.sort(values[:size]), np.sort(values[size - shared :])


@pytest.mark.parametrize("similarity", [0.5, 0.8, 0.9])
def test_bands_meet_as_often_as_the_formula_says(similarity: float) -> None:
    rng = random.Random(7)
    trials = 300
    met = 0
    for _ in range(trials):
        left, right = similar(similarity, 100, rng)
        assert jaccard(left, right) == pytest.approx(similarity, abs=0.01)
        met += bool(np.any(band_keys(left) == band_keys(right)))
    expected = 1 - (1 - similarity**8) ** 14
    assert met / trials == pytest.approx(expected, abs=4 * (expected * (1 - expected) / trials) ** 0.5 + 0.02)


def test_contamination_is_thirteen_words_in_a_row() -> None:
    item = [f"w{n}" for n in range(30)]
    known = BenchmarkText([("bench/short", ["Too short.", "x"]), ("bench/a", ["yes", " ".join(item)])])
    assert known.too_short == ["bench/short"]
    assert len(known) == 1

    def found(tokens: list[str]) -> tuple[str, str] | None:
        return known.find(tokens, word_hashes(tokens))

    assert found(item[8:20]) is None, "twelve words"
    assert found(["before", *item[8:21], "after"]) == ("bench/a", " ".join(item[8:21]))
    assert found([*item[:10], "other", *item[10:20]]) is None
    assert BenchmarkText([]).find(item, word_hashes(item)) is None


def test_case_and_punctuation_do_not_hide_an_item(tmp_path: Path) -> None:
    question = "Does the early use of oral iron, given twice, raise haemoglobin in the very ill?"
    assert len(words(question)) > N
    plain = question.upper().replace(",", " --").replace(" ", "  ")
    write_jsonl(tmp_path / "notes.jsonl", [f"Before it. {plain} And after.", *texts(3)])
    made = build(corpus(source()), tmp_path, tmp_path / "work", {"b/1": ["no", question], "b/2": ["z " * 40]})
    (row,) = made.dropped
    assert (row.reason, row.match, row.document_id, row.position) == ("contaminated", "b/1", "d0", 1)
    assert row.evidence == " ".join(words(question)[:N])
    assert counts(made)["passage/contaminated"] == 1


def test_an_item_in_a_script_without_spaces_is_found(tmp_path: Path) -> None:
    question = "メトホルミンは二型糖尿病の患者の血糖を下げますか。"
    write_jsonl(tmp_path / "notes.jsonl", [f"問いは「{question[:20]}」です。", "メトホルミンは薬です。", *texts(2)])
    made = build(corpus(source()), tmp_path, tmp_path / "work", {"b/1": ["はい", question]})
    assert [(row.reason, row.match, row.document_id) for row in made.dropped] == [("contaminated", "b/1", "d0")]


def test_a_title_can_be_contaminated(tmp_path: Path) -> None:
    title = " ".join(f"t{n}" for n in range(12))
    (tmp_path / "notes.jsonl").write_text(
        "".join(
            json.dumps({"id": str(n), "title": title if n == 1 else "", "text": t}) + "\n"
            for n, t in enumerate(texts(2))
        )
    )
    first = words(texts(2)[1])[0]
    made = build(corpus(source()), tmp_path, tmp_path / "work", {"b/1": [f"{title} {first}"]})
    assert [row.document_id for row in made.dropped] == ["1"]
