"""The biomedicine pack's benchmarks, from small native files, malformed ones, and the published ones."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.readers.tables import SPANS_LINES
from selfspec_assets.packs.records import BLANK_ALTERNATIVE, Item, Remark
from tests.checkout import ROOT
from tests.native_samples import BIOASQ, DDI, DRUGS, HOC, IOB, PUBMEDQA
from tests.packs.biomedicine import BENCHMARKS, MENTION, benchmark, labels, native, read, written
from tests.published_data import DATA


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_entities(pack: Pack, tmp_path: Path, ending: str, start: str) -> None:
    path = written(tmp_path, start + IOB.replace("\n", ending))
    assert read(pack, "ncbi_disease", path) == [
        Item("line-1", "Marfan syndrome ( MFS )", ("Marfan syndrome <Disease>, MFS <Disease>",)),
        Item("line-10", "MFS", ("MFS <Disease>",)),
    ]


def test_adjacent_and_repeated_entities(pack: Pack, tmp_path: Path) -> None:
    path = written(tmp_path, "TP53\tB-Gene_or_gene_product\nmice\tB-Organism\nTP53\tB-Gene_or_gene_product")
    assert read(pack, "bionlp13cg", path)[0].references == (
        "TP53 <Gene_or_gene_product>, mice <Organism>, TP53 <Gene_or_gene_product>",
    )


def test_hallmarks(pack: Pack, tmp_path: Path) -> None:
    assert read(pack, "hoc", written(tmp_path, HOC)) == [
        Item("line-1", "Cells died .", ("resisting cell death, cellular energetics",)),
        Item("line-3", "We thank all .", ("none",)),
    ]


def test_pubmedqa(pack: Pack, tmp_path: Path) -> None:
    assert read(pack, "pubmedqa_long", written(tmp_path, json.dumps(PUBMEDQA))) == [
        Item("17", "Context: Aim. Result.\nQuestion: Does it work?", ("It does.",))
    ]


def test_bioasq(pack: Pack, tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(BIOASQ))
    context = "Context: HTT is mutated. Other.\nQuestion:"
    assert read(pack, "bioasq_factoid", path) == [Item("a", f"{context} Which gene?", ("HTT", "huntingtin"))]
    assert read(pack, "bioasq_list", path) == [Item("b", f"{context} Which two?", ("HTT, JPH3",))]
    assert read(pack, "bioasq_yesno", path) == [Item("c", "Question: Is it?", ("yes",))]


def test_bioasq_blank_names_are_passed_over_and_counted(pack: Pack, tmp_path: Path) -> None:
    """A blank first synonym is not a member's name, and a member without a name is none."""
    named = {**BIOASQ["questions"][0], "exact_answer": [["Tavtanol", ""], "  "]}
    listed = {**BIOASQ["questions"][1], "exact_answer": [["", "HTT"], [" "], ["JPH3"]]}
    path = written(tmp_path, json.dumps({"questions": [named, listed]}))
    for kind, name, references in (("factoid", "a", ("Tavtanol",)), ("list", "b", ("HTT, JPH3",))):
        remark, item = pack.reader(benchmark(pack, f"bioasq_{kind}"))(path)
        assert remark == Remark(BLANK_ALTERNATIVE, name)
        assert isinstance(item, Item)
        assert item.references == references


def test_bioasq_flat_synonyms(pack: Pack, tmp_path: Path) -> None:
    flat = {"questions": [{**BIOASQ["questions"][0], "exact_answer": ["HTT", "huntingtin"]}]}
    assert read(pack, "bioasq_factoid", written(tmp_path, json.dumps(flat)))[0].references == ("HTT", "huntingtin")


def run_readme_command(place: int, folder: Path) -> None:
    readme = (ROOT / "domains" / "biomedicine" / "README.md").read_text(encoding="utf-8")
    command = re.findall(r"```sh\npython3 (.*)\n```", readme)[place]
    subprocess.run(f"{sys.executable} {command}", shell=True, check=True, cwd=folder)


def test_bioasq_files_are_joined_as_the_readme_says(pack: Pack, tmp_path: Path) -> None:
    for number, question in enumerate(BIOASQ["questions"][:2], start=1):
        written(tmp_path, json.dumps({"questions": [question]}), f"8B{number}_golden.json")
    run_readme_command(0, tmp_path)
    joined = tmp_path / "8B_golden.json"
    assert [item.item_id for kind in ("factoid", "list") for item in read(pack, f"bioasq_{kind}", joined)] == ["a", "b"]


