"""What the address of the log sheet asks for: day, meter or whole site, all columns or those by hand."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from substation.clock import site_time
from substation.dashboard.tongue import say
from substation.settings.model import Meter, Settings

PATH = "/log"
SITE = "site"
EARLIEST = dt.date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for."""

    day: dt.date
    meter: Meter | None = None
    """None: the whole site."""
    by_hand: bool = False
    """Only the columns that are written by hand."""

    @property
    def address(self) -> str:
        """The address of the page that shows it."""
        return f"{PATH}?{self.query}"

    @property
    def query(self) -> str:
        """What stands in an address for it."""
        asked = {"day": self.day.isoformat(), "meter": SITE if self.meter is None else str(self.meter.id)}
        return urlencode(asked | ({"only": "hand"} if self.by_hand else {}))

    def other(self, days: int) -> "Asked":
        """Return the same of a day so much later."""
        return replace(self, day=self.day + dt.timedelta(days=days))


def asked(query: Mapping[str, object], settings: Settings, now_ms: int) -> Asked:
    """Return what is asked for; what is no day is today, what is no meter is the whole site."""

    def text(name: str) -> str:
        value = query.get(name)
        return value.strip()[:40] if isinstance(value, str) else ""

    today = site_time(now_ms, settings.site.zone).date()
    try:
        day = dt.date.fromisoformat(text("day"))
    except ValueError:
        day = today
    meters = {str(meter.id): meter for meter in settings.meters}
    return Asked(min(max(day, EARLIEST), today), meters.get(text("meter")), text("only") == "hand")


def not_asked(query: Mapping[str, object], now: Asked) -> list[str]:
    """Return in words what of an address cannot be shown, and what is shown instead.

    Args:
        query: of the address.
        now: what `asked` made of it.
    """
    found = []
    day, meter = (str(query.get(name) or "").strip()[:40] for name in ("day", "meter"))
    if day and day not in (now.day.isoformat(), now.day.strftime("%Y%m%d")):
        found.append(
            say("'{text}' is no day with a sheet; {day} is shown.", text=day, day=now.day.isoformat())
        )
    if meter and meter != SITE and now.meter is None:
        found.append(say("There is no meter '{text}'; all meters are shown.", text=meter))
    return found


def of_query(query: str, settings: Settings, now_ms: int) -> Asked:
    """Return what a query in an address asks for."""
    try:
        pairs = parse_qsl(query, max_num_fields=10)
    except ValueError:
        pairs = []
    return asked(dict(pairs), settings, now_ms)
