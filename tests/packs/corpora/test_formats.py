"""Sources of web pages, Markdown, JATS, JSON lists and odd tables: their text, and what a wrong format is told."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import opened
from selfspec_assets.packs.census import census
from selfspec_assets.packs.corpora.contract import Source
from selfspec_assets.packs.corpora.documents import read_corpus
from selfspec_assets.packs.corpora.formats import records
from selfspec_assets.packs.corpora.record import Record
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.readers.files import other_separator
from tests.conftest import Project
from tests.corpus_files import corpus, source


def read(folder: Path, content: str, name: str = "a", **keys: Any) -> list[Record]:
    path = folder / name
    path.write_text(content, encoding=keys.get("encoding", "utf-8"))
    with opened(path, name) as file:
        return list(records(Source.model_validate({"name": "notes", "files": ["x"], **keys}), file))


def refused(folder: Path, content: str, **keys: Any) -> SelfspecError:
    with pytest.raises(SelfspecError) as caught:
        read(folder, content, **keys)
    return caught.value


PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html><html><head><title> On
 moss </title><meta name="a" content="b"><style>p { color: red }</style>
<script>var hidden = 1;</script></head><body><!-- no -->
<h1>Moss</h1><p>H<sub>2</sub>O &amp; <b>light</b>.</p><p>It grows&nbsp;in <a href="http://x.org">shade</a>.</p>
<ul><li>green</li><li>soft</li></ul></body></html>"""
MARKDOWN = """---
title: hidden
---
# On *moss*

It **grows** in [shade](http://x.org),
with `water`.

| colour | feel |
| --- | --- |
| green | soft |

<script>hidden</script>
"""


def test_the_text_of_a_page_is_read_and_not_its_markup(tmp_path: Path) -> None:
    (record,) = read(tmp_path, PAGE, "moss.html", format="html")
    assert (record.id, record.title, record.position) == ("moss.html", "On moss", 1)
    blocks = [" ".join(block.split()) for block in record.text.split("\n\n")]
    assert blocks == ["Moss", "H2O & light.", "It grows in shade.", "* green * soft"]


def test_a_page_in_another_encoding_and_one_without_text(tmp_path: Path) -> None:
    assert read(tmp_path, "<p>Grün", format="html", encoding="latin-1") == [Record("a", "", "Grün", 1)]
    assert read(tmp_path, "<!DOCTYPE html><script>write()</script>", format="html") == [Record("a", "", "", 1)]
    assert read(tmp_path, "<!-- nothing -->", format="html") == [Record("a", "", "", 1)]
    assert refused(tmp_path, " \n", format="html").reason == "the file is empty"


def test_the_text_of_markdown_is_read_and_not_its_signs(tmp_path: Path) -> None:
    (record,) = read(tmp_path, MARKDOWN, "moss.md", format="md")
    assert (record.id, record.title) == ("moss.md", "On moss")
    assert record.text.split() == [
        "On",
        "moss",
        "It",
        "grows",
        "in",
        "shade,",
        "with",
        "water.",
        "colour",
        "feel",
        "green",
        "soft",
    ]


JATS = """<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS" "JATS-archivearticle1.dtd">
<article xmlns:xlink="http://www.w3.org/1999/xlink"><front><journal-meta><journal-title>Journal</journal-title>
</journal-meta><article-meta><article-id pub-id-type="pmid">7</article-id><title-group><article-title>On <italic>moss
</italic></article-title></title-group><abstract><sec><title>Aim</title><p>We ask.</p></sec></abstract></article-meta>
</front><body><sec><label>1</label><title>Results</title><p>Moss<xref>[1]</xref> is green:<list><list-item><p>in
shade</p></list-item><list-item><p>in sun</p></list-item></list></p><table-wrap><p>hidden</p></table-wrap>
<sec><title>More</title><p>H<sub>2</sub>O.<fig><caption><p>hidden</p></caption></fig> End.</p></sec></sec></body>
<back><ref-list><ref><p>hidden</p></ref></ref-list></back></article>"""
SET = f"<pmc-articleset>{JATS[JATS.index('<article ') :]}<article><body><p>Two.</p></body></article></pmc-articleset>"


def test_whole_articles_of_jats(tmp_path: Path) -> None:
    (record,) = read(tmp_path, JATS, "PMC1.nxml", format="jats")
    assert (record.id, " ".join(record.title.split()), record.position) == ("PMC1.nxml", "On moss", 1)
    assert [" ".join(block.split()) for block in record.text.split("\n\n")] == [
        *("Aim", "We ask.", "Results", "Moss[1] is green:in shade in sun", "More", "H2O. End."),
    ]
    found = read(tmp_path, SET, format="jats")
    assert [(one.id, one.position) for one in found] == [("a:1", 1), ("a:2", 2)]
    assert found[1].text == "Two."


