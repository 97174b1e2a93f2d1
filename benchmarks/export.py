#!/usr/bin/env python3
"""R35, and the claims of the export, measured: speed, memory, a poller and a dashboard beside it.

    python3 benchmarks/export.py [--year]

On a generated history (`benchmarks/year.py`): a month of minutes by default, with `--year` all of it (2.6
million rows, 1 GB in the folder for temporary files). In the same run pandas `to_csv`, `sqlite3 -csv` in
clear, and `csv.writer` over one SELECT: to nowhere, without archive, manifest or progress.

Speed depends on the machine and its other work, so it is counted in processor time, start of the child
included, and its gate is the ratio against `csv.writer`. Exits 1 when a gate is missed.
"""

import argparse
import csv
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from benchmarks.year import DAY_MS, END_MS, make_year  # noqa: E402
from substation import export  # noqa: E402
from substation.commands.configuration_make import make_station  # noqa: E402
from substation.export.running import NICE  # noqa: E402
from substation.settings.files import load  # noqa: E402
from tests.browser.stage import Stage, frozen  # noqa: E402
from tests.dashboard.conftest import basic  # noqa: E402

RATIO = 1.0
"""Ours / csv.writer, rows a second: 30 000 is the target where a plain csv.writer makes 29 000."""
ROWS_A_SECOND = 30_000
TOTAL_MIB = 150e6 / 2**20
CYCLE_S, WORK_S, BEATS = 0.2, 0.01, 50
JITTER = 0.1
LIVE_MS = 100
LIVE_RATIO = 3.0
"""Beside an export / alone: what holds on a machine that is slow by itself."""
PASSWORD = "k3fw9-7hqzm"  # noqa: S105 - of archives that nobody keeps
VIEW = {"minute": "minutes_v", "poll": "readings_v"}


def sealed(home: Path, order: export.Order) -> tuple[int, float, float]:
    """Export; print how it was; return rows, seconds of the child's processor time, its greatest memory."""
    before, most = resource.getrusage(resource.RUSAGE_CHILDREN), 0.0
    with export.start(home, order, PASSWORD, asked_by="benchmark", anchor=None) as running:
        for number, _ in enumerate(running.chunks()):
            if number % 20 == 0:
                most = max(most, pss_mib(running.pid))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert running.outcome is not None
    assert running.outcome.ok, running.outcome.words
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(
        f"\n{order.form}, {order.resolution}: {running.outcome.rows} rows, "
        f"{running.outcome.bytes / 1e6:.1f} MB in {running.progress.elapsed_s:.1f} s"
    )
    return running.outcome.rows, spent, most


def pss_mib(pid: int) -> float:
    """Return the proportional memory of a process, MiB; 0 when it is over."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")) / 1024


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


def with_pandas(path: Path, view: str) -> None:
    """Print the processor time of the same through pandas, in chunks, and its greatest memory in MiB."""
    import pandas as pd  # noqa: PLC0415 - of this part alone

    os.setpriority(os.PRIO_PROCESS, 0, NICE)
    with sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True) as db:
        begin = time.process_time()
        for frame in pd.read_sql_query(f"SELECT * FROM {view}", db, chunksize=50_000):  # noqa: S608
            frame.to_csv(os.devnull, index=False)
        print(time.process_time() - begin)


def with_sqlite3(path: Path, view: str) -> float:
    """Return the processor time of the command line `sqlite3 -csv`; NaN without it."""
    program = shutil.which("sqlite3")
    if program is None:
        return float("nan")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [program, "-readonly", "-csv", str(path), f"SELECT * FROM {view}"]  # noqa: S608
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


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
    said, _ = process.communicate(timeout=1800)
    return [float(line) for line in said.split()]


def late(figures: Sequence[float]) -> float:
    """Return the figure that 19 of 20 stay below."""
    return statistics.quantiles(figures, n=20)[-1]


class Findings:
    """Prints each figure beside its target and remembers the gates that were missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def note(
        self, what: str, value: float, unit: str, target: str = "", holds: bool = True, *, gate: bool = True
    ) -> None:
        """Print one line; a gate that was missed is remembered."""
        word = "" if not target else "ok" if holds else "MISSED" if gate else "missed"
        print(f"{what:<52}{value:>12.2f} {unit:<9}{target:<18}{word}", flush=True)
        if not holds and gate:
            self.missed.append(what)


