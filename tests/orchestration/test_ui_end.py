"""Nothing that `selfspec ui` has started is left ten seconds after Ctrl-C, SIGTERM or a closed terminal."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

WHOLE = (
    "import os, sys; from selfspec_assets.orchestration.ui import run_whole; "
    "sys.exit(run_whole(sys.argv[1:], os.environ))"
)
# Deaf to every polite signal; its child has a session of its own, and that one's child has lost its parent.
DEAF = """
import os, pathlib, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        pathlib.Path(sys.argv[1], str(os.getpid())).touch()
        time.sleep(600)
    os._exit(0)
pathlib.Path(sys.argv[1], str(os.getpid())).touch()
time.sleep(600)
"""
POLITE = """
import os, pathlib, sys, time
try:
    pathlib.Path(sys.argv[1], str(os.getpid())).touch()
    time.sleep(600)
except KeyboardInterrupt:
    pathlib.Path(sys.argv[1], "end").touch()
"""


def begun(folder: Path, code: str, processes: int) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A whole command that has started that many processes."""
    process = subprocess.Popen([sys.executable, "-c", WHOLE, sys.executable, "-c", code, str(folder)])
    end = time.monotonic() + 60
    while len(found := [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]) < processes:
        assert time.monotonic() < end
        time.sleep(0.05)
    return process, found


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_hears_no_signal_is_ended_too(tmp_path: Path, number: signal.Signals) -> None:
    process, pids = begun(tmp_path, DEAF, 2)
    assert all(map(alive, pids))
    process.send_signal(number)
    time.sleep(0.2)
    process.send_signal(number)  # an impatient person's second Ctrl-C changes nothing
    assert process.wait(10) == 128 + number
    assert not any(map(alive, pids))


def test_what_hears_it_may_end_by_itself_and_other_processes_stay(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process, _ = begun(tmp_path, POLITE, 1)
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    assert (tmp_path / "end").exists()
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_server_that_ends_by_itself_leaves_nothing_and_its_status(tmp_path: Path) -> None:
    code = DEAF.rpartition("time.sleep(600)")[0] + "time.sleep(1); os._exit(3)"
    process, pids = begun(tmp_path, code, 2)
    assert process.wait(20) == 3
    assert not any(map(alive, pids))
