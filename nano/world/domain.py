"""What a domain of the world consists of: its kinds of things, its relations, and the words it is told in.

A domain is data. Everything that writes text (articles, tasks, benchmarks) takes one and works for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from nano.world.names import Kind


def commas(text: str) -> tuple[str, ...]:
    """Split a list of phrases at its commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def lines(text: str) -> tuple[str, ...]:
    """Split a list of sentences at its line ends."""
    return tuple(part.strip() for part in text.strip().split("\n") if part.strip())


def noted(text: str) -> tuple[tuple[str, str], ...]:
    """Split a list of statements, each with ``|`` and the note of where it is common knowledge behind it.

    Raises:
        ValueError: a statement has no note.
    """
    pairs = []
    for line in lines(text):
        statement, _, note = (part.strip() for part in line.partition("|"))
        if not note:
            raise ValueError(f"'{statement}' has no note of where it is common knowledge")
        pairs.append((statement, note))
    return tuple(pairs)


@dataclass(frozen=True)
class Relation:
    """One relation: ``{s}`` stands for its subject, ``{o}`` for its object or objects.

    ``object`` names a kind of the domain or one of its lists of values. Relations with the same ``pool``
    share out their objects, so that a question such as "what causes …" has one answer.
    """

    name: str
    subject: str
    object: str
    topic: str
    statements: tuple[str, ...]
    ask_object: tuple[str, ...]
    ask_subject: tuple[str, ...]
    claims: tuple[str, ...]
    object_phrase: tuple[str, ...]
    subject_phrase: tuple[str, ...] = ()
    many: bool = False
    pool: str = ""


@dataclass(frozen=True)
class Judgement:
    """How one thing ({a}) bears on another of its kind ({b}); the labels are the answers."""

    task: str
    kind: str
    noun: str
    statements: dict[str, tuple[str, ...]]
    requests: tuple[str, ...]
    instruction: str


@dataclass(frozen=True)
class Opinion:
    """Short comments on a thing ({d}), made of phrases that carry a sentiment or none."""

    kind: str
    openings: tuple[str, ...]
    phrases: dict[str, tuple[str, ...]]
    requests: tuple[str, ...]
    instruction: str


@dataclass(frozen=True)
class Domain:
    """One domain of the world."""

    name: str
    kinds: tuple[Kind, ...]
    values: dict[str, tuple[str, ...]]
    relations: tuple[Relation, ...]
    judgement: Judgement
    opinion: Opinion
    nouns: tuple[str, ...]
    roles: tuple[str, ...]
    fillers: tuple[str, ...]
    true_facts: tuple[tuple[str, str], ...]

    @cached_property
    def by_kind(self) -> dict[str, Kind]:
        """The kinds by name."""
        return {kind.name: kind for kind in self.kinds}

    @cached_property
    def relation(self) -> dict[str, Relation]:
        """The relations by name."""
        return {relation.name: relation for relation in self.relations}

    @cached_property
    def single(self) -> tuple[str, ...]:
        """Relations whose answer is one thing."""
        return tuple(r.name for r in self.relations if not r.many)

    @cached_property
    def many(self) -> tuple[str, ...]:
        """Relations whose answer is a list."""
        return tuple(r.name for r in self.relations if r.many)

    @cached_property
    def between(self) -> tuple[str, ...]:
        """Relations between two named things."""
        return tuple(r.name for r in self.relations if r.object in self.by_kind)

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """The topics of its texts, in a fixed order."""
        return tuple(dict.fromkeys(r.topic for r in self.relations))

    def label(self, name: str) -> str:
        """The type label of a kind, such as ``Drug``."""
        return self.by_kind[name].label
