"""Shared readers: each format from a small file, damage named with its place, options as a pack writes them."""

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
import yaml

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.bound_reader import bound_reader
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.items import load_items, read_benchmark
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.readers.tables import SPANS_LINES
from selfspec_assets.packs.records import BLANK_ALTERNATIVE, Item, Remark
from tests.checkout import ROOT
from tests.conftest import Project


def written(folder: Path, content: str | bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, reader: str, content: str | bytes, **options: Any) -> list[Item]:
    return list(bound_reader(folder, reader, options)(written(folder, content)))


# Formats


CONLL = (
    "-DOCSTART- -X- O O\n\nMarta NNP - I-PER\nQuill NNP - I-PER\nof IN - O\nOslo NNP - I-LOC\nBank NNP - I-ORG\n\n"
    "Swiss JJ - I-MISC\nlaw NN - O\n-DOCSTART- -X- O O\n\nBank NNP - I-ORG\nBank NNP - B-ORG\n"
)
FIN = {"types": {"PER": "Person", "ORG": "Organization", "LOC": "Location"}, "ignored": ["MISC"]}
FIN |= {"columns": 4, "separator": " ", "begin": "between"}  # type: ignore[dict-item]


def test_iob_of_conll(tmp_path: Path) -> None:
    first = "Marta Quill <Person>, Oslo <Location>, Bank <Organization>"
    both = Item("line-13", "Bank Bank", ("Bank <Organization>, Bank <Organization>",))
    assert read(tmp_path, "iob", CONLL, **FIN) == [Item("line-3", "Marta Quill of Oslo Bank", (first,)), both]
    kept = read(tmp_path, "iob", CONLL, **FIN, empty="none")
    assert [item.references[0] for item in kept] == [first, "none", both.references[0]]
    assert kept[1].input == "Swiss law"


def test_iob_mentions_may_hold_commas_and_still_split(tmp_path: Path) -> None:
    from selfspec_assets.method.scoring.extra_metrics import members

    text = "breast\tB-D\n,\tI-D\novary\tI-D\nand\tO\nHD\tB-D\nHD\tB-D\n"
    (item,) = read(tmp_path, "iob", text, types=["D"])
    assert item.references == ("breast , ovary <D>, HD <D>, HD <D>",)
    assert members(item.references[0]) == ["breast , ovary <D>", "HD <D>", "HD <D>"]


def test_labelled_lines(tmp_path: Path) -> None:
    text = "Köln gained a@b.\nx@y went up@good\n\nz fell@bad\n".replace("gained a@b.", "rose@good").encode("latin-1")
    labels = {"good": "positive", "bad": "negative"}
    assert read(tmp_path, "labelled_lines", text, labels=labels, separator="@", encoding="latin-1") == [
        Item("line-1", "Köln rose", ("positive",)),
        Item("line-2", "x@y went up", ("positive",)),
        Item("line-4", "z fell", ("negative",)),
    ]


def test_labelled_lines_with_several_labels_or_none(tmp_path: Path) -> None:
    found = read(tmp_path, "labelled_lines", "A .\tq|p\nB .\t-\n", labels=["p", "q"], between="|", none="-")
    assert [item.references for item in found] == [("q, p",), ("none",)]


TABLE = 'id,text,mood\n7,"It was, ""good"".\nReally",1\n9,So.,0\n'


def test_table(tmp_path: Path) -> None:
    options = {"input": "Text: {text}", "answer": "mood", "labels": {"0": "no", "1": "yes"}}
    assert read(tmp_path, "table", TABLE, **options) == [
        Remark(SPANS_LINES, f"{tmp_path / 'file'}:2"),
        Item("line-2", 'Text: It was, "good".\nReally', ("yes",)),
        Item("line-4", "Text: So.", ("no",)),
    ]
    named = read(tmp_path, "table", TABLE.replace(",", ";"), **options, id="id", separator=";")
    assert [item.item_id for item in named[1:]] == ["7", "9"]
    free = read(tmp_path, "table", TABLE, input="{text} {id}", answer="mood")
    assert free[2] == Item("line-4", "So. 9", ("0",))


