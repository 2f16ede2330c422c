"""Corpora of sources: every format read as a stream, cut, de-duplicated, decontaminated; every way it can be wrong."""

import csv
import gzip
import io
import json
import random
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from selfspec_assets.base import file_digests
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import opened
from selfspec_assets.base.signature import folder_digest
from selfspec_assets.base.words import count_words, words
from selfspec_assets.method.retrieval.bm25 import Bm25Retriever
from selfspec_assets.packs.corpora import lines, parts
from selfspec_assets.packs.corpora.build import present_sources
from selfspec_assets.packs.corpora.chunks import passages, sentences
from selfspec_assets.packs.corpora.clean import one_line, paragraphs
from selfspec_assets.packs.corpora.contract import Chunks, Corpus, Source
from selfspec_assets.packs.corpora.documents import Document
from selfspec_assets.packs.corpora.formats import records
from selfspec_assets.packs.corpora.minhash import NEAR, band_keys, jaccard, shingles
from selfspec_assets.packs.corpora.ngrams import ngram_hashes, word_hashes
from selfspec_assets.packs.corpora.overlap import BenchmarkText, N
from selfspec_assets.packs.corpora.record import Record
from selfspec_assets.packs.corpora.sources import corpus_digests, source_digest, source_files
from selfspec_assets.packs.corpora.stored import GROUP_ROWS, StoredDocuments
from tests.checkout import ROOT
from tests.corpus_files import build, corpus, counts, source, texts, write_jsonl
from tests.corpus_parts import second_half, write_parts
from tests.published_data import published_file


def read(path: Path, **keys: Any) -> list[Record]:
    declared = {"name": "notes", "format": path.suffixes[0][1:], "files": ["x"], **keys}
    with opened(path, path.name) as file:
        return list(records(Source.model_validate(declared), file))


# What is declared


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"files": ["../notes.jsonl"]}, "not a path or pattern inside"),
        ({"files": ["/etc/passwd"]}, "not a path or pattern inside"),
        ({"files": ["hf://datasets/a/b@main/x.parquet"]}, "pinned revision"),
        ({"files": []}, "at least 1"),
        ({"format": "pdf"}, "Input should be"),
        ({"keep_if": "("}, "not a regular expression"),
        ({"drop_lines": ["ok", "["]}, "not a regular expression"),
        ({"share": 0.0}, "greater than 0"),
        ({"max_documents": 0}, "greater than or equal"),
        ({"encoding": "utf-16"}, "Input should be"),
        ({"format": "txt"}, "key 'id' has no use with format txt"),
        ({"format": "pubmed", "id": None, "title": None, "encoding": "utf-8"}, "key 'encoding' has no use"),
        ({"document": "line"}, "only txt needs it"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(keys: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        corpus(source(**keys))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({}, "either the path"),
        ({"prepared": "a.jsonl", "sources": [source()]}, "either the path"),
        ({"prepared": "a.jsonl", "chunks": {"max_words": 50}}, "taken as it is"),
        ({"sources": [source(), source()]}, "two sources are called 'notes'"),
        ({"sources": [source()], "chunks": {"max_words": 20, "min_words": 21}}, "nothing would be left"),
        ("../a.jsonl", "points outside"),
    ],
)
def test_a_corpus_that_makes_no_sense_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Corpus.model_validate(value)


def test_a_plain_path_is_short_for_one_source_unless_the_file_lies_in_the_pack() -> None:
    found = Corpus.model_validate("c/d.jsonl.gz")
    assert found == Corpus(prepared="c/d.jsonl.gz")
    assert found.streamed() == corpus({"name": "corpus", "format": "documents", "files": ["c/d.jsonl.gz"]})
    own = Corpus.model_validate("pack:c.jsonl")
    assert own.streamed() == own
    sources = corpus(source())
    assert sources.streamed() is sources
    assert Corpus.model_validate({"sources": [source(text="body")]}).sources[0].text == ("body",)


# Formats


