"""Every commit point has a name, and every name is killed at."""

import pytest

from tests.kill import points
from tests.kill.test_steps import SPECIAL, STEPS
from tests.kill.victim import VARIABLE


def test_the_package_cannot_be_killed_from_outside() -> None:
    for path in points.PACKAGE.rglob("*.py"):
        assert VARIABLE not in path.read_text(), path
        assert "failpoints.listen" not in path.read_text(), path


@pytest.mark.parametrize(
    "line",
    [
        "os.replace(a, b)",
        "path.rename(target)",
        "path.replace(target)",
        "shutil.move(a, b)",
        "move(a, b)",
        "files.move(a, b, what)",
        "write_atomically(a, b, f'{what}')",
        "reached(name)",
    ],
)
def test_a_rename_without_a_name_is_found(line: str) -> None:
    with pytest.raises(AssertionError, match=r"x\.py:1"):
        points.of_source(line, "x.py")


def test_names_are_read_from_the_code() -> None:
    text = "move(a, b, 'x')\nreached('y')\ntext.replace('a', 'b')"
    assert points.of_source(text, "x.py") == {"x: before the rename", "x: after the rename", "y"}
    found = points.in_the_code()
    assert {"chunk: before the rename", "database: after the rename", "published: after the event"} <= found


def test_a_file_that_is_let_off_is_there_and_renames() -> None:
    """An exemption whose file has moved would let off whatever is written there next."""
    for name in (*points.NOT_COMMITS, points.MOVES):
        text = (points.PACKAGE / name).read_text()
        assert any(call in text for call in ("os.replace", "write_atomically", "move(", ".rename(")), name


def test_each_point_is_somebodys_to_kill_at() -> None:
    """``test_steps`` kills at whatever a step reaches and fails where that is not the points listed here."""
    assert set().union(*STEPS.values(), SPECIAL) == points.in_the_code()
