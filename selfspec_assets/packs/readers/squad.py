"""SQuAD JSON (Rajpurkar et al. 2016; 2018): questions about a paragraph, answered by a piece of it."""

from collections.abc import Iterator
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.files import objects, records, with_context
from selfspec_assets.packs.records import Item, text_field


def squad(path: Path, *, unanswerable: str = "") -> Iterator[Item]:
    """``data[].paragraphs[].{context, qas[].{id, question, answers[].text}}``; every answer is a reference.

    Blank answers are passed on as they are: who reads the benchmark counts them, and leaves them out.

    Args:
        unanswerable: the answer to a question that version 2.0 marks ``is_impossible``; "" leaves these out.

    Raises:
        SelfspecError: a field that is missing; an empty one that is no answer; a question without an answer.
    """
    for number, (article_place, article) in enumerate(records(path, "data")):
        for paragraph_place, paragraph in objects(article_place, article, "paragraphs"):
            context = text_field(paragraph_place, paragraph, "context")
            for place, question in objects(paragraph_place, paragraph, "qas"):
                references = _references(place, question, unanswerable)
                asked = with_context([context], text_field(place, question, "question"))
                if references:
                    yield Item(text_field(place, question, "id"), asked, references, f"article-{number}")


def _references(place: str, question: dict[str, object], unanswerable: str) -> tuple[str, ...]:
    if question.get("is_impossible") is True:
        return (unanswerable,) if unanswerable else ()
    texts = [text_field(inner, answer, "text", empty=True) for inner, answer in objects(place, question, "answers")]
    if not texts:
        raise SelfspecError(place, "the question has no reference", "give it an answer, or is_impossible: true")
    return tuple(dict.fromkeys(texts))
