"""The tiny project in batches so small that each step has several chunks, and what one process makes of it."""

from pathlib import Path

import pytest

from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.recipe.recipe import load_recipe
from tests.conftest import Project, make_project
from tests.kill.state import State
from tests.steps.workers.projects import in_small_batches, outcome


@pytest.fixture(scope="session")
def of_one_process(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> State:
    """The outcome of two iterations that one process has made; the second answers with adapters and a contrast."""
    with pytest.MonkeyPatch.context() as patch:
        project = in_small_batches(make_project(tmp_path_factory.mktemp("alone") / "project", tiny_model, patch))
        run_recipe(load_recipe("tiny"), ["botany"], 2, lambda line: None)
        return outcome(project)


@pytest.fixture
def small(project: Project) -> Project:
    """The same project, of which nothing is made."""
    return in_small_batches(project)
