"""What is put into the project folder before Dagster reads it."""

import pytest

from selfspec_assets.base import home
from tests.conftest import Project


def test_dagsters_configuration_is_replaced_in_one_step(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster takes its defaults in silence where it reads an empty file, so a reader must never see one."""
    target = project.folder / ".dagster" / "dagster.yaml"
    shipped = project.folder / "dagster.yaml"
    shipped.write_text("telemetry:\n  enabled: false\n")
    assert home.prepare_dagster() == target.parent
    with target.open() as reader:
        shipped.write_text("# a later version\n")
        home.prepare_dagster()
        assert reader.read() == "telemetry:\n  enabled: false\n", "the file that was open has been written to"
    assert target.read_text() == "# a later version\n"
    before = target.stat()
    home.prepare_dagster()
    assert target.stat().st_mtime_ns == before.st_mtime_ns, "equal bytes are not written again"
    assert [path.name for path in target.parent.iterdir()] == ["dagster.yaml"]


def test_a_write_that_fails_leaves_the_file_as_it_was(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = project.folder / "dagster.yaml"
    shipped.write_text("# old\n")
    folder = home.prepare_dagster()
    shipped.write_text("# new\n")

    def fail(source: object, target: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="no space"):
        home.prepare_dagster()
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("dagster.yaml", "# old\n")]
