"""The readings that are sent each hour: what the meters said at the full hour, or why they did not.

The values of the log sheet, by the same question (`HistoryReader.readings_at`): of each quantity the
nearest good one within 60 s, never a mean. A missing one is a dash with its reason, and where a meter was
silent then, since when. Nothing is repeated as if it were new.
"""

import zoneinfo
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from substation.clock import site_time
from substation.errors import StoreError
from substation.messages.wording import Said, moment
from substation.quantities import BY_KEY, Quantity, is_nothing
from substation.readings import Reading
from substation.settings.messages import Hourly
from substation.settings.model import Meter, Settings
from substation.store.history import HistoryReader
from substation.store.moments import At

LATE_MS = 1_800_000
"""So long after its minute readings are still sent; later the next ones are near."""
SETTLE_MS = 75_000
"""So long after its minute they are looked up: what was read a minute after it is stored by then."""
DASH = "-"


def due_ms(hourly: Hourly, now_ms: int, zone: zoneinfo.ZoneInfo) -> int | None:
    """Return of which moment readings are due now, UTC ms; None: of none."""
    at = site_time(now_ms - SETTLE_MS, zone)
    begun = ((at.minute - hourly.minute) % 60) * 60_000 + at.second * 1000 + at.microsecond // 1000
    return now_ms - SETTLE_MS - begun if begun <= LATE_MS else None


def meters(settings: Settings) -> list[Meter]:
    """Return those whose readings are sent."""
    wanted = settings.messages.hourly.meters
    return [one for one in settings.meters if not wanted or one.id in wanted]


def looked_up(settings: Settings, history: HistoryReader, at_ms: int) -> Said:
    """Return the readings of a moment in words; where the history cannot be read, why there are none."""
    keys, ids = settings.messages.hourly.quantities, [one.id for one in meters(settings)]
    try:
        found = {meter_id: history.readings_at(meter_id, [at_ms], keys)[at_ms] for meter_id in ids}
        return readings(settings, found, history.latest(), at_ms)
    except StoreError as exc:
        return readings(settings, {}, {}, at_ms, f"the history cannot be read: {exc}")


def readings(
    settings: Settings,
    found: Mapping[int, Mapping[str, At]],
    last: Mapping[int, Reading],
    at_ms: int,
    trouble: str = "",
) -> Said:
    """Return the readings of a moment in words, a line for each meter.

    Args:
        settings: which meters and quantities.
        found: by meter what it said then.
        last: by meter its newest answer, for those that were silent.
        at_ms: the moment, UTC.
        trouble: why nothing could be looked up.
    """
    zone, keys = settings.site.zone, settings.messages.hourly.quantities
    head = f"Readings of {moment(at_ms, at_ms, zone)}"
    long, short = [head], [head]
    for meter in meters(settings):
        then = found.get(meter.id, {})
        values = {key: then.get(key) or At(None, None, trouble or "no reading") for key in keys}
        whys = {at.why for at in values.values() if at.value is None}
        if keys and all(at.value is None for at in values.values()) and len(whys) == 1:
            stale = _stale(last.get(meter.id), at_ms, zone)
            long.append(f"{meter.name}: {DASH} ({whys.pop()}{stale})")
            short.append(f"{meter.name}: {DASH}{stale.replace('; ', ' ')}")
            continue
        long.append(f"{meter.name}: " + ", ".join(_labelled(BY_KEY[key], at) for key, at in values.items()))
        short.append(f"{meter.name}: " + " ".join(written(BY_KEY[key], at) for key, at in values.items()))
    return Said("\n".join(long), "\n".join(short))


def _stale(last: Reading | None, at_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return since when a meter has been silent."""
    if last is None or last.at_ms >= at_ms:
        return ""
    return f"; stale: last answer {moment(last.at_ms, at_ms, zone)}"


def _labelled(quantity: Quantity, at: At) -> str:
    why = f" ({at.why})" if at.value is None and at.why else ""
    return f"{quantity.label} {written(quantity, at)}{why}"


def written(quantity: Quantity, at: At) -> str:
    """Return a value as the screens write it: powers and energies in thousands, halves away from zero.

    A dead circuit has neither frequency nor power factor; its meter says 0 for none.
    """
    value = at.value
    if value is None or is_nothing(quantity.key, value):
        return DASH
    kilo = quantity.unit in ("W", "VA", "var", "Wh", "VAh", "varh")
    decimals = 1 if kilo else quantity.decimals
    exact = Decimal(repr(value / 1000 if kilo else value))
    text = str(exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
    text = text.removeprefix("-") if not any(digit in text for digit in "123456789") else text
    unit = "" if quantity.unit == "1" else f" {'k' if kilo else ''}{quantity.unit}"
    return f"{text}{unit}"