@pytest.mark.parametrize(
    ("content", "declared", "reason", "remedy"),
    [
        (JATS, "pubmed", "its root is <article>", "'format: jats'"),
        ("<PubmedArticleSet/>", "jats", "its root is <PubmedArticleSet>", "'format: pubmed'"),
        ("<doc/>", "jats", "its root is <doc>", "articles in JATS"),
        (JATS[:-30], "jats", "is not valid XML", "again"),
        (JATS.replace("We ask.", "&bomb;"), "jats", "undefined entity", "again"),
        (f"<article><body>{'<sec>' * 9000}{'</sec>' * 9000}</body></article>", "jats", "too deep", "take the file"),
    ],
)
def test_xml_of_another_kind_is_named(tmp_path: Path, content: str, declared: str, reason: str, remedy: str) -> None:
    error = refused(tmp_path, content, format=declared)
    assert reason in error.reason
    assert remedy in error.remedy


ROWS = [{"n": 1, "title": "T", "text": "One."}, {"n": 2, "text": "Two."}]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_json_objects(tmp_path: Path, indent: int | None) -> None:
    content = json.dumps(ROWS, indent=indent)
    found = read(tmp_path, content, format="json", title="title", id="n")
    assert found == [Record("1", "T", "One.", 0), Record("2", "", "Two.", 1)]
    assert [one.id for one in read(tmp_path, content, format="json")] == ["a:0", "a:1"]


