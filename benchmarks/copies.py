#!/usr/bin/env python3
"""The claims of the copies, measured: the first one, an hourly one, a restore, what the card has to bear.

    python3 benchmarks/copies.py [--days 365] [--raw-days 14] [--poll 2]

In the same run SQLite's own backup into a file is made and packed with zlib: a whole copy as others make it.
Gates are ratios to it; the restore has a limit of its own. They hold for a year: with fewer days the day
under way weighs more. Exits 1 when a claim no longer holds.
"""

import argparse
import contextlib
import resource
import sqlite3
import sys
import tempfile
import time
import zlib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from benchmarks.year import END_MS, ZONE, make_year, rounds  # noqa: E402
from substation.clock import SystemClock  # noqa: E402
from substation.settings.model import CARD_METERS, Home, Settings  # noqa: E402
from substation.store import copies, schema  # noqa: E402
from substation.store.history import History  # noqa: E402

HOUR_MS = 3_600_000
RESTORE_S = 300.0
"""A station is to run again within 10 minutes; a small machine is slower than this one."""
SIZE_RATIO = 1.3
"""The copies, text for decades, against the packed file."""
HOURLY_RATIO = 0.08
"""What an hourly copy writes, against what the packed file would."""
FIRST_RATIO = 12.0
"""The first copy and its proof, against backup and packing, in processor time."""
RESTORE_RATIO = 8.0
"""A restore, each row proved, against backup and packing, in processor time."""
CARD_BYTES = 65_536
PEAK_MIB = 120


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--raw-days", type=int, default=14)
    parser.add_argument("--poll", type=float, default=2.0, help="s")
    arguments = parser.parse_args()
    memory = Path("/dev/shm")  # noqa: S108 - a second medium whose writes are not counted as the card's
    with (
        tempfile.TemporaryDirectory(dir=PROJECT, prefix=".copies-") as card,
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as medium,
    ):
        home, stick = Home(Path(card) / "home"), Path(medium) / "stick"
        for folder in (home.folder, stick):
            folder.mkdir()
        make_year(home.history, days=arguments.days, raw_days=arguments.raw_days, poll_s=arguments.poll)
        return judge(measured(home, stick, Path(card) / "new"))


def measured(home: Home, stick: Path, new: Path) -> dict[str, float]:
    """Return every figure."""
    figures: dict[str, float] = {"file, MB": home.history.stat().st_size / 1e6}
    plain_s, packed = plain(home.history, stick)
    figures |= {"plain backup and packing, s of processor": plain_s, "plain, MB": packed / 1e6}
    clock = SystemClock()
    settings = Settings(simulated=True, meters=CARD_METERS, backup={"folder": str(stick)})
    first_s, took, taken = timed(home, settings)
    figures |= {"first copy, s of processor": first_s, "first copy, s": took, "copies, MB": taken.bytes / 1e6}
    figures |= {"first / plain": first_s / plain_s, "size / plain": taken.bytes / packed}
    append_hour(home)
    before = written()
    hourly_s, took, taken = timed(home, settings)
    figures |= {"hourly copy, s of processor": hourly_s, "hourly copy, s": took}
    figures |= {"hourly, MB": taken.written / 1e6, "hourly / plain": taken.written / packed}
    figures["card, bytes an hourly copy"] = written() - before
    began, worked = clock.monotonic(), time.process_time()
    new.mkdir()
    done = copies.restore(stick, Home(new), clock)
    figures["restore, s"] = clock.monotonic() - began
    figures["restore / plain"] = (time.process_time() - worked) / plain_s
    figures["restored, rows"] = sum(done.rows.values())
    figures["unlike rows"] = unlike(home.history, new / "daily_data.db")
    figures["peak, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def judge(figures: dict[str, float]) -> int:
    """Print the figures and what was claimed; return the exit code."""
    claims = {
        "first / plain": FIRST_RATIO,
        "size / plain": SIZE_RATIO,
        "hourly / plain": HOURLY_RATIO,
        "card, bytes an hourly copy": CARD_BYTES,
        "restore, s": RESTORE_S,
        "restore / plain": RESTORE_RATIO,
        "unlike rows": 0,
        "peak, MiB": PEAK_MIB,
    }
    broken = 0
    for name, figure in figures.items():
        limit = claims.get(name)
        verdict = "" if limit is None else f"  at most {limit:g}: {'ok' if figure <= limit else 'BROKEN'}"
        broken += limit is not None and figure > limit
        print(f"{name:<42}{figure:>14.3f}{verdict}")
    return int(broken > 0)


def plain(history: Path, stick: Path) -> tuple[float, int]:
    """Copy as others do: the whole file, packed; return seconds and bytes."""
    began, size = time.process_time(), 0
    target = stick / "plain.db"
    with (
        contextlib.closing(sqlite3.connect(history)) as source,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy, pages=10_000)
    squeeze = zlib.compressobj(1)
    with target.open("rb") as file:
        while block := file.read(1 << 20):
            size += len(squeeze.compress(block))
    target.unlink()
    return time.process_time() - began, size + len(squeeze.flush())


def timed(home: Home, settings: Settings) -> tuple[float, float, copies.Taken]:
    """Take a copy; return processor time, time, and what it did."""
    began, clock = time.process_time(), SystemClock()
    at = clock.monotonic()
    taken = copies.take(home, settings, clock)
    if not taken.ok:
        raise SystemExit(taken.words)
    return time.process_time() - began, clock.monotonic() - at, taken


def append_hour(home: Home) -> None:
    """Let the station run for another hour."""
    history = History(home.history, True, SystemClock(), ZONE, raw_days=3660, minute_days=3660)
    for answers in rounds(END_MS, END_MS + HOUR_MS, 2.0):
        history.add(answers)
    history.close()


def written() -> int:
    """Return the bytes that this process has sent to block devices: to the card, not to the medium."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def unlike(one: Path, other: Path) -> int:
    """Return how many rows differ."""
    count = 0
    with (
        contextlib.closing(sqlite3.connect(one)) as ours,
        contextlib.closing(sqlite3.connect(other)) as theirs,
    ):
        for table in ("reading", *schema.ROLLUPS):
            question = f"{schema.select(table)} ORDER BY key"
            pairs = zip(ours.execute(question), theirs.execute(question), strict=True)
            count += sum(left != right for left, right in pairs)
    return count


if __name__ == "__main__":
    sys.exit(main())
