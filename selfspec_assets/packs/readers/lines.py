"""Text classification with one text per line: ``text<TAB>label``, ``text@label``."""

from collections.abc import Iterator
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.files import Labels, Separator, filled_lines, label_of
from selfspec_assets.packs.records import Item


def labelled_lines(
    path: Path,
    *,
    labels: Labels,
    separator: Separator = "\t",
    between: str = "",
    none: str = "",
    encoding: str = "utf-8",
) -> Iterator[Item]:
    """The text of each line that is not blank → its label, or its labels in the file's order, comma separated.

    Args:
        labels: every label; as a mapping, from the file's word to the answer.
        separator: the last one of a line stands before its label.
        between: what stands between several labels of one text; "" if there is always one.
        none: the file's word for no label at all; such texts are kept and answered "none".
        encoding: of the file.

    Raises:
        SelfspecError: a line without text or label, a label that is not declared.
    """
    part = before = 0
    for number, line in filled_lines(path, encoding):
        part, before = part + (number > before + 1), number
        place = f"{path}:{number}"
        text, _, label = line.rpartition(separator)
        if not text.strip() or not label.strip():
            raise SelfspecError(place, f"has no text or no label around {separator!r}", "write text, separator, label")
        words = label.strip().split(between) if between else [label.strip()]
        answers = ["none"] if none and words == [none] else [label_of(place, word, labels) for word in words]
        yield Item(f"line-{number}", text.strip(), (", ".join(answers),), f"part-{part}")
