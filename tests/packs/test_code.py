"""Which code a pack brings is said, and `selfspec check --no-code` runs none of it."""

import os
import shutil
import sys
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.packs.bound_reader import is_own
from selfspec_assets.packs.finding import find_pack
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.planning.pack_check import check_pack
from tests.checkout import ROOT
from tests.conftest import Project

RUN = CliRunner()
PACK = ROOT / "tests" / "stranger_pack" / "selfspec_beekeeping"
TRACE = "import pathlib\npathlib.Path({!r}).touch()\n"


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """The file that a pack's code leaves when it is run."""
    return tmp_path / "ran"


@pytest.fixture
def installed(project: Project, tmp_path: Path, ran: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A pack in a package of a distribution; every module of it leaves a trace. Returns the pack's name."""
    place = tmp_path / "site"
    shutil.copytree(PACK, place / "bees" / "keeping")
    (place / "bees" / "__init__.py").write_text(TRACE.format(str(ran)))
    for path in (place / "bees" / "keeping").glob("*.py"):
        path.write_text(path.read_text().replace("selfspec_beekeeping", "bees.keeping") + TRACE.format(str(ran)))
    about = place / "bees-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bees\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text("[selfspec.domains]\nbeekeeping = bees.keeping\n")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    invalidate_caches()
    yield "beekeeping"
    for name in [name for name in sys.modules if name.partition(".")[0] == "bees"]:
        del sys.modules[name]


def test_no_code_looks_at_an_installed_pack_and_runs_nothing_of_it(installed: str, ran: Path) -> None:
    for arguments in (["--domain", installed], []):
        done = RUN.invoke(app, ["check", "--no-code", *arguments])
        assert done.exit_code == 0, done.stderr
        assert "  code: readers.py, filters.py, from the distribution bees 1.2; not run\n" in done.stdout
        assert "benchmark seasons: not looked at, it is read by 'arrows' of readers.py" in done.stdout
        assert "seeds: " in done.stdout
    assert "benchmark colours: 10 items" in done.stdout, "of botany: without --domain all packs are looked at"
    assert not ran.exists()


def test_with_code_the_same_pack_is_read_whole(installed: str, ran: Path) -> None:
    done = RUN.invoke(app, ["check", "--domain", installed])
    assert done.exit_code == 0, done.stderr
    assert "  code: readers.py, filters.py, from the distribution bees 1.2\n" in done.stdout
    assert "benchmark seasons: 4 items" in done.stdout
    assert ran.exists()


def test_finding_a_pack_runs_nothing(installed: str, ran: Path) -> None:
    assert find_pack(installed).folder().name == "keeping"
    assert not ran.exists()


def test_a_recipe_s_check_tells_of_code_and_wants_it(project: Project) -> None:
    assert "  code: none\n" in RUN.invoke(app, ["check", "tiny"]).stdout
    (project.folder / "domains/botany/filters.py").write_text("")
    assert "  code: filters.py, from the project\n" in RUN.invoke(app, ["check", "tiny"]).stdout
    done = RUN.invoke(app, ["check", "tiny", "--no-code"])
    assert done.exit_code == 1
    assert "remedy: selfspec check --no-code --domain NAME" in done.stderr


def test_code_is_told_where_it_fails(project: Project) -> None:
    (project.folder / "domains/botany/readers.py").write_text("1 / 0\n")
    report = check_pack("botany")
    assert report.lines == ["code: readers.py, from the project"]
    assert len(report.errors) == 1
    report = check_pack("botany", code=False)
    assert report.errors == []
    assert "  benchmark colours: 10 items" in report.lines, "a shared reader, which readers.py does not replace"


def test_without_code_a_missing_reader_is_still_an_error(project: Project) -> None:
    project.pack["published"]["benchmarks"][0]["reader"] = "no_such"
    project.save()
    with pytest.raises(SelfspecError, match=r"needs a readers\.py"):
        load_pack("botany", code=False)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("def table(path): ...", True),
        ("from x import table", True),
        ("from x import other as table", True),
        ("from x import *", True),
        ("table = 1", True),
        ("if 1:\n    async def table(path): ...", True),
        ("no python (", True),
        ("def other(path):\n    '''As table.'''", False),
        ("", False),
        (None, False),
    ],
)
def test_a_shared_reader_that_the_pack_may_replace_is_its_own(tmp_path: Path, text: str | None, own: bool) -> None:
    if text is not None:
        (tmp_path / "readers.py").write_text(text + os.linesep)
    assert is_own(tmp_path, "table") == own
    assert is_own(tmp_path, "no_such") == (text is not None)
