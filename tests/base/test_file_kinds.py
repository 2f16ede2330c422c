"""What a file is by its first bytes: packed ones are read by all alike, other kinds are refused by their names."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.file_kinds import HEAD, is_page, not_text
from selfspec_assets.base.opened_file import opened
from selfspec_assets.base.text_file import read_text
from selfspec_assets.packs.bound_reader import bound_reader
from selfspec_assets.packs.corpora.contract import Source
from selfspec_assets.packs.corpora.documents import read_corpus
from selfspec_assets.packs.corpora.formats import records
from selfspec_assets.packs.readers import SHARED
from selfspec_assets.packs.readers.parquet import parquet_rows
from selfspec_assets.packs.records import READERS_BY_KEY, Item, load_seeds

ITEM = {"id": "a", "input": "Moss?", "references": ["green"]}
SEED = {"id": "s", "task": "t", "demonstrates": "t", "instruction": "Name it.", "input": "", "output": "x"}
DOCUMENT = {"id": "d", "text": "Moss is green."}


def zipped(content: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("data.jsonl",):
            archive.writestr(name, content)
    return out.getvalue()


def of_a_mac(content: bytes) -> bytes:
    return zipped(content, "folder/", "folder/data.jsonl", "__MACOSX/folder/._data.jsonl", "folder/.DS_Store")


def zstd(content: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(content)
    return bytes(out.getvalue())


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "zip": zipped,
    "zip of a Mac": of_a_mac,
}
Reading = Callable[[Path], object]


def corpus_text(path: Path, **keys: object) -> list[str]:
    declared = Source.model_validate({"name": "notes", "format": "jsonl", "files": ["x"], **keys})
    with opened(path, path.name) as file:
        return [record.text for record in records(declared, file)]


def texts_of(path: Path) -> list[str]:
    return corpus_text(path, format="txt", document="line")


WAYS: dict[str, tuple[dict[str, object], Reading]] = {
    "benchmark": (ITEM, lambda path: list(bound_reader(path.parent, "jsonl", {})(path))),
    "seeds": ({**SEED, "source": "me"}, load_seeds),
    "source of a corpus": (DOCUMENT, corpus_text),
    "corpus": (DOCUMENT, lambda path: list(read_corpus(path))),
    "plain text": (DOCUMENT, read_text),
}


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("way", WAYS)
def test_packed_files_are_read_for_every_purpose(tmp_path: Path, way: str, packed: str) -> None:
    row, reading = WAYS[way]
    content = "".join(json.dumps({**row, "id": f"{number}"}) + "\n" for number in range(2000)).encode()
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed").write_bytes(PACKED[packed](content))
    assert reading(tmp_path / "packed") == reading(tmp_path / "plain")


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("way", WAYS)
def test_packed_data_that_is_cut_off_is_named(tmp_path: Path, way: str, packed: str) -> None:
    row, reading = WAYS[way]
    path = tmp_path / "packed"
    rows = (json.dumps({**row, "id": f"{number}", "source": f"{number * 7919}"}) + "\n" for number in range(2000))
    whole = PACKED[packed]("".join(rows).encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SelfspecError, match=f"the {packed.split()[0]} data is cut off or damaged") as caught:
        reading(path)
    assert caught.value.place.startswith(str(path))
    assert "get the file again" in caught.value.remedy


def workbook(folder: str) -> bytes:
    return zipped(b"<xml/>", "[Content_Types].xml", f"{folder}/document.xml")


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE a (b TEXT)")
    return connection.serialize()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("notes.txt")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"Moss."))
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["Moss."]}), out)
    return out.getvalue()


def array() -> bytes:
    out = io.BytesIO()
    np.save(out, np.arange(3))
    return out.getvalue()


PAGE = b"<!DOCTYPE html>\n<html><head><title>Not found</title></head><body>Moss.</body></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
KINDS: dict[str, tuple[bytes, str, str]] = {
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF document", "pdftotext"),
    "docx": (workbook("word"), "a Word document", "plain text"),
    "xlsx": (workbook("xl"), "an Excel workbook", "CSV"),
    "ods": (zipped(b"x", "mimetype", "content.xml"), "an OpenDocument", "CSV"),
    "epub": (zipped(b"x", "mimetype", "META-INF/container.xml"), "an EPUB book", "html"),
    "doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Word document", "plain text"),
    "sqlite": (database(), "an SQLite database", "CSV"),
    "parquet": (parquet(), "a Parquet file", "'parquet'"),
    "numpy": (array(), "a NumPy array", "CSV"),
    "pickle": (pickle.dumps({"a": "b"}), "a Python pickle", "JSON lines"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(90), "a PNG picture", "picture"),
    "tar": (tarred(), "a tar archive", "unpack"),
    "tar.gz": (gzip.compress(tarred()), "a tar archive", "unpack"),
    "pdf.gz": (gzip.compress(b"%PDF-1.7\n"), "a PDF document", "pdftotext"),
    "zip of two": (zipped(b"x", "a.csv", "b.csv"), "a zip archive of 2 files: a.csv, b.csv", "name the file"),
    "zip of none": (zipped(b"x", "empty/"), "a zip archive of 0 files", "unpack"),
    "gzip in gzip": (gzip.compress(gzip.compress(b"Moss.")), "gzip data within packed data", "unpack"),
    "lfs": (POINTER, "a pointer of Git LFS", "git lfs pull"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", [*WAYS, "text of a corpus in latin-1", "lines in latin-1"])
def test_a_file_of_another_kind_is_refused_by_its_name(tmp_path: Path, way: str, kind: str) -> None:
    content, named, remedy = KINDS[kind]
    path = tmp_path / "file"
    path.write_bytes(content)
    reading: Reading
    if way == "text of a corpus in latin-1":
        reading = lambda path: corpus_text(path, format="txt", encoding="latin-1")  # noqa: E731
    elif way == "lines in latin-1":
        options = {"labels": ["a"], "encoding": "latin-1"}
        reading = lambda path: list(bound_reader(tmp_path, "labelled_lines", options)(path))  # noqa: E731
    else:
        reading = WAYS[way][1]
    with pytest.raises(SelfspecError) as caught:
        reading(path)
    assert f"is {named}" in caught.value.reason
    assert remedy in caught.value.remedy
    assert caught.value.place == str(path)


@pytest.mark.parametrize("way", WAYS)
def test_a_web_page_in_place_of_the_data_is_named(tmp_path: Path, way: str) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(PAGE)
    with pytest.raises(SelfspecError, match="is an HTML page"):
        WAYS[way][1](path)


@pytest.mark.parametrize(
    ("text", "page"),
    [
        (b"\xef\xbb\xbf \n<!doctype HTML>", True),
        (b"<?xml version='1.0'?>\n<!-- saved -->\n<html lang='en'>\n<body>", True),
        (b"<html><head>", True),
        (b"<html><body>Buy now!</body></html>\tspam\n", False),
        (b"<document><sentence/></document>", False),
        (b"The tag <html> begins a page.", False),
    ],
)
def test_a_page_is_told_from_a_line_with_tags(text: bytes, page: bool) -> None:
    assert is_page(text) is page


@pytest.mark.parametrize(
    "text",
    [
        b"PAR1\tB-Gene\n", b"BZh is a sign.", b"GIF8 and PNG", b"Rar! said the raven.", b"ARROW1 is a gene.",
        b"PK is a", b"%PD", b"7z", b"", "Grün ist das Moos.\f".encode("latin-1"), b"id,text,mood\n1,\0a,b\n",
        "日本語。".encode("iso2022_jp") * 50, "naïve “text”".encode("cp1252"), "text".encode("utf-16") * 2,
    ],
)  # fmt: skip
def test_text_is_not_taken_for_another_kind(text: bytes) -> None:
    encoding = "utf-16" if text.startswith(b"\xff\xfe") else "latin-1"
    assert not_text(text, encoding) is None
    assert not_text(text) is None


@pytest.mark.parametrize("content", [np.random.default_rng(0).bytes(HEAD), ("Moss is green. " * 99).encode("utf-16")])
def test_any_binary_file_is_no_text_in_an_encoding_that_takes_every_byte(content: bytes) -> None:
    found = not_text(content, "latin-1")
    assert found is not None
    assert "binary" in found.name


def test_a_parquet_reader_says_what_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(gzip.compress(parquet()))
    with pytest.raises(SelfspecError, match="cannot be read as Parquet") as caught:
        list(parquet_rows(path, {"text"}))
    assert "it is packed as gzip: unpack it" in caught.value.remedy


@pytest.mark.parametrize("key", READERS_BY_KEY)
def test_json_spread_over_lines_is_called_json_and_its_reader_is_named(tmp_path: Path, key: str) -> None:
    assert READERS_BY_KEY[key] in SHARED
    (tmp_path / "a.json").write_text(json.dumps({"version": "1", key: [{"a": 1}]}, indent=1))
    with pytest.raises(SelfspecError, match=r"a\.json:1: is JSON, but one value goes on") as caught:
        list(bound_reader(tmp_path, "jsonl", {})(tmp_path / "a.json"))
    assert f"'reader: {READERS_BY_KEY[key]}'" in caught.value.remedy


@pytest.mark.parametrize(
    ("content", "spread"),
    [
        (json.dumps([ITEM], indent=1), True),
        (json.dumps(ITEM, indent=1) + "\n" + json.dumps(ITEM, indent=1), True),
        (json.dumps(ITEM) + "\n" + json.dumps(ITEM, indent=1), True),
        (json.dumps(ITEM)[:-5], False),
        (json.dumps(ITEM)[:-5] + "\n" + json.dumps(ITEM), False),
        ("Moss.\n", False),
        ("[" * 100_000 + "\n", False),
    ],
    ids=["a list", "objects", "one of two", "torn at the end", "torn", "text", "nested"],
)
def test_only_whole_json_is_called_spread(tmp_path: Path, content: str, spread: bool) -> None:
    (tmp_path / "a").write_text(content)
    expected = "one value goes on over several lines" if spread else "is not JSON"
    for reading in (WAYS["benchmark"][1], load_seeds):
        if reading is load_seeds and content.startswith('{"id": "a", "input": "Moss?", "references": ["green"]}'):
            continue  # its first line is no seed
        with pytest.raises(SelfspecError, match=expected) as caught:
            reading(tmp_path / "a")
        assert "one JSON object per line" in caught.value.remedy


@pytest.mark.parametrize("separator", [";", "|", "\t"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("reader", ["table", "column_table"])
def test_a_table_that_does_not_split_suggests_its_separator(
    tmp_path: Path, reader: str, quote: str, separator: str
) -> None:
    options: dict[str, dict[str, object]] = {
        "table": {"input": "{text}", "answer": "mood"},
        "column_table": {"input": "{text}", "questions": {"mood": "Good?"}, "labels": {"1": "yes"}},
    }
    rows = [["text", "mood"], ["Moss, soft", "1"]]
    path = tmp_path / "a.csv"
    path.write_text("".join(separator.join(f"{quote}{cell}{quote}" for cell in row) + "\n" for row in rows))
    with pytest.raises(SelfspecError) as caught:
        list(bound_reader(tmp_path, reader, options[reader])(path))
    assert f"'separator: {json.dumps(separator)}'" in caught.value.remedy
    told = {"quoting": "csv"} if quote and separator == "\t" else {}
    assert ("'quoting: csv'" in caught.value.remedy) == bool(told), "between tabs quotes are letters"
    found = list(bound_reader(tmp_path, reader, {**options[reader], "separator": separator, **told})(path))
    assert [item.input for item in found if isinstance(item, Item)] == ["Moss, soft"]


def test_a_locked_zip_is_named(tmp_path: Path) -> None:
    locked = bytearray(zipped(b"Moss."))
    locked[6] |= 1  # the flag of encryption, in the member's own header and in the list at the end
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(locked)
    with pytest.raises(SelfspecError, match=r"zip archive cannot be read: .*encrypted"):
        read_text(tmp_path / "a.zip")
