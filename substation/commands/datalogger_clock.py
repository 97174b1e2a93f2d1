"""`datalogger.py clock`: may the times be believed, and how are wrong ones moved?"""

import argparse
import contextlib
import getpass
import sys
from collections.abc import Iterator
from typing import Any

from substation import audit
from substation.bus.lock import PollerLock
from substation.clock import Clock, site_time
from substation.clock_trust import ClockTrust
from substation.commands.configuration_open import load_mended
from substation.errors import EXIT_OK, EXIT_USAGE, Busy
from substation.settings.files import Loaded, home_folder
from substation.store.clock_spans import Span
from substation.store.history import History, HistoryReader

SERVICE = "datalogger"


def add(commands: Any) -> None:
    """Add `clock` to the command line of `datalogger.py`."""
    clock = commands.add_parser("clock", help="may the times be believed, and how are wrong ones moved?")
    clock.set_defaults(run=_status)
    actions = clock.add_subparsers(metavar="ACTION")
    actions.add_parser("status", help="who vouches for the clock, and the times nobody did").set_defaults(
        run=_status
    )
    trust = actions.add_parser(
        "trust", help="give your word that the clock is right; counts until the machine starts again"
    )
    trust.set_defaults(run=_trust)
    correct = actions.add_parser(
        "correct", help="move readings and events that a wrong clock stamped; the poller must be stopped"
    )
    correct.add_argument("--span", type=int, metavar="N", help="only this span (default: all that are known)")
    correct.add_argument(
        "--offset-s",
        type=float,
        metavar="S",
        help="seconds to add, for a span whose offset nobody knows: machine started again before a time "
        "server was reached",
    )
    correct.set_defaults(run=_correct)


def _status(_: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    print(_who(loaded, clock))
    path = loaded.home.history
    found = HistoryReader(path, clock).clock_spans() if path.exists() else []
    for span in found:
        print(_said(span, loaded))
    if not found:
        print("no reading was stamped by a clock that nobody vouched for")
    return EXIT_OK


def _who(loaded: Loaded, clock: Clock) -> str:
    if loaded.settings.simulated:
        return "the clock is taken as right: this is a simulated station"
    source = _machine(loaded, clock).source()
    if source is None:
        return (
            "nobody vouches for the clock of this machine: no time server, no battery clock; new readings "
            "are marked.\nWhere it is right: python3 datalogger.py clock trust"
        )
    return f"the clock is trusted: {source}"


def _said(span: Span, loaded: Loaded) -> str:
    zone = loaded.settings.site.zone
    begin, end = site_time(span.begin_ms, zone), site_time(span.end_ms, zone)
    words = f"span {span.id}: {begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} by that clock, "
    if span.corrected_ms is not None:
        return words + f"corrected by {(span.offset_ms or 0) / 1000:+.1f} s"
    if span.offset_ms is None:
        return words + "offset not known"
    return words + f"off by {span.offset_ms / 1000:+.1f} s, not corrected"


def _trust(_: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    _machine(loaded, clock).give_word(getpass.getuser())
    with _audit(loaded, clock) as station_audit:
        station_audit.write("clock.trusted")
    now = site_time(clock.now_ms(), loaded.settings.site.zone)
    print(f"noted: {now:%Y-%m-%d %H:%M:%S} is right. The poller takes it over within seconds.")
    return EXIT_OK


def _correct(arguments: argparse.Namespace, clock: Clock) -> int:
    if arguments.offset_s is not None and arguments.span is None:
        print("--offset-s belongs to one span; name it with --span N", file=sys.stderr)
        return EXIT_USAGE
    loaded = load_mended(home_folder(), SERVICE)
    lock = PollerLock(loaded.home.poller_lock)
    try:
        lock.take()
    except Busy as exc:
        raise Busy(f"readings are moved only while no poller writes: {exc}", exc.pid) from exc
    try:
        return _move(arguments, loaded, clock)
    finally:
        lock.release()


def _move(arguments: argparse.Namespace, loaded: Loaded, clock: Clock) -> int:
    settings = loaded.settings
    history = History(
        loaded.home.history,
        settings.simulated,
        clock,
        settings.site.zone,
        raw_days=settings.store.raw_days,
        minute_days=settings.store.minute_days,
    )
    try:
        chosen = [span for span in history.clock_spans() if arguments.span in (None, span.id)]
        if arguments.span is not None and not chosen:
            print(f"there is no clock span {arguments.span}; see datalogger.py clock", file=sys.stderr)
            return EXIT_USAGE
        moved = 0
        for span in chosen:
            moved += _move_one(span, arguments.offset_s, history, loaded, clock)
        if not moved:
            print("nothing to move: no span with a known offset waits; see datalogger.py clock")
    finally:
        history.close()
    return EXIT_OK


def _move_one(span: Span, offset_s: float | None, history: History, loaded: Loaded, clock: Clock) -> int:
    offset_ms = round(offset_s * 1000) if offset_s is not None else span.offset_ms
    if span.corrected_ms is not None or offset_ms is None:
        print(_said(span, loaded) + ("" if span.corrected_ms is None else "; it is moved once only"))
        return 0
    with _audit(loaded, clock) as station_audit:
        count = history.correct_clock(span, offset_ms)
        words = f"span {span.id}: {count} readings moved by {offset_ms / 1000:+.1f} s"
        history.event("clock.corrected", at_ms=clock.now_ms(), new=str(offset_ms), detail=words)
        station_audit.write("clock.corrected", span=span.id, offset_ms=offset_ms, readings=count)
    print(words)
    return 1


@contextlib.contextmanager
def _audit(loaded: Loaded, clock: Clock) -> Iterator[audit.Audit]:
    log = audit.Audit.of_station(loaded.home.folder, loaded.settings, SERVICE, clock)
    try:
        yield log
    finally:
        log.close()


def _machine(loaded: Loaded, clock: Clock) -> ClockTrust:
    return ClockTrust(clock, loaded.home.clock_word)