def test_column_table(tmp_path: Path) -> None:
    text = ",News,Up,Down\n0,Gold up,1,0\n1,Gold sold,0,0\n"
    options = {"input": "Headline: {News}\nQuestion: {question}", "labels": {"0": "no", "1": "yes"}}
    found = read(tmp_path, "column_table", text, **options, questions={"Up": "Did it rise?", "Down": "Did it fall?"})
    assert found[1] == Item("line-2:Down", "Headline: Gold up\nQuestion: Did it fall?", ("no",))
    assert [item.references[0] for item in found] == ["yes", "no", "no", "no"]


def squad_file(**change: object) -> str:
    question = {"id": "q1", "question": "Who?", "answers": [{"text": "Ada"}, {"text": "Ada"}, {"text": "she"}]}
    impossible = {"id": "q2", "question": "When?", "answers": [], "is_impossible": True}
    paragraph = {"context": "Ada won.", "qas": [{**question, **change}, impossible]}
    return json.dumps({"version": "2", "data": [{"title": "t", "paragraphs": [paragraph]}]})


def test_squad(tmp_path: Path) -> None:
    answered = Item("q1", "Context: Ada won.\nQuestion: Who?", ("Ada", "she"))
    assert read(tmp_path, "squad", squad_file()) == [answered]
    assert read(tmp_path, "squad", squad_file(), unanswerable="unknown")[1].references == ("unknown",)


def test_bigbench_and_bbh(tmp_path: Path) -> None:
    scored = {"examples": [{"input": "He ran", "target_scores": {"plausible": 1, "implausible": 0}}]}
    hidden = {**scored, "append_choices_to_input": False}
    assert read(tmp_path, "bigbench", json.dumps(hidden), prefix="Statement: ") == [
        Item("example-0", "Statement: He ran", ("plausible",))
    ]
    plain = {"canary": "x", "examples": [{"input": "Is it?", "target": "no"}]}
    assert read(tmp_path, "bigbench", json.dumps(plain), labels=["yes", "no"]) == [Item("example-0", "Is it?", ("no",))]


@pytest.mark.parametrize(("task", "before"), [
    ({}, "\n  choice: "), ({"append_choices_to_input": True}, "\n  choice: "), ({"choice_prefix": "\n- "}, "\n- "),
])  # fmt: skip
def test_bigbench_shows_its_choices(tmp_path: Path, task: dict[str, object], before: str) -> None:
    """In an order that does not tell the right one, which the file has first; a task without scores has no choices."""
    scored = {"input": "Who?", "target_scores": {"Zora": 1, "Ada": 0, "Mia": 0}}
    text = json.dumps({**task, "examples": [scored, {"input": "What?", "target": "this"}]})
    assert read(tmp_path, "bigbench", text) == [
        Item("example-0", f"Who?{before}Ada{before}Mia{before}Zora", ("Zora",)),
        Item("example-1", "What?", ("this",)),
    ]


REPORT: dict[str, Any] = {
    "table": {"uid": "t", "table": [["", "2019", "2018"], ["Sales", "$ 12", "10"]]},
    "paragraphs": [
        {"uid": "b", "order": 2, "text": "All in\nmillions."},
        {"uid": "a", "order": 1, "text": "Sales rose."},
    ],
    "questions": [],
}
TOLD = "Context: Sales rose. All in millions.\nTable:\n | 2019 | 2018\nSales | $ 12 | 10\nQuestion: How much?"


def tatqa_file(**change: object) -> str:
    question = {"uid": "q", "question": "How much? ", "answer": ["$12"], "scale": "million"}
    return json.dumps([{**REPORT, "questions": [{**question, **change}]}])


@pytest.mark.parametrize(("answer", "scale", "reference"), [
    (["$12"], "million", "$12 million"), (["12", "10"], "thousand", "12 thousand, 10 thousand"),
    (-12.6, "", "-12.6"), (20, "percent", "20%"), (50.0, "percent", "50%"), ("4", "", "4"), (["Sales"], "", "Sales"),
    (0, "", "0"), (1234567.891, "billion", "1234567.891 billion"),
    (["$3.0 million", "4"], "million", "$3.0 million, 4 million"), (["20%"], "percent", "20%"),
])  # fmt: skip
def test_tatqa(tmp_path: Path, answer: object, scale: str, reference: str) -> None:
    assert read(tmp_path, "tatqa", tatqa_file(answer=answer, scale=scale)) == [Item("q", TOLD, (reference,))]


