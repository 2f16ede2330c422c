"""Names for the moments at which a step's state on the disk changes, so that tests can end the process right there.

Nothing in the package listens: no setting and no environment variable reaches this module. ``tests/kill`` does, and
holds that every name is killed at and that every rename has one.
"""

from collections.abc import Callable


def _unheard(point: str) -> None:
    pass


_listener: Callable[[str], None] = _unheard


def reached(point: str) -> None:
    """Say that a commit point is reached; a test may not let this return."""
    _listener(point)


def listen(listener: Callable[[str], None]) -> None:
    """For tests: ``listener`` is told each point from now on, in this process."""
    global _listener
    _listener = listener
