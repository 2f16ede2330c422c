"""BioASQ golden JSON (Nentidis et al. 2020, task b): questions on biomedical literature with snippets and answers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.files import objects, records, with_context
from selfspec_assets.packs.records import BLANK_ALTERNATIVE, Item, Remark, text_field

QUESTION_TYPES = ("factoid", "list", "summary", "yesno")


def bioasq(path: Path, *, type: Literal["factoid", "list", "yesno"]) -> Iterator[Item | Remark]:
    """The questions of one type, from a file that holds all of them; snippets are the context, each once.

    A factoid is one entity and every synonym of it is a reference. A list is comma separated; decided: each member by
    its first name, so that there is one reference. Blank names are passed over, and so is a member that has no other.
    Conversions follow In-BoXBART (Parmar et al. 2022).

    Args:
        type: of the questions to take.

    Raises:
        SelfspecError: no question at all, an unknown type, an answer that is missing, blank or not of the type's form.
    """
    for place, question in records(path, "questions"):
        kind = text_field(place, question, "type")
        if kind not in QUESTION_TYPES:
            raise SelfspecError(place, f"unknown type '{kind}'", f"use one of: {', '.join(QUESTION_TYPES)}")
        if kind == type:
            name = text_field(place, question, "id")
            snippets = [text_field(inner, snippet, "text") for inner, snippet in objects(place, question, "snippets")]
            asked = with_context(list(dict.fromkeys(snippets)), text_field(place, question, "body"))
            references, blanks = ((_yes_or_no(place, question),), 0) if kind == "yesno" else _named(place, question)
            if blanks:
                yield Remark(BLANK_ALTERNATIVE, name)
            yield Item(name, asked, references)


def _yes_or_no(place: str, question: dict[str, object]) -> str:
    answer = text_field(place, question, "exact_answer").strip().lower()
    if answer not in ("yes", "no"):
        raise SelfspecError(place, f"answer '{answer}' of a yesno question", "use 'yes' or 'no'")
    return answer


def _named(place: str, question: dict[str, object]) -> tuple[tuple[str, ...], int]:
    """The references of a factoid or a list, and how many blank names were passed over."""
    answers = _answers(place, question)
    filled = [names for synonyms in answers if (names := [name for name in synonyms if name.strip()])]
    if not filled:
        reason = f"question '{question['id']}' has no reference: field 'exact_answer' is {question['exact_answer']!r}"
        raise SelfspecError(place, reason, "give it a name")
    blanks = sum(map(len, answers)) - sum(map(len, filled))
    if question["type"] == "list":
        return (", ".join(names[0] for names in filled),), blanks
    return tuple(name for names in filled for name in names), blanks


def _answers(place: str, question: dict[str, object]) -> list[list[str]]:
    """The exact answer: a list of synonym lists; a bare text counts as a list of one."""
    exact = question.get("exact_answer")
    if not isinstance(exact, list) or not exact:
        raise SelfspecError(place, "field 'exact_answer' is not a filled list", "give a list of synonym lists")
    entries = [[entry] if isinstance(entry, str) else entry for entry in exact]
    for entry in entries:
        if not isinstance(entry, list) or not entry or not all(isinstance(name, str) for name in entry):
            raise SelfspecError(place, f"field 'exact_answer' holds {entry!r}", "give each answer as a list of names")
    return entries
