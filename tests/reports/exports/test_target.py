"""An export is there whole or not at all, and takes nobody's place unasked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.reports.exports.target import new_folder
from tests.checkout import ROOT


def write(path: Path, text: str, force: bool = False) -> None:
    with new_folder(path, force, {"format": "test"}) as folder:
        (folder / "file").write_text(text)


def test_an_existing_folder_is_refused_and_replaced_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write(path, "one")
    with pytest.raises(SelfspecError, match="exists already"):
        write(path, "two")
    assert (path / "file").read_text() == "one"
    write(path, "two", force=True)
    assert (path / "file").read_text() == "two"
    assert os.listdir(tmp_path) == ["out"]


def test_force_replaces_nothing_that_no_export_made(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work").write_text("years")
    with pytest.raises(SelfspecError, match="no folder that an export made"):
        write(tmp_path / "mine", "x", force=True)
    assert (tmp_path / "mine" / "work").read_text() == "years"


def test_a_failure_leaves_nothing_and_the_former_export(tmp_path: Path) -> None:
    write(tmp_path / "out", "one")
    with pytest.raises(FileNotFoundError), new_folder(tmp_path / "out", True, {}) as folder:
        (folder / "file").write_text((tmp_path / "not there").read_text())
    assert (tmp_path / "out" / "file").read_text() == "one"
    assert os.listdir(tmp_path) == ["out"]


def test_a_killed_export_leaves_no_folder_and_the_next_clears_up(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal\n"
        "from selfspec_assets.reports.exports.target import new_folder\n"
        f"with new_folder(pathlib.Path({str(tmp_path / 'out')!r}), False, {{}}) as folder:\n"
        "    (folder / 'stale').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert not (tmp_path / "out").exists()
    write(tmp_path / "out", "whole")
    assert sorted(os.listdir(tmp_path / "out")) == ["file", "selfspec_export.json"]
    assert os.listdir(tmp_path) == ["out"]


def test_two_exports_to_one_place_do_not_mix(tmp_path: Path) -> None:
    with new_folder(tmp_path / "out", False, {}) as folder:
        (folder / "file").write_text("first")
        with pytest.raises(SelfspecError, match="another export"):
            write(tmp_path / "out", "second")
    assert (tmp_path / "out" / "file").read_text() == "first"


def test_killed_between_its_two_renames_the_former_export_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "out", "one")
    os.rename(tmp_path / "out", tmp_path / ".out.former")
    with pytest.raises(SelfspecError, match="exists already"):
        write(tmp_path / "out", "two")
    assert (tmp_path / "out" / "file").read_text() == "one"
