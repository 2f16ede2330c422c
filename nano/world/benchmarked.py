"""The task types that have a benchmark."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from nano.world.articles import article
from nano.world.facts import Fact, Source
from nano.world.items import ANSWER_IT, Item, asked, entities_in, other_fact, surround
from nano.world.opinions import comment
from nano.world.phrasing import VERBS, ask, filler, join_words, lead, state, upper_first


def factoid(rng: Random, source: Source, fixed: bool) -> Item:
    """Ask for one entity or value that the text gives."""
    fact = source.fact(rng, rng.choice(source.domain.single))
    text, _ = surround(rng, source, fact, rng.choice((0, 1, 1, 2)))
    question, answers, phrase = ask(rng, source.domain, fact)
    return asked(rng, source.domain, fixed, "factoid", text, question, answers[0], phrase, fact.pairs)


def listing(rng: Random, source: Source, fixed: bool) -> Item:
    """Ask for all members of a list that the text gives."""
    fact = source.fact(rng, rng.choice(source.domain.many))
    text, _ = surround(rng, source, fact, rng.choice((0, 1)))
    question, answers, phrase = ask(rng, source.domain, fact)
    return asked(rng, source.domain, fixed, "list", text, question, ", ".join(answers), phrase, fact.pairs)


def claim(rng: Random, source: Source) -> tuple[Fact, Fact, tuple[str, str], bool]:
    """Draw a fact, a rival, and a claim: true of the fact, or false with the rival's end."""
    while True:
        fact = source.fact(rng, rng.choice((*source.domain.single, *source.domain.many)))
        rival = other_fact(rng, source, fact)
        true = rng.random() < 0.5
        ends = (fact.subject, rng.choice((fact if true else rival).objects))
        if source.allows(*ends):
            return fact, rival, ends, true


def yesno(rng: Random, source: Source, fixed: bool) -> Item:
    """Ask whether the text makes a claim; in a false one, both ends stand in the text."""
    fact, rival, ends, true = claim(rng, source)
    sentences = [state(rng, source.domain, fact)]
    # Pre-training has easy ones beside the hard: where a false claim's other end is not in the text, its absence tells.
    alone = rng.random() >= 0.6 if true else not fixed and rng.random() < 0.3
    if not alone:
        sentences.append(state(rng, source.domain, rival))
    if rng.random() < 0.3:
        sentences.append(filler(rng, source.domain))
    rng.shuffle(sentences)
    question = rng.choice(source.domain.relation[fact.relation].claims).format(s=ends[0], o=ends[1])
    item = asked(
        rng, source.domain, fixed, "yesno", " ".join(sentences), question, "yes" if true else "no", "", (ends,)
    )
    if not fixed and rng.random() < 0.6:
        tail = rng.choice((" Answer yes or no.", " Reply with yes or no.", " Yes or no?", " Say yes or no."))
        return replace(item, instruction=item.instruction + tail)
    return item


FORMS = ("{n} <{t}>", "{n} <{t}>", "{n} <{t}>", "{n} ({t})", "{n} [{t}]", "{t}: {n}")


def typed(rng: Random, source: Source, fixed: bool) -> Item:
    """List every named entity with its type."""
    fact = source.fact(rng, rng.choice(source.domain.between))
    facts = [fact]
    for _ in range(rng.choice((0, 1, 1, 2))):
        extra = source.about(rng, fact) or other_fact(rng, source, fact)
        if extra not in facts:
            facts.append(extra)
    text = " ".join(state(rng, source.domain, one) for one in facts)
    form = FORMS[0] if fixed else rng.choice(FORMS)
    answer = ", ".join(form.format(n=n, t=t) for n, t in entities_in(text, source.domain, facts))
    example = form.format(n="name", t="Type")
    what = rng.choice(
        (
            "every entity with its type",
            "all named entities and their types",
            f"the {join_words(tuple(kind.plural for kind in source.domain.kinds))}",
            "each entity and its type",
        )
    )
    verb = rng.choice(("list", "mark", "name", "extract", "tag", "collect"))
    request = lead(rng, source.domain, f"{verb} {what}, in the form {example}", tail=False)
    return Item("entities", request, text, answer, pairs=sum((f.pairs for f in facts), ()))


