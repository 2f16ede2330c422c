"""PubMed's XML: articles, their parts, and later versions that replace or delete earlier ones."""

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import opened
from selfspec_assets.packs.corpora.contract import Source
from selfspec_assets.packs.corpora.formats import records
from selfspec_assets.packs.corpora.record import Record
from selfspec_assets.packs.corpora.stored import StoredDocuments
from tests.corpus_files import build, corpus, counts, small_blocks, texts


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
