"""A tuned tiny project for all tests of a module; none of them changes it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.exports.tuned import Tuned, find_tuned
from tests.conftest import Project, copied


@pytest.fixture(scope="module")
def tuned_project(_one_iteration: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One iteration of two has run."""
    with pytest.MonkeyPatch.context() as patch:
        yield copied(_one_iteration, tmp_path_factory.mktemp("exports") / "project", patch)


@pytest.fixture(scope="module")
def tuned(tuned_project: Project) -> Tuned:
    return find_tuned(load_recipe("tiny"), "botany", None, lambda line: None)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out" / "export"
