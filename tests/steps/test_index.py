"""The step ``index``: made once, shared, made only where passages are to be made, and never in passages' signature."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from selfspec_assets import plugins
from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.retrieval.registered import build_index, load_retriever, stores_index
from selfspec_assets.orchestration.runner import run_recipe
from selfspec_assets.packs.corpora.documents import Document
from selfspec_assets.planning import garbage
from selfspec_assets.planning.plan import plan
from selfspec_assets.planning.verification import verify
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.index import has_index
from selfspec_assets.steps.job import Job
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.warehouse import Warehouse, upkeep
from tests.conftest import Project
from tests.making import make


def warehouse() -> Warehouse:
    return Warehouse(home.warehouse_folder())


def index_signature(recipe: str = "tiny") -> str:
    return Lineage(load_recipe(recipe)).signature("index", "botany", 0)


def revisions_of(step: str) -> list[str]:
    there = warehouse()
    return [signature for signature in upkeep.revisions(there) if there.revision(signature).step == step]


def changed(project: Project, **passages: object) -> None:
    project.recipe["passages"].update(passages)
    project.save()


def as_before_there_was_an_index(project: Project) -> None:
    shutil.rmtree(warehouse().revision(index_signature()).folder)
    shutil.rmtree(project.folder / "warehouse" / "manifest" / "tiny" / "index")
    warehouse().publish()


def row(step: str, iteration: int = 0) -> Any:
    named = load_recipe("tiny")
    return next(r for r in plan([(named, ["botany"])], warehouse()) if (r.step, r.iteration) == (step, iteration))


def test_three_iterations_have_one_index_and_say_what_it_is(finished: Project) -> None:
    assert len(revisions_of("passages")) == 3
    assert revisions_of("index") == [index_signature()]
    with duckdb.connect(str(finished.database), read_only=True) as connection:
        told = dict(connection.execute("SELECT figure, value FROM indexes").fetchall())
    assert told.keys() == {"documents", "terms", "postings", "bytes"}
    folder = warehouse().folder(index_signature(), "index")
    assert told["bytes"] == sum(path.stat().st_size for path in folder.iterdir())
    assert told["documents"] == len((finished.folder / "data" / "corpus.jsonl").read_text().splitlines())


def test_passages_signatures_are_what_they_were_without_it(project: Project) -> None:
    signed = json.loads(Lineage(load_recipe("tiny")).signed("passages", "botany", 1))
    assert signed["inputs"].keys() == {"corpus|0", "instructions|1"}
    assert signed["code_version"] == "2"
    assert signed["settings"]["passages"]["retriever"] == "bm25@1"


def test_another_recipe_shares_it_unless_it_indexes_otherwise(begun: Project) -> None:
    other = begun.folder / "recipes" / "other.yaml"
    other.write_text(yaml.safe_dump({**begun.recipe, "passages": {"k": 2, "max_words": 9}}))
    assert index_signature("other") == index_signature()
    assert warehouse().has(index_signature("other"))
    other.write_text(yaml.safe_dump({**begun.recipe, "passages": {"k": 2, "options": {"b": 0.5}}}))
    assert not warehouse().has(index_signature("other"))


def test_a_warehouse_from_before_is_used_and_nothing_is_made(begun: Project) -> None:
    as_before_there_was_an_index(begun)
    before = revisions_of("index"), set(upkeep.revisions(warehouse()))
    assert (row("index").state, row("passages", 1).state) == ("make", "reuse"), "iteration 2 will read it"
    begun.recipe["iterations"] = 1
    begun.save()
    assert row("index").state == "unneeded"
    said: list[str] = []
    run_recipe(load_recipe("tiny"), ["botany"], 1, said.append)
    assert said == ["tiny botany: up to date", "tiny botany|1: up to date"]
    assert (revisions_of("index"), set(upkeep.revisions(warehouse()))) == before
    make("passages")  # as in the UI: reused, whatever is missing behind it
    changed(begun, max_words=9)
    assert row("index").state == "make"
    with pytest.raises(SelfspecError, match="it needs index of botany, which has not been made"):
        make("passages")
    make("index", "passages")
    assert row("index").state == "reuse"


def test_an_index_of_former_options_can_go(begun: Project) -> None:
    former = index_signature()
    changed(begun, options={"b": 0.5})
    assert garbage.find(warehouse()).items == ()
    make("index")
    (item,) = (item for item in garbage.find(warehouse()).items if item.kind == garbage.SUPERSEDED)
    assert item.name == former


def test_what_a_killed_attempt_left_is_no_part_of_it(begun: Project) -> None:
    changed(begun, options={"b": 0.5})
    left = warehouse().work_folder(index_signature()) / "index"
    left.mkdir()
    (left / "owners.npy").write_bytes(b"half")
    (left / ".blocks").mkdir()
    (left / ".blocks" / "0").write_bytes(b"a block")
    make("index", "passages")
    names = {path.name for path in warehouse().folder(index_signature(), "index").rglob("*")}
    assert "owners.npy" in names
    assert not {".blocks", "0"} & names
    assert not left.exists()


@pytest.mark.parametrize("how", ["cut", "gone"])
def test_a_damaged_index_is_named_by_verify_and_where_it_is_used(begun: Project, how: str) -> None:
    path = warehouse().folder(index_signature(), "index") / "codes.npy"
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    changed(begun, max_words=9)
    with pytest.raises(SelfspecError, match=r"codes\.npy: (was changed|is missing)") as caught:
        make("passages")
    assert f"delete the folder {path.parent.parent} and run again" in caught.value.remedy
    assert any("codes.npy" in str(damage.errors) for damage in verify(warehouse()).damages)


def test_no_passages_no_index(project: Project) -> None:
    changed(project, k=0)
    assert not has_index(load_recipe("tiny").recipe)
    changed(project, k=[0, 2])
    assert has_index(load_recipe("tiny").recipe)
    lineage = Lineage(load_recipe("tiny"))
    assert [("index", 0) in lineage.needs("passages", n) for n in (1, 2)] == [False, True]


# A plug-in's own index

STORING = '''
from selfspec_assets import plugins

@plugins.retriever("lengths", version="1")
class Lengths:
    """Finds the longest documents."""

    def __init__(self, documents, least: int = 1):
        self.documents, self.least = documents, least

    def save(self, folder):
        longest = sorted(range(len(self.documents)), key=lambda place: -len(self.documents[place].text))
        (folder / "order.txt").write_text(" ".join(map(str, longest)))
        return {"least": self.least}

    def load(self, folder):
        self.order = [int(n) for n in (folder / "order.txt").read_text().split()]

    def top(self, query, k):
        return [(self.documents[place], 1.0) for place in self.order[:k]]
'''


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry that looks into the project, and the place for its plug-in."""
    fresh = plugins.Registry()
    for plugin in plugins.REGISTRY.all():
        if plugin.is_own:
            fresh.add(plugin)
    monkeypatch.setattr(plugins, "REGISTRY", fresh)
    path = home.project_folder() / "plugins" / "own.py"
    path.parent.mkdir(exist_ok=True)
    return path


