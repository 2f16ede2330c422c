"""Files of a source, each format read as a stream into the same documents, and every way one can be wrong."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import opened
from selfspec_assets.packs.corpora import lines
from selfspec_assets.packs.corpora.contract import Source
from selfspec_assets.packs.corpora.formats import records
from selfspec_assets.packs.corpora.record import Record


def read(path: Path, **keys: Any) -> list[Record]:
    declared = {"name": "notes", "format": path.suffixes[0][1:], "files": ["x"], **keys}
    with opened(path, path.name) as file:
        return list(records(Source.model_validate(declared), file))


def parquet_bytes(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


LINES = [{"id": "a", "title": "T", "text": "Überall one."}, {"id": "b", "title": "", "text": "Two\nlines."}]
JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in LINES).encode()
EXPECTED = [("a", "T", "Überall one."), ("b", "", "Two\nlines.")]


def as_csv(separator: str) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, ["id", "title", "text"], delimiter=separator, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(LINES)
    return out.getvalue().encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", JSONL),
        ("a.jsonl", b"\xef\xbb\xbf" + JSONL.replace(b"\n", b"\r\n") + b"\n  \n"),
        ("a.jsonl.gz", gzip.compress(JSONL)),
        ("a.csv", as_csv(",")),
        ("a.csv", b"\xef\xbb\xbf" + as_csv(",")),
        ("a.tsv", as_csv("\t")),
        ("a.tsv.gz", gzip.compress(as_csv("\t"))),
        ("a.parquet", parquet_bytes(LINES)),
    ],
    ids=["jsonl", "jsonl-of-windows", "jsonl.gz", "csv", "csv-of-windows", "tsv", "tsv.gz", "parquet"],
)
def test_every_format_gives_the_same_documents(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    quoting = {"quoting": "csv"} if ".tsv" in name else {}
    found = read(tmp_path / name, id="id", title="title", **quoting)
    assert [(one.id, one.title, one.text.replace("\r\n", "\n")) for one in found] == EXPECTED


def test_documents_need_no_columns_and_no_title(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(JSONL + b'\n{"id": "c", "text": "Three."}\n'))
    declared = Source(name="corpus", format="documents", files=("a.gz",))
    with opened(path, "a.gz") as file:
        found = [(one.id, one.title, one.text, one.position) for one in records(declared, file)]
    assert found == [("a", "T", "Überall one.", 1), ("b", "", "Two\nlines.", 2), ("c", "", "Three.", 4)]


def test_zstd_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.zst"
    with pa.output_stream(path, compression="zstd") as stream:
        stream.write(JSONL * 1)
    assert [one.id for one in read(path, id="id", title="title")] == ["a", "b"]
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(SelfspecError, match="zstd data is cut off or damaged"):
        read(path)


def test_several_columns_are_one_text_and_ids_may_be_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet_bytes([{"n": 7, "one": "A.", "two": "B."}, {"n": 8, "one": "", "two": "C."}]))
    found = read(path, text=["one", "two"], id="n")
    assert [(one.id, one.text, one.position) for one in found] == [("7", "A.\n\nB.", 0), ("8", "C.", 1)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("paragraph", [("a.txt:2", "One\ntwo.\n"), ("a.txt:6", "Three.")]),
        ("line", [("a.txt:2", "One\n"), ("a.txt:3", "two.\n"), ("a.txt:6", "Three.")]),
        ("file", [("a.txt", "\nOne\ntwo.\n\n \nThree.")]),
    ],
)
def test_plain_text(tmp_path: Path, document: str, expected: list[tuple[str, str]]) -> None:
    (tmp_path / "a.txt").write_bytes(b"\r\nOne\r\ntwo.\r\n\r\n \r\nThree.")
    assert [(one.id, one.text) for one in read(tmp_path / "a.txt", document=document)] == expected


def test_other_encodings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Ein Satz.\nÜber".encode("latin-1"))
    assert read(path, encoding="latin-1", document="line")[1].text == "Über"
    with pytest.raises(SelfspecError, match="not UTF-8") as caught:
        read(path)
    assert caught.value.place == f"{path}:2"
    assert "encoding" in caught.value.remedy


BAD: dict[str, tuple[str, bytes, dict[str, Any], str, str]] = {
    "latin-1": ("a.jsonl", JSONL + '{"text": "ü"}'.encode("latin-1"), {}, ":3", "not UTF-8"),
    "latin-1 csv": ("a.csv", "text\r\nü".encode("latin-1"), {}, ":2", "not UTF-8"),
    "cut gzip": ("a.jsonl.gz", gzip.compress(JSONL * 50)[:-12], {}, ":", "gzip data is cut off"),
    "no gzip": ("a.jsonl.gz", gzip.compress(JSONL)[:12] + b"\0" * 30, {}, ":1", "gzip data is cut off"),
    "empty": ("a.jsonl", b"", {}, "a.jsonl", "the file is empty"),
    "empty gzip": ("a.txt.gz", gzip.compress(b" \n"), {}, "a.txt.gz", "the file is empty"),
    "header alone": ("a.csv", b"text\r\n", {}, "a.csv", "the file is empty"),
    "missing parquet column": ("a.parquet", parquet_bytes([{"text": "x"}]), {"text": "body"}, "", "'body'"),
    "missing column": ("a.jsonl", JSONL, {"text": "body"}, ":1", "no 'body'; it has: "),
    "missing csv column": ("a.csv", as_csv(","), {"text": "body"}, ":1", "no 'body'; it has: id, title, text"),
    "null": ("a.jsonl", JSONL + b'{"text": null}', {}, ":3", "'text' is null or empty"),
    "null parquet": (
        "a.parquet",
        parquet_bytes([{"text": "x"}, {"text": None}]),
        {},
        "row 1",
        "'text' is null or empty",
    ),
    "empty csv": ("a.csv", b"text,n\r\nx,1\r\n,2\r\n", {}, ":3", "'text' is null or empty"),
    "all columns": ("a.csv", b"a,b\r\nx,1\r\n, \r\n", {"text": ["a", "b"]}, ":3", "'a', 'b' are null or empty"),
    "number": ("a.jsonl", b'{"text": 7}', {}, ":1", "holds a int, not text"),
    "id": ("a.jsonl", b'{"text": "x", "id": ""}', {"id": "id"}, ":1", "'id' is empty"),
    "title": ("a.jsonl", JSONL, {"title": "titel"}, "a.jsonl", "no document has a 'titel'"),
    "not json": ("a.jsonl", JSONL + b"{", {}, ":3", "not JSON"),
    "list": ("a.jsonl", b"[1]", {}, ":1", "a JSON list, not an object"),
    "short row": ("a.csv", b"text,n\r\nx,1\r\ny\r\n", {}, ":3", "1 fields, but the header names 2"),
    "after a row of two lines": ("a.csv", b'text,n\r\n"x\r\ny",1\r\nz\r\n', {}, ":4", "1 fields"),
    "open quote": ("a.csv", b'text,n\r\n"x', {}, ":2", "not CSV"),
    "twice": ("a.csv", b"text,text\r\nx,y\r\n", {}, ":1", "two columns have one name"),
    "no parquet": ("a.parquet", JSONL, {}, "a.parquet", "cannot be read as Parquet"),
    "half a parquet": ("a.parquet", parquet_bytes(LINES)[:-20], {}, "a.parquet", "cannot be read as Parquet"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_its_place(tmp_path: Path, case: str) -> None:
    name, content, keys, place, reason = BAD[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SelfspecError) as caught:
        read(tmp_path / name, **keys)
    assert reason in f"{caught.value.reason}"
    assert str(tmp_path / name) in caught.value.place
    assert place in caught.value.place
    assert caught.value.remedy


def test_a_document_without_text_may_be_dropped(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": null}\n{"text": "x"}\n')
    assert [one.text for one in read(tmp_path / "a.jsonl", empty="drop")] == ["", "x"]


def test_one_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_RECORD", 1 << 12)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(JSONL + b'{"text": "' + b"x" * 10_000))
    with pytest.raises(SelfspecError, match="more than") as caught:
        read(tmp_path / "a.jsonl.gz")
    assert caught.value.place.endswith("a.jsonl.gz:3")
