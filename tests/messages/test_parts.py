"""Single parts: the words of readings, a way whose work fails, a siren that is not there."""

import dataclasses
import queue
import threading
from unittest import mock

import pytest

from substation.clock import SystemClock
from substation.messages import hourly
from substation.messages.siren import Siren
from substation.messages.ways import HANGS, Job, Outcome, Threaded
from substation.messages.wording import LONGEST, Said, Text, message
from substation.quantities import BY_KEY
from substation.readings import Reading
from substation.settings.messages import Hourly, Messages
from substation.settings.model import CARD_METERS, Settings
from substation.store.moments import At
from tests.fake_clock import FakeClock
from tests.messages.station import at

JOB = Job(1, "SSE", "address", Text("t", "b", "s"))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("watts_total", 153_649.9, "153.6 kW"),
        ("watts_total", -1250.0, "-1.3 kW"),
        ("watts_total", -12.0, "0.0 kW"),
        ("vll_average", 415.25, "415.3 V"),
        ("pf_average", 0.9875, "0.988"),
        ("pf_average", 0.0, "-"),
        ("frequency", 0.0, "-"),
        ("frequency", 49.985, "49.99 Hz"),
        ("wh_received", 1_234_567.0, "1234.6 kWh"),
        ("current_total", None, "-"),
    ],
)
def test_a_reading_is_written_as_on_the_screen(key: str, value: float | None, words: str) -> None:
    assert hourly.written(BY_KEY[key], At(value, None)) == words


def test_a_missing_reading_is_a_dash_with_its_reason_and_a_silent_meter_says_since_when() -> None:
    wanted = Hourly(quantities=("vll_average", "pf_average"))
    settings = Settings(meters=CARD_METERS[:3], messages=Messages(hourly=wanted))
    now = at("14:00")
    silent = At(None, None, "no answer: timeout")
    found = {
        1: {"vll_average": At(415.2, now), "pf_average": At(None, None, "implausible")},
        2: {"vll_average": silent, "pf_average": silent},
    }
    last = {2: Reading(2, at("13:12"), {})}
    said = hourly.readings(settings, found, last, now)
    assert said.long.splitlines() == [
        "Readings of 14:00",
        "Transformer: VLL Average 415.2 V, PF Avg (instant) - (implausible)",
        "EssentialLoad: - (no answer: timeout; stale: last answer 13:12)",
        "NonEssentialLoad: - (no reading)",
    ]
    assert said.short.splitlines()[1:3] == [
        "Transformer: 415.2 V -",
        "EssentialLoad: - stale: last answer 13:12",
    ]


def test_readings_are_due_once_their_hour_has_settled_and_not_for_long() -> None:
    zone = Settings(meters=CARD_METERS).site.zone
    hour = at("14:00")
    due = {ms: hourly.due_ms(Hourly(), hour + ms, zone) for ms in (0, 74_000, 76_000, 1_700_000, 1_900_000)}
    assert due == {0: None, 74_000: None, 76_000: hour, 1_700_000: hour, 1_900_000: None}
    assert hourly.due_ms(Hourly(minute=30), hour + 1_900_000, zone) == at("14:30")


def test_a_message_of_a_hundred_alarms_says_how_many_it_leaves_out() -> None:
    text = message(
        9, "Rampur", [Said(f"alarm {n} " + "x" * 60, "short") for n in range(100)], simulated=False
    )
    assert len(text.body) <= LONGEST
    assert text.body.splitlines()[0] == "Rampur"
    assert "more; all of them stand on the page Events." in text.body
    assert text.body.endswith("(no. 9)")


def test_readings_that_are_too_many_are_told_as_far_as_they_fit() -> None:
    lines = [f"Feeder {n}: VLL Average 415.2 V, Current 12.0 A, Watts 8.1 kW, PF 0.98" for n in range(60)]
    body = message(9, "Rampur", [Said("\n".join(lines), "short")], simulated=False).body
    assert len(body) <= LONGEST
    told = body.splitlines()[1:-2]
    assert told == lines[: len(told)]
    assert f"... and {60 - len(told)} more; all of them stand on the dashboard." in body


