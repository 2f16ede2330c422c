"""Files of instruction tuning: Alpaca (Taori et al. 2023) and the conversations of ShareGPT; JSON or JSON lines."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from selfspec_assets.packs.readers.files import filled_text, objects
from selfspec_assets.packs.readers.json_files import json_records
from selfspec_assets.packs.records import Item, Remark, json_lines, text_field

InstructionFormat = Literal["alpaca", "sharegpt"]
_WRITTEN = {"conversations": ("from", "value"), "messages": ("role", "content")}  # the list, and the keys of a turn
_ASKING, _ANSWERING, _BEFORE = ("human", "user"), ("gpt", "assistant"), ("system",)


class Example(NamedTuple):
    """One worked example; ``name`` is unique in its file."""

    name: str
    instruction: str
    input: str
    output: str


def instructions(path: Path, *, format: InstructionFormat) -> Iterator[Item | Remark]:
    """One item per example: the instruction, and its input in the next line, is the question.

    Args:
        format: "alpaca", ``{"instruction", "input", "output"}``, of which the input may be empty or missing; or
            "sharegpt", ``{"conversations": [{"from", "value"}]}`` or ``{"messages": [{"role", "content"}]}``, of which
            the first question and its answer are taken.

    Raises:
        SelfspecError: not such a file. An example without question or answer is left out with a remark.
    """
    for example in examples(path, format):
        if isinstance(example, Remark):
            yield example
        else:
            asked = f"{example.instruction}\n{example.input}".strip()
            yield Item(example.name, asked, (example.output,))


def examples(path: Path, format: InstructionFormat) -> Iterator[Example | Remark]:
    """The examples of a file, as ``instructions`` has them."""
    read = _alpaca if format == "alpaca" else _sharegpt
    for place, name, record in _records(path):
        instruction, given, output = (text.strip() for text in read(place, record))
        if not instruction or not output:
            yield Remark(f"examples without {'an answer' if instruction else 'a question'}", place, drops=True)
        else:
            yield Example(name, instruction, given, output)


def _records(path: Path) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Place, name and fields of each object of a JSON list, or of JSON lines: told by what the file begins with."""
    if filled_text(path).lstrip().startswith("["):
        yield from json_records(path)
    else:
        yield from (
            (place, f"line-{place.rpartition(':')[2]}", fields) for place, fields in json_lines(path, "example")
        )


def _alpaca(place: str, record: dict[str, object]) -> tuple[str, str, str]:
    given = text_field(place, record, "input", empty=True) if record.get("input") is not None else ""
    return (
        text_field(place, record, "instruction", empty=True),
        given,
        text_field(place, record, "output", empty=True),
    )


def _sharegpt(place: str, record: dict[str, object]) -> tuple[str, str, str]:
    """The first question and its answer; blank where the conversation begins otherwise."""
    turns_key = "messages" if "messages" in record and "conversations" not in record else "conversations"
    who, what = _WRITTEN[turns_key]
    turns = [_turn(inner, turn, who, what) for inner, turn in objects(place, record, turns_key)]
    said = [(by, text) for by, text in turns if by not in _BEFORE]
    question = said[0][1] if said and said[0][0] in _ASKING else ""
    answer = said[1][1] if question and len(said) > 1 and said[1][0] in _ANSWERING else ""
    return question, "", answer


def _turn(place: str, turn: Mapping[str, object], who: str, what: str) -> tuple[str, str]:
    return text_field(place, dict(turn), who), text_field(place, dict(turn), what, empty=True)
