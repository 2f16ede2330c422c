"""The keyboard's way through the answers of a review: one page for each, a key for each decision."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from selfspec_assets.base import printing
from selfspec_assets.base.words import first_words
from selfspec_assets.reports.review.review_sheets import Sheet, decision_of, tally
from selfspec_assets.steps.decisions import Decision, DecisionWriter, Kind, writing
from selfspec_assets.warehouse.rows import ResponseRow

INPUT_WORDS, PASSAGE_WORDS = 120, 40  # that a page shows before `f` is pressed
KEYS = "k keep  r reject  e edit  n note  u undo  f full text  ← → page  q quit"
_NEXT, _BACK = ("\x1b[C", "\x1bOC", " ", "l"), ("\x1b[D", "\x1bOD", "\x7f", "b", "h")
_QUIT = ("q", "\x1b", "\x03", "\x04")


class Hands(NamedTuple):
    """How a person is asked.

    Attributes:
        key: the next key; raises KeyboardInterrupt or EOFError where it is Ctrl-C or Ctrl-D.
        edit: a text in an editor; None where it was left without saving.
        note: a line, given the one that is there.
    """

    key: Callable[[], str]
    edit: Callable[[str], str | None]
    note: Callable[[str], str]


class _Page(NamedTuple):
    sheet: Sheet
    row: ResponseRow
    writer: DecisionWriter

    @property
    def decision(self) -> Decision:
        return decision_of(self.writer.decisions, self.row)

    def put(self, kind: Kind | None, edited: str | None = None, note: str | None = None) -> None:
        old = self.decision
        kept_note = old.note if note is None else note
        new = Decision(task=old.task, digest=old.digest, decision=kind, edited=edited, note=kept_note)
        self.writer.put([new])


def review(sheets: Sequence[Sheet], hands: Hands) -> list[str]:
    """Page through answers until the person ends it; a line for each partition of what is decided by then.

    Each decision is on the disk before the next key is asked for.

    Raises:
        SelfspecError: another process reviews the same answers, a damaged file, or the disk.
    """
    with ExitStack() as stack:
        writers = [stack.enter_context(writing(sheet.path)) for sheet in sheets]
        pages = [_Page(sheet, row, writer) for sheet, writer in zip(sheets, writers, strict=True) for row in sheet.rows]
        if pages:
            _Session(pages, hands).run()
        return [
            f"{sheet.partition}: {tally(sheet, writer.decisions)}"
            for sheet, writer in zip(sheets, writers, strict=True)
        ]


class _Session:
    def __init__(self, pages: list[_Page], hands: Hands) -> None:
        self._pages, self._hands = pages, hands
        self._full = False
        self._said = ""
        self._place = self._next_open(-1) or 0

    def run(self) -> None:
        while True:
            self._draw()
            self._said = ""
            try:
                typed = self._hands.key()
                for key in [typed] if typed.startswith("\x1b") else typed:  # of those who type fast, several at once
                    if key.lower() in _QUIT:
                        return
                    self._press(key)
            except (KeyboardInterrupt, EOFError):
                return

    def _press(self, key: str) -> None:
        page = self._pages[self._place]
        if key in _NEXT or key in _BACK:
            self._place = min(max(self._place + (1 if key in _NEXT else -1), 0), len(self._pages) - 1)
            self._full = False
            return
        match key.lower():
            case "k":
                self._decide(page, "keep")
            case "r":
                self._decide(page, "reject")
            case "e":
                self._edit(page)
            case "n":
                note = self._hands.note(page.decision.note).strip()
                page.put(page.decision.decision, page.decision.edited, "" if note == "-" else note)
            case "u":
                page.put(None)
            case "f":
                self._full = not self._full
            case _:
                self._said = f"no such key; {KEYS}"

    def _decide(self, page: _Page, kind: Kind, edited: str | None = None) -> None:
        page.put(kind, edited)
        following = self._next_open(self._place)
        if following is None:
            self._said = "every answer is decided: q ends, or page and decide again"
        else:
            self._place, self._full = following, False

    def _next_open(self, place: int) -> int | None:
        """The next page without a decision, from the beginning again behind the last one."""
        order = [*range(place + 1, len(self._pages)), *range(max(place, 0))]
        return next((one for one in order if self._pages[one].decision.decision is None), None)

    def _edit(self, page: _Page) -> None:
        written = page.row.response
        given = self._hands.edit(page.decision.edited or written)
        text = None if given is None else given.strip()
        if text is None:
            self._said = "left as it was"
        elif not text:
            self._said = "an empty answer teaches nothing; r rejects it"
        elif text == written.strip():
            self._decide(page, "keep")
        else:
            self._decide(page, "edit", text)

    def _draw(self) -> None:
        console, page = printing.console(), self._pages[self._place]
        sheet, one = page.sheet, page.decision
        console.clear()
        state = {"keep": "kept", "reject": "rejected", "edit": "edited", None: "open"}[one.decision]
        left = tally(sheet, page.writer.decisions)
        place = f"answer {self._place + 1} of {len(self._pages)}"
        printing.line(
            (f"{sheet.recipe} {sheet.partition}, task {page.row.instruction_id}", "bold"), f"  {place}  ({left})"
        )
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row("instruction", page.row.instruction)
        if page.row.input:
            table.add_row("input", self._cut(page.row.input, INPUT_WORDS))
        for passage in sheet.passages.get(page.row.instruction_id, []):
            title = f"{passage.title}: " if passage.title else ""
            text = self._cut(f"{title}{passage.text}", PASSAGE_WORDS)
            table.add_row(f"passage {passage.rank} ({passage.p_ret:.2f})", text)
        table.add_row("answer", Text(printing.shown(page.row.response, console.encoding), style="bold"))
        if one.edited is not None:
            table.add_row("edited", Text(printing.shown(one.edited, console.encoding), style="bold green"))
        if one.note:
            table.add_row("note", one.note)
        colour = {"kept": "green", "rejected": "red", "edited": "green"}.get(state, "yellow")
        table.add_row("decision", Text(state, style=f"bold {colour}"))
        console.print(table)
        printing.line((self._said or KEYS, "dim"))

    def _cut(self, text: str, words: int) -> str:
        beginning = text if self._full else first_words(text, words)
        return beginning if beginning == text else f"{beginning} …"
