"""R11, R12: counters and frozen meters through the wire: what is flagged, noted, shown and added up."""

from collections.abc import Callable, Iterator

import pytest

from substation.acquisition.accounts import serial_of
from substation.acquisition.spine import Poller
from substation.clock import SystemClock
from substation.energy.frozen import frozen_words
from substation.quantities import COUNTERS, INSTANTS
from substation.settings import files
from substation.settings.model import Home, Poll
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from substation.store import heartbeat, live
from substation.store.events import Event
from substation.store.history import HistoryReader
from tests.acquisition.conftest import MONDAY_NOON_MS
from tests.fake_clock import FakeClock

MINUTE_S = 60.0
STEP_WH = 100
"""What registers of a few hundred MWh may be off: steps of 32 Wh at both ends, and a part of a second."""


class Leaping(SystemClock):
    """The clock of a station whose time the test tells: it leaps, and never stands still."""

    def __init__(self, station: FakeClock) -> None:
        self._station = station
        self._begun_s = super().monotonic()

    def _since_s(self) -> float:
        return super().monotonic() - self._begun_s

    def now_ms(self) -> int:
        return self._station.now_ms() + round(self._since_s() * 1000)

    def monotonic(self) -> float:
        return self._station.monotonic() + self._since_s()


@pytest.fixture
def begin(
    home: Home, station_clock: FakeClock, changed: Callable[..., None]
) -> Iterator[Callable[[], Poller]]:
    """Begin a poller that reads all registers in every round; the one before it ends."""
    changed(poll=Poll(interval_s=1.0, slow_interval_s=0.0))
    running: list[Poller] = []

    def start() -> Poller:
        for before in running:
            before.stop()
        running[:] = [Poller(files.load(home.folder), Leaping(station_clock))]
        return running[0]

    yield start
    for poller in running:
        poller.stop()


@pytest.fixture
def after(station_clock: FakeClock) -> Callable[..., None]:
    """Let a poller make rounds, each so long after the one before."""

    def rounds(poller: Poller, count: int, every_s: float = MINUTE_S) -> None:
        for _ in range(count):
            station_clock.advance(every_s)
            for step in poller.steps:
                step()
        poller.keeper.commit()

    return rounds


def events(home: Home, *kinds: str) -> list[Event]:
    found = HistoryReader(home.history).events(0, 2**50)
    return [event for event in found if event.kind in kinds]


KINDS = ("energy.rollover", "energy.reset", "energy.swap", "energy.false_reading")


@pytest.mark.parametrize(
    ("fault", "kind", "flagged"),
    [
        ({"kind": "reset"}, "energy.reset", 2),
        ({"kind": "swap"}, "energy.swap", 2),
        ({"kind": "wild", "level": 0.0}, "energy.false_reading", 1),
        ({"kind": "wild", "level": 4e9}, "energy.false_reading", 1),
    ],
)
def test_what_happens_to_registers_is_flagged_noted_once_and_in_no_figure(
    home: Home,
    simulated: SimulatedLine,
    begin: Callable[[], Poller],
    after: Callable[..., None],
    fault: dict[str, object],
    kind: str,
    flagged: int,
) -> None:
    poller = begin()
    after(poller, 5)
    simulated.faults.order(3, times=1, **fault)  # type: ignore[arg-type]
    after(poller, 10)
    found = events(home, *KINDS)
    assert [(event.kind, event.meter_id) for event in found] == [(kind, 3)]
    assert "wh_received" in found[0].old
    assert "vah_received" in found[0].new
    assert "earlier" in found[0].detail

    rows = [row.reading for row in live.read(home.live) if row.reading.meter_id == 3]
    doubted = [row for row in rows if "wh_received" in row.implausible]
    assert len(doubted) == flagged
    assert doubted[0].at_ms == found[0].at_ms
    assert all(row.values["wh_received"] is not None for row in rows)
    assert not any(row.implausible & set(INSTANTS) for row in rows)

    reader = HistoryReader(home.history)
    bounds = (MONDAY_NOON_MS - 3_600_000, MONDAY_NOON_MS + 3_600_000, 160_000.0)
    energy, other = reader.energy(3, *bounds), reader.energy(2, *bounds)
    true_wh = truth(simulated.site, 3, 1, 15)
    used = energy.used["wh_received"]
    assert used is not None
    if kind == "energy.false_reading":
        assert energy.marks == {}
        assert used == pytest.approx(true_wh, abs=STEP_WH)
    else:
        assert true_wh * 0.7 < used < true_wh  # three of fourteen minutes are lost
        assert "without what flowed while the meter was" in energy.marks["wh_received"]
    assert other.used["wh_received"] == pytest.approx(truth(simulated.site, 2, 1, 15), abs=STEP_WH)
    assert other.marks == {}


