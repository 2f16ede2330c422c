"""An empty warehouse, and a folder to keep in it."""

from pathlib import Path

import pytest

from selfspec_assets.warehouse import Warehouse


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
