"""A stored corpus: read by place, made and read in little memory."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.retrieval.bm25 import Bm25Retriever
from selfspec_assets.packs.corpora import parts
from selfspec_assets.packs.corpora.build import present_sources
from selfspec_assets.packs.corpora.documents import Document
from selfspec_assets.packs.corpora.overlap import BenchmarkText
from selfspec_assets.packs.corpora.stored import GROUP_ROWS, StoredDocuments
from tests.checkout import ROOT
from tests.corpus_files import build, corpus, counts, small_blocks, source, texts, write_jsonl
from tests.corpus_parts import second_half, write_parts
from tests.published_data import published_file


def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_blocks(monkeypatch, 50)

    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        write_jsonl(folder / "notes.jsonl", texts(count, words=60))
        declared, (found, _) = corpus(source()), present_sources(corpus(source()), folder)
        from selfspec_assets.warehouse import ChunkStore

        rules = parts.Rules(declared.chunks, BenchmarkText([]))
        tracemalloc.start()
        parts.Parts(found, rules, ChunkStore(folder / "c"), folder / "p", lambda line: None, "x").make()
        return tracemalloc.get_traced_memory()[1]

    try:
        peak(60)  # imports and caches
        small, large = peak(100), peak(800)
    finally:
        tracemalloc.stop()
    assert large < 1.5 * small, f"{large} bytes for eight times what took {small}"


def test_memory_of_finding_duplicates_and_writing_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    """Python's own; that of DuckDB is bounded by its setting, which the slow test below looks at from outside."""

    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        paths = write_parts(folder / "parts", count, together=10)
        tracemalloc.start()
        try:
            assert second_half(paths, folder) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(500)  # imports and caches
    small, large = peak(5_500), peak(22_000)  # a group of 512 pairs is checked at a time, so both have a whole one
    assert large < 1.3 * small, f"{large} bytes for four times what took {small}"


def test_stored_documents_are_read_by_place(tmp_path: Path) -> None:
    count = 2 * GROUP_ROWS + 3
    write_jsonl(tmp_path / "notes.jsonl", texts(count, words=20))
    made = build(corpus(source()), tmp_path, tmp_path / "work")
    stored = StoredDocuments(made.folder)
    whole = list(stored)
    assert len(stored) == len(whole) == count - counts(made).get("passage/near_duplicate", 0)
    for place in (0, GROUP_ROWS - 1, GROUP_ROWS, len(whole) - 1, -1):
        assert stored[place] == whole[place]
    assert stored[3:6] == whole[3:6]
    with pytest.raises(IndexError):
        stored[len(whole)]
    by_place, by_list = Bm25Retriever(stored), Bm25Retriever(whole)
    query = whole[700].text
    assert by_place.top(query, 5) == by_list.top(query, 5)
    assert by_place.top(query, 1)[0].document == whole[700]
    assert all(isinstance(hit.document, Document) for hit in by_place.top(query, 3))


def test_a_folder_without_documents_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SelfspecError, match="holds no documents"):
        StoredDocuments(tmp_path)
    (tmp_path / "00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(SelfspecError, match="is damaged"):
        StoredDocuments(tmp_path)


def test_real_abstracts_become_passages(tmp_path: Path) -> None:
    published_file("biomedicine/corpus.jsonl.gz")
    folder = published_file("biomedicine/corpus.jsonl.gz").parents[1]
    declared = corpus(source(files=["biomedicine/corpus.jsonl.gz"], max_documents=300))
    made = build(declared, folder, tmp_path / "work")
    found = counts(made)
    assert found["document/read"] == found["document/cut"] == 300
    assert found["passage/kept"] > 300
    assert all(len(one.text.split()) <= 250 for one in StoredDocuments(made.folder))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_large_corpus_fits_into_little_memory(tmp_path: Path) -> None:
    """Five times as many passages take no more than DuckDB's piece of memory more, whatever their number.

    Some 300 MB of text and 100 MB of keys come to the 80 MB of the smaller one. That documents are read and cut in a
    fixed piece of memory is held by ``test_memory_does_not_grow_with_the_file``.
    """
    peaks = []
    for count in (200_000, 1_000_000):
        code = [sys.executable, "-m", "tests.corpus_parts", str(tmp_path / str(count)), str(count), "64MB"]
        done = subprocess.run(code, capture_output=True, text=True, cwd=ROOT, check=True)
        kept, peak = map(int, done.stdout.split())
        assert kept == count
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 64, f"{peaks} MiB"
