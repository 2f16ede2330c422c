"""What is an id on the hub, and what is a commit."""

import pytest

from selfspec_assets.base.hub_ids import is_commit, is_hub_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [("owner/name", True), ("o/n.b-1_c", True), ("name", False), ("./a/b", False), ("a/b/c", False), ("-a/b", False)],
)
def test_hub_ids(text: str, expected: bool) -> None:
    assert is_hub_id(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0123456789" * 4, True), ("main", False), ("A" * 40, False), ("a" * 39, False), (None, False)],
)
def test_commits(text: str | None, expected: bool) -> None:
    assert is_commit(text) == expected
