"""Which articles of an encyclopedia belong to a field: a rule that a pack declares. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from selfspec_assets.base.strict import Strict

_TEXTS = Annotated[tuple[str, ...], Field(strict=False)]


@dataclass(frozen=True, slots=True)
class Article:
    """A lead section as the package has it."""

    title: str
    description: str  # a few words, what the article is about
    topic: str
    extract: str


class ArticleRule(Strict):
    """Takes an article for which all that it names holds.

    Words and phrases are whole and of any case; ``*`` at the end of one stands for any ending.
    """

    topics: _TEXTS = ()  # it is of one of these
    titles: _TEXTS = ()  # it is one of these
    words: _TEXTS = ()  # they occur in title, description and extract …
    at_least: int = Field(default=1, ge=1)  # … so often, all together
    not_words: _TEXTS = ()  # none occurs in title or description

    @field_validator("words", "not_words")
    @classmethod
    def _has_letters(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            if not re.search(r"\w", word):
                raise ValueError(f"'{word}' is no word")
        return value

    @model_validator(mode="after")
    def _says_something(self) -> "ArticleRule":
        if not (self.topics or self.titles or self.words):
            raise ValueError("names neither topics nor titles nor words: it would take every article")
        if "at_least" in self.model_fields_set and not self.words:
            raise ValueError("'at_least' counts 'words', and there are none")
        return self

    @model_serializer(mode="wrap")
    def _without_unused_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if key in self.model_fields_set}

    def takes(self, article: Article) -> bool:
        """Whether the article is one of those that the rule describes."""
        if (self.topics and article.topic not in self.topics) or (self.titles and article.title not in self.titles):
            return False
        about = f"{article.title}\n{article.description}"
        if self._unwanted is not None and self._unwanted.search(about):
            return False
        return self._wanted is None or len(self._wanted.findall(f"{about}\n{article.extract}")) >= self.at_least

    @cached_property
    def _wanted(self) -> re.Pattern[str] | None:
        return _any_of(self.words)

    @cached_property
    def _unwanted(self) -> re.Pattern[str] | None:
        return _any_of(self.not_words)


def _any_of(words: Sequence[str]) -> re.Pattern[str] | None:
    if not words:
        return None
    patterns = (re.escape(word.removesuffix("*")) + (r"\w*" if word.endswith("*") else "") for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)", re.IGNORECASE)
