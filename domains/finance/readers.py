"""The reader of FiQA, whose format is its own; the other benchmarks are read by selfspec_assets.packs.readers."""

from collections.abc import Iterator
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs import Item, text_field
from selfspec_assets.packs.readers.files import as_object, objects, read_json

NEUTRAL_BELOW = 0.1  # half-width of the neutral band; the files hold scores from -1 to 1 and no labels


def fiqa_sa(path: Path) -> Iterator[Item]:
    """FiQA 2018 task 1 (Maia et al. 2018), ``{id: {sentence, info: [{target, sentiment_score}]}}``.

    One item per sentence and target. Decided: scores from -0.1 up to, but not including, 0.1 are neutral, as in FinGPT.

    Raises:
        SelfspecError: no sentence, one without a target, a score that is missing or outside -1 to 1.
    """
    sentences = as_object(str(path), read_json(path))
    if not sentences:
        raise SelfspecError(path, "holds no sentences", "it must be a JSON object: id → sentence")
    for name, value in sentences.items():
        place = f"{path}: key '{name}'"
        record = as_object(place, value)
        sentence = text_field(place, record, "sentence").strip()
        found = list(objects(place, record, "info"))
        if not found:
            raise SelfspecError(place, "has no reference: field 'info' is empty", "give it a target with its score")
        for number, (inner, opinion) in enumerate(found):
            asked = f"Sentence: {sentence}\nTarget: {text_field(inner, opinion, 'target').strip()}"
            yield Item(f"{name}-{number}", asked, (_label(inner, opinion),), name)


def _label(place: str, opinion: dict[str, object]) -> str:
    written = text_field(place, opinion, "sentiment_score")
    try:
        score = float(written)
    except ValueError:
        score = float("nan")
    if not -1 <= score <= 1:  # false for nan, too
        raise SelfspecError(place, f"sentiment_score '{written}' is no number from -1 to 1", "correct it")
    return "positive" if score >= NEUTRAL_BELOW else "negative" if score < -NEUTRAL_BELOW else "neutral"
