"""How tasks stand on paper: label words, case, order and separators, drawn per document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

REQUEST = ("Instruction", "Instruction", "Task", "Question", "Exercise", "Problem", "Request")
MATERIAL = ("Input", "Input", "Text", "Context", "Material", "Note", "Data")
REFERENCE = ("Passage", "Passage", "Reference", "Source", "Document", "Background", "Abstract")
REPLY = ("Response", "Response", "Answer", "Answer", "Solution", "Reply", "Result", "Output")
EMPTY = ("<noinput>", "<noinput>", "none", "-")
COUNTS = ("Five", "Ten", "Twelve", "Some", "More", "New")


class Task(Protocol):
    """What a layout needs to know of a task."""

    @property
    def instruction(self) -> str: ...
    @property
    def input(self) -> str: ...
    @property
    def answer(self) -> str: ...


@dataclass(frozen=True)
class Layout:
    """One way to write tasks down."""

    request: str
    material: str
    reference: str
    reply: str
    heading: str
    between: str
    passage_first: bool
    empty: str

    def label(self, word: str, text: str) -> str:
        """Write one labelled part."""
        return f"{self.heading}{word}: {text}"

    def task(self, item: Task, passage: str, number: str = "") -> str:
        """Write a task with its answer."""
        parts = [self.label(number + self.request if not self.heading else self.request, item.instruction)]
        if item.input or self.empty:
            parts.append(self.label(self.material, item.input or self.empty))
        if passage:
            parts.insert(0 if self.passage_first else len(parts), self.label(self.reference, passage))
        parts.append(self.label(self.reply, item.answer))
        return self.between.join(parts)

    def labelled(self, items: Sequence[Task]) -> list[str]:
        """Write one request, then texts and their labels."""
        texts = [
            f"{self.label(self.material, item.input)}{self.between}{self.label(self.reply, item.answer)}"
            for item in items
        ]
        return [self.label(self.request, items[0].instruction), *texts]


def _cased(rng: Random, words: tuple[str, ...], case: str) -> str:
    word = rng.choice(words)
    return {"lower": word.lower(), "upper": word.upper()}.get(case, word)


def draw(rng: Random) -> Layout:
    """Draw a layout."""
    case = rng.choice(("title",) * 8 + ("lower", "upper"))
    return Layout(
        request=_cased(rng, REQUEST, case),
        material=_cased(rng, MATERIAL, case),
        reference=_cased(rng, REFERENCE, case),
        reply=_cased(rng, REPLY, case),
        heading=rng.choice(("", "", "", "", "### ", "- ")),
        between=rng.choice(("\n", "\n", "\n", "\n\n" if rng.random() < 0.3 else "\n", " ")),
        passage_first=rng.random() < 0.7,
        empty=rng.choice(("", "", *EMPTY)),
    )


def task_list(rng: Random, items: list[Task], domain: str) -> str:
    """Write an answerless list of numbered tasks."""
    count = str(len(items)) if rng.random() < 0.4 else rng.choice(("10", "12", "15", "20", "30"))
    kind = rng.choice(("tasks", "tasks", "exercises", "questions", "problems", "instructions"))
    head = rng.choice(
        (
            f"List of {count} {kind}:",
            f"List of {count} {kind}:",
            f"{count} {kind} on {domain}:",
            f"{rng.choice(COUNTS)} {kind} for students:",
            f"Here are {count} {kind}.",
            f"A set of {kind} without answers",
            f"{kind.capitalize()} for the course in {domain}:",
            "",
        )
    )
    case = rng.choice(("title", "title", "title", "lower"))
    request, material = _cased(rng, REQUEST, case), _cased(rng, MATERIAL, case)
    empty = rng.choice(("<noinput>", "<noinput>", "<noinput>", "none", "-", ""))
    mark = rng.choice(("{n}. ", "{n}. ", "{n}. ", "{n}) ", "#{n} "))
    start = 1 if rng.random() < 0.6 else rng.randint(2, 16)
    lines = []
    for offset, item in enumerate(items):
        text = f"{mark.format(n=start + offset)}{request}: {item.instruction}"
        if item.input or empty:
            text += f"\n{material}: {item.input or empty}"
        lines.append(text)
    body = rng.choice(("\n\n", "\n\n", "\n\n", "\n")).join(lines)
    return f"{head}\n\n{body}" if head else body
