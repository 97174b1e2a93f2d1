"""The hourly log sheet as a document, for PDF, XLSX and CSV: the same cells as on the page. Pure."""

import datetime as dt
import zoneinfo
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from substation.clock import site_time
from substation.reports.document import DASH, Cell, Column, Document, Table
from substation.reports.log_also import TITLE, also_written
from substation.reports.log_form import LogForm
from substation.reports.log_sheet import LogSheet
from substation.settings.model import Settings

FEW = 3
"""So many columns with a dash are named; where there are more, the hour alone."""
LONG = 4.0
"""A wide column, beside the others."""
WITHIN = (
    "Each figure is the nearest valid reading within 60 s of its hour, never a mean; a register's is the "
    "last before it, at midnight as in the month's statement. Lowest and highest are of all readings of the "
    "day, not of the hours alone. Indicative, polled."
)
GONE = "The form of the station has no place for it any more; it stands as it was written."
BY_HAND = "In italics: written by hand."


def log_document(
    form: LogForm, settings: Settings, day: dt.date, sheets: Sequence[LogSheet], made_at: str
) -> Document:
    """Return the document of a day.

    Args:
        form: the station's.
        settings: the station's.
        day: of the site.
        sheets: one meter's; or the site's and those of all meters.
        made_at: when and by whom, in words.
    """
    zone = settings.site.zone
    tables = [table(sheet, zone) for sheet in sheets]
    if sheets:
        tables += [hand_over(sheets[0], zone), *also(sheets[0], settings)]
    only = sheets[0].meter if len(sheets) == 1 else None
    whose = "all meters" if only is None else f"{only.id} {only.name}"
    shifts = [f"{shift.name}" for shift in (sheets[0].shifts if sheets else ())]
    return Document(
        form.title,
        settings.site.name,
        f"{whose}, {day:%a} {day.day} {day:%b %Y}",
        tables,
        signatures=[f"Operator {name}" for name in dict.fromkeys(shifts)] + ["Engineer"],
        simulated=settings.simulated,
        made_at=made_at,
        facts=[WITHIN, BY_HAND],
    )


