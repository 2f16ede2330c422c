"""Which files a source has, and what of them counts in a signature."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from selfspec_assets.base import file_digests
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.corpora.build import present_sources
from selfspec_assets.packs.corpora.sources import corpus_digests, source_digest, source_files
from tests.corpus_files import corpus, source, write_jsonl


def test_files_of_a_source(tmp_path: Path) -> None:
    for name in ("x/b.jsonl", "x/a.jsonl", "x/deep/c.jsonl", "x/readme.md"):
        write_jsonl(tmp_path / name, ["x"])
    declared = corpus(source(files=["x/b.jsonl", "x/**/*.jsonl"])).sources[0]
    assert [file.name for file in source_files(declared, tmp_path)] == ["x/b.jsonl", "x/a.jsonl", "x/deep/c.jsonl"]
    present, absent = present_sources(corpus(source(files=["y/*"], obtain="buy it", licence="CC0")), tmp_path)
    assert present == []
    assert [line for _, line in absent] == ["no file y/*. buy it (licence: CC0)"]
    (tmp_path / "outside").mkdir()
    (tmp_path / "x/link.jsonl").symlink_to("/etc/hosts")
    with pytest.raises(SelfspecError, match="leads out of"):
        source_files(declared, tmp_path)


def test_what_a_signature_counts(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "notes.jsonl", ["x"])

    def digest(**keys: Any) -> dict[str, str]:
        return corpus_digests(corpus(source(**keys)), tmp_path)

    first = digest()
    assert digest(obtain="elsewhere", licence="CC0") == first
    assert digest(share=0.5) != first
    assert digest(files=["absent.jsonl"])["source notes"] == "absent"
    write_jsonl(tmp_path / "notes.jsonl", ["y"])
    assert digest()["source notes"] != first["source notes"]
    (tmp_path / "other.jsonl").write_bytes((tmp_path / "notes.jsonl").read_bytes())
    assert digest(files=["other.jsonl"])["source notes"] != digest()["source notes"]
    pinned = "hf://datasets/a/b@" + "0" * 40 + "/x.parquet"
    assert source_digest(source_files(corpus(source(files=[pinned])).sources[0], tmp_path)) != "absent"


def test_digests_of_large_sources_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_digests, "_KEPT_FROM", 0)
    monkeypatch.setenv("SELFSPEC_WAREHOUSE", str(tmp_path / "warehouse"))
    write_jsonl(tmp_path / "notes.jsonl", ["x"])
    declared = corpus(source())
    first = corpus_digests(declared, tmp_path)
    monkeypatch.setattr(file_digests, "file_digest_once", lambda path: pytest.fail("hashed again"))
    assert corpus_digests(declared, tmp_path) == first
    monkeypatch.undo()
    monkeypatch.setattr(file_digests, "_KEPT_FROM", 0)
    monkeypatch.setenv("SELFSPEC_WAREHOUSE", str(tmp_path / "warehouse"))
    write_jsonl(tmp_path / "notes.jsonl", ["changed"])
    assert corpus_digests(declared, tmp_path) != first
    (tmp_path / "warehouse" / "file_digests.json").write_text('{"cut')
    assert corpus_digests(declared, tmp_path) != first


REMEMBER = """
import sys
from pathlib import Path
from selfspec_assets.base import file_digests
file_digests._KEPT_FROM = 0
for path in sorted(Path(sys.argv[1]).iterdir()):
    file_digests.file_digests([path])
"""


def test_processes_that_remember_digests_at_once_lose_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each adds its own files one by one; what another has added meanwhile stays, and the file is whole at any time."""
    monkeypatch.setenv("SELFSPEC_WAREHOUSE", str(tmp_path / "warehouse"))
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
        for number in range(40):
            (folder / f"{number}.txt").write_text(f"{folder.name} {number}")
    writers = [subprocess.Popen([sys.executable, "-c", REMEMBER, str(folder)]) for folder in folders]
    memory = tmp_path / "warehouse" / "file_digests.json"
    while any(writer.poll() is None for writer in writers):
        if memory.exists():
            json.loads(memory.read_bytes())
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert set(json.loads(memory.read_bytes())) == {str(path) for folder in folders for path in folder.iterdir()}
