"""docs/reliability.md: each promise names a test, and the test is there."""

import ast
import re
from pathlib import Path

from tests.checkout import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text()
PROMISES = re.findall(r"^\| ([A-Z`].+) \| `(\S+)` \|$", PAGE, re.MULTILINE)


def functions_in(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_each_promise_has_its_test() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and line[2:] not in ("promise | test |",)]
    assert len(PROMISES) == len([line for line in lines if not line.startswith("| ---")]) > 20
    for promise, named in PROMISES:
        file, _, test = named.partition("::")
        assert test in functions_in(ROOT / file), f"{promise}: {named} is not there"


def test_each_kill_test_and_each_soak_is_named() -> None:
    named = {test for _, test in PROMISES}
    for path in sorted((ROOT / "tests").glob("kill/test_*.py")):
        assert any(name.startswith(f"tests/kill/{path.name}::") for name in named) or path.name == "test_quick.py"
    assert "tests/soak/test_soak.py::test_writers_readers_and_a_long_session" in named
