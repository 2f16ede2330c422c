"""A full disk in the middle of every kind of write, and a warehouse that may only be read."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.kill.lab import Lab, lines
from tests.kill.state import difference

pytestmark = [pytest.mark.kill, pytest.mark.timeout(1200)]
OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]


def why_no_disk(place: Path) -> str | None:
    """What keeps this system from mounting a small disk; None: it does mount one."""
    command = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "-o", "size=48k", "none", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() or f"{command[0]} ends with {done.returncode}" if done.returncode else None


def test_a_full_and_a_read_only_disk(lab: Lab, tmp_path: Path) -> None:
    why = why_no_disk(tmp_path)
    if why is not None:
        lines.append(f"full disks, read-only disks: NOT TRIED: this system mounts no small disk: {why}")
        pytest.skip(lines[-1])
    place = (1, "scores")
    folder = lab.copy(lab.fresh)
    command = [*OWN_MOUNTS, sys.executable, "-m", "tests.kill.small_disk", str(folder), str(place[0]), place[1]]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=1100)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    warehouse = str(folder / "warehouse")
    lines.append(f"full disks: {len(found['said'])}, each said so, each was gone on from")
    assert len(found["said"]) > 5, "the disk was full at several places"
    for message in found["said"]:
        assert "SelfspecError" in message, message
        assert warehouse in message, message
        assert "space" in message, message
    assert found["torn"] == []
    assert difference(found["filled"], lab.expected(place)) == []
    code, message = found["read_only"]
    assert code == 1
    assert warehouse in message, message
    assert "right to write" in message, message
    assert found["after"][0] == 0, found["after"][1]
    changed = [name for name in difference(found["state"], lab.expected(place)) if not name.startswith("event ")]
    assert changed == []
    shutil.rmtree(folder.parent)
