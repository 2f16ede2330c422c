"""Which articles a rule takes, and how the lead sections of Wikipedia are read."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import opened
from selfspec_assets.packs.corpora.articles import Article, ArticleRule
from selfspec_assets.packs.corpora.contract import Source
from selfspec_assets.packs.corpora.formats import records
from selfspec_assets.packs.corpora.record import Record
from tests import wheels
from tests.corpus_files import build, corpus, counts, source

MEASLES = Article(
    "Measles", "Viral disease affecting humans", "Health", "Measles is a highly infectious disease caused by a virus."
)


def takes(article: Article = MEASLES, **keys: Any) -> bool:
    return ArticleRule.model_validate(keys).takes(article)


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        ({"topics": ["Health", "People"]}, True),
        ({"topics": ["People"]}, False),
        ({"titles": ["Mumps", "Measles"]}, True),
        ({"titles": ["measles"]}, False),
        ({"words": ["VIRAL", "nothing"]}, True),  # in the description, of any case
        ({"words": ["vir"]}, False),  # a word is whole
        ({"words": ["vir*"]}, True),
        ({"words": ["*al"]}, False),  # a star has a meaning at the end alone
        ({"words": ["infectious disease"]}, True),  # a phrase
        ({"words": ["disease"], "at_least": 2}, True),
        ({"words": ["disease"], "at_least": 3}, False),
        ({"words": ["disease", "virus"], "at_least": 3}, True),  # all words together
        ({"words": ["disease"], "not_words": ["viral"]}, False),
        ({"words": ["disease"], "not_words": ["virus"]}, True),  # the extract may speak of it
        ({"topics": ["Health"], "words": ["gold"]}, False),  # all that is named has to hold
        ({"topics": ["Health"], "titles": ["Mumps"]}, False),
    ],
)
def test_a_rule_takes_an_article_for_which_all_that_it_names_holds(keys: dict[str, Any], taken: bool) -> None:
    assert takes(**keys) is taken


def test_signs_in_a_word_stand_for_themselves() -> None:
    article = Article("C++", "Language", "Technology", "C++ is a language.")
    assert takes(article, words=["C++"], at_least=2)
    assert not takes(article, words=["c.+"])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "would take every article"),
        ({"not_words": ["bird"]}, "would take every article"),
        ({"topics": ["Health"], "at_least": 2}, "counts 'words'"),
        ({"words": ["*"]}, "is no word"),
        ({"words": [""]}, "is no word"),
        ({"words": ["a"], "at_least": 0}, "greater than or equal to 1"),
        ({"word": ["a"]}, "Extra inputs"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ArticleRule.model_validate(keys)


# Reading


def read(folder: Path, text: str, **keys: Any) -> list[Record]:
    path = folder / "leads.json"
    path.write_text(text, encoding="utf-8")
    declared = {"name": "leads", "format": "wiki_leads", "files": ["leads.json"], **keys}
    with opened(path, "leads.json") as file:
        return list(records(Source.model_validate(declared), file))


def test_an_article_is_a_document_named_by_its_title(tmp_path: Path) -> None:
    found = read(tmp_path, wheels.TEXT)
    assert [record.id for record in found] == list(wheels.ARTICLES)
    assert found[1].title == "Fern"
    assert found[1].text == wheels.ARTICLES["Fern"][2]
    assert [record.position for record in found] == [0, 1, 2, 3, 4]
    assert all(record.selected for record in found), "without rules all are taken"


def test_one_rule_that_takes_an_article_is_enough(tmp_path: Path) -> None:
    rules = [{"topics": ["Plants"], "not_words": ["shrub"]}, {"topics": ["People"], "words": ["botanist*"]}]
    taken = [record.id for record in read(tmp_path, wheels.TEXT, select=rules) if record.selected]
    assert taken == ["Moss", "Fern", "Leif Larsen"]


@pytest.mark.parametrize(
    ("rule", "said", "guess"),
    [
        ({"topics": ["Plants", "Peple"]}, "no article of the topic 'Peple'", "did you mean 'People'?"),
        ({"titles": ["Mos"]}, "no article of the title 'Mos'", "did you mean 'Moss'?"),
    ],
)
def test_a_rule_that_names_what_no_article_has_is_refused(
    tmp_path: Path, rule: dict[str, Any], said: str, guess: str
) -> None:
    with pytest.raises(SelfspecError, match=said) as caught:
        read(tmp_path, wheels.TEXT, select=[rule])
    assert guess in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('{"a":\n!}', "leads.json:2", "not JSON: "),
        ("[" * 100_000, "leads.json", "not JSON: "),
        ("[]", "leads.json", "a JSON list, not an object of articles"),
        ('{"Moss": "green"}', "leads.json: 'Moss'", "a JSON str, not an article's fields"),
        ('{"Moss": {"title": "Moss", "topic": "x", "extract": "y"}}', "leads.json: 'Moss'", "no text 'description'"),
        ("{}", "leads.json", "the file is empty"),
    ],
)
def test_another_file_is_refused_with_its_place(tmp_path: Path, text: str, place: str, reason: str) -> None:
    with pytest.raises(SelfspecError) as caught:
        read(tmp_path, text)
    assert caught.value.place.endswith(place)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"text": "extract"}, "key 'text' has no use with format wiki_leads"),
        ({"encoding": "latin-1"}, "key 'encoding' has no use with format wiki_leads"),
        ({"format": "jsonl", "select": [{"topics": ["x"]}]}, "key 'select' has no use with format jsonl"),
        ({"files": ["pypi://a@1/b.json"]}, "names no file of a package"),
    ],
)
def test_what_a_source_of_articles_cannot_have_is_said(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Source.model_validate({"name": "leads", "format": "wiki_leads", "files": ["leads.json"], **keys})


def test_a_corpus_counts_what_no_rule_takes_and_lists_it_not(tmp_path: Path) -> None:
    (tmp_path / "leads.json").write_text(wheels.TEXT)
    rules = [{"topics": ["Plants"]}]
    declared = corpus(source(format="wiki_leads", files=["leads.json"], id=None, title=None, select=rules))
    built = build(declared, tmp_path, tmp_path / "work")
    found = counts(built)
    assert (found["document/read"], found["document/cut"], found["document/not_matching"]) == (5, 3, 2)
    assert built.dropped == []


def test_a_rule_is_in_the_declaration_that_signs_a_corpus_and_nowhere_else() -> None:
    plain = {"format": "wiki_leads", "files": ["leads.json"], "id": None, "title": None}
    one = corpus(source(**plain, select=[{"topics": ["Plants"]}])).declared()
    other = corpus(source(**plain, select=[{"topics": ["Plants"], "words": ["moss"]}])).declared()
    assert json.loads(one)["sources"][0]["select"] == [{"topics": ["Plants"]}]
    assert one != other
    assert "select" not in json.loads(corpus(source()).declared())["sources"][0]
