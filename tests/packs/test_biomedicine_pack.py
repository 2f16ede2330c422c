"""The biomedicine pack's real side: prompts, seeds for real models, readers of the published benchmarks."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from rouge_score import rouge_scorer

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.instructions.list_parser import InstructionFilter
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import Pack, load_pack
from selfspec_assets.packs.readers.tables import SPANS_LINES
from selfspec_assets.packs.records import BLANK_ALTERNATIVE, Item, Remark, Seed, load_seeds
from tests.checkout import ROOT
from tests.native_samples import BIOASQ, BIOMEDICINE, DDI, DRUGS, HOC, IOB, PUBMEDQA
from tests.published_data import DATA, published_file

BENCHMARKS = [
    "bioasq_factoid",
    "bioasq_list",
    "bioasq_yesno",
    "pubmedqa_long",
    "anatem",
    "bionlp13cg",
    "ncbi_disease",
    "ddi",
    "medical_drugs",
    "hoc",
]
MARK = re.compile(r"\[/?\d\]")  # of the two drugs of DDI
MENTION = re.compile(r"(\S.*?) <([A-Za-z_-]+)>(?:, |$)")


@pytest.fixture(scope="module")
def pack() -> Iterator[Pack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFSPEC_HOME", str(ROOT))
        yield load_pack("biomedicine")


@pytest.fixture(scope="module")
def seeds() -> list[Seed]:
    return load_seeds(ROOT / "seeds" / "biomedicine.jsonl")


def native(relative: str) -> Path:
    return published_file(f"biomedicine/{relative}")


def benchmark(pack: Pack, name: str) -> Benchmark:
    return next(one for one in pack.data("published").benchmarks if one.name == name)


def read(pack: Pack, name: str, path: Path) -> list[Item]:
    return list(pack.reader(benchmark(pack, name))(path))


# Prompts


REQUIREMENTS = {
    1: ("new verb", "come back"),
    2: ("questions", "commands", "vary"),
    3: ("type of task", "free writing", "classification", "editing"),
    4: ("text-only language model", "pictures", "sound", "look at", "make", "deeds"),
    5: ("english",),
    6: ("one sentence or two", "command", "question"),
    7: ("every instruction", "suitable input", "specific", "realistic", "substance", "stand-ins", "not accepted"),
    8: ("different tasks", "instructions and inputs", "biomedicine"),
}


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_list_prompt_keeps_requirement(pack: Pack, number: int) -> None:
    lines = [
        line for line in pack.instruction_header.render(count=20).lower().splitlines() if line.startswith(f"{number}. ")
    ]
    assert len(lines) == 1
    for words in REQUIREMENTS[number]:
        assert words in lines[0]


def test_list_prompt_is_short_and_counts(pack: Pack) -> None:
    text = pack.instruction_header.render(count=17)
    assert text.startswith("Write 17 different tasks for the field of biomedicine")
    assert "20" not in text
    assert len(text.split()) <= 230
    assert re.findall(r"^(\d+)\. ", text, re.M) == [str(number) for number in range(1, 9)]
    assert not text.endswith("List of 17 tasks:")  # the framework appends it


@pytest.mark.parametrize(
    ("context", "passage", "expected"),
    [
        ("C\nD", "P", "Passage: P\n\nInstruction: I\nInput: C\nD\nResponse:"),
        ("", "P", "Passage: P\n\nInstruction: I\nResponse:"),
        ("C", "", "Instruction: I\nInput: C\nResponse:"),
        ("", "", "Instruction: I\nResponse:"),
    ],
)
def test_response_prompt_layout(pack: Pack, context: str, passage: str, expected: str) -> None:
    text = pack.response_prompt.render(instruction="I", input=context, passage=passage)
    opening, _, rest = text.partition("\n\n")
    assert rest == expected
    assert opening.startswith("You are an expert of biomedicine.")
    assert "best" in opening
    assert opening.count(".") <= 2


def rejected(pack: Pack, instruction: str) -> str | None:
    return InstructionFilter(pack.file.banned_words).reason(instruction, "some text")


@pytest.mark.parametrize(
    "instruction",
    [
        "Map the pathway from cholesterol to cortisol.",
        "Which findings of the CT image speak for pneumonia?",
        "What does the Kaplan-Meier plot described below show?",
        "Explain the clinical picture of hypothyroidism.",
        "Interpret the graph of oxygen dissociation described in the input.",
        "When should a nurse draw blood for the trough level of vancomycin?",
        "Draw a conclusion from the results of the trial.",
        "Compare video-assisted with open lobectomy.",
        "Should the patient go to the intensive care unit?",
    ],
)
def test_biomedical_tasks_are_kept(pack: Pack, instruction: str) -> None:
    assert rejected(pack, instruction) is None


@pytest.mark.parametrize(
    "instruction",
    [
        "Design a flowchart for the triage of chest pain.",
        "Draw a diagram of the nephron.",
        "Describe the attached image of the retina.",
        "Set a reminder to take the tablets.",
    ],
)
def test_what_a_text_model_cannot_do_is_rejected(pack: Pack, instruction: str) -> None:
    assert rejected(pack, instruction)


# Seeds


def test_seeds_are_found_and_counted(pack: Pack, seeds: list[Seed]) -> None:
    assert pack.seeds_path("published") == home.find("seeds/biomedicine.jsonl")
    assert len(seeds) == 80
    assert len({seed.task for seed in seeds}) >= 16
    shown = Counter(seed.demonstrates for seed in seeds)
    assert max(shown.values()) <= 5
    assert [name for name in BENCHMARKS if shown[name] != 5] == []


def test_seeds_name_benchmarks_and_their_tasks(pack: Pack, seeds: list[Seed]) -> None:
    tasks = {benchmark.name: benchmark.task for benchmark in pack.data("published").benchmarks}
    assert sorted(tasks) == sorted(BENCHMARKS)
    for seed in seeds:
        assert seed.task == tasks.get(seed.demonstrates, seed.demonstrates), seed.seed_id
        assert "hand-written" in seed.source


def test_seeds_are_varied(seeds: list[Seed]) -> None:
    assert len({seed.instruction for seed in seeds}) == 80
    assert len({(seed.instruction, seed.input) for seed in seeds}) == 80
    assert len({seed.input for seed in seeds if seed.input}) == sum(bool(seed.input) for seed in seeds)
    assert sum(not seed.input for seed in seeds) >= 5
    assert sum("?" in seed.instruction for seed in seeds) >= 20
    assert sum("?" not in seed.instruction for seed in seeds) >= 20
    lengths = [len(seed.output.split()) for seed in seeds]
    assert min(lengths) == 1
    assert max(lengths) >= 60


def test_seeds_hold_no_near_duplicates(seeds: list[Seed]) -> None:
    scorer = rouge_scorer.RougeScorer(["rougeL"])

    def close(left: str, right: str) -> bool:
        return bool(scorer.score(left, right)["rougeL"].fmeasure > 0.7)

    assert [(a.seed_id, b.seed_id) for a, b in combinations(seeds, 2) if close(a.instruction, b.instruction)] == []
    assert [
        (a.seed_id, b.seed_id)
        for a, b in combinations(seeds, 2)
        if a.task == b.task and close(f"{a.instruction} {a.input}", f"{b.instruction} {b.input}")
    ] == []


def test_seeds_pass_the_filters_for_instructions(pack: Pack, seeds: list[Seed]) -> None:
    for seed in seeds:
        assert 3 <= len(seed.instruction.split()) <= 150, seed.seed_id
        assert seed.instruction[0].isascii(), seed.seed_id
        assert seed.instruction[0].isalpha(), seed.seed_id
        assert rejected(pack, seed.instruction) is None, seed.seed_id


def test_seeds_answer_in_the_benchmarks_form(pack: Pack, seeds: list[Seed]) -> None:
    hallmarks = set(benchmark(pack, "hoc").options["labels"])
    types = {name: benchmark(pack, name).options["types"] for name in ("anatem", "ncbi_disease", "bionlp13cg")}
    assert [len(types[name]) for name in types] == [1, 1, 16]
    words = {
        "bioasq_yesno": {"yes", "no"},
        "ddi": {"true", "false"},
        "medical_drugs": {"positive", "negative", "neutral"},
    }
    seen: dict[str, set[str]] = {name: set() for name in words}
    for seed in seeds:
        if seed.demonstrates in types:
            found = MENTION.findall(seed.output)
            assert seed.output == ", ".join(f"{name} <{kind}>" for name, kind in found)
            at = 0
            for name, kind in found:
                assert kind in types[seed.demonstrates]
                assert name in seed.input[at:], seed.seed_id  # in the order of the text
                at = seed.input.index(name, at) + len(name)
        elif seed.demonstrates in words:
            seen[seed.demonstrates].add(seed.output)
        elif seed.demonstrates == "hoc":
            assert seed.output == "none" or set(seed.output.split(", ")) <= hallmarks
    assert seen == words  # every label occurs


def labels(text: str) -> list[str]:
    return [line.partition(":")[0] for line in text.split("\n") if ": " in line]


def test_seeds_ask_in_the_benchmarks_layout(pack: Pack, seeds: list[Seed], tmp_path: Path) -> None:
    for name, sample in BIOMEDICINE.items():
        item = next(one for one in read(pack, name, written(tmp_path, sample)) if isinstance(one, Item))
        for seed in seeds:
            if seed.demonstrates == name and ": " in item.input:
                assert labels(seed.input) == labels(item.input), seed.seed_id
                assert MARK.findall(seed.input) == MARK.findall(item.input), seed.seed_id


def grams(text: str, size: int = 8) -> set[str]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {" ".join(words[at : at + size]) for at in range(len(words) - size + 1)}


@pytest.mark.parametrize(
    ("reader", "relative"),
    [
        ("pubmedqa_long", "pubmedqa/ori_pqal.json"),
        ("ncbi_disease", "ncbi_disease/devel.tsv"),
        ("ncbi_disease", "ncbi_disease/train.tsv"),
        ("anatem", "anatem/devel.tsv"),
        ("hoc", "hoc/valid.tsv"),
    ],
)
def test_seeds_repeat_no_benchmark_item(pack: Pack, seeds: list[Seed], reader: str, relative: str) -> None:
    ours = {gram: seed.seed_id for seed in seeds for gram in grams(f"{seed.input} {seed.output}")}
    for item in read(pack, reader, native(relative)):
        shared = grams(f"{item.input} {item.references[0]}") & ours.keys()
        assert not shared, (item.item_id, [ours[gram] for gram in shared])


# Readers: small files in the native formats


def written(folder: Path, content: str | bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


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
