"""Projects that several workers make, and what of them is compared."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.conftest import Project
from tests.kill.state import DATABASE, State, files, published

PATIENCE = 240  # seconds; on a busy machine a process takes long to load


def in_small_batches(project: Project) -> Project:
    """Four to twenty chunks for each step."""
    project.recipe["instructions"]["batch_size"] = 2
    project.recipe["responses"]["batch_size"] = 2
    project.recipe["scores"]["batch_size"] = 1
    project.save()
    return project


def outcome(project: Project) -> State:
    """Every committed byte and every published row. Requests that were made ahead are no part of it."""
    root = project.folder / "warehouse"
    committed = {name: digest for name, digest in files(root).items() if not name.startswith("file work/")}
    return {**committed, **published(root / DATABASE)}


def chunk_files(project: Project) -> list[Path]:
    return sorted((project.folder / "warehouse" / "work").glob("*/*/*.json"))


def running(*options: str) -> "subprocess.Popen[str]":
    """``selfspec run tiny`` in a process of its own."""
    command = [sys.executable, "-m", "selfspec_assets", "run", "tiny", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))


def workers_of(pid: int) -> list[psutil.Process]:
    """Its worker processes."""
    return [
        child for child in psutil.Process(pid).children() if "selfspec_assets.steps.workers.process" in child.cmdline()
    ]


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.1)
