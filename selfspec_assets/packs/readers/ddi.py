"""DDI-2013 XML (Herrero-Zazo et al. 2013): sentences with drugs, and pairs of them that interact or do not."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.files import filled_text
from selfspec_assets.packs.records import Item, Remark

SOURCES = ("DrugBank", "MedLine")  # the folders that each part of the corpus has


@dataclass(frozen=True)
class _Mention:
    """A drug where it stands in its sentence: first and last character of each of its pieces, from 0."""

    text: str
    pieces: tuple[tuple[int, int], ...]

    def stands_in(self, sentence: str) -> bool:
        """Whether the pieces spell the drug's text; white space does not count."""
        spelt = "".join(sentence[first : last + 1] for first, last in self.pieces)
        return "".join(spelt.split()) == "".join(self.text.split())


def ddi(path: Path) -> Iterator[Item | Remark]:
    """A sentence and two of its drugs → "true" or "false".

    ``path`` is one XML file, its root a document or above documents, or a folder of such files, as the corpus comes.
    Binary as in In-BoXBART: the kind of interaction is not asked for. A drug may stand in its sentence more than once,
    so the two mentions that are meant are marked: "[1]Xanol[/1] raises [2]zulin[/2]". Left out with a remark: a pair
    that is asked as another is but has the other answer, and a drug that is not where its charOffset says.

    Raises:
        SelfspecError: not XML, no sentence, a drug outside its sentence, a pair of unknown drugs or without a label; a
            folder that mixes parts of the corpus, or holds a sentence in two files.
    """
    files = _files(path)
    if path.is_dir():
        counts = Counter(str(file.parent.relative_to(path)) for file in files)
        told = ", ".join(f"{count} in {name}" for name, count in counts.items())
        yield Remark("files of a folder read as one", f"{path}: {told}")
    items: list[Item] = []
    for place, sentence in _sentences(files):
        for read in _pairs(place, sentence, _mentions(place, sentence)):
            if isinstance(read, Item):
                items.append(read)
            else:
                yield read
    yield from _decided(items)


def _files(path: Path) -> list[Path]:
    """The XML files, which are of one part of the corpus."""
    if not path.is_dir():
        return [path]
    files = sorted(path.rglob("*.xml"))
    if not files:
        raise SelfspecError(path, "holds no XML file", "put the DDI corpus files there")
    folders = {file.relative_to(path).parent for file in files}
    parts = sorted({str(folder.parent if folder.name in SOURCES else folder) for folder in folders})
    if len(parts) > 1:
        named = ", ".join(f"'{part}'" for part in parts)
        reason = f"mixes files of several parts of the corpus: {named} ('.' is the folder itself)"
        raise SelfspecError(path, reason, "name one part; only the pairs of 'DDI Extraction' and 'Train' are labelled")
    return files


def _sentences(files: Iterable[Path]) -> Iterator[tuple[str, ElementTree.Element]]:
    """Place and element of each sentence; none stands in two files."""
    held: dict[str, Path] = {}
    for file in files:
        sentences = list(_root(file).iter("sentence"))
        if not sentences:
            raise SelfspecError(file, "holds no <sentence>", "give a file of the DDI corpus")
        for sentence in sentences:
            name = sentence.get("id", "?")
            if held.setdefault(name, file) != file and name != "?":
                reason = f"sentence '{name}' stands in {held[name]}, too"
                raise SelfspecError(file, reason, "keep the joined file or its parts, not both")
            yield f"{file}: sentence '{name}'", sentence


def _root(file: Path) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(filled_text(file))
    except ElementTree.ParseError as error:
        place = f"{file}:{error.position[0]}"
        raise SelfspecError(place, f"is not valid XML: {error}", "get the file again") from error


def _mentions(place: str, sentence: ElementTree.Element) -> dict[str, _Mention]:
    """Id → drug of a sentence."""
    length = len(sentence.get("text", ""))
    mentions: dict[str, _Mention] = {}
    for entity in sentence.iter("entity"):
        name, offsets = entity.get("id", ""), entity.get("charOffset", "")
        if not name or not entity.get("text"):
            raise SelfspecError(place, "an <entity> lacks id or text", "give it both")
        pieces: list[tuple[int, int]] = []
        for span in offsets.split(";"):  # a broken name has several spans; the last character is included
            start, _, end = span.partition("-")
            if not (start.isdigit() and end.isdigit() and int(start) <= int(end) < length):
                reason = f"entity '{name}' lies at '{offsets}', outside the sentence's {length} characters"
                raise SelfspecError(place, reason, "correct its charOffset")
            pieces.append((int(start), int(end)))
        mentions[name] = _Mention(entity.get("text", ""), tuple(pieces))
    return mentions


def _pairs(place: str, sentence: ElementTree.Element, mentions: dict[str, _Mention]) -> Iterator[Item | Remark]:
    text = sentence.get("text", "")
    for pair in sentence.iter("pair"):
        names, label = (pair.get("e1", ""), pair.get("e2", "")), pair.get("ddi")
        for name in names:
            if name not in mentions:
                reason = f"a <pair> names entity '{name}', which the sentence has not"
                raise SelfspecError(place, reason, "correct e1 or e2")
        if label not in ("true", "false"):
            raise SelfspecError(place, f"pair '{names[0]}' and '{names[1]}' has ddi={label!r}", "use 'true' or 'false'")
        drugs = [mentions[name] for name in names]
        if not all(drug.stands_in(text) for drug in drugs):
            yield Remark("a drug that is not where its charOffset says", ":".join(names), drops=True)
            continue
        asked = f"Sentence: {_marked(text, drugs)}\nDrug 1: {drugs[0].text}\nDrug 2: {drugs[1].text}"
        yield Item(":".join(names), asked, (label,), sentence.get("id", "").rpartition(".s")[0])


def _marked(text: str, drugs: Sequence[_Mention]) -> str:
    """The sentence with [1] and [/1] around each piece of the first drug, [2] and [/2] around those of the second."""
    marks: list[tuple[int, int, int, int, str]] = []
    for number, drug in enumerate(drugs, start=1):
        for first, last in drug.pieces:
            # At one place what ends stands before what begins, and of two pieces the longer one is the outer.
            marks.append((first, 1, -last, number, f"[{number}]"))
            marks.append((last + 1, 0, -first, -number, f"[/{number}]"))
    for place, *_, mark in sorted(marks, reverse=True):
        text = text[:place] + mark + text[place:]
    return " ".join(text.split())


def _decided(items: Sequence[Item]) -> Iterator[Item | Remark]:
    """The items that no other contradicts; where a sentence is repeated, its pairs may be labelled otherwise."""
    answers: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        answers[item.input].update(item.references)
    for item in items:
        if len(answers[item.input]) > 1:
            yield Remark("the same question with another answer", item.item_id, drops=True)
        else:
            yield item
