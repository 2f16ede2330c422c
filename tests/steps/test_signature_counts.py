"""A signature holds what decides a step's rows and nothing else: packs, devices, code, models and versions."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfspec_assets import plugins
from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.source import model_digest, model_folder
from selfspec_assets.planning.garbage import find
from selfspec_assets.planning.plan import plan
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse
from tests.conftest import Project, item_rows, write_lines

Place = tuple[str, int]


def signatures(domain: str = "botany") -> dict[Place, str]:
    lineage = Lineage(load_recipe("tiny"))
    return {(step, n): lineage.signature(step, domain, n) for n in (0, 1, 2) for step in lineage.steps(n)}


def changed_by(change: Callable[[], object]) -> set[Place]:
    before = signatures()
    change()
    after = signatures()
    return {place for place in before if before[place] != after[place]}


@pytest.fixture
def colours(project: Project) -> dict[str, Any]:
    """The pack's benchmark, with the seeds drawn from its training split."""
    project.add_training_split()
    project.recipe["seeds"] = {"sample_train": 2}
    project.save()
    found: dict[str, Any] = project.pack["published"]["benchmarks"][0]
    return found


# What a pack declares


@pytest.mark.parametrize("key", ["licence", "obtain"])
def test_an_address_that_is_corrected_remakes_nothing(project: Project, colours: dict[str, Any], key: str) -> None:
    colours[key] = "https://example.org/old"
    project.save()

    def correct() -> None:
        colours[key] = "https://example.org/new"
        project.save()

    assert changed_by(correct) == set()


@pytest.mark.parametrize(
    ("key", "value"), [("task", "hue"), ("instruction", "Say the colour."), ("metrics", ["set_f1"])]
)
def test_instructions_and_passages_depend_on_the_text_of_benchmarks_alone(
    project: Project, key: str, value: object
) -> None:
    benchmark = project.pack["published"]["benchmarks"][0]
    remade = changed_by(lambda: (benchmark.update({key: value}), project.save()))
    assert remade
    assert not remade & {(step, n) for step in ("corpus", "instructions", "passages", "responses") for n in (0, 1, 2)}


def test_a_benchmark_whose_text_is_another_remakes_them(project: Project) -> None:
    rows = [{**row, "input": f"{row['input']} Say so."} for row in item_rows()]
    remade = changed_by(lambda: write_lines(project.folder / "data" / "colours.jsonl", rows))
    assert {("benchmarks", 0), ("corpus", 0), ("instructions", 1)} <= remade


def add_second(project: Project) -> None:
    benchmarks = project.pack["published"]["benchmarks"]
    benchmarks.append({**benchmarks[0], "name": "shades", "file": "shades.jsonl"})
    project.save()


def test_a_named_benchmark_whose_file_is_gone_for_the_moment_is_an_error(project: Project) -> None:
    add_second(project)
    write_lines(project.folder / "data" / "shades.jsonl", item_rows())
    project.recipe["scores"]["benchmarks"] = ["colours"]
    project.save()
    before = signatures()
    (project.folder / "data" / "shades.jsonl").rename(project.folder / "data" / "away.jsonl")
    assert signatures() != before, "it is not named, and left out"
    project.recipe["scores"]["benchmarks"] = ["colours", "shades"]
    project.save()
    with pytest.raises(SelfspecError, match=r"benchmark 'shades': no file shades\.jsonl") as caught:
        signatures()
    assert "scores.benchmarks" in caught.value.place
    rows = plan([(load_recipe("tiny"), ["botany"])], Warehouse(home.warehouse_folder()))
    assert {row.step for row in rows if row.state != "blocked"} == {"seeds"}
    assert all(row.why[0].startswith("by ") for row in rows if row.state == "blocked")
    (project.folder / "data" / "away.jsonl").rename(project.folder / "data" / "shades.jsonl")
    assert signatures()


def test_a_benchmark_that_is_declared_and_not_there_remakes_no_instruction(project: Project) -> None:
    assert changed_by(lambda: add_second(project)) & {("instructions", 1), ("corpus", 0)} == set()


def test_the_domains_name_counts_where_rows_are_drawn_by_it(project: Project) -> None:
    domains = project.folder / "domains"
    shutil.copytree(domains / "botany", domains / "zoology")
    (project.folder / "seeds" / "zoology.jsonl").symlink_to(project.folder / "seeds" / "botany.jsonl")
    one, other = signatures("botany"), signatures("zoology")
    same = {place for place in one if one[place] == other[place]}
    assert same == {("seeds", 0), ("corpus", 0), ("index", 0), ("benchmarks", 0)}
    named = Lineage(load_recipe("tiny"))
    requests = {named.work_signature("instructions", domain, 1) for domain in ("botany", "zoology")}
    assert len(requests) == 2


def test_seeds_that_are_drawn_count_the_domains_name(project: Project, colours: dict[str, Any]) -> None:
    assert json.loads(Lineage(load_recipe("tiny")).signed("seeds", "botany", 0))["inputs"]["domain"] == "botany"


