"""`datalogger.py statement`: a month's statement as PDF, workbook or CSV, as the dashboard gives it out."""

import argparse
from typing import Any

from substation import audit
from substation.clock import Clock, site_time
from substation.commands.configuration_open import SOURCE, load_mended, person
from substation.commands.export_file import Target
from substation.errors import EXIT_OK, RequestError, StoreError
from substation.reports.child import FORMS, made
from substation.reports.statement import month_before, month_of, read_month
from substation.reports.statement_document import statement_document, whole_words
from substation.reports.statement_source import statement_of
from substation.settings.files import home_folder

SERVICE = "datalogger"
LONGEST_S = 60.0
"""Nobody waits on a screen here."""

DESCRIPTION = """\
Write a month's statement: opening and closing readings and units of each meter and group, maximum demand
with its time, load factor, power factor, interruptions, DG hours, units and litres, completeness, and the
month before beside it.

The month that goes on is told up to now and says so. What was not measured is a dash with its reason."""
EPILOG = """\
examples:
  python3 datalogger.py statement                                the last whole month, as PDF, here
  python3 datalogger.py statement --month 2026-11 --form xlsx
  python3 datalogger.py statement --month 2026-11 --form csv --out - | less"""


def add(commands: Any) -> None:
    """Add `statement` to the command line of `datalogger.py`."""
    parser = commands.add_parser(
        "statement",
        help="a month's statement as PDF, XLSX or CSV",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--month", type=_month, metavar="YYYY-MM", help="which month (default the last whole one)"
    )
    parser.add_argument("--form", choices=FORMS, default="pdf", help="pdf (default), xlsx or csv")
    parser.add_argument(
        "--out",
        "--output",
        metavar="FILE",
        help="where to write (default statement-YYYY-MM.pdf, here); never over an existing file; - standard "
        "output",
    )
    parser.set_defaults(run=_run)


def _month(text: str) -> str:
    try:
        return read_month(text)
    except RequestError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


def _run(arguments: argparse.Namespace, clock: Clock) -> int:
    loaded = load_mended(home_folder(), SERVICE)
    settings, home = loaded.settings, loaded.home
    zone, now_ms = settings.site.zone, clock.now_ms()
    key = arguments.month or month_before(month_of(now_ms, zone))
    found = statement_of(settings, home, clock, key, LONGEST_S)
    made_at = f"made {site_time(now_ms, zone):%d %b %Y %H:%M} by {person()}"
    with Target(arguments.out or f"statement-{key}.{arguments.form}", "statement") as target:
        content = made(statement_document(found, settings, made_at), arguments.form)
        station_audit = audit.Audit.of_station(home.folder, settings, SERVICE, clock)
        if not station_audit.write(
            "statement.made", user=person(), src=SOURCE, month=key, form=arguments.form
        ):
            raise StoreError(
                f"{station_audit.last_problem}. Nothing leaves the station that no audit line tells of"
            )
        target.write(content)
        target.keep()
        target.say(f"{target.name}: {found.now.name}, measured {whole_words(found.now)}.")
    return EXIT_OK
