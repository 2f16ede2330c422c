"""Tasks that begin with a stretch of the corpus (``instructions.inputs: corpus``).

A small model that writes a task from nothing writes nonsense: its input is about no thing, or is a copy of a seed's.
Given the seeds' instruction, their layout of input and a real text of the field, it has only the rest to write: the
question about the text, or nothing at all. It is what Section 3.2 does (a task from three seeds), on known ground.
"""

import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import regex

from selfspec_assets.base.words import count_words, first_words
from selfspec_assets.method.prompts import Example
from selfspec_assets.packs.corpora.documents import Document

MOST_WORDS = 80  # of a stretch
ABOVE_WORDS = 50  # of one that stands above a task: there is no seed's to go by
DRAWS = 12  # documents that a request may draw before it takes the last one's beginning
_LABEL = re.compile(r"(?P<label>[^\W\d_][\w -]{0,30}):(?=\s|$)", re.MULTILINE)
# After a word of three letters or more, a year or a bracket: not after "St." or "c.".
_SENTENCE_END = regex.compile(
    r"""(?<= [^\W\d_]{3}\. | [!?] | \d\d\. | [)\]"”'’]\. | [.!?][)"”'’] ) \s+ (?= ["“'‘(]?[\p{Lu}\p{Lo}\d] )
    | (?<= [。！？] ) | \n+""",
    regex.VERBOSE,
)


class Shown(Example, Protocol):
    """A seed that a list of tasks shows."""

    @property
    def demonstrates(self) -> str: ...
    @property
    def passage(self) -> str: ...


class Beginning(NamedTuple):
    """How a task begins that the model is to complete.

    Attributes:
        instruction: of a seed.
        passage: a text that the model sees between instruction and input, and that is no part of the task; "" if none.
        input: as much of it as is given. It ends with the label that the model goes on from, or with a line end where
            nothing is missing.
        document: the id of the document that the text is from.
        labels: those of the input's layout.
    """

    instruction: str
    passage: str
    input: str
    document: str
    labels: list[str]

    @property
    def task(self) -> str:
        """What the task holds of it, as an entry of the list."""
        return f"{self.instruction}\nInput: {self.input}".rstrip(" ")

    @property
    def shown(self) -> str:
        """What the model goes on from: the task with its passage."""
        passage = f"Passage: {self.passage}\n" if self.passage else ""
        return f"{self.instruction}\n{passage}Input: {self.input}".rstrip(" ")

    @property
    def is_complete(self) -> bool:
        """Whether the model has nothing to add."""
        return self.input.endswith("\n")


def begin_task(
    instruction: str, shown: Sequence[Shown], corpus: Sequence[Document], drawing: random.Random
) -> Beginning:
    """The beginning of one task of the type that ``shown`` are of.

    The input's layout is that of the seeds: the labels that all of them have, in their order (``Context:``, then
    ``Question:``). Where the seeds are of ``passage: input``, the stretch stands behind the first one, and the model
    goes on after the second, or has nothing to add where there is none. With ``passage: above`` it writes the whole
    input, and the stretch stands between instruction and input.

    Args:
        instruction: which instruction the task has.
        shown: seeds of one type; their ``passage`` is that of the last.
        corpus: at least one document.
        drawing: decides the document and the stretch.
    """
    inputs = [seed.input for seed in shown]
    labels = common_labels(inputs)
    first = f"{labels[0]}:" if labels else ""
    texts = [_first_part(text, labels) for text in inputs]
    if shown[-1].passage == "above":
        document, stretch = _draw(corpus, ABOVE_WORDS, False, drawing)
        title = f"{document.title}. " if document.title else ""
        return Beginning(instruction, f"{title}{stretch}", first, document.id, labels)
    wanted = count_words(drawing.choice(texts)) if texts else 1
    needs_figure = bool(texts) and all(re.search(r"\d", text) for text in texts)
    document, stretch = _draw(corpus, wanted, needs_figure, drawing)
    given = f"{first} {stretch}".lstrip()
    rest = f"{labels[1]}:" if len(labels) > 1 else ""
    return Beginning(instruction, "", f"{given}\n{rest}", document.id, labels)


def common_labels(inputs: Sequence[str]) -> list[str]:
    """The labels that begin a line of every input, in the order of the first one.

    >>> common_labels(["Text: A goal.\\nTarget: Meteors", "Text: It rains: a lot.\\nTarget: Swifts"])
    ['Text', 'Target']
    """
    found = [[match["label"] for match in _LABEL.finditer(text) if _begins_line(text, match)] for text in inputs]
    return [label for label in dict.fromkeys(found[0]) if all(label in labels for labels in found)] if found else []


def _begins_line(text: str, match: re.Match[str]) -> bool:
    return match.start() == 0 or text[match.start() - 1] == "\n"


def _first_part(text: str, labels: Sequence[str]) -> str:
    """What stands behind the first label, up to the second."""
    if labels:
        text = text.split(f"{labels[0]}:", 1)[-1]
    if len(labels) > 1:
        text = text.split(f"\n{labels[1]}:", 1)[0]
    return text.strip()


def _draw(corpus: Sequence[Document], wanted: int, needs_figure: bool, drawing: random.Random) -> tuple[Document, str]:
    """A document and some ``wanted`` words of it, with a figure in them if one is needed and can be had."""
    for _ in range(DRAWS):
        document = corpus[drawing.randrange(len(corpus))]
        sentences = list(sentences_of(document.text))
        stretches = [_stretch(sentences[begin:], wanted) for begin in range(len(sentences))]
        fitting = [
            stretch
            for stretch in stretches
            if 4 <= count_words(stretch) <= MOST_WORDS and (not needs_figure or re.search(r"\d", stretch))
        ]
        if fitting:
            return document, drawing.choice(fitting)
    return document, first_words(document.text, wanted)


def _stretch(sentences: Sequence[str], wanted: int) -> str:
    """Whole sentences until there are ``wanted`` words, at most ``MOST_WORDS``, but the first in any case."""
    taken: list[str] = []
    for sentence in sentences:
        if taken and count_words(" ".join(taken)) >= wanted:
            break
        if taken and count_words(" ".join((*taken, sentence))) > MOST_WORDS:
            break
        taken.append(sentence)
    return " ".join(taken)


def sentences_of(text: str) -> Iterator[str]:
    """The sentences of a text, roughly: an abbreviation of one or two letters ends none.

    >>> list(sentences_of("It began in 1902. St. Moritz was first. Was it?"))
    ['It began in 1902.', 'St. Moritz was first.', 'Was it?']
    """
    ends = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    for begin, end in pairwise(ends):
        sentence = " ".join(text[begin:end].split())
        if sentence:
            yield sentence