def my_mib() -> float:
    """Return the most memory that this process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def speed(home: Path, orders: list[export.Order], found: Findings) -> None:
    """Print rows a second and memory of each order, and what others make of the same rows."""
    path = load(home).home.history
    for order in orders:
        own = my_mib()
        rows, seconds, most = sealed(home, order)
        rate, view = rows / seconds, VIEW[order.resolution]
        found.note("  rows a second of processor time", rate, "rows/s", *_target(order, rate), gate=False)
        found.note("  memory of the child, PSS", most, "MiB")
        grown = my_mib() - own
        total = most + grown
        found.note("  with what the parent grew", total, "MiB", f"<= {TOTAL_MIB:.0f} MiB", total <= TOTAL_MIB)
        if order.form != "csv":
            continue
        (usual,) = lines_of(another("--plain", str(path), view))
        found.note("  csv.writer, in clear", rows / usual, "rows/s")
        found.note("  ours / csv.writer", usual / seconds, "times", f">= {RATIO:g}", usual / seconds >= RATIO)
        (pandas,) = lines_of(another("--pandas", str(path), view))
        found.note("  pandas to_csv, in clear", rows / pandas, "rows/s")
        found.note("  ours / pandas", pandas / seconds, "times", ">= 1", pandas >= seconds)
        found.note("  sqlite3 -csv, in clear", rows / with_sqlite3(path, view), "rows/s")


def _target(order: export.Order, rate: float) -> tuple[str, bool]:
    return (f">= {ROWS_A_SECOND}", rate >= ROWS_A_SECOND) if order.form == "csv" else ("", True)


class Exporting:
    """Exports again and again while used as a context."""

    def __init__(self, home: Path, order: export.Order) -> None:
        self._home, self._order, self._stop = home, order, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Exporting":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with export.start(self._home, self._order, PASSWORD, asked_by="benchmark", anchor=None) as one:
                for _ in one.chunks():
                    if self._stop.is_set():
                        break


def beside(home: Path, order: export.Order, found: Findings) -> None:
    """Print what an export does to a poller's beat."""
    alone = late(lines_of(another("--poller", str(BEATS))))
    with Exporting(home, order):
        jitter = late(lines_of(another("--poller", str(BEATS))))
    print()
    found.note("lateness of a poller's beat, alone", 100 * alone, "% cycle")
    more = jitter - alone
    found.note("  beside an export", 100 * jitter, "% cycle")
    found.note("  of that by the export", 100 * more, "% cycle", f"<= {100 * JITTER:g} %", more <= JITTER)


def live(folder: Path, home: Path, order: export.Order, found: Findings) -> None:
    """Print how long `/api/live` of a real dashboard takes while an export runs."""
    folder.mkdir(mode=0o700)
    stage = Stage(folder)
    try:
        stage.remember(step_s=60, hours=2)
        stage.play(frozen)
        stage.serve()
        asked = urllib.request.Request(  # noqa: S310 - our own server on loopback
            f"{stage.address}api/live", headers={"Authorization": basic()}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def p95() -> float:
            took = []
            for _ in range(100):
                begin = time.perf_counter()
                with opener.open(asked, timeout=30) as answer:
                    answer.read()
                took.append((time.perf_counter() - begin) * 1000)
                time.sleep(0.02)
            return late(took)

        alone = p95()
        with Exporting(home, order):
            busy = p95()
    finally:
        stage.close()
    found.note("/api/live, 95 of 100, alone", alone, "ms")
    found.note("  beside an export", busy, "ms", f"< {LIVE_MS} ms", busy < LIVE_MS, gate=False)
    found.note("  beside / alone", busy / alone, "times", f"<= {LIVE_RATIO:g}", busy <= LIVE_RATIO * alone)


def main() -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--year", action="store_true", help="a whole year (default: 30 days)")
    parser.add_argument("--plain", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--pandas", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--poller", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain:
        plain(Path(arguments.plain[0]), arguments.plain[1])
        return 0
    if arguments.pandas:
        with_pandas(Path(arguments.pandas[0]), arguments.pandas[1])
        return 0
    if arguments.poller:
        poller(arguments.poller)
        return 0
    days, found = 365 if arguments.year else 30, Findings()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        make_station(home, simulated=True)
        path = load(home).home.history
        make_year(path, days=days, raw_days=1, poll_s=10)
        print(f"{days} days of minutes, {path.stat().st_size / 1e6:.0f} MB")
        begin, month = END_MS - days * DAY_MS, END_MS - 30 * DAY_MS
        minutes = export.Order("minute", begin, END_MS)
        others = [export.Order("minute", month, END_MS, form=one) for one in ("parquet", "xlsx")]
        speed(home, [minutes, *others], found)
        beside(home, minutes, found)
        live(Path(folder) / "stage", home, minutes, found)
    if found.missed:
        print(f"\nno longer true: {', '.join(found.missed)}")
    return 1 if found.missed else 0


if __name__ == "__main__":
    sys.exit(main())
