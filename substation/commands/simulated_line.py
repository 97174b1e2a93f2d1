"""The simulated line of a demo: five meters answering on `state/line1` until SIGTERM.

Plays a failure of the mains with the change-over to the DG set, so that a newcomer sees one, and
takes orders from `state/simulator.json` while it runs (`substation.simulator.orders`).
"""

import contextlib
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from substation.clock import SystemClock, iso
from substation.commands.configuration_open import load_mended
from substation.commands.usage import Parser
from substation.errors import EXIT_BUSY, EXIT_CONFIG, EXIT_OK, Busy, SettingsError, SubstationError
from substation.meters import profile
from substation.settings import files
from substation.settings.model import Home, Settings
from substation.simulator import kept
from substation.simulator.line import SimulatedLine
from substation.simulator.orders import OrderFile, Orders
from substation.simulator.site import METERS, Failure, Site, Supply, Trouble

SERVICE = "simulator"
LINK = "line1"
ORDERS = "simulator.json"
LOCK = "simulator.lock"
FAILURE_LASTS_MS = 120_000
LOOK_S = 0.25
SOON_MS = 50
"""A failure begins this long after it was ordered at the soonest: what was said stays said."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the line in the foreground; return the exit code."""
    parser = Parser(prog="simulated_line", description="Five simulated meters on state/line1, until SIGTERM.")
    parser.add_argument("--baud", type=int, help="bits per second; default: as the line is set")
    parser.add_argument("--turnaround-ms", type=float, default=30, help="how long a meter thinks (30)")
    parser.add_argument(
        "--failure-after-s",
        type=float,
        default=180,
        help="when to play a failure of the mains, counted from the start (180); 0 = never",
    )
    options = parser.parse_args(argv)
    if options.turnaround_ms < 0 or not 300 <= (options.baud or 9600) <= 4_000_000:
        parser.error("--baud lies between 300 and 4000000, --turnaround-ms is not negative")
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    folder = files.home_folder()
    try:
        settings = _demo(load_mended(folder, SERVICE).settings, folder)
        state = folder / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        with _alone(state):
            site = kept.site_of(folder, settings.site.zone, SystemClock().now_ms())
            with _line(settings, site, state, options.baud, options.turnaround_ms) as line:
                return Play(line, folder, options.failure_after_s).until(ending)
    except SubstationError as exc:
        print(exc, file=sys.stderr)
        return EXIT_BUSY if isinstance(exc, Busy) else EXIT_CONFIG


class Play:
    """What happens on the line while it runs."""

    def __init__(self, line: SimulatedLine, folder: Path, failure_after_s: float) -> None:
        """Take a line that answers; `failure_after_s` from now the mains fail, 0 = never."""
        self._line = line
        self._site = line.site
        self._folder = folder
        self._clock = SystemClock()
        self._failure_s = self._clock.monotonic() + failure_after_s if failure_after_s > 0 else None
        self._orders = OrderFile(folder / "state" / ORDERS)
        self._ordered: set[int] = set()
        self._troubled: set[Trouble] = set()
        self._supply: Supply | None = None

    def until(self, ending: threading.Event) -> int:
        """Play until the event is set; return the exit code."""
        self._site.at(self._clock.now_ms())  # the registers catch up with the days since their epoch
        print(
            f"simulated line ready: {self._folder / 'state' / LINK} -> {self._line.port}, "
            f"{self._line.baud} baud",
            flush=True,
        )
        while not ending.wait(LOOK_S):
            self._step()
            if not self._line.running:
                print("The simulated line has ended by a fault of its own.", file=sys.stderr)
                return 1
        return EXIT_OK

    def _step(self) -> None:
        if self._failure_s is not None and self._clock.monotonic() >= self._failure_s:
            self._failure_s = None
            now_ms = self._clock.now_ms()
            self._fail(Failure(now_ms, now_ms + FAILURE_LASTS_MS))
        try:
            orders = self._orders.changed()
            if orders is not None:
                self._obey(orders)
        except ValueError as exc:
            print(exc, file=sys.stderr, flush=True)
        now_ms = self._clock.now_ms()
        supply = self._site.supply(now_ms)
        if supply is not self._supply:
            self._supply = supply
            print(f"{iso(now_ms)} the station is fed by: {supply.value}", flush=True)

    def _obey(self, orders: Orders) -> None:
        failures, troubles = orders.supply_failures(), orders.supply_troubles()
        orders.give(self._line.faults)
        if orders.unplugged == bool(self._line.port):
            if orders.unplugged:
                self._line.unplug()
            else:
                self._line.replug()
        for failure in failures:
            if failure.start_ms not in self._ordered:
                self._ordered.add(failure.start_ms)
                self._fail(failure)
        for trouble in troubles:
            if trouble not in self._troubled:
                self._troubled.add(trouble)
                self._trouble(trouble)

    def _trouble(self, trouble: Trouble) -> None:
        """Let a fuse or a switch go and write it down; what is over already never was."""
        soonest_ms = self._clock.now_ms() + SOON_MS
        if trouble.end_ms > soonest_ms:
            self._site.trouble(replace(trouble, start_ms=max(trouble.start_ms, soonest_ms)))
            kept.keep(self._folder, self._site)

    def _fail(self, failure: Failure) -> None:
        """Let the mains fail and write it down; a failure that is over already never was."""
        soonest_ms = self._clock.now_ms() + SOON_MS
        if failure.end_ms <= soonest_ms:
            return
        try:
            self._site.fail(replace(failure, start_ms=max(failure.start_ms, soonest_ms)))
        except ValueError as exc:
            print(f"{exc}: not played", file=sys.stderr, flush=True)
            return
        kept.keep(self._folder, self._site)


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    lock = os.open(state / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise Busy(f"The simulated line of {state.parent} already runs; end it with ./stop.sh") from exc
        yield
    finally:
        os.close(lock)


def _demo(settings: Settings, folder: Path) -> Settings:
    if not settings.simulated:
        raise SettingsError(
            f"{folder}: this is a real station; simulated meters answer in a demo only (./start.sh --demo)"
        )
    if len({meter.profile for meter in settings.meters}) != 1:
        raise SettingsError(f"{folder}: the simulated meters are of one model; name one profile for all")
    return settings


def _line(
    settings: Settings, site: Site, state: Path, baud: int | None, turnaround_ms: float
) -> SimulatedLine:
    line = settings.lines[0]
    meters = [meter for meter in settings.meters if meter.line == line.name and meter.id in METERS]
    return SimulatedLine(
        site,
        SystemClock(),
        link=state / LINK,
        baud=baud or line.baud,
        turnaround_ms=turnaround_ms,
        profile=profile.load(settings.meters[0].profile, Home(state.parent).profiles),
        meter_ids=[meter.id for meter in meters],
        own_supply=[meter.id for meter in meters if meter.aux_supply == "own"],
    )


if __name__ == "__main__":
    sys.exit(main())
