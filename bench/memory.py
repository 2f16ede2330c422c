"""The most memory that an action holds while it runs."""

import gc
import math
from collections.abc import Callable
from pathlib import Path


def _resident(name: str) -> float:
    """In MB; ``VmRSS``: now, ``VmHWM``: the most since the last reset."""
    status = Path("/proc/self/status").read_text().split()
    return int(status[status.index(f"{name}:") + 1]) / 1024


class Peak:
    """The largest resident memory of each action: Linux counts it anew for each. NaN on other systems.

    Attributes:
        megabytes: by the action's name, all that the process holds, its models' weights included.
        added: how far that is above where it stood when the action began.
    """

    def __init__(self) -> None:
        self.megabytes: dict[str, float] = {}
        self.added: dict[str, float] = {}

    def of(self, name: str, action: Callable[[], object]) -> Callable[[], None]:
        """The action, whose peak is kept under a name; of several runs the largest."""

        def run() -> None:
            gc.collect()
            try:
                Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
                start = _resident("VmRSS")
            except OSError:
                start = math.nan
            action()
            most = math.nan if math.isnan(start) else _resident("VmHWM")
            self.megabytes[name] = max(most, self.megabytes.get(name, most))
            self.added[name] = max(most - start, self.added.get(name, most - start))

        return run
