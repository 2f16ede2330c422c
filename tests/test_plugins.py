"""Plug-ins: a stranger's distribution, plug-ins of the project, and everything that can be wrong with one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from selfspec_assets import plugins
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.recipe.sections import StepUse
from selfspec_assets.steps.lineage import Lineage
from tests.checkout import ROOT
from tests.conftest import Project, pip_installed

STRANGER = Path(__file__).parent / "stranger_plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pip_installed(STRANGER, tmp_path_factory)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> plugins.Registry:
    """A registry that has not looked for anything yet, in place of the process's own; built-ins are in it."""
    fresh = plugins.Registry()
    for plugin in plugins.REGISTRY.all():
        if plugin.origin == plugins.OWN:
            fresh.add(plugin)
    monkeypatch.setattr(plugins, "REGISTRY", fresh)
    return fresh


@pytest.fixture
def stranger(
    installed: Path, registry: plugins.Registry, monkeypatch: pytest.MonkeyPatch
) -> Iterator[plugins.Registry]:
    """The distribution within reach of this process, and out of it again."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(installed))
    invalidate_caches()
    yield registry
    for name in set(sys.modules) - before:
        if name.startswith("selfspec_stranger"):
            del sys.modules[name]


def use_all_three(project: Project) -> None:
    """A recipe that names the stranger's retriever and judge, and a pack that names its metric."""
    project.recipe["passages"].update(retriever="dense", options={"dimensions": 128})
    project.recipe["steps"] = ["judge"]
    project.recipe["iterations"] = 1
    project.pack["published"]["benchmarks"][0]["metrics"] = ["exact"]
    project.save()


