"""The demo's past: its last two days before the first page, the weeks before them in the background.

The poller is the only writer of the history. So the first days are written before it starts; the
weeks before are made in a second file of the same schema, which is then laid into `state/inbox/`,
and the poller absorbs it. All comes from the same site as the live line (`simulator.kept`): the
registers go on without a step.
"""

import contextlib
import dataclasses
import datetime as dt
import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from substation.clock import Clock, SystemClock, day_start_ms, site_time
from substation.commands.configuration_open import load_mended
from substation.commands.demo_events import SupplyChanges
from substation.errors import SubstationError
from substation.readings import Reading
from substation.settings import demo_past, files
from substation.settings.model import Home, Settings
from substation.simulator.history import readings
from substation.simulator.kept import site_of
from substation.simulator.site import Site
from substation.store.history import History, HistoryReader

SERVICE = "demo_history"
DAY_MS = 86_400_000
RECENT_MS = 2 * DAY_MS
PIECE_MS = 3 * DAY_MS
STEP_S = 60
"""A demo's past is told by the minute: charts of a day look the same, and it comes sooner."""
OLD_MS = 8 * DAY_MS
OLD_STEP_S = 300
"""What is older is told every five minutes: the poller takes it in a third of the time."""
CLOSE_STEP_S = 2
BEFORE_MS, AFTER_MS = 4_000, 6_000
"""Around a change-over rounds lie as close as a poller's: its seconds are what the DG log is for."""
BEFORE_MS = 20_000
CHUNK_ROUNDS = 500
"""Rounds a transaction."""
NICE = 15
"""The filler steps back behind poller and dashboard."""


def all_ms(now_ms: int, zone: ZoneInfo) -> int:
    """Return how long the demo's past is: last month's statement shall be whole, with a day before it."""
    today = site_time(now_ms, zone)
    before = (today.replace(day=1) - dt.timedelta(days=1)).replace(day=1) - dt.timedelta(days=1)
    return now_ms - day_start_ms(now_ms, zone, (today.date() - before.date()).days)


def recent_days(settings: Settings, home: Home, clock: Clock | None = None) -> None:
    """Bring the history up to now: two days where it is new, the time since the last reading otherwise.

    What lies further back than two days is left to the background and written down for it.
    """
    clock = clock or SystemClock()
    now_ms = clock.now_ms()
    last = HistoryReader(home.history).latest()
    newest = [reading.at_ms for reading in last.values()]
    # The next row is due one step after the newest; without any, the whole past is missing.
    missing_ms = max(
        max(newest) + STEP_S * 1000 if newest else 0, now_ms - all_ms(now_ms, settings.site.zone)
    )
    recent_ms = max(missing_ms, now_ms - RECENT_MS)
    if missing_ms < recent_ms:
        _note(home, missing_ms, recent_ms)
    # a demo that stood still goes on from what it said last: what ended meanwhile has an end
    before = last.values() if missing_ms == recent_ms else ()
    # the poller goes on in some seconds: the last round is of now, or nobody would have polled for a minute
    begin_ms = recent_ms if before else recent_ms + (now_ms - recent_ms) % (STEP_S * 1000)
    rounds = range(begin_ms, now_ms + 1, STEP_S * 1000)
    _write(settings, home, clock, home.history, rounds, before=before)


