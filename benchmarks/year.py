#!/usr/bin/env python3
"""A history as a station has it after a year: what the benchmarks and the long tests read.

    make_year(path)                                  a year of minutes, 14 days of readings at 2 s: 1 GB
    make_year(path, days=40, raw_days=2, poll_s=30)  a small one
    python3 benchmarks/year.py FILE [--days 365] [--raw-days 14] [--poll 2]

One day is simulated and kept by the real writer, then laid out again day after day: keys shifted by whole
days, counters going on where the day before ended. So every rollup row is what its finer rows add up to, as
the writer would have made it. The zone is India's, where every day has 24 hours.

As at a real station each meter is asked for its energies once a minute, at a moment of its own, one poll of
some hundreds has no answer, and each day has its events.
"""

import argparse
import contextlib
import dataclasses
import sqlite3
import sys
import tempfile
import time
import uuid
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from substation.clock import SystemClock, day_start_ms  # noqa: E402
from substation.quantities import COUNTERS  # noqa: E402
from substation.readings import Quality, Reading, missing  # noqa: E402
from substation.simulator.history import SLOW, readings  # noqa: E402
from substation.simulator.site import Site  # noqa: E402
from substation.store import door, events, schema  # noqa: E402
from substation.store.history import History  # noqa: E402

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
END_MS = day_start_ms(1_795_500_000_000, ZONE)
"""2026-11-24 00:00 in India: where the year ends unless told otherwise."""
DAY_MS = 86_400_000
METERS = (1, 2, 3, 4, 5)
NO_ANSWER_EACH = 499
"""One poll of so many has no answer."""
_SPREAD_MS = 200
"""From one meter's answer to the next within a round."""
_SLOW_S = 60


