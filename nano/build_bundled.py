"""Writes the bundled data of the packs: ``python -m nano.build_bundled``.

Corpus, benchmarks (test, dev and train) and seeds of each domain follow from one seed. Benchmarks ask for facts
that pre-training never tells, the closed-book one for facts that it tells and never asks; the corpus tells all.
The splits of a domain are by fact: what is scored is asked for nowhere else.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from nano.world.articles import body, title_of
from nano.world.domain import Domain
from nano.world.facts import Coined, Fact, Told, World
from nano.world.items import Item
from nano.world.mixture import DOMAINS
from nano.world.phrasing import join_words
from nano.world.tasks import BENCHMARKED, OTHERS

SEED = 11
TEST, DEV, TRAIN = 100, 30, 100
SEEDS_EACH, SEEDS_OTHER = 6, 5
SHORTEST, LONGEST = 40, 110
PACKS = Path(__file__).resolve().parent.parent / "domains"
Row = dict[str, Any]
# What an item asks about, to be compared with what another one does.
Asked = frozenset[tuple[str, ...]]


def instructions(domain: Domain) -> dict[str, str]:
    """The instruction of each benchmark, by name."""
    listed = join_words(tuple(kind.label.lower() for kind in domain.kinds))
    return {
        "factoid": "Answer the question with a name or short phrase from the text.",
        "yesno": "Answer the question about the text with yes or no.",
        "list": "Answer the question with all items that the text names, separated by commas.",
        "entities": f"List every {listed} in the text, in the form name <Type>.",
        "judgement": domain.judgement.instruction,
        "sentiment": domain.opinion.instruction,
        "topics": f"List the topics of the text. Choose from {join_words(domain.topics)}.",
        "conclusion": "State the main finding of the text in one sentence.",
        "closedbook": f"Answer the question about {domain.name} with a name or short phrase.",
    }


def benchmark_name(domain: Domain, task: str) -> str:
    """What a task is called in a domain's pack."""
    return domain.judgement.task if task == "judgement" else task


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def corpus(world: World, rng: Random) -> list[Row]:
    """Write an article on each fact of the world, and on half of them a second; nearly all stand in two or more."""
    source = Told(world.domain, world.facts, world.facts, lambda first, second: True)
    rows: list[Row] = []
    for fact in [*world.facts, *rng.sample(world.facts, len(world.facts) // 2)]:
        for sentences in range(5, 12):
            text = body(rng, source, fact, sentences)
            if SHORTEST <= len(text.split()) <= LONGEST:
                break
        rows.append({"title": title_of(rng, fact), "text": text})
    rng.shuffle(rows)
    return [{"id": f"{world.domain.name}-{n:04d}", **row} for n, row in enumerate(rows)]


def generic(domain: Domain, text: str, run: int = 13) -> bool:
    """Whether a run of words holds no name: pre-training may spell it by accident."""
    named = [any(kind.spells(word) for kind in domain.kinds) for word in re.findall(r"\w+", text)]
    return any(not any(named[start : start + run]) for start in range(len(named) - run + 1))


class Nearest:
    """Finds the passage that shares the rarest words with a text.

    The pipeline retrieves with BM25; for the development split's prompts this will do.
    """

    def __init__(self, rows: list[Row]) -> None:
        self._texts = [f"{row['title']}. {row['text']}" for row in rows]
        self._words = [set(words(text)) for text in self._texts]
        counts = Counter(word for one in self._words for word in one)
        self._weight = {word: math.log(len(rows) / n) for word, n in counts.items()}

    def find(self, text: str) -> str:
        """Return the nearest passage."""
        asked = set(words(text))
        scores = [math.fsum(self._weight[w] for w in asked & one) for one in self._words]  # in whatever order
        return self._texts[max(range(len(scores)), key=scores.__getitem__)]


def words(text: str) -> list[str]:
    """Lower-case words and numbers."""
    return re.findall(r"\w+", text.lower())


def labels_of(domain: Domain, task: str) -> int:
    """How many labels a task has, 0 for one with open answers."""
    return {"yesno": 2, "sentiment": len(domain.opinion.phrases), "judgement": len(domain.judgement.statements)}.get(
        task, 0
    )


def asked_about(domain: Domain, item: Item) -> Asked:
    """The pairs that an item asks about; as comments have none, the set of a comment's phrases."""
    if item.pairs:
        return frozenset((min(pair), max(pair)) for pair in item.pairs)
    phrases = (phrase for many in domain.opinion.phrases.values() for phrase in many)
    return frozenset({tuple(sorted(phrase for phrase in phrases if phrase in item.input))})


def benchmark(world: World, task: str, count: int, rng: Random, taken: Asked = frozenset()) -> list[Item]:
    """Make distinct items of one task, each with a pair that pre-training never links; labels in equal number.

    ``taken``: what no item may ask about.
    """
    source = world.benchmark()
    items: dict[str, Item] = {}
    counts: Counter[str] = Counter()
    labels = labels_of(world.domain, task)
    for _ in range(400 * count):
        item = BENCHMARKED[task](rng, source, True)
        full = labels and counts[item.answer] >= -(-count // labels)
        seen = item.input in items or len(item.input.split()) > 70
        # Comments name no pairs: their phrases are held out in themselves.
        told = item.pairs and not any(world.kept_from_training(*pair) for pair in item.pairs)
        if full or seen or told or (item.pairs and generic(world.domain, item.input)):
            continue
        if taken & asked_about(world.domain, item):
            continue
        items[item.input] = item
        counts[item.answer] += 1
        if len(items) == count:
            return list(items.values())
    raise ValueError(f"{world.domain.name}, {task}: only {len(items)} of {count} distinct items")


def closed_items(world: World, facts: list[Fact], rng: Random) -> list[Item]:
    """Ask once for each of the facts, in random order, in words of every form."""
    items = []
    for fact in rng.sample(facts, len(facts)):
        items.append(BENCHMARKED["closedbook"](rng, _One(world.domain, fact), True))
    return items


@dataclass(frozen=True)
class _One:
    """A source with one fact to draw, whatever the relation asked for."""

    domain: Domain
    only: Fact

    def fact(self, rng: Random, relation: str) -> Fact:
        return self.only

    def about(self, rng: Random, fact: Fact) -> Fact | None:
        return None

    def allows(self, first: str, second: str) -> bool:
        return True


@dataclass(frozen=True)
class Splits:
    """One benchmark's items: scored, for choices while building, and labelled ones for the upper bound."""

    test: list[Item]
    dev: list[Item]
    train: list[Item]


def asked_by(domain: Domain, *splits: list[Item]) -> Asked:
    """All that some items ask about."""
    return Asked().union(*(asked_about(domain, item) for items in splits for item in items))


def closed_book(world: World) -> Splits:
    """Make the closed book's items: facts that pre-training never asks for, and for training those that it does."""
    rng = Random(f"benchmark:{SEED}:{world.domain.name}:closedbook")
    told = [fact for fact in world.only_told_facts if fact.relation in world.domain.single]
    asked = [fact for fact in world.asked_facts if fact.relation in world.domain.single]
    items = closed_items(world, told, rng)
    train = closed_items(world, asked, rng)[:TRAIN]
    # Two relations may link the same pair.
    taken = asked_by(world.domain, items[:TEST])
    dev = [item for item in items[TEST:] if not taken & asked_about(world.domain, item)][:DEV]
    return Splits(items[:TEST], dev, train)


def scored_items(world: World, task: str, rng: Random) -> list[Item]:
    """Make the test items of one task on texts."""
    # More are drawn than are kept: fewer would give other test items than those that published scores are of.
    items = benchmark(world, task, TEST + DEV + TRAIN, rng)
    rng.shuffle(items)
    return items[:TEST]


def all_items(world: World) -> dict[str, Splits]:
    """Make every benchmark's items, split by fact over all tasks of the domain.

    No development item asks about what a test item of any task asks about, and no training item about what either does.
    """
    domain, closed = world.domain, closed_book(world)
    rngs = {task: Random(f"benchmark:{SEED}:{domain.name}:{task}") for task in BENCHMARKED if task != "closedbook"}
    test = {task: scored_items(world, task, rng) for task, rng in rngs.items()}
    taken = asked_by(domain, closed.test, *test.values())
    dev = {task: benchmark(world, task, DEV, rng, taken) for task, rng in rngs.items()}
    taken |= asked_by(domain, closed.dev, *dev.values())
    train = {task: benchmark(world, task, TRAIN, rng, taken) for task, rng in rngs.items()}
    return {**{task: Splits(test[task], dev[task], train[task]) for task in rngs}, "closedbook": closed}


def seeds(world: World, rng: Random, reserved: frozenset[str], taken: set[str]) -> list[Row]:
    """Make seeds: short items on coined names, their instructions all worded differently."""
    rows: list[Row] = []
    for task in (*BENCHMARKED, *OTHERS):
        wanted = SEEDS_EACH if task in BENCHMARKED else SEEDS_OTHER
        for item in seed_items(world, task, wanted, rng, reserved, taken):
            name = benchmark_name(world.domain, task)
            rows.append(
                {
                    "id": f"seed-{len(rows):03d}",
                    "task": name,
                    "demonstrates": name,
                    "instruction": item.instruction,
                    "input": item.input,
                    "output": item.answer,
                    "source": "invented world",
                }
            )
    return rows


def seed_items(
    world: World, task: str, wanted: int, rng: Random, reserved: frozenset[str], taken: set[str]
) -> list[Item]:
    """Make one task's seeds; labels alternate, so that few demonstrations show every one of them."""
    source = world.known() if task == "closedbook" else Coined(world.domain, reserved)
    make: Callable[..., Item] = {**BENCHMARKED, **OTHERS}[task]
    labels = labels_of(world.domain, task)
    found: dict[str, Item] = {}
    answers: set[str] = set()
    for tries in range(5000):
        item = make(rng, source, False)
        size = len((item.instruction + " " + item.input).split())
        if size > 48 or item.instruction in found or (item.input or item.instruction) in taken:
            continue
        if task == "entities" and "name <Type>" not in item.instruction:
            continue
        if tries < 400 and item.answer in answers:
            continue
        answers.add(item.answer)
        if len(answers) == labels:
            answers = set()
        found[item.instruction] = item
        if len(found) == wanted:
            return list(found.values())
    raise ValueError(f"{world.domain.name}, {task}: only {len(found)} of {wanted} seeds")


def build(out: Path, domain: Domain, reserved: frozenset[str]) -> None:
    """Write one domain's files into a folder."""
    world = World(domain)
    passages = corpus(world, Random(f"corpus:{SEED}"))
    write(out / "corpus.jsonl", passages)
    nearest = Nearest(passages)
    made = all_items(world)
    told = instructions(domain)
    for task, splits in made.items():
        name = benchmark_name(domain, task)
        for folder, split in (("", splits.test), ("train", splits.train)):
            rows = (
                {"id": f"{name}-{folder}{n:03d}", "input": item.input, "references": [item.answer]}
                for n, item in enumerate(split)
            )
            write(out / "benchmarks" / folder / f"{name}.jsonl", rows)
        dev = (
            {
                "id": f"{name}-dev{n:03d}",
                "instruction": told[task],
                "input": item.input,
                "references": [item.answer],
                "passage": nearest.find(item.input),
            }
            for n, item in enumerate(splits.dev)
        )
        write(out / "benchmarks" / "dev" / f"{name}.jsonl", dev)
    taken = {item.input for splits in made.values() for item in (*splits.test, *splits.dev, *splits.train)}
    write(out / "seeds.jsonl", seeds(world, Random(f"seeds:{SEED}"), reserved, taken))


def main() -> None:
    """Write every pack's files."""
    reserved = frozenset(name for domain in DOMAINS for name in World(domain).reserved)
    for domain in DOMAINS:
        build(PACKS / domain.name / "bundled", domain, reserved)


if __name__ == "__main__":
    main()