def to_do(home: Home) -> tuple[int, int] | None:
    """Return the time that the background still has to fill: start and end, UTC ms."""
    try:
        note = json.loads(demo_past.note(home).read_text(encoding="ascii"))
        return int(note["start_ms"]), int(note["end_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def fill(settings: Settings, home: Home, clock: Clock | None = None) -> int:
    """Make what is still to do and lay it into the poller's inbox; return the number of readings.

    In pieces of some days, the newest first: the poller absorbs them in idle moments, and last week
    is asked for before last month. Broken off at any moment, the piece at hand is made again.
    """
    clock = clock or SystemClock()
    old_ms = clock.now_ms() - OLD_MS
    inbox, making = home.state / "inbox", home.state / "demo_history.making"
    inbox.mkdir(mode=0o700, exist_ok=True)
    count = 0
    while span := to_do(home):
        for old in home.state.glob(making.name + "*"):
            old.unlink()
        start_ms, end_ms = max(span[0], span[1] - PIECE_MS), span[1]
        step_s = STEP_S if start_ms >= old_ms else OLD_STEP_S
        # a round shortly before each full five minutes: blocks of demand and months need their ends
        first_ms = start_ms + (-BEFORE_MS - start_ms) % (step_s * 1000)
        count += _write(settings, home, clock, making, range(first_ms, end_ms, step_s * 1000))
        with contextlib.closing(sqlite3.connect(making)) as finished:
            finished.execute("PRAGMA journal_mode = DELETE")  # one file, whoever reads it
        # The poller takes the first name first: count down from the newest.
        making.rename(inbox / f"demo_{(1 << 48) - end_ms}.db")
        demo_past.note(home).unlink()
        if span[0] < start_ms:
            _note(home, span[0], start_ms)
    return count


def _write(
    settings: Settings,
    home: Home,
    clock: Clock,
    path: Path,
    rounds: range,
    *,
    before: Iterable[Reading] = (),
) -> int:
    """Write a simulated round for each of these times (UTC, ms) into a history file; return the readings.

    `before` is what the meters said before the first of them; without it the round before it is made up too.
    """
    site = site_of(home.folder, settings.site.zone, clock.now_ms())
    history = History(
        path,
        True,
        clock,
        settings.site.zone,
        site=settings.site.name,
        raw_days=settings.store.raw_days,
        minute_days=settings.store.minute_days,
    )
    changes = SupplyChanges(settings)
    count, slow_s = 0, settings.poll.slow_interval_s
    first = rounds.start - rounds.step, rounds.start, rounds.step / 1000
    for row in [before] if before else readings(site, *first, slow_s):
        changes.knows(row)
    rows = _rounds(site, rounds, slow_s)
    with contextlib.closing(history):
        for number, row in enumerate(rows, start=1):
            history.add(row)
            for event in changes.of(row):
                history.event(**dataclasses.asdict(event))
            count += len(row)
            if number % CHUNK_ROUNDS == 0:
                history.commit()
    return count


def _rounds(site: Site, rounds: range, slow_s: float) -> Iterator[list[Reading]]:
    """Give the rounds, close to each other around every change-over: as a poller sees it, to the second."""
    begin, step_s = rounds.start, rounds.step / 1000
    for start_ms, end_ms in _near(site, rounds):
        yield from readings(site, begin, start_ms, step_s, slow_s)
        yield from readings(site, start_ms, end_ms, CLOSE_STEP_S, slow_s)
        begin = end_ms + (rounds.start - end_ms) % rounds.step
    yield from readings(site, begin, rounds.stop, step_s, slow_s)


def _near(site: Site, rounds: range) -> list[tuple[int, int]]:
    """Return the times around change-overs, UTC ms, in order and apart from each other."""
    found: list[tuple[int, int]] = []
    for at_ms in sorted(at_ms for failure in site.failures for at_ms, _ in failure.switches()):
        start_ms, end_ms = at_ms - BEFORE_MS, at_ms + AFTER_MS
        if start_ms < rounds.start or end_ms > rounds.stop:
            continue
        if found and start_ms <= found[-1][1]:
            found[-1] = found[-1][0], end_ms
        else:
            found.append((start_ms, end_ms))
    return found


def _note(home: Home, start_ms: int, end_ms: int) -> None:
    """Write down what is to fill; what was left undone before is joined to it."""
    before = to_do(home)
    if before:
        start_ms, end_ms = min(start_ms, before[0]), max(end_ms, before[1])
    demo_past.note(home).write_text(json.dumps({"start_ms": start_ms, "end_ms": end_ms}), encoding="ascii")


def main() -> int:
    """Fill the background of the demo in SUBSTATION_HOME; return the exit code."""
    os.nice(NICE)
    try:
        loaded = load_mended(files.home_folder(), SERVICE)
        count = fill(loaded.settings, loaded.home)
    except (SubstationError, OSError) as exc:
        print(f"The demo's past could not be made: {exc}", file=sys.stderr)
        return 1
    print(f"{count} simulated readings laid into the poller's inbox")
    return 0


if __name__ == "__main__":
    sys.exit(main())
