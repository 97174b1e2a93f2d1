#!/usr/bin/env python3
"""The claims of the export, measured: speed, memory of child and parent, a poller beside it.

    python3 benchmarks/export.py [--polls 1000000]

Speed depends on the machine and its other work, so it is counted in processor time, start of the child
included, and its gate is the ratio against a plain `csv.writer` over one SELECT in the same run: in clear, to
nowhere, without archive, manifest or progress. Exits 1 when a claim no longer holds.
"""

import argparse
import csv
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from substation import export  # noqa: E402
from substation.clock import SystemClock, day_start_ms  # noqa: E402
from substation.commands.configuration_make import make_station  # noqa: E402
from substation.export.running import NICE  # noqa: E402
from substation.settings.files import load  # noqa: E402
from substation.simulator.history import readings  # noqa: E402
from substation.simulator.site import Site  # noqa: E402
from substation.store import schema  # noqa: E402
from substation.store.history import History  # noqa: E402
from substation.store.rows import to_row  # noqa: E402

DAY_MS = 86_400_000
YEAR_ROWS = 175_200
POLL_MS = 2000
SIMULATED_POLLS = 10_000
RATIO = 0.62
"""Ours / plain, rows a second: 30 000 is the target where a plain csv.writer made 48 500."""
ROWS_A_SECOND = 30_000
BY_FAR = 4.0
CHILD_MIB, PARENT_MIB = 150, 30
CYCLE_S, WORK_S = 0.2, 0.01
JITTER = 0.1


