"""Retrieval: scores are rank_bm25's, p_ret sums to one, and every way a corpus file can be wrong is named."""

import gzip
import json
import math
import random
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.words import search_terms
from selfspec_assets.method.retrieval.bm25 import Bm25Retriever, effective_passages, relevance_weights
from selfspec_assets.packs.corpora.documents import Document, read_corpus
from tests.published_data import published_file

VOCABULARY = [f"w{i}" for i in range(120)]


def ragged(count: int, seed: int) -> list[Document]:
    """Documents of 0 to 200 words, frequent words in nearly all of them (so that idf floors are met)."""
    rng = random.Random(seed)
    lengths = [rng.choice([0, 1, 2, 5, 20, 80, 200]) for _ in range(count)]
    weights = [1 / (rank + 1) for rank in range(len(VOCABULARY))]
    texts = [" ".join(rng.choices(VOCABULARY, weights, k=length)) for length in lengths]
    return [Document(str(i), rng.choice(["", "w0 Title"]), text) for i, text in enumerate(texts)]


def reference(documents: list[Document], k1: float = 1.5, b: float = 0.75) -> BM25Okapi:
    return BM25Okapi([search_terms(f"{d.title} {d.text}") for d in documents], k1=k1, b=b)


@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.9, 0.4), (2.0, 0.0), (1.2, 1.0)])
def test_scores_are_rank_bm25s_to_the_last_bit(k1: float, b: float) -> None:
    documents = ragged(300, seed=1)
    retriever, okapi = Bm25Retriever(documents, k1, b, "okapi"), reference(documents, k1, b)
    rng = random.Random(2)
    assert any(value == okapi.epsilon * okapi.average_idf for value in okapi.idf.values()), "no floored idf met"
    for _ in range(60):
        query = " ".join(rng.choices([*VOCABULARY, "unseen"], k=rng.randrange(1, 30)))
        with np.errstate(invalid="ignore"):  # b = 1 and an empty document: 0/0 there, no match here
            expected = np.nan_to_num(okapi.get_scores(search_terms(query)), nan=0.0)
        assert np.array_equal(retriever.scores(query), expected)


def test_top_is_a_full_sort_of_the_reference_scores() -> None:
    documents = ragged(300, seed=3)
    retriever, okapi = Bm25Retriever(documents, idf="okapi"), reference(documents)
    rng = random.Random(4)
    for _ in range(60):
        query = " ".join(rng.choices(VOCABULARY, k=rng.randrange(1, 12)))
        scores = okapi.get_scores(search_terms(query))
        ranked = sorted((i for i in range(len(documents)) if scores[i] > 0), key=lambda i: (-scores[i], i))
        for k in (1, 5, 1000):
            hits = retriever.top(query, k)
            assert [hit.document.id for hit in hits] == [str(i) for i in ranked[:k]]
            assert [hit.score for hit in hits] == [scores[i] for i in ranked[:k]]


def test_ties_keep_corpus_order() -> None:
    documents = [Document(f"same{i}", "", "aspirin dose") for i in range(7)]
    documents += [Document(f"other{i}", "", "bone marrow") for i in range(30)]
    assert [hit.document.id for hit in Bm25Retriever(documents).top("aspirin", 3)] == ["same0", "same1", "same2"]


@pytest.mark.parametrize("query", ["", "  ", "?!", "unseen words only"])
def test_a_query_that_overlaps_with_nothing_has_no_hits(query: str) -> None:
    assert Bm25Retriever(ragged(50, seed=5)).top(query, 5) == []


def test_fewer_hits_than_k_and_none_at_zero_or_below() -> None:
    documents = [Document("a", "Aspirin", "for pain"), *(Document(str(i), "", "bone marrow") for i in range(9))]
    retriever = Bm25Retriever(documents)
    assert [hit.document.id for hit in retriever.top("aspirin", 5)] == ["a"], "the title counts"
    assert retriever.top("aspirin", 0) == []
    assert retriever.top("bone", 5) == [] or all(hit.score > 0 for hit in retriever.top("bone", 5))


def by_hand(documents: list[Document], query: str, k1: float, b: float) -> list[float]:
    """BM25 with Lucene's idf, every document and word of the query in turn."""
    found = [search_terms(f"{d.title} {d.text}") for d in documents]
    mean = sum(map(len, found)) / len(found)
    scores = []
    for terms in found:
        total = 0.0
        for word in search_terms(query):
            holding, count = sum(word in other for other in found), terms.count(word)
            idf = math.log(1 + (len(found) - holding + 0.5) / (holding + 0.5))
            total += idf * count * (k1 + 1) / (count + k1 * (1 - b + b * len(terms) / mean)) if count else 0.0
        scores.append(total)
    return scores


