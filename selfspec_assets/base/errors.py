"""The one error type whose message is meant for a person."""

from collections.abc import Iterable
from difflib import get_close_matches

_INTERRUPTED = "Query interrupted"  # DuckDB's words


class SelfspecError(Exception):
    """Something a user can mend.

    Args:
        place: where it is: a file with its line, a recipe key, a partition.
        reason: what is wrong there.
        remedy: what to do about it; a command where there is one.
    """

    def __init__(self, place: object, reason: str, remedy: str) -> None:
        self.place = str(place)
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{self.place}: {reason}\n  remedy: {remedy}")

    def __reduce__(self) -> tuple[type["SelfspecError"], tuple[str, str, str]]:
        return type(self), (self.place, self.reason, self.remedy)


class NotEnoughMemory(SelfspecError):
    """The memory is used up, and smaller batches do not help: it may go well when others have given theirs back."""


def did_you_mean(misspelt: str, known: Iterable[str]) -> str:
    """``did you mean 'x'? `` for the known name that comes closest to a misspelt one; empty where none is close."""
    close = get_close_matches(misspelt, list(known), n=1)
    return f"did you mean '{close[0]}'? " if close else ""


def is_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C stands at the beginning of an error: DuckDB tells of it as of any other."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt) or (isinstance(cause, RuntimeError) and str(cause) == _INTERRUPTED):
            return True
        cause = cause.__cause__
    return False
