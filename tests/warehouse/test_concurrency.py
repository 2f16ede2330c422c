"""Several at once: locks, writers under readers, a swap while a file is being opened."""

import errno
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.warehouse import StepKey, Warehouse, read_only_query
from selfspec_assets.warehouse import parquet as parquet_module
from selfspec_assets.warehouse import query as query_module
from selfspec_assets.warehouse.rows import LossRow
from tests.warehouse.samples import FORK, KEY, losses, query, run_row, sign


def _hold_forever(warehouse: Warehouse, key: StepKey, signature: str | None, ready) -> None:
    with warehouse.lock(key, signature):
        ready.set()
        time.sleep(60)


@pytest.mark.parametrize("signature", [None, sign("a")])
def test_a_second_run_is_stopped_until_the_first_dies(warehouse, signature):
    ready = FORK.Event()
    holder = FORK.Process(target=_hold_forever, args=(warehouse, KEY, signature, ready))
    holder.start()
    assert ready.wait(20)
    wanted = KEY if signature is None else StepKey("ablation", "responses", "biomedicine", 1)
    said = rf"by process {holder.pid}, since 20\d\d-"
    with pytest.raises(SelfspecError, match=said) as caught, warehouse.lock(wanted, signature):
        pass
    assert caught.value.place == str(wanted)
    assert "wait until that process has ended" in caught.value.remedy
    with warehouse.lock(StepKey("quickstart", "responses", "biomedicine", 2), sign("b")):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with warehouse.lock(wanted, signature):
        pass


def test_a_second_thread_is_stopped_and_a_lock_ends_with_its_block(warehouse):
    caught: list[Exception] = []

    def second() -> None:
        try:
            with warehouse.lock(KEY):
                pass
        except SelfspecError as error:
            caught.append(error)

    with warehouse.lock(KEY):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert str(os.getpid()) in str(caught[0])
    with warehouse.lock(KEY):
        pass
    with pytest.raises(FileNotFoundError, match="the step's own"), warehouse.lock(KEY):
        raise FileNotFoundError(errno.ENOENT, "the step's own")


def _write(root: Path, number: int, commits: int) -> None:
    warehouse = Warehouse(root)
    key = StepKey("quickstart", "responses", f"domain{number}", 1)
    for version in range(commits):
        rows = losses(float(version), 50 + number)
        warehouse.commit(key, sign(f"{number} {version}"), {LossRow: rows}, run=run_row(sign(f"{number} {version}")))


def _read_until(root: Path, stop, bad, reads) -> None:
    database = root / "selfspec.duckdb"
    while not stop.is_set():
        sql = "SELECT domain, count(*), min(loss), max(loss) FROM losses GROUP BY ALL"
        for domain, count, low, high in read_only_query(database, sql)[1]:
            if count != 50 + int(domain[-1]) or low != high:
                bad.value += 1
        reads.value += 1


def test_four_writers_under_continuous_readers(warehouse):
    writers, commits = 4, 6
    warehouse.publish()
    stop, bad, reads = FORK.Event(), FORK.Value("i", 0), FORK.Value("i", 0)
    reader = FORK.Process(target=_read_until, args=(warehouse.root, stop, bad, reads))
    reader.start()
    started = [FORK.Process(target=_write, args=(warehouse.root, number, commits)) for number in range(writers)]
    for writer in started:
        writer.start()
    for writer in started:
        writer.join(60)
    stop.set()
    reader.join(20)
    assert [process.exitcode for process in [*started, reader]] == [0] * (writers + 1)
    assert bad.value == 0
    assert reads.value > 5
    assert query(warehouse, "SELECT domain, count(*), max(loss) FROM losses GROUP BY ALL ORDER BY 1") == [
        (f"domain{number}", 50 + number, commits - 1.0) for number in range(writers)
    ]
    assert query(warehouse, "SELECT count(*) FROM runs") == [(writers,)]


class SwappedWhileOpening:
    """A connection under which the file is replaced once, in the middle of its first ATTACH."""

    def __init__(self, swap: Callable[[], object]) -> None:
        self.inner, self.swap = parquet_module.connect(), [swap]

    def __enter__(self) -> "SwappedWhileOpening":
        return self

    def __exit__(self, *error: object) -> None:
        self.inner.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def execute(self, sql: str) -> object:
        try:
            return self.inner.execute(sql)
        finally:
            if self.swap:
                self.swap.pop()()


@pytest.mark.parametrize("opened", ["whole", "torn"])
def test_a_swap_while_the_file_is_being_opened_mixes_no_versions(warehouse, tmp_path, monkeypatch, opened):
    """DuckDB opens a file twice; what it got is only good if the file is still the same afterwards."""
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    new = shutil.copyfile(warehouse.database, tmp_path / "new")
    with duckdb.connect(str(warehouse.database)) as connection:
        connection.execute("DELETE FROM losses")
    if opened == "torn":
        warehouse.database.write_bytes(warehouse.database.read_bytes()[:20_000])
    swapped = SwappedWhileOpening(lambda: os.replace(new, warehouse.database))
    monkeypatch.setattr(query_module, "connect", lambda: swapped)
    assert query(warehouse, "SELECT count(*) FROM losses") == [(3,)]


def test_two_processes_may_commit_one_signature_at_once(warehouse, adapter):
    def commit(recipe: str) -> None:
        key = StepKey(recipe, "responses", "biomedicine", 1)
        warehouse.commit(key, sign("a"), {LossRow: losses(1.0, 3_000)}, {"adapter": adapter})

    started = [FORK.Process(target=commit, args=(f"r{number}",)) for number in range(4)]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    assert [process.exitcode for process in started] == [0] * 4
    warehouse.verify(sign("a"))
    assert query(warehouse, "SELECT count(*), count(DISTINCT recipe) FROM losses") == [(12_000, 4)]
