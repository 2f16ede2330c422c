"""A kill at any moment, in a forked process, so that it costs milliseconds."""

import functools
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from selfspec_assets.warehouse import StepKey, Warehouse
from selfspec_assets.warehouse.rows import LossRow, PassageRow, RetrievalRow
from tests.warehouse.samples import KEY, dump, in_child, losses, query, run_row, sign, tree


class Killer:
    """Kills this process right before its n-th operation that leaves a trace: a rename, a copy or a removal."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def wrap(self, operation: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(operation)
        def counted(*args: object, **kwargs: object) -> object:
            self.count += 1
            if self.count == self.at:
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*args, **kwargs)

        return counted

    def arm(self) -> None:
        os.replace = self.wrap(os.replace)  # type: ignore[assignment]
        os.rmdir = self.wrap(os.rmdir)  # type: ignore[assignment]
        shutil.copyfile = self.wrap(shutil.copyfile)  # type: ignore[assignment]
        Path.unlink = self.wrap(Path.unlink)  # type: ignore[assignment, method-assign]


def _second_commit(warehouse: Warehouse, adapter: Path) -> None:
    """What a step does, as a rerun would do it: chunks that are missing, then the commit."""
    with warehouse.lock(KEY, sign("new")):
        if warehouse.has(sign("new")):
            warehouse.reuse(KEY, sign("new"))
            return
        store = warehouse.chunks(sign("new"))
        for index in {0, 1} - set(store.done()):
            store.put(index, [{"row": index}])
        warehouse.commit(
            KEY, sign("new"), {LossRow: losses(2.0, 5), PassageRow: []}, {"adapter": adapter}, run_row(sign("new"))
        )


def _one_good_state(warehouse: Warehouse) -> None:
    old, new = [(3, 1.0)], [(5, 2.0)]
    assert query(warehouse, "SELECT count(*), any_value(loss) FROM losses") in (old, new)
    current = warehouse.current(KEY)
    assert current in (sign("old"), sign("new"))
    for signature in (sign("old"), current):
        warehouse.verify(signature)
    if warehouse.has(sign("new")):
        warehouse.verify(sign("new"))


def test_a_kill_at_any_point_leaves_the_last_good_state_and_a_rerun_the_same_bytes(tmp_path, adapter):
    first = Warehouse(tmp_path / "first")
    first.commit(KEY, sign("old"), {LossRow: losses(1.0), RetrievalRow: [RetrievalRow(1, "q", 1, 1.0)]})
    undisturbed = Warehouse(tmp_path / "undisturbed")
    shutil.copytree(first.root, undisturbed.root)
    _second_commit(undisturbed, adapter)
    expected, rows = tree(undisturbed.root), dump(undisturbed)

    for at in range(1, 200):
        warehouse = Warehouse(tmp_path / f"killed {at}")
        shutil.copytree(first.root, warehouse.root)

        def work(at: int = at, warehouse: Warehouse = warehouse) -> None:
            Killer(at).arm()
            _second_commit(warehouse, adapter)

        ended = in_child(work)
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        _one_good_state(warehouse)
        _second_commit(warehouse, adapter)
        assert tree(warehouse.root) == expected, at
        assert dump(warehouse) == rows, at
    assert 12 < at < 199  # the loop went over all points and there were some


def test_another_partitions_commit_publishes_what_a_killed_one_left(warehouse):
    """Between the manifest and the published database nobody else need rerun anything."""
    warehouse.publish()

    def die_before_publishing() -> None:
        warehouse.publish = lambda: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
        warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})

    assert in_child(die_before_publishing) == -signal.SIGKILL
    assert query(warehouse, "SELECT count(*) FROM losses") == [(0,)]
    warehouse.commit(StepKey("quickstart", "responses", "sports", 1), sign("b"), {LossRow: losses(2.0)})
    assert query(warehouse, "SELECT domain, count(*) FROM losses GROUP BY ALL ORDER BY 1") == [
        ("biomedicine", 3),
        ("sports", 3),
    ]