def test_tatqa_passes_over_blank_spans_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, tatqa_file(answer=["12", "", "10"], scale="thousand"))
    remark, item = bound_reader(tmp_path, "tatqa", {})(path)
    assert remark == Remark(BLANK_ALTERNATIVE, "q")
    assert item == Item("q", TOLD, ("12 thousand, 10 thousand",))


def convfinqa_file(change: dict[str, object] | None = None, **annotation: object) -> str:
    turns = {
        "dialogue_break": ["what was it in 2019?", "and in 2018?", "what is the change?", "as a share?", "is it more?"],
        "turn_program": [
            *("12", "10", "subtract(12, 10)", "subtract(12, 10), divide(#0, 10)"),
            "divide(12, 10), greater(#0, 1)",
        ],
        "exe_ans_list": [12.0, 10, 2.0, 0.2, "yes"],
    }
    report = {"id": "A/1.pdf", "pre_text": ["In", ""], "post_text": ["millions ."], "table": [["", "a"], ["b", "$ 1"]]}
    return json.dumps([{**report, "annotation": {**turns, **annotation}, **(change or {})}])


def test_convfinqa(tmp_path: Path) -> None:
    found = read(tmp_path, "convfinqa", convfinqa_file())
    assert [item.references for item in found] == [("12",), ("10",), ("2",), ("0.2", "20%"), ("yes",)]
    assert [item.item_id for item in found] == [f"A/1.pdf_{turn}" for turn in range(5)]
    told = "Context: In millions .\nTable:\n | a\nb | $ 1\nQuestion: what was it in 2019?"
    assert found[0].input == told
    assert found[1].input == f"{told}\nAnswer: 12\nQuestion: and in 2018?"


@pytest.mark.parametrize(("program", "value", "answer", "references"), [
    ("subtract(12, 10), divide(#0, 10)", 0.2, "20.0%", ("20%", "0.2")),
    ("divide(12, 10), subtract(#0, 1)", 0.2, "20%", ("20%", "0.2")),  # a percentage that no division ends in
    ("divide(12, 10), multiply(#0, 100)", 5.40541, "5.4%", ("5.41%", "5.40541")),  # the program makes it so
    ("subtract(10, 12), divide(#0, 12)", -0.13228, "-13%", ("-13.23%", "-0.13228")),
    ("subtract(10, 12), divide(#0, 12)", -0.13228, "13.2%", ("-13.23%", "-0.13228")),  # "it fell by"
    ("divide(900, 5)", 180.0, "180", ("180",)),  # a division that people answered with a figure
    ("divide(900, 5)", 180.0, "$ 180 million", ("180",)),
    ("divide(12, 10)", 1.2, "", ("1.2", "120%")),  # nobody's answer is told
    ("add(12, 10)", 22.0, "", ("22",)),
    ("greater(12, 10)", "yes", "yes", ("yes",)),
    ("62%", 0.62, None, ("62%", "0.62")),  # copied from the report, with its sign or without it
    ("-3.5%", -0.035, None, ("-3.5%", "-0.035")),
    ("0.62", 0.62, None, ("0.62",)),
])  # fmt: skip
def test_convfinqa_answers_in_percent_where_people_do(
    tmp_path: Path, program: str, value: object, answer: str | None, references: tuple[str, ...]
) -> None:
    own = {} if answer is None else {"qa": {"question": "?", "answer": answer, "exe_ans": value}}
    one = {"dialogue_break": ["how much?"], "turn_program": [program], "exe_ans_list": [value], "qa_split": [0]}
    (item,) = read(tmp_path, "convfinqa", convfinqa_file(own, **one))
    assert item.references == references


