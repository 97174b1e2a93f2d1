"""Fixtures of the simulated line: a site, a profile, a fast line, a raw master."""

import datetime as dt
import zoneinfo
from collections.abc import Iterator

import pytest

from substation.meters.profile import Profile, load
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from tests.fake_clock import FakeClock
from tests.simulator.master import Master

FAST = 4_000_000
MONDAY_1620_MS = int(
    dt.datetime(2026, 11, 23, 16, 20, tzinfo=zoneinfo.ZoneInfo("Asia/Kolkata")).timestamp() * 1000
)


@pytest.fixture
def profile() -> Profile:
    return load("elmeasure_lgplus")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(now_ms=MONDAY_1620_MS)


@pytest.fixture
def site(zone: zoneinfo.ZoneInfo) -> Site:
    return Site(1, epoch_ms=MONDAY_1620_MS - 3_600_000, zone=zone)


@pytest.fixture
def line(site: Site, clock: FakeClock, profile: Profile) -> Iterator[SimulatedLine]:
    with SimulatedLine(site, clock, baud=FAST, turnaround_ms=1, profile=profile) as running:
        yield running


@pytest.fixture
def master(line: SimulatedLine) -> Iterator[Master]:
    with Master(line.port) as opened:
        yield opened
