"""The one thread that holds the model: whoever wants a text waits in its queue, and those who wait go in one batch."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import Generation
from selfspec_assets.method.decoding.stream import TextStream, tell
from selfspec_assets.models.language_model import LanguageModel

BATCH_SIZE = 16  # texts at a time
_GATHERING = 0.005  # seconds that a first one waits for others that come with it
Done = Callable[[Generation | Exception], None]


@dataclass(frozen=True)
class _Waiting:
    stream: TextStream
    done: Done


class Stopped(SelfspecError):
    """The engine has ended, and the text was not written."""

    def __init__(self) -> None:
        super().__init__("selfspec serve", "the server is ending", "ask again when it runs")


class Engine:
    """Writes texts in the order in which they are asked for, as many at a time as wait; adapters may differ."""

    def __init__(self, lm: LanguageModel) -> None:
        self._lm = lm
        self._queue: queue.Queue[_Waiting | None] = queue.Queue()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="decoding", daemon=True)
        self._thread.start()

    def submit(self, stream: TextStream, done: Done) -> None:
        """Ask for a text; ``done`` is given it, or what went wrong, in the engine's thread.

        A text that is not wanted any more by then is not begun, and ``done`` gets an empty one.
        """
        wanted = stream.is_wanted
        stream.is_wanted = lambda: wanted() and not self._ending.is_set()
        self._queue.put(_Waiting(stream, done))

    def end(self) -> None:
        """Ends what is being written at its next token and refuses what waits; returns at once."""
        self._ending.set()
        self._queue.put(None)

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._ending.is_set():
            first = self._queue.get()
            if first is None:
                break
            self._ending.wait(_GATHERING)
            batch = [first, *self._more()]
            self._write([one for one in batch if one.stream.is_wanted() or self._leave(one)])
        for one in self._more(None):
            one.done(Stopped())

    def _leave(self, one: _Waiting) -> bool:
        one.done(Stopped() if self._ending.is_set() else Generation("", "length", 0, (), len(one.stream.prompt_ids)))
        return False

    def _more(self, most: int | None = BATCH_SIZE - 1) -> list[_Waiting]:
        waiting: list[_Waiting] = []
        while most is None or len(waiting) < most:
            try:
                one = self._queue.get_nowait()
            except queue.Empty:
                break
            if one is not None:
                waiting.append(one)
        return waiting

    def _write(self, batch: list[_Waiting]) -> None:
        """One at a time where they fail together: one adapter's damage is not the others' failure."""
        try:
            written = tell(self._lm, [one.stream for one in batch], BATCH_SIZE)
        except Exception as error:
            if len(batch) > 1:
                for one in batch:
                    self._write([one])
            else:
                batch[0].done(error)
            return
        for one, text in zip(batch, written, strict=True):
            one.done(Stopped() if self._ending.is_set() and not one.stream.is_wanted() else text)
