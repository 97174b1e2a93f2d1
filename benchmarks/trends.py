#!/usr/bin/env python3
"""The claims of `/trends`, measured on a year of five meters: server time of a picture, against pandas.

    python3 benchmarks/trends.py                 makes the year first: some minutes, 1 GB
    python3 benchmarks/trends.py --file YEAR.db  takes one made by benchmarks/year.py

Each picture goes through the whole server: login, guard, question, answer, JSON; no curve is kept from
the round before. The times depend on the machine and are printed beside the 300 ms of the design. The gates,
by which the exit code is 1, are ratios within this run: pandas asks the same file for the same means, lowest
and highest values, and must take several times as long.
"""

import argparse
import contextlib
import json
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

import pandas as pd  # noqa: E402

from benchmarks.year import DAY_MS, END_MS, make_year  # noqa: E402
from substation.dashboard import feed, trends  # noqa: E402
from tests.dashboard.conftest import Browser, Station, browse, demo_settings, make_app  # noqa: E402
from tests.fake_clock import FakeClock  # noqa: E402

MOST_MS = 300.0
"""What the design allows a picture, on the machine that it was designed on."""
ROUNDS = 5
HOUR_MS = 3_600_000
FIVE = (1, 2, 3, 4, 5)
ONE = ("watts_total",)
FOUR = ("watts_total", "vln_average", "current_r", "pf_average")
SIX = ("watts_r", "watts_y", "watts_b", "v_r", "v_y", "v_b")
PICTURES: tuple[tuple[str, tuple[int, ...], tuple[str, ...], int, trends.With], ...] = (
    ("an hour, 5 meters x 4 quantities", FIVE, FOUR, HOUR_MS, "day"),
    ("2 hours, 5 meters x 4 quantities", FIVE, FOUR, 2 * HOUR_MS, ""),
    ("a day, 1 meter", (1,), ONE, DAY_MS, ""),
    ("a day, 5 meters x 4 quantities, day before", FIVE, FOUR, DAY_MS, "day"),
    ("a day, 4 meters x 6 quantities, week before", (1, 2, 3, 4), SIX, DAY_MS, "week"),
    ("7 days, 5 meters x 4 quantities, week before", FIVE, FOUR, 7 * DAY_MS, "week"),
    ("30 days, 5 meters x 4 quantities", FIVE, FOUR, 30 * DAY_MS, "week"),
    ("62 days, 5 meters x 4 quantities", FIVE, FOUR, 62 * DAY_MS, ""),
    ("a year, 5 meters x 4 quantities", FIVE, FOUR, 365 * DAY_MS, "year"),
    ("a year, 5 meters x an energy register", FIVE, ("wh_received",), 365 * DAY_MS, ""),
)
GATES: tuple[tuple[str, str, str, int, float], ...] = (
    ("a day, 5 meters", "reading", "60s", DAY_MS, 5.0),
    ("a year, 5 meters", "quarter", "1D", 365 * DAY_MS, 5.0),
)
"""What is drawn, the finest table that holds its extremes, its step, how many times as long pandas takes."""


def best(what: Callable[[], Any], before: Callable[[], Any] = lambda: None) -> float:
    """Return the shortest of some rounds, ms."""
    times = []
    for _ in range(ROUNDS):
        before()
        begin = time.perf_counter()
        what()
        times.append((time.perf_counter() - begin) * 1000)
    return min(times)


def ask(browser: Browser, address: str) -> dict[str, Any]:
    """Return what the server answers."""
    answer = browser.get(address.replace(trends.PATH, "/api/trend", 1))
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code} {answer.get_data(as_text=True)}")
    found: dict[str, Any] = json.loads(answer.data)
    return found


def by_pandas(path: Path, table: str, step: str, start_ms: int, end_ms: int) -> pd.DataFrame:
    """Return mean, lowest and highest of each step by meter, as one writes it with pandas."""
    columns = {
        "reading": "watts_total AS mean, watts_total AS low, watts_total AS high",
        "quarter": "sum_watts_total * 1.0 / n AS mean, min_watts_total AS low, max_watts_total AS high",
    }[table]
    query = f"SELECT key >> 8 AS at, key & 255 AS meter, {columns} FROM {table} WHERE key >= ? AND key < ?"  # noqa: S608
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = pd.read_sql_query(query, db, params=(start_ms << 8, end_ms << 8))
    rows.index = pd.to_datetime(rows["at"], unit="ms", utc=True).dt.tz_convert("Asia/Kolkata")
    steps = rows.groupby("meter").resample(step)
    return steps.agg({"mean": "mean", "low": "min", "high": "max"})


def measure(path: Path) -> list[str]:
    """Print what was measured; return the gates that were missed."""
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock(END_MS)
        station = Station(Path(folder), demo_settings(), clock)
        station.home.history.symlink_to(path.resolve())
        with browse(make_app(station)) as browser:
            the_feed = feed.current()
            browser.get("/api/trend")

            def forget() -> None:
                the_feed._trends.clear()
                the_feed._figures.clear()

            for words, meters, keys, span_ms, against in PICTURES:
                address = trends.address(meters, keys, END_MS - span_ms, END_MS, against=against)
                found = ask(browser, address)
                ms = best(lambda address=address: ask(browser, address), forget)
                points = sum(line["n"] for panel in found["panels"] for line in panel["lines"])
                over = "" if ms <= MOST_MS else f"  OVER {MOST_MS:.0f} ms"
                print(f"{words:48} {ms:7.0f} ms {points:8} points{over}")
            for words, table, step, span_ms, times in GATES:
                address = trends.address(FIVE, ONE, END_MS - span_ms, END_MS)
                ours = best(lambda address=address: ask(browser, address), forget)
                args = (path, table, step, END_MS - span_ms, END_MS)
                theirs = best(lambda args=args: by_pandas(*args))
                ratio = theirs / ours
                print(
                    f"{words:48} {ours:7.0f} ms, pandas {theirs:.0f} ms: {ratio:.1f} times (gate {times:g})"
                )
                if ratio < times:
                    missed.append(f"{words}: pandas takes only {ratio:.1f} times as long")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--file", type=Path, help="a year that benchmarks/year.py has made")
    given = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, pandas {pd.__version__}")
    if given.file is not None:
        missed = measure(given.file)
    else:
        with tempfile.TemporaryDirectory() as folder:
            make_year(Path(folder) / "year.db", raw_days=2)
            missed = measure(Path(folder) / "year.db")
    for words in missed:
        print(f"MISSED: {words}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
