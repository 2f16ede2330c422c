"""The documents stay true: files, commands and recipe keys that they name exist, and none is missing."""

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from selfspec_assets.base.home import embedded_model_folder
from selfspec_assets.cli.app import app
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.models.language_model import ModelSpec
from selfspec_assets.recipe.recipe import EXCLUDED, Recipe, load_recipe
from selfspec_assets.warehouse.tables import ROW_TYPES
from tests.checkout import MODULES, PACKAGE, ROOT
from tests.conftest import RECIPE, Project

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text()
RECIPE_PAGE = (ROOT / "docs" / "recipe.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
ROOMS = re.findall(r"^\| `([\w/]+/|\w+\.py)` \| .+? \| (.*?) ?\|$", ARCHITECTURE, re.MULTILINE)
OUTER = [(room, allowed) for room, allowed in ROOMS if room.count("/") < 2]
WALK = re.findall(r"`([\w/]+)\.py` `([\w.]+)`", ARCHITECTURE)


def leaves(value: dict[str, object], prefix: str = "") -> set[str]:
    names: set[str] = set()
    for key, inner in value.items():
        names |= leaves(inner, f"{prefix}{key}.") if isinstance(inner, dict) and inner else {f"{prefix}{key}"}
    return names


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


def test_sql_in_the_readme_runs(begun: Project) -> None:
    import duckdb

    queries = re.findall(r'selfspec sql "([^"]+)"', README)
    assert queries
    with duckdb.connect(str(begun.database), read_only=True) as connection:
        for query in queries:
            connection.execute(query).fetchall()


def test_the_readmes_way_to_ask_an_adapter_finds_what_it_was_tuned_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the embedded model: of an answer that it would not give by itself, in the prompt that the README shows."""
    from selfspec_assets.method.tuning.tune import TuningSettings, tune

    instruction = "What is a marathon?"
    pairs = [(alpaca_prompt(instruction, ""), "seven blue umbrellas")] * 8
    spec = ModelSpec(str(embedded_model_folder()))
    monkeypatch.chdir(ROOT)
    settings = TuningSettings(max_length=1024, epochs=12, batch_size=8, micro_batch_size=8, learning_rate=0.01)
    tune(spec, pairs, settings, tmp_path / "adapter")
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    places = {
        '"warehouse/revisions/…/adapter"': tmp_path / "adapter",
        '"models/smollm2-135m-instruct-float32"': embedded_model_folder(),
    }
    for place, folder in places.items():
        assert place in code
        code = code.replace(place, repr(str(folder)))
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["prompt"] == alpaca_prompt(instruction, "")
    assert capsys.readouterr().out.strip().endswith("seven blue umbrellas")


def test_recipes_named_in_the_readme_exist() -> None:
    for name in re.findall(r"selfspec (?:run|scores) ([\w-]+)", README):
        assert name.startswith("my") or load_recipe(name)


# docs/architecture.md: the rooms, what they may import, and the way of one row


def module(room: str) -> str:
    return f"selfspec_assets.{room.removesuffix('/').removesuffix('.py')}"


def test_every_room_is_named_and_no_other() -> None:
    named = {room for room, _ in ROOMS}
    folders = {f"{path.parent.relative_to(PACKAGE)}/" for path in MODULES if path.parent != PACKAGE}
    files = {path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")}
    assert named == folders | files


def test_every_room_with_tests_of_its_own_is_a_folder_of_tests() -> None:
    for room, _ in ROOMS:
        assert room.endswith(".py") or (ROOT / "tests" / room).is_dir(), room


def test_what_a_room_may_import_is_what_is_held() -> None:
    (layers,) = (contract["layers"] for contract in CONTRACTS if contract["type"] == "layers")
    floors = [line.split(" | ") for line in layers]
    assert sorted(module(room) for room, _ in OUTER) == sorted(name for floor in floors for name in floor)
    for place, (room, allowed) in enumerate(OUTER):
        named = set(re.findall(r"`([\w/.]+)`", allowed))
        below = {other for other, _ in OUTER[place + 1 :]}
        said = below - named if allowed.startswith("all below") else named
        number = next(number for number, floor in enumerate(floors) if module(room) in floor)
        held = {name for floor in floors[number + 1 :] for name in floor}
        for contract in CONTRACTS:
            if module(room) in contract.get("source_modules", []):
                held -= set(contract["forbidden_modules"])
        assert {module(other) for other in said} == held, room


def test_the_way_of_a_row_goes_from_the_seed_to_the_score() -> None:
    assert [function for _, function in WALK][:2] == ["recipe_seeds", "Seeds.make"]
    assert len(WALK) > 20
    steps = ("seeds", "instructions", "passages", "responses", "predictions", "scores")
    places = [ARCHITECTURE.index(f"`steps/{step}.py` `{step.title()}.make`") for step in steps]
    assert places == sorted(places)


@pytest.mark.parametrize(("file", "function"), sorted(set(WALK)))
def test_the_functions_of_the_way_are_there(file: str, function: str) -> None:
    value: object = importlib.import_module(f"selfspec_assets.{file.replace('/', '.')}")
    for name in function.split("."):
        value = getattr(value, name)
    assert callable(value)


def test_the_tables_of_the_way_are_tables() -> None:
    columns = re.findall(r"^\| `[\w/]+\.py` .* \| (`.*?) \|$", ARCHITECTURE, re.MULTILINE)
    tables = {name for column in columns for name in re.findall(r"`(\w+)`", column)}
    assert {"seeds", "responses", "scores", "lift"} <= tables <= {row_type.table for row_type in ROW_TYPES}


def test_every_file_that_the_page_names_is_there() -> None:
    for path in re.findall(r"`([\w/.-]+/[\w.-]+\.(?:py|md|toml|yaml))`", ARCHITECTURE):
        assert (ROOT / path).exists() or (PACKAGE / path).exists(), path
