"""Benchmark items and seeds, and how their JSON lines are read: each mistake is named with file and line. Pure."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.text_file import read_text
from selfspec_assets.base.words import comparable, words

BLANK_ALTERNATIVE = "blank alternatives passed over"  # ``what`` of the remark, whoever meets one
SPREAD_JSON = "is JSON, but one value goes on over several lines"
_MOST_SPREAD = 64 << 20
READERS_BY_KEY = {"data": "squad", "examples": "bigbench", "questions": "bioasq"}  # list in the file → who reads it
_MENTION_MARK = re.compile(r"\[/?[12]\]")
_SEED_FIELDS = ("id", "task", "demonstrates", "instruction", "input", "output", "source", "passage")
_PASSAGE_PLACES = ("", "input", "above")


@dataclass(frozen=True)
class Item:
    """One benchmark question: at least one reference, an id of its own."""

    item_id: str
    input: str
    references: tuple[str, ...]
    # The report, abstract or article that it is about, where several items may share one; "" where items stand alone.
    document: str = field(default="", compare=False)


@dataclass(frozen=True)
class Remark:
    """What a reader met beside its items, for ``selfspec check`` to count and to show.

    Attributes:
        what: the kind, in the same words for all of a kind: "blank alternatives passed over".
        place: where this one is: an item's id, or ``file:line``.
        drops: an item was left out for it.
    """

    what: str
    place: str
    drops: bool = False


@dataclass(frozen=True)
class Seed:
    """A worked example (i, c, y); ``demonstrates`` names a benchmark or a task type.

    ``passage`` says where a text of the corpus stands in a task of its type (``instructions.inputs: corpus``): it is
    the ``input``'s own text, it stands ``above`` a task that asks about it, or "" where it has no place.
    """

    seed_id: str
    task: str
    demonstrates: str
    instruction: str
    input: str
    output: str
    source: str
    passage: str = ""


def without_marks(text: str) -> str:
    """The text without the marks of two mentions, which ``readers.ddi`` sets, for comparison with other texts.

    >>> without_marks("[1]Xanol[/1] raises [2]zulin[/2].")
    'Xanol raises zulin.'
    """
    return _MENTION_MARK.sub("", text) if "[/1]" in text else text


def question_key(text: str) -> str:
    """The form in which two questions are the same: their words; case, punctuation and mention marks aside.

    A text without any word, such as a formula of signs, is compared as it is written.

    >>> question_key("Is [1]Xanol[/1] safe?") == question_key("is  xanol SAFE")
    True
    """
    plain = without_marks(text)
    return " ".join(words(plain)) or comparable(plain)


class Demonstrates(Protocol):
    """A seed, or a seed's row."""

    @property
    def demonstrates(self) -> str: ...


S = TypeVar("S", bound=Demonstrates)


def demonstrating(seeds: Iterable[S], benchmark: str, task: str) -> list[S]:
    """The seeds that can be shown before a question of a benchmark: those that name it or its type of task."""
    return [seed for seed in seeds if seed.demonstrates in (benchmark, task)]


def parse_json(text: str) -> Any:
    """A JSON value as the standard has it, which Python's own reader is laxer than.

    Raises:
        ValueError: not JSON (a ``JSONDecodeError``, which knows the line); a key that stands twice in one object, of
            which Python would keep the last; NaN or Infinity; a number of thousands of digits; half of a surrogate
            pair, which no file can hold; lists and objects nested too deep for Python.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("lists and objects are nested too deep") from None
    if "\\ud" in text.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("a text holds half of a surrogate pair") from None
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key '{twice}' stands twice in one object")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value


def json_lines(path: Path, what: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Each line's place (``file:line``) and object; blank lines are skipped.

    Raises:
        SelfspecError: missing file, not UTF-8, a line that is not a JSON object, or no line at all.
    """
    lines = read_text(path).split("\n")
    empty = True
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        empty = False
        place = f"{path}:{number}"
        try:
            value = parse_json(line)
        except ValueError as error:
            if goes_on(line, lines[number:]):
                raise SelfspecError(place, SPREAD_JSON, _for_spread(what, lines)) from error
            problem = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            raise SelfspecError(place, f"is not JSON: {problem}", "write one JSON object per line") from error
        if not isinstance(value, dict):
            raise SelfspecError(place, "is not a JSON object", "write one JSON object per line")
        yield place, value
    if empty:
        raise SelfspecError(path, f"the {what} file is empty", f"add at least one {what} line")