def test_convfinqa_knows_whose_answer_the_report_tells(tmp_path: Path) -> None:
    """Each of two questions is answered in its own last turn, and the history tells the answers."""
    turns = {
        "dialogue_break": ["as a share?", "and then?", "what percent is that?", "and of all?"],
        "turn_program": ["divide(1, 5)", "divide(1, 4)", "subtract(12, 10)", "divide(1, 4)"],
        "exe_ans_list": [0.2, 0.25, 2.0, 0.25],
        "qa_split": [0, 0, 1, 1],
    }
    own = {"qa_0": {"answer": "25%", "exe_ans": 0.25}, "qa_1": {"answer": "0.25", "exe_ans": 0.25}}
    found = read(tmp_path, "convfinqa", convfinqa_file(own, **turns))
    assert [item.references for item in found] == [("0.2", "20%"), ("25%", "0.25"), ("2", "200%"), ("0.25",)]
    assert found[2].input.endswith("?\nAnswer: 0.2\nQuestion: and then?\nAnswer: 25%\nQuestion: what percent is that?")
    other = {"qa_0": {"answer": "25%", "exe_ans": 0.9}}
    assert read(tmp_path, "convfinqa", convfinqa_file(other, **turns))[1].references == ("0.25", "25%")


# Damage


def bigbench_file(**example: object) -> str:
    return json.dumps({"examples": [{"input": "i", "target": "yes"}, {"input": "i", **example}]})


OPTIONS: dict[str, dict[str, Any]] = {
    "iob": {"types": ["Disease"]},
    "labelled_lines": {"labels": ["good", "bad"]},
    "table": {"input": "{text}", "answer": "mood", "labels": ["0", "1"]},
    "column_table": {"input": "{text}", "questions": {"mood": "Good?"}, "labels": {"0": "no", "1": "yes"}},
    "bioasq": {"type": "yesno"},
    "bigbench": {"labels": ["yes", "no"]},
    "json": {"input": "{q}", "answer": "a"},
}
LINES = ("jsonl", "iob", "labelled_lines", "table", "column_table")
DOCUMENTS = ("json", "squad", "bigbench", "bioasq", "tatqa", "convfinqa")
GOOD = {
    "jsonl": '{"id": "a", "input": "b", "references": ["c"]}\n',
    "iob": "HD\tB-Disease\nis\tO\n",
    "labelled_lines": "It rose .\tgood\n",
    "table": TABLE,
    "column_table": TABLE,
    "json": json.dumps([{"q": "Is it?", "a": "yes"}]),
    "squad": squad_file(),
    "bigbench": bigbench_file(target="no"),
    "bioasq": json.dumps({"questions": [{"id": "a", "type": "yesno", "body": "Is it?", "snippets": []}]}).replace(
        '"snippets": []', '"snippets": [], "exact_answer": "yes"'
    ),
    "tatqa": tatqa_file(),
    "convfinqa": convfinqa_file(),
    "ddi": (
        '<document><sentence id="s" text="Aspirin and iron."><entity id="a" charOffset="0-6" text="Aspirin"/>'
        '<entity id="b" charOffset="12-15" text="iron"/><pair e1="a" e2="b" ddi="true"/></sentence></document>'
    ),
}


@pytest.mark.parametrize("reader", GOOD)
@pytest.mark.parametrize("dressed", [
    lambda text: text, lambda text: "\ufeff" + text, lambda text: text.replace("\n", "\r\n"),
    lambda text: gzip.compress(text.encode()),
], ids=["plain", "byte-order mark", "CRLF", "gzip"])  # fmt: skip
def test_every_dress_of_a_file_gives_the_same_items(
    tmp_path: Path, reader: str, dressed: Callable[[str], str | bytes]
) -> None:
    expected = read(tmp_path, reader, GOOD[reader], **OPTIONS.get(reader, {}))
    assert expected
    assert read(tmp_path, reader, dressed(GOOD[reader]), **OPTIONS.get(reader, {})) == expected


def refused(tmp_path: Path, reader: str, content: str | bytes, **options: Any) -> SelfspecError:
    with pytest.raises(SelfspecError) as caught:
        read(tmp_path, reader, content, **{**OPTIONS.get(reader, {}), **options})
    assert caught.value.place.startswith(str(tmp_path / "file"))
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("reader", GOOD)
def test_damage_that_any_file_can_have(tmp_path: Path, reader: str) -> None:
    assert "empty" in refused(tmp_path, reader, "").reason
    assert "empty" in refused(tmp_path, reader, "\ufeff \n").reason
    assert "cut off" in refused(tmp_path, reader, gzip.compress(GOOD[reader].encode())[:-9]).reason
    latin = GOOD[reader].replace("\n", "\n\n").encode() + "\nnaïve".encode("latin-1")
    error = refused(tmp_path, reader, latin)
    assert "is not UTF-8" in error.reason
    assert error.place == f"{tmp_path / 'file'}:{latin.count(10) + 1}"
    with pytest.raises(SelfspecError, match="does not exist"):
        list(bound_reader(tmp_path, reader, OPTIONS.get(reader, {}))(tmp_path / "absent"))


