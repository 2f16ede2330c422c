"""Packs of strangers: on SELFSPEC_DOMAINS and in installed distributions; clashes, broken packs, filters."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import domain_names, load_pack
from selfspec_assets.planning.pack_check import check_pack
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.instructions import Sieve, request_signature
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse.rows import InstructionRow, RequestRow
from tests.checkout import ROOT
from tests.conftest import Project, pip_installed

RUN = CliRunner()
STRANGER = ROOT / "tests" / "stranger_pack"
PACK = STRANGER / "selfspec_beekeeping"
SHIPPED = {"biomedicine", "finance", "sports"}


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without packs of its own."""
    folder = tmp_path / "project"
    (folder / "domains").mkdir(parents=True)
    monkeypatch.setenv("SELFSPEC_HOME", str(folder))
    for name in ("SELFSPEC_DOMAINS", "SELFSPEC_DATA"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pip_installed(STRANGER, tmp_path_factory)


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Puts a folder of distributions on the import path, and forgets what was imported from it."""
    before = set(sys.modules)

    def reach(folder: Path) -> None:
        monkeypatch.syspath_prepend(str(folder))
        invalidate_caches()

    yield reach
    for name in set(sys.modules) - before:
        if name.startswith(("selfspec_beekeeping", "odd_")):
            del sys.modules[name]


def lay(folder: Path, name: str = "beekeeping", contract: str = "1") -> Path:
    """The stranger's pack in a folder of packs; it needs no import there."""
    target = folder / name
    shutil.copytree(PACK, target)
    readers = target / "readers.py"
    own = "from selfspec_beekeeping.seasons import SEASONS\n"
    assert own in readers.read_text()
    readers.write_text(readers.read_text().replace(own, "\nSEASONS = ('spring',)\n"))
    text = (target / "domain.yaml").read_text().replace("contract: 1", f"contract: {contract}")
    text = text.replace("seasons.txt", "own.txt")
    (target / "domain.yaml").write_text(text)
    (target / "data" / "own.txt").write_text("The first brood is looked for. -> spring\n")
    return target


def distribution(folder: Path, entry: str, module: str = "", text: str = "") -> None:
    """An installed distribution, as pip leaves it: metadata, and perhaps a module."""
    about = folder / "odd_pack-2.5.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-pack\nVersion: 2.5\n")
    (about / "entry_points.txt").write_text(f"[selfspec.domains]\n{entry}\n")
    if module:
        (folder / module).parent.mkdir(parents=True, exist_ok=True)
        (folder / module).write_text(text)


# Found


def test_a_pack_that_pip_installed_is_found_and_whole(
    empty: Path, installed: Path, reachable: Callable[[Path], None]
) -> None:
    assert set(domain_names()) == SHIPPED
    reachable(installed)
    assert set(domain_names()) == SHIPPED | {"beekeeping"}
    pack = load_pack("beekeeping")
    assert pack.folder == installed / "selfspec_beekeeping"
    items = load_items(pack, pack.data("bundled").benchmarks[0], "bundled")
    assert [item.references[0] for item in items] == ["autumn", "winter", "summer", "spring"]
    assert pack.filters.reason("Name a poison for wasps.", "") == "filter:too_dangerous:asks for poison"
    assert pack.filters.reason("Name a home for wasps.", "") is None


def test_the_installed_pack_in_a_process_of_its_own(empty: Path, installed: Path) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "selfspec", "check", "--domain", "beekeeping"],
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "benchmark seasons: 4 items" in done.stdout


