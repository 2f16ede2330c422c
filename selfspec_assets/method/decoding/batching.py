"""Batches of similar length, and what happens when one does not fit the memory."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from selfspec_assets.base.errors import NotEnoughMemory
from selfspec_assets.models.memory import Room, free_memory, is_out_of_memory

Result = TypeVar("Result")
Progress = Callable[[int, int], None]
_log = logging.getLogger(__name__)


def in_batches(
    lengths: Sequence[int],
    batch_size: int,
    run: Callable[[list[int], int], Iterator[list[tuple[int, Result]]]],
    progress: Progress | None,
    room: Room | None = None,
) -> list[Result]:
    """Run items, the longest first, and return results in the items' own order.

    Out of memory halves the batch and goes on with what is not done; longest first means that this happens at the
    start if at all.

    Args:
        lengths: tokens of each item.
        run: takes items' places and how many may be run at a time; yields (place, result) of those that are done.
        progress: told (items done, items in all) whenever some are.
        room: what earlier calls of the kind found out; None: this call is alone.

    Raises:
        NotEnoughMemory: not even one item fits the memory.
        ValueError: batch_size below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}")
    room = Room() if room is None else room
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    results: dict[int, Result] = {}

    def done(some: list[tuple[int, Result]]) -> None:
        results.update(some)
        if progress is not None:
            progress(len(results), len(lengths))

    while len(results) < len(lengths):
        left = [place for place in order if place not in results]
        at_a_time = min(batch_size, room.items or batch_size, len(left))
        if not _fits(run, left, at_a_time, done):
            room.items = _halve(at_a_time, left[0])
    return [results[place] for place in range(len(lengths))]


def _fits(
    run: Callable[[list[int], int], Iterator[list[tuple[int, Result]]]],
    places: list[int],
    at_a_time: int,
    done: Callable[[list[tuple[int, Result]]], None],
) -> bool:
    """False: out of memory. Returned, not raised, because a live traceback keeps the batch's tensors alive."""
    try:
        for some in run(places, at_a_time):
            done(some)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
    return True


def _halve(size: int, item: int) -> int:
    free_memory()
    if size == 1:
        raise NotEnoughMemory(
            f"prompt {item}",
            "a single item does not fit the device's memory",
            "lower max_new_tokens or the number of passages, or set quantization: nf4",
        )
    _log.warning("out of memory with %d prompts at a time; going on with %d", size, size // 2)
    return size // 2
