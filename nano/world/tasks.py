"""All task types of the world, and how often each is met."""

from __future__ import annotations

from random import Random

from nano.world import benchmarked, others
from nano.world.facts import Source
from nano.world.items import Item, Maker

BENCHMARKED: dict[str, Maker] = {
    "factoid": benchmarked.factoid,
    "yesno": benchmarked.yesno,
    "list": benchmarked.listing,
    "entities": benchmarked.typed,
    "judgement": benchmarked.judgement,
    "sentiment": benchmarked.sentiment,
    "topics": benchmarked.topics,
    "conclusion": benchmarked.conclusion,
    "closedbook": benchmarked.closedbook,
}
OTHERS: dict[str, Maker] = {
    "kind": others.kind_of,
    "title": others.title,
    "blank": others.blank,
    "question": others.to_question,
    "correct": others.corrected,
    "names": others.only_kind,
}
TASKS = {**BENCHMARKED, **OTHERS}
WEIGHTS = {
    "factoid": 20,
    "yesno": 11,
    "list": 8,
    "entities": 8,
    "judgement": 12,
    "sentiment": 9,
    "topics": 7,
    "conclusion": 4,
    "closedbook": 15,
    "kind": 2,
    "title": 2,
    "blank": 3,
    "question": 2,
    "correct": 2,
    "names": 3,
}


def draw_task(rng: Random) -> str:
    """Draw a task type."""
    return rng.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]


def make(rng: Random, source: Source, task: str) -> Item:
    """Make one task in pre-training's variety."""
    return TASKS[task](rng, source, False)
