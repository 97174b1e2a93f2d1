#!/usr/bin/env python3
"""The claims of the store, measured: size, chart queries, latest, import, bytes written a day.

    python3 benchmarks/store.py [--days 2]

Times depend on the machine and its other work, so the gates are ratios against a plain layout of the same
readings in the same run (text time stamps, REAL values, an index on time and one on the meter), and absolute
targets count as missed only by far. Exits 1 when a claim no longer holds.
"""

import argparse
import dataclasses
import sqlite3
import sys
import tempfile
import time
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from substation.clock import SystemClock, day_start_ms, iso  # noqa: E402
from substation.quantities import KEYS  # noqa: E402
from substation.readings import Reading  # noqa: E402
from substation.simulator.history import readings  # noqa: E402
from substation.simulator.site import Site  # noqa: E402
from substation.store import schema  # noqa: E402
from substation.store.history import History, HistoryReader  # noqa: E402

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
BEGIN_MS = day_start_ms(1_795_500_000_000, ZONE)
DAY_MS = 86_400_000
STEP_MS = 5000
CHART = ("v_r", "current_r", "watts_total", "pf_average")
METERS = (1, 2, 3, 4, 5)
BY_FAR = 4.0
"""An absolute time may be missed by this factor before it counts: a busy machine is not a slow store."""


def rounds(start_ms: int, end_ms: int, step_ms: int) -> Iterator[list[Reading]]:
    """What the five meters of the simulated site say, spread over the round as on the wire."""
    site = Site(seed=1, epoch_ms=BEGIN_MS, zone=ZONE)
    for answers in readings(site, start_ms, end_ms, step_ms / 1000):
        yield [dataclasses.replace(answer, at_ms=answer.at_ms + answer.meter_id * 200) for answer in answers]


def milliseconds(what: Callable[[], object], times: int = 7) -> float:
    """Return the best time of a question: what other programs take away meanwhile is not the store's."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        what()
        took.append((time.perf_counter() - begin) * 1000)
    return min(took)


def bytes_written() -> int:
    """Return what this process has handed to the kernel for writing."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


class Findings:
    """Prints each figure beside its target and remembers what was missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def at_most(self, what: str, value: float, target: float, unit: str, slack: float = 1.0) -> None:
        """Hold a figure against its greatest allowed value; `slack` times that counts as met."""
        good = value <= target * slack
        self._note(what, f"{value:10.2f} {unit}", f"<= {target:g} {unit}", good, value > target)

    def at_least(self, what: str, value: float, target: float, unit: str) -> None:
        """Hold a figure against its least allowed value."""
        self._note(what, f"{value:10.2f} {unit}", f">= {target:g} {unit}", value >= target, False)

    def _note(self, what: str, value: str, target: str, good: bool, short: bool) -> None:
        word = "MISSED BY FAR" if not good else "missed" if short else "ok"
        print(f"{what:<58}{value:<22}{target:<18}{word}")
        if not good:
            self.missed.append(what)


def make_history(path: Path, days: float) -> float:
    """Fill a history as an import does; return rows a second, the making of readings left out."""
    history = History(path, True, SystemClock(), ZONE, raw_days=3660)
    spent, rows = 0.0, 0
    for answers in rounds(BEGIN_MS, BEGIN_MS + int(days * DAY_MS), STEP_MS):
        begin = time.perf_counter()
        history.add(answers)
        rows += len(answers)
        if history.pending >= 10_000:
            history.commit()
        spent += time.perf_counter() - begin
    begin = time.perf_counter()
    history.commit()
    spent += time.perf_counter() - begin
    history.close()
    return rows / spent


def make_plain(path: Path, days: float) -> int:
    """Fill the plain layout with the same readings; return its rows."""
    names = ", ".join(f"{key} REAL" for key in KEYS)
    places = ", ".join("?" * (len(KEYS) + 2))
    with sqlite3.connect(path) as db:
        db.execute(
            f"CREATE TABLE r (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT, meter_id INTEGER, {names})"
        )
        db.execute("CREATE INDEX r_at ON r (at)")
        db.execute("CREATE INDEX r_meter ON r (meter_id)")
        insert = f"INSERT INTO r (at, meter_id, {', '.join(KEYS)}) VALUES ({places})"  # noqa: S608
        for answers in rounds(BEGIN_MS, BEGIN_MS + int(days * DAY_MS), STEP_MS):
            db.executemany(
                insert, [(iso(r.at_ms), r.meter_id, *(r.values.get(key) for key in KEYS)) for r in answers]
            )
        return int(db.execute("SELECT count(*) FROM r").fetchone()[0])


def size_of(path: Path, table: str, folder: Path) -> float:
    """Return bytes a row of one table alone, as it lies in a file of its own."""
    alone = folder / f"{table}_alone.db"
    with sqlite3.connect(path) as db:
        (definition,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        db.execute("ATTACH ? AS alone", (str(alone),))
        db.execute(definition.replace(f"CREATE TABLE {table}", f"CREATE TABLE alone.{table}", 1))
        db.execute(f"INSERT INTO alone.{table} SELECT * FROM main.{table} ORDER BY 1")  # noqa: S608
        (rows,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return alone.stat().st_size / max(1, int(rows))


def written_a_day(folder: Path) -> float:
    """Return MB written a day at one poll / 2 s and a commit / 30 s, from two hours of it."""
    hours = 2
    history = History(folder / "card.db", True, SystemClock(), ZONE)
    begin = bytes_written()
    for number, answers in enumerate(rounds(BEGIN_MS, BEGIN_MS + hours * 3_600_000, 2000), start=1):
        history.add(answers)
        if number % 15 == 0:
            history.commit()
    history.close()
    return (bytes_written() - begin) / 1e6 * 24 / hours


def year_trend(folder: Path) -> float:
    """Return ms for the trend of one quantity of one meter over a year, from its hours."""
    path = folder / "year.db"
    history = History(path, True, SystemClock(), ZONE, raw_days=3660)
    for answers in rounds(BEGIN_MS, BEGIN_MS + 365 * DAY_MS, 3_600_000):
        history.add(answers)
    history.close()
    reader = HistoryReader(path)
    span = (BEGIN_MS, BEGIN_MS + 365 * DAY_MS)
    assert reader.series(1, ("watts_total",), *span, 1000).table == "hour"
    return milliseconds(lambda: reader.series(1, ("watts_total",), *span, 1000))


def longest_commit(folder: Path) -> float:
    """Return ms that the slowest of a hundred ordinary commits held the poller."""
    history = History(folder / "pause.db", True, SystemClock(), ZONE)
    took = []
    for number, answers in enumerate(rounds(BEGIN_MS, BEGIN_MS + 3_000_000, 2000), start=1):
        history.add(answers)
        if number % 15 == 0:
            begin = time.perf_counter()
            history.commit()
            took.append((time.perf_counter() - begin) * 1000)
    history.close()
    return max(took)


def plain_chart(path: Path) -> None:
    """Ask the plain layout for the day chart, as its dashboard did: connect, read the day's rows."""
    with sqlite3.connect(path) as db:
        for meter in METERS:
            db.execute(
                f"SELECT at, {', '.join(CHART)} FROM r WHERE meter_id = ? AND at BETWEEN ? AND ? "  # noqa: S608
                "ORDER BY at",
                (meter, iso(BEGIN_MS), iso(BEGIN_MS + DAY_MS)),
            ).fetchall()


