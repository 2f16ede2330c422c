"""Each bad input is refused with its place, its reason and a remedy, and nothing is stored."""

from pathlib import Path
from typing import Any

import pytest

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.planning.check import check_recipe
from selfspec_assets.recipe.recipe import load_recipe
from tests.bad_input import trial
from tests.bad_input.kinds import KINDS
from tests.bad_input.spoil import CORPUS, ITEMS, PACK, RECIPE, SEEDS
from tests.bad_input.trial import Case, Kind, sound_project
from tests.conftest import Project


@pytest.mark.parametrize(
    ("kind", "case"),
    [pytest.param(kind, case, id=f"{kind.name}: {case.name}") for kind in KINDS for case in kind.cases],
)
def test_it_is_refused_with_words_and_nothing_is_stored(
    kind: Kind, case: Case, tmp_path: Path, tiny_model: Path
) -> None:
    with sound_project(tmp_path / "project", tiny_model) as project:
        assert trial.complaint(kind, case, project) is None


def test_there_are_many_and_no_two_are_one() -> None:
    assert sum(len(kind.cases) for kind in KINDS) >= 200
    for kind in KINDS:
        names = [case.name for case in kind.cases]
        assert len(set(names)) == len(names), kind.name


def refused(project: Project, given: Any) -> None:
    raise SelfspecError("place", "reason", "remedy")


def stored_and_refused(project: Project, given: Any) -> None:
    (home.warehouse_folder() / "revisions").mkdir(parents=True)
    (home.warehouse_folder() / "revisions" / "half").touch()
    refused(project, given)


def broken(project: Project, given: Any) -> None:
    raise KeyError("x")


@pytest.mark.parametrize(
    ("way", "remedy", "said"),
    [
        (refused, "remedy", None),
        (refused, "cure", "no 'cure' in the remedy"),
        (broken, "remedy", "a bare KeyError"),
        (lambda project, given: None, "remedy", "it was taken"),
        (stored_and_refused, "remedy", "something was stored"),
    ],
)
def test_a_trial_can_fail(
    way: Any, remedy: str, said: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_outcomes", [])
    kind = Kind("made up", (refused, way), (Case("x", lambda project: None, "place", "reason", remedy),))
    if said is None or remedy == "cure":
        kind = Kind("made up", (way,), kind.cases)
    with sound_project(tmp_path / "project", tmp_path) as project:
        found = trial.complaint(kind, kind.cases[0], project)
    assert said is None if found is None else said is not None and said in found
    assert trial.counts() == (1, int(said is None))


@pytest.mark.parametrize("change", ["a mark in front", "CRLF", "both"])
@pytest.mark.parametrize("relative", [RECIPE, PACK, SEEDS, CORPUS, ITEMS, "domains/botany/answer.j2"])
def test_what_windows_writes_is_read_as_if_it_had_not(relative: str, change: str, project: Project) -> None:
    """A byte-order mark and carriage returns are no mistakes, and may not get into a prompt either."""
    sound, text = load(), (project.folder / relative).read_bytes()
    assert b"\r" not in text
    text = text.replace(b"\n", b"\r\n") if change != "a mark in front" else text
    (project.folder / relative).write_bytes(text if change == "CRLF" else b"\xef\xbb\xbf" + text)
    assert load() == sound


def load() -> Any:
    """What is read of a project, without digests of bytes."""
    from selfspec_assets.packs.census import first_documents
    from selfspec_assets.packs.items import load_items
    from selfspec_assets.packs.pack import load_pack
    from selfspec_assets.packs.records import load_seeds

    named = load_recipe("tiny")
    lines, problem = check_recipe(named, "botany")
    assert problem is None, problem
    pack = load_pack("botany")
    items = [load_items(pack, benchmark, "published") for benchmark in pack.data("published").benchmarks]
    texts = (pack.instruction_header.source, pack.response_prompt.source)
    documents = first_documents(pack, "published", 100)
    return named.recipe, pack.file, texts, load_seeds(pack.seeds_path("published")), items, documents, lines
