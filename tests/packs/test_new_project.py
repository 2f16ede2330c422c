"""``selfspec init``: a project that `check` takes as it is, and nothing where there is something."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.packs.new_project import lay_out
from selfspec_assets.recipe.recipe import load_recipe, recipe_names


def test_a_project_is_laid_out_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SELFSPEC_HOME", raising=False)
    done = CliRunner().invoke(app, ["init", str(tmp_path / "mine")])
    assert done.exit_code == 0
    assert "selfspec run first" in done.stdout
    names = {str(path.relative_to(tmp_path / "mine")) for path in (tmp_path / "mine").rglob("*") if path.is_file()}
    rooms = {"recipes/first.yaml", "domains/README.md", "seeds/README.md"}
    assert names == rooms | {"dagster.yaml", "workspace.yaml", ".gitignore"}
    monkeypatch.chdir(tmp_path / "mine")
    assert load_recipe("first").path == Path.cwd() / "recipes" / "first.yaml"
    assert "quickstart" in recipe_names()  # what ships is found, and was not copied
    checked = CliRunner().invoke(app, ["check", "first"])
    assert checked.exit_code == 0, checked.output


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    lay_out(tmp_path / "mine")
    assert (tmp_path / "mine" / "recipes" / "first.yaml").is_file()
    assert os.listdir(tmp_path) == ["mine"]


@pytest.mark.parametrize("what", ["a file", "not empty", "a link"])
def test_where_something_is_nothing_is_written(tmp_path: Path, what: str) -> None:
    path = tmp_path / "mine"
    if what == "a file":
        path.write_text("work")
    elif what == "not empty":
        path.mkdir()
        (path / "work").write_text("years")
    else:
        (tmp_path / "other").mkdir()
        path.symlink_to(tmp_path / "other")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SelfspecError, match="not empty: it holds work" if what == "not empty" else "is no folder"):
        lay_out(path)
    assert sorted(tmp_path.rglob("*")) == before
