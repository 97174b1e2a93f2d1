"""The cells of a statement's tables: figures with the form's decimals, dashes with their reasons. Pure.

Readings and units have the three digits of the history's own step, 1 Wh. A percentage of completeness is cut
off and never rounded up: 100.0 is all of it.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from substation.clock import site_time
from substation.energy.account import Account
from substation.reports.document import Cell, Table, hours_between, reasons
from substation.reports.statement import NO_BLOCK, NOT_READ, DgMonth, MeterMonth, Month
from substation.settings.model import Meter

EMPTY = Cell()
PART = "in part"
"""Beside units of a month that was not measured from its begin to its end."""
NO_RUN = "it did not run"


def moved(found: Account | None) -> bool:
    """Return whether a register went on, or belongs to two meters."""
    return found is not None and (found.units != 0 or len(found.pieces) > 1)


def kilo(value: float | None, why: str = "") -> Cell:
    """Return a thousandth of a value with all its digits, or a dash."""
    return Cell(why=why) if value is None else Cell(value / 1000, 3)


def units(one: MeterMonth, key: str = "wh_received") -> Cell:
    """Return what a counter of a meter counted, in thousands of its unit."""
    return kilo(one.units(key), one.why(key))


def units_in(month: Month, meter: Meter, key: str = "wh_received") -> Cell:
    """Return the same, marked where it is not of the whole month."""
    found = units(month.of(meter.id), key)
    return found if found.value is None or month.is_whole(meter, key) else replace(found, text=PART)


def together(month: Month, meters: Sequence[Meter]) -> Cell:
    """Return what several meters received, kWh; marked where it is not of the whole month."""
    found = kilo(month.sum(meters), month.unknown(meters))
    is_part = found.value is not None and not all(month.is_whole(meter) for meter in meters)
    return replace(found, text=PART) if is_part else found


def change(now: Cell, before: Cell) -> Cell:
    """Return by how much a figure is more than the one before it, in %; empty where that tells nothing."""
    if now.value is None or before.value is None or before.value <= 0:
        return EMPTY
    return Cell((now.value - before.value) / before.value * 100, 1)


def highest(one: MeterMonth, zone: ZoneInfo) -> list[Cell]:
    """Return the maximum demand, and from when its block was."""
    if one.demand is None:
        return [Cell(why=NO_BLOCK if one.accounts else NOT_READ), EMPTY]
    value, at_ms = one.demand
    unit = "kW" if one.demand_in == "W" else ""
    return [Cell(value / 1000, 1, unit), Cell(text=f"{site_time(at_ms, zone):%d %b %H:%M}")]


def percent(share: float | None, why: str) -> Cell:
    """Return a share in %."""
    return Cell(why=why) if share is None else Cell(share * 100, 1)


def factor(one: MeterMonth) -> Cell:
    """Return the power factor of a month; one from mean powers bears a star."""
    found = one.factor
    if found.value is None:
        return Cell(why=found.why)
    return Cell(min(found.value, 1.0), 3, "*" if found.basis == "means of W and VA" else "")


def complete(one: MeterMonth) -> Cell:
    """Return how complete a meter's polls are, in %."""
    share = one.completeness.share
    if share is None:
        return Cell(why="nothing was due")
    return Cell(math.floor(min(share, 1.0) * 1000) / 10, 1)


def hours(noted_ms: float | None, least_ms: float, most_ms: float | None = None) -> Cell:
    """Return hours; where they are known between bounds only, both."""
    if noted_ms is not None:
        return Cell(noted_ms / 3_600_000, 2)
    return Cell(text=hours_between(least_ms, most_ms))


def litres(one: DgMonth) -> Cell:
    """Return the litres of a month."""
    if not one.starts:
        return Cell(why=NO_RUN)
    return Cell(why="litres are not written of each run") if one.litres is None else Cell(one.litres, 1)


def per_litre(one: DgMonth) -> Cell:
    """Return kWh per litre."""
    if not one.starts:
        return Cell(why=NO_RUN)
    if not one.litres or one.run_wh is None:
        return Cell(why="litres or units of a run are not known")
    return Cell(one.run_wh / 1000 / one.litres, 2)


def dashes(table: Table) -> list[str]:
    """Return why a table has dashes, in one sentence."""
    found = reasons(table)
    return [f"A dash: {'; or '.join(found)}."] if found else []


def moment(at_ms: int, zone: ZoneInfo) -> str:
    """Return a moment by the site's clock: 12 Nov 10:04:58."""
    return f"{site_time(at_ms, zone):%d %b %H:%M:%S}"
