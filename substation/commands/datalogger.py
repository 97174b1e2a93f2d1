"""The command line behind `datalogger.py`: what the stores hold, and what is done for them by hand."""

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from substation import notify
from substation.clock import Clock, SystemClock, site_time
from substation.commands import (
    datalogger_audit,
    datalogger_backup,
    datalogger_check,
    datalogger_clock,
    datalogger_export,
    datalogger_import,
    datalogger_kit,
    datalogger_log_sheet,
    datalogger_migrate,
    datalogger_salvage,
    datalogger_statement,
)
from substation.commands.configuration_open import load_mended
from substation.commands.usage import Parser, count
from substation.errors import EXIT_BUSY, EXIT_CONFIG, EXIT_OK, Busy, Damaged, SubstationError
from substation.settings.files import Loaded, home_folder
from substation.store.check.found import LAST_MS, TABLE_WORDS
from substation.store.door import journal_of
from substation.store.events import Event
from substation.store.history import HistoryReader

SERVICE = "datalogger"
DAY_MS = 86_400_000
UNTRUSTED = re.compile(r"\s*\(clock (\d+)\)$")
"""The clock span that `store.keeper` writes after the detail of an event."""
EXIT_DAMAGED = 1
CANNOT_BE_TOLD = "cannot be told"
CHECK = "What is wrong: python3 datalogger.py check"

DESCRIPTION = """\
Show what the station's stores hold: readings, events, the audit log; copy, check and mend them.

Only import, clock, restore, salvage, migrate and kit --open change the station; the others read.
backup and export write copies elsewhere.

The station is the one in the project's folder, or in the folder that SUBSTATION_HOME names."""
EPILOG = """\
examples:
  python3 datalogger.py status                 rows, times, size and completeness of the history
  python3 datalogger.py events --days 30       changes of state of the last 30 days
  python3 datalogger.py audit verify           is the audit log whole?
  python3 datalogger.py audit tail -n 50       who did what last
  python3 datalogger.py import                 take over the readings of the original system
  python3 datalogger.py clock                  may the times be believed?
  python3 datalogger.py export                 a year of readings as CSV in an encrypted archive
  python3 datalogger.py log-sheet              yesterday's hourly log sheet as PDF
  python3 datalogger.py statement              the last month's statement as PDF
  python3 datalogger.py check                  is the history whole?
  python3 datalogger.py backup                 copy what is new to the second medium
  python3 datalogger.py verify                 do the copies give everything back?
  python3 datalogger.py restore FOLDER         the history anew, in a station without one
  python3 datalogger.py kit                    configuration and key, sealed, for the day the machine is lost
  python3 datalogger.py salvage                bring back what is whole in a damaged history
  python3 datalogger.py migrate                the history in this version's form, after a copy

exit codes: 0 done, 64 wrong usage, 75 somebody else holds the file, 78 the station cannot be used;
status, check: 1 the history is damaged; audit verify: 1 the log was changed, 2 it cannot be read.
The others name theirs in their own help: python3 datalogger.py backup --help"""