def selfspec(project: Project, installed: Path, *arguments: str) -> str:
    """The command line in a process of its own, as somebody who installed the distribution types it."""
    done = subprocess.run(
        [sys.executable, "-m", "selfspec_assets", *arguments],
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(project: Project, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


# A stranger's distribution


def test_a_strangers_retriever_metric_and_judge_go_through_the_whole_loop(begun: Project, installed: Path) -> None:
    use_all_three(begun)
    assert "judge" in selfspec(begun, installed, "plan", "tiny")
    selfspec(begun, installed, "run", "tiny")
    kept = {row for (row,) in ask(begun, "SELECT instruction_id FROM responses WHERE verdict = 'kept'")}
    verdicts = ask(begun, "SELECT row, step, refines, verdict, reason, version FROM verdicts ORDER BY row")
    assert {row for row, *_ in verdicts} == kept
    for row, *rest in verdicts:
        odd = row % 2 == 1
        assert rest == ["judge", "responses", *(["rejected", "odd number"] if odd else ["kept", None]), "3"]
    trained = ask(begun, "SELECT examples + too_long FROM adapters")
    assert trained == [(sum(row % 2 == 0 for row in kept),)]
    scores = ask(begun, "SELECT count(*) FROM scores WHERE metric = 'exact' AND model = 'adapter'")
    assert scores[0][0] > 0
    best = ask(begun, "SELECT max(score) FROM passages")
    assert 0 < best[0][0] <= 1, "a cosine, which BM25 is not"
    listed = json.loads(selfspec(begun, installed, "plan", "tiny", "--json"))
    assert {step["state"] for step in listed["steps"]} == {"reuse"}


def test_plugins_are_listed_with_kind_version_and_origin(project: Project, installed: Path) -> None:
    text = selfspec(project, installed, "plugins", "--json")
    plugins_by_name = {(listed["kind"], listed["name"]): listed for listed in json.loads(text)["plugins"]}
    origin = "the distribution selfspec-stranger 0.7"
    for kind, name, version in (("retriever", "dense", "2"), ("metric", "exact", "1"), ("step", "judge", "3")):
        assert (plugins_by_name[kind, name]["version"], plugins_by_name[kind, name]["origin"]) == (version, origin)
    assert plugins_by_name["retriever", "bm25"]["origin"] == "selfspec"
    assert {kind for kind, _ in plugins_by_name} == set(plugins.KINDS)


def test_names_versions_and_options_are_in_the_signatures(project: Project, stranger: plugins.Registry) -> None:
    use_all_three(project)

    def signatures() -> dict[str, str]:
        lineage = Lineage(load_recipe("tiny"))
        return {step: lineage.signature(step, "botany", n) for n in (0, 1) for step in lineage.steps(n)}

    before = signatures()
    project.recipe["passages"]["options"] = {"dimensions": 64}
    project.save()
    other_option = {name for name, signature in signatures().items() if signature != before[name]}
    assert other_option == {"passages", "responses", "judge", "adapter", "predictions", "scores"}
    del project.recipe["steps"]
    project.recipe["passages"]["options"] = {"dimensions": 128}
    project.save()
    without = signatures()
    assert "judge" not in without
    assert {name for name in without if without[name] != before[name]} == {"adapter", "predictions", "scores"}


def test_a_changed_file_of_a_distribution_counts(project: Project, installed: Path, tmp_path: Path) -> None:
    """Not only the module that the entry point names: also what that imports."""
    use_all_three(project)
    program = (
        "from selfspec_assets.recipe.recipe import load_recipe\nfrom selfspec_assets.steps.lineage import Lineage\n"
        "print(Lineage(load_recipe('tiny')).signature('passages', 'botany', 1))"
    )

    def signature(folder: Path) -> str:
        environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
        return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout

    copy = tmp_path / "copy"
    shutil.copytree(installed, copy)
    before = signature(copy)
    vectors = copy / "selfspec_stranger" / "vectors.py"
    vectors.write_text(vectors.read_text() + "\n# changed\n")
    assert signature(copy) != before


# A plug-in of the project, and what can be wrong with one


@pytest.fixture
def own(project: Project, registry: plugins.Registry) -> Callable[[str], Project]:
    """Writes ``plugins/own.py`` of the project."""

    def write(text: str, name: str = "own.py") -> Project:
        folder = project.folder / "plugins"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("from selfspec_assets import plugins\n" + text)
        return project

    return write


METRIC = "@plugins.metric('{name}', version='1')\ndef one(answer, references):\n    return {value}\n"


def test_a_file_of_the_project_registers(own: Callable[..., Project], registry: plugins.Registry) -> None:
    own(METRIC.format(name="always", value="50.0"))
    plugin = registry.get("metric", "always", "here")
    assert plugin.origin == "the project (own.py)"
    assert plugin.identity.startswith("always@1 ")


def test_one_that_raises_stands_in_nobodys_way(own: Callable[..., Project], registry: plugins.Registry) -> None:
    own(METRIC.format(name="early", value="1.0") + "raise RuntimeError('broken on purpose')\n")
    assert registry.get("metric", "set_f1", "here").origin == plugins.OWN
    with pytest.raises(SelfspecError) as caught:
        registry.get("metric", "early", "domain.yaml: metrics")
    assert "own.py" in caught.value.reason
    assert "broken on purpose" in caught.value.reason


def test_two_of_one_name_are_named_both(own: Callable[..., Project], registry: plugins.Registry) -> None:
    own(METRIC.format(name="twice", value="1.0"), "a.py")
    own(METRIC.format(name="twice", value="2.0"), "b.py")
    with pytest.raises(SelfspecError, match=r"the project \(a.py\) and the project \(b.py\)"):
        registry.get("metric", "twice", "here")


def test_an_unknown_name_is_answered_with_the_nearest(registry: plugins.Registry) -> None:
    with pytest.raises(SelfspecError) as caught:
        registry.get("metric", "set_f2", "domain.yaml: metrics")
    assert "did you mean 'set_f1'?" in caught.value.remedy


def test_a_name_that_no_recipe_could_hold_is_refused_where_it_is_written(registry: plugins.Registry) -> None:
    with pytest.raises(SelfspecError, match="a name is letters, digits and _"):
        plugins.metric("not a name", version="1")(lambda answer, references: 1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("float('nan')", "nan"),
        ("'much'", "'much'"),
        ("101.0", "101"),
    ],
)
def test_a_metric_that_gives_no_score_is_named(
    own: Callable[..., Project], registry: plugins.Registry, text: str, words: str
) -> None:
    from selfspec_assets.method.scoring.registered import item_metric

    own(METRIC.format(name="odd", value=text))
    with pytest.raises(SelfspecError) as caught:
        item_metric("odd", {}, "here")("an answer", ["a reference"])
    assert "metric 'odd'" in f"{caught.value.place} {caught.value.reason}"
    assert words in caught.value.reason


RETRIEVER = """
@plugins.retriever('odd', version='1')
class Odd:
    def __init__(self, documents):
        self.documents = documents
    def top(self, query, k):
        return {hits}
"""


@pytest.mark.parametrize(
    ("hits", "words"),
    [
        ("[(self.documents[0], 1.0)] * (k + 1)", "4 hits"),
        ("[(self.documents[0], 1.0), (self.documents[1], 2.0)]", "order"),
        ("[(self.documents[0], float('nan'))]", "nan"),
        ("[('a text', 1.0)]", "'a text'"),
        ("[(self.documents[0], 1.0), (self.documents[0], 1.0)]", "twice"),
        ("1 / 0", "division by zero"),
    ],
)
def test_a_retriever_that_breaks_its_contract_stops_by_name_and_stores_nothing(
    own: Callable[..., Project], registry: plugins.Registry, hits: str, words: str
) -> None:
    from selfspec_assets.method.retrieval.registered import make_retriever
    from selfspec_assets.packs.corpora.documents import Document

    own(RETRIEVER.format(hits=hits))
    documents = [Document(str(number), "", f"text {number}") for number in range(5)]
    retriever = make_retriever("odd", {}, documents, "recipe: passages.retriever")
    with pytest.raises(SelfspecError) as caught:
        retriever.top("a query", 3)
    assert "retriever 'odd'" in f"{caught.value.place} {caught.value.reason}"
    assert words in caught.value.reason


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ("[Verdict(-1, None)]", "a verdict on row -1, which it was not given"),
        ("[]", "no verdict on row"),
        ("[Verdict(row.instruction_id, None) for row in rows for _ in '12']", "two verdicts on row"),
        ("[Verdict(row.instruction_id, 3) for row in rows]", "not a row's number with a reason"),
        ("[Edit(row.instruction_id, ' ') for row in rows]", "only answers, to a text"),
        ("[Edit(row.instruction_id, None) for row in rows]", "only answers, to a text"),
        ("[Edit(-1, 'An oak.') for row in rows]", "a verdict on row -1, which it was not given"),
    ],
)
def test_a_judge_that_breaks_its_contract_stops_by_name(
    own: Callable[..., Project],
    registry: plugins.Registry,
    begun: Project,
    monkeypatch: pytest.MonkeyPatch,
    verdicts: str,
    words: str,
) -> None:
    from selfspec_assets.steps.job import Job

    own(
        "from selfspec_assets.steps.refining import Edit, RefiningStep, Verdict\n"
        "@plugins.step('odd', version='1')\nclass Odd(RefiningStep):\n    '''Judges.'''\n    refines = 'responses'\n"
        f"    def judge(self, job, rows):\n        return {verdicts}\n"
    ).enter(monkeypatch)
    registry.load()  # while the project of the plug-in is this process's
    begun.enter(monkeypatch)
    named = load_recipe("tiny")
    with_judge = named.model_copy(update={"recipe": named.recipe.model_copy(update={"steps": (StepUse(name="odd"),)})})
    job = Job(Lineage(with_judge), "odd", "botany", 1, lambda line: None)
    with pytest.raises(SelfspecError, match=words):
        job.lineage.step("odd").make(job)


