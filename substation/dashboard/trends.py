"""What the address of `/trends` asks for: the whole state of the page stands in it.

    /trends?m=1,4&q=watts_total,vln_average&from=2026-11-17T00:00&to=2026-11-24T00:00&with=week

So a reload, the way back and an address sent to somebody else give the same picture. Times are the
site's, to the second; with `Z` or an offset at their end they are of UTC or that offset. Instead of them
`range=` may name a time that goes on with the clock (`today`, `7d`, ...); the page turns it into the times.
What an address says and nobody understands is told, never passed over.
"""

import datetime as dt
import re
import zoneinfo
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar
from urllib.parse import urlencode

from substation.clock import day_start_ms, site_time, utc
from substation.dashboard.tongue import say
from substation.quantities import BY_KEY
from substation.settings.model import Settings

Item = TypeVar("Item")
PATH = "/trends"
With = Literal["", "day", "week", "year"]
NAMES = ("m", "q", "from", "to", "with", "range")
USUAL = "watts_total"
MOST_SERIES = 24
"""Meters times quantities: more is no picture any more."""
SHORTEST_MS = 10_000
LONGEST_MS = 3660 * 86_400_000
EARLIEST_MS = 946_684_800_000
"""2000: no reading is older."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?")
_SAID = 40
"""Characters of a wrong word that are told back."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be drawn."""

    meter_ids: tuple[int, ...]
    keys: tuple[str, ...]
    start_ms: int
    end_ms: int
    against: With = ""
    """What it is compared with: the day, week or year before; nothing when empty."""
    faults: tuple[str, ...] = ()
    """What of the address was not understood, in sentences; then nothing is drawn."""


def address(
    meter_ids: Collection[int],
    keys: Sequence[str],
    start_ms: int,
    end_ms: int,
    *,
    against: With = "",
    zone: zoneinfo.ZoneInfo | None = None,
) -> str:
    """Return the address of a picture: these meters and quantities in [start, end), UTC ms.

    Args:
        meter_ids: of this station.
        keys: of the vocabulary.
        start_ms: where the time axis begins.
        end_ms: where it ends; it may lie in the future, as the end of today does.
        against: what it is compared with.
        zone: the site's, for times that a person can read; without it they are of UTC.
    """
    parts = {
        "m": ",".join(str(meter_id) for meter_id in meter_ids),
        "q": ",".join(keys),
        "from": written(start_ms, zone),
        "to": written(end_ms, zone),
    }
    if against:
        parts["with"] = against
    return f"{PATH}?{urlencode(parts, safe=',:')}"


def written(ms: int, zone: zoneinfo.ZoneInfo | None) -> str:
    """Return a moment as it stands in an address: the site's, or UTC when the site's clock says it twice."""
    when = utc(ms) if zone is None else site_time(ms, zone)
    text = when.strftime("%Y-%m-%dT%H:%M:%S" if when.second else "%Y-%m-%dT%H:%M")
    if zone is not None and when.replace(fold=0).utcoffset() == when.replace(fold=1).utcoffset():
        return text
    return utc(ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str, zone: zoneinfo.ZoneInfo) -> int | None:
    """Return the moment, UTC ms, that stands in an address; None when it is none."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        when = dt.datetime.fromisoformat(text)
        at_ms = int((when if when.tzinfo else when.replace(tzinfo=zone)).timestamp()) * 1000
    except (ValueError, OverflowError):
        return None
    return at_ms if EARLIEST_MS <= at_ms < EARLIEST_MS + 10 * LONGEST_MS else None


def read(said: Mapping[str, str], settings: Settings, now_ms: int) -> Asked:
    """Return what an address asks for; what it does not say is as usual: the first meter's power today."""
    faults = [
        say("The address says '{name}', which nobody understands here.", name=name[:_SAID])
        for name in said
        if name not in NAMES
    ]
    known = {str(meter.id): meter.id for meter in settings.meters}
    meters, wrong = _listed(said.get("m"), known)
    if wrong:
        faults.append(
            say("No such meter: {names}. This station has {known}.", names=wrong, known=", ".join(known))
        )
    keys, wrong = _listed(said.get("q"), {key: key for key in BY_KEY})
    if wrong:
        faults.append(say("No such quantity: {names}. Choose one under Quantities.", names=wrong))
    against = said.get("with", "")
    if against not in ("", "day", "week", "year"):
        faults.append(say("Nothing can be compared with '{what}'.", what=against[:_SAID]))
        against = ""
    zone = settings.site.zone
    if "range" in said and not {"from", "to"} & said.keys():
        start_ms, end_ms = _named(said["range"], zone, now_ms, faults)
    else:
        start_ms, end_ms = _span(said, zone, now_ms, faults)
    meters = meters or [settings.meters[0].id]
    keys = keys or [USUAL]
    if len(meters) * len(keys) > MOST_SERIES:
        faults.append(
            say(
                "{asked} series are too many for one picture: {most} are drawn at most.",
                asked=len(meters) * len(keys),
                most=MOST_SERIES,
            )
        )
    return Asked(tuple(meters), tuple(keys), start_ms, end_ms, against, tuple(faults))  # type: ignore[arg-type]