@pytest.mark.parametrize("reader", DOCUMENTS)
def test_damage_of_json(tmp_path: Path, reader: str) -> None:
    assert "is not JSON" in refused(tmp_path, reader, GOOD[reader][:-1]).reason
    assert refused(tmp_path, reader, "{\n\n}}").place.endswith(":3")
    assert "stands twice" in refused(tmp_path, reader, '{"a": 1, "a": 2}').reason
    assert refused(tmp_path, reader, "3").reason
    assert refused(tmp_path, reader, "[]").reason
    assert refused(tmp_path, reader, "{}").reason


DAMAGED: list[tuple[str, str, str, str]] = [  # reader, content, place behind the path, reason
    ("iob", "HD\tB-Disease\nis\n", ":2", "1 filled columns of 1, not 2"),
    ("iob", "HD\tB-Disease\n\nHD\tB-Gene\n", ":3", "unknown tag 'B-Gene'"),
    ("iob", "HD\tDisease\n", ":1", "unknown tag 'Disease'"),
    ("iob", "is\tO\nHD\tI-Disease\n", ":2", "continues nothing"),
    ("labelled_lines", "a\tgood\nb\tgreat\n", ":2", "unknown label 'great'"),
    ("labelled_lines", "a\tgood\nb\n", ":2", "no text or no label"),
    ("labelled_lines", "a\t \n", ":1", "no text or no label"),
    ("table", TABLE.replace("mood", "tone"), ":1", "no column 'mood'; it has: id, text, tone"),
    ("table", TABLE.replace(",1", ",2"), ":2", "unknown label '2'"),
    ("table", TABLE.replace("9,So.,0", "9,So."), ":4", "has 2 columns instead of 3"),
    ("table", TABLE.replace("So.", " "), ":4", "'text' is empty"),
    ("table", TABLE.replace(",0", ","), ":4", "'mood' is empty"),
    ("table", TABLE[:30], ":2", "not valid CSV"),
    ("column_table", TABLE.replace(",0", ",maybe"), ":4 column 'mood'", "unknown label 'maybe'"),
    ("squad", squad_file(answers=[]), ": data[0].paragraphs[0].qas[0]", "no reference"),
    ("squad", squad_file(answers=[{}]), ": data[0].paragraphs[0].qas[0].answers[0]", "'text' is missing"),
    ("squad", squad_file(id=7), ": data[0].paragraphs[0].qas[0]", "'id' is not text"),
    ("squad", '{"data": [{"paragraphs": 3}]}', ": data[0]", "'paragraphs' is not a list"),
    ("bigbench", bigbench_file(target="maybe"), ": examples[1]", "unknown label 'maybe'"),
    ("bigbench", bigbench_file(), ": examples[1]", "'target' is missing"),
    ("bigbench", bigbench_file(target_scores={"yes": 1, "no": 1}), ": examples[1]", "2 best targets"),
    ("bigbench", bigbench_file(target_scores={}), ": examples[1]", "no target a score"),
    ("tatqa", tatqa_file(answer=[""]), ": [0].questions[0]", "has no reference"),
    ("tatqa", tatqa_file(answer=None), ": [0].questions[0]", "has no reference"),
    ("tatqa", tatqa_file(answer=[["a"]]), ": [0].questions[0]", "has no reference"),
    ("tatqa", tatqa_file(scale="dozen"), ": [0].questions[0]", "unknown label 'dozen'"),
    ("tatqa", tatqa_file().replace('"order": 2', '"order": "2"'), ": [0].paragraphs[0]", "'order' is not a number"),
    ("tatqa", tatqa_file().replace('"10"', "10"), ": [0].table", "a row of the table"),
    ("convfinqa", convfinqa_file(exe_ans_list=[1, 2]), ": [0]", "5 questions, 5 programs and 2 values"),
    ("convfinqa", convfinqa_file(exe_ans_list=None), ": [0]", "has no reference"),
    ("convfinqa", convfinqa_file(exe_ans_list=[1, 2, 3, 4, ""]), ": [0]", "has no reference"),
    ("convfinqa", convfinqa_file(cur_dial=["?"]), ": [0]", "single turns"),
    ("convfinqa", convfinqa_file({"table": []}), ": [0]", "has no table"),
    ("ddi", GOOD["ddi"].replace("12-15", "12-17"), ": sentence 's'", "entity 'b' lies at '12-17', outside"),
    ("ddi", GOOD["ddi"].replace("12-15", "15-12"), ": sentence 's'", "outside"),
    ("ddi", GOOD["ddi"].replace('ddi="true"', 'ddi="perhaps"'), ": sentence 's'", "ddi='perhaps'"),
]


