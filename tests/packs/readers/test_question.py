"""One way of asking about a record, whatever the file: fields, lists, labels, multiple choice, in every format."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.bound_reader import bound_reader
from selfspec_assets.packs.items import read_benchmark
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.readers.question import NO_CHOICE, value_at
from selfspec_assets.packs.records import Item, Remark
from tests.conftest import Project
from tests.native_samples import PUBMEDQA
from tests.published_data import published_file

FORMATS = ("table", "jsonl", "json", "parquet")
Rows = list[dict[str, Any]]


def written(folder: Path, reader: str, rows: Rows) -> Path:
    path = folder / "file"
    if reader == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif reader == "table":
        text = io.StringIO()
        table = csv.DictWriter(text, rows[0])
        table.writeheader()
        table.writerows(rows)
        path.write_text(text.getvalue())
    else:
        text_of = {"jsonl": "\n".join(map(json.dumps, rows)), "json": json.dumps(rows)}
        path.write_text(text_of[reader])
    return path


def read(folder: Path, reader: str, rows: Rows, **options: Any) -> list[Item | Remark]:
    return list(bound_reader(folder, reader, options)(written(folder, reader, rows)))


# Every format


ROWS = [{"key": "a", "text": "It rose.", "mood": "1"}, {"key": "b", "text": "It fell.", "mood": "0"}]
LABELS = {"1": "good", "0": "bad"}


@pytest.mark.parametrize("reader", FORMATS)
def test_one_set_of_options_reads_every_format(tmp_path: Path, reader: str) -> None:
    found = read(tmp_path, reader, ROWS, input="Text: {text}", answer="mood", labels=LABELS, id="key")
    assert found == [Item("a", "Text: It rose.", ("good",)), Item("b", "Text: It fell.", ("bad",))]


@pytest.mark.parametrize(("reader", "names"), [
    ("table", ["line-2", "line-3"]), ("jsonl", ["line-1", "line-2"]),
    ("json", ["record-0", "record-1"]), ("parquet", ["row-0", "row-1"]),
])  # fmt: skip
def test_an_item_without_an_id_is_named_by_its_place(tmp_path: Path, reader: str, names: list[str]) -> None:
    found = read(tmp_path, reader, ROWS, input="{text}", answer="mood")
    assert [item.item_id for item in found if isinstance(item, Item)] == names


# MedMCQA's columns, with places from 0; a question may have fewer choices than there are columns.
COLUMNS: Rows = [
    {"q": "Which\nbird?", "opa": "tit", "opb": "ant", "opc": "", "cop": "0", "exp": "opa"},
    {"q": "Which plant?", "opa": "cat", "opb": "fern ", "opc": "dog", "cop": "1", "exp": "opb"},
]
ASKED = ["Which\nbird?\nA) tit\nB) ant", "Which plant?\nA) cat\nB) fern\nC) dog"]


@pytest.mark.parametrize("reader", FORMATS)
@pytest.mark.parametrize("by", [{"answer": "cop", "answer_is": "index"}, {"answer": "exp"}])
def test_choices_in_columns(tmp_path: Path, reader: str, by: dict[str, str]) -> None:
    found = read(tmp_path, reader, COLUMNS, input="{q}", choices=["opa", "opb", "opc"], **by)
    assert [(item.input, item.references) for item in found if isinstance(item, Item)] == [
        (ASKED[0], ("A",)),
        (ASKED[1], ("B",)),
    ]


LISTED: dict[str, Any] = {"q": "Which plant?", "choices": ["cat", "fern", "dog"]}
MAPPED: dict[str, Any] = {"q": "Which plant?", "choices": {"1": "cat", "2": "fern", "3": "dog"}}


@pytest.mark.parametrize("reader", ["jsonl", "json", "parquet"])
@pytest.mark.parametrize(("record", "answer", "answer_is"), [
    (LISTED, "B", "letter"), (LISTED, "b", "letter"), (LISTED, "fern", "text"), (LISTED, 1, "index"),
    (LISTED, "2", "number"), (MAPPED, "2", "letter"), (MAPPED, "fern", "text"), (MAPPED, 2, "number"),
    ({**LISTED, "choices": {"a": "cat", "b": "fern", "c": "dog", "d": None}}, "B", "letter"),
])  # fmt: skip
def test_every_way_to_name_the_right_choice(
    tmp_path: Path, reader: str, record: dict[str, Any], answer: object, answer_is: str
) -> None:
    options = {"input": "{q}", "choices": "choices", "answer": "right", "answer_is": answer_is}
    (found,) = read(tmp_path, reader, [{**record, "right": answer}], **options)
    assert isinstance(found, Item)
    assert (found.input, found.references) == (ASKED[1], ("B",))


@pytest.mark.parametrize(("change", "answer_is", "what"), [
    ({"right": "E"}, "letter", NO_CHOICE), ({"right": "ant"}, "text", NO_CHOICE), ({"right": -1}, "index", NO_CHOICE),
    ({"right": 3}, "index", NO_CHOICE), ({"right": 0}, "number", NO_CHOICE),
    ({"right": "cat", "choices": ["cat", "cat"]}, "text", "an answer that is several of the choices"),
    ({"right": "A", "choices": ["cat", "", "dog"]}, "letter", "a choice without a text"),
    ({"right": "A", "choices": ["cat", None]}, "letter", "fewer than two choices"),
    ({"right": "A", "choices": [str(n) for n in range(27)]}, "letter", "more than there are letters"),
])  # fmt: skip
def test_a_question_whose_right_choice_cannot_be_told_is_left_out(
    tmp_path: Path, change: dict[str, Any], answer_is: str, what: str
) -> None:
    options = {"input": "{q}", "choices": "choices", "answer": "right", "answer_is": answer_is}
    (found,) = read(tmp_path, "jsonl", [{**LISTED, **change}], **options)
    assert isinstance(found, Remark)
    assert what in found.what
    assert (found.place, found.drops) == (f"{tmp_path / 'file'}:1", True)


def test_a_test_split_without_answers_is_refused(project: Project) -> None:
    """MedMCQA's, where every place is -1."""
    written(project.folder / "data", "json", [{**row, "cop": -1} for row in COLUMNS])
    options = {"input": "{q}", "choices": ["opa", "opb", "opc"], "answer": "cop", "answer_is": "index"}
    project.pack["published"]["benchmarks"][0].update(file="file", reader="json", options=options)
    project.save()
    pack = load_pack("botany")
    with pytest.raises(SelfspecError, match="2 of 2 items cannot be used") as caught:
        read_benchmark(pack, pack.data("published").benchmarks[0], "published")
    assert NO_CHOICE in caught.value.remedy


