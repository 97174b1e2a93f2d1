"""Two hundred events of supply and wire through the whole pipeline, as the table `event` tells them."""

import collections
import datetime as dt
import functools
import itertools
import os
import shutil
import sqlite3
import tempfile
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from substation.acquisition import spine
from substation.acquisition.spine import Poller
from substation.bus.plant import Plant
from substation.meters.profile import load
from substation.settings import files
from substation.settings.model import CARD_METERS, Home, Line, Poll
from substation.simulator.site import Site
from substation.store import live
from tests.acquisition import supply_script as script
from tests.acquisition.conftest import MONDAY_NOON_MS
from tests.fake_clock import FakeClock

INTERVAL_S = 2.0
ROUND_MS = 2000
EVENTS = 200
SEED = 1
RIGHT = 0.98
SLACK_MS = 3000
ROOM_BYTES = 48_000_000
"""Twice what the station writes."""


class ForAWhile(Poller):
    """A poller that is told to end at a time of the fake clock."""

    until_ms = 0

    @property
    def stopping(self) -> bool:
        return self.clock.now_ms() >= self.until_ms


def play(home: Home, zone: zoneinfo.ZoneInfo, events: script.Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a poller live through the script; it is stopped, or killed, and started anew where it says so."""
    clock = FakeClock(now_ms=MONDAY_NOON_MS)
    site = Site(
        1,
        epoch_ms=MONDAY_NOON_MS - 3_600_000,
        zone=zone,
        failures=events.failures,
        troubles=events.troubles,
    )
    profile = load("elmeasure_lgplus")

    def make(line: Line, ours: FakeClock) -> script.ScriptedWire:
        return script.ScriptedWire(line, ours, site, events, profile)

    monkeypatch.setattr(live, "HOUR_MS", 60_000)  # each start reads the journal
    monkeypatch.setattr(spine, "COMPACT_S", 60.0)
    monkeypatch.setattr(spine, "NAP_S", ROUND_MS / 1000)
    monkeypatch.setattr(spine, "LONG_ROUND_S", 60.0)  # no second sign of life within a round
    monkeypatch.setattr(spine, "Plant", functools.partial(Plant, make_line=make))
    monkeypatch.setattr(ForAWhile, "step_alarms", step_alarms, raising=False)
    write, newest = spine.heartbeat.write, dict[Path, Any]()
    monkeypatch.setattr(spine.heartbeat, "write", newest.__setitem__)  # a rename a round costs the most
    for reboot in [h for h in events.happenings if h.kind == "station rebooted"]:
        run_until(reboot.start_ms, home, clock, in_order=reboot.in_order)
        write(home.heartbeat, newest[home.heartbeat])
        clock.advance((reboot.end_ms - clock.now_ms()) / 1000)
    run_until(events.happenings[-1].over_ms + 20_000, home, clock, in_order=True)


def step_alarms(_: Poller) -> None:
    """Alarms have their own test, and would save themselves two thousand times here."""


def run_until(ms: int, home: Home, clock: FakeClock, *, in_order: bool) -> None:
    poller = ForAWhile(files.load(home.folder), clock)
    poller.until_ms = ms
    poller.run()
    if in_order:
        poller.stop()
    else:  # the kernel takes the stores away
        assert poller.keeper._live and poller.keeper._history
        poller.keeper._live.close()
        poller.keeper._history._db.close()


def rows(home: Home) -> list[script.Row]:
    database = sqlite3.connect(f"file:{home.history}?mode=ro", uri=True)
    try:
        found = database.execute(
            "SELECT at_ms, kind, meter_id, old, new, detail FROM event ORDER BY id"
        ).fetchall()
    finally:
        database.close()
    return [script.Row(*row) for row in found]


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is some: thousands of commits would wait for a disk."""
    memory = Path("/dev/shm")
    if not (memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture
def station(home: Home, changed) -> Home:
    changed(
        lines=(Line(port="/dev/scripted", baud=9600),),
        meters=tuple(
            meter.model_copy(update={"aux_supply": "own" if meter.id in script.OWN else "station"})
            for meter in CARD_METERS
        ),
        poll=Poll(interval_s=INTERVAL_S),
    )
    return home


def test_two_hundred_events_are_classed_as_what_they_were(
    station: Home, zone: zoneinfo.ZoneInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = script.write(EVENTS, SEED, MONDAY_NOON_MS)
    play(station, zone, events, monkeypatch)
    told = rows(station)
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    late: list[tuple[int, str]] = []
    wrong = []
    for happening, following in itertools.zip_longest(events.happenings, events.happenings[1:]):
        until_ms = following.start_ms - SLACK_MS if following else happening.over_ms + 20_000
        ours = [row for row in told if happening.start_ms - SLACK_MS <= row.at_ms < until_ms]
        name = script.classed(ours)
        counts[happening.kind, name] += 1
        if name != script.expected(happening):
            wrong.append((happening, ours))
        if happening.kind in script.WIRE:  # no fault of the wire is counted as an outage
            assert not [row for row in ours if row.new in script.DEAD | script.LOST], ours
        if happening.kind in script.OUTAGES:  # and no outage as one of the wire
            assert not [row for row in ours if row.new == "Unknown"], ours
            said = {row.meter for row in ours if row.new in script.DEAD | script.LOST}
            assert happening.meters <= said <= happening.meters | {script.ESSENTIAL}, ours
        if happening.kind == "station rebooted":
            (gap,) = [row for row in ours if row.kind == "station.gap"]
            assert not [row for row in ours if row.kind == "supply"], ours
            late += [(abs(gap.at_ms - happening.start_ms), "gap begins")]
            late += [(abs(ms_of(gap.new) - happening.end_ms), "gap ends")]
            assert ("killed" in gap.detail) is not happening.in_order
        else:
            late += script.lateness(happening, ours)
    late.sort(reverse=True)
    print(f"\n{script.table(counts, script.KINDS)}")
    print(f"{len(late)} times; the latest, ms: {late[:3]}")
    assert len(wrong) <= (1 - RIGHT) * EVENTS, wrong
    assert all(row.detail for row in told if row.kind == "supply")
    in_time = [ms for ms, _ in late if ms <= 2 * ROUND_MS]
    assert len(in_time) >= 0.99 * len(late), late[:20]
    assert late[0][0] <= 3 * ROUND_MS, late[:20]  # a reply that was lost just then costs one round


def ms_of(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)