@pytest.mark.parametrize(("reader", "content", "place", "reason"), DAMAGED)
def test_damage_is_named_with_its_place(tmp_path: Path, reader: str, content: str, place: str, reason: str) -> None:
    error = refused(tmp_path, reader, content)
    assert error.place.removeprefix(str(tmp_path / "file")) == place
    assert reason in error.reason


def test_an_unknown_encoding_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path, "labelled_lines", "a\tgood\n", encoding="latin-99")
    assert error.reason == "unknown encoding 'latin-99'"


# What a pack writes


def benchmark_of(project: Project, **keys: Any) -> Benchmark:
    project.pack["published"]["benchmarks"][0].update(keys)
    project.save()
    return load_pack("botany").data("published").benchmarks[0]


def test_a_stranger_names_a_shared_reader_and_its_columns_without_code(project: Project) -> None:
    written(project.folder / "data", TABLE, "moods.csv")
    options = {"input": "Diary: {text}", "answer": "mood", "labels": {"0": "sad", "1": "glad"}}
    benchmark = benchmark_of(project, file="moods.csv", reader="table", options=options, metrics=["macro_f1"])
    found = load_items(load_pack("botany"), benchmark, "published")
    assert [item.references for item in found] == [("glad",), ("sad",)]
    assert [use.name for use in benchmark.metrics] == ["macro_f1"]


def test_a_pack_s_own_function_takes_options_too_and_goes_first(project: Project) -> None:
    code = (
        "from selfspec_assets.packs.pack import Item\n"
        "def table(path, *, answer: str, times: int = 1):\n    yield Item('a', path.name, (answer * times,))\n"
    )
    (project.folder / "domains/botany/readers.py").write_text(code)
    benchmark = benchmark_of(project, reader="table", options={"answer": "x", "times": 3})
    assert load_items(load_pack("botany"), benchmark, "published") == [Item("a", "colours.jsonl", ("xxx",))]


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"reader": "table"}, "option 'input' of reader 'table': Field required"),
        ({"reader": "ddi", "options": {"colour": 1}}, "option 'colour' of reader 'ddi'"),
        ({"reader": "iob", "options": {"types": ["X"], "columns": "4"}}, "option 'columns' of reader 'iob'"),
        ({"reader": "bioasq", "options": {"type": "essay"}}, "option 'type' of reader 'bioasq'"),
        ({"options": {"colour": "x"}}, "option 'colour' of reader 'jsonl'"),
        ({"reader": "xml"}, "needs a readers.py"),
    ],
)
def test_wrong_options_stop_the_pack(project: Project, keys: dict[str, Any], reason: str) -> None:
    with pytest.raises(SelfspecError, match=r"published benchmark 'colours': ") as caught:
        benchmark_of(project, **keys)
    assert reason in caught.value.reason
    assert caught.value.place.endswith("domains/botany/domain.yaml")


