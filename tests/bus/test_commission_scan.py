"""Who is on the line: in the time that is promised, and nobody is taken for another."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from substation.bus import commission
from substation.bus.line import Line
from substation.clock import SystemClock
from substation.errors import LineDown
from substation.meters.profile import load
from substation.settings.model import CARD_METERS, Meter, Settings
from substation.settings.model import Line as LineSettings
from substation.simulator.gateway import Gateway
from substation.simulator.line import SimulatedLine
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import Site
from tests.bus.map_wire import MapWire
from tests.fake_clock import FakeClock

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
NOON_MS = int(dt.datetime(2026, 11, 23, 12, 0, tzinfo=ZONE).timestamp() * 1000)
FAST = 4_000_000
LG, EASTRON = load("elmeasure_lgplus"), load("eastron_sdm630")


@pytest.fixture(scope="module")
def noon() -> Site:
    return Site(1, epoch_ms=NOON_MS - 60_000, zone=ZONE)


def scan(wire: Any, clock: Any, ids: str = "1-32", settings: Settings | None = None) -> dict[str, Any]:
    return commission.run(
        "scan",
        {"ids": ids},
        settings=settings,
        wire=wire,
        clock=clock,
        profiles=None,
        tick=lambda *_: False,
    ).result


# In memory: the time of the wire, computed


@pytest.mark.parametrize(("ids", "limit_s"), [("1-32", 10.0), ("1-247", 60.0)])
@pytest.mark.parametrize("count", [0, 5, 32])
def test_it_takes_no_longer_than_promised_at_9600(noon: Site, ids: str, limit_s: float, count: int) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    meters = {n: SimulatedMeter(1 + n % 5, LG) for n in range(1, count + 1)}
    wire = MapWire(noon, clock, meters, LineSettings(baud=9600))
    start_s = clock.monotonic()
    result = scan(wire, clock, ids)
    assert clock.monotonic() - start_s < limit_s
    assert result["took_s"] == pytest.approx(clock.monotonic() - start_s, abs=0.01)
    assert [row["id"] for row in result["found"]] == list(range(1, count + 1))


def test_every_model_is_found_be_it_by_a_refusal(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    wire = MapWire(noon, clock, {3: SimulatedMeter(1, LG), 9: SimulatedMeter(1, EASTRON)})
    result = scan(wire, clock)
    assert [(row["id"], row["state"], row["answers"]) for row in result["found"]] == [
        (3, "answers", "2/2"),
        (9, "refuses", "2/2"),
    ]


def test_a_configured_meter_is_asked_for_its_own_register_and_named_when_silent(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    station = Settings(
        meters=(
            Meter(id=1, name="Solar", profile="eastron_sdm630", device_id=9),
            Meter(id=2, name="Pump"),
            Meter(id=60, name="Beyond"),
        )
    )
    result = scan(MapWire(noon, clock, {9: SimulatedMeter(1, EASTRON)}), clock, settings=station)
    assert [(row["id"], row["state"], row["meter"]) for row in result["found"]] == [(9, "answers", "Solar")]
    assert result["absent"] == [{"id": 2, "meter": "Pump"}]


def test_nobody_there_names_what_to_look_at(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    result = scan(MapWire(noon, clock, {200: SimulatedMeter(1, LG)}), clock)
    assert result["found"] == []
    assert "A and B swapped" in result["notes"][0]


@pytest.mark.parametrize("kind", ["crc", "noise_inside"])
def test_a_damaged_answer_is_a_find_that_says_what_it_may_be(noon: Site, kind: str) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    wire = MapWire(noon, clock, {3: SimulatedMeter(1, LG)})
    wire.faults.order(3, kind)
    row = scan(wire, clock)["found"][0]
    assert (row["id"], row["state"], row["answers"]) == (3, "damaged", "0/3")
    assert "two meters with this id" in row["words"]


def test_one_damaged_answer_among_sound_ones_is_unsteady(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    wire = MapWire(noon, clock, {3: SimulatedMeter(1, LG)})
    wire.faults.order(3, "crc", times=1)
    row = scan(wire, clock)["found"][0]
    assert (row["state"], row["answers"]) == ("unsteady", "2/3")


def test_a_line_that_is_down_is_said(noon: Site) -> None:
    clock = FakeClock(now_ms=NOON_MS)
    wire = MapWire(noon, clock, {})
    wire.present = False
    with pytest.raises(LineDown, match="port missing"):
        scan(wire, clock)


# On a pseudo-terminal


@pytest.fixture
def lines(noon: Site, tmp_path: Path) -> Iterator[Any]:
    opened: list[Any] = []

    def make(meters: Mapping[int, SimulatedMeter], baud: int = FAST) -> tuple[SimulatedLine, Line]:
        link = tmp_path / "line1"
        simulated = SimulatedLine(
            noon, FakeClock(now_ms=NOON_MS), link=link, baud=baud, turnaround_ms=1, meters=meters
        )
        simulated.start()
        ours = Line(LineSettings(port=str(link), baud=baud), SystemClock())
        opened.extend((ours.close, simulated.stop))
        return simulated, ours

    yield make
    for close in opened:
        close()


def test_a_slow_meter_is_found_and_never_taken_for_its_neighbours(lines: Any) -> None:
    slow = {4: SimulatedMeter(1, LG, turnaround_ms=380), 9: SimulatedMeter(1, EASTRON, turnaround_ms=380)}
    simulated, wire = lines({**slow, 6: SimulatedMeter(2, LG)})
    result = scan(wire, SystemClock(), "4-6,9-10")
    assert [(row["id"], row["state"]) for row in result["found"]] == [
        (4, "answers"),
        (6, "answers"),
        (9, "refuses"),
    ]
    assert result["found"][0]["turnaround_ms"] > 300
    assert simulated.violations == 0


def test_a_whole_line_is_identified_and_read_over_the_wire_with_reads_alone(lines: Any) -> None:
    meters = {1: SimulatedMeter(1, LG), 2: SimulatedMeter(2, EASTRON), 3: SimulatedMeter(3, LG)}
    simulated, wire = lines(meters)
    station = Settings(meters=CARD_METERS[:3])
    for kind, arguments in (
        ("scan", {"ids": "1-3"}),
        ("identify", {"ids": "1-3"}),
        ("read", {"meter": 1}),
        ("read", {"meter": 1, "register": "frequency"}),
        ("wiring", {}),
    ):
        outcome = commission.run(
            kind,
            arguments,
            settings=station,
            wire=wire,
            clock=SystemClock(),
            profiles=None,
            tick=lambda *_: False,
        )
        if kind == "identify":
            assert [row["verdict"] for row in outcome.result["meters"]] == ["likely", "sure", "likely"]
    assert len(simulated.requests) > 40
    assert all(len(frame) == 8 and frame[1] in (3, 4) for frame in simulated.requests)
    assert simulated.violations == 0


def test_behind_a_gateway_that_asks_one_after_the_other_nobody_is_missed(noon: Site) -> None:
    meters = {7: SimulatedMeter(2, EASTRON), 8: SimulatedMeter(3, LG)}
    clock = SystemClock()
    with (
        SimulatedLine(noon, clock, baud=FAST, meters=meters) as line,
        Gateway(line, patience_s=0.5) as gateway,
    ):
        wire = Line(LineSettings(kind="tcp", port=gateway.tcp), clock)
        result = scan(wire, clock, "1-9")
        wire.close()
    assert [(row["id"], row["state"]) for row in result["found"]] == [(7, "refuses"), (8, "answers")]
