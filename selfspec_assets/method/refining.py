"""Rules by which a row of generated data is passed over; each is what one refining step asks. Pure.

Small models copy, echo and turn in circles. Self-Specialization keeps every answer; these rules are ours, each measured
as an ablation of its own (docs/evidence.md).
"""

from collections.abc import Iterable, Sequence

from selfspec_assets.base.words import words
from selfspec_assets.method.scoring.metrics import rouge_l

LONG_ANSWER = 8  # words: a shorter answer that stands in the input is an extracted one
ECHO = 8  # words in a row
SAME_TEXT = 70.0  # ROUGE-L F, 0 to 100
OF_NO_MEANING = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "for",
        "from",
        "has",
        "have",
        "how",
        "in",
        "is",
        "it",
        "its",
        "of",
        "on",
        "or",
        "that",
        "the",
        "their",
        "this",
        "to",
        "was",
        "were",
        "what",
        "when",
        "which",
        "who",
        "why",
        "will",
        "with",
    ]
)


def stands_in(part: str, text: str) -> bool:
    """Whether the words of a part stand in a text, in a row."""
    return f" {' '.join(words(part))} " in f" {' '.join(words(text))} "


def is_stretch_of(answer: str, text: str) -> bool:
    """Whether a long answer is a part of the text, word for word."""
    return len(words(answer)) >= LONG_ANSWER and stands_in(answer, text)


def repeats_the_instruction(instruction: str, given: str) -> bool:
    """Whether an input only says the instruction again."""
    return bool(words(given)) and (stands_in(given, instruction) or rouge_l(given, instruction) > SAME_TEXT)


def shares_a_run(text: str, runs: frozenset[tuple[str, ...]]) -> bool:
    """Whether eight words in a row of the text are among ``runs`` (``runs_of``)."""
    return not runs.isdisjoint(runs_of(text))


def runs_of(text: str) -> frozenset[tuple[str, ...]]:
    said = words(text)
    return frozenset(tuple(said[i : i + ECHO]) for i in range(len(said) - ECHO + 1))


def is_supported(answer: str, question: str, passages: Iterable[str]) -> bool:
    """Whether any word of meaning that the answer adds to the question stands in a passage.

    An answer that adds none (a label, a number from the input) needs no support.
    """
    added = set(words(answer)) - set(words(question)) - OF_NO_MEANING
    return not added or any(not added.isdisjoint(words(passage)) for passage in passages)


def unlikely(mean_log_probs: Sequence[float], share: float, types: Sequence[str | None]) -> list[bool]:
    """Which are among the lowest ``share`` of their type; of equals the later ones.

    Args:
        mean_log_probs: of each answer, nats per token under the mixture of Eq. 2.
        share: in [0, 1).
        types: of each answer's task.
    """
    out: set[int] = set()
    for kind in set(types):
        own = [place for place, each in enumerate(types) if each == kind]
        own.sort(key=lambda place: (mean_log_probs[place], -place))
        out.update(own[: int(len(own) * share)])
    return [place in out for place in range(len(mean_log_probs))]
