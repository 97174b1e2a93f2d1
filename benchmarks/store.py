#!/usr/bin/env python3
"""The claims of the store, measured on a generated year: size, questions, import, writing, holds.

    python3 benchmarks/store.py [--days 365] [--raw-days 2] [--short]

Times depend on the machine and its other work, so the gates are ratios against the original's layout of the
same readings in the same run (text time stamps, REAL values, an index on time and one on the meter), pandas
to_csv and the bare rows, and the targets are stretched as far as the bare rows tell. Bytes are bytes.
Exits 1 when a claim no longer holds.
"""

import argparse
import dataclasses
import io
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from benchmarks.holds import POLL_S, holds, told  # noqa: E402
from benchmarks.year import END_MS, METERS, make_year  # noqa: E402
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
CHART_POLL_S = 5.0
"""At which the target of a chart from readings was measured; the year has a poll / `POLL_S`."""
IMPORT_DAYS = 0.5
CHART = ("v_r", "current_r", "watts_total", "pf_average")
BARE_MS = 114.0
"""What the bare rows of a day took where the targets were set; as much slower as it is here may all be."""
TREND, TREND_DAYS = 3.0, 36
"""So many times slower the trend is without rollups, at least; as many as there are 36 days in a long one."""
BY_FAR = 1.5
"""A time may be missed by this factor, beside that, before it counts: what other work does to a figure."""


def rounds(start_ms: int, end_ms: int, step_ms: int) -> Iterator[list[Reading]]:
    """What the five meters of the simulated site say, spread over the round as on the wire."""
    site = Site(seed=1, epoch_ms=BEGIN_MS, zone=ZONE)
    for answers in readings(site, start_ms, end_ms, step_ms / 1000):
        yield [dataclasses.replace(answer, at_ms=answer.at_ms + answer.meter_id * 200) for answer in answers]


def milliseconds(
    what: Callable[[], object], times: int = 7, clock: Callable[[], float] = time.process_time
) -> float:
    """Return the best time of a question, in processor time: what other programs take is not the store's."""
    took = []
    for _ in range(times):
        begin = clock()
        what()
        took.append((clock() - begin) * 1000)
    return min(took)


def beside(
    what: Callable[[], object], other: Callable[[], object], pairs: int = 7
) -> tuple[float, float, float]:
    """Return the best times of two questions asked in turn, and the median of the first by the second.

    Asked one after the other, a neighbour's work or a faster clock falls on one of them and makes the ratio.
    """
    took = [(milliseconds(what, 1), milliseconds(other, 1)) for _ in range(pairs)]
    return min(a for a, _ in took), min(b for _, b in took), statistics.median(a / b for a, b in took)


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