@pytest.mark.parametrize(("k1", "b"), [(1.5, 0.75), (0.9, 0.4), (1.2, 1.0)])
def test_lucenes_idf_by_brute_force(k1: float, b: float) -> None:
    documents = ragged(60, seed=8)
    retriever, rng = Bm25Retriever(documents, k1, b), random.Random(9)
    for _ in range(20):
        query = " ".join(rng.choices([*VOCABULARY, "unseen"], k=rng.randrange(1, 12)))
        assert retriever.scores(query) == pytest.approx(by_hand(documents, query, k1, b), rel=1e-12)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_word_of_every_document_finds_them_all_and_by_okapi_none(count: int) -> None:
    documents = [Document(str(i), "", f"Metformin lowers glucose{', it seems' * i}.") for i in range(count)]
    assert [hit.document.id for hit in Bm25Retriever(documents).top("metformin glucose", 5)] == [
        str(i) for i in range(count)
    ]
    assert Bm25Retriever(documents, idf="okapi").top("metformin glucose", 5) == []


@pytest.mark.parametrize(("query", "found"), [
    ("糖尿病の治療", "ja"), ("二甲双胍", "zh"), ("ยาลดน้ำตาล", "th"), ("हृदय रोग", "hi"), ("диабета", "ru"),
    ("CAFE\u0301", "fr"),
])  # fmt: skip
def test_sentences_of_any_script_are_found(query: str, found: str) -> None:
    documents = [
        Document("ja", "", "メトホルミンは糖尿病の治療に使われる。"), Document("zh", "", "二甲双胍降低血糖。"),
        Document("th", "", "เมตฟอร์มินเป็นยาลดน้ำตาลในเลือด"), Document("hi", "", "हृदय रोग का उपचार"),
        Document("ru", "", "Метформин — лекарство от диабета."), Document("fr", "", "Le café contient de la caféine."),
        Document("ja_other", "", "東京は日本の首都です。"), Document("zh_other", "", "北京是中国的首都。"),
    ]  # fmt: skip
    assert next(hit.document.id for hit in Bm25Retriever(documents).top(query, 5)) == found


@pytest.mark.parametrize("documents", [[], [Document("a", "", "…"), Document("b", "?", "!")]])
def test_a_corpus_without_words_is_refused(documents: list[Document]) -> None:
    with pytest.raises(ValueError, match="no document"):
        Bm25Retriever(documents).top("a question", 1)


positive = st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=20)


@settings(deadline=None)
@given(positive)
def test_sum_weights_sum_to_one_and_keep_order(scores: list[float]) -> None:
    weights = relevance_weights(scores)
    assert math.fsum(weights) == pytest.approx(1)
    assert all(
        (a <= b) or (x >= y) for a, x in zip(scores, weights, strict=True) for b, y in zip(scores, weights, strict=True)
    )
    assert 1 - 1e-9 <= effective_passages(weights) <= len(scores) + 1e-9


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.floats(1e-3, 1e3))
def test_softmax_weights_sum_to_one(scores: list[float], temperature: float) -> None:
    assert math.fsum(relevance_weights(scores, "softmax", temperature)) == pytest.approx(1)


def test_weights_by_hand() -> None:
    assert relevance_weights([6.0, 3.0, 1.0]) == pytest.approx([0.6, 0.3, 0.1])
    assert relevance_weights([math.log(3), 0.0], "softmax") == pytest.approx([0.75, 0.25])
    assert relevance_weights([2 * math.log(3), 0.0], "softmax", 2.0) == pytest.approx([0.75, 0.25])
    assert relevance_weights([]) == []
    assert effective_passages([0.25] * 4) == 4
    assert effective_passages([1.0]) == 1
    assert effective_passages([]) == 0


@pytest.mark.parametrize(
    ("scores", "form", "temperature"),
    [
        ([1.0], "sum", 2.0),
        ([1.0], "softmax", 0.0),
        ([1.0], "softmax", -1.0),
        ([1.0], "softmax", math.nan),
        ([0.0, 1.0], "sum", 1.0),
        ([-1.0], "sum", 1.0),
        ([math.inf], "softmax", 1.0),
        ([1.0], "cosine", 1.0),
    ],
)
def test_weights_that_make_no_sense_are_refused(scores: list[float], form: str, temperature: float) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        relevance_weights(scores, form, temperature)  # type: ignore[arg-type]