def test_ddi_files_are_joined_as_the_readme_says(pack: Pack, tmp_path: Path) -> None:
    for name in ("MedLine", "DrugBank"):
        (tmp_path / name).mkdir()
        written(tmp_path / name, DDI.replace('"e', f'"{name}.e'), "one.xml")
    run_readme_command(1, tmp_path)
    run_readme_command(1, tmp_path)  # its own output is not read again
    found = [item.item_id for item in read(pack, "ddi", tmp_path / "test.xml")]
    assert found == [
        "DrugBank.e0:DrugBank.e1",
        "DrugBank.e0:DrugBank.e2",
        "MedLine.e0:MedLine.e1",
        "MedLine.e0:MedLine.e2",
    ]


def test_ddi_sentences_of_the_test_part_are_left_out_of_the_training_part(pack: Pack, tmp_path: Path) -> None:
    written(tmp_path, DDI, "test.xml")
    (tmp_path / "Train" / "MedLine").mkdir(parents=True)
    other = DDI.replace("adds to", "Adds  TO").replace("No drug.", "None.").replace('"e', '"x.e')
    written(tmp_path / "Train", other, "repeated.xml")
    new = DDI.replace("adds to", "owes to").replace('"e', '"y.e')
    written(tmp_path / "Train" / "MedLine", new, "new.xml")
    run_readme_command(2, tmp_path)
    found = [item.item_id for item in read(pack, "ddi", tmp_path / "train.xml")]
    assert found == ["y.e0:y.e1", "y.e0:y.e2"]


def test_hallmarks_are_brought_into_two_columns_as_the_readme_says(pack: Pack, tmp_path: Path) -> None:
    for folder, texts in (
        ("text", ["One cell .\nIt died .\nIt grew .\n", "No mark .\nOne cell .\n", "A second .\n", "A third .\n"]),
        (
            "labels",
            [
                "< <Resisting cell death--Apoptosis ANDCellular energetics"
                "<Resisting cell death--Apoptosis AND Resisting cell death--Necrosis",
                "<NULL< ",
                "<Genomic instability and mutation--DNA damage--",
                "< ",
            ],
        ),
    ):
        (tmp_path / folder).mkdir()
        for number, text in enumerate(texts):
            (tmp_path / folder / f"{number}.txt").write_text(text, encoding="utf-8")
    run_readme_command(3, tmp_path)
    assert [(item.input, item.references[0]) for item in read(pack, "hoc", tmp_path / "valid.tsv")] == [
        ("One cell .", "none"),
        ("It died .", "resisting cell death, cellular energetics"),
        ("It grew .", "resisting cell death"),
    ]
    assert [(item.input, item.references[0]) for item in read(pack, "hoc", tmp_path / "train.tsv")] == [
        ("No mark .", "none"),
        ("A second .", "genomic instability and mutation"),
        ("A third .", "none"),
    ]


def test_interactions_from_a_file_and_a_folder(pack: Pack, tmp_path: Path) -> None:
    first = "Sentence: [1]Aspirin[/1] adds to [2]warfarin[/2], not to iron or zinc salts."
    second = "Sentence: [1]Aspirin[/1] adds to warfarin, not to [2]iron[/2] or zinc [2]salts[/2]."
    expected = [
        Item("e0:e1", f"{first}\nDrug 1: Aspirin\nDrug 2: warfarin", ("true",)),
        Item("e0:e2", f"{second}\nDrug 1: Aspirin\nDrug 2: iron salts", ("false",)),
    ]
    (tmp_path / "DrugBank").mkdir()
    path = written(tmp_path / "DrugBank", DDI, "one.xml")
    assert read(pack, "ddi", path) == expected
    told = Remark("files of a folder read as one", f"{tmp_path}: 1 in DrugBank")
    assert read(pack, "ddi", tmp_path) == [told, *expected]


