"""The root verb and the object of an instruction, and the keywords of an input.

The paper parses instructions for its Figures 6 and 7 without saying with what; models of the usual parsers cannot be
had without a hub. Here the parts of speech that a word can have, and its lemma, come from LemmInflect's lexicon (the
NIH's SPECIALIST lexicon, in the package), and a rule for imperatives takes the place of a parser: the verb is the first
word of the first clause that begins with a base form, the object the last noun of the run that follows it.

What that misses: an object that does not follow at once ("give, in one word, the team"); a clause that begins with a
noun that is also a verb ("Text below …" is known for one, "Reports …" not); a participle taken for part of a noun.
Questions have no imperative: their first question word stands for the verb. Other languages than English are not read.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache

from selfspec_assets.base.words import words

QUESTION = "question"
OTHER = "other form"

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_CLAUSE = re.compile(r"(?<=[:;,])\s+|\s[—–-]\s")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
# "Question:", "Answer options:": of the form, not of the field.
_LABEL = re.compile(r"^\s*[A-Z]\w*(?: \w+)?:", re.MULTILINE)


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BEFORE = _listed("please then now first next finally also and or briefly carefully simply just only")
_PARTICLES = _listed("out up down off over")  # "work out the figure"
_QUESTION_WORDS = _listed("what which who whom whose when where why how")
_AUXILIARIES = _listed(
    "is are was were be been being am do does did has have had can could will would shall should may might must"
)
# Words of closed classes, which end a run of adjectives and nouns; the lexicon lists many of them as nouns, too.
_ENDS = _listed(
    """about above across after against along among around as at before behind below beneath beside besides between
    beyond by despite down during for from in inside into like near of off on onto out outside over past per since than
    that through throughout till to toward towards under until up upon via while with within without and but nor or so
    yet because although though if unless whether it them him her me us you they he she we i itself themselves
    whatever whichever whoever there here not no too also then"""
)
_DETERMINERS = _listed(
    """a an the this these those each every any some all both either neither another other such one two three four five
    six seven eight nine ten its his her their our your my few more most several many much"""
)
_NO_KEYWORDS = (
    _ENDS
    | _QUESTION_WORDS
    | _AUXILIARIES
    | _DETERMINERS
    | _listed(
        """thing things something anything nothing everything way ways lot one ones first second third last other many
        most more much same such own whereas time times people year years day days part use"""
    )
)


@cache
def _lemmas(word: str) -> dict[str, tuple[str, ...]]:
    """Part of speech -> lemmas; empty for a word that the lexicon does not have."""
    import lemminflect  # its tables take half a second

    found: dict[str, tuple[str, ...]] = lemminflect.getAllLemmas(word)
    return found


def verb_and_object(instruction: str) -> tuple[str, str]:
    """The root verb's lemma and the object's, "" where it has none; without a verb (QUESTION, its word) or (OTHER, "").

    >>> verb_and_object("From the text, give the scores that are asked for."), verb_and_object("Who won the cup?")
    (('give', 'score'), ('question', 'who'))
    """
    clauses = list(_clauses(instruction))
    for clause in clauses:
        while clause and clause[0] in _BEFORE:
            clause = clause[1:]
        if clause and _is_imperative(clause):
            return clause[0], _object(clause[1:])
    asked = [word for clause in clauses for word in clause[:3] if word in _QUESTION_WORDS]
    if asked:
        return QUESTION, asked[0]
    first = next((clause[0] for clause in clauses if clause), "")
    return (QUESTION, "yes or no") if first in _AUXILIARIES else (OTHER, "")


def _clauses(instruction: str) -> Iterator[list[str]]:
    """The words of each clause in which an imperative may stand: of a question the first alone."""
    for sentence in _SENTENCE.split(instruction):
        clauses = [_WORD.findall(clause.casefold()) for clause in _CLAUSE.split(sentence)]
        yield from clauses[:1] if sentence.rstrip().endswith("?") else clauses


def _is_imperative(clause: list[str]) -> bool:
    verb, following = clause[0], clause[1] if len(clause) > 1 else ""
    if verb in _AUXILIARIES - {"do", "be"} or verb in _QUESTION_WORDS | _ENDS | _DETERMINERS:
        return False
    if verb in ("do", "be"):  # "Do they …?"
        return following in {"not", *_DETERMINERS}
    return verb in _lemmas(verb).get("VERB", ()) and following not in _AUXILIARIES


def _object(following: list[str]) -> str:
    """The head of the noun phrase that begins here: the last noun of its run."""
    head = ""
    following = following[1:] if following and following[0] in _PARTICLES else following
    for number, word in enumerate(following):
        kinds = _lemmas(word)
        if word in _DETERMINERS or (word == "of" and number and following[number - 1] in _DETERMINERS):
            continue
        if word in _ENDS | _QUESTION_WORDS | _AUXILIARIES:
            break
        if kinds and not kinds.keys() & {"NOUN", "PROPN", "ADJ"}:
            if kinds.keys() == {"ADV"} or (kinds.keys() == {"VERB"} and word.endswith(("ed", "ing")) and not head):
                continue  # "the named entities"
            break
        if not kinds or "NOUN" in kinds or "PROPN" in kinds:
            head = (kinds.get("NOUN") or kinds.get("PROPN") or (word,))[0]
    return head


def verbs_and_objects(instructions: Iterable[str]) -> Counter[tuple[str, str]]:
    """How many instructions have each pair."""
    return Counter(map(verb_and_object, instructions))


def keywords(inputs: Iterable[str]) -> Counter[str]:
    """In how many inputs each noun or unknown word (a name, a term) stands; plurals count as their singular."""
    found: Counter[str] = Counter()
    for text in inputs:
        found.update(set(_keywords_of(_LABEL.sub(" ", text))))
    return found


def _keywords_of(text: str) -> Iterator[str]:
    for word in words(text):
        if len(word) < 3 or not word.isalpha() or word in _NO_KEYWORDS:
            continue
        kinds = _lemmas(word)
        if not kinds:
            yield word
        elif "NOUN" in kinds and not kinds.keys() & {"VERB", "ADV"}:
            yield kinds["NOUN"][0]
