"""The hourly log sheet of a day: rows, extremes, totals, shifts, what was typed. Pure.

    log_sheet(read, settings, meter, typed)      of one meter, or with None of the whole site

A cell is the nearest good reading within a minute of its hour, never a mean; where there is none it is a
dash with its reason. Hours that have not come, or whose readings may still be on their way, are empty.
"""

import re
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from substation.clock import site_time
from substation.energy import demand
from substation.energy.chain import Chain
from substation.quantities import COUNTERS
from substation.reports.document import Cell
from substation.reports.log_counts import Counted, Units, counted, rounded
from substation.reports.log_form import HAND_OVER, LogColumn, LogForm
from substation.reports.log_hours import Hour, Shift
from substation.reports.log_source import DEMAND_OF, UNITS_OF, MeterDay, ReadDay
from substation.settings.model import Meter, Settings, Site
from substation.store.entries import Entry, Place
from substation.store.moments import At

FORM = "log_sheet"
"""Under which name its entries stand in `store.entries`."""
SITE = "site"
NOT_IN_METER = "not in this meter"
NO_BLOCK = "no block of {minutes} min with a kVAh reading at both ends yet"
NO_DEMAND = "no block of {minutes} min with a kVAh reading at both ends"
NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]{1,6})?")
"""A number as it is kept (`handwriting.number`)."""
EMPTY = Cell()
FOOT = (("low", "Lowest"), ("low_at", "at"), ("high", "Highest"), ("high_at", "at"), ("total", "Day"))
"""Rows below the hours, before those of the shifts."""


def subject(meter: Meter | None) -> str:
    """Return whom an entry is about."""
    return SITE if meter is None else f"meter:{meter.id}"


@dataclass(frozen=True, slots=True)
class Typed:
    """What people wrote into the sheet."""

    standing: Mapping[Place, Entry] = field(default_factory=dict)
    corrected: Mapping[Place, int] = field(default_factory=dict)
    """Places that were written to more than once, and how often."""

    def of(self, place: Place) -> Entry | None:
        """Return what stands at a place; also what was taken back, with its empty text."""
        return self.standing.get(place)


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column of a sheet: one of the form, of one meter or of the site."""

    column: LogColumn
    meter: Meter | None
    group: str

    @property
    def head(self) -> str:
        """What stands above it."""
        return self.column.head


@dataclass(frozen=True, slots=True)
class Spot:
    """A cell where it stands on the sheet."""

    cell: Cell
    place: Place | None = None
    """Where it is typed by hand; None for what is measured."""
    due: bool = False
    read_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A row at the foot of the sheet."""

    kind: str
    """low | low_at | high | high_at | total | shift."""
    label: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class LogSheet:
    """A day of one meter, or of the site."""

    meter: Meter | None
    form: LogForm
    columns: Sequence[SheetColumn]
    hours: Sequence[Hour]
    rows: Sequence[Sequence[Spot]]
    """A row an hour, a spot a column."""
    foot: Sequence[Line]
    shifts: Sequence[Shift]
    typed: Typed
    notes: Sequence[str]

    def hand_over(self, shift: Shift) -> Place:
        """Return where the note of a shift stands."""
        return Place(FORM, SITE, shift.begin_ms, HAND_OVER)


def columns_of(form: LogForm, settings: Settings, meter: Meter | None) -> list[SheetColumn]:
    """Return the columns of a meter's sheet, or of the site's: there meter by meter, then what is of all."""
    if meter is not None:
        of_meter = [c for c in form.column if "meter" in c.sheets]
        return [
            SheetColumn(c, meter if c.roles else None, c.group)
            for c in of_meter
            if meter.role in c.roles or not c.roles
        ]
    of_site = [c for c in form.column if "site" in c.sheets]
    found = [
        SheetColumn(c, one, f"{one.id} {one.name}")
        for one in settings.meters
        for c in of_site
        if one.role in c.roles
    ]
    return [*found, *(SheetColumn(c, None, c.group) for c in of_site if not c.roles)]


