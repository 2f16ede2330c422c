"""An empty warehouse, and a folder to keep in it."""

import shutil
from pathlib import Path

import pytest

from selfspec_assets.warehouse import Warehouse
from tests.warehouse.finished_loop import Loop, finished_loop


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


@pytest.fixture
def adapter(tmp_path) -> Path:
    folder = tmp_path / "made" / "adapter"
    (folder / "sub").mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(bytes(range(256)) * 50)
    (folder / "sub" / "adapter_config.json").write_text("{}")
    return folder


@pytest.fixture(scope="session")
def finished_loop_to_read(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """For tests that change nothing."""
    return finished_loop(tmp_path_factory.mktemp("finished") / "warehouse")


@pytest.fixture
def loop(finished_loop_to_read: Loop, tmp_path: Path) -> Loop:
    """A copy of it, for tests that go on."""
    shutil.copytree(finished_loop_to_read.warehouse.root, tmp_path / "loop" / "warehouse")
    return Loop(Warehouse(tmp_path / "loop" / "warehouse"))