def test_drug_sentiment(pack: Pack, tmp_path: Path) -> None:
    path = written(tmp_path, DRUGS)
    assert read(pack, "medical_drugs", path) == [
        Remark(SPANS_LINES, f"{path}:2"),
        Item("h1", 'Sentence: It helped, "really".\nThanks\nDrug: ocrevus', ("positive",)),
        Item("h2", "Sentence: Bad.\nDrug: gilenya", ("negative",)),
        Item("h3", "Sentence: So.\nDrug: gilenya", ("neutral",)),
    ]


# Readers: malformed files


def bioasq(index: int, **change: object) -> str:
    return json.dumps({"questions": [{**BIOASQ["questions"][index], **change}]})


def pubmedqa(**change: object) -> str:
    return json.dumps({"17": {**PUBMEDQA["17"], **change}})


MALFORMED = [
    ("ncbi_disease", "A\tO\nB\n", ":2", "filled columns"),  # truncated
    ("ncbi_disease", "A\tO\tX\n", ":1", "of 3, not 2"),
    ("ncbi_disease", "A\tO\n\tO\n", ":2", "filled columns"),
    ("ncbi_disease", "A\tO\nB\tB-Gene\n", ":2", "unknown tag 'B-Gene'"),
    ("ncbi_disease", "A\tO\nB\tDisease\n", ":2", "unknown tag 'Disease'"),
    ("ncbi_disease", "A\tO\nB\tI-Disease\n", ":2", "continues nothing"),
    ("ncbi_disease", "A\tB-Disease\n\nB\tI-Disease\n", ":3", "continues nothing"),
    ("bionlp13cg", "A\tB-Cell\nB\tI-Organ\n", ":2", "continues nothing"),
    ("anatem", "", "", "empty"),
    ("anatem", b"A\tO\nna\xefve\tO\n", ":2", "not UTF-8"),
    ("hoc", "A sentence .\n", ":1", "no text or no label"),
    ("hoc", "A .\tempty\nB .\tcellular energetic\n", ":2", "unknown label 'cellular energetic'"),
    ("hoc", "A .\tempty|cellular energetics\n", ":1", "unknown label 'empty'"),
    ("hoc", " \n", "", "empty"),
    ("pubmedqa_long", json.dumps(PUBMEDQA)[:-20], ":1", "not JSON"),
    ("pubmedqa_long", "[]", "", "not a JSON object"),
    ("pubmedqa_long", "{}", "", "no questions"),
    ("pubmedqa_long", '{"17": {}, "17": {}}', "", "'17' stands twice"),
    ("pubmedqa_long", '{"17": 3}', "key '17'", "not a JSON object"),
    ("pubmedqa_long", pubmedqa(CONTEXTS="text"), "key '17'", "'CONTEXTS' is not a list"),
    ("pubmedqa_long", pubmedqa(CONTEXTS=[]), "key '17'", "'CONTEXTS' is empty"),
    ("pubmedqa_long", pubmedqa(LONG_ANSWER=""), "key '17'", "'LONG_ANSWER' is empty"),
    ("pubmedqa_long", pubmedqa(QUESTION=None), "key '17'", "'QUESTION' is not text"),
    ("bioasq_yesno", '{"questions": {}}', "", "'questions' is not a filled list"),
    ("bioasq_yesno", "[1]", "", "not a JSON object"),
    ("bioasq_yesno", bioasq(2, exact_answer="maybe"), "questions[0]", "'maybe'"),
    ("bioasq_yesno", bioasq(2, exact_answer=["yes"]), "questions[0]", "'exact_answer' is not text"),
    ("bioasq_yesno", bioasq(2, type="yes/no"), "questions[0]", "unknown type 'yes/no'"),
    ("bioasq_yesno", bioasq(2, id=None), "questions[0]", "'id' is not text"),
    ("bioasq_factoid", bioasq(0, exact_answer=[]), "questions[0]", "not a filled list"),
    ("bioasq_factoid", bioasq(0, exact_answer=[[]]), "questions[0]", "holds []"),
    ("bioasq_list", bioasq(1, exact_answer=[[""], [" "]]), "questions[0]", "question 'b' has no reference"),
    ("bioasq_factoid", bioasq(0, exact_answer=[["HTT", 7]]), "questions[0]", "holds ['HTT', 7]"),
    ("bioasq_list", bioasq(1, snippets=None), "questions[0]", "'snippets' is not a list"),
    ("bioasq_list", bioasq(1, snippets=[{}]), "questions[0].snippets[0]", "'text' is missing"),
    ("ddi", DDI[:300], ":", "not valid XML"),
    ("ddi", "<document/>", "", "no <sentence>"),
    ("ddi", DDI.replace('ddi="true"', 'ddi="yes"'), "sentence 'd0.s0'", "ddi='yes'"),
    ("ddi", DDI.replace('ddi="true"', ""), "sentence 'd0.s0'", "ddi=None"),
    ("ddi", DDI.replace('e2="e1"', 'e2="e9"'), "sentence 'd0.s0'", "'e9'"),
    ("ddi", DDI.replace('"16-23"', '"16-99"'), "sentence 'd0.s0'", "outside the sentence"),
    ("ddi", DDI.replace('"16-23"', '"sixteen"'), "sentence 'd0.s0'", "outside the sentence"),
    ("ddi", DDI.replace(' text="warfarin"', ""), "sentence 'd0.s0'", "lacks id or text"),
    ("ddi", "", "", "empty"),
    ("medical_drugs", DRUGS.replace("drug,", ""), ":1", "has no column 'drug'"),
    ("medical_drugs", DRUGS.replace("h2,", ""), ":4", "has 3 columns"),
    ("medical_drugs", DRUGS.replace("gilenya,1", "gilenya,3"), ":4", "unknown label '3'"),
    ("medical_drugs", DRUGS.replace("Bad.", ""), ":4", "'text' is empty"),
    ("medical_drugs", DRUGS[:60], ":2", "not valid CSV"),
    ("medical_drugs", "\n", "", "empty"),
]