def make_year(
    path: Path,
    *,
    days: int = 365,
    raw_days: int = 14,
    poll_s: float = 2.0,
    simulated: bool = True,
    end_ms: int = END_MS,
    site: str = "Benchmark",
) -> None:
    """Make a history of whole days that ends at `end_ms`.

    Args:
        path: Where; nothing may stand there.
        days: How many days of minutes, quarters, hours and days.
        raw_days: For how many of them, the newest, every reading is kept; retention took the others.
        poll_s: From one round to the next, s.
        simulated: Its stamp.
        end_ms: UTC ms, a midnight in India.
        site: The site's name.

    Raises:
        ValueError: `end_ms` is no midnight in India, or there are more `raw_days` than `days`.
        FileExistsError: A file stands there.
    """
    if end_ms != day_start_ms(end_ms, ZONE) or not 1 <= raw_days <= days:
        raise ValueError(f"end_ms={end_ms}, days={days}, raw_days={raw_days}: no whole days of India")
    if path.exists():
        raise FileExistsError(path)
    begin_ms = end_ms - days * DAY_MS
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".year-") as folder:
        day = Path(folder) / "day.db"
        advance = _simulate(day, begin_ms, poll_s)
        door.make(path, SystemClock(), _facts(begin_ms, days, raw_days, site, simulated=simulated))
        with contextlib.closing(door.open_to_write(path)) as db:
            _lay_out(db, day, advance, days, raw_days)
            with schema.transaction(db):
                events.write(db, _events(begin_ms, days))
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def rounds(begin_ms: int, end_ms: int, poll_s: float) -> Iterator[list[Reading]]:
    """What the five meters of the simulated site say, each asked for energies at its own moment."""
    site = Site(seed=1, epoch_ms=begin_ms, zone=ZONE)
    asked: dict[int, int] = {}
    polls = 0
    for answers in readings(site, begin_ms, end_ms, poll_s, slow_s=0):
        arrived = []
        for answer in answers:
            meter_id, at_ms = answer.meter_id, answer.at_ms + answer.meter_id * _SPREAD_MS
            polls += 1
            if polls % NO_ANSWER_EACH == 0:
                arrived.append(missing(meter_id, at_ms, Quality.NO_ANSWER, "timeout"))
                continue
            values = answer.values
            turn = (answer.at_ms // 1000 - meter_id * _SLOW_S // 6) // _SLOW_S
            if asked.get(meter_id) == turn:
                values = {key: value for key, value in values.items() if key not in SLOW}
            asked[meter_id] = turn
            arrived.append(dataclasses.replace(answer, at_ms=at_ms, values=values))
        yield arrived


def _simulate(path: Path, begin_ms: int, poll_s: float) -> dict[int, list[int]]:
    """Keep one day as the poller does; return by meter how far each counter goes on in it."""
    history = History(path, True, SystemClock(), ZONE, raw_days=3660)
    for answers in rounds(begin_ms, begin_ms + DAY_MS, poll_s):
        history.add(answers)
        if history.pending >= 10_000:
            history.commit()
    history.close()
    site = Site(seed=1, epoch_ms=begin_ms, zone=ZONE)
    first, next_day = (
        next(readings(site, at, at + 1, poll_s, slow_s=0)) for at in (begin_ms, begin_ms + DAY_MS)
    )
    return {
        one.meter_id: [round(after.values[key] or 0) - round(one.values[key] or 0) for key in COUNTERS]
        for one, after in zip(first, next_day, strict=True)
    }


def _facts(begin_ms: int, days: int, raw_days: int, site: str, *, simulated: bool) -> dict[str, str]:
    facts = {
        "simulated": "yes" if simulated else "no",
        "uid": uuid.uuid4().hex,
        "made_ms": str(begin_ms),
        "site": site,
        "zone": ZONE.key,
    }
    if raw_days < days:
        facts[schema.RAW_FROM] = str(begin_ms + (days - raw_days) * DAY_MS)
    return facts


def _lay_out(
    db: sqlite3.Connection, day: Path, advance: dict[int, list[int]], days: int, raw_days: int
) -> None:
    """Copy the day of another file again and again, each time a day later and its counters further on."""
    db.execute("PRAGMA synchronous = OFF")
    db.execute("ATTACH ? AS one", (str(day),))
    db.execute(f"CREATE TEMP TABLE advance (meter INTEGER PRIMARY KEY, {', '.join(COUNTERS)})")
    places = ", ".join("?" * (1 + len(COUNTERS)))
    db.executemany(
        f"INSERT INTO advance VALUES ({places})",  # noqa: S608 - names of ours
        [(meter, *steps) for meter, steps in advance.items()],
    )
    for table in ("reading", *schema.ROLLUPS):
        columns = schema.columns_of(table)
        moved = ", ".join(_moved(column) for column in columns)
        copy = (
            f"INSERT INTO main.{table} ({', '.join(columns)}) SELECT {moved} FROM one.{table} AS o "  # noqa: S608
            "JOIN advance AS a ON a.meter = o.key & 255 ORDER BY o.key"
        )
        for number in range(days - raw_days if table == "reading" else 0, days):
            with schema.transaction(db):
                db.execute(copy, {"day": number, "shift": number * DAY_MS << 8})
    db.execute("DROP TABLE advance")
    db.execute("DETACH one")


def _moved(column: str) -> str:
    if column == "key":
        return "o.key + :shift"
    counter = column.removeprefix("last_")
    return f"o.{column} + :day * a.{counter}" if counter in COUNTERS else f"o.{column}"


def _events(begin_ms: int, days: int) -> Iterator[events.Event]:
    yield events.Event(begin_ms, "station.start", new="benchmark")
    for number in range(days):
        meter_id, at_ms = METERS[number % 5], begin_ms + number * DAY_MS + 9 * 3_600_000
        yield events.Event(
            at_ms, "comm.lost", meter_id, "OK", "Communication failed", f"meter {meter_id}: timeout"
        )
        yield events.Event(
            at_ms + 300_000, "comm.back", meter_id, "Communication failed", "OK", f"meter {meter_id}: back"
        )
        if number % 7 == 0:
            yield events.Event(at_ms + 7_200_000, "supply", meter_id, "Live", "No supply", "0.0 V")
            yield events.Event(at_ms + 7_800_000, "supply", meter_id, "No supply", "Live", "239.5 V")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--days", type=int, default=365, help="days of minutes (default 365)")
    parser.add_argument("--raw-days", type=int, default=14, help="days of every reading (default 14)")
    parser.add_argument("--poll", type=float, default=2.0, help="seconds from round to round (default 2)")
    given = parser.parse_args()
    begin = time.perf_counter()
    make_year(given.file, days=given.days, raw_days=given.raw_days, poll_s=given.poll)
    took = time.perf_counter() - begin
    print(f"{given.file}: {given.file.stat().st_size / 1e6:.0f} MB in {took:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
