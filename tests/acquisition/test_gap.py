"""What a poller that starts says of the time in which none ran."""

import zoneinfo

import pytest

from substation.acquisition.gap import StationGap
from substation.clock import iso
from substation.readings import Quality, Reading, missing
from substation.settings import files
from substation.settings.model import Home, Settings
from substation.store.events import Event
from substation.store.history import HistoryReader
from substation.store.keeper import Keeper
from tests.fake_clock import FakeClock

WH = {1: 1_845_469_000.0, 3: 331_706_000.0}
LOAD_W = 36_000.0


class Station:
    """Pollers that come and go; only meters 1 and 3 answer."""

    def __init__(self, home: Home) -> None:
        self.home, self.clock = home, FakeClock()
        self.settings: Settings = files.load(home.folder).settings
        self.wh = dict(WH)
        self.start()

    def start(self, boot: str = "boot-one") -> None:
        self.keeper = Keeper(self.home, self.settings, self.clock)
        self.keeper.open()
        self.gap = StationGap(self.home, self.settings, self.clock, self.keeper, boot)

    def rounds(self, count: int = 3, answering: tuple[int, ...] = (1, 3), *, registers: bool = True) -> None:
        for _ in range(count):
            self.pass_(2)
            readings = [
                Reading(
                    key,
                    self.clock.now_ms() + key,
                    {"watts_total": LOAD_W, **({"wh_received": self.wh[key]} if registers else {})},
                )
                if key in answering
                else missing(key, self.clock.now_ms() + key, Quality.NO_ANSWER, "timeout")
                for key in WH
            ]
            assert self.keeper._history is not None
            self.keeper._history.add(readings)
            self.gap.take(readings)

    def pass_(self, seconds: float, *, fed: bool = True) -> None:
        self.clock.advance(seconds)
        for key in self.wh:
            self.wh[key] += LOAD_W * seconds / 3600 if fed else 0.0

    def stop(self, *, in_order: bool = True) -> None:
        self.keeper.commit()
        if in_order:
            self.gap.stopped()
            self.keeper.close()
        else:
            assert self.keeper._history is not None
            self.keeper._history._db.close()

    def noted(self, kind: str = "station.gap") -> list[Event]:
        self.keeper.commit()
        return HistoryReader(self.home.history).of_kind(kind)


@pytest.fixture
def station(home: Home) -> Station:
    return Station(home)


def test_the_first_start_has_no_gap(station: Station) -> None:
    station.rounds()
    assert station.noted() == []
    assert [event.new for event in station.noted("station.start")] == ["boot-one"]


@pytest.mark.parametrize(
    ("in_order", "boot", "reason"),
    [
        (True, "boot-one", "the poller was stopped in order;"),
        (True, "boot-two", "the poller was stopped in order, the machine was started anew;"),
        (False, "boot-one", "the poller was killed;"),
        (False, "boot-two", "the machine was started anew: power cut, crash or reset;"),
    ],
)
def test_it_is_bounded_by_the_samples_around_it_and_says_why(
    station: Station, in_order: bool, boot: str, reason: str
) -> None:
    station.rounds()
    last_ms = station.clock.now_ms() + 3
    station.stop(in_order=in_order)
    station.pass_(600)
    station.start(boot)
    station.rounds()
    (gap,) = station.noted()
    assert (gap.at_ms, gap.old, gap.new) == (last_ms, iso(last_ms), iso(last_ms - 2 + 602_000))
    assert gap.detail.startswith(f"{reason} no samples for 602 s; ")
    assert "Transformer went on by 6020 Wh: supply for at least part of it" in gap.detail
    assert "NonEssentialLoad went on by 6020 Wh" in gap.detail
    assert gap.meter_id is None


def test_no_outage_is_invented_and_none_hidden(station: Station) -> None:
    station.rounds()
    station.stop()
    station.pass_(600, fed=False)
    station.start()
    station.rounds()
    (gap,) = station.noted()
    assert "stood still (20 Wh of about 6020): no supply, or no load" in gap.detail
    assert station.noted("supply") == []


def test_a_gap_too_short_for_a_register_is_said_to_be(station: Station) -> None:
    station.rounds()
    station.stop()
    station.pass_(5, fed=False)
    station.start()
    station.rounds()
    assert "too little to tell" in station.noted()[0].detail


def test_a_meter_that_comes_later_is_named_with_its_own_bounds(
    station: Station, zone: zoneinfo.ZoneInfo
) -> None:
    station.rounds()
    station.stop()
    station.pass_(600)
    station.start()
    station.rounds(10, answering=(1,))
    assert station.noted() == []  # meter 3 has its time
    station.rounds(2)
    (gap,) = station.noted()
    assert "NonEssentialLoad (2026-11-24 11:30:06 to 2026-11-24 11:40:28) went on by" in gap.detail
    assert "Transformer went on by" in gap.detail


def test_it_does_not_wait_for_ever(station: Station) -> None:
    station.rounds()
    station.stop()
    station.pass_(600)
    station.start()
    station.rounds(60, answering=(1,))
    (gap,) = station.noted()
    assert "NonEssentialLoad has not answered since 2026-11-24 11:30:06" in gap.detail


def test_registers_that_are_read_seldom_are_waited_for(station: Station) -> None:
    station.rounds()
    station.rounds(5, registers=False)
    station.stop()
    station.pass_(600, fed=False)
    station.start()
    station.rounds(3, registers=False)
    assert station.noted() == []
    station.rounds(1)
    assert "stood still" in station.noted()[0].detail


def test_a_meter_that_was_reset_meanwhile_is_named(station: Station) -> None:
    station.rounds()
    station.stop()
    station.pass_(600)
    station.wh[1] = 5.0
    station.start()
    station.rounds()
    assert "Transformer has a register that fell: reset or exchanged meanwhile" in station.noted()[0].detail


def test_a_poller_that_is_stopped_again_at_once_notes_what_it_knows(station: Station) -> None:
    station.rounds()
    station.stop()
    station.pass_(600)
    station.start()
    station.rounds(1, answering=(1,))
    station.stop()
    station.start()
    assert len(station.noted()) == 1


def test_nobody_answered_so_the_gap_goes_on(station: Station) -> None:
    station.rounds()
    last_ms = station.clock.now_ms() + 3
    station.stop()
    for _ in range(2):
        station.pass_(100)
        station.start()
        station.rounds(80, answering=())
        station.stop()
    station.start()
    station.rounds()
    (gap,) = station.noted()
    assert gap.at_ms == last_ms
