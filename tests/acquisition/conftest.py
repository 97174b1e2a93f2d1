"""Fixtures of the poller: a simulated line, a whole home, a poller in this process or as its own."""

import datetime as dt
import os
import subprocess
import sys
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.acquisition.spine import Poller
from substation.clock import SystemClock
from substation.meters.profile import load
from substation.settings import files, vault
from substation.settings.model import CARD_METERS, Home, Line, Poll, Settings
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from tests.fake_clock import FakeClock

FAST = 4_000_000
PROJECT = Path(__file__).resolve().parents[2]
MONDAY_NOON_MS = int(
    dt.datetime(2026, 11, 23, 12, 0, tzinfo=zoneinfo.ZoneInfo("Asia/Kolkata")).timestamp() * 1000
)


@pytest.fixture
def station_clock() -> FakeClock:
    return FakeClock(now_ms=MONDAY_NOON_MS)


@pytest.fixture
def site(zone: zoneinfo.ZoneInfo) -> Site:
    return Site(1, epoch_ms=MONDAY_NOON_MS - 3_600_000, zone=zone)


@pytest.fixture
def simulated(site: Site, station_clock: FakeClock, tmp_path: Path) -> Iterator[SimulatedLine]:
    with SimulatedLine(
        site,
        station_clock,
        link=tmp_path / "line1",
        baud=FAST,
        turnaround_ms=1,
        profile=load("elmeasure_lgplus"),
    ) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A sealed simulated station, polled ten times a second on a line that may or may not be there."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    settings = Settings(
        simulated=True,
        lines=(Line(port=str(tmp_path / "line1"), baud=FAST),),
        meters=CARD_METERS,
        poll=Poll(interval_s=0.1),
    )
    vault.write_key(folder / "config_key.key", vault.new_key())
    files.save(folder, settings)
    return Home(folder)


@pytest.fixture
def changed(home: Home) -> Callable[..., None]:
    """Change the sealed configuration: `changed(poll=Poll(interval_s=1.0))`."""

    def change(**parts: object) -> None:
        files.update(home.folder, lambda settings: settings.model_copy(update=parts))

    return change


@pytest.fixture
def poller(home: Home) -> Iterator[Poller]:
    running = Poller(files.load(home.folder), SystemClock())
    yield running
    running.stop()


@pytest.fixture
def process(home: Home) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start `dmf_reader.py` on the home; whatever still runs at the end is killed by its own pid."""
    started: list[subprocess.Popen] = []

    def start(*arguments: str) -> subprocess.Popen:
        running = subprocess.Popen(
            [sys.executable, str(PROJECT / "dmf_reader.py"), *arguments],
            env={**os.environ, "SUBSTATION_HOME": str(home.folder), "SUBSTATION_VENV": sys.prefix},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(running)
        return running

    yield start
    for running in started:
        if running.poll() is None:
            running.kill()
        running.communicate()