# Fields within fields


RECORD: dict[str, Any] = {
    "a.b": "whole", "a": {"b": "part", "c": ["x", "y"]}, "turns": [{"say": "hi"}, {"say": "ho"}], "n": [1, True],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [
    ("a.b", "whole"), ("a.c", ["x", "y"]), ("a.c.1", "y"), ("turns.1.say", "ho"), ("turns.say", ["hi", "ho"]),
])  # fmt: skip
def test_dots_reach_into_fields_and_lists(name: str, value: object) -> None:
    assert value_at("file", RECORD, name) == value


@pytest.mark.parametrize("name", ["b", "a.d", "a.c.2", "a.b.c", "turns.0.said", "n.0.x"])
def test_a_field_that_is_not_there_is_named_with_those_that_are(name: str) -> None:
    with pytest.raises(SelfspecError, match=f"has no field '{name}'") as caught:
        value_at("file:7", RECORD, name)
    assert caught.value.place == "file:7"
    assert "a.b, a, turns, n" in caught.value.remedy


def test_lists_are_joined_where_a_pack_says_how(tmp_path: Path) -> None:
    rows = [{"contexts": ["One.", "Two."], "q": "Why?", "a": ["x", "", "y"]}]
    options = {"input": "{contexts}|{contexts.1}|{q}", "answer": "a"}
    (item,) = read(tmp_path, "parquet", rows, **options, join="\n")
    assert item == Item("row-0", "One.\nTwo.|Two.|Why?", ("x", "", "y"))
    with pytest.raises(SelfspecError, match="field 'contexts' is not text but list") as caught:
        read(tmp_path, "parquet", rows, **options)
    assert "'join'" in caught.value.remedy
    assert "'contexts.0'" in caught.value.remedy


