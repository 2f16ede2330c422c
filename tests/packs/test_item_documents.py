"""Items that share a report, an abstract or a row say so: a draw spreads over documents."""

from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.readers.iob import iob
from selfspec_assets.packs.readers.lines import labelled_lines
from selfspec_assets.packs.readers.squad import squad
from selfspec_assets.packs.records import Item
from tests.checkout import ROOT
from tests.conftest import Project, item_rows, write_lines
from tests.native_samples import NATIVE


def documents(items: list[Item]) -> list[list[int]]:
    """Places of the items of each document, in the order in which they are met."""
    found: dict[str, list[int]] = {}
    for place, item in enumerate(items):
        found.setdefault(item.document or f"alone {place}", []).append(place)
    return list(found.values())


@pytest.mark.parametrize(
    ("domain", "name", "together"),
    [
        ("finance", "fiqa_sa", [[0, 1], [2]]),  # two targets of one sentence
        ("finance", "gold_headlines", [list(range(9)), list(range(9, 18))]),  # nine questions about a headline
        ("finance", "tatqa", [[0, 1, 2, 3]]),
        ("finance", "convfinqa", [[0, 1]]),
        ("biomedicine", "ddi", [[0, 1]]),
        ("biomedicine", "hoc", [[0], [1]]),  # a blank line between abstracts
        ("biomedicine", "medical_drugs", [[0], [1], [2]]),
    ],
)
def test_readers_of_the_packs_say_what_stands_together(
    domain: str, name: str, together: list[list[int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    pack = load_pack(domain)
    path = tmp_path / "file"
    content = NATIVE[domain][name]
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    reader = pack.reader(next(one for one in pack.data("published").benchmarks if one.name == name))
    assert documents([item for item in reader(path) if isinstance(item, Item)]) == together


def test_general_readers_say_what_stands_together(tmp_path: Path) -> None:
    def read(content: str) -> Path:
        path = tmp_path / "file"
        path.write_text(content)
        return path

    tagged = "-DOCSTART-\tO\n\nMoss\tB-P\n\nFern\tB-P\n\n-DOCSTART-\tO\n\nIvy\tB-P\n"
    assert documents([item for item in iob(read(tagged), types=["P"]) if isinstance(item, Item)]) == [[0, 1], [2]]
    lines = list(labelled_lines(read("a\tx\nb\tx\n\nc\tx\n"), labels=["x"]))
    assert documents([item for item in lines if isinstance(item, Item)]) == [[0, 1], [2]]
    asked = '{{"id": "{}", "question": "Which?", "answers": [{{"text": "moss"}}]}}'
    article = '{{"paragraphs": [{{"context": "moss", "qas": [{}]}}]}}'
    articles = ", ".join(
        article.format(", ".join(asked.format(name) for name in names)) for names in (("a", "b"), ("c",))
    )
    found = list(squad(read(f'{{"data": [{articles}]}}')))
    assert documents([item for item in found if isinstance(item, Item)]) == [[0, 1], [2]]


READER = """from selfspec_assets.packs import Item

def counted(path):
    for number, line in enumerate(path.read_text().splitlines()):
        yield Item(f"line-{number}", line, ("moss",), DOCUMENT)
"""


def _own_reader(project: Project, document: str) -> list[Item]:
    (project.folder / "domains/botany/readers.py").write_text(READER.replace("DOCUMENT", document))
    write_lines(project.folder / "data/more.jsonl", item_rows())
    project.pack["published"]["benchmarks"][0].update(reader="counted", also=["more.jsonl"])
    project.save()
    pack = load_pack("botany")
    return load_items(pack, pack.data("published").benchmarks[0], "published")


def test_documents_of_two_files_are_told_apart(project: Project) -> None:
    """Formats without names of their own number their documents, in each file from the first."""
    items = _own_reader(project, '"part-1"')
    half = len(items) // 2
    assert documents(items) == [list(range(half)), list(range(half, 2 * half))]
    assert {item.document for item in _own_reader(project, '""')} == {""}


def test_a_document_that_is_no_text_is_the_readers_mistake(project: Project) -> None:
    with pytest.raises(SelfspecError, match="it gives document 7, not the name of one as text"):
        _own_reader(project, "7")
