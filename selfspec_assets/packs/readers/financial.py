"""Questions about a table and the text beside it: TAT-QA (Zhu et al. 2021) and ConvFinQA (Chen et al. 2022)."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.files import as_object, label_of, objects, records, texts
from selfspec_assets.packs.records import BLANK_ALTERNATIVE, Item, Remark, text_field

_FIGURE = re.compile(r"-?\$?(\d[\d,]*\.?\d*|\.\d+)%?")
SCALES = {"": "", "thousand": " thousand", "million": " million", "billion": " billion", "percent": "%"}


def tatqa(path: Path) -> Iterator[Item | Remark]:
    """``[{table, paragraphs, questions}]``: the report, then one question about it.

    The answer is written as a person would: a number with its scale ("6.5 million", "-6%"), several spans separated
    by commas, each with the scale, once.

    Raises:
        SelfspecError: a field that is missing or of another type, a scale that is not known, no answer.
    """
    for number, (report_place, report) in enumerate(records(path)):
        paragraphs = sorted(objects(report_place, report, "paragraphs"), key=lambda paragraph: _order(*paragraph))
        context = [text_field(place, paragraph, "text") for place, paragraph in paragraphs]
        table = as_object(f"{report_place}.table", report.get("table"))
        told = _told(context, _rows(f"{report_place}.table", table.get("table")))
        for place, question in objects(report_place, report, "questions"):
            scale = label_of(place, text_field(place, question, "scale", empty=True), SCALES)
            name = text_field(place, question, "uid")
            pieces, blanks = _pieces(place, question.get("answer"))
            if blanks:
                yield Remark(BLANK_ALTERNATIVE, name)
            # A span may have been marked with its scale: "$3.0 million".
            answer = ", ".join(piece if scale and piece.endswith(scale.strip()) else piece + scale for piece in pieces)
            asked = f"{told}\nQuestion: {text_field(place, question, 'question').strip()}"
            yield Item(name, asked, (answer,), f"report-{number}")


def convfinqa(path: Path) -> Iterator[Item]:
    """``[{id, pre_text, post_text, table, annotation}]``, the conversation-level files: one item per turn.

    Earlier turns stand in the question with their right answers. A gold value is what the turn's program computes, so
    that a quarter is 0.25. It is asked for as people answered it: where their answer is a percentage, "25%" is the
    first reference and "0.25" the second; where it is another figure, the value is the only one. Such an answer is
    known of a turn that copies a figure of the report (its program is "25%" or "12") and of a question's last turn
    (the report's own ``qa``). Decided for the steps between: "25%" is the second reference where a step ends in a
    division, which may be meant as a share, or its question asks for percent.

    Raises:
        SelfspecError: a field that is missing or of another type, a turn without a question or a value.
    """
    for place, report in records(path):
        context = [text for key in ("pre_text", "post_text") for text in texts(place, report, key, empty=True)]
        told = _told(context, _rows(place, report.get("table")))
        for index, turn in enumerate(_turns(place, report)):
            told += f"\nQuestion: {turn.question.strip()}"
            references = _references(turn)
            name = text_field(place, report, "id")
            yield Item(f"{name}_{index}", told, references, name)
            told += f"\nAnswer: {references[0]}"


def _told(context: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = " ".join(" ".join(context).split())
    table = "\n".join(" | ".join(" ".join(cell.split()) for cell in row) for row in rows)
    return f"Context: {text}\nTable:\n{table}"


def _rows(place: str, rows: object) -> list[list[str]]:
    if not isinstance(rows, list) or not rows:
        raise SelfspecError(place, "has no table", "give 'table' a list of rows")
    for row in rows:
        if not isinstance(row, list) or not all(isinstance(cell, str) for cell in row):
            raise SelfspecError(place, f"a row of the table is {row!r}", "give each row as a list of texts")
    return rows


def _order(place: str, paragraph: dict[str, object]) -> int:
    order = paragraph.get("order")
    if not isinstance(order, int):
        raise SelfspecError(place, "field 'order' is not a number", "number the paragraphs")
    return order


def _pieces(place: str, answer: object) -> tuple[list[str], int]:
    """A list of spans, or one number or text; and how many spans are blank, as one of the published file is."""
    spans = [_plain(span) for span in (answer if isinstance(answer, list) else [answer])]
    filled = [piece.strip() for piece in spans if piece is not None and piece.strip()]
    if None in spans or not filled:
        raise SelfspecError(place, f"has no reference: field 'answer' is {answer!r}", "give a text, number or list")
    return filled, len(spans) - len(filled)


def _plain(value: object) -> str | None:
    """A text as it is, a number to five decimals without trailing zeros; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    written = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


@dataclass(frozen=True)
class _Turn:
    """One turn of a conversation; ``answered``: as a person wrote the answer, "" where that is not told."""

    question: str
    program: str
    value: object
    answered: str


def _turns(place: str, report: dict[str, object]) -> Iterator[_Turn]:
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
    own = _own_answers(place, report, annotation.get("qa_split", [0] * len(values)), values)
    for index, (question, program, value) in enumerate(zip(questions, programs, values, strict=True)):
        yield _Turn(question, program, value, own.get(index, program if _FIGURE.fullmatch(program.strip()) else ""))


def _own_answers(place: str, report: dict[str, object], split: object, values: Sequence[object]) -> dict[int, str]:
    """Turn → the report's own answer, which is to the last turn of each question; a blank one is not told.

    Args:
        split: for each turn 0 or 1, the question that it is a step of.
        values: of the turns; an answer belongs to another turn if its value is another.
    """
    if not isinstance(split, list) or len(split) != len(values) or not all(question in (0, 1) for question in split):
        raise SelfspecError(place, f"field 'qa_split' is {split!r}", "give each turn 0 or 1")
    last = {question: index for index, question in enumerate(split)}
    answers: dict[int, str] = {}
    for key, question in (("qa", 0), ("qa_0", 0), ("qa_1", 1)):
        qa = report.get(key)
        if isinstance(qa, dict) and question in last and qa.get("exe_ans") == values[last[question]]:
            answers[last[question]] = str(qa.get("answer", "")).strip()
    return answers


def _references(turn: _Turn) -> tuple[str, ...]:
    plain = str(_plain(turn.value))
    if not isinstance(turn.value, int | float):
        return (plain,)
    percentage = _percentage(turn.value, turn.answered)
    if turn.answered:
        return (percentage, plain) if turn.answered.endswith("%") else (plain,)
    divides = turn.program.rpartition("), ")[2].startswith("divide(")
    return (plain, percentage) if divides or "percent" in turn.question.lower() else (plain,)


def _percentage(value: float, answered: str) -> str:
    """A share in percent; a program may have made it so itself: then it computes 5.4, and not 0.054, for "5.4%"."""
    figure = _FIGURE.search(answered)
    written = float(figure[1].replace(",", "")) if figure else math.inf
    factor = 1 if abs(written - abs(value)) < abs(written - abs(100 * value)) else 100
    return f"{_plain(round(factor * value, 2))}%"