# Devices and memory


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_the_kind_of_device_counts_where_noise_is_drawn_on_it(
    project: Project, dropout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.recipe["adapter"]["dropout"] = dropout
    project.recipe["base_model"]["dtype"] = "float32"
    project.save()

    def inputs(step: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(Lineage(load_recipe("tiny")).signed(step, "botany", 1))["inputs"]
        return found

    assert "noise" not in inputs("instructions").keys() | inputs("adapter").keys()
    work = Lineage(load_recipe("tiny")).work_signature("instructions", "botany", 1)
    monkeypatch.setattr("selfspec_assets.steps.digests.has_gpu", lambda: True)
    assert inputs("instructions")["noise"] == "cuda"
    assert Lineage(load_recipe("tiny")).work_signature("instructions", "botany", 1) != work
    assert ("noise" in inputs("adapter")) == (dropout > 0)


@pytest.mark.parametrize(("dropout", "counts"), [(0.0, False), (0.1, True)])
def test_the_micro_batch_counts_with_dropout_alone(project: Project, dropout: float, counts: bool) -> None:
    project.recipe["adapter"].update(dropout=dropout)
    project.save()
    remade = changed_by(lambda: (project.recipe["adapter"].update(micro_batch_size=2), project.save()))
    assert (("adapter", 1) in remade) == counts


# Code


def own_reader(project: Project) -> Path:
    pack = project.folder / "domains" / "botany"
    pack.joinpath("readers.py").write_text(
        "from selfspec_assets.packs import Item\n\n\ndef own(path):\n    yield Item('a', 'A question?', ('yes',))\n"
    )
    project.pack["published"]["benchmarks"][0]["reader"] = "own"
    project.save()
    return pack


def test_every_file_of_a_packs_code_counts(project: Project) -> None:
    pack = own_reader(project)
    alone = signatures()
    helpers = pack / "helpers" / "table.py"
    helpers.parent.mkdir()
    remade = changed_by(lambda: helpers.write_text("LIMIT = 1\n"))
    assert ("benchmarks", 0) in remade
    assert ("benchmarks", 0) in changed_by(lambda: helpers.write_text("LIMIT = 2\n"))
    helpers.unlink()
    assert signatures() == alone


def test_filters_count_for_benchmarks_only_where_readers_name_them(project: Project) -> None:
    pack = own_reader(project)
    filters = pack / "filters.py"
    filters.write_text("def never(instruction, input):\n    return None\n")
    project.pack["filters"] = ["never"]
    project.save()

    def comment() -> None:
        filters.write_text(filters.read_text() + "# changed\n")

    remade = changed_by(comment)
    assert ("instructions", 1) in remade
    assert ("benchmarks", 0) not in remade
    (pack / "readers.py").write_text((pack / "readers.py").read_text() + "# as in filters\n")
    assert ("benchmarks", 0) in changed_by(comment)


def test_two_files_of_one_name_both_count_for_a_plugin(tmp_path: Path) -> None:
    files = [tmp_path / folder / "__init__.py" for folder in ("a", "b")]
    for path in files:
        path.parent.mkdir()
        path.write_text("LIMIT = 1\n")
    plugin = plugins.Plugin("step", "judge", "1", object(), "a distribution", tuple(files))
    before = plugin.identity
    files[0].write_text("LIMIT = 2\n")
    assert plugin.identity != before


# Models and versions


def test_a_hubs_model_is_never_a_folder_of_that_name(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ModelSpec("owner/name", "a" * 40)
    (tmp_path / "owner").mkdir()
    (tmp_path / "owner" / "name").symlink_to((project.folder / "model").resolve())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path / "snapshot"))
    assert model_digest(spec) == f"owner/name@{'a' * 40}"
    assert model_folder(spec) == tmp_path / "snapshot"
    assert model_folder(ModelSpec("./owner/name")) == (project.folder / "model").resolve()


def test_versions_are_kept_with_a_revision_and_shown_where_they_differ(
    begun: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.recipe["iterations"] = 1  # which is made
    begun.save()
    warehouse, named = Warehouse(home.warehouse_folder()), load_recipe("tiny")

    def why() -> dict[Place, tuple[str, ...]]:
        return {(row.step, row.iteration): row.why for row in plan([(named, ["botany"])], warehouse)}

    run = warehouse.revision(Lineage(named).signature("adapter", "botany", 1)).run
    assert run is not None
    assert all((run.selfspec_version, run.torch_version, run.transformers_version, run.peft_version))
    assert set(why().values()) == {()}
    before = signatures()
    monkeypatch.setattr("selfspec_assets.warehouse.made_with.version", lambda name: "99.1")
    assert signatures() == before
    assert f"torch {run.torch_version} → 99.1" in why()["adapter", 1][0]
    assert not [item for item in find(warehouse).items if item.kind == "superseded revision"]
