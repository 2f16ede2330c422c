"""The direction of imports (``[tool.importlinter]`` in pyproject.toml), and which libraries may be imported where."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import MODULES, PACKAGE, ROOT, imported

HEAVY = {"torch", "transformers", "peft", "bitsandbytes", "accelerate"}
LINT = [Path(sys.executable).parent / "lint-imports", "--no-cache"]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(LINT, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_imports_point_one_way_and_there_is_no_circle() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [
        ("base/text_file.py", "import selfspec_assets.packs.pack", "selfspec_assets.base is not allowed to import"),
        ("models/memory.py", "import selfspec_assets.recipe.recipe", "selfspec_assets.models is not allowed to import"),
        (
            "method/prompts.py",
            "import selfspec_assets.warehouse.rows",
            "selfspec_assets.method is not allowed to import",
        ),
        ("packs/paths.py", "import selfspec_assets.packs.pack", "No cycles are allowed in selfspec_assets.packs"),
    ],
)
def test_a_forbidden_import_fails_the_check(tmp_path: Path, file: str, line: str, words: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "selfspec_assets", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "selfspec_assets" / file
    path.write_text(f"{path.read_text()}\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert words in " ".join(done.stdout.split())


def test_only_orchestration_imports_dagster() -> None:
    users = {path.relative_to(PACKAGE).parts[0] for path in MODULES if "dagster" in imported(path)}
    assert users == {"orchestration"}


@pytest.mark.parametrize("module", ["cli", "definitions", "planning.check", "models.language_model", "warehouse"])
def test_importing_loads_no_model_library(module: str) -> None:
    code = f"import sys, selfspec_assets.{module}\nprint([m for m in {sorted(HEAVY)} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_modules_of_dagster_do_not_postpone_annotations() -> None:
    # Dagster reads the context parameter's annotation at decoration time.
    for path in (PACKAGE / "orchestration").glob("*.py"):
        assert "from __future__ import annotations" not in path.read_text(), path.name


def test_a_room_has_few_doors_and_no_file_is_long() -> None:
    entries = [path for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "_bundled")]
    assert len(entries) <= 15
    for path in MODULES:
        assert len(path.read_text().splitlines()) <= 350, path


def test_no_function_is_long() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                assert node.end_lineno - node.lineno < 60, f"{path}: {node.name}"