def goes_on(line: str, rest: Iterable[str]) -> bool:
    """Whether a JSON value begins in a line and ends in a later one: JSON, but no JSON lines.

    At most 64 Mi characters of the lines that follow are looked at.
    """
    begun = line.lstrip()
    parts, size = [begun], 0
    for following in rest if begun.startswith(("[", "{")) else ():
        parts.append(following)
        size += len(following)
        if size > _MOST_SPREAD:
            return False
    try:
        return json.JSONDecoder().raw_decode("\n".join(parts))[1] > len(begun)
    except (ValueError, RecursionError):
        return False


def _for_spread(what: str, lines: Sequence[str]) -> str:
    """The remedy for JSON spread over lines: of a benchmark, the reader that its outermost keys ask for."""
    if what != "benchmark":
        return "write one JSON object per line"
    try:
        value = json.loads("\n".join(lines))
    except (ValueError, RecursionError):
        value = None
    keys = value if isinstance(value, dict) else {}
    reader = next((name for key, name in READERS_BY_KEY.items() if isinstance(keys.get(key), list)), "json")
    return f"give the benchmark 'reader: {reader}', or write one JSON object per line"


def text_field(place: str, value: dict[str, object], key: str, *, empty: bool = False) -> str:
    """``value[key]`` as text.

    Raises:
        SelfspecError: the field is missing, not text, or empty where it may not be.
    """
    text = value.get(key)
    if not isinstance(text, str):
        problem = "is missing" if key not in value else f"is not text but {type(text).__name__}"
        raise SelfspecError(place, f"field '{key}' {problem}", f"give '{key}' a text value")
    if not empty and not text.strip():
        raise SelfspecError(place, f"field '{key}' is empty", f"give '{key}' a text value")
    return text


def read_items(path: Path) -> Iterator[Item]:
    """The ``jsonl`` reader: ``{"id", "input", "references": [...]}`` per line.

    ``source`` may name the article or report that an item rests on: it is the item's document.
    """
    for place, value in json_lines(path, "benchmark"):
        references = value.get("references")
        if not isinstance(references, list) or not references or not all(isinstance(r, str) for r in references):
            raise SelfspecError(
                place, "field 'references' must be a non-empty list of texts", "give at least one reference answer"
            )
        document = text_field(place, value, "source", empty=True) if "source" in value else ""
        yield Item(text_field(place, value, "id"), text_field(place, value, "input"), tuple(references), document)


def load_seeds(path: Path) -> list[Seed]:
    """Worked examples, one JSON object per line; ``passage`` alone may be missing."""
    seeds: list[Seed] = []
    seen: dict[str, str] = {}
    for place, value in json_lines(path, "seed"):
        unknown = sorted(value.keys() - set(_SEED_FIELDS))
        if unknown:
            remedy = f"{did_you_mean(unknown[0], _SEED_FIELDS)}remove or correct it; known: {', '.join(_SEED_FIELDS)}"
            raise SelfspecError(place, f"unknown field '{unknown[0]}'", remedy)
        seed = Seed(
            text_field(place, value, "id"),
            text_field(place, value, "task"),
            text_field(place, value, "demonstrates"),
            text_field(place, value, "instruction"),
            text_field(place, value, "input", empty=True),
            text_field(place, value, "output"),
            text_field(place, value, "source"),
            _passage_place(place, value),
        )
        if seed.seed_id in seen:
            raise SelfspecError(place, f"id '{seed.seed_id}' was used at {seen[seed.seed_id]}", "make it unique")
        seen[seed.seed_id] = place
        seeds.append(seed)
    return seeds


def _passage_place(place: str, value: dict[str, object]) -> str:
    if "passage" not in value:
        return ""
    text = text_field(place, value, "passage", empty=True)
    if text not in _PASSAGE_PLACES:
        remedy = "write 'input' (the input is such a text) or 'above' (the task asks about one), or leave it out"
        raise SelfspecError(place, f"field 'passage' is '{text}'", remedy)
    return text
