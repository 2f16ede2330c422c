"""One question to base and adapters at once, the answers side by side (the paper's Fig. 1)."""

from collections.abc import Sequence
from typing import Any

from rich.live import Live
from rich.table import Table
from rich.text import Text

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.printing import Console, Group
from selfspec_assets.method.decoding import Generation, PromptTooLong
from selfspec_assets.method.decoding.stream import TextStream, tell
from selfspec_assets.reports.serving.served import Sampling, Served, ServedModel

_NARROWEST = 24  # columns of a terminal that an answer needs; below, answers stand below each other
_REFRESHED = 8  # times a second
_ENDS = {"length": "cut at the limit", "repetition": "it repeats itself from here on"}


def check_question(instruction: str) -> None:
    """Raises:
    SelfspecError: the instruction is empty.
    """
    if not instruction.strip():
        raise SelfspecError("the instruction", "is empty", 'write what is to be done: selfspec ask RECIPE "…"')


def answer_all(served: Served, instruction: str, context: str, sampling: Sampling, live: bool) -> list[Generation]:
    """Every model's answer, in their order.

    Args:
        live: draw them on standard output while they grow, and leave them there.

    Raises:
        SelfspecError: a prompt and its answer do not fit the context.
    """
    streams = [
        served.stream(model, model.question(instruction.strip(), context.strip()), sampling) for model in served.models
    ]
    try:
        if not live:
            return tell(served.lm, streams, len(streams))
        board = _Board(printing.console(), served.models, streams)
        with Live(
            console=board.console, get_renderable=board.drawn, refresh_per_second=_REFRESHED, vertical_overflow="crop"
        ):
            board.written = tell(served.lm, streams, len(streams))
        return board.written
    except PromptTooLong as error:
        remedy = "shorten the instruction or the input, or lower --max-tokens"
        raise SelfspecError(served.models[error.index].title, error.reason, remedy) from error


class _Board:
    """What is on the terminal: a column for each model where they have room, else one below the other."""

    def __init__(self, console: Console, models: Sequence[ServedModel], streams: Sequence[TextStream]) -> None:
        self.console = console
        self.written: list[Generation] | None = None
        self._models, self._streams = models, streams

    def drawn(self) -> Any:
        titles = [Text(printing.shown(model.title, self.console.encoding), style="bold") for model in self._models]
        texts = [self._text(place) for place in range(len(self._models))]
        if self.console.width // len(texts) < _NARROWEST:
            return Group(*(part for title, text in zip(titles, texts, strict=True) for part in (title, text, "")))
        table = Table(expand=True, padding=(0, 1), show_edge=False)
        for title in titles:
            table.add_column(title, ratio=1, overflow="fold")
        table.add_row(*texts)
        return table

    def _text(self, place: int) -> Text:
        text = Text(printing.shown(self._streams[place].told, self.console.encoding))
        note = "" if self.written is None else ending(self.written[place])
        return text.append(f"{' ' if text else ''}({note})", style="dim") if note else text


def ending(written: Generation) -> str:
    """What a reader should know of how an answer ended; "" where there is nothing to say."""
    return "no answer" if not written.text else _ENDS.get(written.finish, "")


def lines(models: Sequence[ServedModel], answers: Sequence[Generation]) -> list[str]:
    """An answer behind its model's title, where no terminal is there to draw on."""
    shown = []
    for model, written in zip(models, answers, strict=True):
        note = ending(written)
        text = f"{written.text} ({note})" if written.text and note else written.text or f"({note})"
        shown += [line[2:] for line in printing.labelled(model.title, text)]
    return shown


def as_json(
    models: Sequence[ServedModel], answers: Sequence[Generation], instruction: str, context: str
) -> dict[str, Any]:
    return {
        "instruction": instruction,
        "input": context,
        "answers": [
            {
                "model": model.name,
                "iteration": model.iteration,
                "prompt": model.prompt,
                "answer": written.text,
                "finish": written.finish,
                "prompt_tokens": written.prompt_tokens,
                "tokens": written.tokens,
            }
            for model, written in zip(models, answers, strict=True)
        ],
    }
