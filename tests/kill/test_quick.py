"""The most telling kills and stops, for the default suite; ``make test-kill`` has all of them."""

import signal

import pytest

from tests.kill import victim
from tests.kill.lab import Lab, Paused, execute, log
from tests.kill.state import difference, state

ANSWERING, TUNING = (1, "responses"), (1, "adapter")


@pytest.mark.parametrize(
    ("place", "point", "count"),
    [
        (ANSWERING, "chunk: before the rename", 3),
        (ANSWERING, "manifest: after the rename", 1),
        (TUNING, "checkpoint: before the rename", 2),
        (TUNING, "published: before the event", 1),
    ],
)
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    lab: Lab, place: tuple[int, str], point: str, count: int
) -> None:
    lab.skip_to(ANSWERING)
    lab.kill_and_run_again(place, point, count)


def test_a_run_that_is_asked_to_stop_says_what_is_kept_and_goes_on(lab: Lab) -> None:
    lab.skip_to(ANSWERING)
    folder = lab.copy(lab.before(ANSWERING))
    stopped = Paused(folder, ANSWERING, "chunk: before the rename", 2)
    stopped.signal(signal.SIGTERM)
    assert stopped.go() == 1, log(folder)
    assert "was stopped; every finished batch is kept" in log(folder)
    assert execute(folder, victim.run, *ANSWERING) == 0, log(folder)
    assert difference(state(folder), lab.expected(ANSWERING)) == []
