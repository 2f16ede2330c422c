"""A worker that is a process of this machine.

It reads its task and then numbers of chunks from its standard input, a line each, and answers each with a line of JSON.
It writes no file. When its parent is gone, however it ended, the input ends, and so does the process, at once.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict

from selfspec_assets.steps.chunked import Results
from selfspec_assets.steps.workers.task import Payload, Task, Workbench, results_of
from selfspec_assets.steps.workers.team import WorkerLost


class ProcessWorker:
    """The parent's side.

    Args:
        environment: of the process, beside this one's own.
    """

    def __init__(self, task: Task, environment: Mapping[str, str]) -> None:
        # A session of its own: Ctrl-C on the terminal is for the parent, which lets it finish what it is at.
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        self._task = task

    @property
    def pid(self) -> int:
        return self._process.pid

    def ready(self) -> None:
        results_of(self._asked(json.dumps(asdict(self._task))))

    def make(self, chunk: int) -> Results:
        return results_of(self._asked(str(chunk)))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _asked(self, line: str) -> Payload:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer.endswith("\n"):
            raise WorkerLost(f"process {self.pid} ended with {self._process.wait()}")
        payload: Payload = json.loads(answer)
        return payload


def _lines() -> "queue.Queue[str]":
    """Lines of the standard input as they come; the process ends with the input, whatever it is at."""
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return lines


def main() -> None:
    """The worker's side."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    lines = _lines()
    bench = Workbench(Task(**json.loads(lines.get())))
    answer = bench.ready()
    while True:
        answers.write(json.dumps(answer, allow_nan=False) + "\n")
        answers.flush()
        answer = bench.make(int(lines.get()))


if __name__ == "__main__":
    main()
