"""The bad inputs, counted for the table; ``tests/bad_input`` says which one fails."""

from pathlib import Path

import pytest

from tests.bad_input.test_bad_input import KINDS
from tests.bad_input.trial import try_all
from tests.soak import summary

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


def test_every_bad_input_is_caught(tmp_path: Path, tiny_model: Path) -> None:
    found = try_all(KINDS, tmp_path, tiny_model)
    for kind, counts in found.items():
        summary.add(f"bad input: {kind}", f"{counts.tried} tried, {counts.caught} caught")
    tried, caught = (sum(column) for column in zip(*found.values(), strict=True))
    summary.add("bad input: all", f"{tried} tried, {caught} caught")
    assert tried >= 200
    assert tried == caught