def test_text_that_looks_like_a_template_is_text(tmp_path: Path) -> None:
    (item,) = read(tmp_path, "jsonl", [{"q": "{a} or {b}?", "a": "x"}], input="{q}", answer="a")
    assert item == Item("line-1", "{a} or {b}?", ("x",))


@pytest.mark.parametrize(("record", "reason"), [
    ({"q": None, "a": "x"}, "field 'q' is empty"), ({"q": " ", "a": "x"}, "field 'q' is empty"),
    ({"q": "x", "a": {}}, "field 'a' is not text but dict"), ({"q": "x", "a": []}, "field 'a' holds no answer"),
    ({"q": "x", "a": [None, ""]}, "field 'a' holds no answer"), ({"q": "x"}, "has no field 'a'"),
    ({"q": [], "a": "x"}, "field 'q' is empty"),
])  # fmt: skip
def test_a_record_that_asks_nothing_is_named(tmp_path: Path, record: dict[str, Any], reason: str) -> None:
    good = {"q": "Why?", "a": "so"}
    with pytest.raises(SelfspecError) as caught:
        read(tmp_path, "jsonl", [good, record], input="{q}", answer="a")
    assert caught.value.reason == reason
    assert caught.value.place == f"{tmp_path / 'file'}:2"


def test_choices_that_are_no_choices_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SelfspecError, match="field 'q' is no list of choices but str"):
        read(tmp_path, "jsonl", [{"q": "x", "a": "A"}], input="{q}", answer="a", choices="q")


# JSON


def test_objects_by_name_are_items_of_that_name_as_in_pubmedqa(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps(PUBMEDQA))
    options = {"input": "Context: {CONTEXTS}\nQuestion: {QUESTION}", "answer": "final_decision", "join": " "}
    found = list(bound_reader(tmp_path, "json", {**options, "labels": ["yes", "no", "maybe"]})(tmp_path / "file"))
    assert found == [Item("17", "Context: Aim. Result.\nQuestion: Does it work?", ("yes",))]


def test_the_real_pubmedqa_asks_for_its_decisions(tmp_path: Path) -> None:
    path = published_file("biomedicine/pubmedqa/ori_pqal.json")
    options = {"input": "{CONTEXTS}\nQuestion: {QUESTION}", "answer": "final_decision", "join": "\n"}
    found = list(bound_reader(tmp_path, "json", {**options, "labels": ["yes", "no", "maybe"]})(path))
    assert len(found) == 500
    decisions = {reference for item in found if isinstance(item, Item) for reference in item.references}
    assert decisions == {"yes", "no", "maybe"}


def test_records_may_stand_deeper(tmp_path: Path) -> None:
    value = {"version": 1, "data": {"questions": [{"q": "Why?", "a": "so"}]}}
    (tmp_path / "file").write_text(json.dumps(value))
    options = {"input": "{q}", "answer": "a"}
    found = list(bound_reader(tmp_path, "json", {**options, "records": "data.questions"})(tmp_path / "file"))
    assert found == [Item("record-0", "Why?", ("so",))]
    for field, hint in (("", "they may be in data: "), ("data", "they may be in data.questions: ")):
        with pytest.raises(SelfspecError, match="neither a filled list of objects nor objects by name") as caught:
            list(bound_reader(tmp_path, "json", {**options, "records": field})(tmp_path / "file"))
        assert caught.value.remedy == f"{hint}name the field that holds them with 'records'"


def test_json_lines_given_to_json_name_the_reader_for_them(tmp_path: Path) -> None:
    path = written(tmp_path, "jsonl", ROWS)
    with pytest.raises(SelfspecError, match="is not JSON: Extra data") as caught:
        list(bound_reader(tmp_path, "json", {"input": "{text}", "answer": "mood"})(path))
    assert "'jsonl'" in caught.value.remedy


@pytest.mark.parametrize(("options", "lacking"), [
    ({"input": "{text}"}, "answer"), ({"answer": "mood"}, "input"), ({"labels": ["1"]}, "input"),
    ({"id": "key"}, "input"),
])  # fmt: skip
def test_half_the_options_of_jsonl_are_none(tmp_path: Path, options: dict[str, Any], lacking: str) -> None:
    with pytest.raises(SelfspecError, match=f"has options but not '{lacking}'"):
        read(tmp_path, "jsonl", ROWS, **options)