def log_sheet(read: ReadDay, settings: Settings, meter: Meter | None, typed: Typed) -> LogSheet:
    """Return the sheet.

    Args:
        read: the day, with all meters of the sheet.
        settings: the station's.
        meter: whose sheet; None: of the whole site.
        typed: what people wrote.
    """
    hours, shifts, zone = read.hours, read.shifts, settings.site.zone
    columns = columns_of(read.form, settings, meter)
    filled = [_Column(one, read, settings.site, typed) for one in columns]
    rows = [[column.spots[at] for column in filled] for at in range(len(hours))]
    lines = [Line(kind, label, [column.foot(kind) for column in filled]) for kind, label in FOOT]
    foot = [line for line in lines if any(cell.shown for cell in line.cells)]
    for shift in shifts:
        name = shift.name
        if not shift.whole:
            part = [site_time(ms, zone).strftime("%H:%M") for ms in (shift.from_ms, shift.to_ms)]
            name = f"{name}, {part[0]} to {'24:00' if shift.to_ms == hours[-1].at_ms else part[1]}"
        foot.append(Line("shift", f"Shift {name}", [column.of_shift(shift) for column in filled]))
        if shift.begin_ms < shift.from_ms and shift.end_ms == shift.to_ms:
            whole = [column.of_whole(shift) for column in filled]
            foot.append(Line("shift", f"Whole shift {shift.name}, begun the day before", whole))
    notes = [
        _doubt(span, zone) for span in sorted({one for day in read.days.values() for one in day.doubted})
    ]
    coarse_ms = max((day.coarse_ms for day in read.days.values()), default=0)
    if coarse_ms:
        notes.append(_coarse(coarse_ms, hours[-1].at_ms, zone))
    notes += [note for column in filled for note in [*column.notes, *column.peaks()]]
    return LogSheet(meter, read.form, columns, hours, rows, foot, shifts, typed, list(dict.fromkeys(notes)))


def _doubt(span: tuple[int, int], zone: zoneinfo.ZoneInfo) -> str:
    begin, end = (f"{site_time(ms, zone):%d %b %H:%M:%S}" for ms in span)
    return f"Nobody vouched for the machine's clock from {begin} to {end}; what was read then is in no figure"


