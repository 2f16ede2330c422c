"""A build that was killed, or whose unfinished work was damaged, ends in the same bytes."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from selfspec_assets.base.signature import folder_digest
from selfspec_assets.packs.corpora import parts
from tests.checkout import ROOT
from tests.corpus_files import build, changed, corpus, small_blocks, source, texts, write_jsonl


def test_damaged_and_missing_work_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_blocks(monkeypatch)
    write_jsonl(tmp_path / "notes.jsonl", texts(30))
    whole = build(corpus(source()), tmp_path, tmp_path / "whole")
    again = tmp_path / "again"
    build(corpus(source()), tmp_path, again)
    part = again / "parts" / "00000002.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    (again / "gone.parquet").unlink()
    (again / "parts" / "00000003.parquet").unlink()
    read_before = parts._Making.add
    seen: list[str] = []
    monkeypatch.setattr(
        parts._Making, "add", lambda self, record: (seen.append(record.id), read_before(self, record))[1]
    )
    made = build(corpus(source()), tmp_path, again)
    assert seen == [f"d{n}" for n in range(14, 30)], "blocks before the damage are not made again"
    assert folder_digest(made.folder) == folder_digest(whole.folder)
    assert (made.counts, made.dropped) == (whole.counts, whole.dropped)


VICTIM = """
import json, os, signal, sys
from pathlib import Path
from selfspec_assets.base import failpoints
from selfspec_assets.packs.corpora import parts
from selfspec_assets.base.signature import folder_digest
from tests.corpus_files import build, corpus, source
folder = Path(sys.argv[1])
parts._BLOCK_PASSAGES = 7
declared = corpus(source(), source(name="other", files=["other.jsonl"]), chunks={"max_words": 20})
def run(work, point=None, number=1):
    left = [number]
    def listen(reached):
        left[0] -= reached == point
        if point and not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    failpoints.listen(listen)
    made = build(declared, folder, work)
    facts = [folder_digest(made.folder), [str(row) for row in (*made.counts, *made.dropped)]]
    (work / "facts.json").write_text(json.dumps(facts))
def child(*arguments):
    if (pid := os.fork()) == 0:
        run(*arguments)
        os._exit(0)
    return os.waitpid(pid, 0)[1]
assert child(folder / "whole") == 0
for number, (point, count) in enumerate(json.loads(sys.argv[2])):
    work = folder / f"w{number}"
    assert child(work, point, count) == signal.SIGKILL, point
    assert child(work) == 0
    assert (work / "facts.json").read_text() == (folder / "whole/facts.json").read_text(), point
    print(point)
"""


def test_a_kill_at_any_commit_point_changes_nothing(tmp_path: Path) -> None:
    rng = random.Random(5)
    own = texts(30)
    write_jsonl(tmp_path / "notes.jsonl", [*own, changed(own[3], 1, rng), own[5], "Short."])
    write_jsonl(tmp_path / "other.jsonl", own[10:14])
    sides = ("before the rename", "after the rename")
    points = [(f"{what}: {side}", 3 if what != "corpus duplicates" else 1) for what in POINTS for side in sides]
    code = [sys.executable, "-c", VICTIM, str(tmp_path), json.dumps(points)]
    done = subprocess.run(code, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [point for point, _ in points]


POINTS = ("corpus part", "chunk", "corpus duplicates")
