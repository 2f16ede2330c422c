"""The strict base model of every file a user writes, and its errors with file, line and key."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.text_file import read_text

_NAMED_KEY = re.compile(r"key '([\w.]+)'")
_WORDS = {  # pydantic speaks of Python's types
    "model_type": "should be a mapping of keys to values",
    "dict_type": "should be a mapping of keys to values",
    "tuple_type": "should be a list",
}
_MERGE = "tag:yaml.org,2002:merge"
MAX_DEPTH = 20  # of mappings and lists within each other; what packs and recipes hold is 6 deep


class Strict(BaseModel):
    """Frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Named(Strict):
    """Something by its name, with options if need be: ``name``, or ``{name: {option: value}}``."""

    name: str = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and len(value) == 1 and isinstance(options := next(iter(value.values())), dict):
            return {"name": next(iter(value)), "options": options}
        return value


M = TypeVar("M", bound=Strict)


@contextmanager
def said_of_a_key() -> Iterator[None]:
    """In a validator: what an error says, said of the key that is validated, whose file and line are known later."""
    try:
        yield
    except SelfspecError as error:
        raise ValueError(f"{error.reason}; {error.remedy}") from error


def load_yaml(path: Path, model: type[M]) -> M:
    """Read one YAML mapping into ``model``.

    Raises:
        SelfspecError: unreadable file, broken YAML, aliases, merge keys or tags, unknown, missing or out-of-range key;
            names file, line, key.
    """
    node, data = _read(path)
    if not isinstance(data, dict):
        raise SelfspecError(path, "must hold a mapping of keys to values", "see docs/recipe.md")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _named(path, node, model, error) from error


class _PlainLoader(yaml.SafeLoader):
    """Safe, and without what no recipe or pack needs and a hostile file can grow without bound."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        place = f"{self.name}:{event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent):
            raise SelfspecError(place, f"alias '*{event.anchor}': aliases are not taken", "write the value out")
        if event.tag not in (None, "!"):
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise SelfspecError(place, f"tag '{tag}': tags are not taken", "remove it; write a plain value")
        if self.depth == MAX_DEPTH:
            raise SelfspecError(place, f"is nested more than {MAX_DEPTH} deep", "write it flatter")
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _read(path: Path) -> tuple[Any, Any]:
    """The file's nodes, which know their lines, and its value."""
    text = read_text(path)
    try:
        loader = _PlainLoader(text)
        loader.name = str(path)
        node = loader.get_single_node()
        _refuse_duplicates(path, node)  # before a value is made of it, which melts merge keys in
        return node, None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise SelfspecError(_place(path, text, error), f"is not valid YAML: {problem}", "correct the line") from error
    except ValueError as error:  # a number of thousands of digits, a date that no calendar has
        raise SelfspecError(path, f"holds a value that cannot be read: {error}", "correct the value") from error


def _place(path: Path, text: str, error: yaml.YAMLError) -> str:
    mark, position = getattr(error, "problem_mark", None), getattr(error, "position", None)
    if mark is not None:
        return f"{path}:{mark.line + 1}"
    return str(path) if position is None else f"{path}:{text.count(chr(10), 0, position) + 1}"


def _refuse_duplicates(path: Path, node: Any) -> None:
    # PyYAML keeps the last of two equal keys in silence.
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            place = f"{path}:{key.start_mark.line + 1}"
            if key.tag == _MERGE:
                raise SelfspecError(place, "key '<<': nothing is inherited from other sections", "write the keys out")
            if not isinstance(key, yaml.ScalarNode):
                raise SelfspecError(place, "a key is no name but a list or a mapping", "write a text as key")
            if key.value in seen:
                raise SelfspecError(place, f"key '{key.value}' stands twice", "keep one of them")
            seen.add(key.value)
            _refuse_duplicates(path, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_duplicates(path, value)


def _named(path: Path, node: Any, model: type[Strict], error: ValidationError) -> SelfspecError:
    # A misspelt key also leaves the right one missing; the misspelling is the helpful one to name.
    first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    location = [part for part in first["loc"] if not (isinstance(part, str) and part.startswith("function-"))]
    key = ".".join(str(part) for part in location)
    reason = _WORDS.get(first["type"], first["msg"].removeprefix("Value error, "))
    named = _NAMED_KEY.match(reason)  # a rule about several keys has no location, but says which one to look at
    line = _line_of(node, named[1].split(".") if named and not location else location)
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        reason = f"unknown key '{key}'"
        guess = did_you_mean(str(location[-1]), known)
        remedy = f"{guess}remove it or correct it; known here: {', '.join(known)}"
    elif first["type"] == "missing":
        reason = f"key '{key}' is missing"
        remedy = "add it"
    else:
        reason = f"key '{key}': {reason} (found {first.get('input')!r:.200})" if key else reason
        remedy = "add it" if " is missing" in reason else "correct the value"
    more = len(error.errors()) - 1
    if more:
        remedy += f"; {more} more problem{'s' if more > 1 else ''} in this file"
    return SelfspecError(f"{path}:{line}", reason, remedy)


def _line_of(node: Any, location: list[Any]) -> int:
    line = node.start_mark.line + 1
    for part in location:
        child = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, child = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is None:
            break
        node = child
    return int(line)


def _known_keys(model: type[Strict], location: list[Any]) -> list[str]:
    current: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        field = getattr(current, "model_fields", {}).get(part)
        if field is None:
            return []
        current = _model_in(field.annotation)
    return sorted(getattr(current, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        model = _model_in(argument)
        if model is not None:
            return model
    return None
