"""What a person asks for, as an order for the export: dates of the site, meters, how often.

Whatever cannot be made is refused in words that stand beside the form; nothing is mended quietly.
"""

import datetime as dt
import re
from collections.abc import Mapping

from substation.clock import site_time
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.errors import AccessError
from substation.export import FileForm, Order, Resolution
from substation.export.estimate import MOST_ROWS
from substation.settings.model import Settings

EVERY: dict[Resolution, tuple[str, str]] = {
    "poll": (later("every poll"), later("as the meters answered; kept for the last {raw_days} days")),
    "minute": (later("minute"), later("mean of each minute; kept for the last {minute_days} days")),
    "quarter": (later("15 minutes"), later("mean of each quarter of an hour; kept for ever")),
    "hour": (later("hour"), later("mean of each hour; kept for ever")),
    "day": (later("day"), later("mean of each day of the site; kept for ever")),
}
"""Names of `Order.resolution`, as a person reads them, and what a row then is."""
USUAL: Resolution = "quarter"
FORMS: dict[FileForm, tuple[str, str]] = {
    "csv": ("CSV", later("text that every program reads, with any number of rows")),
    "parquet": (
        "Parquet",
        later("typed columns for pandas, DuckDB or Power Query, with any number of rows"),
    ),
    "xlsx": (
        "XLSX",
        later(
            "a workbook for Excel or LibreOffice Calc, at most {rows} rows: a month of minutes of five "
            "meters, or a year of quarters of an hour"
        ),
    ),
}
"""Names of `Order.form`, as a person reads them, and what each is for."""
USUAL_FORM: FileForm = "csv"
FIRST_DAY = dt.date(2000, 1, 1)


def usual_days(settings: Settings, now_ms: int) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a year that ends today, in the site's zone.

    365 days, or 366 where a 29 February lies among them.
    """
    today = site_time(now_ms, settings.site.zone).date()
    try:
        year_ago = today.replace(year=today.year - 1)
    except ValueError:  # 29 February
        year_ago = today.replace(year=today.year - 1, day=28)
    return year_ago + dt.timedelta(days=1), today


def read(data: Mapping[str, object], settings: Settings, now_ms: int) -> Order:
    """Return the order in what a form sent.

    Args:
        data: `every` (a name of EVERY), `from` and `to` (`2026-11-23`, days of the site, both included),
            `meters` (a list of ids), `extremes` (also the lowest and highest of each period), `form` (a
            name of FORMS); what is left out is the usual: 15 minutes, a year, all meters, means only, CSV.
        settings: the station's.
        now_ms: UTC, ms; nothing is asked for that lies after it.

    Raises:
        AccessError: something of it cannot be made; says what and what would do.
    """
    every = data.get("every", USUAL)
    resolution = next((name for name in EVERY if name == every), None)
    if resolution is None:
        raise AccessError(say("'Every' must be one of {known}.", known=", ".join(EVERY)))
    first, last = usual_days(settings, now_ms)
    first, last = _day(data.get("from", first), say("From")), _day(data.get("to", last), say("To"))
    if last < first:
        raise AccessError(
            say("'To' ({last}) lies before 'From' ({first}). Exchange the two days.", last=last, first=first)
        )
    zone = settings.site.zone
    start_ms = _midnight_ms(first, zone)
    if start_ms >= now_ms:
        raise AccessError(say("'From' ({first}) lies in the future: there are no readings yet.", first=first))
    end_ms = min(_midnight_ms(last + dt.timedelta(days=1), zone), now_ms)
    form = next((name for name in FORMS if name == data.get("form", USUAL_FORM)), None)
    if form is None:
        raise AccessError(say("'Form' must be one of {known}.", known=", ".join(FORMS)))
    meters = _meters(data.get("meters"), settings)
    order = Order(resolution, start_ms, end_ms, meters, extremes=data.get("extremes") is True, form=form)
    order.check(settings)
    return order


def kept(settings: Settings) -> dict[Resolution, str]:
    """Return, for each way, what a row is and how long it is kept, with this station's own days."""
    days = {"raw_days": settings.store.raw_days, "minute_days": settings.store.minute_days}
    return {name: told(what).format(**days) for name, (_, what) in EVERY.items()}


def forms() -> dict[FileForm, str]:
    """Return, for each form of the file, what it is for."""
    return {name: told(what).format(rows=MOST_ROWS) for name, (_, what) in FORMS.items()}


def words(order: Order, settings: Settings) -> str:
    """Return an order in short, for the page: `23 Nov 2025 to 23 Nov 2026, every 15 minutes, 5 meters`."""
    zone = settings.site.zone
    first = site_time(order.start_ms, zone)
    last = site_time(order.end_ms - 1, zone)
    every = EVERY[order.resolution][0].removeprefix("every ")
    meters = f"{len(order.meter_ids)} meter{'' if len(order.meter_ids) == 1 else 's'}"
    return f"{first:%d %b %Y} to {last:%d %b %Y}, every {every}, {meters}"


def _day(value: object, name: str) -> dt.date:
    if isinstance(value, dt.date):
        return value
    written = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)
    try:
        day = dt.date.fromisoformat(written[0]) if written else None
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day < dt.date(2100, 1, 1):
        raise AccessError(say("'{name}' must be a day such as 2026-11-23.", name=name))
    return day


def _midnight_ms(day: dt.date, zone: dt.tzinfo) -> int:
    return int(dt.datetime.combine(day, dt.time(), zone).timestamp() * 1000)


def _meters(value: object, settings: Settings) -> tuple[int, ...]:
    known = tuple(meter.id for meter in settings.meters)
    if value is None:
        return known
    if not isinstance(value, list) or not value or not all(type(one) is int for one in value):
        raise AccessError(say("Choose at least one meter."))
    strange = [one for one in value if one not in known]
    if strange:
        listed = ", ".join(str(one) for one in known)
        words = say(
            "There is no meter {meter}; this station has {known}. Reload the page.",
            meter=strange[0],
            known=listed,
        )
        raise AccessError(words)
    return tuple(one for one in known if one in value)
