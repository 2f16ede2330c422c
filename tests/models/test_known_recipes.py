"""Known models in recipes: what check, plan and run say where the weights are here, and where they are not."""

import re
import sys
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.source import model_folder, template_note
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.planning.check import check_recipe
from selfspec_assets.planning.plan import plan
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse
from tests.conftest import Project
from tests.tiny_gguf import tiny_gguf
from tests.tiny_wheels import NAME, Shop, open_shop


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("fern"))


@pytest.fixture
def fern(project: Project, tmp_path: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Project, Shop]:
    """The tiny project with the known model as its base."""
    project.recipe["base_model"] = {"model": NAME}
    project.recipe["adapter"]["max_length"] = 256
    project.recipe["instructions"]["max_new_tokens"] = 20
    project.save()
    return project, open_shop(tmp_path / "shop", gguf, monkeypatch)


def test_a_run_that_lacks_its_model_says_the_command_before_any_work(fern: tuple[Project, Shop]) -> None:
    project, shop = fern
    named = load_recipe("tiny")
    assert Lineage(named).model_identity == f"gguf-{shop.source.sha256}-1 auto none", "known without the weights"
    said = "tiny-fern-part0==1.0 is neither downloaded nor installed"
    with pytest.raises(SelfspecError, match=said) as caught:
        run_recipe(named, ["botany"], 1, lambda line: None)
    assert caught.value.remedy == "selfspec models get tiny-fern"
    assert not (project.folder / "warehouse" / "revisions").exists()
    _, error = check_recipe(named, "botany")
    assert str(error) == str(caught.value)
    rows = {row.step: row for row in plan([(named, ["botany"])], Warehouse(project.folder / "warehouse"))}
    assert rows["base_predictions"].state == rows["responses"].state == "blocked"
    assert any(said in why for why in rows["base_predictions"].why)
    assert rows["seeds"].state == "make", "needs no model"


def test_check_says_what_a_run_begins_with(fern: tuple[Project, Shop], tmp_path: Path, patch_path: list[str]) -> None:
    _, shop = fern
    shop.install(tmp_path / "installed")
    patch_path.insert(0, str(tmp_path / "installed"))
    lines, error = check_recipe(load_recipe("tiny"), "botany")
    assert error is None
    assert [line for line in lines if line.startswith("the first run begins by reading tiny-fern-part0==1.0")]
    model_folder(Lineage(load_recipe("tiny")).model_spec)
    lines, error = check_recipe(load_recipe("tiny"), "botany")
    assert error is None
    assert "context: 512 tokens" in lines


@pytest.fixture
def patch_path(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    return sys.path


def test_a_chat_template_that_a_known_model_has_not(fern: tuple[Project, Shop]) -> None:
    project, _ = fern
    project.recipe["base_model"]["chat_template"] = "always"
    project.save()
    _, error = check_recipe(load_recipe("tiny"), "botany")
    assert error is not None
    assert "has no chat template" in error.reason


def test_a_base_model_that_ships_a_template_is_warned_of(project: Project) -> None:
    spec = ModelSpec("Qwen/Qwen3-0.6B-Base", "d" * 40, chat_template="always")
    note = template_note(spec, project.folder / "model")
    assert note is not None
    assert "is a base model" in note
    instruct = ModelSpec("HuggingFaceTB/SmolLM2-360M-Instruct", "d" * 40, chat_template="always")
    assert template_note(instruct, project.folder / "model") is None


@pytest.mark.parametrize(("base_model", "said"), [
    ({"model": "smollm2-135n"}, "nor a known name; did you mean 'smollm2-135m'"),
    ({"model": "granite-4.0-1b-base"}, "name it as 'ibm-granite/granite-4.0-1b-base', and its commit as 'revision'"),
    ({"model": "smollm2-360m", "revision": "a" * 40}, "'revision' belongs to a model of a hub only"),
    ({"model": "tiny.gguf"}, "a path begins with './', '/' or '~': './tiny.gguf'"),
    ({"model": "models/tiny.GGUF"}, "'./models/tiny.GGUF'"),
    ({"model": "a/b/c"}, "is neither 'embedded', nor a path"),
])  # fmt: skip
def test_a_name_in_a_recipe_that_cannot_be_meant(base_model: dict[str, str], said: str, project: Project) -> None:
    project.recipe["base_model"] = base_model
    project.save()
    with pytest.raises(SelfspecError, match=re.escape(said)) as caught:
        load_recipe("tiny")
    assert re.search(r"tiny\.yaml:\d+", caught.value.place)


def test_a_known_hub_model_is_its_repository_at_its_commit(project: Project) -> None:
    project.recipe["base_model"] = {"model": "smollm2-360m", "dtype": "bfloat16"}
    project.save()
    known = Lineage(load_recipe("tiny")).model_identity
    repository, commit = "HuggingFaceTB/SmolLM2-360M", "f8027fd0eaeea54caa13c31d31b9fdc459c38b49"
    assert known == f"{repository}@{commit} bfloat16 none"
    project.recipe["base_model"] = {"model": repository, "revision": commit, "dtype": "bfloat16"}
    project.save()
    assert Lineage(load_recipe("tiny")).model_identity == known