@pytest.mark.parametrize(("reader", "content", "place", "reason"), MALFORMED)
def test_malformed_file(pack: Pack, tmp_path: Path, reader: str, content: str | bytes, place: str, reason: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(SelfspecError) as caught:
        read(pack, reader, path)
    assert caught.value.place.startswith(str(path))
    assert place in caught.value.place.removeprefix(str(path))
    assert reason in caught.value.reason
    assert caught.value.remedy


@pytest.mark.parametrize("name", BENCHMARKS)
def test_missing_file(pack: Pack, tmp_path: Path, name: str) -> None:
    with pytest.raises(SelfspecError, match="does not exist"):
        read(pack, name, tmp_path / "absent")


def test_folder_without_xml(pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(SelfspecError, match="holds no XML file"):
        read(pack, "ddi", tmp_path)


# Readers: the published files


def published(pack: Pack, monkeypatch: pytest.MonkeyPatch, name: str) -> list[Item]:
    found = benchmark(pack, name)
    native(found.file.removeprefix("biomedicine/"))
    monkeypatch.setenv("SELFSPEC_DATA", str(DATA))
    return load_items(pack, found, "published")


def test_published_pubmedqa(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    found = published(pack, monkeypatch, "pubmedqa_long")
    assert len(found) == 500
    assert all(item.item_id.isdigit() and labels(item.input)[0] == "Context" for item in found)
    assert all("\nQuestion: " in item.input for item in found)
    assert min(len(item.references[0]) for item in found) == 63


@pytest.mark.parametrize(
    ("name", "kind", "sentences", "mentions"),
    [("ncbi_disease", "Disease", 489, 787), ("anatem", "Anatomy", 1122, 2139)],
)
def test_published_entities(
    pack: Pack, monkeypatch: pytest.MonkeyPatch, name: str, kind: str, sentences: int, mentions: int
) -> None:
    found = published(pack, monkeypatch, name)
    assert len(found) == sentences
    named = [(item, mention) for item in found for mention in MENTION.findall(item.references[0])]
    assert len(named) == mentions
    assert all(mention[1] == kind and mention[0] in item.input for item, mention in named)


def test_published_hallmarks(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    found = published(pack, monkeypatch, "hoc")
    answers = Counter(label for item in found for label in item.references[0].split(", "))
    assert len(found) == 4947
    assert answers.pop("none") == 3452
    assert len(answers) == 10
    assert answers.total() == 1769


def test_published_training_part(pack: Pack) -> None:
    found = read(pack, "ncbi_disease", native("ncbi_disease/train.tsv"))
    assert len(found) == 2923
    assert sum(item.references[0].count("<Disease>") for item in found) == 5134
