"""The most memory that an action holds while it runs, beside what the process had before."""

import gc
import threading
from collections.abc import Callable

import psutil

_EVERY = 0.01  # seconds between two looks


def peak_megabytes(action: Callable[[], object]) -> float:
    """How far the process's resident memory rises above where it stood, in MB; looked at a hundred times a second."""
    gc.collect()
    process, over = psutil.Process(), threading.Event()
    start = most = process.memory_info().rss

    def watch() -> None:
        nonlocal most
        while not over.wait(_EVERY):
            most = max(most, process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        action()
    finally:
        over.set()
        watching.join()
    return float(most - start) / 1e6
