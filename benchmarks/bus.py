#!/usr/bin/env python3
"""The claims of the bus, measured on a simulated RS-485 line that keeps real wire time.

    python3 benchmarks/bus.py [--baud 9600 19200 115200] [--runs 7]    round against the limit, beside others
    python3 benchmarks/bus.py --lines 4 [--seconds 20]                 four lines on a quarter of a processor

A run is one round of five meters x 76 registers at 30 ms turnaround. What is printed are medians as a
ratio to what the wire allows at the least (1.00 = the limit; below it only by breaking the silence t3.5),
the silences that the line saw broken, and the processor's time for a transaction. Plain pymodbus,
minimalmodbus and mbpoll (where it is installed) read the same meters in the same run, in turn with us. Exits
1 when a claim fails.
"""

import argparse
import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import minimalmodbus
from pymodbus.client import ModbusSerialClient

from substation.bus.line import Line
from substation.bus.plant import Plant
from substation.bus.scan import Scanner
from substation.clock import SystemClock
from substation.meters.pace import Pace
from substation.meters.profile import load
from substation.settings.model import CARD_METERS, Poll, Settings
from substation.settings.model import Line as LineSettings
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site

TURNAROUND_S = 0.03
FIRST, REGISTERS = 100, 76
METERS = (1, 2, 3, 4, 5)
WANTED = {9600: 0.97, 19_200: 0.97, 115_200: 0.95}
"""Part of the limit that has to be reached, by baud; between them the lower."""
MOST_CPU_MS = 2.0
BUSY_PROGRAMS = 3
"""Together with the poller on one processor, that leaves it a quarter."""

Read = Callable[[int], bool]
"""Reads the block of one meter; returns whether it came."""


class Wire:
    """A simulated line in a process of its own, so that it takes no time from whoever is measured."""

    def __init__(self, baud: int) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_answer_meters, args=(baud, theirs), daemon=True)
        self._process.start()
        self.port = str(self._pipe.recv())

    def counts(self) -> tuple[int, int]:
        """Return the silences broken and the requests heard until now."""
        self._pipe.send("counts")
        violations, frames = self._pipe.recv()
        return int(violations), int(frames)

    def close(self) -> None:
        """End it."""
        self._pipe.send("end")
        self._process.join()


def _answer_meters(baud: int, pipe: multiprocessing.connection.Connection) -> None:
    clock = SystemClock()
    site = Site(1, epoch_ms=clock.now_ms() - 3_600_000, zone=zoneinfo.ZoneInfo("Asia/Kolkata"))
    profile = load("elmeasure_lgplus")
    with SimulatedLine(
        site, clock, baud=baud, turnaround_ms=TURNAROUND_S * 1000, profile=profile
    ) as simulated:
        pipe.send(simulated.port)
        while pipe.recv() == "counts":
            pipe.send((simulated.violations, simulated.frames))


@contextlib.contextmanager
def ours(port: str, baud: int) -> Iterator[Callable[[], int]]:
    """A round of this program."""
    clock, profile = SystemClock(), load("elmeasure_lgplus")
    line = Line(LineSettings(port=port, baud=baud), clock)
    scanner = Scanner(line, [(meter, profile) for meter in CARD_METERS], clock)
    yield lambda: sum(reading.answered for reading in scanner.round())
    line.close()


@contextlib.contextmanager
def plain_pymodbus(port: str, baud: int) -> Iterator[Callable[[], int]]:
    """A round as the library's documentation shows it, one block a meter."""
    client = ModbusSerialClient(port, baudrate=baud, parity="N", timeout=1)
    client.connect()

    def read(meter_id: int) -> bool:
        return not client.read_holding_registers(FIRST, count=REGISTERS, device_id=meter_id).isError()

    yield lambda: sum(map(read, METERS))
    client.close()


@contextlib.contextmanager
def minimal(port: str, baud: int) -> Iterator[Callable[[], int]]:
    """A round of minimalmodbus, one block a meter."""
    meters = [minimalmodbus.Instrument(port, meter_id) for meter_id in METERS]
    for meter in meters:
        meter.serial.baudrate, meter.serial.timeout = baud, 1
    yield lambda: sum(len(meter.read_registers(FIRST, REGISTERS)) == REGISTERS for meter in meters)
    meters[0].serial.close()


@contextlib.contextmanager
def mbpoll(port: str, baud: int) -> Iterator[Callable[[], int]]:
    """A round of mbpoll, which needs a second or so to begin: its own pause between meters is the least."""
    command = ["mbpoll", "-m", "rtu", "-b", str(baud), "-P", "none", "-0", "-r", str(FIRST), "-c"]
    command += [str(REGISTERS), "-a", ",".join(map(str, METERS)), "-t", "4", "-o", "1", "-1", "-q", port]

    def read() -> int:
        found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return found.stdout.count(f"[{FIRST}]:")

    yield read


OTHERS = {"plain pymodbus": plain_pymodbus, "minimalmodbus": minimal, "mbpoll": mbpoll}


@dataclasses.dataclass
class Tally:
    """What one program did."""

    times: list[float] = dataclasses.field(default_factory=list)
    answered: int = 0
    broken: int = 0
    cpu_s: float = 0.0