def _coarse(until_ms: int, end_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    until = "24:00" if until_ms >= end_ms else f"{site_time(until_ms, zone):%H:%M}"
    return (
        f"Single readings up to {until} are kept no longer: each figure is the last of its quarter of an "
        "hour, and lowest and highest are known to the quarter of an hour"
    )


class _Column:
    """One column on its way onto the sheet."""

    def __init__(self, of: SheetColumn, read: ReadDay, site: Site, typed: Typed) -> None:
        hours = read.hours
        self._of, self._column, self._hours, self._zone = of, of.column, hours, site.zone
        self._minutes = site.demand_minutes
        self._day = read.days.get(of.meter.id, MeterDay({})) if of.meter else MeterDay({})
        self._typed = typed
        self.notes: list[str] = []
        self._peaks: list[str] = []
        self._units: list[Units] = []
        self._counted: Counted | None = None
        column = of.column
        if column.item:
            self.spots = [self._by_hand(hour) for hour in hours]
        elif column.quantity:
            self.spots = [self._read(hour) for hour in hours]
            if column.quantity in COUNTERS:
                self._note_far_bounds()
        elif column.computed == "units":
            self.spots = self._all_units()
        else:
            self.spots = [self._demand(at) for at in range(len(hours))]

    def foot(self, kind: str) -> Cell:
        """Return the cell of a row below the hours."""
        if kind == "total":
            if self._counted is not None:
                return self._sum(0, len(self._hours) - 1)
            if self._column.computed == "max_demand":
                return self._most(self._hours[0].at_ms, self._hours[-1].at_ms)
            return EMPTY
        if self._column.quantity:
            found = self._day.reached.get(self._column.quantity)
            if found is None:
                return EMPTY
            is_low = kind.startswith("low")
            value, at_ms = (found.low, found.low_ms) if is_low else (found.high, found.high_ms)
            if not kind.endswith("_at"):
                return self._cell(value)
            begin, for_ms = self._clock(at_ms), found.low_for_ms if is_low else found.high_for_ms
            return Cell(text=f"{begin.text}-{self._clock(at_ms + for_ms).text}") if for_ms else begin
        return self._extreme(kind)

    def of_shift(self, shift: Shift) -> Cell:
        """Return the cell of a shift's row."""
        if self._counted is not None:
            places = {hour.at_ms: at for at, hour in enumerate(self._hours)}
            if shift.from_ms in places and shift.to_ms in places:
                return self._sum(places[shift.from_ms], places[shift.to_ms])
        if self._column.computed == "max_demand":
            return self._most(shift.from_ms, shift.to_ms)
        return EMPTY

    def of_whole(self, shift: Shift) -> Cell:
        """Return the cell of a shift that began on the day before and ends on this one."""
        if self._counted is None:
            return self._most(shift.begin_ms, shift.to_ms) if self._column.computed == "max_demand" else EMPTY
        rows = [hour for hour in self._hours if hour.state == "past" and hour.at_ms <= shift.to_ms]
        if not rows:
            return EMPTY
        begin = self._day.readings.get(shift.begin_ms, {}).get(UNITS_OF, At(None, None, "not known"))
        at_ms = [shift.begin_ms, *(hour.at_ms for hour in rows)]
        reads = [begin, *(self._at(hour, UNITS_OF) for hour in rows)]
        made = counted(at_ms, reads, self._chain(UNITS_OF), self._column.divisor, self._column.decimals)
        units = made.units(len(rows), 0) if reads[-1] is not None else Units(why="not known")
        cell = self._units_cell(Units(units.value, units.why, units.since, 1.0, units.lacks))
        is_over = rows[-1].at_ms == shift.to_ms
        return cell if cell.value is None or is_over else Cell(cell.value, cell.decimals, "so far")

    def _by_hand(self, hour: Hour) -> Spot:
        place = Place(FORM, subject(self._of.meter), hour.at_ms, self._column.item)
        entry, due = self._typed.of(place), self._column.due(hour.number)
        if entry is None or not entry.text:
            return Spot(EMPTY, place, due)
        if self._column.text:
            return Spot(Cell(text=entry.text, by_hand=True), place, due)
        if not NUMBER.fullmatch(entry.text):  # written when the form asked for words here
            return Spot(Cell(text=entry.text, by_hand=True), place, due)
        digits = len(entry.text.partition(".")[2])
        return Spot(Cell(float(entry.text), max(self._column.decimals, digits), by_hand=True), place, due)

    def _read(self, hour: Hour) -> Spot:
        at = self._at(hour, self._column.quantity)
        if at is None:
            return Spot(EMPTY)
        if at.value is None:
            return Spot(Cell(why=at.why or "not known"), read_ms=at.read_ms)
        return Spot(self._cell(at.value), read_ms=at.read_ms)

    def _note_far_bounds(self) -> None:
        """Say where a register of midnight was read long before it."""
        for hour, spot in ((self._hours[0], self.spots[0]), (self._hours[-1], self.spots[-1])):
            if spot.read_ms is not None and hour.at_ms - spot.read_ms > demand.NEAR_MS:
                read = site_time(spot.read_ms, self._zone)
                self._note(f"the register of {hour.label} was read at {read:%H:%M:%S}")

    def _at(self, hour: Hour, key: str) -> At | None:
        """Return what was read at an hour; None: nothing is known of it yet."""
        if hour.state != "past":
            return None
        if key in self._day.lacking:
            return At(None, None, NOT_IN_METER)
        moment = self._day.readings.get(hour.at_ms)
        return None if moment is None else moment[key]

    def _cell(self, value: float) -> Cell:
        column = self._column
        return Cell(rounded(value / column.divisor, column.decimals), column.decimals)

    def _all_units(self) -> list[Spot]:
        column, hours = self._column, self._hours
        reads = [self._at(hour, UNITS_OF) for hour in hours]
        made = counted(
            [hour.at_ms for hour in hours], reads, self._chain(UNITS_OF), column.divisor, column.decimals
        )
        self._counted = made
        self._units = [
            made.units(at) if at and reads[at] is not None else Units() for at in range(len(hours))
        ]
        return [Spot(self._units_cell(units)) for units in self._units]

    def _units_cell(self, units: Units) -> Cell:
        if units.value is None:
            return Cell(why=units.why)
        if units.lacks:
            self._note(units.lacks)
        text = f"in {units.hours:g} h" if units.hours > 1.01 else ""
        return Cell(units.value, self._column.decimals, text)

    def _sum(self, first: int, last: int) -> Cell:
        """Return what was counted between two rows; of a time that is not over, so far."""
        assert self._counted is not None  # noqa: S101  asked for only where it is
        so_far = last
        while so_far > first and self._hours[so_far].state != "past":
            so_far -= 1
        if so_far == first:
            return EMPTY
        units = self._counted.units(so_far, first)
        cell = self._units_cell(Units(units.value, units.why, units.since, 1.0, units.lacks))
        return Cell(cell.value, cell.decimals, "so far") if cell.value is not None and so_far < last else cell

    def _chain(self, key: str) -> Chain | None:
        return self._day.chains.get(key)

    def _demand(self, place: int) -> Spot:
        hour = self._hours[place]
        if not place or hour.state != "past" or not self._day.readings:
            return Spot(EMPTY)
        if DEMAND_OF in self._day.lacking:
            return Spot(Cell(why=NOT_IN_METER))
        found = self._highest(self._hours[0].at_ms, hour.at_ms)
        return Spot(
            Cell(why=NO_BLOCK.format(minutes=self._minutes)) if found is None else self._cell(found[0])
        )

    def _highest(self, start_ms: int, end_ms: int) -> tuple[float, int] | None:
        chain = self._chain(DEMAND_OF)
        return None if chain is None else demand.max_demand(chain, start_ms, end_ms, self._minutes)

    def _most(self, start_ms: int, end_ms: int) -> Cell:
        """Return the highest demand of a time, and note when it was."""
        past = [hour.at_ms for hour in self._hours if hour.state == "past"]
        if not past or past[-1] <= start_ms or not self._day.readings:
            return EMPTY
        if DEMAND_OF in self._day.lacking:
            return Cell(why=NOT_IN_METER)
        found = self._highest(start_ms, min(end_ms, past[-1]))
        if found is None:
            return Cell(why=NO_DEMAND.format(minutes=self._minutes))
        cell = self._cell(found[0])
        span = [self._clock(ms).text for ms in (start_ms, min(end_ms, past[-1]))]
        self._peaks.append(f"{span[0]}-{span[1]} {cell.digits} ({self._clock(found[1]).text})")
        return cell

    def peaks(self) -> list[str]:
        """Return in words when the highest demands were."""
        if not self._peaks:
            return []
        peaks = "; ".join(self._peaks)
        return [f"Highest {self._minutes} min in {self._column.unit}, and when it began: {peaks}"]

    def _extreme(self, kind: str) -> Cell:
        """Return the least or greatest number of what is typed or counted by the hour, or its hour."""
        if self._column.computed == "max_demand":
            return EMPTY
        values = [
            (spot.cell.value, hour)
            for spot, hour in zip(self.spots, self._hours, strict=True)
            if spot.cell.value is not None and not spot.cell.text
        ]
        if not values:
            return EMPTY
        pick = min if kind.startswith("low") else max
        value, hour = pick(values, key=lambda one: one[0])
        return Cell(text=hour.label) if kind.endswith("_at") else Cell(value, self._decimals(value))

    def _decimals(self, value: float) -> int:
        return max(spot.cell.decimals for spot in self.spots if spot.cell.value == value)

    def _clock(self, at_ms: int) -> Cell:
        if at_ms == self._hours[-1].at_ms:
            return Cell(text="24:00")
        return Cell(text=site_time(at_ms, self._zone).strftime("%H:%M"))

    def _note(self, words: str) -> None:
        self.notes.append(words if self._of.meter is None else f"{self._of.meter.name}: {words}")
