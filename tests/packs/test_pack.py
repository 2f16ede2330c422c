"""Domain packs: what is refused, with file, line and remedy; packs are found where they are dropped."""

from collections.abc import Callable
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import domain_names, load_pack
from selfspec_assets.packs.records import load_seeds
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage, every_step
from selfspec_assets.steps.refining import RefiningStep
from tests.conftest import Project, seed_rows, write_lines

DOMAIN_STEPS = tuple(name for name, step in every_step().items() if not step.per_iteration)
ITERATION_STEPS = tuple(
    name for name, step in every_step().items() if step.per_iteration and not isinstance(step, RefiningStep)
)


def test_a_pack_dropped_into_domains_is_found(project: Project) -> None:
    assert "botany" in domain_names()
    assert "biomedicine" in domain_names()  # the bundled ones stay in reach
    assert load_pack("botany").file.title == "Botany"


def test_an_unknown_pack_lists_the_known_ones(project: Project) -> None:
    with pytest.raises(SelfspecError, match=r"choose one of: .*botany"):
        load_pack("alchemy")


Break = Callable[[Project], None]


def pack_file(text: str) -> Break:
    def apply(project: Project) -> None:
        (project.folder / "domains/botany/domain.yaml").write_text(text)

    return apply


def pack_key(**changes: object) -> Break:
    def apply(project: Project) -> None:
        project.pack.update(changes)
        project.save()

    return apply


def template(name: str, text: str | None) -> Break:
    def apply(project: Project) -> None:
        path = project.folder / "domains/botany" / name
        if text is None:
            path.unlink()
        else:
            path.write_text(text)

    return apply


ANSWER = "{{ instruction }} {{ input }} {{ passage }}"
COLOURS = {"name": "colours", "task": "colour", "instruction": "Name it.", "file": "colours.jsonl"}
BROKEN: dict[str, tuple[Break, str, str]] = {
    "broken template": (template("answer.j2", "line one\n{{ instruction "), "answer.j2:2", "broken template"),
    "missing template": (template("list.j2", None), "list.j2", "does not exist"),
    "unknown variable": (template("list.j2", "{{ counts }}"), "list.j2", "unknown template variable 'counts'"),
    "variable never used": (
        template("answer.j2", "{{ instruction }} {{ input }}"),
        "answer.j2",
        "never uses 'passage'",
    ),
    "include": (template("answer.j2", ANSWER + "{% include '/etc/passwd' %}"), "answer.j2", "may not include"),
    "unknown key": (pack_key(colour="red"), "domain.yaml", "unknown key 'colour'"),
    "wrong contract": (pack_key(contract=2), "domain.yaml", "key 'contract'"),
    "no prompts": (pack_file("contract: 1\ntitle: x\n"), "domain.yaml", "key 'prompts' is missing"),
    "template outside": (
        pack_key(prompts={"instructions": "../../secret.j2", "response": "answer.j2"}),
        "botany",
        "points outside",
    ),
    "missing bundled file": (
        pack_key(bundled={"seeds": "s.jsonl", "corpus": "c.jsonl", "benchmarks": [COLOURS]}),
        "domain.yaml",
        "bundled file 'c.jsonl' is missing",
    ),
    "benchmark twice": (
        pack_key(published={"corpus": "c", "benchmarks": [COLOURS, {**COLOURS}]}),
        "domain.yaml",
        "two are called 'colours'",
    ),
    "no benchmarks": (pack_key(published={"corpus": "c", "benchmarks": []}), "domain.yaml", "published.benchmarks"),
    "no readers.py": (
        pack_key(published={"corpus": "c", "benchmarks": [{**COLOURS, "reader": "xml"}]}),
        "domain.yaml",
        "needs a readers.py",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_pack_is_named(case: str, project: Project) -> None:
    damage, place, reason = BROKEN[case]
    damage(project)
    with pytest.raises(SelfspecError) as caught:
        load_pack("botany")
    assert place in caught.value.place
    assert reason in caught.value.reason
    assert caught.value.remedy


def test_readers_that_fail_to_import_name_the_pack(project: Project) -> None:
    project.pack["published"]["benchmarks"][0]["reader"] = "own"
    project.save()
    (project.folder / "domains/botany/readers.py").write_text("import no_such_module\n")
    with pytest.raises(SelfspecError, match="pack 'botany': importing it failed"):
        load_pack("botany")
    (project.folder / "domains/botany/readers.py").write_text("other = 1\n")
    with pytest.raises(SelfspecError, match="has no function 'own'"):
        load_pack("botany")


GOOD = seed_rows()[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{\n", "is not JSON"),
        ("[1]\n", "is not a JSON object"),
        ('{"id": "a", "task": "t", "demonstrates": "d", "instruction": "i", "input": ""}\n', "'output'"),
    ],
)
def test_a_bad_seed_line_is_named(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    write_lines(path, [GOOD])
    with path.open("a") as file:
        file.write("\n" + text)
    with pytest.raises(SelfspecError) as caught:
        load_seeds(path)
    assert caught.value.place == f"{path}:3"  # after the good line and a blank one
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"output": " "}, "'output' is empty"),
        ({"instruction": 3}, "'instruction' is not text but int"),
        ({"extra": "x"}, "unknown field 'extra'"),
        ({}, "was used at"),
    ],
)
def test_a_bad_seed_field_is_named(change: dict[str, object], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    write_lines(path, [GOOD, {**GOOD, **change}])
    with pytest.raises(SelfspecError) as caught:
        load_seeds(path)
    assert caught.value.place == f"{path}:2"
    assert reason in caught.value.reason


def test_an_empty_seed_file_and_latin_1_are_named(tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_text("\n")
    with pytest.raises(SelfspecError, match="seed file is empty"):
        load_seeds(path)
    path.write_bytes('{"id": "é"}'.encode("latin-1"))
    with pytest.raises(SelfspecError, match="is not UTF-8"):
        load_seeds(path)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"id": "a", "input": "x", "references": []}], "non-empty list"),
        ([{"id": "a", "input": "x"}], "non-empty list"),
        ([{"id": "a", "input": "", "references": ["y"]}], "'input' is empty"),
        ([{"id": "a", "input": "x", "references": ["y"]}] * 2, "two items have the id 'a'"),
    ],
)
def test_a_bad_benchmark_item_is_named(rows: list[dict[str, object]], reason: str, project: Project) -> None:
    write_lines(project.folder / "data/colours.jsonl", rows)
    pack = load_pack("botany")
    with pytest.raises(SelfspecError) as caught:
        load_items(pack, pack.data("published").benchmarks[0], "published")
    assert reason in caught.value.reason
    assert "colours.jsonl" in caught.value.place


