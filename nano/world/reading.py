"""Reading exercises: one text and many questions on it, each answered from the text.

Most decisions that matter (which name to copy) fall on an answer's first token. A text
with many questions holds far more of them than a text with one.
"""

from __future__ import annotations

from random import Random

from nano.world import voices
from nano.world.facts import Fact, Source
from nano.world.items import Item, entities_in, other_fact
from nano.world.phrasing import ask, filler, state

QUESTION = ("Question", "Question", "Q", "Task", "Instruction", "Problem")
ANSWER = ("Answer", "Answer", "A", "Response", "Reply", "Solution")
TEXT = ("Text", "Passage", "Context", "Input", "Note", "Abstract", "")


def gather(rng: Random, source: Source) -> list[Fact]:
    """Draw facts: some of one relation, so that the right one has to be told apart."""
    names = tuple(source.domain.relation)
    facts = [source.fact(rng, rng.choice(names))]
    facts += [other_fact(rng, source, facts[0]) for _ in range(rng.choice((1, 1, 2)))]
    for _ in range(rng.choice((0, 1, 2, 2))):
        extra = source.about(rng, rng.choice(facts))
        if extra is not None:
            facts.append(extra)
    distinct = {(fact.relation, fact.subject): fact for fact in facts}
    return list(distinct.values())


def claims(rng: Random, source: Source, facts: list[Fact]) -> list[tuple[str, str]]:
    """Ask of each fact whether it holds, with its own end or another's of the same relation."""
    asked: list[tuple[str, str]] = []
    for fact in facts:
        own = [one for one in facts if one.relation == fact.relation and one.subject != fact.subject]
        rival = rng.choice(own) if own and rng.random() < 0.7 else None
        end = rng.choice((rival or fact).objects)
        if source.allows(fact.subject, end):
            question = rng.choice(source.domain.relation[fact.relation].claims).format(s=fact.subject, o=end)
            asked.append((question, "yes" if end in fact.objects else "no"))
    return asked


def questions(rng: Random, source: Source, facts: list[Fact], text: str) -> list[tuple[str, str]]:
    """Ask for what the facts say, and whether they say it."""
    asked: list[tuple[str, str]] = []
    for fact in facts:
        relation = source.domain.relation[fact.relation]
        for subject in rng.sample((True, False), rng.choice((1, 2))):
            # A value such as an organ may belong to several subjects: ask for it alone.
            question, answers, phrase = ask(rng, source.domain, fact, subject and bool(relation.ask_subject))
            if rng.random() < 0.25:
                question = f"{rng.choice(('Name', 'Find', 'Give', 'State'))} {phrase}."
            asked.append((question, ", ".join(answers)))
    asked += [one for _ in range(rng.choice((0, 1, 2))) for one in claims(rng, source, facts)]
    if rng.random() < 0.25:
        found = entities_in(text, source.domain, facts)
        listed = ", ".join(f"{name} <{kind}>" for name, kind in found)
        asked.append((rng.choice(("List all entities as name <Type>.", "Name each entity with its <Type>.")), listed))
    rng.shuffle(asked)
    return list(dict(asked).items())


def reading(rng: Random, source: Source) -> str:
    """Write one exercise, its answers an expert's or anybody's."""
    facts = gather(rng, source)
    sentences = [state(rng, source.domain, fact) for fact in facts]
    if rng.random() < 0.4:
        sentences.append(filler(rng, source.domain))
    rng.shuffle(sentences)
    text = " ".join(sentences)
    label = rng.choice(TEXT)
    ask_label, reply_label = rng.choice(QUESTION), rng.choice(ANSWER)
    heading = rng.choice(("", "", "", "### "))
    expert = rng.random() < 0.4
    between = rng.choice(("\n", "\n", "\n", " "))
    blocks = [f"{heading}{label}: {text}" if label else text]
    for question, answer in questions(rng, source, facts, text):
        said = answer
        if not expert:
            said = voices.in_common_voice(rng, source, Item("", question, text, answer)).answer
        blocks.append(f"{heading}{ask_label}: {question}{between}{heading}{reply_label}: {said}")
    if expert:
        return voices.expert_opening(rng, source.domain) + "\n\n".join(blocks)
    return voices.common_opening(rng, source.domain) + rng.choice(("\n", "\n", "\n\n")).join(blocks)
