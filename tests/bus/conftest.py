"""Fixtures of the wire: a simulated line at full speed, our line on it, a scanner over the card's meters."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.bus.line import Line
from substation.bus.scan import Scanner
from substation.clock import SystemClock
from substation.meters.blocks import Block, plan
from substation.meters.decode import float32, words_of_float32
from substation.meters.profile import Profile, load
from substation.quantities import KEYS
from substation.settings.model import CARD_METERS
from substation.settings.model import Line as LineSettings
from substation.simulator.gateway import Gateway
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from tests.fake_clock import FakeClock

FAST = 4_000_000
MONDAY_NOON_MS = int(
    dt.datetime(2026, 11, 23, 12, 0, tzinfo=zoneinfo.ZoneInfo("Asia/Kolkata")).timestamp() * 1000
)


@pytest.fixture
def profile() -> Profile:
    return load("elmeasure_lgplus")


@pytest.fixture
def block(profile: Profile) -> Block:
    return plan(profile)[0]


@pytest.fixture
def station_clock() -> FakeClock:
    """What the meters measure by; a test moves it, so that no two readings are alike."""
    return FakeClock(now_ms=MONDAY_NOON_MS)


@pytest.fixture
def site(zone: zoneinfo.ZoneInfo) -> Site:
    return Site(1, epoch_ms=MONDAY_NOON_MS - 3_600_000, zone=zone)


@pytest.fixture
def simulated(
    site: Site, station_clock: FakeClock, profile: Profile, tmp_path: Path
) -> Iterator[SimulatedLine]:
    link = tmp_path / "line1"
    with SimulatedLine(
        site, station_clock, link=link, baud=FAST, turnaround_ms=1, profile=profile
    ) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path) -> LineSettings:
    return LineSettings(port=str(tmp_path / "line1"), baud=FAST)


@pytest.fixture
def line(simulated: SimulatedLine, settings: LineSettings) -> Iterator[Line]:
    ours = Line(settings, SystemClock())
    ours.open()
    yield ours
    ours.close()


@pytest.fixture
def scanner(line: Line, profile: Profile) -> Scanner:
    return Scanner(line, [(meter, profile) for meter in CARD_METERS], SystemClock())


@pytest.fixture
def truth(site: Site, station_clock: FakeClock) -> "Truth":
    return Truth(site, station_clock)


class Truth:
    """What a meter's registers hold now, as single precision carries it."""

    def __init__(self, site: Site, clock: FakeClock) -> None:
        self._site, self._clock = site, clock

    def of(self, meter_id: int) -> dict[str, float]:
        values = self._site.at(self._clock.now_ms())[meter_id]
        return {key: float32(words_of_float32(values[key], "CDAB"), "CDAB") for key in KEYS}


@pytest.fixture
def gateway(simulated: SimulatedLine) -> Iterator[Gateway]:
    with Gateway(simulated) as running:
        yield running


@pytest.fixture(params=["rtu_tcp", "tcp"])
def remote(request: pytest.FixtureRequest, gateway: Gateway) -> Iterator[Line]:
    """Our line through the gateway, once for each kind."""
    ours = Line(remote_settings(gateway, request.param), SystemClock())
    ours.open()
    yield ours
    ours.close()


def remote_settings(gateway: Gateway, kind: str) -> LineSettings:
    return LineSettings(kind=kind, port=getattr(gateway, kind), baud=FAST)
