"""One trial: a sound project, one thing in it spoiled, the work that meets it, and what is said and stored then."""

import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from tests.conftest import Project, make_project


@dataclass(frozen=True)
class Case:
    """How to spoil a project, and a piece of each part of the message that must follow."""

    name: str
    spoil: Callable[[Project], Any]
    place: str
    reason: str
    remedy: str

    def __post_init__(self) -> None:
        assert self.place, self.name
        assert self.reason, self.name
        assert self.remedy, self.name


@dataclass(frozen=True)
class Kind:
    """Cases of one kind of input; ``ways`` are the pieces of work that meet it, each of which must refuse it."""

    name: str
    ways: tuple[Callable[[Project, Any], object], ...]  # (project, what ``spoil`` returned)
    cases: tuple[Case, ...]
    prepare: Callable[[Project], object] = field(default=lambda project: None)


class Counts(NamedTuple):
    """Bad inputs given, and those that were refused as they must be."""

    tried: int
    caught: int


_outcomes: list[bool] = []  # of every trial of this process: was it caught


def counts() -> Counts:
    """Of every trial so far, whoever made it; for a closing table."""
    return Counts(len(_outcomes), sum(_outcomes))


def complaint(kind: Kind, case: Case, project: Project) -> str | None:
    """What was wrong with the refusal; None: it named place, reason and remedy, and nothing was stored."""
    found = _complaint(kind, case, project)
    _outcomes.append(found is None)
    return found


def _complaint(kind: Kind, case: Case, project: Project) -> str | None:
    kind.prepare(project)
    warehouse = home.warehouse_folder()
    given = case.spoil(project)
    before = stored(warehouse)
    for number, way in enumerate(kind.ways):
        said = _said(way, project, given)
        if not isinstance(said, SelfspecError):
            return f"way {number}: {said}"
        parts = {"place": case.place, "reason": case.reason, "remedy": case.remedy}
        for part, expected in parts.items():
            if expected not in getattr(said, part):
                return f"way {number}: no {expected!r} in the {part} of: {said}"
    return None if stored(warehouse) == before else "something was stored"


def made_once(make: Callable[[Project], object]) -> Callable[[Project], object]:
    """``make`` for the first project; the others get a copy of what it stored, which takes no time."""
    kept: dict[str, bytes] = {}

    def prepare(project: Project) -> None:
        warehouse = home.warehouse_folder()
        if not kept:
            make(project)
            kept.update(stored(warehouse))
        for name, content in kept.items():
            (warehouse / name).parent.mkdir(parents=True, exist_ok=True)
            (warehouse / name).write_bytes(content)

    return prepare


def _said(way: Callable[[Project, Any], object], project: Project, given: Any) -> SelfspecError | str:
    try:
        way(project, given)
    except SelfspecError as error:
        return error
    except Exception as error:
        return f"a bare {type(error).__name__}: {error}"
    return "it was taken"


def stored(warehouse: Path) -> dict[str, bytes]:
    """Every revision, manifest entry and published byte; locks and the notes on failed attempts hold no results."""
    places = [warehouse / "selfspec.duckdb", warehouse / "revisions", warehouse / "manifest"]
    found = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
    return {str(path.relative_to(warehouse)): path.read_bytes() for path in found}


def try_all(kinds: Iterable[Kind], folder: Path, model: Path) -> dict[str, Counts]:
    """All cases, without a test runner's help: kind → counts.

    Args:
        kinds: of input.
        folder: an empty one, for a project per case.
        model: a small model's folder.
    """
    found = {}
    for kind in kinds:
        caught = 0
        for number, case in enumerate(kind.cases):
            with sound_project(folder / f"{kind.name}-{number}", model) as project:
                caught += complaint(kind, case, project) is None
        found[kind.name] = Counts(len(kind.cases), caught)
    return found


class sound_project(AbstractContextManager[Project]):
    """A project that nothing is wrong with; the environment is as before when the block ends."""

    def __init__(self, folder: Path, model: Path) -> None:
        self._folder, self._model, self._patch = folder, model, pytest.MonkeyPatch()

    def __enter__(self) -> Project:
        self._environment = dict(os.environ)
        return make_project(self._folder, self._model, self._patch)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()
        os.environ.clear()  # a case may have set what the project itself does not
        os.environ.update(self._environment)