def parquet_bytes(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


LINES = [{"id": "a", "title": "T", "text": "Überall one."}, {"id": "b", "title": "", "text": "Two\nlines."}]
JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in LINES).encode()
EXPECTED = [("a", "T", "Überall one."), ("b", "", "Two\nlines.")]


def as_csv(separator: str) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "title", "text"], delimiter=separator, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(LINES)
    return out.getvalue().encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", JSONL),
        ("a.jsonl", b"\xef\xbb\xbf" + JSONL.replace(b"\n", b"\r\n") + b"\n  \n"),
        ("a.jsonl.gz", gzip.compress(JSONL)),
        ("a.csv", as_csv(",")),
        ("a.csv", b"\xef\xbb\xbf" + as_csv(",")),
        ("a.tsv", as_csv("\t")),
        ("a.tsv.gz", gzip.compress(as_csv("\t"))),
        ("a.parquet", parquet_bytes(LINES)),
    ],
    ids=["jsonl", "jsonl-of-windows", "jsonl.gz", "csv", "csv-of-windows", "tsv", "tsv.gz", "parquet"],
)
def test_every_format_gives_the_same_documents(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    quoting = {"quoting": "csv"} if ".tsv" in name else {}
    found = read(tmp_path / name, id="id", title="title", **quoting)
    assert [(one.id, one.title, one.text.replace("\r\n", "\n")) for one in found] == EXPECTED


def test_documents_need_no_columns_and_no_title(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(JSONL + b'\n{"id": "c", "text": "Three."}\n'))
    declared = Source(name="corpus", format="documents", files=("a.gz",))
    with opened(path, "a.gz") as file:
        found = [(one.id, one.title, one.text, one.position) for one in records(declared, file)]
    assert found == [("a", "T", "Überall one.", 1), ("b", "", "Two\nlines.", 2), ("c", "", "Three.", 4)]


def test_zstd_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    with pa.output_stream(path, compression="zstd") as stream:
        stream.write(JSONL * 1)
    assert [one.id for one in read(path, id="id", title="title")] == ["a", "b"]
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(SelfspecError, match="zstd data is cut off or damaged"):
        read(path)


def test_several_columns_are_one_text_and_ids_may_be_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet_bytes([{"n": 7, "one": "A.", "two": "B."}, {"n": 8, "one": "", "two": "C."}]))
    found = read(path, text=["one", "two"], id="n")
    assert [(one.id, one.text, one.position) for one in found] == [("7", "A.\n\nB.", 0), ("8", "C.", 1)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("paragraph", [("a.txt:2", "One\ntwo.\n"), ("a.txt:6", "Three.")]),
        ("line", [("a.txt:2", "One\n"), ("a.txt:3", "two.\n"), ("a.txt:6", "Three.")]),
        ("file", [("a.txt", "\nOne\ntwo.\n\n \nThree.")]),
    ],
)
def test_plain_text(tmp_path: Path, document: str, expected: list[tuple[str, str]]) -> None:
    (tmp_path / "a.txt").write_bytes(b"\r\nOne\r\ntwo.\r\n\r\n \r\nThree.")
    assert [(one.id, one.text) for one in read(tmp_path / "a.txt", document=document)] == expected


def test_other_encodings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Ein Satz.\nÜber".encode("latin-1"))
    assert read(path, encoding="latin-1", document="line")[1].text == "Über"
    with pytest.raises(SelfspecError, match="not UTF-8") as caught:
        read(path)
    assert caught.value.place == f"{path}:2"
    assert "encoding" in caught.value.remedy


