"""selfspec in a Dagster project that somebody else has: laid out as `create-dagster` does, and made by it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

import selfspec_assets
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.planning.garbage import expected_signatures
from selfspec_assets.recipe.component_file import load_again
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from tests.conftest import Project

DEFINITIONS = """
from pathlib import Path
from dagster import definitions, load_from_defs_folder

@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


def lay_out(folder: Path, project: Project, **attributes: Any) -> Path:
    """A project of the form of `create-dagster project theirs`, with the tiny recipe as a component."""
    package = folder / "src" / "theirs"
    component = package / "defs" / "plants"
    component.mkdir(parents=True)
    for path in (package, package / "defs"):
        (path / "__init__.py").touch()
    (package / "definitions.py").write_text(DEFINITIONS)
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "theirs"\nversion = "0.1.0"\n'
        '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "theirs"\n'
    )
    write_component(component, project, **attributes)
    return component


def write_component(component: Path, project: Project, **attributes: Any) -> None:
    component.mkdir(parents=True, exist_ok=True)
    recipe = {"project": os.path.relpath(project.folder, component), **project.recipe, **attributes}
    written = {"type": "selfspec_assets.SelfSpecialization", "attributes": recipe}
    (component / "defs.yaml").write_text(yaml.safe_dump(written))


def load(folder: Path) -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=folder / "src" / "theirs")


@pytest.fixture
def theirs(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of their project; no variable names ours."""
    monkeypatch.setenv("SELFSPEC_HOME", "")  # restored afterwards, whatever is put there
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "theirs" / "src"))
    for name in [name for name in sys.modules if name.split(".")[0] == "theirs"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path / "theirs"


def test_a_components_attributes_are_the_recipe(theirs: Path, project: Project) -> None:
    component = lay_out(theirs, project)
    definitions = load(theirs)
    keys = {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}
    assert {"plants/seeds", "plants/scores", "plants/published_adapters"} <= keys
    assert definitions.executor is None, "their other assets run as they like"
    assert definitions.resolve_job_def("plants").executor_def is dg.in_process_executor
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=instance, partition_key="botany", asset_selection=[dg.AssetKey(["plants", "seeds"])]
        )
        assert result.success
    assert project.database.is_file(), "it lies in the project that the component names"

    named = load_again(component / "defs.yaml")
    same = load_recipe("tiny")
    assert (named.name, named.recipe) == ("plants", same.recipe)
    assert expected_signatures(Lineage(named)) == expected_signatures(Lineage(same))


def test_a_wrong_key_of_a_component_is_named(theirs: Path, project: Project) -> None:
    component = lay_out(theirs, project, adaptor={"r": 4})
    with pytest.raises(Exception, match="Error while loading component plants") as caught:
        load(theirs)
    assert re.search(r"adaptor at .*defs\.yaml:\d+", str(caught.value.__cause__))
    with pytest.raises(SelfspecError, match=r"defs.yaml:\d+: unknown key 'attributes.adaptor'"):
        load_again(component / "defs.yaml")


def test_definitions_of_a_file_go_beside_their_own(theirs: Path, project: Project) -> None:
    @dg.asset
    def their_table() -> None: ...

    ours = selfspec_assets.definitions_for("recipes/tiny.yaml", project=project.folder)
    both = dg.Definitions.merge(ours, dg.Definitions([their_table], executor=dg.multiprocess_executor))
    keys = {key.to_user_string() for key in both.resolve_asset_graph().get_all_asset_keys()}
    assert {"tiny/seeds", "their_table"} <= keys
    with pytest.raises(SelfspecError, match=r"is asked for, but .* is in use") as caught:
        selfspec_assets.definitions_for("x.yaml", project=theirs.parent)
    assert "two code locations" in caught.value.remedy
    with pytest.raises(SelfspecError, match="no recipe is named"):
        selfspec_assets.definitions_for()
    assert {"SelfSpecialization", "definitions_for"} <= set(dir(selfspec_assets))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_in_a_project_made_by_create_dagster(theirs: Path, project: Project, tmp_path: Path) -> None:
    """A release of Dagster comes with it, so it has an environment of its own; the project runs in ours."""
    tool = tmp_path / "tool"
    subprocess.run([sys.executable, "-m", "venv", str(tool)], check=True)
    pip = [str(tool / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", "create-dagster"]
    if subprocess.run(pip, check=False).returncode:
        pytest.skip("create-dagster cannot be had from PyPI")
    environment = {**os.environ, "DAGSTER_HOME": ""}
    command = [str(tool / "bin" / "create-dagster"), "project", "theirs", "--no-uv-sync"]
    subprocess.run(command, cwd=tmp_path, check=True, env=environment, input=b"n\n")
    write_component(theirs / "src" / "theirs" / "defs" / "plants", project)
    shutil.rmtree(tool)
    run = [sys.executable, "-m", "dagster", "asset", "materialize", "-m", "theirs.definitions"]
    environment |= {"PYTHONPATH": os.pathsep.join([str(theirs / "src"), *filter(None, sys.path)]), "SELFSPEC_HOME": ""}
    done = subprocess.run(
        [*run, "--select", "plants/seeds", "--partition", "botany"],
        cwd=theirs, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert project.database.is_file()
