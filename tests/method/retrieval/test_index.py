"""The index on the disk: as many blocks as there are, it is the same; what it finds is what scoring all would find."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.words import search_terms
from selfspec_assets.method.retrieval import index_building, inverted_index
from selfspec_assets.method.retrieval.bm25 import Bm25Retriever
from selfspec_assets.method.retrieval.inverted_index import ARRAYS, COMMON, FACTS, TERMS, InvertedIndex
from selfspec_assets.method.retrieval.top_documents import all_scores, best, top
from selfspec_assets.packs.corpora.documents import Document

WORDS = [f"w{rank}" for rank in range(4000)]
SHARES = [1 / (rank + 1) for rank in range(len(WORDS))]


def ragged(count: int, seed: int) -> list[Document]:
    """Of 0 to 150 words, every tenth a repetition of an earlier one, so that there are ties."""
    rng = random.Random(seed)
    texts: list[str] = []
    for number in range(count):
        again = number % 10 == 9
        texts.append(rng.choice(texts) if again else " ".join(rng.choices(WORDS, SHARES, k=rng.randrange(150))))
    return [Document(str(number), "", text) for number, text in enumerate(texts)]


DOCUMENTS = ragged(1000, seed=1)


def questions(count: int, seed: int) -> list[str]:
    """Parts of documents, and words at random; some words twice, some unknown."""
    rng = random.Random(seed)
    parts = [" ".join(rng.choice(DOCUMENTS).text.split()[: rng.randrange(1, 60)]) for _ in range(count)]
    return [*parts, *(" ".join(rng.choices([*WORDS, "unseen"], k=rng.randrange(1, 60))) for _ in range(count))]


def built(folder: Path, documents: list[Document] = DOCUMENTS, **changed: Any) -> Path:
    folder.mkdir(parents=True)
    block_words = changed.pop("block_words", index_building.BLOCK_WORDS)
    Bm25Retriever(documents, **changed).save(folder, block_words)
    return folder


def opened(folder: Path, documents: list[Document] = DOCUMENTS) -> Bm25Retriever:
    retriever = Bm25Retriever(documents)
    retriever.load(folder)
    return retriever


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("index") / "index")


def test_hits_and_scores_are_rank_bm25s_ties_included(tmp_path: Path) -> None:
    retriever = opened(built(tmp_path / "index", idf="okapi"))
    okapi, tied = BM25Okapi([search_terms(document.text) for document in DOCUMENTS]), 0
    for query in questions(6, seed=2):
        scores = okapi.get_scores(search_terms(query))
        ranked = [int(place) for place in np.argsort(-scores, kind="stable") if scores[place] > 0]
        for k in (1, 2, 3, 5):
            assert retriever.places(query, k) == [(place, scores[place]) for place in ranked[:k]]
            tied += len(ranked) > k and scores[ranked[k - 1]] == scores[ranked[k]]
    assert tied, "no tie at the border was met"


@pytest.mark.parametrize("idf", ["lucene", "okapi"])
def test_the_best_are_those_of_all_scores(tmp_path: Path, idf: str) -> None:
    retriever = opened(built(tmp_path / "index", idf=idf))
    lengths = []
    index = InvertedIndex(tmp_path / "index")
    for query in questions(15, seed=3):
        terms = retriever._terms(query)
        everywhere = np.arange(len(DOCUMENTS))
        for k in (1, 5, 40, 5000):
            expected = best(everywhere, all_scores(index, terms), k)
            found = top(index, terms, k)
            assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True)), (query, k)
        lengths.append(len(terms))
    assert max(lengths) > 40


def test_long_questions_do_not_score_every_document(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfspec_assets.method.retrieval import top_documents

    finalists: list[int] = []
    shares = top_documents._Search.shares
    monkeypatch.setattr(
        top_documents._Search, "shares", lambda self, places: (finalists.append(len(places)), shares(self, places))[1]
    )
    retriever = opened(index)
    for query in questions(20, seed=4):
        retriever.places(query, 5)
    assert np.median(finalists) < 0.1 * len(DOCUMENTS)


def test_many_blocks_and_small_merges_give_the_same_bytes(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_building, "MERGED_POSTINGS", 1000)  # fewer than the first word has
    many = built(tmp_path / "many", block_words=20_000)
    assert contents(many) == contents(index)


def test_mapped_is_as_in_memory(index: Path) -> None:
    mapped, held = opened(index), Bm25Retriever(DOCUMENTS)
    assert isinstance(mapped._index.owners.base, np.memmap)
    assert not isinstance(held._index.owners.base, np.memmap)
    for query in questions(10, seed=5):
        assert mapped.top(query, 5) == held.top(query, 5)
        assert np.array_equal(mapped.scores(query), held.scores(query))


def test_more_pairs_than_two_bytes_number(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert InvertedIndex(index).codes.dtype == np.uint16
    monkeypatch.setattr(index_building, "SHORT_CODES", 100)
    wide = InvertedIndex(built(tmp_path / "wide"))
    assert wide.codes.dtype == np.uint32
    assert np.array_equal(wide.codes, InvertedIndex(index).codes)


def test_words_of_one_hash_are_told_apart(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = questions(4, seed=6)
    expected = [opened(index)._terms(query) for query in asked]
    for module in (index_building, inverted_index):
        monkeypatch.setattr(module, "term_hash", lambda encoded: len(encoded))
    alike = opened(built(tmp_path / "alike"))
    assert [alike._terms(query) for query in asked] == expected
    assert alike._terms("w99999") == []


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def other(path: Path) -> None:
    np.save(path, np.zeros(3))


def form(path: Path) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 0}))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        *((f"{name}.npy", cut) for name in (*ARRAYS, *COMMON)),
        *((f"{name}.npy", Path.unlink) for name in (*ARRAYS, *COMMON)),
        *((f"{name}.npy", other) for name in ("starts", "codes", "weights", "hashes", "common_shares")),
        *((name, spoil) for name in (FACTS, TERMS) for spoil in (cut, Path.unlink)),
        (FACTS, form),
        (FACTS, lambda path: path.write_text("{}")),
        ("owners.npy", lambda path: path.write_bytes(b"")),
    ],
)
def test_a_damaged_index_is_named(index: Path, tmp_path: Path, name: str, spoil: Callable[[Path], object]) -> None:
    for file, data in contents(index).items():
        (tmp_path / file).write_bytes(data)
    spoil(tmp_path / name)
    if (name, spoil) == (FACTS, cut):
        cut(tmp_path / name)  # its last byte is a line's end
    with pytest.raises(SelfspecError) as caught:
        opened(tmp_path)
    assert caught.value.place == str(tmp_path / name)
    assert "run again" in caught.value.remedy


def test_an_index_of_another_corpus_is_refused(index: Path) -> None:
    with pytest.raises(SelfspecError, match=r"of 1000 documents, and the corpus has 7"):
        opened(index, DOCUMENTS[:7])


@pytest.mark.parametrize("documents", [[], [Document("a", "", "…")]])
def test_without_a_word_nothing_is_written(tmp_path: Path, documents: list[Document]) -> None:
    with pytest.raises(ValueError, match="holds a word"):
        built(tmp_path / "index", documents)
    assert list((tmp_path / "index").iterdir()) == []


def test_documents_are_read_once_and_not_kept(tmp_path: Path) -> None:
    alive = most = 0

    class Text(str):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def stream() -> Any:
        nonlocal alive, most
        for document in DOCUMENTS[:200]:
            alive += 1
            most = max(most, alive)
            yield Document(document.id, "", Text(document.text))

    (tmp_path / "index").mkdir()
    figures = Bm25Retriever(stream()).save(tmp_path / "index")
    assert figures["documents"] == 200
    assert most <= 2
