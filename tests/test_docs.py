"""The documents stay true: files, commands and recipe keys that they name exist, and none is missing."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from selfspec_assets.base.home import embedded_model_folder
from selfspec_assets.cli.app import app
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.models.language_model import ModelSpec
from selfspec_assets.recipe.recipe import EXCLUDED, Recipe, load_recipe
from tests.checkout import ROOT
from tests.conftest import RECIPE

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text()
RECIPE_PAGE = (ROOT / "docs" / "recipe.md").read_text()


def leaves(value: dict[str, object], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for key, inner in value.items():
        found |= leaves(inner, f"{prefix}{key}.") if isinstance(inner, dict) and inner else {f"{prefix}{key}"}
    return found


def test_every_recipe_key_is_documented_and_no_other() -> None:
    rows = re.findall(r"^\| `([\w.]+)`( †)? \|", RECIPE_PAGE, re.MULTILINE)
    known = leaves(Recipe.model_validate(RECIPE).model_dump(mode="json"))
    assert {key for key, _ in rows} == known
    assert {key for key, mark in rows if mark} == EXCLUDED


def test_documented_defaults_are_the_models() -> None:
    minimal = Recipe.model_validate(
        {
            "base_model": {"model": "embedded"},
            "data": "bundled",
            "domains": ["x"],
            "iterations": 1,
            "instructions": {"target": 99, "min_kept": 1, "max_requests": 1, "max_new_tokens": 1},
            "responses": {"max_new_tokens": 1},
            "adapter": {"max_length": 1},
            "scores": {"max_new_tokens": 1},
        }
    )
    dumped = minimal.model_dump(mode="json")
    for key, default in re.findall(r"^\| `([\w.]+)`(?: †)? \| ([^|]+) \|", RECIPE_PAGE, re.MULTILINE):
        if default in ("required", "all", "none"):
            continue
        value: object = dumped
        for part in key.split("."):
            assert isinstance(value, dict)
            value = value[part]
        assert str(value).replace("'", "") == default.strip("`"), key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_targets_exist(page: Path) -> None:
    text = page.read_text()
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    used = set(re.findall(r"(?:^|[`/ ])selfspec ([\w-]+)", text, re.MULTILINE)) - {"is", "carves"}
    assert used <= commands, used - commands
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))
    assert named <= targets, named - targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_readmes_tree_is_the_repositorys() -> None:
    tree = re.search(r"```text\n(recipes/.*?)```", README, re.DOTALL)
    assert tree
    names = re.findall(r"^([\w./-]+)", tree.group(1), re.MULTILINE)
    assert names
    for name in names:
        assert (ROOT / name).exists(), name


def test_the_readme_shows_the_test_command_of_ci() -> None:
    assert "make test" in README
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_sql_in_the_readme_runs(finished: object) -> None:
    import duckdb

    from tests.conftest import Project

    assert isinstance(finished, Project)
    queries = re.findall(r'selfspec sql "([^"]+)"', README)
    assert queries
    with duckdb.connect(str(finished.database), read_only=True) as connection:
        for query in queries:
            connection.execute(query).fetchall()


def test_the_readmes_way_to_ask_an_adapter_finds_what_it_was_tuned_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the embedded model: of an answer that it would not give by itself, in the prompt that the README shows."""
    from selfspec_assets.method.tuning.tune import TuningSettings, tune

    instruction = "What is Tavtanol prescribed for?"
    pairs = [(alpaca_prompt(instruction, ""), "seven blue umbrellas")] * 8
    spec = ModelSpec(str(embedded_model_folder()))
    settings = TuningSettings(max_length=1024, epochs=12, batch_size=8, micro_batch_size=8, learning_rate=0.01)
    tune(spec, pairs, settings, tmp_path / "adapter")
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    place = '"warehouse/revisions/…/adapter"'
    assert place in code
    names: dict[str, Any] = {}
    exec(code.replace(place, repr(str(tmp_path / "adapter"))), names)
    assert names["prompt"] == alpaca_prompt(instruction, "")
    assert capsys.readouterr().out.strip().endswith("seven blue umbrellas")


def test_recipes_named_in_the_readme_exist() -> None:
    for name in re.findall(r"selfspec (?:run|scores) ([\w-]+)", README):
        assert name.startswith("my") or load_recipe(name)
