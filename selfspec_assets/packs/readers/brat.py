"""The standoff format of BRAT (Stenetorp et al. 2012): a text, and beside it the places of the entities in it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.text_file import read_text
from selfspec_assets.packs.readers.files import Labels, filled_text
from selfspec_assets.packs.readers.iob import listed
from selfspec_assets.packs.records import Item

_ENTITY = re.compile(r"T\d+\t(\S+) (\d+ \d+(?:;\d+ \d+)*)\t(.*)")  # "T1<TAB>Disease 3 7;12 18<TAB>its words"


class _Mention(NamedTuple):
    start: int  # characters from the start of the file
    end: int
    text: str
    type: str


def brat(
    path: Path,
    *,
    types: Labels,
    ignored: Sequence[str] = (),
    item: Literal["line", "document"] = "line",
    empty: str = "",
) -> Iterator[Item]:
    """A folder of ``name.txt`` and ``name.ann`` → ``mention <Type>, mention <Type>``, in the order of the text.

    Only entities (``T1 …``) are read. One that lies in another is listed too, after it; one of several pieces is
    listed where it begins.

    Args:
        types, ignored, empty: as for ``iob``.
        item: what is asked about at a time: a line of the text, or all of it.

    Raises:
        SelfspecError: no such folder, no text in it, one without its annotations; a type that is not declared, an
            entity that does not lie where its line says, or not in one line.
    """
    named = types if isinstance(types, dict) else {kind: kind for kind in types}
    sources = sorted(path.rglob("*.txt"))
    if not sources:
        raise SelfspecError(path, "is no folder with .txt files", "name the folder of the .txt and .ann files")
    for source in sources:
        text = filled_text(source)
        mentions = _mentions(source, text, named, ignored)
        name = source.relative_to(path).with_suffix("").as_posix()
        parts = _lines(source, text, mentions) if item == "line" else [("", text, mentions)]
        for part, asked, entities in parts:
            answer = listed([(mention.text, mention.type) for mention in entities]) or empty
            if answer and asked.strip():
                yield Item(f"{name}{part}", asked.strip(), (answer,), name)


def _mentions(source: Path, text: str, named: dict[str, str], ignored: Sequence[str]) -> list[_Mention]:
    path = source.with_suffix(".ann")
    mentions: list[_Mention] = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.startswith("T"):
            continue
        place = f"{path}:{number}"
        entity = _ENTITY.fullmatch(line)
        if entity is None:
            raise SelfspecError(place, "is no entity of BRAT", "write T1<TAB>Type start end<TAB>its words")
        kind, spans, words = entity.groups()
        pieces = [tuple(map(int, span.split())) for span in spans.split(";")]
        there = " ".join(text[start:end] for start, end in pieces)
        if " ".join(there.split()) != " ".join(words.split()):
            reason = f"at {spans} of {source.name} stands {there!r:.60}, not {words!r:.60}"
            raise SelfspecError(place, reason, "keep the text, with its line ends, as it was when it was annotated")
        if kind in named:
            mentions.append(_Mention(pieces[0][0], pieces[-1][1], " ".join(words.split()), named[kind]))
        elif kind not in ignored:
            known = ", ".join(sorted({*named, *ignored}))
            raise SelfspecError(
                place, f"unknown type '{kind}'", f"declare it with 'types' or 'ignored'; known: {known}"
            )
    return sorted(mentions, key=lambda mention: (mention.start, -mention.end))


def _lines(source: Path, text: str, mentions: list[_Mention]) -> Iterator[tuple[str, str, list[_Mention]]]:
    """Name, text and mentions of each line."""
    start = 0
    for number, line in enumerate(text.split("\n"), start=1):
        end = start + len(line)
        inside = [mention for mention in mentions if start <= mention.start <= end]
        outside = next((mention for mention in inside if mention.end > end), None)
        if outside is not None:
            reason = f"'{outside.text:.60}' goes on in the next line"
            raise SelfspecError(f"{source}:{number}", reason, "give the reader 'item: document'")
        yield f":{number}", line, inside
        start = end + 1
