#!/usr/bin/env python3
"""How long the paper forms take on a history that is a year old, and what the PDF costs in memory.

    python3 benchmarks/forms.py                      a year, 2 days of readings at 10 s
    python3 benchmarks/forms.py --home FOLDER        an existing history instead

The claims: the hourly log sheets of a day of five meters, read and as PDF, take less than 5 s; the month's
statement is worked out in less than 5 s, its PDF made in less than 5 s, and the child that makes either takes
less than 120 MB. The processor's time is that of both processes: what a machine without other work takes.
"""

import argparse
import datetime as dt
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar, cast

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from benchmarks.year import END_MS, make_year  # noqa: E402
from substation.clock import site_time  # noqa: E402
from substation.meters import profile  # noqa: E402
from substation.reports import log_book  # noqa: E402
from substation.reports.child import FORMS, made  # noqa: E402
from substation.reports.document import Document  # noqa: E402
from substation.reports.log_sheet import Typed  # noqa: E402
from substation.reports.log_source import ReadDay  # noqa: E402
from substation.reports.statement import worked_out  # noqa: E402
from substation.reports.statement_document import statement_document  # noqa: E402
from substation.settings.model import CARD_METERS, Home, Settings, Site  # noqa: E402
from substation.store.reader import HistoryReader  # noqa: E402

Found = TypeVar("Found")
MONTH = "2026-10"
WORK_S, FORM_S, CHILD_MB = 5.0, 5.0, 120.0
STATION = Settings(simulated=True, site=Site(name="Benchmark"), meters=CARD_METERS)


def timed(what: str, work: Callable[[], Found]) -> tuple[Found, float]:
    """Do it three times; print and return the median, s of the wall clock, with s of the processor."""
    took = []
    for _ in range(3):
        begin, worked = time.perf_counter(), sum(os.times()[:4])
        found = work()
        took.append((time.perf_counter() - begin, sum(os.times()[:4]) - worked))
    wall, cpu = sorted(took)[1]
    print(f"{what:<34} {wall:6.2f} s   {cpu:6.2f} s processor")
    return found, wall


def log_sheets(path: Path) -> float:
    """Return how long a day's log sheets take, 24 hours of five meters, from the history to the PDF, s."""
    home = cast(Home, SimpleNamespace(folder=path.parent, history=path))
    day = site_time(END_MS, STATION.site.zone).date() - dt.timedelta(days=1)
    models = {meter.id: profile.load(meter.profile) for meter in STATION.meters}

    def read() -> ReadDay:
        return log_book.read_day(STATION, home, models.get, day=day, now_ms=END_MS)

    def paper() -> Document:
        return log_book.document(read(), STATION, None, Typed(), "made by a benchmark")

    timed("log sheets, read", read)
    forms = [timed(f"log sheets as {form}", lambda form=form: made(paper(), form))[1] for form in FORMS]
    return max(forms)


def main() -> int:
    """Measure; return 1 when a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a folder with a daily_data.db")
    parser.add_argument("--days", type=int, default=365)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.home / "daily_data.db" if arguments.home else Path(folder) / "daily_data.db"
        if arguments.home is None:
            make_year(path, days=arguments.days, raw_days=2, poll_s=10)
        print(
            f"{path.stat().st_size / 1e6:.0f} MB, {len(STATION.meters)} meters, {MONTH} and the month before"
        )
        reader = HistoryReader(path)
        statement, work_s = timed(
            "worked out", lambda: worked_out(STATION, reader, MONTH, END_MS, written={}, profiles={})
        )
        document = statement_document(statement, STATION, "made by a benchmark")
        forms = [timed(f"as {form}", lambda form=form: made(document, form))[1] for form in FORMS]
        sheet_s = log_sheets(path)
        child_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{'the child, at most':<34} {child_mb:6.0f} MB")
    held = work_s < WORK_S and sheet_s < FORM_S and max(forms) < FORM_S and child_mb < CHILD_MB
    print("holds" if held else f"does NOT hold: {WORK_S:g} s, {FORM_S:g} s, {CHILD_MB:g} MB")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