BAD: dict[str, tuple[str, bytes, dict[str, Any], str, str]] = {
    "latin-1": ("a.jsonl", JSONL + '{"text": "ü"}'.encode("latin-1"), {}, ":3", "not UTF-8"),
    "latin-1 csv": ("a.csv", "text\r\nü".encode("latin-1"), {}, ":2", "not UTF-8"),
    "cut gzip": ("a.jsonl.gz", gzip.compress(JSONL * 50)[:-12], {}, ":", "gzip data is cut off"),
    "no gzip": ("a.jsonl.gz", gzip.compress(JSONL)[:12] + b"\0" * 30, {}, ":1", "gzip data is cut off"),
    "empty": ("a.jsonl", b"", {}, "a.jsonl", "the file is empty"),
    "empty gzip": ("a.txt.gz", gzip.compress(b" \n"), {}, "a.txt.gz", "the file is empty"),
    "header alone": ("a.csv", b"text\r\n", {}, "a.csv", "the file is empty"),
    "missing parquet column": ("a.parquet", parquet_bytes([{"text": "x"}]), {"text": "body"}, "", "'body'"),
    "missing column": ("a.jsonl", JSONL, {"text": "body"}, ":1", "no 'body'; it has: "),
    "missing csv column": ("a.csv", as_csv(","), {"text": "body"}, ":1", "no 'body'; it has: id, title, text"),
    "null": ("a.jsonl", JSONL + b'{"text": null}', {}, ":3", "'text' is null or empty"),
    "null parquet": (
        "a.parquet",
        parquet_bytes([{"text": "x"}, {"text": None}]),
        {},
        "row 1",
        "'text' is null or empty",
    ),
    "empty csv": ("a.csv", b"text,n\r\nx,1\r\n,2\r\n", {}, ":3", "'text' is null or empty"),
    "all columns": ("a.csv", b"a,b\r\nx,1\r\n, \r\n", {"text": ["a", "b"]}, ":3", "'a', 'b' are null or empty"),
    "number": ("a.jsonl", b'{"text": 7}', {}, ":1", "holds a int, not text"),
    "id": ("a.jsonl", b'{"text": "x", "id": ""}', {"id": "id"}, ":1", "'id' is empty"),
    "title": ("a.jsonl", JSONL, {"title": "titel"}, "a.jsonl", "no document has a 'titel'"),
    "not json": ("a.jsonl", JSONL + b"{", {}, ":3", "not JSON"),
    "list": ("a.jsonl", b"[1]", {}, ":1", "a JSON list, not an object"),
    "short row": ("a.csv", b"text,n\r\nx,1\r\ny\r\n", {}, ":3", "1 fields, but the header names 2"),
    "after a row of two lines": ("a.csv", b'text,n\r\n"x\r\ny",1\r\nz\r\n', {}, ":4", "1 fields"),
    "open quote": ("a.csv", b'text,n\r\n"x', {}, ":2", "not CSV"),
    "twice": ("a.csv", b"text,text\r\nx,y\r\n", {}, ":1", "two columns have one name"),
    "no parquet": ("a.parquet", JSONL, {}, "a.parquet", "cannot be read as Parquet"),
    "half a parquet": ("a.parquet", parquet_bytes(LINES)[:-20], {}, "a.parquet", "cannot be read as Parquet"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_its_place(tmp_path: Path, case: str) -> None:
    name, content, keys, place, reason = BAD[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SelfspecError) as caught:
        read(tmp_path / name, **keys)
    assert reason in f"{caught.value.reason}"
    assert str(tmp_path / name) in caught.value.place
    assert place in caught.value.place
    assert caught.value.remedy


def test_a_document_without_text_may_be_dropped(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": null}\n{"text": "x"}\n')
    assert [one.text for one in read(tmp_path / "a.jsonl", empty="drop")] == ["", "x"]


def test_one_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_RECORD", 1 << 12)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(JSONL + b'{"text": "' + b"x" * 10_000))
    with pytest.raises(SelfspecError, match="more than") as caught:
        read(tmp_path / "a.jsonl.gz")
    assert caught.value.place.endswith("a.jsonl.gz:3")


# PubMed


def article(pmid: str, title: str, *abstract: str) -> str:
    parts = "".join(f'<AbstractText Label="PART">{part}</AbstractText>' for part in abstract)
    body = f"<Abstract>{parts}<CopyrightInformation>Somebody</CopyrightInformation></Abstract>" if abstract else ""
    return (
        f'<PubmedArticle><MedlineCitation Status="MEDLINE"><PMID Version="1">{pmid}</PMID><Article>'
        f"<ArticleTitle>{title}</ArticleTitle>{body}</Article><CommentsCorrectionsList><CommentsCorrections>"
        "<PMID>99999999</PMID></CommentsCorrections></CommentsCorrectionsList></MedlineCitation>"
        "<PubmedData><ArticleIdList><ArticleId>1</ArticleId></ArticleIdList></PubmedData></PubmedArticle>"
    )


def pubmed(*children: str) -> bytes:
    head = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD" "pubmed.dtd">\n'
    return f"{head}<PubmedArticleSet>\n{chr(10).join(children)}\n</PubmedArticleSet>".encode()


def read_pubmed(path: Path, content: bytes) -> list[Record]:
    path.write_bytes(content)
    with opened(path, path.name) as file:
        return list(records(Source(name="pubmed", format="pubmed", files=("x",)), file))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_pubmed(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    content = pubmed(
        article("11", "Effects of <i>Bacillus</i> α", "H<sub>2</sub>O &amp; more.", "Second part."),
        article("12", "No abstract"),
        "<DeleteCitation><PMID>5</PMID><PMID>6</PMID></DeleteCitation>",
    )
    assert read_pubmed(tmp_path / "a.xml.gz", pack(content)) == [
        Record("11", "Effects of Bacillus α", "H2O & more.\n\nSecond part.", 1),
        Record("12", "No abstract", "", 2),
        Record("5", "", "", 2, deleted=True),
        Record("6", "", "", 2, deleted=True),
    ]


@pytest.mark.parametrize(
    ("content", "place", "reason"),
    [
        (pubmed(article("1", "t", "x"))[:-30], ":", "not valid XML"),
        (gzip.compress(pubmed(article("1", "t", "x") * 50))[:-20], "article", "gzip data is cut off"),
        (b"", ":", "not valid XML"),
        (pubmed(), "a.xml", "empty"),
        (b"<articles/>", "a.xml", "root is <articles>"),
        (pubmed(article("1", "t", "x"), article(" ", "t", "x")), "article 2", "no <PMID>"),
        (
            pubmed(article("1", "t", "x")).replace(b"<i>", b"").replace(b"t</Art", b"&bomb;</Art"),
            ":",
            "undefined entity",
        ),
    ],
)
def test_bad_pubmed_is_named(tmp_path: Path, content: bytes, place: str, reason: str) -> None:
    with pytest.raises(SelfspecError) as caught:
        read_pubmed(tmp_path / "a.xml", content)
    assert reason in caught.value.reason
    assert place in caught.value.place


def test_one_article_is_in_memory_at_a_time(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = tmp_path / "a.xml.gz"
        path.write_bytes(gzip.compress(pubmed(*(article(str(n), "Title", "Word " * 100) for n in range(1, count)))))
        tracemalloc.start()
        with opened(path) as file:
            assert sum(1 for _ in records(Source(name="pubmed", format="pubmed", files=("x",)), file)) == count - 1
        return tracemalloc.get_traced_memory()[1]

    try:
        assert peak(2000) < 1.3 * peak(400)  # kept elements would make it five times as much
    finally:
        tracemalloc.stop()


def test_later_articles_replace_and_delete_earlier_ones(tmp_path: Path) -> None:
    abstracts = texts(6)
    (tmp_path / "base.xml").write_bytes(
        pubmed(*(article(str(n), f"Old {n}", abstract) for n, abstract in enumerate(abstracts[:4], start=1)))
    )
    (tmp_path / "update.xml").write_bytes(
        pubmed(
            article("2", "New 2", abstracts[4]),
            "<DeleteCitation><PMID>3</PMID><PMID>2000</PMID></DeleteCitation>",
            article("5", "New 5"),
        )
    )
    made = build(
        corpus({"name": "pubmed", "format": "pubmed", "files": ["base.xml", "update.xml"]}), tmp_path, tmp_path / "work"
    )
    assert [one.title for one in StoredDocuments(made.folder)] == ["Old 1", "Old 4", "New 2"]
    assert [(row.reason, row.document_id, row.file, row.position) for row in made.dropped] == [
        ("no_text", "5", "update.xml", 2),
        ("superseded", "2", "base.xml", 2),
        ("deleted", "3", "base.xml", 3),
    ]


@pytest.mark.parametrize(
    ("later", "reason"),
    [([], "superseded"), (["Withdrawn."], "superseded"), (["A sentence that stands in a benchmark."], "superseded")],
    ids=["no abstract", "too short", "contaminated"],
)
def test_a_later_version_of_which_nothing_is_kept_replaces_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: list[str], reason: str
) -> None:
    small_blocks(monkeypatch, 1)  # the later version stands in a block of its own, which stores no passage
    abstracts, asked = texts(4), texts(1, seed=9, words=20)[0]
    newer = [asked if "benchmark" in part else part for part in later]
    children = [article(str(n), f"Old {n}", one) for n, one in enumerate(abstracts[:3], start=1)]
    (tmp_path / "a.xml").write_bytes(pubmed(*children, article("2", "New 2", *newer), article("9", "None")))
    declared = corpus({"name": "pubmed", "format": "pubmed", "files": ["a.xml"]})
    made = build(declared, tmp_path, tmp_path / "work", {"q/1": [asked]})
    assert [one.title for one in StoredDocuments(made.folder)] == ["Old 1", "Old 3"]
    assert [(row.document_id, row.reason) for row in made.dropped if row.position == 2] == [("2", reason)]
    assert counts(made, "pubmed")["passage/superseded"] == 1
    again = build(declared, tmp_path, tmp_path / "work", {"q/1": [asked]})
    assert again.counts == made.counts, "from the stored blocks, too"


def test_what_a_share_leaves_out_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(pubmed(*(article(str(n), f"T{n}", one) for n, one in enumerate(texts(40)))))
    declared = corpus({"name": "pubmed", "format": "pubmed", "files": ["a.xml"], "share": 0.5})
    found = counts(build(declared, tmp_path, tmp_path / "work"), "pubmed")
    assert "passage/superseded" not in found
    assert found["passage/kept"] == found["document/cut"] == 40 - found["document/not_sampled"]


# Cleaning and cutting


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


# Runs of words


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


# The whole


def changed(one: str, count: int, rng: random.Random) -> str:
    """The text with so many words at its end replaced."""
    return " ".join([*one.split()[:-count], *(f"new{rng.random()}" for _ in range(count))])


def test_duplicates_go_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    rng = random.Random(3)
    own = texts(20, words=80)
    near, far = changed(own[1], 3, rng), changed(own[2], 30, rng)
    write_jsonl(tmp_path / "notes.jsonl", [*own, own[0].upper(), near, far, "Too short.", "???"])
    made = build(corpus(source()), tmp_path, tmp_path / "work")
    kept = [one.id for one in StoredDocuments(made.folder)]
    assert kept == [f"notes:d{n}" for n in (*range(20), 22)]
    reasons = {row.document_id: (row.reason, row.match, row.position) for row in made.dropped}
    assert reasons == {
        "d20": ("duplicate", "notes:d0", 21),
        "d21": ("near_duplicate", "notes:d1", 22),
        "d23": ("too_short", None, 24),
        "d24": ("too_short", None, 25),
    }
    similarity = float(
        next(row.evidence for row in made.dropped if row.document_id == "d21" and row.evidence).split()[1]
    )
    sets = [shingles(word_hashes(words(one))) for one in (own[1], near)]
    assert similarity == pytest.approx(jaccard(*sets), abs=0.001)
    assert similarity >= NEAR > jaccard(sets[0], shingles(word_hashes(words(far))))
    assert counts(made) == {
        "document/read": 25,
        "document/cut": 25,
        "passage/made": 25,
        "passage/too_short": 2,
        "passage/duplicate": 1,
        "passage/near_duplicate": 1,
        "passage/kept": 21,
    }
    assert made.words["notes"] == sum(len(one.text.split()) for one in StoredDocuments(made.folder))


def test_duplicates_are_found_across_sources_and_files(tmp_path: Path) -> None:
    own = texts(4)
    write_jsonl(tmp_path / "a/1.jsonl", own[:2])
    write_jsonl(tmp_path / "a/2.jsonl", own[1:3], first=10)
    write_jsonl(tmp_path / "b.jsonl", own[2:4])
    made = build(corpus(source(files=["a/*.jsonl"]), source(name="other", files=["b.jsonl"])), tmp_path, tmp_path / "w")
    assert [one.id for one in StoredDocuments(made.folder)] == ["notes:d0", "notes:d1", "notes:d11", "other:d1"]
    assert [(row.source, row.file, row.match) for row in made.dropped] == [
        ("notes", "a/2.jsonl", "notes:d1"),
        ("other", "b.jsonl", "notes:d11"),
    ]


def test_an_id_that_comes_again_is_named(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", texts(3))
    write_jsonl(tmp_path / "b.jsonl", texts(1, seed=9), first=2)
    with pytest.raises(SelfspecError, match=r"id 'd2' was used at .*a\.jsonl:3 already") as caught:
        build(corpus(source(files=["a.jsonl", "b.jsonl"])), tmp_path, tmp_path / "work")
    assert caught.value.place == f"{tmp_path}/b.jsonl:1"


@pytest.mark.parametrize("second", ["Too short.", "", None], ids=["too short", "empty", "contaminated"])
def test_an_id_that_comes_again_is_named_even_if_nothing_of_it_is_kept(tmp_path: Path, second: str | None) -> None:
    first, asked = texts(2)
    rows = [
        {"id": "a", "title": "T", "text": first},
        {"id": "a", "title": "", "text": asked if second is None else second},
    ]
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SelfspecError, match=r"id 'a' was used at .*notes\.jsonl:1 already") as caught:
        build(corpus(source(empty="drop")), tmp_path, tmp_path / "work", {"q/1": [asked]})
    assert caught.value.place.endswith("notes.jsonl:2")


def test_long_documents_are_cut_and_their_passages_named(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "notes.jsonl", texts(2, words=100))
    made = build(corpus(source(), chunks={"max_words": 40, "overlap": 1}), tmp_path, tmp_path / "work")
    found = list(StoredDocuments(made.folder))
    assert [one.id for one in found][:4] == ["notes:d0#1", "notes:d0#2", "notes:d0#3", "notes:d1#1"]
    assert {one.title for one in found} == {"Title 0", "Title 1"}
    assert counts(made)["document/cut"] == 2


def test_documents_are_left_out_by_declared_rules(tmp_path: Path) -> None:
    own = texts(60)
    write_jsonl(tmp_path / "notes.jsonl", [("Sport. " if n % 2 else "") + one for n, one in enumerate(own)])
    made = build(corpus(source(keep_if="Sport", max_documents=10)), tmp_path, tmp_path / "a")
    assert counts(made) == {
        "document/read": 20,
        "document/not_matching": 10,
        "document/cut": 10,
        "passage/made": 10,
        "passage/kept": 10,
    }
    assert made.dropped == [], "what the source's own rule leaves out is counted, not listed"
    half = build(corpus(source(share=0.5)), tmp_path, tmp_path / "b")
    most = build(corpus(source(share=0.8)), tmp_path, tmp_path / "c")
    ids = [{one.id for one in StoredDocuments(one.folder)} for one in (half, most)]
    assert 15 < len(ids[0]) < 45
    assert ids[0] < ids[1]
    assert counts(half)["document/read"] == 60 == counts(half)["document/cut"] + counts(half)["document/not_sampled"]


def test_a_limit_ends_the_reading(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", texts(5))
    (tmp_path / "b.jsonl").write_text("not json\n")
    made = build(corpus(source(files=["a.jsonl", "b.jsonl"], max_documents=5)), tmp_path, tmp_path / "work")
    assert counts(made)["document/read"] == 5
    with pytest.raises(SelfspecError, match="not JSON"):
        build(corpus(source(files=["a.jsonl", "b.jsonl"], max_documents=6)), tmp_path, tmp_path / "other")


def test_a_corpus_of_nothing_is_an_error(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "notes.jsonl", ["Short.", "Shorter."])
    with pytest.raises(SelfspecError, match=r"no passage is left of the corpus: .*too_short 2"):
        build(corpus(source()), tmp_path, tmp_path / "work")


def test_lists_of_what_was_dropped_end_somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (parts, sys.modules["selfspec_assets.packs.corpora.build"]):
        monkeypatch.setattr(module, "LISTED", 3)
    own = texts(2)
    write_jsonl(tmp_path / "notes.jsonl", [*own, *["Short."] * 5, *[own[0]] * 6])
    made = build(corpus(source()), tmp_path, tmp_path / "work")
    assert [row.reason for row in made.dropped] == ["too_short"] * 3 + ["duplicate"] * 3
    assert counts(made)["passage/too_short"] == 5
    assert counts(made)["passage/duplicate"] == 6


# Files and signatures


def test_files_of_a_source(tmp_path: Path) -> None:
    for name in ("x/b.jsonl", "x/a.jsonl", "x/deep/c.jsonl", "x/readme.md"):
        write_jsonl(tmp_path / name, ["x"])
    declared = corpus(source(files=["x/b.jsonl", "x/**/*.jsonl"])).sources[0]
    assert [file.name for file in source_files(declared, tmp_path)] == ["x/b.jsonl", "x/a.jsonl", "x/deep/c.jsonl"]
    present, absent = present_sources(corpus(source(files=["y/*"], obtain="buy it", licence="CC0")), tmp_path)
    assert present == []
    assert [line for _, line in absent] == ["no file y/*. buy it (licence: CC0)"]
    (tmp_path / "outside").mkdir()
    (tmp_path / "x/link.jsonl").symlink_to("/etc/hosts")
    with pytest.raises(SelfspecError, match="leads out of"):
        source_files(declared, tmp_path)


def test_what_a_signature_counts(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "notes.jsonl", ["x"])

    def digest(**keys: Any) -> dict[str, str]:
        return corpus_digests(corpus(source(**keys)), tmp_path)

    first = digest()
    assert digest(obtain="elsewhere", licence="CC0") == first
    assert digest(share=0.5) != first
    assert digest(files=["absent.jsonl"])["source notes"] == "absent"
    write_jsonl(tmp_path / "notes.jsonl", ["y"])
    assert digest()["source notes"] != first["source notes"]
    (tmp_path / "other.jsonl").write_bytes((tmp_path / "notes.jsonl").read_bytes())
    assert digest(files=["other.jsonl"])["source notes"] != digest()["source notes"]
    pinned = "hf://datasets/a/b@" + "0" * 40 + "/x.parquet"
    assert source_digest(source_files(corpus(source(files=[pinned])).sources[0], tmp_path)) != "absent"


def test_digests_of_large_sources_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_digests, "_KEPT_FROM", 0)
    monkeypatch.setenv("SELFSPEC_WAREHOUSE", str(tmp_path / "warehouse"))
    write_jsonl(tmp_path / "notes.jsonl", ["x"])
    declared = corpus(source())
    first = corpus_digests(declared, tmp_path)
    monkeypatch.setattr(file_digests, "file_digest_once", lambda path: pytest.fail("hashed again"))
    assert corpus_digests(declared, tmp_path) == first
    monkeypatch.undo()
    monkeypatch.setattr(file_digests, "_KEPT_FROM", 0)
    monkeypatch.setenv("SELFSPEC_WAREHOUSE", str(tmp_path / "warehouse"))
    write_jsonl(tmp_path / "notes.jsonl", ["changed"])
    assert corpus_digests(declared, tmp_path) != first
    (tmp_path / "warehouse" / "file_digests.json").write_text('{"cut')
    assert corpus_digests(declared, tmp_path) != first


REMEMBER = """
import sys
from pathlib import Path
from selfspec_assets.base import file_digests
file_digests._KEPT_FROM = 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    file_digests.file_digests([path])
"""


def test_processes_that_remember_digests_at_once_lose_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each adds its own files one by one; what another has added meanwhile stays, and the file is whole at any time."""
    monkeypatch.setenv("SELFSPEC_WAREHOUSE", str(tmp_path / "warehouse"))
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
        for number in range(40):
            (folder / f"{number}.txt").write_text(f"{folder.name} {number}")
    writers = [subprocess.Popen([sys.executable, "-c", REMEMBER, str(folder)]) for folder in folders]
    memory = tmp_path / "warehouse" / "file_digests.json"
    while any(writer.poll() is None for writer in writers):
        if memory.exists():
            json.loads(memory.read_bytes())
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert set(json.loads(memory.read_bytes())) == {str(path) for folder in folders for path in folder.iterdir()}


# Resume


def small_blocks(monkeypatch: pytest.MonkeyPatch, count: int = 7) -> None:
    monkeypatch.setattr(parts, "_BLOCK_PASSAGES", count)


def test_damaged_and_missing_work_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_blocks(monkeypatch)
    write_jsonl(tmp_path / "notes.jsonl", texts(30))
    whole = build(corpus(source()), tmp_path, tmp_path / "whole")
    again = tmp_path / "again"
    build(corpus(source()), tmp_path, again)
    part = again / "parts" / "00000002.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    (again / "gone.parquet").unlink()
    (again / "parts" / "00000003.parquet").unlink()
    read_before = parts._Making.add
    seen: list[str] = []
    monkeypatch.setattr(
        parts._Making, "add", lambda self, record: (seen.append(record.id), read_before(self, record))[1]
    )
    made = build(corpus(source()), tmp_path, again)
    assert seen == [f"d{n}" for n in range(14, 30)], "blocks before the damage are not made again"
    assert folder_digest(made.folder) == folder_digest(whole.folder)
    assert (made.counts, made.dropped) == (whole.counts, whole.dropped)


VICTIM = """
import json, os, signal, sys
from pathlib import Path
from selfspec_assets.base import failpoints
from selfspec_assets.packs.corpora import parts
from selfspec_assets.base.signature import folder_digest
from tests.corpus_files import build, corpus, source
folder = Path(sys.argv[1])
parts._BLOCK_PASSAGES = 7
declared = corpus(source(), source(name="other", files=["other.jsonl"]), chunks={"max_words": 20})
def run(work, point=None, number=1):
    left = [number]
    def listen(reached):
        left[0] -= reached == point
        if point and not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    failpoints.listen(listen)
    made = build(declared, folder, work)
    facts = [folder_digest(made.folder), [str(row) for row in (*made.counts, *made.dropped)]]
    (work / "facts.json").write_text(json.dumps(facts))
def child(*arguments):
    if (pid := os.fork()) == 0:
        run(*arguments)
        os._exit(0)
    return os.waitpid(pid, 0)[1]
assert child(folder / "whole") == 0
for number, (point, count) in enumerate(json.loads(sys.argv[2])):
    work = folder / f"w{number}"
    assert child(work, point, count) == signal.SIGKILL, point
    assert child(work) == 0
    assert (work / "facts.json").read_text() == (folder / "whole/facts.json").read_text(), point
    print(point)
"""


def test_a_kill_at_any_commit_point_changes_nothing(tmp_path: Path) -> None:
    rng = random.Random(5)
    own = texts(30)
    write_jsonl(tmp_path / "notes.jsonl", [*own, changed(own[3], 1, rng), own[5], "Short."])
    write_jsonl(tmp_path / "other.jsonl", own[10:14])
    sides = ("before the rename", "after the rename")
    points = [(f"{what}: {side}", 3 if what != "corpus duplicates" else 1) for what in POINTS for side in sides]
    code = [sys.executable, "-c", VICTIM, str(tmp_path), json.dumps(points)]
    done = subprocess.run(code, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [point for point, _ in points]


POINTS = ("corpus part", "chunk", "corpus duplicates")


# Memory


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