def test_folders_of_packs(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = lay(tmp_path / "one"), lay(tmp_path / "two", "apiary")
    (tmp_path / "two" / ".half_made").mkdir()
    (tmp_path / "two" / ".half_made" / "domain.yaml").write_text("contract: 1\n")
    monkeypatch.chdir(tmp_path)
    # An absolute folder, a relative one, one of them twice, and an empty part.
    monkeypatch.setenv("SELFSPEC_DOMAINS", os.pathsep.join([str(tmp_path / "one"), "", "two", "one"]))
    assert set(domain_names()) == SHIPPED | {"beekeeping", "apiary"}
    assert (load_pack("beekeeping").folder, load_pack("apiary").folder) == (first, second)
    for name in ("beekeeping", "apiary"):
        report = check_pack(name)
        assert report.errors == []
        assert "  benchmark seasons: 1 items" in report.lines


def test_the_project_may_replace_a_shipped_pack(empty: Path) -> None:
    own = lay(empty / "domains", "sports")
    assert load_pack("sports").folder == own
    assert RUN.invoke(app, ["check", "--domain", "sports"]).exit_code == 0


# Refused


def clash_in_the_project(empty: Path, place: Path) -> str:
    lay(empty / "domains")
    lay(place)
    return "beekeeping"


def clash_with_a_shipped_one(empty: Path, place: Path) -> str:
    lay(place, "finance")
    return "finance"


@pytest.mark.parametrize("arrange", [clash_in_the_project, clash_with_a_shipped_one])
def test_two_packs_of_one_name(
    arrange: Callable[[Path, Path], str], empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    name = arrange(empty, place)
    monkeypatch.setenv("SELFSPEC_DOMAINS", str(place))
    with pytest.raises(SelfspecError) as caught:
        load_pack(name)
    assert caught.value.place == f"pack '{name}'"
    assert str(place / name) in caught.value.reason
    assert caught.value.reason.count(" and ") == 1
    assert "rename" in caught.value.remedy
    assert load_pack("biomedicine").name == "biomedicine"
    assert domain_names().count(name) == 1
    assert [str(error) for error in check_pack(name).errors] == [str(caught.value)]


def test_an_installed_pack_clashes_with_the_projects(
    empty: Path, installed: Path, reachable: Callable[[Path], None]
) -> None:
    lay(empty / "domains")
    reachable(installed)
    with pytest.raises(SelfspecError, match=r"the distribution selfspec-beekeeping 0\.3"):
        load_pack("beekeeping")


ODD: dict[str, tuple[tuple[str, ...], str, str]] = {
    "no module": (("odd = odd_law",), "no package with a domain.yaml", "odd_law"),
    "no module in a package": (("odd = odd_law.x", "odd_law/__init__.py", "1 / 0"), "no package with a", "odd_law.x"),
    "no module in no package": (("odd = odd_law.x.y",), "no package with a domain.yaml", "odd_law.x.y"),
    "no pack": (("odd = odd_law", "odd_law/__init__.py", ""), "no package with a domain.yaml", "odd"),
    "no package": (("odd = odd_law", "odd_law.py", ""), "no package with a domain.yaml", "odd"),
    "not a module": (("odd = os:sep",), "no package with a domain.yaml", "odd"),
}


@pytest.mark.parametrize("case", ODD)
def test_a_broken_distribution_is_named_and_stands_in_nobodys_way(
    case: str, empty: Path, tmp_path: Path, reachable: Callable[[Path], None]
) -> None:
    given, reason, detail = ODD[case]
    distribution(tmp_path / "odd", *given)
    reachable(tmp_path / "odd")
    with pytest.raises(SelfspecError) as caught:
        load_pack("odd")
    assert "odd-pack 2.5" in caught.value.place
    assert "pack 'odd'" in caught.value.reason
    assert reason in caught.value.reason
    assert detail in str(caught.value)
    assert "pip uninstall odd-pack" in caught.value.remedy
    assert load_pack("finance").name == "finance"
    shown = RUN.invoke(app, ["benchmarks", "show", "movement"])
    assert shown.exit_code == 0
    assert "LEFT OUT pack 'odd'" in shown.stdout


def test_check_of_every_pack_names_the_broken_one_and_goes_on(
    empty: Path, tmp_path: Path, reachable: Callable[[Path], None]
) -> None:
    distribution(tmp_path / "odd", "odd = odd_law")
    reachable(tmp_path / "odd")
    done = RUN.invoke(app, ["check", "--domain", "all"])
    assert done.exit_code == 1
    assert "pack 'odd'" in done.stderr
    assert "benchmark movement" in done.stdout  # of finance, which comes before
    assert "benchmark result" in done.stdout  # of sports, which comes after


def test_a_wrong_contract_names_pack_and_version(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lay(tmp_path / "place", contract="2\nkey_of_the_future: 1")
    monkeypatch.setenv("SELFSPEC_DOMAINS", str(tmp_path / "place"))
    with pytest.raises(SelfspecError) as caught:
        load_pack("beekeeping")
    assert caught.value.place == f"{folder / 'domain.yaml'}:1"
    assert "pack 'beekeeping' is written for contract 2, this version reads contract 1" in caught.value.reason
    assert caught.value.remedy == "upgrade selfspec"
    shutil.rmtree(folder)
    lay(tmp_path / "place", contract="0")
    with pytest.raises(SelfspecError, match="newer version of the pack"):
        load_pack("beekeeping")


def test_a_mistake_in_a_strangers_pack_names_the_pack(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lay(tmp_path / "place")
    (folder / "readers.py").write_text("import no_such_module\n")
    monkeypatch.setenv("SELFSPEC_DOMAINS", str(tmp_path / "place"))
    with pytest.raises(SelfspecError, match=r"pack 'beekeeping' of SELFSPEC_DOMAINS: .*no_such_module") as caught:
        load_pack("beekeeping")
    assert caught.value.place == str(folder / "readers.py")


def test_places_that_hold_no_packs_are_errors_of_check(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = lay(tmp_path / "place")
    monkeypatch.setenv("SELFSPEC_DOMAINS", os.pathsep.join([str(tmp_path / "nowhere"), str(pack)]))
    done = RUN.invoke(app, ["check", "--domain", "all"])
    assert done.exit_code == 1
    assert f"{tmp_path / 'nowhere'} is not a folder" in done.stderr
    assert f"name the folder around it: {pack.parent}" in done.stderr
    assert "benchmark movement" in done.stdout
    assert load_pack("finance").name == "finance"
    with pytest.raises(
        SelfspecError, match=r"(?s)no such domain pack; SELFSPEC_DOMAINS: .*nowhere.*new-domain beekeep"
    ):
        load_pack("beekeep")


@pytest.mark.parametrize("name", ["My-Law", "all", "2law"])
def test_a_pack_that_no_recipe_could_name(name: str, empty: Path) -> None:
    lay(empty / "domains", name)
    with pytest.raises(SelfspecError, match="rename it: a pack's name is"):
        load_pack(name)
    assert name in domain_names()
    assert len(check_pack(name).errors) == 1


# Filters


def with_filters(project: Project, code: str, *names: str) -> None:
    (project.folder / "domains/botany/filters.py").write_text(code)
    project.pack["filters"] = list(names)
    project.save()


SOUND = "def no_moss(instruction, input):\n    return 'moss' if 'moss' in instruction + input else None\n"


def test_a_filter_of_the_pack_rejects_with_its_reason(project: Project) -> None:
    with_filters(project, SOUND, "no_moss")
    lineage = Lineage(load_recipe("tiny"))
    job: Any = SimpleNamespace(recipe=lineage.recipe, pack=lineage.pack("botany"), iteration=1, read=lambda *_: [])
    sieve = Sieve(job)
    text = " Say why ferns like shade.\nInput: A fern.\n\n5. Instruction: Tell me of its colour.\nInput: A moss."
    sieve.take(
        RequestRow(
            request=0,
            seed_ids=[],
            prompt_digest="",
            model_digest="",
            adapter_digest=None,
            given="",
            document_id=None,
            output=text,
            output_tokens=9,
            random_seed=1,
        ),
        hit_limit=False,
    )
    rows: list[InstructionRow] = sieve.rows
    assert [row.reason for row in rows] == [None, "filter:no_moss:moss"]


def test_the_language_of_the_pack_decides_what_is_kept(project: Project) -> None:
    project.pack["language"] = "ja"
    project.save()
    lineage = Lineage(load_recipe("tiny"))
    job: Any = SimpleNamespace(recipe=lineage.recipe, pack=lineage.pack("botany"), iteration=1, read=lambda *_: [])
    sieve = Sieve(job)
    text = " シダの色を答えてください。\nInput: シダ\n\n5. Instruction: なぜ苔は日陰で育つのか。\nInput: 苔"
    sieve.take(
        RequestRow(
            request=0,
            seed_ids=[],
            prompt_digest="",
            model_digest="",
            adapter_digest=None,
            given="",
            document_id=None,
            output=text,
            output_tokens=9,
            random_seed=1,
        ),
        hit_limit=False,
    )
    assert [row.reason for row in sieve.rows] == [None, None]


def test_filters_and_language_count_for_the_instructions_alone(project: Project) -> None:
    def signatures() -> tuple[str, str, str]:
        lineage = Lineage(load_recipe("tiny"))
        request = request_signature(lineage, "botany", 1)
        return lineage.signature("seeds", "botany", 0), request, lineage.signature("instructions", "botany", 1)

    without = signatures()
    with_filters(project, SOUND, "no_moss")
    first = signatures()
    with_filters(project, SOUND.replace("'moss' in", "'fern' in"), "no_moss")
    second = signatures()
    project.pack["language"] = "ja"
    project.save()
    third = signatures()
    assert without[:2] == first[:2] == second[:2] == third[:2]  # the raw requests are not made again
    assert len({without[2], first[2], second[2], third[2]}) == 4


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module\n", "importing it failed"),
        ("other = 1\n", "has no function 'no_moss'"),
        ("no_moss = 'moss'\n", "has no function 'no_moss'"),
        ("def no_moss(instruction):\n    return None\n", "cannot be called with two texts"),
    ],
)
def test_a_broken_filter_is_named_when_the_pack_is_loaded(code: str, reason: str, project: Project) -> None:
    with_filters(project, code, "no_moss")
    with pytest.raises(SelfspecError) as caught:
        load_pack("botany")
    assert reason in caught.value.reason
    assert caught.value.place == str(project.folder / "domains/botany/filters.py")


def test_a_filter_without_its_module_is_named(project: Project) -> None:
    project.pack["filters"] = ["no_moss"]
    project.save()
    with pytest.raises(SelfspecError, match=r"needs a filters\.py"):
        load_pack("botany")


@pytest.mark.parametrize(
    ("body", "reason"), [("return len(instruction)", "returned 1"), ("return 1 // 0", "failed on the instruction 'x'")]
)
def test_a_filter_that_fails_stops_and_rejects_nothing(body: str, reason: str, project: Project) -> None:
    with_filters(project, f"def no_moss(instruction, input):\n    {body}\n", "no_moss")
    with pytest.raises(SelfspecError) as caught:
        load_pack("botany").filters.reason("x", "y")
    assert reason in caught.value.reason
