"""Running out of memory: which errors say so, and what is let go before the next try."""

import gc
from dataclasses import dataclass


@dataclass
class Room:
    """How many items fitted when memory ran out; kept from call to call, so that one of them alone tries in vain."""

    items: int | None = None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a GPU's or the machine's memory is used up.

    On a CPU PyTorch raises a bare ``RuntimeError`` for it, whose text alone tells.
    """
    import torch
    from accelerate.utils.memory import should_reduce_batch_size

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(should_reduce_batch_size(error))


def free_memory() -> None:
    """Give back what nobody holds any more; to be called after the failed call's frames are gone."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
