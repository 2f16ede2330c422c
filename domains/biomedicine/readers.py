"""The reader of PubMedQA, whose format is its own; the other benchmarks are read by selfspec_assets.packs.readers."""

from collections.abc import Iterator
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs import Item, text_field
from selfspec_assets.packs.readers.files import as_object, read_json, texts, with_context


def pubmedqa_long(path: Path) -> Iterator[Item]:
    """PubMedQA (Jin et al. 2019), ``{pmid: {QUESTION, CONTEXTS, LONG_ANSWER}}``: the conclusion is the answer.

    Raises:
        SelfspecError: no question, or one that lacks its text, its contexts or its conclusion.
    """
    questions = as_object(str(path), read_json(path))
    if not questions:
        raise SelfspecError(path, "holds no questions", "it must be a JSON object: pmid → question")
    for pmid, value in questions.items():
        place = f"{path}: key '{pmid}'"
        record = as_object(place, value)
        contexts = texts(place, record, "CONTEXTS")
        if not contexts:
            raise SelfspecError(place, "field 'CONTEXTS' is empty", "give at least one context")
        asked = with_context(contexts, text_field(place, record, "QUESTION"))
        yield Item(pmid, asked, (text_field(place, record, "LONG_ANSWER"),))
