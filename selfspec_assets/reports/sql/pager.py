"""Output that is longer than the terminal goes through a pager: the user's ``$PAGER``, ``less``, or a plain one."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from io import TextIOBase
from types import FrameType
from typing import IO, Any, TextIO

from rich.cells import cell_len


class PagerClosedError(Exception):
    """Whoever reads has left the pager: the rest is not wanted."""


@contextmanager
def paged() -> Iterator[None]:
    """What is printed to standard output within comes a screenful at a time, if it is longer than the screen.

    It is passed on as it comes: the first page of a long result is there before the last row is found.
    """
    if not sys.stdout.isatty():
        yield
        return
    stream = _Paged(sys.stdout)
    try:
        with redirect_stdout(stream):
            yield
    except PagerClosedError:
        pass
    finally:
        stream.finish()


class _Paged(TextIOBase):
    """Passes for the terminal; holds a screenful back, as only what goes beyond it needs a pager."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._held: list[str] = []
        self._lines = 0
        self._to: _Pager | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._terminal.encoding

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._terminal.fileno()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._to is not None:
            self._to.write(text)
            return len(text)
        self._held.append(text)
        size = shutil.get_terminal_size()
        self._lines += sum(1 + max(cell_len(line) - 1, 0) // size.columns for line in text.split("\n")[:-1])
        if self._lines >= size.lines and os.environ.get("PAGER") != "":
            self._to = _pager(self._terminal, size.lines)
            self._release(self._to.write)
        return len(text)

    def finish(self) -> None:
        """Ends the pager, when whoever reads has left it."""
        if self._to is not None:
            self._to.finish()
        else:
            self._release(self._terminal.write)
            self._terminal.flush()

    def _release(self, write: Any) -> None:
        held, self._held = "".join(self._held), []
        write(held)


class _Pager:
    def write(self, text: str) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """Waits until whoever reads has left."""


class _Command(_Pager):
    """A pager of the system at work."""

    def __init__(self, command: list[str], encoding: str) -> None:
        # -S: a table keeps its lines, the arrow keys move it; -R: bold is bold; -X: what was read stays on the screen.
        environment = {"LESS": "RSX", **os.environ}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, encoding=encoding)

    def write(self, text: str) -> None:
        pipe: IO[str] = self._process.stdin  # type: ignore[assignment]
        try:
            pipe.write(text)
            pipe.flush()
        except BrokenPipeError as error:
            raise PagerClosedError from error

    def finish(self) -> None:
        pipe: IO[str] = self._process.stdin  # type: ignore[assignment]
        with _deaf_to_interrupts():  # Ctrl-C belongs to the pager now
            with suppress(BrokenPipeError):
                pipe.close()
            self._process.wait()


class _Plain(_Pager):
    """For systems without a pager: a screenful, then a question."""

    def __init__(self, terminal: TextIO, height: int) -> None:
        self._terminal, self._page, self._left = terminal, height - 1, height - 1

    def write(self, text: str) -> None:
        for line in text.splitlines(keepends=True):
            if not self._left:
                self._terminal.flush()
                if input("-- more: Enter; end: q, Enter -- ").strip().lower().startswith("q"):
                    raise PagerClosedError
                self._left = self._page
            self._terminal.write(line)
            self._left -= line.endswith("\n")

    def finish(self) -> None:
        self._terminal.flush()


def _pager(terminal: TextIO, height: int) -> _Pager:
    command = shlex.split(os.environ.get("PAGER", "less"))
    return _Command(command, terminal.encoding) if shutil.which(command[0]) else _Plain(terminal, height)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: signal.Handlers | Any = signal.signal(signal.SIGINT, _nothing)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Not ``SIG_IGN``, which a process that is started meanwhile would inherit."""
