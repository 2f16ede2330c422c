"""The biomedicine pack's prompts, filters and seeds for real models."""

import re
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from rouge_score import rouge_scorer

from selfspec_assets.base import home
from selfspec_assets.method.instructions.list_parser import InstructionFilter
from selfspec_assets.packs.pack import Pack
from selfspec_assets.packs.records import Item, Seed, load_seeds
from tests.checkout import ROOT
from tests.native_samples import BIOMEDICINE
from tests.packs.biomedicine import BENCHMARKS, MENTION, benchmark, labels, native, read, written

MARK = re.compile(r"\[/?\d\]")  # of the two drugs of DDI


@pytest.fixture(scope="module")
def seeds() -> list[Seed]:
    return load_seeds(ROOT / "seeds" / "biomedicine.jsonl")


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
