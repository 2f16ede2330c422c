"""A signal waits for the end of a batch, and then reaches whoever handled it before."""

import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from selfspec_assets.base.stopping import StopBetweenBatches


class Heard(Exception):
    """What the former handler does with a signal."""


@pytest.fixture(autouse=True, params=[signal.SIGINT, signal.SIGTERM])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    def hear(number: int, frame: FrameType | None) -> None:
        raise Heard

    before = signal.signal(request.param, hear)
    yield request.param
    assert signal.getsignal(request.param) is hear
    signal.signal(request.param, before)


def test_a_signal_waits_until_nothing_would_be_lost(number: signal.Signals) -> None:
    done = []

    def batches() -> None:
        with StopBetweenBatches() as stop:
            for batch in range(3):
                stop.here()
                if batch == 1:
                    signal.raise_signal(number)
                    assert stop.asked
                done.append(batch)

    with pytest.raises(Heard):
        batches()
    assert done == [0, 1]


def test_the_end_of_the_work_passes_it_on(number: signal.Signals) -> None:
    done = []

    def work() -> None:
        with StopBetweenBatches():
            signal.raise_signal(number)
            done.append("finished")

    with pytest.raises(Heard):
        work()
    assert done == ["finished"]


def test_a_second_signal_stops_at_once(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    done = []

    def work() -> None:
        with StopBetweenBatches():
            signal.raise_signal(number)
            done.append("held back")
            signal.raise_signal(number)
            done.append("not reached")

    with pytest.raises(Heard):
        work()
    assert done == ["held back"]
    assert "as soon as the batch at hand is stored" in capfd.readouterr().err


def test_an_error_of_the_work_is_not_covered_up(number: signal.Signals) -> None:
    def work() -> None:
        with StopBetweenBatches():
            signal.raise_signal(number)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()


def test_another_thread_holds_nothing_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    inside = []

    def work() -> None:
        with StopBetweenBatches() as stop:
            inside.append(signal.getsignal(number))
            stop.here()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]
