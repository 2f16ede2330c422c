"""`make demo`, with everything that it calls replaced by a word about it."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.checkout import ROOT

# Makes the environment with itself in it, and says what it was asked for.
STUB = """#!/bin/sh
echo "called: $0 $*"
if [ "$2" = venv ]; then mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$0" .venv/bin/selfspec; fi
"""


def test_the_demo_says_what_it_installs_and_how_large_before_it_does(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    stub = tmp_path / "python"
    stub.write_text(STUB)
    stub.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--silent", f"PYTHON={stub}", "demo"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    first, second, *calls = done.stdout.splitlines()
    packages = sum("==" in line for line in (ROOT / "requirements.lock").read_text().splitlines())
    assert f"{packages} packages" in first
    assert "GB" in second
    lock = next(call for call in calls if "requirements.lock" in call)
    assert "--quiet" not in lock, "pip tells of each package while the large ones come"
    asked = [call.partition("selfspec ")[2] for call in calls if "/selfspec " in call]
    assert asked == [
        "models get smollm2-135m-instruct",
        "data get starter",
        *(f"{command} quickstart --domain sports" for command in ("run", "scores", "samples")),
    ]
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "packages" not in again.stdout
