"""What a pack declares of a corpus, and what of it makes no sense."""

from typing import Any

import pytest
from pydantic import ValidationError

from selfspec_assets.packs.corpora.contract import Corpus
from tests.corpus_files import corpus, source


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
