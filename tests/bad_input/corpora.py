"""Corpora that cannot be taken: one that is named by its path, and sources in every format."""

import gzip
import json
from typing import Any

from tests import wheels
from tests.bad_input import ways
from tests.bad_input.spoil import CORPUS, Spoil, add, all_of, cut, gone, link, pack, put
from tests.bad_input.trial import Case, Kind

TEXT = "data/text/a.txt"


def line(**fields: Any) -> Spoil:
    """A 41st document; None takes a field away."""
    whole = {"id": "new", "title": "T", "text": "Moss.", **fields}
    return add(CORPUS, json.dumps({key: value for key, value in whole.items() if value is not None}) + "\n")


def source(content: str | bytes | None = None, **changes: Any) -> Spoil:
    """The corpus as one source, whose file holds ``content``."""
    declared = {"name": "texts", "format": "txt", "files": ["text/a.txt"], **changes}
    return all_of(
        put(TEXT, content if content is not None else "Moss is a small plant that grows in the shade of trees.\n"),
        pack(published__corpus={"sources": [{k: v for k, v in declared.items() if v is not None}]}),
    )


F = "corpus.jsonl"
DOCUMENTS = (
    Case("no id", line(id=None), f"{F}:41", "no 'id'", "each line is one JSON object"),
    Case("no text", line(text=None), f"{F}:41", "no 'text'", "each line is one JSON object"),
    Case("a blank text", line(text=" \t"), f"{F}:41", "'text' is empty", "each line is one JSON object"),
    Case("a blank id", line(id=" "), f"{F}:41", "'id' is empty", "each line is one JSON object"),
    Case("a number as id", line(id=3), f"{F}:41", "JSON int, not a string", "each line is one JSON object"),
    Case("a list as text", line(text=["a"]), f"{F}:41", "JSON list, not a string", "each line is one JSON object"),
    Case("an object as title", line(title={"a": 1}), f"{F}:41", "JSON dict, not a string", "each line is one JSON"),
    Case("an id twice", line(id="d0"), f"{F}:41", "'d0' was used", "an id of its own"),
    Case("half a surrogate", line(text="\ud83d"), f"{F}:41", "half of a surrogate pair", "whole characters"),
    Case("no JSON", add(CORPUS, "Moss.\n"), f"{F}:41", "not JSON", "each line is one JSON object"),
    Case("no object", add(CORPUS, "[1]\n"), f"{F}:41", "not an object", "each line is one JSON object"),
    Case("nested 100,000 deep", add(CORPUS, "[" * 100_000), f"{F}:41", "not JSON", "each line is one JSON object"),
    Case("a torn last line", cut(CORPUS, -20), f"{F}:40", "not JSON", "each line is one JSON object"),
    Case("Latin-1", put(CORPUS, '{"id": "é"}\n'.encode("latin-1")), f"{F}:1", "not UTF-8", "convert the file"),
    Case("UTF-16", put(CORPUS, '{"id": "a"}\n'.encode("utf-16")), f"{F}:1", "not UTF-8", "convert the file"),
    Case("an empty file", put(CORPUS, ""), F, "the file is empty", "fetch the file again"),
    Case("blank lines alone", put(CORPUS, "\n \n"), F, "the file is empty", "fetch the file again"),
    Case("cut gzip data", put(CORPUS, gzip.compress(b" \n" * 999)[:-9]), F, "cut off", "again"),
    Case("a PDF", put(CORPUS, b"%PDF-1.7\n"), F, "is a PDF document", "pdftotext"),
    Case("a web page", put(CORPUS, "<!DOCTYPE html><html>"), F, "is an HTML page", "get the file itself"),
    Case("JSON over many lines", put(CORPUS, '[\n{"id": "a", "text": "b"}\n]\n'), f"{F}:1", "over several lines",
         "one object per line"),
    Case("no file", gone(CORPUS), "domain.yaml", "none of the corpus's sources", f"add {F}"),
    Case("a link out of the data folder", link(CORPUS, "/etc/passwd"), F, "leads out of", "keep files inside"),
    Case("a hub path that is not pinned", pack(published__corpus="hf://datasets/a/b@main/x.jsonl"),
         "domain.yaml:", "no file at a pinned revision", "correct the value"),
)  # fmt: skip
SOURCES = (
    Case("neither path nor sources", pack(published__corpus={}), "domain.yaml:", "either the path", "correct the"),
    Case("both", pack(published__corpus={"prepared": "a.jsonl", "sources": [{"name": "a", "format": "txt",
         "files": ["a"]}]}), "domain.yaml:", "either the path", "correct the value"),
    Case("a misspelt key", source(licens="x"), "domain.yaml:", "unknown key", "did you mean 'licence'?"),
    Case("an unknown format", source(format="pdf"), "domain.yaml:", "0.format'", "correct the value"),
    Case("no files", source(files=[]), "domain.yaml:", "0.files'", "correct the value"),
    Case("files outside", source(files=["../*.txt"]), "domain.yaml:", "inside the data folder", "correct the value"),
    Case("files from the root", source(files=["/etc/*"]), "domain.yaml:", "inside the data folder",
         "correct the value"),
    Case("a hub file that is not pinned", source(files=["hf://datasets/a/b@main/x.txt"]),
         "domain.yaml:", "no file at a pinned revision", "correct the value"),
    Case("no regular expression", source(drop_lines=["("]), "domain.yaml:", "regular expression", "correct the value"),
    Case("a column of plain text", source(text="body"), "domain.yaml:", "has no use with format txt", "correct the"),
    Case("a share of two", source(share=2.0), "domain.yaml:", "0.share'", "correct the value"),
    Case("Latin-1 in a text file", source("Gr\xfcn ist das Moos.\n".encode("latin-1")), "a.txt:1", "not UTF-8",
         "name its encoding"),
    Case("cut gzip data in a source", source(gzip.compress(b"Moss is green.\n" * 99)[:-9]), "a.txt", "cut off",
         "again"),
    Case("a PDF in an encoding that takes every byte", source(b"%PDF-1.7\n\xe2", encoding="latin-1"), "a.txt",
         "is a PDF document", "pdftotext"),
    Case("columns parted by another sign", source("id;text\n1;Moss.\n", format="csv"), "a.txt:1", "no 'text'",
         "separator: \";\""),
    Case("two characters as separator", source("text\nMoss.\n", format="csv", separator="::"), "domain.yaml:",
         "0.separator'", "correct the value"),
    Case("a source of no file", all_of(source(), gone(TEXT)), "domain.yaml", "none of the corpus's sources", "texts"),
    Case("JSON lines of none", source("Moss.\n", format="jsonl"), "a.txt:1", "not JSON", "one JSON object per line"),
    Case("a column that is not there", source('{"body": "x"}\n', format="jsonl"), "a.txt:1", "'text'", "domain.yaml"),
    Case("a short row", source("text,b\nx\n", format="csv"), "a.txt:2", "1 fields", "quote fields"),
    Case("XML that is none", source("<a>", format="pubmed"), "a.txt", "its root is <a>", "PubMed's baseline"),
    Case("articles of none", source("[]", format="wiki_leads"), "a.txt", "not an object of articles", "get the file"),
    Case("a rule for every article", source(format="wiki_leads", select=[{}]), "domain.yaml:", "take every article",
         "correct the value"),
    Case("rules for what has no articles", source(select=[{"topics": ["a"]}]), "domain.yaml:", "has no use with format",
         "correct the value"),
    Case("a package's file without its digest", source(files=["pypi://a@1/b.txt"]), "domain.yaml:",
         "names no file of a package", "correct the value"),
    Case("a package in published data", source(format="wiki_leads", files=[wheels.ADDRESS]), "domain.yaml",
         "lies in a package of PyPI", "move it to 'starter'"),
    Case("no parquet", source("PAR1", format="parquet"), "a.txt", "cannot be read as Parquet", "get the file again"),
)  # fmt: skip
KIND = Kind("corpus", (ways.check, ways.make("corpus")), (*DOCUMENTS, *SOURCES), prepare=ways.benchmarks_made)
