"""The most telling kills, for the default suite; ``make test-kill`` has all of them."""

import pytest

from tests.kill.lab import Lab

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
