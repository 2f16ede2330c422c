"""Which pictures a step has, and where their rows come from."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from selfspec_assets.reports.pictures.canvas import Drawing, Form, Picture, Rows, drawing
from selfspec_assets.reports.pictures.loss import loss
from selfspec_assets.reports.query import query_rows
from selfspec_assets.reports.score_table import text

Tables = Mapping[str, Rows]


def _adapter(tables: Tables) -> Iterator[Drawing | None]:
    yield loss(tables["losses"])


_DRAWN: dict[str, tuple[tuple[str, ...], Callable[[Tables], Iterator[Drawing | None]]]] = {
    "adapter": (("losses",), _adapter),
}
STEPS = tuple(_DRAWN)


def of_step(step: str, tables: Tables, form: Form = "png") -> list[Picture]:
    """The pictures of one step's rows; none of a step that has no picture.

    Args:
        tables: table -> rows, each column -> value; a table that is not given has no rows.
    """
    if step not in _DRAWN:
        return []
    names, drawn = _DRAWN[step]
    with drawing():
        found = drawn({name: tables.get(name, ()) for name in names})
        return [one.rendered(form) for one in found if one is not None]


def of_partition(
    database: Path, recipe: str, domain: str, iteration: int, step: str, form: Form = "png"
) -> list[Picture]:
    """The same of one partition, read from the published database.

    Raises:
        SelfspecError: there is no database.
    """
    return of_step(step, _read(database, recipe, domain, iteration, step), form)


def _read(database: Path, recipe: str, domain: str, iteration: int, step: str) -> dict[str, Rows]:
    where = f"recipe = {text(recipe)} AND domain = {text(domain)} AND iteration = {iteration}"
    names = _DRAWN[step][0] if step in _DRAWN else ()
    return {name: query_rows(database, f"SELECT * FROM {name} WHERE {where}") for name in names}