def test_a_way_whose_work_fails_says_so_without_what_it_was_given() -> None:
    done = threading.Event()

    def send(job: Job) -> Outcome:
        try:
            raise ValueError(job.address)
        finally:
            done.set()

    way = Threaded("played", send, SystemClock())
    way.hand(JOB)
    assert not way.is_free()
    assert done.wait(10)
    found: list[Outcome] = []
    while not found:
        found = way.outcomes()
    assert found == [Outcome(1, False, "it failed inside (ValueError)", sure=False)]
    assert way.is_free()
    way.close()


class Hanging:
    """Work that hangs where it is told to, until it is let go."""

    def __init__(self) -> None:
        self.hangs = {"address"}
        self.go = threading.Event()
        self.begun: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.clock = FakeClock()
        self.way = Threaded("played", self.send, self.clock, limit_s=90.0)

    def send(self, job: Job) -> Outcome:
        self.begun.put(job)
        if job.address in self.hangs:
            self.go.wait(10)
        return Outcome(job.number, True, "taken")

    def hand(self, job: Job) -> None:
        self.way.hand(job)
        assert self.begun.get(timeout=10) == job

    def outcome(self) -> Outcome:
        found: list[Outcome] = []
        while not found:
            found = self.way.outcomes()
        (one,) = found
        return one

    def give_up(self, job: Job) -> None:
        self.hand(job)
        self.clock.advance(89)
        assert self.way.outcomes() == []
        self.clock.advance(2)
        (gone,) = self.way.outcomes()
        assert (gone.number, gone.arrived, gone.sure) == (job.number, False, False)
        assert gone.words == "no whole answer came within 90 s"


def test_a_gateway_that_never_ends_keeps_back_nobody_else_and_is_heard_when_it_does() -> None:
    here = Hanging()
    here.give_up(JOB)
    assert JOB.address not in repr((JOB, here.way._hanging))
    assert here.way.is_free()
    here.hand(dataclasses.replace(JOB, number=2, address="other"))
    assert here.outcome().arrived
    here.way.hand(JOB)  # its thread hangs: no other one hangs beside it
    assert here.way.outcomes() == [Outcome(1, False, HANGS)]
    assert here.begun.empty()
    here.clock.advance(600)
    here.hand(JOB)  # tried once more after a while; now the first one comes back
    here.go.set()
    assert here.outcome() == Outcome(1, True, "taken")
    assert here.way.busy_s() == 0


def test_it_has_arrived_after_all_also_when_another_try_of_it_fails() -> None:
    here = Hanging()
    here.give_up(JOB)
    here.clock.advance(600)
    second = threading.Event()

    def fails(job: Job) -> Outcome:
        here.begun.put(job)
        second.wait(10)
        return Outcome(job.number, False, "no network")

    here.way._send = fails
    here.hand(JOB)
    here.go.set()
    while here.way._late is None:
        assert here.way.outcomes() == []
    second.set()
    assert here.outcome() == Outcome(1, True, "taken")


def test_so_many_threads_that_hang_are_told_to_the_watchdog_and_get_no_more() -> None:
    here = Hanging()
    here.hangs = {"a", "b", "c"}
    for address in "abc":
        here.give_up(dataclasses.replace(JOB, address=address))
    here.clock.advance(700)
    here.way.hand(dataclasses.replace(JOB, address="a"))
    assert [one.words for one in here.way.outcomes()] == [HANGS]
    here.hand(dataclasses.replace(JOB, number=5, address="d"))
    assert here.outcome() == Outcome(5, True, "taken")
    assert here.way.busy_s() == 700
    here.go.set()


def test_the_sirens_pin_is_low_before_its_port_is_opened() -> None:
    pins = []

    class Port(mock.Mock):
        def open(self) -> None:
            pins.append((self.port, self.rts, self.dtr, self.exclusive))

    with mock.patch("serial.Serial", Port):
        siren = Siren()
        siren.drive("/dev/siren", True)
    assert pins == [("/dev/siren", False, False, True)]
    assert siren.is_on


def test_a_siren_that_is_not_there_is_told_and_tried_again() -> None:
    siren = Siren()
    siren.drive("/dev/nonexistent-siren", True)
    assert siren.problem == "the siren's adapter /dev/nonexistent-siren is not there"
    assert not siren.is_on
    siren.drive(None, False)
    assert siren.problem == ""
