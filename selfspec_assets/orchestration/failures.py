"""How a step's failure is told in the UI: with the remedy; and which failure is worth another try.

A step that ran out of memory although its batches were halved to single rows is tried again after a while: on a shared
accelerator the memory may be free then. Whatever else fails would fail again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from selfspec_assets.base.errors import NotEnoughMemory, SelfspecError
from selfspec_assets.base.progress import Report
from selfspec_assets.models.memory import free_memory, is_out_of_memory

RETRIES = 3
FIRST_WAIT = 30.0  # s; each further wait is twice as long


@contextmanager
def told(context: dg.AssetExecutionContext, report: Report, release: Report) -> Iterator[None]:
    """What is raised in it becomes a failure with place, reason and remedy, or a later try.

    Args:
        release: gives back the memory that this process holds; it is told why.

    Raises:
        Failure: caused by the ``SelfspecError`` that was raised.
        RetryRequested: there was not enough memory, and there is a try left.
    """
    try:
        yield
    except Exception as error:
        if _is_of_memory(error) and context.retry_number < RETRIES:
            wait = FIRST_WAIT * 2**context.retry_number
            report(f"out of memory: {error}")
            report(f"try {context.retry_number + 2} of {RETRIES + 1} begins in {wait:.0f} s; what was made is kept")
            release(str(error))
            free_memory()
            raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=wait) from error
        if isinstance(error, SelfspecError):
            raise failure(error) from error
        raise


def _is_of_memory(error: Exception) -> bool:
    """Asked of Python's own kinds alone: to ask for torch's is to import it, which takes seconds."""
    return isinstance(error, NotEnoughMemory) or (
        isinstance(error, RuntimeError | MemoryError) and is_out_of_memory(error)
    )


def failure(error: SelfspecError) -> dg.Failure:
    """The same, as the UI shows it: the remedy stands in the message and beside it."""
    metadata = {name: dg.MetadataValue.text(getattr(error, name)) for name in ("place", "reason", "remedy")}
    return dg.Failure(str(error), metadata, allow_retries=False)


def cause_of(error: BaseException) -> SelfspecError | None:
    """What selfspec itself said at the beginning of an error that came through Dagster; None: it said nothing."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SelfspecError):
            return cause
        cause = cause.__cause__
    return None
