"""Questions about a table and the text beside it: TAT-QA (Zhu et al. 2021) and ConvFinQA (Chen et al. 2022)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from selfspec_assets.errors import SelfspecError
from selfspec_assets.readers.files import as_object, label_of, objects, records, texts
from selfspec_assets.records import Item, text_field

SCALES = {"": "", "thousand": " thousand", "million": " million", "billion": " billion", "percent": "%"}


def tatqa(path: Path) -> Iterator[Item]:
    """``[{table, paragraphs, questions}]``: the report, then one question about it.

    The answer is written as a person would: a number with its scale ("6.5 million", "-6%"), several spans separated
    by commas, each with the scale, once.

    Raises:
        SelfspecError: a field that is missing or of another type, a scale that is not known, no answer.
    """
    for report_place, report in records(path):
        paragraphs = sorted(objects(report_place, report, "paragraphs"), key=lambda found: _order(*found))
        context = [text_field(place, paragraph, "text") for place, paragraph in paragraphs]
        table = as_object(f"{report_place}.table", report.get("table"))
        told = _told(context, _rows(f"{report_place}.table", table.get("table")))
        for place, question in objects(report_place, report, "questions"):
            scale = label_of(place, text_field(place, question, "scale", empty=True), SCALES)
            pieces = _pieces(place, question.get("answer"))
            # A span may have been marked with its scale: "$3.0 million".
            answer = ", ".join(piece if scale and piece.endswith(scale.strip()) else piece + scale for piece in pieces)
            asked = f"{told}\nQuestion: {text_field(place, question, 'question').strip()}"
            yield Item(text_field(place, question, "uid"), asked, (answer,))


def convfinqa(path: Path) -> Iterator[Item]:
    """``[{id, pre_text, post_text, table, annotation}]``, the conversation-level files: one item per turn.

    Earlier turns stand in the question with their right answers. A gold value is what the turn's program computes, so
    that a quarter is 0.25. Decided: where the report's own answer to the question is that value in percent, "25%" is
    the first reference; it is the second where the program ends in a division, which may be meant as a share.

    Raises:
        SelfspecError: a field that is missing or of another type, a turn without a question or a value.
    """
    for place, report in records(path):
        context = [text for key in ("pre_text", "post_text") for text in texts(place, report, key, empty=True)]
        told = _told(context, _rows(place, report.get("table")))
        for turn, (question, program, value) in enumerate(_turns(place, report)):
            told += f"\nQuestion: {question.strip()}"
            references = _references(value, program, _percentages(report))
            yield Item(f"{text_field(place, report, 'id')}_{turn}", told, references)
            told += f"\nAnswer: {references[0]}"


def _told(context: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = " ".join(" ".join(context).split())
    table = "\n".join(" | ".join(" ".join(cell.split()) for cell in row) for row in rows)
    return f"Context: {text}\nTable:\n{table}"


def _rows(place: str, found: object) -> list[list[str]]:
    if not isinstance(found, list) or not found:
        raise SelfspecError(place, "has no table", "give 'table' a list of rows")
    for row in found:
        if not isinstance(row, list) or not all(isinstance(cell, str) for cell in row):
            raise SelfspecError(place, f"a row of the table is {row!r}", "give each row as a list of texts")
    return found


def _order(place: str, paragraph: dict[str, object]) -> int:
    order = paragraph.get("order")
    if not isinstance(order, int):
        raise SelfspecError(place, "field 'order' is not a number", "number the paragraphs")
    return order


def _pieces(place: str, answer: object) -> list[str]:
    """A list of spans, or one number or text; blank spans, of which the published file has one, are passed over."""
    found = [_plain(one) for one in (answer if isinstance(answer, list) else [answer])]
    filled = [piece.strip() for piece in found if piece is not None and piece.strip()]
    if None in found or not filled:
        raise SelfspecError(place, f"has no reference: field 'answer' is {answer!r}", "give a text, number or list")
    return filled


def _plain(value: object) -> str | None:
    """A text as it is, a number to five decimals without trailing zeros; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    written = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def _turns(place: str, report: dict[str, object]) -> Iterator[tuple[str, str, object]]:
    """Question, program and value of each turn of a conversation."""
    annotation = as_object(f"{place}.annotation", report.get("annotation"))
    if "cur_dial" in annotation:
        raise SelfspecError(place, "is from a file of single turns", "give the file of conversations, dev.json")
    questions, programs = (texts(f"{place}.annotation", annotation, key) for key in ("dialogue_break", "turn_program"))
    values = annotation.get("exe_ans_list")
    if not isinstance(values, list) or not all(_plain(value) for value in values):
        reason = f"has no reference: field 'exe_ans_list' is {values!r}"
        raise SelfspecError(place, reason, "take the dev part; the official test part comes without answers")
    if not len(questions) == len(programs) == len(values):
        reason = f"{len(questions)} questions, {len(programs)} programs and {len(values)} values"
        raise SelfspecError(place, reason, "give each turn one of each")
    yield from zip(questions, programs, values, strict=True)


def _percentages(report: dict[str, object]) -> list[object]:
    """The values which the report's own answers give in percent."""
    own = [value for key, value in report.items() if key in ("qa", "qa_0", "qa_1") and isinstance(value, dict)]
    return [qa.get("exe_ans") for qa in own if str(qa.get("answer", "")).strip().endswith("%")]


def _references(value: object, program: str, percentages: list[object]) -> tuple[str, ...]:
    plain = str(_plain(value))
    if not isinstance(value, int | float):
        return (plain,)
    percent = f"{_plain(round(100 * value, 2))}%"
    if value in percentages:
        return (percent, plain)
    return (plain, percent) if program.rpartition("), ")[2].startswith("divide(") else (plain,)
