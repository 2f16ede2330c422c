"""Who makes which chunk: with workers that do what a real one may, without a model."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from selfspec_assets.base.errors import NotEnoughMemory, SelfspecError
from selfspec_assets.base.stopping import StopBetweenBatches
from selfspec_assets.steps.chunked import ChunkedWork, Results
from selfspec_assets.steps.workers.hiring import range_of
from selfspec_assets.steps.workers.task import results_of
from selfspec_assets.steps.workers.team import TRIES, Team, Worker, WorkerLost
from selfspec_assets.warehouse import ChunkStore
from tests.steps.workers.projects import until


def squares(indices: list[int]) -> Results:
    return [{"n": n, "square": n * n} for n in indices]


def work_in(folder: Path, total: int = 23, size: int = 4) -> ChunkedWork:
    return ChunkedWork(ChunkStore(folder), total, size, squares)


class Hand:
    """Makes chunks; ``trouble(chunk)`` is called before each."""

    def __init__(self, work: ChunkedWork, trouble: Callable[[int], None]) -> None:
        self._work, self._trouble, self.closed = work, trouble, threading.Event()

    def ready(self) -> None: ...

    def make(self, chunk: int) -> Results:
        self._trouble(chunk)
        return squares(self._work.indices(chunk))

    def close(self) -> None:
        self.closed.set()


def all_of(work: ChunkedWork, starters: list[Callable[[], Worker]], said: list[str], patience: float = 60) -> Results:
    with StopBetweenBatches() as stop:
        team = Team(work, starters, stop, said.append, takes_part=False, patience=patience)
        try:
            return [result for chunk in range(work.count) for result in team.results(chunk)]
        finally:
            team.close()


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_results_are_the_same_for_any_number_of_workers(tmp_path: Path, workers: int) -> None:
    work, made = work_in(tmp_path), Counter[int]()
    results = all_of(work, [lambda: Hand(work, lambda chunk: made.update([chunk]))] * workers, [])
    assert results == squares(list(range(23)))
    assert made == Counter(range(6)), "each chunk is made once"
    assert ChunkStore(tmp_path).done() == list(range(23))


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    work, made = work_in(tmp_path), Counter[int]()
    work.results(2)
    all_of(work, [lambda: Hand(work, lambda chunk: made.update([chunk]))] * 2, [])
    assert made == Counter([0, 1, 3, 4, 5])


def test_a_lost_workers_chunk_is_made_by_another(tmp_path: Path) -> None:
    work, begun, said = work_in(tmp_path), Counter[int](), list[str]()

    def dies_once(chunk: int) -> None:
        begun.update([chunk])
        if chunk == 3 and begun[chunk] == 1:
            raise WorkerLost("killed")

    assert all_of(work, [lambda: Hand(work, dies_once)] * 2, said) == squares(list(range(23)))
    assert begun[3] == 2
    assert any("chunk 3" in line and "killed" in line for line in said)


def test_a_chunk_that_kills_every_worker_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    work, begun = work_in(tmp_path), Counter[int]()

    def dies(chunk: int) -> None:
        begun.update([chunk])
        if chunk == 1:
            until(lambda: 0 in work.store.done(), "the other worker has stored its chunk")
            raise WorkerLost("killed by signal 9")

    with pytest.raises(SelfspecError, match=r"at chunk 1, the last: killed by signal 9\n  remedy: .*--workers 1"):
        all_of(work, [lambda: Hand(work, dies)] * 2, [])
    assert begun[1] == TRIES
    assert 0 in ChunkStore(tmp_path).done(), "what others have made is kept"


def test_what_a_worker_met_is_what_the_run_says(tmp_path: Path) -> None:
    work = work_in(tmp_path)

    def fails(chunk: int) -> None:
        results_of({"failed": ["prompt 3", "a single item does not fit", "lower it"], "kind": "memory"})

    with pytest.raises(NotEnoughMemory, match="prompt 3"):
        all_of(work, [lambda: Hand(work, fails)] * 2, [])


@pytest.mark.parametrize("ahead", [None, 2])
def test_a_straggler_does_not_hold_up_the_end_and_nothing_is_stored_twice(tmp_path: Path, ahead: int | None) -> None:
    """With ``ahead`` the others have nothing left to do long before the end, while it holds the first chunk missing."""
    work, begun, said, late = work_in(tmp_path), Counter[int](), list[str](), threading.Event()

    def straggles(chunk: int) -> None:
        begun.update([chunk])
        if chunk == 2 and begun[2] == 1:
            late.wait(30)
            raise WorkerLost("closed")

    hands: list[Hand] = []

    def start() -> Hand:
        hands.append(Hand(work, straggles))
        return hands[-1]

    with StopBetweenBatches() as stop:
        team = Team(work, [start] * 2, stop, said.append, takes_part=False, ahead=ahead, patience=0.2)
        assert [r for chunk in range(work.count) for r in team.results(chunk)] == squares(list(range(23)))
        late.set()
        team.close()
    assert begun[2] == 2
    assert any("chunk 2 takes long" in line for line in said)
    assert all(hand.closed.is_set() for hand in hands)


def test_little_is_made_ahead_where_the_work_may_end_early(tmp_path: Path) -> None:
    work, made = work_in(tmp_path, total=200), Counter[int]()
    with StopBetweenBatches() as stop:
        hands = [lambda: Hand(work, lambda chunk: made.update([chunk]))] * 2
        team = Team(work, hands, stop, print, takes_part=True, ahead=4)
        for chunk in range(3):
            team.results(chunk)
        team.close()
    assert max(made) <= 2 + 4


@pytest.mark.parametrize("text", ["", "3", "a:b", "2:2", "4:2", "0:7", "-1:2", "0:2:4"])
def test_a_range_that_is_none_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(SelfspecError, match=r"remedy: give numbers from 0 to 6 .*0:6"):
        range_of(text, 6)


def test_a_range_is_of_its_chunks() -> None:
    assert list(range_of("2:6", 6)) == [2, 3, 4, 5]
