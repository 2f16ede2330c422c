"""What is taken from PEFT's private methods: all of it, so that a version that moves it shows in one place."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

BASE = "__base__"  # PEFT's own name for "no adapter" in a row's adapter_names


@contextlib.contextmanager
def rows_under(peft_model: Any, names: Sequence[str]) -> Iterator[None]:
    """Within the block row i of a forward pass of the bare model runs under adapter ``names[i]``.

    PEFT's public ``forward`` sets the same hooks, but drops ``adapter_names`` for MPT.
    """
    failure: BaseException | None = None
    with peft_model.base_model._enable_peft_forward_hooks(adapter_names=list(names)):
        try:
            yield
        except BaseException as error:
            # PEFT removes its hooks only on a normal exit. Left behind (say after running out of memory),
            # they would give the next batch this batch's adapters.
            failure = error
    if failure is not None:
        raise failure
