"""A meter's day in words: energy and demand of today and yesterday, power factor, registers, answers. Pure.

Group `dN` (see `screen`). Figures of today are as old as the register that they were made from; those of
yesterday stand.
"""

import zoneinfo
from collections.abc import Mapping

from substation.dashboard import figures, hurry, words
from substation.dashboard import format as f
from substation.dashboard.board import LiveMeter
from substation.dashboard.figures import SHIFT_HOURS, TodayFigures, YesterdayFigures
from substation.dashboard.heard import told
from substation.dashboard.strip import Strip
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.quantities import COUNTERS
from substation.store.moments import At


def parts(
    meter: LiveMeter,
    today: TodayFigures,
    yesterday: YesterdayFigures,
    registers: Mapping[int, At],
    zone: zoneinfo.ZoneInfo,
    *,
    is_doubted: bool = False,
) -> Parts:
    """Return the figures of a meter's day; with a doubted clock nobody knows when the day began."""
    unit = f.spec("wh_received", meter.rated_kva).unit
    told: Parts = {
        "now": _energy(today.kwh_today, meter, unit, words.so_far(meter, today.kwh_today), today.about_today),
        "bynow": _energy(yesterday.kwh_by_now, meter, unit, "", yesterday.about_by_now),
        "past": _energy(today.kwh_yesterday, meter, unit, "", today.about_yesterday),
        "peak": _demand(meter, today.max_demand_va, today.max_demand_at_ms, zone),
        "pastpeak": _demand(meter, yesterday.max_demand_va, yesterday.max_demand_at_ms, zone),
        **_factor(meter, today),
    }
    if today.max_demand_va:
        told["peak"] = (told["peak"][0], words.so_far(meter, today.max_demand_va))
    for hour in SHIFT_HOURS:
        told |= _register(meter, hour, registers[hour], zone)
    for key in COUNTERS:
        told[f"{key}.used"] = _used(meter, key, today.used.get(key))
    return {key: (f.unsure(text, is_doubted), looks) for key, (text, looks) in told.items()}


def _energy(kwh: float | None, meter: LiveMeter, unit: str, looks: str, loose: bool) -> tuple[str, str]:
    if kwh is None:
        return (f.DASH, "ss-is-never")
    return (f"{words.energy_words(kwh, meter, loose=loose)} {unit}", looks)


def _demand(
    meter: LiveMeter, demand_va: float | None, at_ms: int | None, zone: zoneinfo.ZoneInfo
) -> tuple[str, str]:
    if not demand_va or at_ms is None:  # a generator that has not run had no highest demand
        return (f.DASH, "ss-is-never")
    demand = f.spec("va_total", meter.rated_kva).words(demand_va)
    return (say("{demand} at {time}", demand=demand, time=f.time_of_day(at_ms, zone)), "")


def _factor(meter: LiveMeter, today: TodayFigures) -> Parts:
    factor = today.factor
    if factor.value is None:
        return {"factor": (f.DASH, "ss-is-never"), "factorsays": (told(factor.why), "")}
    looks = words.so_far(meter, factor.value)
    return {"factor": (f.number(factor.value, 3), looks), "factorsays": (factor.basis or "", "")}


def _register(meter: LiveMeter, hour: int, at: At, zone: zoneinfo.ZoneInfo) -> Parts:
    if "wh_received" not in meter.model.keys:
        at = At(None, None, say("not in this meter"))
    if at.value is None:
        return {f"r{hour}": (f.DASH, "ss-is-never"), f"r{hour}says": (_why(at), "")}
    read = say("read {time}", time=f.time_of_day(at.read_ms, zone, seconds=True))
    return {
        f"r{hour}": (f.spec("wh_received", meter.rated_kva).words(at.value), ""),
        f"r{hour}says": (read, ""),
    }


def _why(at: At) -> str:
    match at.why:
        case figures.NOT_YET:
            return say("not yet")
        case figures.UNREADABLE:
            return hurry.unread()
    return told(at.why)


def _used(meter: LiveMeter, key: str, used: float | None) -> tuple[str, str]:
    """Return how far a register went on today: `+2 262 today`."""
    if used is None or key not in meter.model.keys:
        return (f.DASH if key in meter.model.keys else "", "ss-is-never")
    looks = words.so_far(meter, used)
    if used == 0:
        return (say("no change"), looks)
    return (say("+{number} today", number=f.spec(key, meter.rated_kva).text(used)), looks)


def strip_words(found: Strip | None) -> tuple[str, str]:
    """Return in words what the strip of answers shows."""
    if found is None:
        return (hurry.unread(), "ss-hatched")
    if found.count("blank") == len(found.kinds):
        return (say("nothing stored since then"), "ss-hatched")
    said = [say("{count} of {all} without a gap", count=found.count("all"), all=len(found.kinds))]
    if found.count("some"):
        said.append(say("{count} with some missing", count=found.count("some")))
    if found.count("none"):
        said.append(say("{count} without an answer", count=found.count("none")))
    if found.count("blank"):
        said.append(say("{count} with nothing stored", count=found.count("blank")))
    return (", ".join(said), "")
