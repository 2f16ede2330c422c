"""`selfspec new-domain`: a pack that is whole from the start, and nothing that is written over."""

import json
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.packs import new_domain
from selfspec_assets.packs.new_domain import SCAFFOLD
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.recipe.recipe import load_recipe, load_recipes
from tests.checkout import ROOT

RUN = CliRunner()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project."""
    for name in ("SELFSPEC_DOMAINS", "SELFSPEC_DATA", "SELFSPEC_WAREHOUSE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SELFSPEC_HOME", str(tmp_path))
    return tmp_path


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_new_pack_passes_every_check_without_a_warning(home: Path) -> None:
    made = RUN.invoke(app, ["new-domain", "family_law"])
    assert made.exit_code == 0, made.stderr
    for command in ("check --domain family_law", "run family_law", "scores family_law"):
        assert f"selfspec {command}" in made.stdout
    for arguments in (["check", "--domain", "family_law"], ["check", "family_law"]):
        done = RUN.invoke(app, arguments)
        assert done.exit_code == 0, done.stderr
        for text in ("benchmark short_answer: 10 items", "benchmark yes_no: 10", "benchmark tone: 9", "24 documents"):
            assert text in done.stdout
        assert "warning" not in done.stdout
    assert [path.name for path in home.rglob("*") if path.name.startswith(".")] == []


def test_the_name_stands_wherever_the_field_is_spoken_of(home: Path) -> None:
    RUN.invoke(app, ["new-domain", "family_law"])
    pack = load_pack("family_law")
    assert pack.file.title == "Family law"
    assert "the field of family law" in pack.instruction_header.render(count=7)
    assert "an expert of family law" in pack.response_prompt.render(instruction="i", input="c", passage="d")
    assert load_recipe("family_law").recipe.domains == ("family_law",)
    assert "family_law" in [named.name for named in load_recipes()]
    written = b"".join([*tree(home).values(), *(name.encode() for name in tree(home))])
    assert b"__" not in written.replace(b"__init__", b"")


def test_seeds_and_benchmarks_share_no_text(home: Path) -> None:
    def inputs(name: str) -> set[str]:
        lines = (SCAFFOLD / "pack" / "bundled" / name).read_text().splitlines()
        return {json.loads(line)["input"] for line in lines}

    asked = [inputs(f"benchmarks/{path.name}") for path in (SCAFFOLD / "pack/bundled/benchmarks").glob("*.jsonl")]
    assert len(asked) == 3
    assert not inputs("seeds.jsonl") & set().union(*asked)


@pytest.mark.parametrize("name", ["Law", "2law", "family law", "family-law", "../law", "", "all", "l" * 51, "löwe"])
def test_a_name_that_cannot_be_one_writes_nothing(name: str, home: Path) -> None:
    done = RUN.invoke(app, ["new-domain", name])
    assert done.exit_code == 1
    assert "a pack's name is lower-case letters" in done.stderr
    assert tree(home) == {}


def test_a_name_that_could_be_one_is_offered(home: Path) -> None:
    assert "selfspec new-domain family_law" in RUN.invoke(app, ["new-domain", "Family Law!"]).stderr


def occupied_pack(home: Path) -> None:
    (home / "domains" / "law").mkdir(parents=True)
    (home / "domains" / "law" / "notes.txt").write_text("mine")


def occupied_recipe(home: Path) -> None:
    (home / "recipes").mkdir()
    (home / "recipes" / "law.yaml").write_text("mine")


def occupied_by_a_dead_link(home: Path) -> None:
    (home / "domains").mkdir()
    (home / "domains" / "law").symlink_to(home / "gone")


@pytest.mark.parametrize("occupy", [occupied_pack, occupied_recipe, occupied_by_a_dead_link])
def test_nothing_is_written_over(occupy: object, home: Path) -> None:
    assert callable(occupy)
    occupy(home)
    before = tree(home)
    done = RUN.invoke(app, ["new-domain", "law"])
    assert done.exit_code == 1
    assert "exists already" in done.stderr
    assert tree(home) == before


def test_a_second_time_is_refused_and_changes_nothing(home: Path) -> None:
    assert RUN.invoke(app, ["new-domain", "law"]).exit_code == 0
    readme = home / "domains" / "law" / "README.md"
    readme.write_text("mine")
    before = tree(home)
    done = RUN.invoke(app, ["new-domain", "law"])
    assert done.exit_code == 1
    assert "there is one already" in done.stderr
    assert tree(home) == before


def test_names_of_shipped_packs_and_recipes_are_taken(home: Path) -> None:
    assert "selfspec itself" in RUN.invoke(app, ["new-domain", "sports"]).stderr
    assert "recipe of that name" in RUN.invoke(app, ["new-domain", "quickstart"]).stderr
    # Equal only where a hyphen has become an underscore: both would be one group of assets in Dagster.
    assert "recipe of that name" in RUN.invoke(app, ["new-domain", "biomedicine_mpt_30b"]).stderr
    assert tree(home) == {}


def test_a_failure_half_way_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def fail(source: Path, target: Path, name: str, fill: object = new_domain._fill) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise OSError(28, "No space left on device", str(target))
        assert callable(fill)
        fill(source, target, name)

    monkeypatch.setattr(new_domain, "_fill", fail)
    with pytest.raises(SelfspecError, match="No space left on device"):
        new_domain.scaffold("law")
    assert tree(home) == {}


def test_a_pack_that_appears_meanwhile_is_kept_and_the_recipe_taken_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = new_domain._check_free

    def then_occupied(name: str, pack: Path, recipe: Path) -> None:
        real(name, pack, recipe)
        occupied_pack(home)

    monkeypatch.setattr(new_domain, "_check_free", then_occupied)
    with pytest.raises(SelfspecError, match="cannot be written"):
        new_domain.scaffold("law")
    assert tree(home) == {"domains/law/notes.txt": b"mine"}


def test_the_scaffold_is_part_of_the_wheel() -> None:
    packed = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    assert {f"selfspec_assets/packs/scaffold/{name}" for name in tree(SCAFFOLD)} <= packed