GOOD: list[dict[str, object]] = [
    {"id": "a", "title": "T", "text": "one\u2028line"},
    {"id": "b", "text": "zwei ä"},
    {"id": "c", "title": None, "text": "x"},
]
EXPECTED = [Document("a", "T", "one\u2028line"), Document("b", "", "zwei ä"), Document("c", "", "x")]


def encoded(rows: list[dict[str, object]], end: str = "\n") -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in rows).encode()


@pytest.mark.parametrize(
    "content",
    [
        encoded(GOOD),
        encoded(GOOD, "\r\n"),
        b"\xef\xbb\xbf" + encoded(GOOD),
        encoded(GOOD, "\n\n  \n"),
        encoded(GOOD).rstrip(),
        gzip.compress(encoded(GOOD), mtime=0),
        gzip.compress(b"\xef\xbb\xbf" + encoded(GOOD), mtime=0),
    ],
)
def test_read_corpus(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(content)
    assert list(read_corpus(path)) == EXPECTED


FIRST = b'{"id": "a", "text": "x"}\n'


@pytest.mark.parametrize(
    ("second", "place", "reason"),
    [
        (b"{not json", 2, "not JSON"),
        (b'{"id": "b", "text": "cut', 2, "not JSON"),
        (b"[" * 100_000, 2, "not JSON"),
        (b'["b", "x"]', 2, "list, not an object"),
        (b'{"id": "b"}', 2, "no 'text'"),
        (b'{"id": "b", "text": null}', 2, "no 'text'"),
        (b'{"id": "b", "text": " \\n"}', 2, "'text' is empty"),
        (b'{"text": "x"}', 2, "no 'id'"),
        (b'{"id": "", "text": "x"}', 2, "'id' is empty"),
        (b'{"id": 7, "text": "x"}', 2, "'id' holds a JSON int"),
        (b'{"id": "b", "title": ["x"], "text": "x"}', 2, "'title' holds a JSON list"),
        (b'{"id": "b", "text": {"en": "x"}}', 2, "'text' holds a JSON dict"),
        (b'\n\n{"id": "a", "text": "y"}', 4, "used on line 1"),
        (b'{"id": "b", "text": "\xff"}', 2, "not UTF-8"),
        (b'{"id": "b", "text": "\\ud800"}', 2, "surrogate"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_line_is_named(tmp_path: Path, second: bytes, place: int, reason: str, packed: bool) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(gzip.compress(FIRST + second) if packed else FIRST + second)
    stream = read_corpus(path)
    assert next(stream).id == "a", "good lines before it are still given"
    with pytest.raises(SelfspecError) as caught:
        list(stream)
    assert caught.value.place == f"{path}:{place}"
    assert reason in caught.value.reason
    assert caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"\n \n", gzip.compress(b"", mtime=0)])
def test_an_empty_corpus_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "corpus.jsonl").write_bytes(content)
    with pytest.raises(SelfspecError, match="empty"):
        list(read_corpus(tmp_path / "corpus.jsonl"))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.jsonl", tmp_path):
        with pytest.raises(SelfspecError, match="cannot be read"):
            list(read_corpus(path))


@pytest.mark.parametrize("damage", ["half", "zeros", "no trailer"])
def test_damaged_gzip_is_named(tmp_path: Path, damage: str) -> None:
    rng = random.Random(0)
    rows: list[dict[str, object]] = [{"id": str(i), "text": f"{rng.random()} text"} for i in range(500)]
    path = tmp_path / "corpus.jsonl.gz"
    whole = gzip.compress(encoded(rows))
    cut = {"half": whole[: len(whole) // 2], "zeros": whole[:50] + b"\0" * 40 + whole[90:], "no trailer": whole[:-4]}
    path.write_bytes(cut[damage])
    with pytest.raises(SelfspecError, match="cut off or damaged") as caught:
        list(read_corpus(path))
    assert caught.value.place.startswith(f"{path}:")


def test_real_abstracts_score_as_in_rank_bm25() -> None:
    documents = list(islice(read_corpus(published_file("biomedicine/corpus.jsonl.gz")), 2000))
    retriever, okapi = Bm25Retriever(documents, idf="okapi"), reference(documents)
    for document in documents[::200]:
        query = document.title or document.text[:200]
        assert np.array_equal(retriever.scores(query), okapi.get_scores(search_terms(query)))
        assert document in [hit.document for hit in retriever.top(query, 5)]
