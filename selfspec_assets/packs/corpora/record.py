"""What every format yields."""

from dataclasses import dataclass

from selfspec_assets.base.errors import SelfspecError


@dataclass(frozen=True, slots=True)
class Record:
    """One document as its file has it.

    ``position`` is its first line, or the number of its row (from 0) or article (from 1) where a format has no lines.
    ``deleted``: the file says that documents of this id, read before, are to be taken out.
    ``selected``: the source's own rule takes it.
    """

    id: str
    title: str
    text: str
    position: int
    deleted: bool = False
    selected: bool = True


def used_twice(name: str, place: str, before: str) -> SelfspecError:
    """Two documents of one source have one id; places are ``file:line``, or the row where a format has no lines."""
    remedy = "give every document an id of its own, or declare no id column"
    return SelfspecError(place, f"id {name!r} was used at {before} already", remedy)