def truth(site: Site, meter: int, first: int, last: int) -> float:
    """Return what flowed between two rounds, Wh, within a round's own seconds."""
    wh = [site.at(MONDAY_NOON_MS + round(at * MINUTE_S * 1000))[meter]["wh_received"] for at in (first, last)]
    return wh[1] - wh[0]


def test_through_a_rollover_nothing_is_lost_and_it_is_noted(
    home: Home, simulated: SimulatedLine, begin: Callable[[], Poller], after: Callable[..., None]
) -> None:
    simulated.faults.order(3, "rollover", times=1, modulus=1e8, short=1000, keys=["wh_received"])
    poller = begin()
    after(poller, 10)
    found = events(home, *KINDS)
    assert [(event.kind, event.meter_id) for event in found] == [("energy.rollover", 3)]
    energy = HistoryReader(home.history).energy(3, MONDAY_NOON_MS, MONDAY_NOON_MS + 3_600_000, 160_000.0)
    assert energy.used["wh_received"] == pytest.approx(truth(simulated.site, 3, 1, 10), abs=30)
    assert energy.marks == {}


def test_an_exchange_while_nobody_polled_is_found_with_both_levels(
    home: Home,
    simulated: SimulatedLine,
    begin: Callable[[], Poller],
    after: Callable[..., None],
    station_clock: FakeClock,
) -> None:
    after(begin(), 3)
    station_clock.advance(3600)
    simulated.faults.order(4, "swap", times=1, level=12_345)
    after(begin(), 4)
    found = events(home, *KINDS)
    assert [(event.kind, event.meter_id) for event in found] == [("energy.swap", 4)]
    assert "wh_received 12345 Wh" in found[0].new
    assert "1 h" in found[0].detail


def test_a_frozen_meter_is_not_believed_from_the_minute_on_in_which_it_shows(
    home: Home, simulated: SimulatedLine, begin: Callable[[], Poller], after: Callable[..., None]
) -> None:
    poller = begin()
    after(poller, 3, 10)
    simulated.faults.order(3, "frozen")
    after(poller, 8, 10)
    assert poller.accounts.frozen == {}
    after(poller, 3, 10)
    since_ms = poller.accounts.frozen[3]
    assert abs(since_ms - (MONDAY_NOON_MS + 30_000)) < 3000  # the last reading that was one

    reading = next(reading for reading in poller.readings if reading.meter_id == 3)
    assert reading.implausible == set(reading.values) == {*INSTANTS, *COUNTERS}
    assert None not in reading.values.values()
    assert poller.verdicts[3].supply == "unknown"
    assert poller.verdicts[2].supply == "live"
    entries = {entry["id"]: entry for entry in heartbeat.meters(home.heartbeat, True)}
    assert (entries[3]["frozen_since_ms"], entries[2]["frozen_since_ms"]) == (since_ms, None)
    said = frozen_words(since_ms, poller.settings.site.zone)  # /health says the same, so it says it once
    problems = (heartbeat.read(home.heartbeat) or {})["problems"]
    assert f"meter 3 {poller.settings.meters[2].name}: {said}." in problems

    poller = begin()  # a new poller believes it as little
    after(poller, 1, 10)
    assert poller.accounts.frozen == {3: since_ms}
    simulated.faults.clear(3)
    after(poller, 2, 10)
    assert poller.accounts.frozen == {}
    assert poller.verdicts[3].supply == "live"
    found = events(home, "meter.frozen", "meter.thawed", *KINDS)
    assert [(event.kind, event.meter_id, event.at_ms == since_ms) for event in found] == [
        ("meter.frozen", 3, True),
        ("meter.thawed", 3, False),
    ]


def test_a_meter_that_moved_while_nobody_polled_is_frozen_no_more(
    home: Home, simulated: SimulatedLine, begin: Callable[[], Poller], after: Callable[..., None]
) -> None:
    poller = begin()
    after(poller, 1, 10)
    simulated.faults.order(3, "frozen")
    after(poller, 12, 10)
    assert list(poller.accounts.frozen) == [3]
    simulated.faults.clear(3)
    poller = begin()
    after(poller, 1, 10)
    assert poller.accounts.frozen == {}


@pytest.mark.parametrize(
    ("identity", "serial"),
    [
        ({"serial_number": 12345.0}, "12345"),
        ({"model": "X", "serial": "AB-1"}, "AB-1"),
        ({"model": "X"}, ""),
        ({"serial_number": None}, ""),
        (None, ""),
    ],
)
def test_the_serial_number_is_found_among_what_a_meter_says_of_itself(identity: object, serial: str) -> None:
    assert serial_of(identity) == serial