def measure(days: float, folder: Path) -> list[str]:
    """Print every figure; return what was missed."""
    found = Findings()
    path, plain = folder / "daily_data.db", folder / "plain.db"
    speed = make_history(path, days)
    rows = make_plain(plain, days)
    reader = HistoryReader(path)

    def chart(points: int) -> None:
        for meter in METERS:
            reader.series(meter, CHART, BEGIN_MS, BEGIN_MS + DAY_MS, points)

    print(f"{rows} readings: {days:g} days of {len(METERS)} meters, a poll / {STEP_MS / 1000:g} s\n")
    a_reading = size_of(path, "reading", folder)
    plain_size = plain.stat().st_size / rows
    found.at_most("bytes a reading", a_reading, 130, "B", 1.1)
    found.at_least("  plain layout / ours", plain_size / a_reading, 2.5, "times")
    for table in schema.ROLLUPS:
        print(f"{f'bytes a {table} row':<58}{size_of(path, table, folder):10.2f} B")
    minute, raw = milliseconds(lambda: chart(1440)), milliseconds(lambda: chart(14_400), 3)
    old = milliseconds(lambda: plain_chart(plain), 3)
    found.at_most("day chart from minute (5 meters x 4 quantities)", minute, 20, "ms", BY_FAR)
    found.at_least("  plain layout / ours", old / minute, 3, "times")
    found.at_most("day chart from reading", raw, 150, "ms", BY_FAR)
    found.at_least("  plain layout / ours", old / raw, 0.4, "times")
    found.at_most("year trend from hour", year_trend(folder), 50, "ms", BY_FAR)
    found.at_most("latest of each meter", milliseconds(reader.latest, 50), 1, "ms", BY_FAR)
    found.at_least("import through add and commit", speed, 10_000 / BY_FAR, "rows/s")
    found.at_most("written a day at a poll / 2 s", written_a_day(folder), 150, "MB", 1.3)
    found.at_most("slowest commit of 75 readings", longest_commit(folder), 50, "ms", BY_FAR)
    return found.missed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=float, default=2.0, help="days of readings to make (default 2)")
    days = parser.parse_args().days
    with tempfile.TemporaryDirectory() as folder:
        missed = measure(max(1.0, days), Path(folder))
    if missed:
        print(f"\nno longer true: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