@pytest.mark.parametrize(
    ("section", "keys", "words"),
    [
        ("passages", {"options": {"k2": 1.5}}, "option 'k2' of retriever 'bm25'"),
        ("passages", {"retriever": "bm26"}, "did you mean 'bm25'?"),
        ("scores", {"base_variants": ["plane"]}, "did you mean 'plain'?"),
    ],
)
def test_a_recipe_that_names_what_is_not_there_is_refused(
    project: Project, section: str, keys: dict[str, Any], words: str
) -> None:
    project.recipe[section].update(keys)
    project.save()
    with pytest.raises(SelfspecError) as caught:
        load_recipe("tiny")
    assert f"{section}.{next(iter(keys))}" in caught.value.reason
    assert words in caught.value.reason


def test_the_documents_code_works(project: Project, registry: plugins.Registry) -> None:
    """Every block of docs/writing-a-plugin.md that is a plug-in is imported as a file of the project."""
    import re

    text = (ROOT / "docs" / "writing-a-plugin.md").read_text()
    blocks = [code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "@plugins." in code]
    assert len(blocks) >= 7
    folder = project.folder / "plugins"
    folder.mkdir()
    for number, code in enumerate(blocks):
        (folder / f"block_{number}.py").write_text(code)
    assert {plugin.kind for plugin in registry.all() if plugin.origin.startswith("the project")} == set(plugins.KINDS)
    assert registry.broken == []
    recipe = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert recipe
    assert yaml.safe_load(recipe[1])