def compare(baud: int, runs: int) -> bool:
    """Measure every program at one speed; print it; return whether our claims hold."""
    limit_s = len(METERS) * Pace(baud).transaction_s(REGISTERS, TURNAROUND_S)
    programs = {"this program": ours, **OTHERS}
    if shutil.which("mbpoll") is None:
        del programs["mbpoll"]
        print("mbpoll is not installed (apt install mbpoll): left out")
    tallies = {name: Tally() for name in programs}
    wire = Wire(baud)
    for run in range(runs + 1):  # the first warms up
        for name, program in programs.items():
            with program(wire.port, baud) as read_all:
                if name == "this program":
                    read_all()  # learns how long the meters think
                time.sleep(0.05)
                _one_round(read_all, wire, tallies[name], counts=run > 0)
    wire.close()
    print(f"\n{baud} baud 8E1, {len(METERS)} meters x {REGISTERS} registers, limit {limit_s:.4f} s a round")
    print(f"{'':<16}{'round':>9}{'ratio':>8}{'t3.5 broken':>14}{'answered':>10}{'CPU ms':>8}")
    asked = runs * len(METERS)
    for name, tally in tallies.items():
        median_s = statistics.median(tally.times)
        print(
            f"{name:<16}{median_s:8.4f}s{median_s / limit_s:8.3f}{tally.broken:8} of {asked:<3}"
            f"{tally.answered:6} of {asked:<3}{1000 * tally.cpu_s / asked:6.2f}"
        )
    mine = tallies["this program"]
    wanted = WANTED.get(baud, min(WANTED.values()))
    share = limit_s / statistics.median(mine.times)
    cpu_ms = 1000 * mine.cpu_s / asked
    return _verdict(
        {
            f"{share:.1%} of the limit, {wanted:.0%} wanted": share >= wanted,
            f"{mine.broken} silences broken, none wanted": mine.broken == 0,
            f"{mine.answered} of {asked} answered": mine.answered == asked,
            f"{cpu_ms:.2f} ms of the processor a transaction, at most {MOST_CPU_MS}": cpu_ms <= MOST_CPU_MS,
        }
    )


def _one_round(read_all: Callable[[], int], wire: Wire, tally: Tally, *, counts: bool) -> None:
    broken, _ = wire.counts()
    cpu_s, started_s = _cpu_s(), time.monotonic()
    answered = read_all()
    took_s = time.monotonic() - started_s
    cpu_s = _cpu_s() - cpu_s
    if counts:
        tally.times.append(took_s)
        tally.answered += answered
        tally.broken += wire.counts()[0] - broken
        tally.cpu_s += cpu_s


def _cpu_s() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in usage)


def several(lines: int, seconds: float, baud: int) -> bool:
    """Poll several lines at once beside busy programs on one processor; return whether the claims hold."""
    wires = [Wire(baud) for _ in range(lines)]
    settings = Settings(
        simulated=True,
        lines=tuple(
            LineSettings(name=f"line {n}", port=wire.port, baud=baud) for n, wire in enumerate(wires, 1)
        ),
        meters=tuple(
            meter.model_copy(
                update={
                    "id": 10 * n + meter.id,
                    "name": f"{meter.name} {n}",
                    "device_id": meter.id,
                    "line": f"line {n}",
                }
            )
            for n in range(1, lines + 1)
            for meter in CARD_METERS
        ),
        poll=Poll(interval_s=0, slow_interval_s=0),
    )
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    busy = [multiprocessing.Process(target=_be_busy, daemon=True) for _ in range(BUSY_PROGRAMS)]
    for process in busy:
        process.start()
    plant = Plant(settings, SystemClock())
    answered, cpu_s, end_s = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        answered += sum(reading.answered for reading in plant.round(None, lambda: False))
    cpu_s = time.process_time() - cpu_s
    counts = [wire.counts() for wire in wires]
    plant.close()
    for process in busy:
        process.kill()
    os.sched_setaffinity(0, processors)
    for wire in wires:
        wire.close()
    possible = lines * seconds / Pace(baud).transaction_s(REGISTERS, TURNAROUND_S)
    frames, broken = sum(frames for _, frames in counts), sum(broken for broken, _ in counts)
    print(
        f"\n{lines} lines at {baud} baud for {seconds:.0f} s, "
        f"one processor shared with {BUSY_PROGRAMS} others"
    )
    return _verdict(
        {
            f"{answered} answers, {answered / possible:.1%} of what the wires allow, 90% wanted": answered
            >= 0.9 * possible,
            f"{broken} of {frames} silences broken, none wanted": broken == 0,
            f"{1000 * cpu_s / max(1, answered):.2f} ms of the processor each, at most {MOST_CPU_MS}; "
            f"{cpu_s / seconds:.1%} of its time": cpu_s <= MOST_CPU_MS / 1000 * max(1, answered),
        }
    )


def _be_busy() -> None:
    while True:
        sum(range(10_000))


def _verdict(claims: dict[str, bool]) -> bool:
    for words, holds in claims.items():
        print(f"{'holds' if holds else 'DOES NOT HOLD'}: {words}")
    return all(claims.values())


def main() -> int:
    """Measure what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--baud", type=int, nargs="+", default=list(WANTED))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--lines", type=int, help="so many lines at once, on a quarter of a processor")
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    if arguments.runs < 5:
        parser.error("a median of fewer than 5 runs says little")
    if arguments.lines:
        return 0 if several(arguments.lines, arguments.seconds, arguments.baud[0]) else 1
    held = [compare(baud, arguments.runs) for baud in arguments.baud]  # each is measured
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
