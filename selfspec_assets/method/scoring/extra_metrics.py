"""Metrics that a pack may ask for beside F1 and ROUGE-L, which stay the headline: of lists, of labels, of gold pieces.

0 to 100. ``ITEM`` metrics score one answer against one reference; the best reference counts. ``WHOLE`` metrics score a
benchmark at once, since they have no meaning for one item; of these, ``CORPUS`` are the ones that look at the answers.
``majority`` does not: it asks for a baseline.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from selfspec_assets.base.words import comparable
from selfspec_assets.method.scoring.amounts import BETWEEN, numeric_match
from selfspec_assets.method.scoring.metrics import Floats, Statistic, f1_of_tokens, token_f1, without_punctuation

_TYPED = re.compile(r"<[\w-]+>")
_MENTION = re.compile(r"(?P<mention>.*?)\s*<(?P<type>[\w-]+)>", re.DOTALL)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_LEADING_ARTICLES = re.compile(r"\A(?:(?:a|an|the) )+")
_AND = re.compile(r"\Aand\s+", re.IGNORECASE)
_AFTER_TYPE = re.compile(r"(?<=>)\s*[,、，،]\s*|\n")

References = Sequence[Sequence[str]]


def members(answer: str) -> list[str]:
    """What an answer lists: entities split right after their ``<Type>``, anything else at a comma with a space, or
    at one of a script that has no spaces.

    An "and" before the last of several belongs to the list.

    >>> members("1,25-dihydroxyvitamin D, calcium, and iron")
    ['1,25-dihydroxyvitamin D', 'calcium', 'iron']
    >>> members("cancer of breast, ovary <Disease>, HD <Disease>")
    ['cancer of breast, ovary <Disease>', 'HD <Disease>']
    """
    pieces = (_AFTER_TYPE if _TYPED.search(answer) else BETWEEN).split(answer)
    filled = [piece.strip() for piece in pieces if piece.strip()]
    return [*filled[:-1], _AND.sub("", filled[-1])] if len(filled) > 1 else filled


def set_f1(prediction: str, reference: str) -> float:
    """F1 of the sets of members, each whole and with its type.

    Order, repeats, case, punctuation and a member's leading articles do not count.

    >>> set_f1("the Calcium, iron", "iron, calcium")
    100.0
    >>> set_f1("iron, zinc", "iron, calcium")
    50.0
    >>> set_f1("HD <Gene>", "HD <Disease>"), set_f1("vitamin", "vitamin A")
    (0.0, 0.0)
    """
    ours, gold = ({_pair(member) for member in members(text)} for text in (prediction, reference))
    if not ours or not gold:
        return 100.0 if ours == gold else 0.0
    return 200.0 * len(ours & gold) / (len(ours) + len(gold))


def _pair(member: str) -> tuple[str, str]:
    """Mention and type ("" for none), as two members are compared.

    Not in SQuAD's form: there an A is an article wherever it stands, and "hepatitis A" would be "hepatitis".
    """
    typed = _MENTION.fullmatch(member)
    return (_mention(typed["mention"]), typed["type"].lower()) if typed else (_mention(member), "")


def _mention(text: str) -> str:
    """Without punctuation and leading articles, but never without everything: "A" is a letter, "+" a sign."""
    return _LEADING_ARTICLES.sub("", without_punctuation(text)) or comparable(text)


def box_f1(prediction: str, reference: str) -> float:
    """The best token F1 with any piece of the gold between ", ", as the script of In-BoXBART scores it.

    For comparison with figures from that script. It is kind to one right member and, unlike the others, gives less
    than 100 to the whole gold answer where that is a list.

    >>> box_f1("calcium", "iron, calcium")
    100.0
    >>> round(box_f1("iron, calcium", "iron, calcium"), 1)
    66.7
    """
    return max(token_f1(prediction, piece) for piece in reference.split(", "))


def squad_f1(prediction: str, reference: str) -> float:
    """Token F1 by SQuAD's own script, 0 to 100, to compare with figures from it; only ASCII punctuation is any.

    >>> token_f1("patient’s", "patient's"), squad_f1("patient’s", "patient's")
    (100.0, 0.0)
    """
    return f1_of_tokens(_squad_tokens(prediction), _squad_tokens(reference))


def _squad_tokens(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split()


def ascii_rouge_l(prediction: str, reference: str) -> float:
    """rouge_score's rougeL F as it is, 0 to 100, to compare with figures from it; only ASCII letters count.

    >>> ascii_rouge_l("α-blocker", "β-blocker")
    100.0
    """
    return 100.0 * float(_ascii_rouge_scorer().score(reference, prediction)["rougeL"].fmeasure)


@cache
def _ascii_rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=True)


def macro_f1(predictions: Sequence[str], references: References) -> float:
    """Mean over the gold labels of each label's F1; an answer may have several labels. Labels that no
    gold has do not count.

    Gold labels are those of each item's first reference.

    >>> round(macro_f1(["yes", "yes", "yes", "no"], [["yes"], ["yes"], ["no"], ["no"]]), 1)
    73.3
    """
    return float(macro_f1_of(label_counts(predictions, references).sum(axis=0)))


def label_counts(predictions: Sequence[str], references: References) -> Floats:
    """What each item adds to each gold label: right, said and gold, 0 or 1 each; shape (items, labels, 3).

    >>> label_counts(["yes", "maybe"], [["yes"], ["no"]]).tolist()  # labels in order: no, yes
    [[[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]]
    """
    said = [{_pair(label) for label in members(text)} for text in predictions]
    gold = [{_pair(label) for label in members(answers[0])} for answers in references]
    labels = sorted(set[tuple[str, str]]().union(*gold))
    pairs = zip(said, gold, strict=True)
    rows = [[(a in ours & true, a in ours, a in true) for a in labels] for ours, true in pairs]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(labels), 3)


def macro_f1_of(counts: Floats) -> Floats:
    """Macro F1 of summed ``label_counts``, shape (..., labels, 3) -> (...); 0 to 100.

    >>> float(macro_f1_of(np.array([[3, 4, 4], [1, 1, 2], [0, 5, 0]])).round(1))  # the third is no gold label here
    70.8
    """
    right, said, gold = np.moveaxis(counts, -1, 0)
    there = gold > 0
    f1 = np.where(there, 200.0 * right / np.maximum(said + gold, 1), 0.0)
    return np.asarray(f1.sum(axis=-1) / np.maximum(there.sum(axis=-1), 1))


def majority(predictions: Sequence[str], references: References) -> float:
    """The share of the commonest gold answer: what always giving that answer scores. Predictions are not looked at.

    >>> round(majority(["", "", ""], [["yes"], ["no"], ["yes"]]), 1)
    66.7
    """
    return 100.0 * commonest(references)[1] / len(references)


def commonest(references: References) -> tuple[str, int]:
    """The gold answer (the first reference) that most items have, and how many; the first in order among equals.

    >>> commonest([["no"], ["Yes"], ["yes."]])
    ('Yes', 2)
    """
    counts = Counter(_pair(reference[0]) for reference in references)
    answer, count = counts.most_common(1)[0]
    return next(reference[0] for reference in references if _pair(reference[0]) == answer), count


class CorpusMetric(NamedTuple):
    """A score of a whole benchmark in two halves, so that its items can be resampled."""

    counts: Callable[[Sequence[str], References], Floats]  # shape (items, *counts)
    score: Statistic


ITEM: dict[str, Callable[[str, str], float]] = {
    "set_f1": set_f1,
    "numeric_match": numeric_match,
    "box_f1": box_f1,
    "squad_f1": squad_f1,
    "ascii_rouge_l": ascii_rouge_l,
}
WHOLE: dict[str, Callable[[Sequence[str], References], float]] = {"macro_f1": macro_f1, "majority": majority}
CORPUS: dict[str, CorpusMetric] = {"macro_f1": CorpusMetric(label_counts, macro_f1_of)}
