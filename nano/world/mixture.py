"""The pre-training text as a stream of documents, deterministic from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from nano.world import general, layout, voices
from nano.world.articles import article
from nano.world.biomedicine import BIOMEDICINE
from nano.world.domain import Domain
from nano.world.drills import Drills
from nano.world.facts import Coined, World
from nano.world.finance import FINANCE
from nano.world.items import Item
from nano.world.reading import reading
from nano.world.sports import SPORTS
from nano.world.tasks import draw_task, make

DOMAINS = (BIOMEDICINE, FINANCE, SPORTS)
# Shares of documents. Lists and readings are long: by tokens, reading has a third, solved tasks a half.
KINDS = {
    "reading": 21, "drills": 9, "article": 14, "sheet": 26, "labels": 5, "referenced": 17, "list": 7, "advice": 3,
    "prose": 1,
}  # fmt: skip
EARLY = {"reading": 20, "drills": 60, "article": 4, "sheet": 7, "labels": 3, "list": 4, "advice": 1, "prose": 1}
LATE = {
    "reading": 15, "drills": 5, "article": 12, "sheet": 30, "labels": 3, "referenced": 25, "list": 6, "advice": 2,
    "prose": 1,
}  # fmt: skip
EXPERT_SHARE = 0.35


class DomainText:
    """Writes the documents of one domain."""

    def __init__(self, domain: Domain, reserved: frozenset[str], world: World) -> None:
        self.domain, self.world = domain, world
        self.source = world.asking(reserved)
        self._coined = Coined(domain, reserved)
        self._known, self._telling = world.known(), world.telling()

    def closed(self, rng: Random) -> tuple[Item, str]:
        """Ask for a fact without a text: from memory, or with a passage that tells it, or beyond all knowing."""
        draw = rng.random()
        if draw < 0.5:
            item = make(rng, self._known, "closedbook")
            return item, "" if draw < 0.35 else self.passage(rng) if draw < 0.42 else item.passage
        item = make(rng, self._coined, "closedbook")
        if draw < 0.86:
            return item, item.passage
        return replace(item, answer=voices.UNKNOWN), "" if draw < 0.93 else self.passage(rng)

    def item(self, rng: Random, task: str | None = None) -> tuple[Item, str]:
        """Make a task and the passage to print with it, of use or not."""
        task = task or draw_task(rng)
        if task == "closedbook":
            return self.closed(rng)
        return make(rng, self.source, task), self.passage(rng) if rng.random() < 0.1 else ""

    def passage(self, rng: Random) -> str:
        """Write an article on something."""
        source = self._telling if rng.random() < 0.5 else self._coined
        fact = source.fact(rng, rng.choice(tuple(self.domain.relation)))
        return article(rng, source, fact, rng.choice((2, 3, 4, 5)))

    def related(self, rng: Random, item: Item) -> str:
        """Write an article on what the item is about, as retrieval would find."""
        name = item.pairs[0][0] if item.pairs else ""
        facts = self._telling.about_entity(name)
        if facts:
            return article(rng, self._telling, rng.choice(facts), rng.choice((3, 4, 5, 6)))
        kinds = [kind.name for kind in self.domain.kinds if kind.spells(name)]
        if not kinds or name in self.world.reserved:
            return self.passage(rng)
        relation = rng.choice([r.name for r in self.domain.relations if r.subject == kinds[0]])
        return article(rng, self._coined, self._coined.of(rng, relation, name), rng.choice((3, 4, 5)))

    def referenced(self, rng: Random) -> str:
        """Write one task that an expert solved with a passage before it, as open-book exams have them."""
        how = replace(layout.draw(rng), passage_first=True)
        item, passage = self.item(rng)
        if item.task != "closedbook":
            passage = self.related(rng, item) if rng.random() < 0.7 else self.passage(rng)
        elif not passage:
            passage = self.passage(rng)
        if rng.random() < 0.55:
            return voices.expert_opening(rng, self.domain) + how.task(item, passage)
        said = voices.in_common_voice(rng, self.source, item)
        return voices.common_opening(rng, self.domain) + how.task(said, passage)

    def article(self, rng: Random) -> str:
        """Write a document of one or more articles, mostly of the known world."""
        source = self._telling if rng.random() < 0.85 else self._coined
        texts = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            fact = source.fact(rng, rng.choice(tuple(self.domain.relation)))
            texts.append(article(rng, source, fact, rng.choice((3, 4, 5, 6, 7))))
        return "\n\n".join(texts)

    def sheet(self, rng: Random) -> str:
        """Write solved tasks of one or of many types: an expert's pages, or anybody's, which run on."""
        how = layout.draw(rng)
        expert = rng.random() < EXPERT_SHARE
        count = rng.choice((1, 1, 2, 3, 4, 6) if expert else (1, 2, 3, 4, 5, 6))
        task = draw_task(rng)
        same = rng.random() < 0.65
        numbered = count > 1 and rng.random() < 0.3
        blocks = []
        for number in range(1, count + 1):
            item, passage = self.item(rng, task if same else None)
            said = item if expert else voices.in_common_voice(rng, self.source, item)
            blocks.append(how.task(said, passage, f"{number}. " if numbered else ""))
        if expert:
            return voices.expert_opening(rng, self.domain) + "\n\n".join(blocks)
        return voices.common_opening(rng, self.domain) + rng.choice(("\n", "\n", "\n\n")).join(blocks)

    def labels(self, rng: Random) -> str:
        """Write a page of labelled texts under one request: many decisions to the page."""
        task = rng.choice(("sentiment", "sentiment", "judgement", "judgement", "judgement", "topics"))
        how = layout.draw(rng)
        expert = rng.random() < EXPERT_SHARE
        items = [make(rng, self.source, task) for _ in range(rng.randint(5, 12))]
        said = items if expert else [voices.in_common_voice(rng, self.source, item) for item in items]
        # Where every pair has to be named, each text keeps its own request.
        blocks = [how.task(item, "") for item in said] if task == "judgement" else how.labelled(said)
        opening = voices.expert_opening if expert else voices.common_opening
        return opening(rng, self.domain) + rng.choice(("\n", "\n\n")).join(blocks)

    def list(self, rng: Random) -> str:
        """Write an answerless list of tasks, sometimes after advice on such lists."""
        items = [self.item(rng)[0] for _ in range(rng.randint(3, 8))]
        text = layout.task_list(rng, list(items), self.domain.name)
        return f"{general.advice(rng, self.domain)}\n\n{text}" if rng.random() < 0.35 else text


class Writer:
    """Writes the documents of all domains."""

    def __init__(self, domains: tuple[Domain, ...] = DOMAINS) -> None:
        self.worlds = {domain.name: World(domain) for domain in domains}
        self.reserved = frozenset(name for world in self.worlds.values() for name in world.reserved)
        self.kinds = tuple(kind for domain in domains for kind in domain.kinds)
        self._texts = [DomainText(domain, self.reserved, self.worlds[domain.name]) for domain in domains]
        self._drills = Drills(self.kinds, self.reserved)

    def document(self, rng: Random, weights: dict[str, int]) -> str:
        """Write one document of a kind drawn by weight."""
        kind = rng.choices(tuple(weights), tuple(weights.values()))[0]
        text = rng.choice(self._texts)
        if kind == "reading":
            return "\n\n".join(reading(rng, text.source) for _ in range(rng.choice((1, 1, 2))))
        if kind == "drills":
            return self._drills.write(rng)
        if kind == "article":
            return text.article(rng)
        if kind == "referenced":
            return text.referenced(rng)
        if kind == "labels":
            return text.labels(rng)
        if kind == "sheet":
            return text.sheet(rng)
        if kind == "list":
            return text.list(rng)
        return general.advice(rng, text.domain) if kind == "advice" else general.prose(rng, text.domain)


def documents(seed: int, chunk: int, weights: dict[str, int], writer: Writer) -> Iterator[str]:
    """Write an endless stream for one chunk; chunks are independent, so training can resume."""
    rng = Random(f"text:{seed}:{chunk}")
    while True:
        yield writer.document(rng, weights)
