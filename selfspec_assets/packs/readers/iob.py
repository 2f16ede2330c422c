"""Named entities: tokens with their tags, a line each as in CoNLL-2003 (Tjong Kim Sang & De Meulder 2003), or in lists.

Tags are IOB1, IOB2, IOBES (S- for an entity of one token, E- for the last of several) or BILOU (U- and L-).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.files import Labels, Separator, filled_text, texts
from selfspec_assets.packs.readers.parquet import is_parquet, parquet_rows
from selfspec_assets.packs.readers.question import value_at
from selfspec_assets.packs.records import Item, Remark, json_lines

DOCUMENT = "-DOCSTART-"  # CoNLL's line between documents
_BEGINS, _GOES_ON, _ENDS = "BSU", "IEL", "SUEL"  # what the letter before the type says of its token


class _Token(NamedTuple):
    place: str
    text: str
    tag: str


class _Sentence(NamedTuple):
    name: str
    document: str  # that it is of, where the file tells documents apart
    tokens: list[_Token]


def iob(
    path: Path,
    *,
    types: Labels,
    ignored: Sequence[str] = (),
    columns: Annotated[int, Field(ge=2)] = 2,
    separator: Separator = "\t",
    comment: str = "",
    begin: Literal["always", "between"] = "always",
    empty: str = "",
    tokens: str = "",
    tags: str = "",
    tag_names: Sequence[str] = (),
) -> Iterator[Item | Remark]:
    """Sentences → ``mention <Type>, mention <Type>``. In a text file a blank line stands after each.

    Tokens are joined by single spaces. As in In-BoXBART (Parmar et al. 2022) mentions stand in the order of the text
    and a name that occurs twice is listed twice. A mention may hold ", "; the list splits right after each ``>``.

    Args:
        types: the entity types of the tags; as a mapping, from the file's name to the name in the answer.
        ignored: types of the file that are not asked for; their tokens count as outside.
        columns: columns of each line; the first is the token, the last its tag.
        separator: what stands between columns; a space stands for any number of them.
        comment: what a line begins with that is no token, "# id" for instance; "" if there are none.
        begin: where tags begin with B: "always" at the start of an entity (IOB2), or only "between" two that touch
            and are of one type (IOB1).
        empty: the answer for a sentence without an entity; "" leaves such sentences out, since they have no answer.
        tokens, tags: of Parquet and of JSON lines, with a sentence in each row: the fields that hold the two lists.
        tag_names: the tag of each number, where tags are numbers that the file does not name: [O, B-PER, I-PER].

    Raises:
        SelfspecError: a line with other columns, a tag that is not declared, one that continues nothing.
    """
    named = types if isinstance(types, dict) else {kind: kind for kind in types}
    in_lists = tokens and tags
    if bool(tokens) != bool(tags):
        raise SelfspecError(path, "reader 'iob' has one of the options 'tokens' and 'tags'", "give both, or neither")
    lines = _of_records(path, tokens, tags, tag_names) if in_lists else _of_lines(path, columns, separator, comment)
    for sentence in lines:
        if isinstance(sentence, Remark):
            yield sentence
            continue
        mentions = _mentions(sentence.tokens, named, ignored, begin)
        answer = listed([(" ".join(words), kind) for words, kind in mentions]) or empty
        if answer:
            asked = " ".join(token.text for token in sentence.tokens)
            yield Item(sentence.name, asked, (answer,), sentence.document)


def listed(mentions: Sequence[tuple[str, str]]) -> str:
    """The answer of mentions and their types: ``aspirin <Drug>, gout <Disease>``."""
    return ", ".join(f"{text} <{kind}>" for text, kind in mentions)


def _mentions(
    sentence: list[_Token], named: dict[str, str], ignored: Sequence[str], begin: str
) -> list[tuple[list[str], str]]:
    """The words and the type of each entity."""
    mentions: list[tuple[list[str], str]] = []
    begun, previous = "", "O"  # the type of the entity that may go on, and the tag before
    for token in sentence:
        tag = _tag(token, named, ignored)
        mark, kind = tag[:1], tag[2:]
        if mark in _GOES_ON and kind == begun:
            mentions[-1][0].append(token.text)
        elif mark in _GOES_ON and begin == "always":
            reason = f"tag '{tag}' continues nothing, it follows '{previous}'"
            raise SelfspecError(token.place, reason, f"begin an entity with B-{kind}")
        elif tag != "O":
            mentions.append(([token.text], named[kind]))
        begun, previous = ("" if mark in _ENDS else kind), tag
    return mentions


def _tag(token: _Token, named: dict[str, str], ignored: Sequence[str]) -> str:
    kind = token.tag[2:]
    has_mark = token.tag[:1] in _BEGINS + _GOES_ON and token.tag[1:2] == "-"
    if token.tag == "O" or (has_mark and kind in named):
        return token.tag
    if has_mark and kind in ignored:
        return "O"
    known = ", ".join(f"B-{kind}, I-{kind}" for kind in sorted({*named, *ignored}))
    remedy = f"use one of: O, {known}; in IOBES S- and E-, too"
    raise SelfspecError(token.place, f"unknown tag '{token.tag}'", remedy)


def _of_lines(path: Path, columns: int, separator: str, comment: str) -> Iterator[_Sentence]:
    sentence: list[_Token] = []
    first = documents = 0
    lines = enumerate([*filled_text(path).split("\n"), ""], start=1)
    for number, line in lines:
        if comment and line.startswith(comment):
            continue
        token = _token(f"{path}:{number}", line, columns, separator) if line.strip() else None
        if sentence and (token is None or token.text == DOCUMENT):
            yield _Sentence(f"line-{first}", f"document-{documents}" if documents else "", sentence)
            sentence = []
        if token is not None and token.text == DOCUMENT:
            documents += 1
        elif token is not None:
            first = first if sentence else number
            sentence.append(token)


def _token(place: str, line: str, columns: int, separator: str) -> _Token:
    spaced = separator == " "
    parts = [column for column in line.split(" ") if column] if spaced else line.split(separator)
    if len(parts) != columns or not all(column.strip() for column in parts):
        filled = sum(bool(column.strip()) for column in parts)
        reason = f"has {filled} filled columns of {len(parts)}, not {columns}"
        raise SelfspecError(
            place, reason, f"separate the columns by {'spaces' if spaced else f'one {separator!r} each'}"
        )
    return _Token(place, parts[0], parts[-1])


def _of_records(path: Path, tokens: str, tags: str, tag_names: Sequence[str]) -> Iterator[_Sentence | Remark]:
    for place, name, row in _rows(path, {tokens, tags}):
        words, marks = texts(place, row, tokens, empty=True), row[tags]
        if not isinstance(marks, list):
            raise SelfspecError(place, f"field '{tags}' is not a list of tags", "name the list of tags with 'tags'")
        if len(words) != len(marks) or not all(word.strip() for word in words):
            yield Remark("sentences whose tokens and tags are not as many, or with a blank token", place, drops=True)
        elif words:
            places = [f"{place}, token {number}" for number in range(len(words))]
            names = [_tag_name(where, mark, tag_names) for where, mark in zip(places, marks, strict=True)]
            yield _Sentence(name, "", [_Token(*of_one) for of_one in zip(places, words, names, strict=True)])


def _rows(path: Path, fields: set[str]) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Place, name and the two lists of each row of Parquet, or of each JSON line."""
    if is_parquet(path):
        yield from ((place, f"row-{number}", row) for place, number, row in parquet_rows(path, fields))
    else:
        for place, record in json_lines(path, "benchmark"):
            values = {field: value_at(place, record, field) for field in fields}
            yield place, f"line-{place.rpartition(':')[2]}", values


def _tag_name(place: str, tag: object, names: Sequence[str]) -> str:
    if isinstance(tag, str):
        return tag
    if isinstance(tag, int) and not isinstance(tag, bool) and 0 <= tag < len(names):
        return names[tag]
    reason = f"tag {tag!r} has no name"
    raise SelfspecError(place, reason, "name the tags in the order of their numbers with 'tag_names'")
