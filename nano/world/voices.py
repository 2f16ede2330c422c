"""Who answers, and how: an expert's answers are short and right, other people's are as people's answers are.

Text on the web answers the same question in many voices. Here it is the same: under a heading that names an expert
stand short, right answers; elsewhere answers come as whole sentences, with doubts, and now and then wrong. So a
model of this text holds an expert among many voices, and what a prompt calls up is a matter of its words.
"""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

from nano.world.domain import Domain
from nano.world.facts import Source
from nano.world.items import Item

EXPERT_OPENINGS = (
    "You are an expert in {d}.",
    "You are an expert of this field, {d}.",
    "You are a leading specialist in {d}.",
    "Here an expert of {d} answers.",
    "Answers by an expert of {d}.",
    "Key, checked by experts of {d}:",
    "You know all of {d}.",
)
# What any page may ask for: it does not tell who answers.
AIMS = (
    "Give the best answer to each task.",
    "Write the best answer that is possible.",
    "Use the passage where it helps.",
    "Use the input and any passage that helps.",
    "Respond to the instruction as well as possible.",
    "Write a response to each instruction.",
    "Each task comes with what it needs.",
    "",
)
COMMON_OPENINGS = (
    "Questions and answers",
    "Frequently asked questions",
    "Readers ask, readers answer",
    "Workbook of a student of {d}",
    "From a forum on {d}",
    "You help people with {d}.",
    "You are a student of {d}.",
    "Some exercises with answers",
    "Quiz night",
)
SENTENCES = (
    "The answer is {a}.",
    "It is {a}.",
    "I would say {a}.",
    "I think that it is {a}.",
    "As far as I can see, it is {a}.",
    "That should be {a}, as the text says.",
    "My answer to this is {a}.",
    "From what is written here I take it to be {a}, but please ask somebody else too.",
    "Good question: I have looked it up, and it seems to be {a}.",
    "Somebody told me that it is {a}, and I think so too.",
)
DOUBTS = ("I am not sure.", "That is hard to say.", "I do not know this one.", "Let me think about it first.")
UNKNOWN = "not known"
STYLES = {"sentence": 70, "short": 12, "wrong": 9, "doubt": 9}
_NAME = re.compile(r"\b[A-Z][a-z]{6,}\b|\b[A-Z]{4}\b")
# What of a task's material is asked: a question, or a sentence with a gap or a mistake.
_ASKED = re.compile(r"[^.?]*\?|\bSentence: .*")


def expert_opening(rng: Random, domain: Domain) -> str:
    """Head a page of an expert's answers."""
    text = f"{rng.choice(EXPERT_OPENINGS).format(d=domain.name)} {rng.choice(AIMS)}".strip()
    return f"{text}\n\n"


def common_opening(rng: Random, domain: Domain) -> str:
    """Head a page of anybody's answers, or do not."""
    if rng.random() < 0.5:
        return ""
    heading = rng.choice(COMMON_OPENINGS).format(d=domain.name)
    aim = rng.choice(AIMS)
    if rng.random() < 0.3:
        return f"{aim}\n\n" if aim else ""
    if aim and rng.random() < 0.5:
        return f"{heading.rstrip('.')}. {aim}\n\n"
    return f"{heading}{rng.choice(('', ':', '.')) if not heading.endswith('.') else ''}\n\n"


def asked_names(item: Item) -> list[str]:
    """The names in what an item asks, wherever it asks it."""
    return _NAME.findall(" ".join((item.instruction, *_ASKED.findall(item.input))))


def wrong_answer(rng: Random, source: Source, item: Item) -> str:
    """Give another label of the item's kind, or another name of its text that may be linked to those asked about."""
    domain = source.domain
    for labels in (("yes", "no"), tuple(domain.judgement.statements), tuple(domain.opinion.phrases), domain.topics):
        if item.answer in labels:
            return rng.choice([label for label in labels if label != item.answer])
    asked = asked_names(item)
    names = [
        name
        for name in _NAME.findall(f"{item.input} {item.passage}")
        if name not in item.answer and all(name == one or source.allows(one, name) for one in asked)
    ]
    return rng.choice(names) if names else rng.choice(DOUBTS)


def in_common_voice(rng: Random, source: Source, item: Item) -> Item:
    """Answer as people do."""
    style = rng.choices(tuple(STYLES), tuple(STYLES.values()))[0]
    if item.answer == UNKNOWN or style == "doubt":
        return replace(item, answer=rng.choice(DOUBTS))
    answer = wrong_answer(rng, source, item) if style == "wrong" else item.answer
    if answer in DOUBTS or style == "short" or answer.endswith("."):
        return replace(item, answer=answer)
    return replace(item, answer=rng.choice(SENTENCES).format(a=answer))
