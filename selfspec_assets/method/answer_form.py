"""What the answers of one type of task have in common, read off its seeds, and what another answer lacks of it. Pure.

A small model answers a question for yes or no with a sentence, and a request for tagged names without tags. The seeds
of the type say what is meant: nothing here knows a task by its name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from selfspec_assets.base.words import words
from selfspec_assets.method.prompts import Example
from selfspec_assets.method.refining import stands_in

FEWEST_SEEDS = 3  # fewer say nothing of a form
ROOM = 2  # an answer may be so many times as long as the longest of the seeds, or as short as the shortest by that
_TAG = re.compile(r"<(?P<name>[^<>\n]{1,40})>")
_PART = re.compile(r"[,;\n]")


@dataclass(frozen=True)
class AnswerForm:
    """What holds of every seed's answer of a type of task.

    Attributes:
        words: the fewest and the most that an answer may have.
        tags: names of the tags, one of which each part ends with; empty where the seeds have none.
        labelled: each part is named in the instruction: "yes", or two of the topics to choose from.
        extracted: each part stands in the input.
        has_figure: there is a digit in it.
    """

    words: tuple[int, int]
    tags: frozenset[str]
    labelled: bool
    extracted: bool
    has_figure: bool

    def fault(self, instruction: str, given: str, answer: str) -> str | None:
        """What of the form an answer lacks; None where it has it all."""
        (fewest, most), length = self.words, len(words(answer))
        if not fewest <= length <= most:
            return "too_long" if length > most else "too_short"
        if self.tags and not all(_tag_of(part) in self.tags for part in _parts(answer)):
            return "without_a_tag"
        if self.labelled and not _all_in(answer, instruction):
            return "none_of_the_labels"
        if self.extracted and not _all_in(answer, given):
            return "not_in_the_input"
        if self.has_figure and not re.search(r"\d", answer):
            return "without_a_figure"
        return None


def form_of(seeds: Sequence[Example]) -> AnswerForm | None:
    """The form of one type's answers; None where fewer than three seeds show it.

    >>> from typing import NamedTuple
    >>> class Line(NamedTuple):
    ...     instruction: str
    ...     input: str
    ...     output: str
    >>> form = form_of([Line("Yes or no?", f"Is {n} even?", said) for n, said in ((2, "yes"), (3, "no"), (4, "yes"))])
    >>> form.fault("Yes or no?", "Is 5 even?", "no"), form.fault("Yes or no?", "Is 5 even?", "odd")
    (None, 'none_of_the_labels')
    """
    if len(seeds) < FEWEST_SEEDS:
        return None
    lengths = [len(words(seed.output)) for seed in seeds]
    tagged = all(_tag_of(part) for seed in seeds for part in _parts(seed.output))
    labelled = all(_all_in(seed.output, seed.instruction) for seed in seeds)
    return AnswerForm(
        words=(min(lengths) // ROOM, max(lengths) * ROOM),
        tags=frozenset(_tag_of(part) for seed in seeds for part in _parts(seed.output)) if tagged else frozenset(),
        labelled=labelled,
        extracted=not labelled and all(_all_in(seed.output, seed.input) for seed in seeds),
        has_figure=all(re.search(r"\d", seed.output) for seed in seeds),
    )


def _parts(answer: str) -> Iterator[str]:
    """What commas, semicolons and line breaks divide."""
    return (part.strip() for part in _PART.split(answer) if part.strip())


def _tag_of(part: str) -> str:
    """The tag that a part ends with; "" where it has none, or more than one."""
    tags = list(_TAG.finditer(part))
    return tags[0]["name"] if len(tags) == 1 and tags[0].end() == len(part) else ""


def _all_in(answer: str, text: str) -> bool:
    """Whether each part, without its tag, stands in the text, word for word."""
    parts = [_TAG.sub("", part) for part in _parts(answer)]
    return bool(parts) and all(stands_in(part, text) for part in parts if words(part))
