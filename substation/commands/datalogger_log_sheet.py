"""`datalogger.py log-sheet`: a day's hourly log sheet as PDF, XLSX or CSV, as the dashboard gives it out."""

import argparse
import datetime as dt
from typing import Any

from substation import audit
from substation.clock import Clock, site_time
from substation.commands.configuration_open import SOURCE, load_mended, person
from substation.commands.export_file import Target
from substation.commands.usage import count
from substation.errors import EXIT_OK, RequestError, StoreError
from substation.reports import log_book
from substation.reports.child import FORMS, made
from substation.reports.log_sheet import FORM, Typed
from substation.reports.statement_source import profiles_of
from substation.settings.files import home_folder
from substation.store import entries

SERVICE = "datalogger"

DESCRIPTION = """\
Write a day's hourly log sheet: at each hour the nearest valid reading within a minute, units, maximum
demand, lowest and highest with their times, shifts, and what was written by hand.

Its columns are those of the station's own form (log_sheet.toml in its folder), if there is one. What was
not read is a dash with its reason; hours that have not come are empty."""
EPILOG = """\
examples:
  python3 datalogger.py log-sheet                                yesterday, all meters, as PDF, here
  python3 datalogger.py log-sheet --day 2026-11-22 --meter 1
  python3 datalogger.py log-sheet --day 2026-11-22 --form csv --out - | less"""


def add(commands: Any) -> None:
    """Add `log-sheet` to the command line of `datalogger.py`."""
    parser = commands.add_parser(
        "log-sheet",
        help="a day's hourly log sheet as PDF, XLSX or CSV",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--day", type=_day, metavar="YYYY-MM-DD", help="which day (default yesterday)")
    parser.add_argument("--meter", type=count, metavar="N", help="of one meter (default all of them)")
    parser.add_argument("--form", choices=FORMS, default="pdf", help="pdf (default), xlsx or csv")
    parser.add_argument(
        "--out",
        "--output",
        metavar="FILE",
        help="where to write (default log-sheet-YYYY-MM-DD.pdf, here); never over an existing file; "
        "- standard output",
    )
    parser.set_defaults(run=_run)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as exc:
        words = f"'{text}' is no day; write year-month-day, such as 2026-11-22"
        raise argparse.ArgumentTypeError(words) from exc


def _run(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    settings, home = loaded.settings, loaded.home
    zone, now_ms = settings.site.zone, clock.now_ms()
    today = site_time(now_ms, zone).date()
    day = arguments.day or today - dt.timedelta(days=1)
    if day > today:
        raise RequestError(f"{day} has not come yet; the last day is {today}")
    meter = None if arguments.meter is None else settings.meter(arguments.meter)
    if arguments.meter is not None and meter is None:
        known = ", ".join(str(one.id) for one in settings.meters)
        raise RequestError(f"there is no meter {arguments.meter}; this station has {known}")
    meters = settings.meters if meter is None else (meter,)
    models = profiles_of(settings, home)
    read = log_book.read_day(settings, home, models.get, day=day, now_ms=now_ms, meters=meters)
    span = (FORM, read.written_from_ms, read.written_to_ms)
    typed = Typed(entries.read(home.operator, *span), entries.read_corrected(home.operator, *span))
    made_at = f"made {site_time(now_ms, zone):%d %b %Y %H:%M} by {person()}"
    whose = "site" if meter is None else str(meter.id)
    name = f"log-sheet-{day.isoformat()}-{whose}.{arguments.form}"
    with Target(arguments.out or name, "log sheet") as target:
        content = made(log_book.document(read, settings, meter, typed, made_at), arguments.form)
        station_audit = audit.Audit.of_station(home.folder, settings, SERVICE, clock)
        said: dict[str, Any] = {"day": day.isoformat(), "meter": whose, "form": arguments.form}
        if not station_audit.write("log_sheet.made", user=person(), src=SOURCE, **said):
            raise StoreError(
                f"{station_audit.last_problem}. Nothing leaves the station that no audit line tells of"
            )
        target.write(content)
        target.keep()
        target.say(f"{target.name}: {day:%a} {day.day} {day:%b %Y}, {meter.name if meter else 'all meters'}.")
    return EXIT_OK
