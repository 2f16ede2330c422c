"""Writers, readers and a long session at once. ``make test-soak``."""

import multiprocessing
import os
import queue
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from selfspec_assets.base.files import below, size_of
from selfspec_assets.planning import garbage
from selfspec_assets.warehouse import Warehouse, read_only_query
from tests.conftest import Project, make_project
from tests.soak import crowd, summary

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
SERVER = multiprocessing.get_context("forkserver")
WRITERS, READERS, STRANGERS, SECONDS = 4, 3, 2, 60


def measure(root: Path) -> dict[str, int]:
    """Bytes of the published database; files and bytes of all but it, and how many locks there are beside them."""
    there = [path for path in below(root) if path.name != "selfspec.duckdb" and not path.is_dir()]
    locks = sum(path.suffix == ".lock" for path in there)
    size = sum(map(size_of, there))
    return {
        "database": (root / "selfspec.duckdb").stat().st_size,
        "files": len(there) - locks,
        "bytes": size,
        "locks": locks,
    }


def test_writers_readers_and_a_long_session(project: Project) -> None:
    root = project.folder / "warehouse"
    warehouse = Warehouse(root)
    told = SERVER.Queue()
    beginning = time.time() + 1
    for number in range(WRITERS):
        crowd.write(root, number, time.time() + 0.01, Here())
    session = duckdb.connect(str(root / "selfspec.duckdb"), read_only=True)
    seen = sorted(session.execute(crowd.LOOK).fetchall())
    assert crowd.wrong(seen) == []
    assert len(seen) == WRITERS

    until = beginning + SECONDS
    work: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        *((crowd.write, (root, number, until, told)) for number in range(WRITERS)),
        *((crowd.read, (root, until, told)) for _ in range(READERS)),
        *((crowd.read_as_a_stranger, (root, until, told)) for _ in range(STRANGERS)),
        (crowd.collect, (root, until, told)),
    ]
    processes = [SERVER.Process(target=target, args=arguments) for target, arguments in work]
    for process in processes:
        process.start()
    growth = []
    while time.time() < until:
        time.sleep(2)
        growth.append(measure(root))
        assert sorted(session.execute(crowd.LOOK).fetchall()) == seen, "the open session's snapshot changed"
    counted: Counter[str] = Counter()
    for _ in processes:
        counted += told.get(timeout=60)
    for process in processes:
        process.join(60)
    session.close()

    final = read_only_query(warehouse.database, crowd.LOOK)[1]
    manifest = {entry.key.domain: entry.signature for entry in warehouse.entries()}
    garbage.remove(warehouse, garbage.find(warehouse).items)
    after = measure(root)
    half = len(growth) // 2
    peaks = {what: [max(one[what] for one in part) for part in (growth[:half], growth[half:])] for what in growth[0]}
    summary.add("writers", f"{WRITERS}, {counted['commits']} commits")
    summary.add("readers", f"{READERS} + {STRANGERS} foreign clients, {counted['reads']} reads")
    summary.add("errors", sum(count for name, count in counted.items() if name.startswith("error")))
    summary.add("torn reads", sum(count for name, count in counted.items() if name.startswith("torn")))
    opens, repeated = counted["opens by a stranger"], counted["opens repeated by a stranger"]
    summary.add("opens that a foreign client repeated", f"{repeated} of {opens}, each into a replacement of the file")
    summary.add("one session, open all the time", "saw its snapshot")
    for what, (first, second) in peaks.items():
        summary.add(
            f"growth: {what}", f"{first} at most in the first half, {second} in the second, {after[what]} after gc"
        )
    summary.add("collections beside the writers", counted["collections"])

    problems = [name for name in counted if name.startswith(("error", "torn"))]
    assert problems == []
    assert [process.exitcode for process in processes] == [0] * len(processes)
    assert counted["commits"] > 2 * WRITERS
    assert counted["reads"] > 10 * READERS
    assert counted["collections"] > 0
    assert crowd.wrong(final) == []
    assert {row[0]: row[1] for row in final} == manifest
    assert peaks["database"][1] < 1.6 * peaks["database"][0]
    assert repeated <= max(3, opens // 50), "the moment of a replacement is short"
    for what in ("bytes", "files", "locks"):
        assert peaks[what][1] < 2.5 * peaks[what][0], "what is superseded between two collections, and no more"
    assert after["locks"] <= 3 * WRITERS + 2, "two of a signature, one of a partition's step, manifest and database"
    assert len(list((root / "revisions").iterdir())) == WRITERS
    assert [path for path in root.rglob(".*") if path.is_file()] == []


@pytest.mark.parametrize("blocks", [1, 3])
def test_an_error_that_no_replacement_explains_counts(tmp_path: Path, blocks: int) -> None:
    """A file that lacks its end fails at the open, or at the first question: neither is taken for a swap."""
    root = tmp_path / "warehouse"
    crowd.write(root, 0, time.time() + 0.01, Here())
    database = root / "selfspec.duckdb"
    os.truncate(database, database.stat().st_size - blocks * 262_144)
    told: queue.SimpleQueue[Counter[str]] = queue.SimpleQueue()
    crowd.read_as_a_stranger(root, time.time() + 0.01, told)
    done = told.get()
    assert [name for name in done if name.startswith("error of a reader")]
    assert done["opens repeated by a stranger"] == done["reads"] == 0


class Here:
    """A queue for a call in this process."""

    def put(self, done: Counter[str]) -> None:
        assert set(done) <= {"commits"}, done


def test_four_domains_run_at_once(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``selfspec run`` four times, each its own domain, in one Dagster instance, with readers beside them."""
    project = make_project(tmp_path / "project", tiny_model, monkeypatch)
    names = ["botany", "gardening", "forestry", "farming"]
    for name in names[1:]:
        copy = project.folder / "domains" / name
        copy.mkdir()
        for path in (project.folder / "domains" / "botany").iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        (project.folder / "seeds" / f"{name}.jsonl").write_bytes(
            (project.folder / "seeds" / "botany.jsonl").read_bytes()
        )
    project.recipe.update(domains=names, iterations=1)
    project.save()
    command = [sys.executable, "-c", "from selfspec_assets.cli.app import main; main()", "run", "tiny", "--domain"]
    logs = [(project.folder / f"{name}.log").open("w") for name in names]
    runs = [
        subprocess.Popen(
            [*command, name], cwd=project.folder, env=dict(os.environ), stdout=log, stderr=subprocess.STDOUT
        )
        for name, log in zip(names, logs, strict=True)
    ]
    reads = 0
    database = project.database
    while any(run.poll() is None for run in runs):
        time.sleep(0.2)
        if database.exists():
            for domain, iteration, kept, asked in read_only_query(database, RECONCILED)[1]:
                assert asked in (None, kept), (domain, iteration, kept, asked)
            reads += 1
    for name, run in zip(names, runs, strict=True):
        assert run.returncode == 0, (project.folder / f"{name}.log").read_text()
    counts = read_only_query(database, "SELECT domain, count(*) FROM revisions GROUP BY ALL ORDER BY 1")[1]
    assert counts == [(name, counts[0][1]) for name in sorted(names)]
    summary.add("four domains run at once", f"{counts[0][1]} revisions each, {reads} reads beside them")
    assert reads > 5


RECONCILED = """
SELECT i.domain, i.iteration, i.kept, r.asked
FROM (SELECT domain, iteration, count(*) kept FROM instructions WHERE kept GROUP BY ALL) i
LEFT JOIN (SELECT domain, iteration, count(*) asked FROM responses GROUP BY ALL) r USING (domain, iteration)
"""