def main(argv: list[str] | None = None, clock: Clock | None = None) -> int:
    """Run one command; return its exit code."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as exc:  # --help and wrong usage, as argparse ends them
        return int(exc.code or 0)
    run: Callable[[argparse.Namespace, Clock], int] = arguments.run
    notify.end_with_parent()
    try:
        code = run(arguments, clock or SystemClock())
        sys.stdout.flush()
    except Busy as exc:
        return _fail(exc, EXIT_BUSY)
    except SubstationError as exc:
        return _fail(exc, EXIT_CONFIG)
    except BrokenPipeError:  # `events | head`: who reads has seen enough
        sys.stdout = None
        return EXIT_OK
    return code


def _fail(words: object, code: int) -> int:
    print(words, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(prog="datalogger.py", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    status = commands.add_parser("status", help="rows, times, size and completeness of the history")
    status.set_defaults(run=_status)
    events = commands.add_parser("events", help="changes of state: supply, communication, line, poller")
    events.add_argument("--days", type=count, default=7, help="so many days back (default 7)")
    events.add_argument(
        "--limit", type=count, default=1000, help="at most so many, the newest (default 1000)"
    )
    events.set_defaults(run=_events)
    for part in (
        datalogger_audit,
        datalogger_backup,
        datalogger_check,
        datalogger_clock,
        datalogger_export,
        datalogger_import,
        datalogger_kit,
        datalogger_log_sheet,
        datalogger_migrate,
        datalogger_salvage,
        datalogger_statement,
    ):
        part.add(commands)
    return parser


def _status(_: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    doubts: list[str] = []
    for line in _report(loaded, clock, doubts):
        print(line)
    for words in doubts:
        print(words, file=sys.stderr)
    return EXIT_DAMAGED if doubts else EXIT_OK


def _report(loaded: Loaded, clock: Clock, doubts: list[str]) -> Iterator[str]:
    """Yield what the history holds; what shows that it is damaged goes to `doubts`."""
    settings, path, zone = loaded.settings, loaded.home.history, loaded.settings.site.zone
    kind = "SIMULATED" if settings.simulated else "real"
    yield f"{settings.site.name} ({kind}), times in {settings.site.timezone}"
    if not path.exists():
        yield f"{path}: no history yet; the poller makes it"
        return
    reader = HistoryReader(path, clock)
    facts = reader.facts()
    stamp = "simulated readings" if facts.get("simulated") == "yes" else "real readings"
    yield f"{path}: {stamp}, {_size(path) / 1e6:.1f} MB"

    def shown(ms: int | None) -> str:
        if ms is None:
            return "-"
        return f"{site_time(ms, zone):%Y-%m-%d %H:%M:%S}" if 0 <= ms <= LAST_MS else CANNOT_BE_TOLD

    try:
        tables = reader.tables()
        yield ""
        yield f"{'':<17}{'rows':>12}  {'oldest':<21}{'newest':<21}".rstrip()
        for key, table in tables.items():
            name = TABLE_WORDS.get(key, key)
            ends = [shown(ms) for ms in (table.oldest_ms, table.newest_ms)]
            yield f"{name:<17}{table.rows:>12}  {ends[0]:<21}{ends[1]:<21}".rstrip()
            if CANNOT_BE_TOLD in ends:
                doubts.append(f"{path} is damaged: {name} of no possible time. {CHECK}")
        yield ""
        yield "completeness of the last 24 h"
        now_ms = clock.now_ms()
        for meter in settings.meters:
            found = reader.completeness(meter.id, now_ms - DAY_MS, now_ms)
            share = 100 * (found.share or 0)
            name = f"{meter.id} {meter.name}"
            yield f"{name:<24}{share:6.1f} %  {found.found} of {found.due} minutes"
    except Damaged as exc:
        yield "the rest cannot be told"
        cause = exc.__cause__ or exc
        doubts.append(f"{path} is damaged: a part of it cannot be read ({cause}). {CHECK}")


def _size(path: Path) -> int:
    files = (path, journal_of(path))
    return sum(file.stat().st_size for file in files if file.exists())


def _events(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    names = {meter.id: meter.name for meter in loaded.settings.meters}
    now_ms = clock.now_ms()
    reader = HistoryReader(loaded.home.history, clock)
    found = reader.events(now_ms - arguments.days * DAY_MS, now_ms + DAY_MS, arguments.limit)
    for event in found:
        at = site_time(event.at_ms, loaded.settings.site.zone)
        print(f"{at:%Y-%m-%d %H:%M:%S}  {_said(event, names)}")
    if not found:
        print(f"no events in the last {arguments.days} days")
    return EXIT_OK


def _said(event: Event, names: dict[int, str]) -> str:
    meter = (
        "" if event.meter_id is None else f"{event.meter_id} {names.get(event.meter_id, '')}".rstrip() + ": "
    )
    change = " -> ".join(word for word in (event.old, event.new) if word)
    words, span = event.detail, UNTRUSTED.search(event.detail)
    doubt = f", time not trusted (span {span[1]})" if span else ""
    words = words[: span.start()] if span else words
    detail = f" ({words})" if words else ""
    return f"{meter}{event.kind} {change}{detail}".rstrip() + doubt
