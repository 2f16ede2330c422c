"""How the comparisons with peers are timed, and the lines that they end with."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Seconds:
    """What the repeats of an action took, in seconds."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.3g} s ({self.least:.3g} to {self.most:.3g})"


def compared(actions: Mapping[str, Callable[[], object]], repeats: int, *, warm_up: bool = True) -> dict[str, Seconds]:
    """Each action ``repeats`` times, after one run that warms up; in turn, so that a slow minute meets all of them.

    Args:
        warm_up: False where an action takes minutes, and the caller has warmed up with a part of it.
    """
    for action in actions.values() if warm_up else ():
        action()
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            taken[name].append(time.perf_counter() - start)
    return {name: Seconds(statistics.median(times), min(times), max(times)) for name, times in taken.items()}


def median_seconds(action: Callable[[], object], repeats: int) -> float:
    """Of ``repeats`` runs, after one that warms up."""
    return compared({"": action}, repeats)[""].median


def ratio_line(name: str, value: float, goal: float, *, at_least: bool = True) -> str:
    """What a bench ends with, once for each goal: ``RATIO <name> <value> >= <goal>``, and ``missed`` if it is."""
    met = value >= goal if at_least else value <= goal
    return f"RATIO {name} {value:.3g} {'>=' if at_least else '<='} {goal:g}{'' if met else ' missed'}"
