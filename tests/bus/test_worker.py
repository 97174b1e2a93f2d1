"""One line in a thread of its own; here without the thread, so that nothing depends on the machine."""

import logging
from collections.abc import Sequence

import pytest

from substation.bus.scan import Scanner
from substation.bus.seating import Faulty
from substation.bus.worker import MOST_WAITING, Worker
from substation.meters.profile import load
from substation.readings import Reading
from substation.settings.model import CARD_METERS, Line
from tests.bus.fake_wire import FakeWire
from tests.bus.nap import Nap
from tests.fake_clock import FakeClock


@pytest.fixture
def wire(clock: FakeClock) -> FakeWire:
    return FakeWire(Line(name="yard", port="/dev/one"), clock)


def make(wire: FakeWire, clock: FakeClock, interval_s: float = 2.0, faulty: Sequence[Faulty] = ()) -> Worker:
    meters = [meter.model_copy(update={"line": "yard"}) for meter in CARD_METERS]
    scanner = Scanner(wire, [(meter, load(meter.profile)) for meter in meters], clock)
    worker = Worker(scanner, faulty, interval_s, clock, lambda: None)
    worker._wake = Nap(clock)  # type: ignore[assignment]
    return worker


@pytest.fixture
def worker(wire: FakeWire, clock: FakeClock) -> Worker:
    return make(wire, clock)


def handed(worker: Worker) -> list[Reading]:
    """Return what was handed over, and take it."""
    found = [reading for delivery in worker.delivered for reading, _ in delivery.readings]
    worker.delivered.clear()
    return found


def test_a_reading_is_handed_over_before_the_next_meter_has_answered(wire: FakeWire, worker: Worker) -> None:
    seen: list[int] = []
    wire.on_ask = lambda meter_id: seen.append(len(worker.delivered))
    worker.turn()
    assert seen[:5] == [0, 1, 2, 3, 4]


def test_every_reading_is_handed_over_once_with_the_status_of_its_meter(
    wire: FakeWire, worker: Worker
) -> None:
    wire.dead = {3}
    for _ in range(3):
        worker.turn()
        worker.rest()
    found = [(reading, status) for delivery in worker.delivered for reading, status in delivery.readings]
    assert {status for reading, status in found if reading.answered} == {"OK"}
    assert [(reading.reason, status) for reading, status in found if reading.meter_id == 3][-1] == (
        "timeout",
        "Communication failed",
    )
    assert len(found) == len({(reading.meter_id, reading.at_ms) for reading, _ in found})


def test_rounds_begin_on_a_grid_that_never_drifts(wire: FakeWire, worker: Worker, clock: FakeClock) -> None:
    began: list[float] = []
    wire.on_ask = lambda meter_id: began.append(clock.monotonic()) if meter_id == 1 else None
    for _ in range(4):
        worker.turn()
        worker.rest()
    assert [round(at - began[0], 6) for at in began] == [0.0, 2.0, 4.0, 6.0]


def test_without_an_interval_a_line_rests_only_while_it_is_down(wire: FakeWire, clock: FakeClock) -> None:
    worker = make(wire, clock, interval_s=0.0)
    worker.turn()
    before_s = clock.monotonic()
    worker.rest()
    assert clock.monotonic() == before_s
    wire.present = False
    worker.turn()
    before_s = clock.monotonic()
    worker.rest()
    assert 0.4 < clock.monotonic() - before_s < 0.8


def test_a_line_that_comes_back_is_polled_within_half_a_second(wire: FakeWire, clock: FakeClock) -> None:
    worker = make(wire, clock, interval_s=60.0)
    wire.present = False
    worker.turn()
    assert {reading.reason for reading in handed(worker)} == {"line_down"}
    assert worker.view.down == "yard: port missing"
    nap = worker._wake

    def back_after_ten_naps(timeout: float, wait=nap.wait) -> bool:
        wire.present = len(nap.waited) >= 10  # type: ignore[attr-defined]
        return wait(timeout)

    nap.wait = back_after_ten_naps  # type: ignore[method-assign]
    started_s = clock.monotonic()
    worker.rest()
    worker.turn()
    assert clock.monotonic() - started_s < 2.0 + 0.7 + 1.2  # away, found, a round
    assert all(reading.answered for reading in handed(worker))
    assert worker.view.down is None