def _listed(text: str | None, known: Mapping[str, Item]) -> tuple[list[Item], str]:
    """Return what a list names, each once, and in words the names that are unknown."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    wrong = [f"'{name[:_SAID]}'" for name in names if name not in known]
    more = [f"... ({len(wrong)})"] if len(wrong) > 5 else []
    return [known[name] for name in dict.fromkeys(names) if name in known], ", ".join(wrong[:5] + more)


def ranges(now_ms: int, zone: zoneinfo.ZoneInfo) -> dict[str, tuple[int, int]]:
    """Return the times that have a name, as of now: whole days of the site's calendar, and the last hour."""
    minute = now_ms - now_ms % 60_000 + 60_000
    end = day_start_ms(now_ms, zone, -1)
    days = {"today": 0, "7d": 6, "30d": 29, "year": 364}
    return {
        "hour": (minute - 3_600_000, minute),
        **{name: (day_start_ms(now_ms, zone, back), end) for name, back in days.items()},
        "yesterday": (day_start_ms(now_ms, zone, 1), day_start_ms(now_ms, zone)),
    }


def _named(name: str, zone: zoneinfo.ZoneInfo, now_ms: int, faults: list[str]) -> tuple[int, int]:
    known = ranges(now_ms, zone)
    if name not in known:
        faults.append(
            say("'{name}' is no range; there are {known}.", name=name[:_SAID], known=", ".join(known))
        )
    return known.get(name, known["today"])


def _span(
    said: Mapping[str, str], zone: zoneinfo.ZoneInfo, now_ms: int, faults: list[str]
) -> tuple[int, int]:
    today = day_start_ms(now_ms, zone), day_start_ms(now_ms, zone, -1)
    found = []
    for name, usual in zip(("from", "to"), today, strict=True):
        at_ms = moment(said[name], zone) if name in said else usual
        if at_ms is None:
            words = said[name][:_SAID]
            faults.append(say("'{words}' is no time: write it as 2026-11-23T16:20.", words=words))
        found.append(usual if at_ms is None else at_ms)
    start_ms, end_ms = found
    if "to" not in said and start_ms >= end_ms:
        end_ms = day_start_ms(start_ms, zone, -1)
    if "from" not in said and start_ms >= end_ms:
        start_ms = day_start_ms(end_ms - 1, zone)
    if end_ms - start_ms < SHORTEST_MS:
        faults.append(say("The time ends before it begins, or is shorter than 10 s."))
    elif end_ms - start_ms > LONGEST_MS:
        faults.append(say("The time is longer than 10 years."))
    elif start_ms >= now_ms:
        faults.append(say("That time has not come yet."))
    else:
        return start_ms, end_ms
    return today
