"""Pairs of drugs in a sentence: which mentions are asked about, what is left out, which files belong together."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.readers.ddi import ddi
from selfspec_assets.packs.records import Item, Remark, without_marks

TWICE = "Xanol raises zulin; later zulin was given without xanol"


def sentence(text: str, drugs: list[tuple[str, str]], pairs: list[tuple[int, int, str]], name: str = "s") -> str:
    """XML of one sentence; its drugs as (charOffset, text), its pairs as (first, second, label)."""
    entities = [
        f'<entity id="{name}.e{number}" charOffset="{offset}" text={quoteattr(drug)}/>'
        for number, (offset, drug) in enumerate(drugs)
    ]
    asked = [f'<pair e1="{name}.e{one}" e2="{other}" ddi="{label}"/>' for one, other, label in
             ((one, f"{name}.e{two}", label) for one, two, label in pairs)]  # fmt: skip
    return f'<sentence id="{name}" text={quoteattr(text)}>{"".join(entities + asked)}</sentence>'


def written(path: Path, *sentences: str, root: str = "document") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<{root}>{''.join(sentences)}</{root}>")
    return path


def shown(folder: Path, *sentences: str) -> list[tuple[str, str]]:
    """The sentence that each item shows, and its answer."""
    items = [read for read in ddi(written(folder / "one.xml", *sentences)) if isinstance(read, Item)]
    return [(item.input.split("\n")[0].removeprefix("Sentence: "), item.references[0]) for item in items]


def test_a_drug_named_twice_is_asked_for_by_its_place(tmp_path: Path) -> None:
    drugs = [("0-4", "Xanol"), ("13-17", "zulin"), ("26-30", "zulin")]
    found = shown(tmp_path, sentence(TWICE, drugs, [(0, 1, "true"), (0, 2, "false"), (1, 2, "false")]))
    assert found == [
        ("[1]Xanol[/1] raises [2]zulin[/2]; later zulin was given without xanol", "true"),
        ("[1]Xanol[/1] raises zulin; later [2]zulin[/2] was given without xanol", "false"),
        ("Xanol raises [1]zulin[/1]; later [2]zulin[/2] was given without xanol", "false"),
    ]


@pytest.mark.parametrize(("text", "first", "second", "expected"), [
    ("loop or new diuretics", ("0-3;12-20", "loop diuretics"), ("8-20", "new diuretics"),
     "[1]loop[/1] or [2]new [1]diuretics[/1][/2]"),
    ("loop or new diuretics", ("8-20", "new diuretics"), ("0-3;12-20", "loop diuretics"),
     "[2]loop[/2] or [1]new [2]diuretics[/2][/1]"),
    ("xanol acid", ("0-4", "xanol"), ("0-9", "xanol acid"), "[2][1]xanol[/1] acid[/2]"),
    ("xanolzulin", ("0-4", "xanol"), ("5-9", "zulin"), "[1]xanol[/1][2]zulin[/2]"),
    ("xanol", ("0-4", "xanol"), ("0-4", "xanol"), "[1][2]xanol[/2][/1]"),
    ("zulin and xanol", ("10-14", "xanol"), ("0-4", "zulin"), "[2]zulin[/2] and [1]xanol[/1]"),
])  # fmt: skip
def test_marks_of_pieces_and_of_drugs_that_overlap(
    tmp_path: Path, text: str, first: tuple[str, str], second: tuple[str, str], expected: str
) -> None:
    assert shown(tmp_path, sentence(text, [first, second], [(0, 1, "true")])) == [(expected, "true")]
    assert without_marks(expected) == text


def test_pairs_that_contradict_each_other_are_left_out_and_counted(tmp_path: Path) -> None:
    """A sentence that the corpus repeats with another label; one that it repeats with the same label stays."""
    drugs = [("0-4", "Xanol"), ("13-17", "zulin"), ("50-54", "xanol")]
    labelled = [[(0, 1, "true"), (1, 2, "true")], [(0, 1, "false"), (1, 2, "true")]]
    path = written(tmp_path / "one.xml", *(sentence(TWICE, drugs, one, f"s{n}") for n, one in enumerate(labelled)))
    read = list(ddi(path))
    what = "the same question with another answer"
    assert [one for one in read if isinstance(one, Remark)] == [
        Remark(what, "s0.e0:s0.e1", drops=True), Remark(what, "s1.e0:s1.e1", drops=True),
    ]  # fmt: skip
    assert [one.item_id for one in read if isinstance(one, Item)] == ["s0.e1:s0.e2", "s1.e1:s1.e2"]


def test_a_drug_that_is_elsewhere_than_its_offset_says_is_left_out(tmp_path: Path) -> None:
    drugs = [("0-4", "Xanol"), ("12-16", "zulin"), ("26-30", "zulin")]
    read = list(ddi(written(tmp_path / "one.xml", sentence(TWICE, drugs, [(0, 1, "true"), (0, 2, "false")]))))
    assert read[0] == Remark("a drug that is not where its charOffset says", "s.e0:s.e1", drops=True)
    assert [one.item_id for one in read[1:] if isinstance(one, Item)] == ["s.e0:s.e2"]


def plain(name: str) -> str:
    return sentence(f"Xanol raises {name}", [("0-4", "Xanol")], [], name)


def test_a_folder_tells_which_files_were_read(tmp_path: Path) -> None:
    for name in ("MedLine/a", "MedLine/b", "DrugBank/c"):
        written(tmp_path / f"{name}.xml", plain(name))
    told = Remark("files of a folder read as one", f"{tmp_path}: 1 in DrugBank, 2 in MedLine")
    assert list(ddi(tmp_path)) == [told]


@pytest.mark.parametrize("folders", [
    ("Test for DDI Extraction task/DrugBank", "Test for DrugNER task/DrugBank"),
    ("Test", "Train"), ("Test/MedLine", "Train/MedLine"), ("Test/MedLine", "DrugBank"),
])  # fmt: skip
def test_parts_of_the_corpus_are_not_mixed(tmp_path: Path, folders: tuple[str, str]) -> None:
    for number, folder in enumerate(folders):
        written(tmp_path / folder / "a.xml", plain(f"s{number}"))
    with pytest.raises(SelfspecError, match="mixes files of several parts") as caught:
        list(ddi(tmp_path))
    for folder in folders:
        part = folder.removesuffix("/DrugBank").removesuffix("/MedLine")
        assert f"'{'.' if part == 'DrugBank' else part}'" in caught.value.reason


def test_a_joined_file_beside_its_parts_is_refused_by_name(tmp_path: Path) -> None:
    part = written(tmp_path / "MedLine" / "a.xml", plain("s0"))
    joined = written(tmp_path / "test.xml", plain("s0"), plain("s1"), root="corpus")
    with pytest.raises(SelfspecError, match="sentence 's0' stands in") as caught:
        list(ddi(tmp_path))
    assert caught.value.place == str(joined)
    assert str(part) in caught.value.reason