def test_a_readers_annotations_may_be_names_in_quotes(tmp_path: Path) -> None:
    """Its module is in no table of modules, so they are looked up where its own code would look."""
    path = tmp_path / "readers.py"
    path.write_text(
        "from __future__ import annotations\nfrom typing import Literal\nfrom selfspec_assets.packs import Item\n"
        "Mode = Literal['a', 'b']\ndef cards(path, *, mode: Mode = 'a'):\n    yield Item('1', mode, ('x',))\n"
    )
    assert [item.input for item in bound_reader(tmp_path, "cards", {"mode": "b"})(path)] == ["b"]  # type: ignore[union-attr]
    with pytest.raises(SelfspecError, match="option 'mode' of reader 'cards'"):
        bound_reader(tmp_path, "cards", {"mode": "c"})


def test_an_unknown_metric_stops_the_pack(project: Project) -> None:
    with pytest.raises(SelfspecError, match="metrics"):
        benchmark_of(project, metrics=["bleu"])


def test_files_named_with_also_are_read_together_and_name_their_items(project: Project) -> None:
    line = '{"id": "q0", "input": "Moss?", "references": ["green"]}\n'
    written(project.folder / "data", line, "more.jsonl")
    benchmark = benchmark_of(project, also=["more.jsonl"])
    found = [item.item_id for item in load_items(load_pack("botany"), benchmark, "published")]
    assert (found[0], found[-1]) == ("q0", "more:q0")
    written(project.folder / "data", 2 * line, "more.jsonl")
    with pytest.raises(SelfspecError, match="two items have the id 'q0'") as caught:
        load_items(load_pack("botany"), benchmark, "published")
    assert caught.value.place.endswith("more.jsonl")


def test_an_absent_file_is_told_with_source_and_licence(project: Project) -> None:
    benchmark = benchmark_of(project, file="no.jsonl", obtain="https://example.org/x.zip", licence="CC BY 4.0")
    with pytest.raises(SelfspecError) as caught:
        load_items(load_pack("botany"), benchmark, "published")
    assert caught.value.remedy == "https://example.org/x.zip (licence: CC BY 4.0)"
    assert "\n" not in benchmark.how_to_get


@pytest.mark.parametrize(("reader", "content", "options"), [
    ("squad", squad_file(answers=[{"text": " "}, {"text": "Ada"}]), {}),
    ("jsonl", '{"id": "q1", "input": "Who?", "references": ["Ada", ""]}', {}),
    ("parquet", [["Ada", "", None]], {"input": "{q}", "answer": "a", "labels": ["Ada"]}),
])  # fmt: skip
def test_blank_alternatives_are_passed_over_and_counted(
    project: Project, reader: str, content: Any, options: dict[str, Any]
) -> None:
    if reader == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"q": ["Who?"], "a": content}), project.folder / "data" / "one")
    else:
        written(project.folder / "data", content, "one")
    benchmark = benchmark_of(project, file="one", reader=reader, options=options)
    found = read_benchmark(load_pack("botany"), benchmark, "published")
    assert [item.references for item in found.items] == [("Ada",)]
    assert found.remarks == [Remark(BLANK_ALTERNATIVE, found.items[0].item_id)]


def test_an_item_without_a_reference_is_named(project: Project) -> None:
    written(project.folder / "data", '{"id": "b", "input": "Moss?", "references": [" "]}\n', "colours.jsonl")
    with pytest.raises(SelfspecError, match="item 'b' has no reference"):
        load_items(load_pack("botany"), benchmark_of(project), "published")


def test_keys_that_a_pack_does_not_use_leave_its_signature_alone(project: Project) -> None:
    plain = set(benchmark_of(project).model_dump())
    assert plain == {"name", "task", "instruction", "file", "train", "reader", "licence", "obtain"}
    used = benchmark_of(project, also=["colours.jsonl"], reader="iob", options={"types": ["X"]}, metrics=["set_f1"])
    assert set(used.model_dump()) - plain == {"also", "options"}


def test_the_example_in_the_readme_is_the_pack_s(project: Project) -> None:
    text = (ROOT / "domains" / "biomedicine" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    drugs = "unique_hash,text,drug,sentiment\nh1,It helped.,ocrevus,0\n"
    written(project.folder / "data", drugs, "drugs.csv")
    benchmark = benchmark_of(project, file="drugs.csv", **yaml.safe_load(example))
    assert load_items(load_pack("botany"), benchmark, "published") == [
        Item("line-2", "Sentence: It helped.\nDrug: ocrevus", ("positive",))
    ]
