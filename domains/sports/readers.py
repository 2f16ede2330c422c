"""The reader of SportQA, whose format is its own; the other benchmarks are read by selfspec_assets.packs.readers."""

import re
from collections.abc import Iterator
from pathlib import Path

from selfspec_assets.packs import Item, Remark, text_field
from selfspec_assets.packs.readers.files import records
from selfspec_assets.packs.readers.options import split_options

ANSWER = re.compile(r"([A-Z])(?:[).].*)?")  # one published answer repeats its option after the letter


def sportqa(path: Path) -> Iterator[Item | Remark]:
    """SportQA (Xia et al. 2024), levels 1 and 2, ``[{Question, Answer}]``: the answer is the letter of an option.

    The options stand in the question, each in a line of its own; they are all written as "A) …" here. A question whose
    options or answer cannot be told is left out with a remark: a few of the published ones are torn.

    Raises:
        SelfspecError: not such a file, a question or an answer that is missing or blank.
    """
    for index, (place, record) in enumerate(records(path)):
        question, answer = text_field(place, record, "Question"), text_field(place, record, "Answer")
        try:
            asked, options = split_options(question)
        except ValueError as error:
            yield Remark(str(error), place, drops=True)
            continue
        found = ANSWER.fullmatch(answer.strip())
        if not found or found[1] not in options:
            yield Remark("an answer that is none of the options", place, drops=True)
            continue
        lines = [asked, *(f"{letter}) {text}" for letter, text in options.items())]
        yield Item(f"question-{index}", "\n".join(lines), (found[1],))
