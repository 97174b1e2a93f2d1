#!/usr/bin/env python3
"""Weeks of polling in an hour: does the poller grow, does it leave files open?

    python3 benchmarks/soak.py [--cycles 1000000] [--interval 2] [--folder /dev/shm]

Every cycle takes all steps and chores of the poller (`acquisition/spine.py`) on a clock that runs as fast as
they do: counters, supply, live file and its compaction, history, commits, retention, heartbeat, events. The
wire alone is left out: five meters' readings come from memory, now and then one is silent. Prints one row;
exits 1 when resident memory rises by 1 MB or more in 100 000 cycles, or the number of open files changes.
"""

import argparse
import gc
import logging
import os
import statistics
import sys
import tempfile
import time
import zoneinfo
from collections.abc import Callable, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from substation.acquisition.spine import Poller  # noqa: E402
from substation.quantities import COUNTERS  # noqa: E402
from substation.readings import Quality, Reading, missing  # noqa: E402
from substation.settings import files, vault  # noqa: E402
from substation.settings.model import CARD_METERS, Poll, Settings  # noqa: E402
from substation.simulator.history import readings  # noqa: E402
from substation.simulator.site import Site  # noqa: E402

ZONE = zoneinfo.ZoneInfo("Asia/Kolkata")
BEGIN_MS = 1_795_500_000_000
MOST_MB = 1.0
"""What memory may rise in 100 000 cycles."""
STEP_MB = 4.0
"""What an allocator takes at once: a run too short to tell a slope from it may rise by so much in all."""
SAMPLES = 40
WARM = 4
"""Samples until caches are full."""
SILENT_EVERY, SILENT_FOR = 2_000, 5
"""Cycles between two silences of a meter, and how long one lasts."""


class FastClock:
    """Implements `substation.clock.Clock`: goes on only when it is told to."""

    def __init__(self) -> None:
        self.ms, self.mono = BEGIN_MS, 1000.0

    def now_ms(self) -> int:
        """Return UTC, ms."""
        return self.ms

    def monotonic(self) -> float:
        """Return seconds since anything."""
        return self.mono

    def sleep(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.mono += seconds
        self.ms += round(seconds * 1000)


def said_by(number: int, at_ms: int, pattern: Sequence[list[Reading]]) -> tuple[Reading, ...]:
    """Return what five meters say in a cycle: a day's pattern again and again, counters that go on."""
    answers = pattern[number % len(pattern)]
    silent = 1 + number // SILENT_EVERY % 5 if number % SILENT_EVERY < SILENT_FOR else 0
    made = []
    for reading in answers:
        arrived_ms = at_ms + reading.meter_id * 100
        if reading.meter_id == silent:
            made.append(missing(silent, arrived_ms, Quality.NO_ANSWER, "timeout"))
            continue
        values = dict(reading.values)
        if number % 30:  # as on the wire: registers are asked for once a minute
            for key in COUNTERS:
                values.pop(key, None)
        else:
            values |= dict.fromkeys(COUNTERS, 1e6 + number * 10.0)
        made.append(Reading(reading.meter_id, arrived_ms, values))
    return tuple(made)


def begin(folder: Path, clock: FastClock, interval_s: float) -> Poller:
    """Return a station's poller whose wire is memory."""
    settings = Settings(simulated=True, meters=CARD_METERS, poll=Poll(interval_s=interval_s))
    vault.write_key(folder / "config_key.key", vault.new_key())
    files.save(folder, settings)
    poller = Poller(files.load(folder), clock)
    site = Site(1, epoch_ms=BEGIN_MS, zone=ZONE)
    pattern = list(readings(site, BEGIN_MS, BEGIN_MS + 86_400_000, 120.0, slow_s=0.0))

    def scan() -> None:
        poller.readings = said_by(poller.number, clock.ms, pattern)

    poller.scan = scan  # type: ignore[method-assign]
    return poller


def rss_mb() -> float:
    """Return how much memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cycle(poller: Poller, clock: FastClock, interval_s: float) -> None:
    """Take one round with what follows it."""
    poller.schedule.begin()
    poller.number += 1
    for step in poller.steps:
        with poller.problems.survived(step.__name__):
            step()
    poller.do_chores()
    clock.sleep(interval_s)


def slope_mb(rss: Sequence[float], cycles_a_sample: int) -> float:
    """Return by how much memory rises in 100 000 cycles."""
    rise = statistics.linear_regression(range(len(rss)), rss).slope
    return float(rise * 100_000 / cycles_a_sample)


def soak(cycles: int, interval_s: float, where: str | None, tell: Callable[[str], None]) -> bool:
    """Run so many cycles, print the row; return whether the claims hold."""
    began_s, clock = time.monotonic(), FastClock()
    each = max(1, cycles // SAMPLES)
    rss, opened = [], set()
    with tempfile.TemporaryDirectory(dir=where) as name:
        folder = Path(name)
        folder.chmod(0o700)
        poller = begin(folder, clock, interval_s)
        for number in range(each * SAMPLES):
            cycle(poller, clock, interval_s)
            if (number + 1) % each == 0:
                gc.collect()
                rss.append(rss_mb())
                if len(rss) > WARM:
                    opened.add(len(os.listdir("/proc/self/fd")))  # noqa: PTH208 - its own handle counts alike
        problems = poller.problems.words
        poller.stop()
        megabytes = sum(path.stat().st_size for path in folder.glob("daily_data.db")) / 1e6
    warm = rss[WARM:]
    rise, total = slope_mb(warm, each), warm[-1] - warm[0]
    grows = rise >= MOST_MB and total >= STEP_MB
    days = cycles * interval_s / 86_400
    tell(
        f"{cycles} cycles ({days:.1f} days) in {time.monotonic() - began_s:.0f} s: memory {warm[0]:.1f} to "
        f"{warm[-1]:.1f} MB, {rise:+.2f} MB in 100 000 cycles (< {MOST_MB:g}); open files "
        f"{'/'.join(map(str, sorted(opened)))}; database {megabytes:.0f} MB; "
        f"problems: {'; '.join(problems) or 'none'}"
    )
    return not grows and len(opened) == 1 and not problems


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="Weeks of polling: does the poller grow?")
    parser.add_argument("--cycles", type=int, default=1_000_000)
    parser.add_argument("--interval", type=float, default=2.0, help="seconds from round to round")
    parser.add_argument("--folder", help="where the station stands meanwhile; it needs 0.6 GB a million")
    arguments = parser.parse_args()
    logging.getLogger("poller").addHandler(logging.NullHandler())
    logging.getLogger("poller").propagate = False
    return 0 if soak(arguments.cycles, arguments.interval, arguments.folder, print) else 1


if __name__ == "__main__":
    sys.exit(main())