def make_history(home: Path, polls: int) -> int:
    """Fill the station's history with a year of quarters and so many polls; return when it begins.

    One simulated day, laid out again and again: further apart than the packer's window looks back, so it
    packs as a true year does.
    """
    loaded, clock = load(home), SystemClock()
    zone = loaded.settings.site.zone
    begin = day_start_ms(clock.now_ms(), zone, 365)
    store = History(loaded.home.history, True, clock, zone, raw_days=3660)
    site = Site(seed=1, epoch_ms=begin, zone=zone)
    for number, answers in enumerate(readings(site, begin, begin + DAY_MS, 300), start=1):
        store.add(answers)
        if number % 1000 == 0:
            store.commit()
    store.commit()
    with sqlite3.connect(loaded.home.history) as db:
        db.execute("DELETE FROM reading")
        repeat(db, "quarter", DAY_MS, YEAR_ROWS)
        repeat(db, "day", DAY_MS, YEAR_ROWS // 96)
    store.close()
    span_ms = SIMULATED_POLLS // 5 * POLL_MS
    rounds = readings(site, begin, begin + span_ms, POLL_MS / 1000)
    rows = (to_row(answer) for answers in rounds for answer in answers)
    with sqlite3.connect(loaded.home.history) as db:
        db.executemany(schema.insert("reading", "INSERT"), ((*head, *values) for *head, values in rows))
        repeat(db, "reading", span_ms, polls)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return begin


def repeat(db: sqlite3.Connection, table: str, span_ms: int, rows: int) -> None:
    """Lay the rows of `table` behind themselves until there are so many."""
    columns = ", ".join(schema.columns_of(table)[1:])
    (there,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    (last,) = db.execute(f"SELECT max(key) FROM {table}").fetchone()  # noqa: S608
    for number in range(1, -(-rows // there)):
        db.execute(
            f"INSERT INTO {table} (key, {columns}) SELECT key + ?, {columns} FROM {table} WHERE key <= ?",  # noqa: S608
            ((number * span_ms) << 8, last),
        )
    db.execute(
        f"DELETE FROM {table} WHERE key > (SELECT key FROM {table} ORDER BY key LIMIT 1 OFFSET ?)",  # noqa: S608
        (rows - 1,),
    )


def sealed(home: Path, order: export.Order) -> tuple[int, float, str]:
    """Export; return rows, seconds of the child's processor time, and the rest in words."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with export.start(home, order, "k3fw9-7hqzm", asked_by="benchmark", anchor=None) as running:
        for _ in running.chunks():
            pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert running.outcome is not None
    assert running.outcome.ok, running.outcome.words
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    words = f"{running.outcome.bytes / 1e6:.1f} MB in {running.progress.elapsed_s:.1f} s"
    return running.outcome.rows, spent, words


def plain(path: Path, view: str) -> None:
    """Print the processor time of a plain dump: one SELECT over the view in units, csv.writer, to nowhere."""
    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    with (
        sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True) as db,
        Path(os.devnull).open("w") as out,
    ):
        begin = time.process_time()
        csv.writer(out).writerows(db.execute(f"SELECT * FROM {view}"))  # noqa: S608
        print(time.process_time() - begin)


def poller(cycles: int) -> None:
    """Print by how much of a cycle each beat of a poller-like loop was late, one a line."""
    due = time.monotonic()
    for _ in range(cycles):
        due += CYCLE_S
        time.sleep(max(0.0, due - time.monotonic()))
        print((time.monotonic() - due) / CYCLE_S)
        busy_until = time.monotonic() + WORK_S
        while time.monotonic() < busy_until:
            pass


def another(*arguments: str) -> subprocess.Popen[str]:
    """Run a part of this file as a process of its own."""
    return subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)


def lines_of(process: subprocess.Popen[str]) -> list[float]:
    """Return the figures that a part printed."""
    said, _ = process.communicate(timeout=600)
    return [float(line) for line in said.split()]


def late(figures: Sequence[float]) -> float:
    """Return the lateness that 19 of 20 beats stay below."""
    return statistics.quantiles(figures, n=20)[-1]


class Findings:
    """Prints each figure beside its claim and remembers what does not hold."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def note(self, what: str, value: float, unit: str, claim: str = "", holds: bool = True) -> None:
        """Print one line; a claim that does not hold is remembered."""
        print(
            f"{what:<52}{value:>12.2f} {unit:<9}{claim:<16}{'' if not claim else 'ok' if holds else 'MISSED'}"
        )
        if not holds:
            self.missed.append(what)


def my_mib() -> float:
    """Return the most memory that this process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(home: Path, polls: int) -> list[str]:
    """Print every figure; return the claims that do not hold."""
    found = Findings()
    begin = make_history(home, polls)
    path = load(home).home.history
    print(f"{YEAR_ROWS} quarters and {polls} polls of five meters, {path.stat().st_size / 1e6:.0f} MB\n")
    year = export.Order("quarter", begin, begin + 366 * DAY_MS)
    every = export.Order("poll", begin, begin + 366 * DAY_MS)
    for order in (year, every):
        best = min(_took(lambda: export.measure(path, order)) for _ in range(3))  # noqa: B023
        found.note(f"estimate of {order.resolution}", best, "ms", "<= 100 ms", best <= 100 * BY_FAR)
    own = my_mib()
    for order, view in ((year, "quarters_v"), (every, "readings_v")):
        rows, seconds, words = sealed(home, order)
        (usual,) = lines_of(another("--plain", str(path), view))
        speed, ratio = rows / seconds, usual / seconds
        print(f"\n{order.resolution}: {rows} rows, {words}")
        found.note("  rows a second", speed, "rows/s", f">= {ROWS_A_SECOND}", speed * BY_FAR >= ROWS_A_SECOND)
        found.note("  plain csv.writer", rows / usual, "rows/s")
        found.note("  ours / plain", ratio, "times", f">= {RATIO:g}", ratio >= RATIO)
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print()
    found.note(
        "peak memory of a child (ours and plain)", child, "MiB", f"<= {CHILD_MIB} MiB", child <= CHILD_MIB
    )
    grown = my_mib() - own
    found.note(
        "  grown in the process that hands it on", grown, "MiB", f"<= {PARENT_MIB} MiB", grown <= PARENT_MIB
    )
    alone = late(lines_of(another("--poller", "50")))
    beside = another("--poller", "50")
    while beside.poll() is None:
        sealed(home, year)
    jitter = late(lines_of(beside))
    found.note("lateness of a poller's beat, alone", 100 * alone, "% cycle")
    holds = jitter <= max(JITTER, alone + JITTER)
    found.note("  beside an export", 100 * jitter, "% cycle", f"<= {100 * JITTER:g} % more", holds)
    return found.missed


def _took(what: object) -> float:
    begin = time.perf_counter()
    what()  # type: ignore[operator]
    return (time.perf_counter() - begin) * 1000


def main() -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--polls", type=int, default=1_000_000, help="polls to make (default 1000000)")
    parser.add_argument("--plain", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--poller", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        plain(Path(arguments.plain[0]), arguments.plain[1])
        return 0
    if arguments.poller:
        poller(arguments.poller)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make_station(home, simulated=True)
        missed = measure(home, max(SIMULATED_POLLS, arguments.polls))
    if missed:
        print(f"\nno longer true: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