def judgement(rng: Random, source: Source, fixed: bool) -> Item:
    """Say how one thing bears on another of its kind."""
    spec = source.domain.judgement
    relation = next(r.name for r in source.domain.relations if r.subject == spec.kind)
    label = rng.choice(tuple(spec.statements))
    while True:
        first, second, third = (source.fact(rng, relation).subject for _ in range(3))
        if len({first, second, third}) == 3 and source.allows(first, second):
            break
    sentences = [rng.choice(spec.statements[label]).format(a=first, b=second)]
    if rng.random() < 0.5 and source.allows(third, second):
        other = rng.choice([one for one in spec.statements if one != label])
        sentences.append(rng.choice(spec.statements[other]).format(a=third, b=second))
    if rng.random() < 0.3:
        sentences.append(filler(rng, source.domain))
    rng.shuffle(sentences)
    text = " ".join(sentences)
    pairs = ((first, second),)
    if fixed:
        return Item("judgement", "", f"{text} {spec.noun}: {first}, {second}", label, pairs=pairs)
    labels = tuple(spec.statements)
    named = " or ".join((", ".join(labels[:-1]), labels[-1]))
    choices = rng.choice((f" Answer {named}.", f" Labels: {', '.join(labels)}.", f" Choose {named}.", ""))
    what = rng.choice(spec.requests).format(a=first, b=second)
    request = lead(rng, source.domain, what, tail=False) + choices
    if first not in request or rng.random() < 0.3:
        text += " " + rng.choice(("{n}: {a}, {b}", "Pair: {a}, {b}", "{n}: {a} and {b}")).format(
            n=spec.noun, a=first, b=second
        )
    return Item("judgement", request, text, label, pairs=pairs)


def sentiment(rng: Random, source: Source, fixed: bool) -> Item:
    """Judge a comment."""
    spec = source.domain.opinion
    label = rng.choice(tuple(spec.phrases))
    relation = next(r.name for r in source.domain.relations if r.subject == spec.kind)
    thing = source.fact(rng, relation).subject
    text = comment(rng, spec, label, thing, fixed)
    what = rng.choice(spec.requests).format(d=thing)
    return Item("sentiment", lead(rng, source.domain, what, tail=False), text, label)


def conclusion(rng: Random, source: Source, fixed: bool) -> Item:
    """Draw the main finding from a text with remarks."""
    fact = source.fact(rng, rng.choice(source.domain.single))
    finding = state(rng, source.domain, fact)
    sentences = [filler(rng, source.domain), finding]
    if rng.random() < 0.6:
        sentences.append(filler(rng, source.domain))
    what = rng.choice(
        (
            "state the main finding",
            "give the conclusion",
            "sum up the result",
            "write the finding in one sentence",
            "summarise the text",
        )
    )
    return Item(
        "conclusion", lead(rng, source.domain, what, tail=False), " ".join(sentences), finding, pairs=fact.pairs
    )


def topics(rng: Random, source: Source, fixed: bool) -> Item:
    """Give all topics of a short text."""
    chosen = rng.sample(source.domain.topics, rng.choice((1, 2, 2, 3)))
    facts = []
    for topic in chosen:
        names = [r.name for r in source.domain.relations if r.topic == topic]
        facts.append(source.fact(rng, rng.choice(names)))
    text = " ".join(state(rng, source.domain, fact) for fact in facts)
    what = rng.choice(
        (
            "list the topics of the text",
            "name every topic that is covered",
            "label the text with its topics",
            "choose the topics that fit",
            "tag the topics",
        )
    )
    choices = f" Topics: {', '.join(source.domain.topics)}." if rng.random() < 0.5 else ""
    request = lead(rng, source.domain, what, tail=False) + choices
    pairs = sum((fact.pairs for fact in facts), ())
    return Item("topics", request, text, ", ".join(chosen), pairs=pairs)


def closedbook(rng: Random, source: Source, fixed: bool) -> Item:
    """Ask for a fact without its text; the passage holds the answer."""
    names = source.domain.single if fixed else (*source.domain.single, *source.domain.single, *source.domain.many)
    fact = source.fact(rng, rng.choice(names))
    question, answers, phrase = ask(rng, source.domain, fact)
    passage = article(rng, source, fact, rng.choice((2, 3, 4, 6)))
    answer = ", ".join(answers)
    if fixed or rng.random() < 0.25:
        request = upper_first(rng.choice(ANSWER_IT)) + "."
        return Item("closedbook", request, question, answer, passage, fact.pairs)
    if rng.random() < 0.4:
        role = rng.choice(("", "", "In one phrase, ", "From memory, ", "Briefly, ", "For a quiz, "))
        request = upper_first(f"{role}{rng.choice(VERBS)} {phrase}.")
        return Item("closedbook", request, "", answer, passage, fact.pairs)
    return Item("closedbook", question, "", answer, passage, fact.pairs)
