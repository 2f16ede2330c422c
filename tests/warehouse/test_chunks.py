"""Chunks of unfinished work."""

import math

import pytest

from selfspec_assets.warehouse import Warehouse
from selfspec_assets.warehouse.rows import LossRow
from tests.warehouse.samples import KEY, losses, sign


def test_chunks_survive_and_go_with_the_commit(warehouse):
    store = warehouse.chunks(sign("a"))
    payloads = {10: [{"a": 1.5, "b": [None, "é\ud800\n"]}], 2: [], 0: [{"x": True}, {"y": {"z": 2**70}}]}
    for index, payload in payloads.items():
        store.put(index, payload)
    again = Warehouse(warehouse.root).chunks(sign("a"))
    assert again.done() == [0, 2, 10]
    assert {index: again.get(index) for index in again.done()} == payloads
    assert again.get(1) is None
    assert warehouse.chunks(sign("a"), "scores").done() == []
    assert warehouse.chunks(sign("b")).done() == []
    warehouse.work_folder(sign("b"))
    warehouse.commit(KEY, sign("a"), {LossRow: losses(1.0)})
    assert [path.name for path in (warehouse.root / "work").iterdir()] == [sign("b")]


def test_a_torn_or_edited_chunk_counts_as_absent(warehouse):
    store = warehouse.chunks(sign("a"))
    store.put(0, [{"text": "kept"}])
    store.put(1, [{"text": "abc"}])
    path = store.folder / "00000001.json"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert store.get(1) is None, length
    for damaged in (whole.replace(b"abc", b"abd"), whole + b"x", b"\xff" + whole, whole.replace(b"\n", b"")):
        path.write_bytes(damaged)
        assert store.done() == [0]
    store.put(1, [{"text": "new"}])
    assert store.get(1) == [{"text": "new"}]
    assert store.done() == [0, 1]


@pytest.mark.parametrize(
    ("payload", "error"),
    [([{"a": (1, 2)}], TypeError), ([{1: "a"}], TypeError), ([{"a": {1}}], TypeError), ([{"a": math.nan}], ValueError)],
)
def test_a_chunk_that_would_come_back_changed_is_refused(warehouse, payload, error):
    store = warehouse.chunks(sign("a"))
    with pytest.raises(error):
        store.put(0, payload)
    assert store.done() == []
