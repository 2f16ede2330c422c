"""``selfspec ui``: Dagster's server, its daemon and its code servers, which all end when the command does.

As a module it is Dagster's ``dagster dev`` without two warnings that tell nobody anything.
"""

import logging
import os
import signal
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import psutil

MARK = "SELFSPEC_UI"  # set for every process of one server: no matter who started it, and who of those is gone
_GRACE_SECONDS = 6.0  # to end by themselves; what is running then is killed, and loses nothing that is stored
_KILLING_SECONDS = 3.0  # what the kernel itself holds up is not waited for
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Told(BaseException):
    """A signal that ends the server has come."""

    def __init__(self, number: int) -> None:
        self.number = number


def serve(arguments: Sequence[str]) -> int:
    """Runs ``dagster dev`` until it ends or a signal comes, and ends all of its processes, runs among them.

    Returns:
        Its exit status; 128 and the signal's number after a signal.
    """
    # The code server starts with the interpreter that runs this command.
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    return run_whole(
        [sys.executable, "-m", "selfspec_assets.orchestration.ui", *arguments], {**os.environ, "PATH": path}
    )


def run_whole(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs a command until it ends or a signal comes, and ends whatever it has started; returns as ``serve`` does."""
    mark = uuid.uuid4().hex
    for number in _ENDS:
        signal.signal(number, _tell)
    try:
        # A session of its own: the terminal sends Ctrl-C to this process alone, which passes it on once.
        status = subprocess.Popen(command, env={**environment, MARK: mark}, start_new_session=True).wait()
    except _Told as told:
        status = 128 + told.number
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)  # it is ending, and at most seconds from the end
    _end(mark)
    return status


def _tell(number: int, frame: FrameType | None) -> NoReturn:
    raise _Told(number)


def _end(mark: str) -> None:
    """Interrupts every process that has the mark, as a terminal would, and kills those that take too long."""
    left = _marked(mark)
    for process in left:
        _send(process, signal.SIGINT)
    started = time.monotonic()
    while left and time.monotonic() - started < _GRACE_SECONDS + _KILLING_SECONDS:
        if time.monotonic() - started > _GRACE_SECONDS:
            for process in left:
                _send(process, signal.SIGKILL)
        time.sleep(0.1)
        # One on its way out has lost its environment before it is gone; and another may have been started meanwhile.
        left = {process for process in left if _lives(process)} | _marked(mark)


def _marked(mark: str) -> set[psutil.Process]:
    return {process for process in psutil.process_iter() if _lives(process) and _has(process, mark)}


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _has(process: psutil.Process, mark: str) -> bool:
    with suppress(psutil.Error, OSError):  # gone meanwhile, or somebody else's
        return bool(process.environ().get(MARK) == mark)
    return False


def _send(process: psutil.Process, number: int) -> None:
    with suppress(psutil.Error):
        process.send_signal(number)


def _dagster_dev() -> None:
    from dagster._cli.dev import dev_command

    # The project's own is copied into DAGSTER_HOME, so it is used; and `dg dev` wants a project in a form of its own.
    logging.getLogger("dagster").addFilter(lambda record: "will not be used to configure" not in record.getMessage())
    warnings.filterwarnings("ignore", "Function `dev_command` is superseded")
    dev_command()


if __name__ == "__main__":
    _dagster_dev()
