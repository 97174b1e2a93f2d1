"""`datalogger.py salvage`: make a new history of what is whole in a damaged one that was set aside."""

import argparse
import contextlib
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from substation.bus.lock import PollerLock
from substation.clock import Clock
from substation.commands.configuration_open import load_mended
from substation.errors import EXIT_OK, EXIT_USAGE, Busy, Damaged, StoreError
from substation.settings.files import Loaded, home_folder
from substation.store import copies, quarantine
from substation.store.check import looking
from substation.store.check.found import DAMAGED
from substation.store.salvage import report as salvage_report
from substation.store.salvage import salvaging
from substation.store.salvage.report import FAILED, RUNNING, Report

SERVICE = "datalogger"
DESCRIPTION = """\
Make a new daily_data.db of what is whole in the damaged one that was set aside. The poller begins it by
itself; this is for doing it by hand. The damaged file is only read, and stays. With the station stopped a
damaged daily_data.db is set aside first; one that is whole stays, unless a salvage lost rows of it before
that the copies hold."""
EPILOG = """\
examples:
  python3 datalogger.py salvage                                        the one that waits, or daily_data.db
  python3 datalogger.py salvage daily_data.db.corrupt-20261124-060000  this one

exit codes: 0 done, what was saved and lost is said, or nothing to be done; 64 no history is there, or wrong
usage; 75 the station runs, or a salvage is under way; 78 it cannot go on, mostly for want of room"""
TOLD_S = 2.0
"""How often the state line hears how far it is."""


def add(commands: Any) -> None:
    """Add `salvage` to the command line of `datalogger.py`."""
    salvage_ = commands.add_parser(
        "salvage",
        help="bring back what is whole in a damaged history; the poller does it by itself",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    salvage_.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="a file set aside (default: the one that waits)"
    )
    salvage_.set_defaults(run=_salvage)


def _salvage(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    path = loaded.home.history
    aside = arguments.file or quarantine.waiting(path)
    stands = path.exists() and (aside is None or aside.resolve() == path.resolve())
    if stands:
        return _standing(loaded, clock)
    if aside is None:
        kept = ", ".join(one.name for one in quarantine.kept(path))
        also = f"; kept to be looked at: {kept}" if kept else ""
        print(f"nothing waits to be salvaged{also}", file=sys.stderr)
        return EXIT_USAGE
    return _run(loaded, clock, aside)


def _standing(loaded: Loaded, clock: Clock) -> int:
    """Set the history aside that stands there, where that is worth it, and salvage it."""
    path, station = loaded.home.history, PollerLock(loaded.home.poller_lock)
    try:
        station.take()
    except Busy as exc:
        raise Busy(
            f"the station runs (process {exc.pid}) and salvages by itself what its check finds damaged; "
            "stop it to salvage by hand",
            exc.pid,
        ) from exc
    try:
        words = _wrong(loaded, clock)
        if not words:
            print(f"{path.name} is whole; there is nothing to salvage")
            return EXIT_OK
        print(f"{path.name}: {words}")
        aside = quarantine.set_aside(path, clock)
        with contextlib.suppress(OSError):
            report = salvage_report.of_damage(loaded.home, aside.name, clock.now_ms(), words)
            report.state = RUNNING
            salvage_report.write(loaded.home, report)
        return _run(loaded, clock, aside)
    finally:
        station.release()


def _wrong(loaded: Loaded, clock: Clock) -> str:
    """Return why the history should be salvaged; nothing for a whole one.

    Raises StoreError: It is not ours, or somebody holds it.
    """
    path = loaded.home.history
    try:
        found = looking.look(path, clock)
    except Damaged as exc:
        if not quarantine.was_ours(path, salvage_report.identity(loaded.home).get("uid")):
            raise
        return str(exc)
    if found.state == DAMAGED:
        return found.words
    folder = loaded.settings.backup.folder
    if folder is None:
        return ""
    try:
        days = copies.fuller_days(loaded.home.folder / folder, path)
    except (StoreError, OSError) as exc:
        print(f"the copies were not asked: {exc}", file=sys.stderr)
        return ""
    return f"the copies hold rows of {len(days)} days that an earlier salvage had lost" if days else ""


def _run(loaded: Loaded, clock: Clock, aside: Path) -> int:
    signal.signal(signal.SIGTERM, _end)
    lock = PollerLock(loaded.home.state / "salvage.lock")
    try:
        lock.take()
    except Busy as exc:  # one that a killed poller left behind may be under way still
        raise Busy(f"a salvage of this station is under way (process {exc.pid})", exc.pid) from exc
    progress = _Progress(loaded, clock, aside)
    try:
        report = salvaging.run(loaded.home, loaded.settings, clock, aside, progress.tell)
    except (StoreError, OSError) as exc:
        if aside.exists() and not loaded.home.history.exists():  # refused otherwise: nothing was tried
            progress.note(FAILED, str(exc))
        raise exc if isinstance(exc, StoreError) else StoreError(f"{aside}: {exc}") from exc
    finally:
        lock.release()
    with contextlib.suppress(OSError):  # the history itself holds the same words as an event
        salvage_report.write(loaded.home, report)
    print(report.progress)
    print(f"{aside.name} is kept; remove it when nobody wants to look at it any more")
    return EXIT_OK


class _Progress:
    """Writes how far it is, now and then."""

    def __init__(self, loaded: Loaded, clock: Clock, aside: Path) -> None:
        self._home, self._clock = loaded.home, clock
        known = salvage_report.read(loaded.home)
        self._report = known if known and known.file == aside.name else Report(file=aside.name)
        self._report.found_ms = self._report.found_ms or clock.now_ms()
        self._told_s = -TOLD_S

    def tell(self, words: str) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._told_s >= TOLD_S:
            self._told_s = now_s
            self.note(RUNNING, words)

    def note(self, state: str, words: str) -> None:
        self._report.state, self._report.progress = state, words
        self._report.at_ms = self._clock.now_ms()
        with contextlib.suppress(OSError):
            salvage_report.write(self._home, self._report)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # unwinds: nothing half made is left
