"""Makes stores as the original system made them, for tests: its tables, its formats, its roundings."""

import datetime as dt
import math
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from substation.quantities import QUANTITIES

LABELS = [q.label for q in QUANTITIES]
Polled = tuple[dt.datetime, int, list[float | None]]
"""Local time of the round, meter id, the 38 values as the original kept them."""


def polled(
    begin: dt.datetime, rounds: int, step_s: int = 30, meters: Iterable[int] = range(1, 6)
) -> Iterator[Polled]:
    """Yield rounds of plausible readings: every meter of a round has the round's second."""
    for number in range(rounds):
        at = begin + dt.timedelta(seconds=number * step_s)
        for meter in meters:
            yield at, meter, values(int(at.timestamp()) // 10 % 1_000_000, meter)


def values(number: int = 0, meter: int = 1) -> list[float | None]:
    """Return what the original kept of one answered poll."""
    load = 0.6 + 0.2 * math.sin(number / 700 + meter)
    volts = 240.0 + math.sin(number / 90)
    amps = 100 * load
    va = volts * amps
    watts, var = 0.95 * va, math.sqrt(1 - 0.95**2) * va
    energy = 1_000_000.0 * meter + number * 250
    given: dict[str, float] = {
        "Watts Total": 3 * watts,
        "VAR Total": 3 * var,
        "VA Total": 3 * va,
        "Current Total": 3 * amps,
        **{f"Watts {p} phase": watts for p in "RYB"},
        **{f"VAR {p} phase": var for p in "RYB"},
        **{f"VA {p} phase": va for p in "RYB"},
        **{f"Current {p} phase": amps for p in "RYB"},
        **{f"V {p} phase": volts for p in "RYB"},
        **{f"V{p} Phase": volts * math.sqrt(3) for p in ("ry", "yb", "br")},
        **{f"PF {p} phase": 0.95 for p in "RYB"},
        "PF Avg (instant)": 0.95,
        "PF Average Received": 0.94,
        "Frequency": 50.01,
        "VLL Average": volts * math.sqrt(3),
        "VLN Average": volts,
    }
    return [given.get(label, energy) for label in LABELS]


def changed(old: list[float | None], **by_key: float | None) -> list[float | None]:
    """Return the values with some of them replaced, named by our keys."""
    return [by_key.get(q.key, value) for q, value in zip(QUANTITIES, old, strict=True)]


def database(path: Path, rows: Iterable[Polled]) -> Path:
    """Write a database as the original did; its two databases are alike. Returns `path`."""
    columns = ", ".join(f'"{label}" REAL' for label in LABELS)
    places = ", ".join("?" * (4 + len(LABELS)))
    db = sqlite3.connect(path)
    db.execute(
        "CREATE TABLE IF NOT EXISTS meter_readings (DateTime TEXT, Date TEXT, Time TEXT, Meter_ID INTEGER, "
        f"{columns}, PRIMARY KEY (DateTime, Meter_ID))"
    )
    db.execute("CREATE INDEX IF NOT EXISTS idx_datetime ON meter_readings (DateTime)")
    db.execute("CREATE INDEX IF NOT EXISTS idx_meter_id ON meter_readings (Meter_ID)")
    db.executemany(
        f"INSERT OR REPLACE INTO meter_readings VALUES ({places})",  # noqa: S608 - question marks
        (
            (
                f"{at:%Y-%m-%d %H:%M:%S}",
                f"{at:%Y-%m-%d}",
                f"{at:%H:%M:%S}",
                meter,
                *(None if value is None else round(value, 2) for value in numbers),
            )
            for at, meter, numbers in rows
        ),
    )
    db.commit()
    db.close()
    return path


def long_database(path: Path, begin: dt.datetime, rounds: int, step_s: int = 30) -> Path:
    """Write a database of five meters with so many rounds, quickly: the values wander a little."""
    database(path, [])
    columns = ", ".join(f"round({value} + (n % 97) * 0.01, 2)" for value in values())
    db = sqlite3.connect(path)
    db.execute(
        "WITH RECURSIVE round(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM round WHERE n + 1 < ?), "  # noqa: S608
        "meter(m) AS (VALUES (1), (2), (3), (4), (5)), "
        "poll(at, n, m) AS (SELECT datetime(?, (n * ?) || ' seconds'), n, m FROM round, meter ORDER BY n, m) "
        f"INSERT INTO meter_readings SELECT at, date(at), time(at), m, {columns} FROM poll",
        (rounds, f"{begin:%Y-%m-%d %H:%M:%S}", step_s),
    )
    db.commit()
    db.close()
    return path


def table(path: Path, rows: Iterable[Polled]) -> Path:
    """Write a live file as the original's second form did: text with two digits. Returns `path`."""
    with path.open("w", encoding="utf-8") as file:
        print(",".join(["Date", "Time", "DateTime", "Meter_ID", "comm_status", "status", *LABELS]), file=file)
        for at, meter, numbers in rows:
            cells = ["None" if value is None else f"{value:.2f}" for value in numbers]
            when = f"{at:%Y-%m-%d},{at:%H:%M:%S},{at:%Y-%m-%d %H:%M:%S}"
            print(f"{when},{meter},OK,OK,{','.join(cells)}", file=file)
    return path


def export(path: Path, rows: Iterable[Polled]) -> Path:
    """Write the original's download of its database. Returns `path`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        print(",".join(["DateTime", "Date", "Time", "Meter_ID", *LABELS]), file=file, end="\r\n")
        for at, meter, numbers in rows:
            cells = ["" if value is None else repr(round(value, 2)) for value in numbers]
            when = f"{at:%Y-%m-%d %H:%M:%S},{at:%Y-%m-%d},{at:%H:%M:%S}"
            print(f"{when},{meter},{','.join(cells)}", file=file, end="\r\n")
    return path