def table(sheet: LogSheet, zone: zoneinfo.ZoneInfo) -> Table:
    """Return the table of one sheet."""
    columns = [Column("Time", is_number=False)]
    columns += [
        Column(
            one.head,
            one.group,
            one.column.unit,
            one.column.is_number,
            LONG if one.column.long else 1.0,
        )
        for one in sheet.columns
    ]
    rows = [
        [Cell(text=hour.label), *(spot.cell for spot in row)]
        for hour, row in zip(sheet.hours, sheet.rows, strict=True)
    ]
    foot = [[Cell(text=line.label), *line.cells] for line in sheet.foot]
    title = "All meters" if sheet.meter is None else f"{sheet.meter.id} {sheet.meter.name}"
    notes = [*map(said, reasons(sheet)), *sheet.notes, *written(sheet, zone)]
    return Table(title, columns, rows, foot, notes, new_page=True)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there are dashes."""

    whose: str
    """Names of the meters on the sheet of all; else empty."""
    whens: Sequence[tuple[str, Sequence[tuple[str, str]]]]
    """Hours, with group and head of the columns; without columns: most of the row, or of the meter."""
    why: str


def reasons(sheet: LogSheet) -> list[Reason]:
    """Return why there are dashes: each reason once, with its hours and, where these are few, its columns."""
    found: dict[tuple[str, str], dict[tuple[tuple[str, str], ...], list[str]]] = {}
    for hour, row in zip(sheet.hours, sheet.rows, strict=True):
        by_why: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for one, spot in zip(sheet.columns, row, strict=True):
            if spot.cell.shown == DASH:
                whose = "" if sheet.meter is not None or one.meter is None else one.meter.name
                head = ("" if whose else one.group, one.head)
                by_why.setdefault((whose, spot.cell.why), []).append(head)
        for key, heads in by_why.items():
            named = tuple(heads) if len(heads) <= FEW else ()
            found.setdefault(key, {}).setdefault(named, []).append(hour.label)
    if sheet.meter is not None:
        return [
            Reason("", [(", ".join(labels), heads) for heads, labels in whens.items()], why)
            for (_, why), whens in found.items()
        ]
    together: dict[tuple[str, str], list[str]] = {}
    for (whose, why), whens in found.items():
        labels = sorted({label for some in whens.values() for label in some})
        together.setdefault((", ".join(labels), why), []).append(whose)
    return [Reason(", ".join(names), [(labels, ())], why) for (labels, why), names in together.items()]


def said(reason: Reason) -> str:
    """Return a reason as it stands below a table."""
    whens = [
        f"{labels} {', '.join(' '.join(filter(None, head)) for head in heads)}".rstrip()
        for labels, heads in reason.whens
    ]
    return f"{DASH} {f'{reason.whose}, ' if reason.whose else ''}{'; '.join(whens)}: {reason.why}"


def written(sheet: LogSheet, zone: zoneinfo.ZoneInfo) -> list[str]:
    """Return who wrote how much by hand, and what was corrected."""
    here = {spot.place: spot for row in sheet.rows for spot in row if spot.place is not None}
    entries = {place: entry for place, entry in sheet.typed.standing.items() if place in here}
    by = Counter(entry.entered_by for entry in entries.values() if entry.text)
    notes = []
    if by:
        notes.append("By hand: " + ", ".join(f"{name} {count}" for name, count in sorted(by.items())))
    heads = {
        spot.place: f"{hour.label} {one.head}"
        for hour, row in zip(sheet.hours, sheet.rows, strict=True)
        for one, spot in zip(sheet.columns, row, strict=True)
        if spot.place is not None
    }
    changed = [
        f"{heads[place]} by {entry.entered_by} on {site_time(entry.at_ms, zone):%d %b %H:%M}"
        f"{'' if entry.text else ' (taken back)'}"
        for place, entry in entries.items()
        if sheet.typed.corrected.get(place, 1) > 1
    ]
    if changed:
        notes.append("Corrected, the earlier values are kept: " + "; ".join(changed))
    return notes


def hand_over(sheet: LogSheet, zone: zoneinfo.ZoneInfo) -> Table:
    """Return the notes with which shifts were handed over."""
    columns = [
        Column("Shift", is_number=False),
        Column("Handed over with", is_number=False, width=8.0),
        Column("By", is_number=False, width=2.0),
    ]
    rows = []
    for shift in sheet.shifts:
        entry = sheet.typed.of(sheet.hand_over(shift))
        begin = site_time(shift.begin_ms, zone)
        by = f"{entry.entered_by}, {site_time(entry.at_ms, zone):%d %b %H:%M}" if entry and entry.text else ""
        rows.append(
            [
                Cell(text=f"{begin:%d %b} {shift.name}"),
                Cell(text=entry.text if entry else "", by_hand=True),
                Cell(text=by),
            ]
        )
    return Table("Shift hand-over", columns, rows)


def also(sheet: LogSheet, settings: Settings) -> list[Table]:
    """Return what was written on the day into places that the form has no more, if anything."""
    columns = [
        Column("Time", is_number=False),
        Column("Of", is_number=False, width=2.0),
        Column("Item", is_number=False, width=2.0),
        Column("Written", is_number=False, width=6.0),
        Column("By", is_number=False, width=2.0),
    ]
    rows = [
        [
            Cell(text=one.hour),
            Cell(text=one.whose),
            Cell(text=one.item),
            Cell(text=one.entry.text, by_hand=True),
            Cell(
                text=f"{one.entry.entered_by}, {site_time(one.entry.at_ms, settings.site.zone):%d %b %H:%M}"
            ),
        ]
        for one in also_written(sheet, settings)
    ]
    return [Table(TITLE, columns, rows, notes=[GONE])] if rows else []