@pytest.mark.parametrize(
    ("content", "place", "reason", "remedy"),
    [
        ("".join(json.dumps(row) + "\n" for row in ROWS), ":2", "not JSON: Extra data", "'format: jsonl'"),
        ('[{"text": "x"},\n', ":2", "not JSON", "again"),
        ('{"text": "x"}', "a", "a JSON dict, not a list", "JSON lines"),
        ('[{"text": "x"}, 3]', ": [1]", "a JSON int, not an object", "named fields"),
        ('[{"text": "x"}, {"text": null}]', ": [1]", "'text' is null or empty", "empty: drop"),
        ("[]", "a", "the file is empty", "again"),
        ("[" * 100_000, "a", "not JSON", "again"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, content: str, place: str, reason: str, remedy: str) -> None:
    error = refused(tmp_path, content, format="json")
    assert error.place.endswith(place)
    assert reason in error.reason
    assert remedy in error.remedy


def test_json_spread_over_lines_is_called_json(tmp_path: Path) -> None:
    error = refused(tmp_path, "\n" + json.dumps(ROWS, indent=1), format="jsonl")
    assert (error.place, error.reason) == (f"{tmp_path / 'a'}:2", "is JSON, but one value goes on over several lines")
    assert "'format: json'" in error.remedy
    assert "'format: json'" in refused(tmp_path, json.dumps(ROWS), format="jsonl").remedy
    assert "not JSON" in refused(tmp_path, '{"text": "x"}\n{"text":\n', format="jsonl").reason, "torn, not spread"
    (tmp_path / "c").write_text(json.dumps([{"id": "a", "text": "b"}], indent=1))
    with pytest.raises(SelfspecError, match="goes on over several lines") as caught:
        list(read_corpus(tmp_path / "c"))
    assert "the format 'json'" in caught.value.remedy


def test_a_wrong_column_lists_those_that_there_are(tmp_path: Path) -> None:
    error = refused(tmp_path, '{"n": 1, "text": "x"}\n', format="jsonl", id="number")
    assert error.reason == "no 'number'; it has: n, text"


# Separators


def table(separator: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([["id", "text"], ["1", "Moss, green; soft | wet."]])
    return out.getvalue()


@pytest.mark.parametrize("separator", [";", "|", "\t", ","])
def test_a_table_with_another_separator(tmp_path: Path, separator: str) -> None:
    found = read(tmp_path, table(separator), format="csv", separator=separator, id="id")
    assert [(one.id, one.text) for one in found] == [("1", "Moss, green; soft | wet.")]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize(("separator", "declared"), [(";", "csv"), ("|", "csv"), ("\t", "csv"), (",", "tsv")])
def test_columns_that_do_not_split_suggest_the_separator(
    tmp_path: Path, separator: str, declared: str, quoting: int
) -> None:
    error = refused(tmp_path, table(separator, quoting), format=declared)
    assert error.place == f"{tmp_path / 'a'}:1"
    assert f"'format: csv' with 'separator: {json.dumps(separator)}'" in error.remedy


@pytest.mark.parametrize(
    ("top", "wanted", "expected"),
    [
        ("id;text", {"text"}, ";"),
        ("id;the text", {"text"}, ";"),
        ("id,text", {"body"}, ""),
        ("a;b,text;x|text", {"x|text"}, ";"),
        ("text", {"body"}, ""),
        ("a;b,c;d", {"e"}, ""),
    ],
)
def test_which_separator_is_suggested(top: str, wanted: set[str], expected: str) -> None:
    assert other_separator(top, ",", wanted) == expected


OPEN = 'id{0}text\n1{0}"Moss is soft.\n2{0}Ferns grow" here.\n'


@pytest.mark.parametrize(("keys", "texts"), [
    ({"format": "tsv"}, ['"Moss is soft.', 'Ferns grow" here.']),
    ({"format": "csv", "separator": "\t"}, ['"Moss is soft.', 'Ferns grow" here.']),
    ({"format": "csv", "quoting": "none"}, ['"Moss is soft.', 'Ferns grow" here.']),
])  # fmt: skip
def test_quotes_that_are_letters_join_no_rows(tmp_path: Path, keys: dict[str, str], texts: list[str]) -> None:
    separator = "," if keys.get("quoting") else "\t"
    assert [one.text for one in read(tmp_path, OPEN.format(separator), **keys, id="id")] == texts


@pytest.mark.parametrize("keys", [{"format": "csv"}, {"format": "tsv", "quoting": "csv"}])
def test_quotes_of_csv_that_do_not_end_name_the_option(tmp_path: Path, keys: dict[str, str]) -> None:
    separator = "," if keys["format"] == "csv" else "\t"
    error = refused(tmp_path, OPEN.format(separator), **keys)
    assert error.place == f"{tmp_path / 'a'}:2"
    assert "'quoting: none'" in error.remedy


@pytest.mark.parametrize(("text", "reason"), [
    ('"id"\t"text"\n1\tMoss\n', "no 'text'"), ('id\ttext\n1\t"Moss\nis soft"\n', "1 fields"),
])  # fmt: skip
def test_quotes_between_tabs_that_are_no_letters_name_the_option(tmp_path: Path, text: str, reason: str) -> None:
    error = refused(tmp_path, text, format="tsv")
    assert reason in error.reason
    assert "'quoting: csv'" in error.remedy


def test_quoting_is_a_key_of_tables_alone() -> None:
    with pytest.raises(ValidationError, match="only csv and tsv need it"):
        corpus(source(format="jsonl", files=["a"], quoting="none"))


def test_quoting_leaves_signatures_alone_except_of_files_with_tabs() -> None:
    def declared(**keys: Any) -> str:
        return corpus(source(files=["a"], **keys)).declared()

    assert "quoting" not in declared(format="csv") + declared(format="jsonl") + declared(format="csv", separator=";")
    assert '"quoting"' in declared(format="tsv"), "they were read with quotes before"
    assert declared(format="tsv") == declared(format="tsv", quoting="none") != declared(format="tsv", quoting="csv")


def test_a_separator_that_is_not_given_leaves_the_signature_alone() -> None:
    def declared(**keys: Any) -> str:
        return corpus(source(format="csv", files=["a.csv"], **keys)).declared()

    assert "separator" not in declared()
    assert len({declared(), declared(separator=";"), declared(separator="|")}) == 3


# Pages that are taken as plain text


def test_check_warns_of_pages_that_are_read_as_plain_text(project: Project) -> None:
    folder = project.folder / "data" / "text"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("Moss is green.")
    (folder / "b.txt").write_text(PAGE)
    (folder / "c.txt").write_text("<div><p>Moss</p><script>var x;</script>")

    def warnings(declared: str) -> list[str]:
        texts = {"name": "texts", "format": declared, "files": ["text/*.txt"]}
        project.pack["published"] = {**project.pack["published"], "corpus": {"sources": [texts]}}
        project.save()
        found = census(load_pack("botany"), "published")
        return [line for line in found.lines if line.startswith("warning")]

    (warning,) = warnings("txt")
    assert "corpus texts: 2 of the first 3 files hold markup of web pages, b.txt for one" in warning
    assert "'format: html'" in warning
    assert warnings("html") == []
