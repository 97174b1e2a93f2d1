"""S46: the machine is gone: an empty home, kit and second medium are a running station with its history.

Run as a person would, command by command. With `--disaster-history FILE`, a history of a year as
`benchmarks/year.py` makes it, the whole way is timed: it must take less than ten minutes.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.year import make_year
from substation.acquisition.spine import Poller
from substation.clock import SystemClock, day_start_ms
from substation.commands.configuration_make import make_station
from substation.commands.doors import PROJECT
from substation.dashboard import create_app
from substation.meters.profile import load
from substation.quantities import KEYS
from substation.settings import files
from substation.settings.model import Home
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from substation.store.history import HistoryReader
from tests.dashboard.conftest import Stranger, basic, browse

PASSPHRASE = "copper tulip bridge moon"
LIMIT_S = 600.0
DAY_MS = 86_400_000
FAST = 4_000_000
ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Path]:
    """A simulated line, which outlives the machine."""
    site = Site(1, epoch_ms=SystemClock().now_ms() - 3_600_000, zone=ZONE)
    model = load("elmeasure_lgplus")
    link = tmp_path / "line1"
    with SimulatedLine(site, SystemClock(), link=link, baud=FAST, turnaround_ms=1, profile=model):
        yield link


@pytest.fixture
def history_given(request: pytest.FixtureRequest) -> Path | None:
    given = request.config.getoption("--disaster-history")
    return Path(given) if given else None


@pytest.fixture
def machine(tmp_path: Path, line: Path, history_given: Path | None) -> Home:
    """A station with a past and copies of it on a stick, and with a meter model of its own."""
    folder, clock = tmp_path / "machine", SystemClock()
    made = {
        "lines.0.port": str(line),
        "lines.0.baud": FAST,
        "poll.interval_s": 0.1,
        "site.name": "GS Substation",
    }
    stick = tmp_path / "stick"
    stick.mkdir()
    make_station(folder, simulated=True, overrides={**made, "backup.folder": str(stick)})
    home = files.load(folder).home
    home.profiles.mkdir()
    shutil.copy(PROJECT / "substation/meters/profiles/eastron_sdm630.toml", home.profiles / "own_meter.toml")
    if history_given:
        shutil.copy(history_given, home.history)
    else:
        end_ms = day_start_ms(clock.now_ms(), ZONE)
        make_year(home.history, days=2, raw_days=2, poll_s=120, end_ms=end_ms, site="GS Substation")
    return home


def datalogger(home: Path, *argv: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "datalogger.py"), *argv],
        env={**os.environ, "SUBSTATION_HOME": str(home)},
        input=typed,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done


@contextlib.contextmanager
def polled(home: Home) -> Iterator[Poller]:
    """Let the station's poller make a few rounds, then rest."""
    poller = Poller(files.load(home.folder), SystemClock())
    try:
        poller.run(3)
        yield poller
    finally:
        poller.stop()
    assert list(poller.problems.words) == []


def rows(home: Home) -> dict[str, tuple[int, int | None, int | None]]:
    found = HistoryReader(home.history, limit_s=LIMIT_S).tables()
    return {name: (table.rows, table.oldest_ms, table.newest_ms) for name, table in found.items()}


@pytest.mark.timeout(6000)
def test_an_empty_home_the_kit_and_the_medium_are_a_running_station(
    machine: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with polled(machine):
        pass
    kit = tmp_path / "kit.json"
    datalogger(machine.folder, "kit", "--output", str(kit), typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    began = time.monotonic()
    datalogger(machine.folder, "backup")
    copied_s = time.monotonic() - began
    before, stick = rows(machine), tmp_path / "stick"
    shutil.rmtree(machine.folder)

    began = time.monotonic()
    new = Home(tmp_path / "new")
    datalogger(new.folder, "kit", "--open", str(kit), typed=f"{PASSPHRASE}\n")
    datalogger(new.folder, "restore", str(stick))
    restored_s = time.monotonic() - began
    assert rows(new) == before
    datalogger(new.folder, "audit", "verify")
    with polled(new) as poller:
        running_s = time.monotonic() - began
        look_at(new, poller)
    assert running_s < LIMIT_S
    assert (new.profiles / "own_meter.toml").exists()
    events = [json.loads(line)["event"] for line in new.audit.read_text().splitlines()]
    assert {"config.changed", "kit.made", "backup.restored"} <= set(events)
    with capsys.disabled():
        if before["reading"][0] > 100_000:
            size = new.history.stat().st_size / 1e6
            held = sum(table[0] for table in before.values())
            print(
                f"\n{size:.0f} MB, {held} rows: first copy {copied_s:.0f} s, kit and restore "
                f"{restored_s:.0f} s, polling and audited after {running_s:.0f} s"
            )


def look_at(home: Home, poller: Poller) -> None:
    """Look at the new station's dashboard as its users do."""
    app = create_app(home.folder, SystemClock())
    with browse(app, Stranger) as nobody:
        assert nobody.get("/api/live").status_code == 401
        assert nobody.get("/api/live", headers={"Authorization": basic("admin", "wrong")}).status_code == 401
    with browse(app) as browser:
        for _ in range(20):  # a machine under load may take longer than a sign of life is good for
            poller.heartbeat()
            told = browser.get("/api/live").get_json()
            if told["poller"]["state"] == "running":
                break
        assert told["poller"]["state"] == "running"
        assert [meter["comm_status"] for meter in told["meters"]] == ["OK"] * 5
        # the newest answer alone holds no energies in most rounds: the screen knows them by their own age
        values = told["meters"][0]["values"]
        assert {key for key, one in values.items() if one["value"] is not None} == set(KEYS)
        health = browser.get("/api/health").get_json()
        assert health["cells"]["s6"] == "none known"
    clock = SystemClock()
    yesterday = day_start_ms(clock.now_ms(), ZONE) - DAY_MS
    reader = HistoryReader(home.history, clock)
    assert reader.completeness(1, yesterday, yesterday + DAY_MS).share > 0.45  # the short one: every 120 s
    assert reader.energy(1, yesterday, yesterday + DAY_MS).used["wh_received"]
    assert clock.now_ms() - rows(home)["reading"][2] < 60_000