def make_plain(path: Path, source: Path) -> int:
    """Fill the original's layout with the last day's readings of a history; return its rows."""
    names = ", ".join(f"{key} REAL" for key in KEYS)
    columns = ", ".join(("at", "meter_id", *KEYS))
    with sqlite3.connect(path) as db:
        db.execute(
            f"CREATE TABLE r (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT, meter_id INTEGER, {names})"
        )
        db.execute("CREATE INDEX r_at ON r (at)")
        db.execute("CREATE INDEX r_meter ON r (meter_id)")
        db.execute("ATTACH ? AS ours", (str(source),))
        first = iso(END_MS - DAY_MS)
        db.execute(
            f"INSERT INTO r ({columns}) SELECT {columns} FROM ours.readings_v WHERE at >= ?",  # noqa: S608
            (first,),
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


def plain_chart(path: Path) -> None:
    """Ask the plain layout for the day chart, as its dashboard did: connect, read the day's rows."""
    with sqlite3.connect(path) as db:
        for meter in METERS:
            db.execute(
                f"SELECT at, {', '.join(CHART)} FROM r WHERE meter_id = ? AND at BETWEEN ? AND ? "  # noqa: S608
                "ORDER BY at",
                (meter, iso(END_MS - DAY_MS), iso(END_MS)),
            ).fetchall()


def bare_chart(path: Path) -> None:
    """Fetch the same values of the day as they lie there, by one SELECT, and do nothing with them."""
    query = f"SELECT key, {', '.join(CHART)} FROM reading WHERE key >= {END_MS - DAY_MS << 8}"  # noqa: S608
    with sqlite3.connect(path) as db:
        db.execute(query).fetchall()


def plain_latest(path: Path) -> None:
    """Ask the plain layout for each meter's latest row, as its dashboard did."""
    for meter in METERS:
        with sqlite3.connect(path) as db:
            db.execute("SELECT * FROM r WHERE meter_id = ? ORDER BY at DESC LIMIT 1", (meter,)).fetchall()


def scanned_trend(path: Path) -> None:
    """Ask for the trend without rollups: the means of hours, of every minute of a meter."""
    hour = 3_600_000 << 8
    with sqlite3.connect(path) as db:
        db.execute(
            f"SELECT key / {hour}, total(sum_watts_total) / sum(n) FROM minute WHERE key & 255 = 1 GROUP BY 1"  # noqa: S608
        ).fetchall()


def pandas_chart(path: Path) -> None:
    """Read the same values of the day with pandas, and write them as CSV."""
    query = (
        f"SELECT key >> 8 AS at_ms, key & 255 AS meter_id, {', '.join(CHART)} FROM reading "  # noqa: S608
        f"WHERE key >= {END_MS - DAY_MS << 8}"
    )
    with sqlite3.connect(path) as db:
        pd.read_sql_query(query, db).to_csv(io.StringIO(), index=False)


def shell_chart(path: Path) -> None:
    """Read them with the sqlite3 command line, in clear."""
    query = f"SELECT at, meter_id, {', '.join(CHART)} FROM readings_v WHERE at >= '{iso(END_MS - DAY_MS)}'"  # noqa: S608
    subprocess.run(["sqlite3", "-csv", "-readonly", str(path), query], stdout=subprocess.DEVNULL, check=True)


def measure(days: int, raw_days: int, folder: Path) -> list[str]:
    """Print every figure; return what was missed."""
    found = Findings()
    path, plain = folder / "daily_data.db", folder / "plain.db"
    make_year(path, days=days, raw_days=raw_days)
    day = folder / "day.db"
    make_year(day, days=1, raw_days=1, poll_s=CHART_POLL_S)
    rows = make_plain(plain, day)
    reader, one_day = (HistoryReader(file, limit_s=60) for file in (path, day))
    span = (END_MS - DAY_MS, END_MS)

    print(f"{days} days of {len(METERS)} meters, {raw_days} of them with a reading / {POLL_S:g} s\n")
    print(f"{'size of it':<58}{path.stat().st_size / 1e6:10.0f} MB")
    a_reading = size_of(day, "reading", folder)
    plain_size = plain.stat().st_size / rows
    found.at_most("bytes a reading", a_reading, 130, "B")
    found.at_least("  text layout / ours", plain_size / a_reading, 2.5, "times")
    for table in schema.ROLLUPS:
        print(f"{f'bytes a {table} row':<58}{size_of(day, table, folder):10.2f} B")

    minute = milliseconds(lambda: reader.series_of(METERS, CHART, *span, 1440))
    alone = milliseconds(lambda: [reader.series(meter, CHART, *span, 1440) for meter in METERS])
    raw, bare, ratio = beside(
        lambda: one_day.series_of(METERS, CHART, *span, 14_400), lambda: bare_chart(day)
    )
    old = milliseconds(lambda: plain_chart(plain), 3)
    slack = BY_FAR * bare / BARE_MS
    print(f"{'the bare rows of a day / where the targets were set':<58}{bare / BARE_MS:10.2f} times")
    found.at_most("day chart from minute (5 meters x 4 quantities)", minute, 20, "ms", slack)
    found.at_least("  text layout / ours", old / minute, 8, "times")
    found.at_least("  one meter after the other / ours", alone / minute, 1, "times")
    # so many rows cost what the machine takes to fetch them: judged by that alone
    print(f"{f'day chart from reading, a poll / {CHART_POLL_S:g} s':<58}{raw:10.2f} ms         target 150 ms")
    found.at_most("  ours / the bare rows, fetched and dropped", ratio, 2.0, "times", 1)
    found.at_least("  text layout / ours", old / raw, 0.8, "times")
    found.at_least("  pandas to_csv / ours", milliseconds(lambda: pandas_chart(day), 3) / raw, 1, "times")
    if shutil.which("sqlite3"):
        shell = milliseconds(lambda: shell_chart(day), 3, time.perf_counter)
        print(f"{'  sqlite3 -csv, in clear':<58}{shell:10.2f} ms")
    finest = milliseconds(lambda: reader.series_of(METERS, CHART, *span, 14_400), 3)
    print(f"{f'  the same, a poll / {POLL_S:g} s':<58}{finest:10.2f} ms")
    trend = (END_MS - days * DAY_MS, END_MS)
    year = milliseconds(lambda: reader.series(1, ("watts_total",), *trend, 1000))
    found.at_most("trend of all of it", year, 50, "ms", slack)
    scanned = milliseconds(lambda: scanned_trend(path), 2)
    found.at_least(
        "  from minutes, hour by hour in SQL / ours", scanned / year, max(TREND, days / TREND_DAYS), "times"
    )
    latest = milliseconds(reader.latest, 50)
    found.at_most("latest of each meter", latest, 1, "ms", slack)
    found.at_least(
        "  text layout / ours", milliseconds(lambda: plain_latest(plain), 5) / latest, 100, "times"
    )
    speed = make_history(folder / "import.db", IMPORT_DAYS)
    found.at_least("import through add and commit", speed, 10_000 / slack, "rows/s")
    found.at_most("written a day at a poll / 2 s", written_a_day(folder), 150, "MB")
    for name, hold in told(holds(path, folder / "other.db", days, raw_days)):
        found.at_most(f"longest hold, processor time: {name}", max(hold.worked), 50, "ms", slack)
        print(f"{'  with waiting: usual, longest':<58}{hold.usual:10.2f} ms {hold.longest:10.2f} ms")
    return found.missed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=365, help="days of minutes to make (default 365)")
    parser.add_argument("--raw-days", type=int, default=2, help="days of readings (default 2)")
    parser.add_argument("--short", action="store_true", help="30 days, for a first look")
    given = parser.parse_args()
    days = 30 if given.short else max(10, given.days)
    with tempfile.TemporaryDirectory() as folder:
        missed = measure(days, max(2, given.raw_days), Path(folder))
    if missed:
        print(f"\nno longer true: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
