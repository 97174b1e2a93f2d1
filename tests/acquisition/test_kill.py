"""R22: the poller itself, on its wire, killed with SIGKILL at any moment beside a reader, loses no reading.

3 kills: at the start, in the replay, in a round, a commit, a compaction, in retention. The environment
variable KILLS asks for more.
"""

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.clock import SystemClock, day_start_ms
from substation.settings.model import Home
from substation.simulator.line import SimulatedLine
from substation.store import live, schema
from substation.store.history import History, HistoryReader
from tests.store.readings import a_reading
from tests.store.test_rollup import recomputed, stored

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
KILLS = int(os.environ.get("KILLS", "3"))
PROJECT = Path(__file__).resolve().parents[2]
DAY_MS = 86_400_000
LONGEST_S = 2.0
"""Start and a second of polling; twice as long on a machine that is busy."""


class Watcher:
    """A reader that never rests, and all that it was shown."""

    def __init__(self, home: Home) -> None:
        self.home, self.shown, self.looks, self.compacted = home, set[int](), 0, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        reader, oldest_ms = HistoryReader(self.home.history), 0
        while not self._over.is_set():
            rows = [row.reading for row in live.read(self.home.live)]
            self.shown |= {row.at_ms << 8 | row.meter_id for row in rows}
            if rows:
                self.compacted += rows[0].at_ms > oldest_ms > 0
                oldest_ms = rows[0].at_ms
            with contextlib.closing(sqlite3.connect(f"file:{self.home.history}?mode=ro", uri=True)) as db:
                newest = "SELECT key, (SELECT count(*) FROM reading) FROM reading ORDER BY key DESC LIMIT 20"
                self.shown |= {key for key, _ in db.execute(newest)}
            live.latest(self.home.live)
            reader.latest()
            self.looks += 1
            time.sleep(0.01)


@pytest.fixture
def years(home: Home) -> Iterator[int]:
    """A month of old readings, so that retention has something to do; yields when today began."""
    clock = SystemClock()
    today_ms = day_start_ms(clock.now_ms(), INDIA)
    history = History(home.history, True, clock, INDIA)
    history.add(a_reading(today_ms - day * DAY_MS + n * 300_000) for day in range(1, 31) for n in range(100))
    history.close()
    yield today_ms


@pytest.mark.timeout(60 + 10 * KILLS)
def test_no_reading_that_was_ever_shown_is_lost_when_the_poller_is_killed(
    simulated: SimulatedLine, home: Home, years: int, process: Callable[..., subprocess.Popen]
) -> None:
    chance = random.Random(22)
    environment = {**os.environ, "SUBSTATION_HOME": str(home.folder), "SUBSTATION_VENV": sys.prefix}
    with Watcher(home) as watcher:
        for number in range(KILLS):
            before = len(watcher.shown)
            running = subprocess.Popen(
                [sys.executable, "-m", "tests.acquisition.kill_poller"],
                env=environment,
                cwd=PROJECT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            end_s = time.monotonic() + 30
            while number % 2 and time.monotonic() < end_s:  # every second one has polled for a while
                if len(watcher.shown) >= before + 15 and watcher.compacted:
                    break
                time.sleep(0.01)
            time.sleep(chance.random() * LONGEST_S)
            assert running.poll() is None, running.communicate()[1]
            running.kill()
            running.communicate()
    assert watcher.looks > 10 * KILLS
    assert watcher.compacted
    assert len(watcher.shown) > 15 * (KILLS // 2)

    last = process("--rounds", "1")
    _, said = last.communicate(timeout=60)
    assert last.returncode == 0, said
    with contextlib.closing(sqlite3.connect(home.history)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        there = {key for (key,) in db.execute("SELECT key FROM reading")}
        raw_from_ms = schema.meta_number(db, schema.RAW_FROM)
        counts = db.execute(
            "SELECT count(*) FROM reading WHERE key >= ? GROUP BY key & 255", (years << 8,)
        ).fetchall()
    lost = {key for key in watcher.shown - there if key >> 8 >= raw_from_ms}
    assert not lost
    assert len(counts) == 5
    assert len(set(counts)) == 1, "a round in part"
    assert years - 16 * DAY_MS < raw_from_ms < years  # retention has worked
    assert newer(stored(home.history), years) == newer(recomputed(home.history, INDIA), years)


def newer(tables: dict[str, dict[int, dict]], since_ms: int) -> dict[str, dict[int, dict]]:
    return {
        table: {key: row for key, row in rows.items() if key >> 8 >= since_ms}
        for table, rows in tables.items()
    }
