"""Named entities: one token per line with its IOB tag, as in CoNLL-2003 (Tjong Kim Sang & De Meulder 2003)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.files import Labels, Separator, filled_lines
from selfspec_assets.packs.records import Item

DOCUMENT = "-DOCSTART-"  # CoNLL's line between documents


class _Token(NamedTuple):
    line: int
    text: str
    tag: str


def iob(
    path: Path,
    *,
    types: Labels,
    ignored: Sequence[str] = (),
    columns: Annotated[int, Field(ge=2)] = 2,
    separator: Separator = "\t",
    begin: Literal["always", "between"] = "always",
    empty: str = "",
) -> Iterator[Item]:
    """Sentences, a blank line after each → ``mention <Type>, mention <Type>``.

    Tokens are joined by single spaces. As in In-BoXBART (Parmar et al. 2022) mentions stand in the order of the text
    and a name that occurs twice is listed twice. A mention may hold ", "; the list splits right after each ``>``.

    Args:
        types: the entity types of the tags; as a mapping, from the file's name to the name in the answer.
        ignored: types of the file that are not asked for; their tokens count as outside.
        columns: columns of each line; the first is the token, the last its tag.
        separator: what stands between columns.
        begin: where tags begin with B: "always" at the start of an entity (IOB2), or only "between" two that touch
            and are of one type (IOB1).
        empty: the answer for a sentence without an entity; "" leaves such sentences out, since they have no answer.

    Raises:
        SelfspecError: a line with other columns, a tag that is not declared, one that continues nothing.
    """
    named = types if isinstance(types, dict) else {kind: kind for kind in types}
    for document, sentence in _sentences(path, columns, separator):
        mentions: list[tuple[list[str], str]] = []
        previous = "O"
        for token in sentence:
            tag = _tag(path, token, named, ignored)
            kind = tag[2:]
            if tag.startswith("I-") and previous[2:] == kind:
                mentions[-1][0].append(token.text)
            elif tag.startswith("I-") and begin == "always":
                reason = f"tag '{tag}' continues nothing, it follows '{previous}'"
                raise SelfspecError(f"{path}:{token.line}", reason, f"begin an entity with B-{kind}")
            elif tag != "O":
                mentions.append(([token.text], named[kind]))
            previous = tag
        answer = ", ".join(f"{' '.join(words)} <{kind}>" for words, kind in mentions) or empty
        if answer:
            asked = " ".join(token.text for token in sentence)
            yield Item(f"line-{sentence[0].line}", asked, (answer,), document)


def _tag(path: Path, token: _Token, named: dict[str, str], ignored: Sequence[str]) -> str:
    kind = token.tag[2:]
    if token.tag == "O" or (token.tag[:2] in ("B-", "I-") and kind in named):
        return token.tag
    if token.tag[:2] in ("B-", "I-") and kind in ignored:
        return "O"
    known = ", ".join(f"B-{kind}, I-{kind}" for kind in sorted({*named, *ignored}))
    raise SelfspecError(f"{path}:{token.line}", f"unknown tag '{token.tag}'", f"use one of: O, {known}")


def _sentences(path: Path, columns: int, separator: str) -> Iterator[tuple[str, list[_Token]]]:
    """Each sentence, and the document that it is of where the file tells documents apart."""
    sentence: list[_Token] = []
    documents = 0
    for token in _tokens(path, columns, separator):
        if sentence and (token.line > sentence[-1].line + 1 or token.text == DOCUMENT):
            yield _document(documents), sentence
            sentence = []
        if token.text == DOCUMENT:
            documents += 1
        else:
            sentence.append(token)
    if sentence:
        yield _document(documents), sentence


def _document(number: int) -> str:
    return f"document-{number}" if number else ""


def _tokens(path: Path, columns: int, separator: str) -> Iterator[_Token]:
    for number, line in filled_lines(path):
        found = line.split(separator)
        if len(found) != columns or not all(column.strip() for column in found):
            filled = sum(bool(column.strip()) for column in found)
            reason = f"has {filled} filled columns of {len(found)}, not {columns}"
            raise SelfspecError(f"{path}:{number}", reason, f"separate the columns by one {separator!r} each")
        yield _Token(number, found[0], found[-1])
