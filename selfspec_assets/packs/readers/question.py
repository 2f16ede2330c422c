"""From a record to an item: which of its fields make the question, which holds the answer. Pure.

The same options serve every reader of records, be they rows of a table, JSON objects or rows of Parquet. A field is
named by its key. Dots reach into it: ``answers.text`` is a field of a field, ``choices.0`` the first of a list; of a
list of objects, ``choices.text`` is the list of their texts. A key that holds dots itself goes first.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Literal

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.packs.readers.files import Labels, label_of
from selfspec_assets.packs.records import Item, Remark

AnswerIs = Literal["letter", "text", "index", "number"]
Record = Mapping[str, object]
NO_CHOICE = "an answer that is none of the choices"
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Question:
    r"""How a pack asks about a record.

    Attributes:
        input: the question, with names of fields in braces: ``"Sentence: {text}\nDrug: {drug}"``.
        answer: the field of the answer; a list gives several references, of which blank ones are passed on as "".
        id: the field that names the item; "" leaves the name to the reader.
        labels: the answers that may occur; as a mapping, from the file's word to the answer. None: any text.
        choices: of multiple choice: the field that holds a list, or a mapping from letter to choice; or the list of
            fields that hold one choice each. They are written under the question, ``A) …``, and the answer is a letter.
        answer_is: how the file names the right choice: by its "letter" (of a mapping: its key; of several fields:
            the field's name or its letter), by its whole "text", or by its place, "index" from 0, "number" from 1.
        join: what stands between the texts of a field that is a list, in the question; None: such a field is an error.
    """

    input: str = ""
    answer: str = ""
    id: str = ""
    labels: Labels | None = None
    choices: str | list[str] = ""
    answer_is: AnswerIs = "letter"
    join: str | None = None

    @property
    def fields(self) -> set[str]:
        """All that is looked at of a record."""
        choices = [self.choices] if isinstance(self.choices, str) else self.choices
        return {*fields_of(self.input), *filter(None, (self.answer, self.id, *choices))}

    def item(self, place: str, name: str, record: Record) -> Item | Remark:
        """The item of a record, or why it is left out: the choices, or which of them is right, cannot be told.

        Args:
            name: of the item where no field gives one.

        Raises:
            SelfspecError: a field is missing, empty or no text; a label is not declared.
        """
        asked = filled(place, self.input, record, self.join)
        references = answers(place, self.answer, value_at(place, record, self.answer))
        if self.labels is not None:
            references = [label_of(place, text, self.labels) if text else text for text in references]
        name = text_of(place, self.id, value_at(place, record, self.id)) if self.id else name
        if not self.choices:
            return Item(name, asked, tuple(references))
        try:
            choices = self._choices(place, record)
            letters = [_letter(choices, text, self.answer_is) for text in references if text]
        except ValueError as error:
            return Remark(str(error), place, drops=True)
        shown = [f"{letter}) {text}" for letter, text in zip(ascii_uppercase, choices.values(), strict=False)]
        return Item(name, "\n".join([asked, *shown]), tuple(dict.fromkeys(letters)))

    def _choices(self, place: str, record: Record) -> dict[str, str]:
        """Key → text of each choice; of a list the keys are letters. Blank fields after the last one are no choices."""
        if isinstance(self.choices, list):
            given: object = {name: value_at(place, record, name) for name in self.choices}
        else:
            given = value_at(place, record, self.choices)
        if isinstance(given, list):
            given = {ascii_uppercase[place : place + 1] or str(place): choice for place, choice in enumerate(given)}
        if not isinstance(given, Mapping):
            reason = f"field '{self.choices}' is no list of choices but {type(given).__name__}"
            raise SelfspecError(place, reason, "name a list, a mapping, or a list of fields with 'choices'")
        texts = {
            key: "" if is_blank(choice) else " ".join(text_of(place, key, choice).split())
            for key, choice in given.items()
        }
        while texts and not texts[next(reversed(texts))]:
            texts.popitem()
        if not 2 <= len(texts) <= len(ascii_uppercase):
            raise ValueError("fewer than two choices, or more than there are letters")
        if not all(texts.values()):
            raise ValueError("a choice without a text")
        return texts


def _letter(choices: dict[str, str], answer: str, answer_is: AnswerIs) -> str:
    """The letter of the right choice.

    Raises:
        ValueError: it is none of them, or several.
    """
    if answer_is == "text":
        right = [place for place, text in enumerate(choices.values()) if text == " ".join(answer.split())]
        if len(right) > 1:
            raise ValueError("an answer that is several of the choices")
    elif answer_is == "letter":
        keys = [key.casefold() for key in choices]
        letters = [letter.casefold() for letter in ascii_uppercase[: len(choices)]]
        named = keys if answer.casefold() in keys else letters
        right = [place for place, key in enumerate(named) if key == answer.casefold()]
    else:
        first = 0 if answer_is == "index" else 1
        right = [place for place in range(len(choices)) if answer == str(place + first)]
    if not right:
        raise ValueError(NO_CHOICE)
    return ascii_uppercase[right[0]]


def fields_of(template: str) -> set[str]:
    """The fields that a question's template names in braces."""
    return set(_PLACEHOLDER.findall(template))


def filled(place: str, template: str, record: Record, join: str | None = None) -> str:
    """The template with the record's texts where it names fields; an empty one is an error at ``place``."""
    return _PLACEHOLDER.sub(
        lambda match: text_of(place, match[1], value_at(place, record, match[1]), join).strip(), template
    )


def value_at(place: str, record: Record, name: str) -> object:
    """What a field holds.

    Raises:
        SelfspecError: there is no such field; the remedy names those that there are.
    """
    value: object = record
    for part in [name] if name in record else name.split("."):
        try:
            value = _member(value, part)
        except LookupError as error:
            remedy = f"{did_you_mean(name, record)}use the fields that there are: {', '.join(record)}"
            raise SelfspecError(place, f"has no field '{name}'", remedy) from error
    return value


def _member(value: object, part: str) -> object:
    if isinstance(value, Mapping):
        return value[part]
    if isinstance(value, list):
        return value[int(part)] if part.isdecimal() else [_member(member, part) for member in value]
    raise LookupError(part)


def answers(place: str, name: str, value: object) -> list[str]:
    """One answer, or those of a list, where a blank one is "" and at least one is not."""
    if not isinstance(value, list):
        return [text_of(place, name, value).strip()]
    texts = ["" if is_blank(answer) else text_of(place, name, answer).strip() for answer in value]
    if not any(texts):
        raise SelfspecError(place, f"field '{name}' holds no answer", "leave the record out, or give it an answer")
    return texts


def is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def text_of(place: str, name: str, value: object, join: str | None = None) -> str:
    """Text as it is, a number or a truth value in words, and, with ``join``, a list of these as one text.

    Raises:
        SelfspecError: anything else, and what is blank.
    """
    if join is not None and isinstance(value, list) and value:
        return join.join(text_of(place, name, member) for member in value)
    text = str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value
    if not isinstance(text, str) or is_blank(text):
        what = "is empty" if is_blank(text) or text == [] else f"is not text but {type(value).__name__}"
        if isinstance(value, list) and value:
            remedy = f"give the reader 'join', such as ' ', or name one of the list: '{name}.0'"
        else:
            remedy = f"give '{name}' a text, leave the record out, or read it with the pack's readers.py"
        raise SelfspecError(place, f"field '{name}' {what}", remedy)
    return text
