"""Claim: a round of five meters takes at most 1.03 x what the wire can do, and never breaks t3.5.

`python3 benchmarks/bus.py [--baud 9600] [--rounds 7]` prints the median round against the limit, the
silences the simulated line saw broken, and the CPU a transaction costs. It exits 1 when the claim does not
hold any more.
"""

import argparse
import statistics
import sys
import time
import zoneinfo
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from substation.bus.line import Line
from substation.bus.scan import Scanner
from substation.clock import SystemClock
from substation.meters.pace import Pace
from substation.meters.profile import load
from substation.settings.model import CARD_METERS
from substation.settings.model import Line as LineSettings
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site

ALLOWED = 1.03
TURNAROUND_MS = 30.0
REGISTERS = 76


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baud", type=int, default=9600)
    parser.add_argument("--rounds", type=int, default=7, help="rounds counted; one more warms up")
    arguments = parser.parse_args()
    if arguments.rounds < 5:
        parser.error("a median of fewer than 5 rounds says little")
    clock, profile = SystemClock(), load("elmeasure_lgplus")
    site = Site(1, epoch_ms=clock.now_ms() - 3_600_000, zone=zoneinfo.ZoneInfo("Asia/Kolkata"))
    limit_s = len(CARD_METERS) * Pace(arguments.baud).transaction_s(REGISTERS, TURNAROUND_MS / 1000)
    with SimulatedLine(
        site, clock, baud=arguments.baud, turnaround_ms=TURNAROUND_MS, profile=profile
    ) as simulated:
        line = Line(LineSettings(port=simulated.port, baud=arguments.baud), clock)
        scanner = Scanner(line, [(meter, profile) for meter in CARD_METERS], clock)
        scanner.round()
        times, answered, cpu_s = [], 0, time.thread_time()
        for _ in range(arguments.rounds):
            started = time.monotonic()
            answered += sum(reading.answered for reading in scanner.round())
            times.append(time.monotonic() - started)
        cpu_s = time.thread_time() - cpu_s
        line.close()
    asked = arguments.rounds * len(CARD_METERS)
    ratio = statistics.median(times) / limit_s
    print(f"{arguments.baud} baud 8E1, {len(CARD_METERS)} meters x {REGISTERS} registers, 30 ms turnaround")
    print(f"round: median {statistics.median(times):.4f} s, limit {limit_s:.4f} s, ratio {ratio:.4f}")
    print(f"t3.5 broken: {simulated.violations} of {simulated.frames} requests")
    print(f"answered: {answered} of {asked}; CPU a transaction: {1000 * cpu_s / asked:.2f} ms")
    holds = ratio <= ALLOWED and simulated.violations == 0 and answered == asked
    print("holds" if holds else f"DOES NOT HOLD: ratio <= {ALLOWED}, no t3.5 broken, all answered")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