def test_what_of_the_pack_and_its_data_counts_for_which_step(project: Project) -> None:
    def signatures() -> dict[tuple[str, int], str]:
        lineage = Lineage(load_recipe("tiny"))
        keys = [(step, 0) for step in DOMAIN_STEPS] + [(step, n) for n in (1, 2) for step in ITERATION_STEPS]
        return {key: lineage.signature(key[0], "botany", key[1]) for key in keys}

    def first_changed(damage: Break) -> set[tuple[str, int]]:
        before = signatures()
        damage(project)
        return {key for key, value in signatures().items() if value != before[key]}

    answer_changed = first_changed(template("answer.j2", ANSWER))
    assert ("responses", 1) in answer_changed
    assert ("instructions", 1) not in answer_changed
    assert ("passages", 1) not in answer_changed
    header_changed = first_changed(template("list.j2", "List {{ count }} tasks."))
    assert ("instructions", 1) in header_changed
    assert ("seeds", 0) not in header_changed
    assert ("instructions", 1) in first_changed(pack_key(banned_words=["photo"]))
    assert ("instructions", 1) in first_changed(pack_key(language="ja"))
    corpus = project.folder / "data/corpus.jsonl"
    corpus_changed = first_changed(
        lambda _: corpus.write_text(corpus.read_text() + '{"id": "n", "text": "new"}\n') and None
    )
    assert {("corpus", 0), ("passages", 1)} <= corpus_changed
    assert ("instructions", 1) not in corpus_changed
    assert ("base_predictions", 0) not in corpus_changed
    model = project.folder / "model"
    config = (model / "config.json").read_text()

    def other_model(project: Project) -> None:
        copy = project.folder / "copy"
        copy.mkdir()
        for path in model.iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        (copy / "config.json").write_text(config.replace('"rms_norm_eps": 1e-06', '"rms_norm_eps": 1e-05'))
        model.unlink()
        copy.rename(model)

    model_changed = first_changed(other_model)
    assert {("instructions", 1), ("base_predictions", 0), ("adapter", 1)} <= model_changed
    assert ("seeds", 0) not in model_changed
