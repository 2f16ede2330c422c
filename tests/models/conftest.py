"""A small model, an adapter of it, a copy that may be spoilt, and one held in four bits."""

import shutil
from pathlib import Path

import pytest

from selfspec_assets.models.language_model import ModelSpec
from tests.tiny_models import write_adapter, write_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    write_model(folder)
    return folder


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(ModelSpec(str(base)), tmp_path_factory.mktemp("adapter"), 1)


@pytest.fixture
def copy(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "copy"))


@pytest.fixture(scope="module")
def spec(base: Path) -> ModelSpec:
    return ModelSpec(str(base))


@pytest.fixture(scope="module")
def four_bits(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    base = write_model(tmp_path_factory.mktemp("nf4"), hidden_size=64, intermediate_size=64)
    return base.model_copy(update={"quantization": "nf4"})
