"""Quotes of tables, rows that span lines, and tables without a header."""

from pathlib import Path
from typing import Any

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.bound_reader import bound_reader
from selfspec_assets.packs.readers.tables import SPANS_LINES
from selfspec_assets.packs.records import Item, Remark
from selfspec_assets.planning.pack_check import check_pack
from tests.conftest import Project

ASK = {"input": "{text}", "answer": "mood"}
# A quote that is never closed on its line: with CSV's rules the first two rows are one, and so are the next two.
OPEN = 'text{0}mood\n"Up and away{0}good\nIt said so"{0}bad\n"Down{0}bad\nThe end"{0}good\n'


def read(folder: Path, text: str, reader: str = "table", **options: Any) -> list[Item | Remark]:
    (folder / "file").write_text(text)
    return list(bound_reader(folder, reader, {**ASK, **options})(folder / "file"))


def test_quotes_between_tabs_are_letters(tmp_path: Path) -> None:
    assert read(tmp_path, OPEN.format("\t"), separator="\t") == [
        Item("line-2", '"Up and away', ("good",)),
        Item("line-3", 'It said so"', ("bad",)),
        Item("line-4", '"Down', ("bad",)),
        Item("line-5", 'The end"', ("good",)),
    ]


@pytest.mark.parametrize(("separator", "quoting", "items"), [
    ("\t", "none", 4), ("\t", "csv", 2), (",", "none", 4), (",", "csv", 2), (",", None, 2), (";", None, 2),
    ("|", None, 2),
])  # fmt: skip
def test_quoting_is_what_the_pack_says_or_what_the_separator_lets_expect(
    tmp_path: Path, separator: str, quoting: str | None, items: int
) -> None:
    chosen = {"quoting": quoting} if quoting else {}
    found = read(tmp_path, OPEN.format(separator), separator=separator, **chosen)
    assert sum(isinstance(one, Item) for one in found) == items
    places = [one.place for one in found if isinstance(one, Remark) and one.what == SPANS_LINES and not one.drops]
    assert places == ([] if items == 4 else [f"{tmp_path / 'file'}:2", f"{tmp_path / 'file'}:4"])


def test_check_counts_rows_that_span_lines(project: Project) -> None:
    (project.folder / "data" / "t.csv").write_text(OPEN.format(","))
    project.pack["published"]["benchmarks"][0].update(file="t.csv", reader="table", options=ASK)
    project.save()
    (told,) = [line for line in check_pack("botany").lines if SPANS_LINES in line]
    assert told.strip() == f"{SPANS_LINES}: 2, the first: {project.folder / 'data' / 't.csv'}:2"


def test_a_quoted_header_between_tabs_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(SelfspecError, match="has no column 'mood'") as caught:
        read(tmp_path, '"text"\t"mood"\n"Up"\t"good"\n', separator="\t")
    assert "give the reader 'quoting: csv'" in caught.value.remedy


def test_a_quoted_text_of_two_lines_between_tabs_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(SelfspecError, match="has 1 columns instead of 2") as caught:
        read(tmp_path, 'text\tmood\n"Up\nand away"\tgood\n', separator="\t")
    assert "give the reader 'quoting: csv'" in caught.value.remedy


def test_a_quote_that_ends_nowhere_is_named_where_it_begins(tmp_path: Path) -> None:
    with pytest.raises(SelfspecError, match="is not valid CSV") as caught:
        read(tmp_path, 'text,mood\na,good\n"Up,good\nb,bad\n')
    assert caught.value.place == f"{tmp_path / 'file'}:3"
    assert "'quoting: none'" in caught.value.remedy


def test_a_column_table_has_the_same_quotes_and_columns(tmp_path: Path) -> None:
    options = {"input": "{text} {question}", "questions": {"mood": "Good?"}, "labels": {"good": "yes", "bad": "no"}}
    (tmp_path / "file").write_text(OPEN.format("\t").partition("\n")[2])
    reader = bound_reader(tmp_path, "column_table", {**options, "columns": ["text", "mood"], "separator": "\t"})
    found = list(reader(tmp_path / "file"))
    assert found[0] == Item("line-1:mood", '"Up and away Good?', ("yes",))
    assert len(found) == 4
    quoted = bound_reader(tmp_path, "column_table", {**options, "columns": ["text", "mood"], "separator": "\t",
                                                     "quoting": "csv"})  # fmt: skip
    assert [type(one) for one in quoted(tmp_path / "file")] == [Remark, Item, Remark, Item]


def test_a_table_without_a_header_has_its_columns_named_by_the_pack(tmp_path: Path) -> None:
    found = read(tmp_path, "It rose,1\nIt fell,0\n", columns=["text", "mood"])
    assert found == [Item("line-1", "It rose", ("1",)), Item("line-2", "It fell", ("0",))]


@pytest.mark.parametrize(("columns", "place", "reason"), [
    ((), ":1", "the header has no column 'mood'"), (["text"], "", "the header has no column 'mood'"),
    (["text", "mood", "mood"], "", "has column 'mood' twice"),
    (["id", "text", "mood"], ":1", "has 2 columns instead of 3"),
])  # fmt: skip
def test_columns_that_do_not_fit_are_named(tmp_path: Path, columns: list[str], place: str, reason: str) -> None:
    with pytest.raises(SelfspecError) as caught:
        read(tmp_path, "It rose,1\n", columns=columns)
    assert caught.value.place == f"{tmp_path / 'file'}{place}"
    assert reason in caught.value.reason
