"""`datalogger.py check`: is the history whole? Nothing in it is changed, and the poller goes on meanwhile."""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from substation.clock import Clock, site_time
from substation.commands.usage import for_the_log
from substation.errors import EXIT_OK, Damaged, StoreError
from substation.settings.files import Loaded, home_folder, load
from substation.store import quarantine
from substation.store.check import looking
from substation.store.check import report as check_report
from substation.store.check.found import DAMAGED, TABLE_WORDS, Found
from substation.store.salvage import report as salvage_report

EXIT_DAMAGED = 1
MOST_SHOWN = 20

DESCRIPTION = """\
Look whether the history is whole: its structure, every row of every table, and whether readings, minutes,
quarters, hours and days agree with each other. Nothing is changed; the poller goes on meanwhile.

A running station does so by itself every night, and some minutes after each start. Where damage is found, the
poller sets the history aside and salvages it."""
EPILOG = """\
examples:
  python3 datalogger.py check            everything; on a full card this takes minutes
  python3 datalogger.py check --quick    about a second: what is looked at before each start

exit codes: 0 whole, 1 damaged, 75 somebody else holds the file, 78 it cannot be looked at, or is no history
of this program"""


def add(commands: Any) -> None:
    """Add `check` to the command line of `datalogger.py`."""
    parser = commands.add_parser(
        "check",
        help="is the history whole?",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="only what can be seen in about a second")
    parser.add_argument("--json", action="store_true", help="say it as state/check.json does, for programs")
    parser.add_argument("--watch", default="", help=argparse.SUPPRESS)  # the name of the poller's own
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load(home_folder(), mend=False)
    path = loaded.home.history
    if not path.exists():
        raise StoreError(f"{path}: there is no history to be checked; the poller makes it")
    progress = _Progress(sys.stderr.isatty())
    try:
        found = looking.look(path, clock, quick=arguments.quick, tick=progress.tick)
    except Damaged as exc:
        if not quarantine.was_ours(path, salvage_report.identity(loaded.home).get("uid")):
            raise  # empty, foreign, the original's: the poller refuses it and never sets it aside
        found = Found(path, arguments.quick, clock.now_ms())
        found.damaged("", None, None, str(exc))
        found.words = str(exc)
    finally:
        progress.end()
    if not arguments.quick:
        _keep(loaded, found, arguments.watch)
    if arguments.json:
        state = check_report.as_state(found, whole_ms=check_report.whole_at_ms(loaded.home, found.uid))
        print(json.dumps(state, ensure_ascii=False, indent=1))
    else:
        for line in _report(loaded, found):
            print(line)
    if found.state == DAMAGED:
        for_the_log(found.words)
        return EXIT_DAMAGED
    return EXIT_OK


def _keep(loaded: Loaded, found: Found, run: str) -> None:
    try:
        check_report.write(loaded.home, found, run)
    except OSError as exc:
        words = f"{loaded.home.checked}: the result cannot be written ({exc.strerror})"
        if run:
            raise StoreError(words) from exc
        print(words, file=sys.stderr)


def _report(loaded: Loaded, found: Found) -> Iterator[str]:
    zone = loaded.settings.site.zone
    yield f"{found.path}: {'a quick look' if found.quick else 'every row was looked at'}"
    for table, rows in found.looked.items():
        yield f"  {TABLE_WORDS.get(table, table):<28}{rows:>12} rows"
    yield f"  {found.days} days (UTC) in {found.took_s:.1f} s"
    for note in found.notes:
        yield f"  note: {note}"
    if found.state != DAMAGED:
        yield "nothing wrong was found."
        return
    yield f"DAMAGED: {len(found.damages) + found.more} findings"
    for damage in found.damages[:MOST_SHOWN]:
        when = ""
        if damage.start_ms is not None and damage.end_ms is not None:
            when = f"  ({site_time(damage.start_ms, zone):%Y-%m-%d %H:%M} and on)"
        yield f"  {damage}{when}"
    if (rest := len(found.damages) + found.more - MOST_SHOWN) > 0:
        yield f"  and {rest} more"
    if found.quick:
        yield "All that is wrong, and for a running poller to salvage it: python3 datalogger.py check"
    else:
        yield "A running poller sets it aside and salvages it; without one: start the station."


class _Progress:
    """One line that renews itself, where somebody looks on."""

    def __init__(self, is_live: bool) -> None:
        self._is_live = is_live

    def tick(self, what: str, part: float) -> None:
        if self._is_live:
            print(f"\r\x1b[K{what}: {100 * part:.0f} %", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._is_live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