def test_an_exception_that_nobody_foresaw_is_named_and_the_line_goes_on(
    wire: FakeWire, worker: Worker, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("poller"), "propagate", True)
    caplog.set_level(logging.INFO)
    named: list[tuple[str, ...]] = []

    def trip(meter_id: int) -> None:
        named.append(worker.problems)
        if len(named) == 3:
            raise ZeroDivisionError("by a bug")
        if len(named) == 15:
            worker.end()

    wire.on_ask = trip
    worker.run()
    assert "internal fault in 'yard' (ZeroDivisionError: by a bug)" in named[3][0]
    assert worker.problems == ()
    assert [r.meter_id for r in handed(worker)][:7] == [1, 2, 1, 2, 3, 4, 5]
    assert "yard: all right again" in caplog.text
    assert not wire.is_open


def test_a_line_whose_readings_nobody_takes_is_not_asked_for_ever(worker: Worker) -> None:
    for _ in range(MOST_WAITING):
        worker.turn()
    assert MOST_WAITING <= len(worker.delivered) < MOST_WAITING + 5
    handed(worker)
    worker.turn()
    assert len(handed(worker)) == 5


def test_what_others_see_of_a_line_is_a_picture_that_does_not_change(wire: FakeWire, worker: Worker) -> None:
    worker.turn()
    worker.rest()
    before = worker.view
    counted = dict(before.meters[3])
    wire.dead = {3}
    worker.turn()
    worker.rest()
    assert before.meters[3] == counted
    assert before.failed == frozenset()
    assert worker.view.failed == {3}


def test_failed_meters_count_from_the_end_of_the_round(wire: FakeWire, worker: Worker) -> None:
    worker.turn()
    worker.rest()
    wire.dead = {2}
    seen: list[tuple[frozenset[int], str]] = []
    wire.on_ask = lambda meter_id: seen.append((worker.view.failed, worker.view.meters[2]["comm_detail"]))
    worker.turn()
    worker.rest()
    assert {failed for failed, _ in seen} == {frozenset()}
    assert "no answer" in seen[-1][1]  # the fault itself is told while the round goes on
    assert worker.view.failed == {2}


def test_a_job_is_done_between_two_requests_and_polling_goes_on(wire: FakeWire, worker: Worker) -> None:
    done: list[int] = []

    def job(scanner: Scanner, alive) -> list[Reading]:
        assert alive() is False
        done.append(len(wire.asked))
        reading = scanner.ask_now(4)
        assert reading is not None
        return [reading]

    wire.on_ask = lambda meter_id: worker.give(job) if len(wire.asked) == 2 else None
    worker.turn()
    assert [meter_id for _, meter_id in wire.asked] == [1, 2]
    assert worker.rounds == 0  # a round that was broken off is none
    worker.rest()
    assert done == [2]
    assert [reading.meter_id for reading in handed(worker)] == [1, 2, 4]
    worker.turn()
    assert len(handed(worker)) == 5
    assert worker.rounds == 1


def test_a_job_that_comes_while_another_ends_is_done_as_well(worker: Worker) -> None:
    done: list[str] = []

    def second(scanner: Scanner, alive) -> list[Reading]:
        done.append("second")
        return []

    def first(scanner: Scanner, alive) -> list[Reading]:
        done.append("first")
        worker.give(second)
        return []

    worker.turn()
    worker.give(first)
    worker.rest()
    assert done == ["first", "second"]


def test_a_job_that_fails_is_named_and_polling_goes_on(wire: FakeWire, worker: Worker) -> None:
    def job(scanner: Scanner, alive) -> list[Reading]:
        raise ZeroDivisionError("by a bug")

    worker.give(job)
    wire.on_ask = lambda meter_id: worker.end() if len(wire.asked) >= 5 else None
    worker.run()
    assert len(handed(worker)) >= 5


def test_a_meter_without_a_usable_profile_says_so_in_every_round(wire: FakeWire, clock: FakeClock) -> None:
    meter = CARD_METERS[0].model_copy(update={"id": 9, "name": "Ninth", "line": "yard"})
    worker = make(wire, clock, faulty=[Faulty(meter, "ninth.toml: no such quantity")])
    for _ in range(2):
        worker.turn()
        (reading,) = [reading for reading in handed(worker) if reading.meter_id == 9]
        assert (reading.quality, reading.reason) == ("disabled", "profile")


def test_the_end_gives_the_port_back(wire: FakeWire, worker: Worker) -> None:
    worker.turn()
    assert wire.is_open
    worker.end()
    worker.run()
    assert not wire.is_open
