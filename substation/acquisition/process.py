"""The poller as a process: one at a time, ended by a signal, with a start and a stop in the audit log."""

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from substation import notify
from substation.acquisition.audited import AuditedPoller
from substation.acquisition.duties import duties
from substation.acquisition.ending import Ending
from substation.acquisition.jobs import Jobs
from substation.acquisition.spine import log
from substation.acquisition.tending import Tender
from substation.acquisition.timekeeper import Timekeeper
from substation.audit import Audit, in_force
from substation.audit.anchors import tell_journal
from substation.bus.lock import PollerLock
from substation.clock import Clock, SystemClock
from substation.clock_trust import ClockTrust
from substation.errors import (
    EXIT_BUSY,
    EXIT_CONFIG,
    EXIT_MEDIUM,
    EXIT_OK,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
    Busy,
    HomeGone,
    ProfileError,
    SettingsError,
    StoreError,
)
from substation.settings import files
from substation.settings.files import Loaded
from substation.store.log import start_logging, stop_logging


def main(argv: Sequence[str] | None = None) -> int:
    """Run the poller; return its exit code.

    0 done, 64 usage, 69 no line was there, 74 no home, 75 already running, 78 configuration.
    """
    arguments = _arguments(argv)
    clock = SystemClock()
    lock: PollerLock | None = None
    try:
        loaded = files.load(files.home_folder())
        lock = PollerLock(loaded.home.poller_lock)
        lock.take()
        start_logging(log, loaded.home.poller_log)
        return _poll(loaded, clock, arguments.rounds)
    except Busy as exc:
        print(exc, file=sys.stderr)
        return EXIT_BUSY
    except (SettingsError, ProfileError, StoreError) as exc:
        print(exc, file=sys.stderr)
        return EXIT_MEDIUM if isinstance(exc, HomeGone) else EXIT_CONFIG
    finally:
        if lock is not None:
            lock.release()
        stop_logging(log)


def _poll(loaded: Loaded, clock: Clock, rounds: int | None) -> int:
    settings, home = loaded.settings, loaded.home
    audit = Audit.of_station(home.folder, settings, "poller", clock)
    ending = Ending()

    def end(number: int, frame: FrameType | None) -> None:
        ending.asked = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    poller = AuditedPoller(loaded, clock, ending, audit)
    if not settings.simulated:  # simulated meters live by this machine's clock, right or wrong
        poller.timekeeper = Timekeeper(clock, poller.keeper, ClockTrust(clock, loaded.home.clock_word))
    poller.tender = Tender(Jobs(home.folder), duties(home, clock, poller.keeper))
    for warning in loaded.warnings:
        log.warning("%s", warning)
        audit.write("key.mode", ok=False, words=warning)
    audit.write("start", simulated=settings.simulated, config=in_force.fingerprint(settings))
    poller.note_anchor("start")
    tell_journal(audit, "poller")
    log.info("started: %d meters, a round every %g s", len(settings.meters), settings.poll.interval_s)
    notify.tell(notify.READY)  # the stores are open; the line and its meters may be missing for long
    try:
        poller.run(rounds)
    finally:
        notify.tell(notify.STOPPING)
        made = poller.plant.rounds(poller.number)
        audit.write("stop", rounds=made)
        audit.close()
        poller.note_anchor("stop")  # goes into the history before that is closed
        poller.stop()
        log.info("stopped after %d rounds", made)
    if rounds is not None:
        print(poller.plant.summary())
        if not poller.plant.reached and not ending.asked:
            return EXIT_UNAVAILABLE
    return EXIT_OK


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _Parser(
        prog="dmf_reader.py",
        description="The poller: asks every meter, keeps what they say. It only ever reads from a meter.",
        epilog="The station is the folder named by SUBSTATION_HOME, by default the project's own. "
        "Exit codes: 0 done, 64 wrong usage, 69 no line was there in any of N rounds, "
        "74 the station's folder is not there, 75 a poller runs already, 78 configuration.",
    )
    parser.add_argument(
        "--rounds", type=_count, metavar="N", help="stop after N rounds and print one summary of the line"
    )
    return parser.parse_args(argv)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
