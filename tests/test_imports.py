"""The direction of imports, and what may be imported where."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "selfspec_assets"
MODULES = sorted(PACKAGE.rglob("*.py"))
DAGSTER = {"definitions.py", "launcher.py", "partitions.py", "runner.py", "ui.py"}
HEAVY = {"torch", "transformers", "peft", "bitsandbytes", "accelerate"}
PURE = {
    *(
        "errors",
        "rows",
        "strict",
        "home",
        "prompts",
        "templates",
        "text_file",
        "file_kinds",
        "opened_file",
        "records",
        "readers",
        "pack_readers",
        "words",
    ),
    *("domain", "corpus_contract", "pack_paths", "pack_finding", "pack_filters", "recipe_sections", "recipe"),
}


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, at module level outside TYPE_CHECKING) of every import."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom) and node.module
            else []
        )
        if id(node) not in typing_only:
            found += [(name, id(node) not in inner) for name in names]
    return found


def test_only_the_dagster_layer_imports_dagster() -> None:
    users = {path for path in MODULES if any(name.split(".")[0] == "dagster" for name, _ in imports(path))}
    allowed = {path for path in MODULES if path.name in DAGSTER or path.parent.name == "assets"}
    assert users <= allowed
    assert PACKAGE / "definitions.py" in users


@pytest.mark.parametrize("module", ["cli", "definitions", "check", "language_model", "decoding", "warehouse"])
def test_importing_loads_no_model_library(module: str) -> None:
    code = f"import sys, selfspec_assets.{module}\nprint([m for m in {sorted(HEAVY)} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_pure_modules_import_only_each_other() -> None:
    for path in [path for name in PURE for path in (PACKAGE / f"{name}.py", *(PACKAGE / name).glob("*.py"))]:
        for imported, _ in imports(path) if path.exists() else ():
            parts = imported.split(".")
            if parts[0] == "selfspec_assets" and len(parts) > 1:
                assert parts[1] in PURE, f"{path.name} imports {imported}"
            assert parts[0] not in HEAVY | {"dagster", "duckdb"}, f"{path.name} imports {imported}"


def test_nothing_imports_the_assets_from_below() -> None:
    for path in MODULES:
        if path.parent.name == "assets" or path.name in {"definitions.py", "runner.py"}:
            continue
        assert not any(name.startswith("selfspec_assets.assets") for name, _ in imports(path)), path.name


def test_asset_modules_do_not_postpone_annotations() -> None:
    # Dagster reads the context parameter's annotation at decoration time.
    for path in (PACKAGE / "assets").glob("*.py"):
        assert "from __future__ import annotations" not in path.read_text(), path.name
