"""Sizes of steps, and costs scaled by them."""

from typing import Any

import pytest

from selfspec_assets.planning.costs import Cost, Past
from selfspec_assets.steps.lineage import every_step
from selfspec_assets.steps.size import Size


def test_costs_scale_with_what_they_grow_with() -> None:
    past = Past(Size(10, 10, 20, disk=5), Cost(1000, 400, 60, 500), "a test")
    assert past.scaled(Size(20, 20, 40, disk=10)) == Cost(2000, 800, 120, 1000)
    assert past.scaled(Size(10, 20, 20, disk=5)) == Cost(2000, 400, 90, 500)
    assert past.scaled(Size(10, 10, 20, weight=2, disk=5)) == Cost(1000, 400, 120, 500)
    only_reading = Past(Size(10, 30, 0, disk=8), Cost(300, 0, 9, 800), "a test")
    assert only_reading.scaled(Size(20, 60, 0, disk=4)) == Cost(600, 0, 18, 400)


LIST = {"tasks_per_prompt": 20, "seeds_per_prompt": 3}


@pytest.mark.parametrize(
    ("step", "settings", "counts", "expected"),
    [
        (
            "instructions",
            {"instructions": {"tasks_per_prompt": 20, "seeds_per_prompt": 3}},
            {"units": 2},
            (2, 2, 34, 1),
        ),
        ("responses", {"responses": {"contrast": {"form": "none"}}}, {"units": 4, "passages": 20}, (4, 20, 4, 1)),
        ("responses", {"responses": {"contrast": {"form": "difference"}}}, {"units": 4}, (4, 4, 4, 2)),
        ("responses", {"responses": {}}, {"units": 4}, (4, 4, 4, 1)),
        ("adapter", {"adapter": {"epochs": 3, "r": 8}}, {"units": 5}, (5, 15, 0, 1)),
        ("predictions", {"scores": {"shots": [0, 1, 5]}}, {"units": 9}, (9, 27, 9, 1)),
        ("scores", {"scores": {"resamples": 100}}, {"units": 9}, (9, 900, 0, 1)),
        ("corpus", {}, {"units": 1}, (1, 1, 0, 1)),
    ],
)
def test_sizes(step: str, settings: dict[str, Any], counts: dict[str, float], expected: tuple[float, ...]) -> None:
    found = every_step()[step].size(settings, counts)
    assert (found.units, found.reading, found.writing, found.weight) == expected
