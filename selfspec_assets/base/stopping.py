"""Stopping between batches: SIGINT and SIGTERM wait until the batch at hand is stored."""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_NOTE = b"stopping as soon as the batch at hand is stored; a second signal stops at once\n"


class StopBetweenBatches:
    """Holds signals back while a batch is made, and passes them on to whoever handled them before at ``here``.

    Dagster cancels the run when it gets one, Python raises KeyboardInterrupt or ends. Left without an error, the block
    passes a signal on as well. A second signal is passed on at once. Outside the main thread nothing is held back.
    """

    def __init__(self) -> None:
        self._noted: int | None = None
        self._handlers: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        """Whether a signal is held back."""
        return self._noted is not None

    def __enter__(self) -> "StopBetweenBatches":
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()
        if error is None:
            self.here()

    def here(self) -> None:
        """Nothing would be lost now: pass on the signal that came, if any."""
        if self._noted is not None:
            number, self._noted = self._noted, None
            self._restore()
            signal.raise_signal(number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            self.here()
        else:
            self._noted = number
            os.write(2, _NOTE)  # print is not safe inside a signal's handler

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._handlers = {}
