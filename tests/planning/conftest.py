"""The tiny project's warehouse."""

import pytest

from selfspec_assets.base import home
from selfspec_assets.warehouse import Warehouse
from tests.conftest import Project


@pytest.fixture
def warehouse(project: Project, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setattr(home, "BUNDLED", project.folder)  # the shipped recipes have nothing here, and take their time
    return Warehouse(project.folder / "warehouse")
