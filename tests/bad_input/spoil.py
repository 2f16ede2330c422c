"""Ways to spoil a project: each function returns what is to be done to it."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import Project, write_lines

Spoil = Callable[[Project], Any]
RECIPE, PACK = "recipes/tiny.yaml", "domains/botany/domain.yaml"
SEEDS, CORPUS, ITEMS = "seeds/botany.jsonl", "data/corpus.jsonl", "data/colours.jsonl"


def recipe(**changes: Any) -> Spoil:
    """Keys of the recipe; ``adapter__r`` is ``adapter.r``."""
    return lambda project: _save(project, project.recipe, changes)


def pack(**changes: Any) -> Spoil:
    """Keys of ``domain.yaml``."""
    return lambda project: _save(project, project.pack, changes)


def benchmark(**changes: Any) -> Spoil:
    """Keys of the pack's one benchmark."""
    return lambda project: _save(project, project.pack["published"]["benchmarks"][0], changes)


def _save(project: Project, top: dict[str, Any], changes: dict[str, Any]) -> None:
    for dotted, value in changes.items():
        *parents, last = dotted.split("__")
        inner = top
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    project.save()


def without(relative: str, *path: str) -> Spoil:
    """A YAML file without one of its keys."""

    def act(project: Project) -> None:
        file = project.folder / relative
        value = yaml.safe_load(file.read_text())
        inner = value
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        file.write_text(yaml.safe_dump(value))

    return act


def add(relative: str, text: str) -> Spoil:
    """Text at the end of a file."""
    return lambda project: _write(project.folder / relative, (project.folder / relative).read_bytes() + text.encode())


def put(relative: str, content: str | bytes) -> Spoil:
    """Another file in its place."""
    return lambda project: _write(project.folder / relative, content.encode() if isinstance(content, str) else content)


def rows(relative: str, *values: dict[str, Any]) -> Spoil:
    """JSON lines in its place."""
    return lambda project: write_lines(project.folder / relative, list(values))


def edit_json(relative: str, **values: Any) -> Spoil:
    """Keys of a JSON file; None takes a key away."""

    def act(project: Project) -> None:
        file = project.folder / relative
        value = {**json.loads(file.read_text()), **values}
        file.write_text(json.dumps({key: inner for key, inner in value.items() if inner is not None}))

    return act


def cut(relative: str, size: int) -> Spoil:
    """The first ``size`` bytes; a negative number leaves so many away."""
    return lambda project: _write(project.folder / relative, (project.folder / relative).read_bytes()[:size])


def gone(relative: str) -> Spoil:
    return lambda project: _remove(project.folder / relative)


def folder(relative: str) -> Spoil:
    """A folder where a file should be."""
    return lambda project: (_remove(project.folder / relative), (project.folder / relative).mkdir(parents=True))


def link(relative: str, target: str) -> Spoil:
    """A symbolic link where a file should be."""
    return lambda project: (_remove(project.folder / relative), (project.folder / relative).symlink_to(target))


def variable(name: str, value: str | None) -> Spoil:
    """An environment variable; ``{project}`` is the project's folder."""

    def act(project: Project) -> None:
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value.format(project=project.folder)

    return act


def all_of(*spoils: Spoil) -> Spoil:
    """One after the other."""

    def act(project: Project) -> None:
        for spoil in spoils:
            spoil(project)

    return act


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
