"""JSON and JSON lines of any shape, as most sets of questions have them: the pack says which field is what."""

from collections.abc import Iterator
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.files import Labels, as_object, read_json
from selfspec_assets.packs.readers.question import AnswerIs, Question, value_at
from selfspec_assets.packs.records import Item, Remark, json_lines, read_items


def json(
    path: Path,
    *,
    input: str,
    answer: str,
    id: str = "",
    labels: Labels | None = None,
    choices: str | list[str] = "",
    answer_is: AnswerIs = "letter",
    join: str | None = None,
    records: str = "",
) -> Iterator[Item | Remark]:
    """One item per object of the file's list, or of its mapping from ids to objects.

    Args:
        input, answer, id, labels, choices, answer_is, join: as for ``question.Question``; an item without an id is
            named by its place in the list, from 0, or by its key in the mapping.
        records: the field that holds them, of a file in which they stand deeper: "data.questions".

    Raises:
        SelfspecError: not such a file, a field that is missing, empty or no text, a label not declared.
    """
    question = Question(input, answer, id, labels, choices, answer_is, join)
    for place, name, record in json_records(path, records):
        yield question.item(place, name, record)


def jsonl(
    path: Path,
    *,
    input: str = "",
    answer: str = "",
    id: str = "",
    labels: Labels | None = None,
    choices: str | list[str] = "",
    answer_is: AnswerIs = "letter",
    join: str | None = None,
) -> Iterator[Item | Remark]:
    """One item per line. Without options: the project's own ``{"id", "input", "references": [...]}``.

    Args:
        input, answer, id, labels, choices, answer_is, join: as for ``question.Question``; an item without an id is
            named by its line.

    Raises:
        SelfspecError: as ``json``; options that lack ``input`` or ``answer``.
    """
    question = Question(input, answer, id, labels, choices, answer_is, join)
    if question == Question():
        yield from read_items(path)
        return
    if not input or not answer:
        lacking = "answer" if input else "input"
        remedy = "give both 'input' and 'answer', or no option where lines have id, input and references"
        raise SelfspecError(path, f"reader 'jsonl' has options but not '{lacking}'", remedy)
    for place, record in json_lines(path, "benchmark"):
        yield question.item(place, f"line-{place.rpartition(':')[2]}", record)


def json_records(path: Path, field: str = "") -> Iterator[tuple[str, str, dict[str, object]]]:
    """Place, name and fields of each object in a list, or in a mapping to objects, whose keys are the names.

    Args:
        field: that holds them; "" for the file's own value.

    Raises:
        SelfspecError: as ``read_json``; there is neither, or it is empty, or holds something else.
    """
    content = read_json(path)
    value = value_at(str(path), as_object(str(path), content), field) if field else content
    where = f"{path}: {field}"
    if isinstance(value, list) and value:
        named = ((f"{where}[{place}]", f"record-{place}", record) for place, record in enumerate(value))
    elif isinstance(value, dict) and value and all(isinstance(record, dict) for record in value.values()):
        named = ((f"{where}{' ' if field else ''}key '{key}'", key, record) for key, record in value.items())
    else:
        what = f"field '{field}'" if field else "the file"
        remedy = f"{_elsewhere(field, value)}name the field that holds them with 'records'"
        raise SelfspecError(path, f"{what} holds neither a filled list of objects nor objects by name", remedy)
    for place, name, record in named:
        yield place, name, as_object(place, record)


def _elsewhere(field: str, value: object) -> str:
    """Which fields the records may be in, of a value that is neither a list nor a mapping of them."""
    fields = value.items() if isinstance(value, dict) else ()
    lists = [f"{field}.{key}".strip(".") for key, inner in fields if isinstance(inner, list | dict) and inner]
    return f"they may be in {', '.join(lists)}: " if lists else ""
