"""Published files that lie in the pack (`pack:…`): where they are looked for, what is refused, and that they count."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.planning.pack_check import check_pack
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from tests.conftest import Project, corpus_rows, item_rows, write_lines

RUN = CliRunner()


def own(project: Project, file: str = "pack:own/trees.jsonl", **keys: Any) -> Path:
    """Declares a second benchmark that lies in the pack, and writes its file."""
    path = project.folder / "domains/botany/own/trees.jsonl"
    write_lines(path, [{**row, "input": f"Of trees: {row['input']}"} for row in item_rows()[:3]])
    one = {"name": "trees", "task": "trees", "instruction": "Say.", "file": file, **keys}
    project.pack["published"]["benchmarks"].append(one)
    project.save()
    return path


def test_a_file_in_the_pack_is_read_with_and_without_a_data_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own(project)
    pack = load_pack("botany")
    trees = pack.data("published").benchmarks[1]
    assert pack.benchmark_paths(trees, "published") == [path.resolve()]
    assert "  benchmark trees: 3 items" in check_pack("botany").lines
    monkeypatch.delenv("SELFSPEC_DATA")
    assert len(load_items(pack, trees, "published")) == 3
    lines = check_pack("botany").lines
    assert "  benchmark trees: 3 items" in lines
    assert not any("benchmark colours: 10 items" in line for line in lines)
    assert "other benchmarks and corpus not looked at: set SELFSPEC_DATA" in lines[-1]
    done = RUN.invoke(app, ["benchmarks", "show", "trees", "--domain", "botany"])
    assert "items: 3," in done.stdout, done.stderr


def test_one_whose_training_split_lies_elsewhere_needs_the_data_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    own(project, train="trees_train.jsonl")
    monkeypatch.delenv("SELFSPEC_DATA")
    assert not any("benchmark trees: 3 items" in line for line in check_pack("botany").lines)


def test_a_corpus_may_lie_in_the_pack(project: Project) -> None:
    project.pack["published"]["corpus"] = "pack:own/corpus.jsonl"
    project.save()
    with pytest.raises(SelfspecError, match=r"published file 'own/corpus.jsonl' is missing"):
        load_pack("botany")
    write_lines(project.folder / "domains/botany/own/corpus.jsonl", corpus_rows()[:7])
    assert any("corpus: 7 documents" in line for line in check_pack("botany").lines)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("pack:../../secret.jsonl", "points outside the folder"),
        ("pack:/etc/passwd", "points outside the folder"),
        ("pack:", "is not a file's name"),
        ("pack: ", "is not a file's name"),
        ("pack:own/bushes.jsonl", "published file 'own/bushes.jsonl' is missing"),
    ],
)
@pytest.mark.parametrize("key", ["file", "also", "train"])
def test_what_does_not_lie_in_the_pack_is_refused(project: Project, key: str, file: str, reason: str) -> None:
    own(project, **({"file": file} if key == "file" else {key: [file] if key == "also" else file}))
    with pytest.raises(SelfspecError) as caught:
        load_pack("botany")
    assert reason in caught.value.reason
    assert str(project.folder / "domains/botany/domain.yaml") in caught.value.place
    if "outside" in reason:
        assert f"published.benchmarks.1.{key}" in caught.value.reason


def test_a_link_out_of_the_pack_is_refused(project: Project) -> None:
    path = own(project)
    path.unlink()
    path.symlink_to(project.folder / "data/colours.jsonl")
    with pytest.raises(SelfspecError, match="points outside this folder"):
        load_pack("botany")


def test_bundled_data_know_no_such_names(project: Project) -> None:
    path = own(project)
    write_lines(path.parent / "corpus.jsonl", corpus_rows()[:2])
    one = {"name": "trees", "task": "trees", "instruction": "Say.", "file": "pack:own/trees.jsonl"}
    project.pack["bundled"] = {"corpus": "own/corpus.jsonl", "benchmarks": [one]}
    project.save()
    with pytest.raises(SelfspecError, match=r"bundled file 'pack:own/trees.jsonl' is missing"):
        load_pack("botany")


def test_another_content_is_another_signature(project: Project) -> None:
    path = own(project)
    before = Lineage(load_recipe("tiny")).signature("benchmarks", "botany", 0)
    write_lines(path, [{**row, "input": f"Of trees: {row['input']}"} for row in item_rows()[:4]])
    assert Lineage(load_recipe("tiny")).signature("benchmarks", "botany", 0) != before