def test_a_plugins_index_is_stored_and_opened(begun: Project, registered: Path) -> None:
    registered.write_text(STORING)
    changed(begun, retriever="lengths", options={"least": 2})
    make("index", "passages")
    job = Job(Lineage(load_recipe("tiny")), "passages", "botany", 1, print)
    assert [path.name for path in job.folder("index", "index").iterdir()] == ["order.txt"]
    with duckdb.connect(str(begun.database), read_only=True) as connection:
        assert connection.execute("SELECT value FROM indexes WHERE figure = 'least'").fetchall() == [(2,)]
        assert connection.execute("SELECT count(DISTINCT document_id) FROM passages").fetchall() == [(3,)]


@pytest.mark.parametrize(
    ("spoiled", "with_this", "words"),
    [
        ("def load", "def lode", "has save alone"),
        ('(folder / "order.txt").write_text', "str", "wrote no index"),
        ('{"least": self.least}', '{"least": "many"}', "save gave {'least': 'many'}"),
        ("longest = sorted", "1 / 0 #", "division by zero"),
        ('"order.txt").read_text()', '"odour.txt").read_text()', "odour.txt"),
    ],
)
def test_a_plugin_that_breaks_the_contract_of_an_index_is_named(
    project: Project, registered: Path, tmp_path: Path, spoiled: str, with_this: str, words: str
) -> None:
    registered.write_text(STORING.replace(spoiled, with_this))
    documents = [Document("a", "", "a text"), Document("b", "", "another text")]
    folder = tmp_path / "index"
    folder.mkdir()

    def use() -> None:
        assert stores_index(plugins.REGISTRY.get("retriever", "lengths", "a test"))
        build_index("lengths", {}, folder, documents, "tiny.yaml")
        load_retriever("lengths", {}, folder, documents, "tiny.yaml")

    with pytest.raises(SelfspecError) as caught:
        use()
    assert words in caught.value.reason
    assert "lengths" in f"{caught.value.place} {caught.value.reason}"
