"""What every format yields."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One document as its file has it.

    ``position`` is its first line, or the number of its row (from 0) or article (from 1) where a format has no lines.
    ``deleted``: the file says that documents of this id, read before, are to be taken out.
    """

    id: str
    title: str
    text: str
    position: int
    deleted: bool = False
