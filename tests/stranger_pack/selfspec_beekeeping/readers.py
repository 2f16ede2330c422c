"""A format of the pack's own: a question, an arrow, its answer."""

from collections.abc import Iterator
from pathlib import Path

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs import Item
from selfspec_assets.packs.readers.files import filled_lines
from selfspec_beekeeping.seasons import SEASONS


def arrows(path: Path, *, mark: str) -> Iterator[Item]:
    """One item per line."""
    for number, line in filled_lines(path):
        question, found, answer = line.partition(mark)
        if not found or answer.strip() not in SEASONS:
            raise SelfspecError(f"{path}:{number}", f"does not end in {mark} and a season", "write question -> season")
        yield Item(f"line-{number}", question.strip(), (answer.strip(),))
