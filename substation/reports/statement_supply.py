"""The tables of a statement that tell of supply: interruptions, and the DG sets. Pure."""

import math

from substation.energy.registers import HOUR_MS
from substation.reports.document import Cell, Column, Table
from substation.reports.statement import Statement
from substation.reports.statement_cells import dashes, hours, litres, per_litre, units
from substation.settings.model import Meter

UNSEEN = "nothing of it was seen in this month"
SEEN = 0.99
"""Where less of the polls was answered, that is told of."""


def supply(found: Statement) -> Table:
    """Return the interruptions of supply, of each incomer where there are several, and of each feeder."""
    now, past = found.now.short, found.before.short
    columns = [Column("Of", is_number=False, width=1.6)]
    for group in ("Interruptions", "sustained", "momentary"):
        columns += [Column(name, group) for name in (now, past)]
    columns += [Column(name, "Hours without supply", width=1.3) for name in (now, past)]
    rows = []
    incomers = found.of_role("incomer")
    of_feeders = [(f"{m.id} {m.name}", m) for m in found.of_role("feeder")]
    of_incomers = [(f"{m.id} {m.name}", m) for m in incomers] if len(incomers) > 1 else []
    circuits: list[tuple[str, Meter | None]] = [("Supply", None), *of_incomers, *of_feeders]
    either = False
    less: dict[tuple[str, str], list[str]] = {}
    for words, meter in circuits:
        columns_of = []
        for month in (found.now, found.before):
            some = month.record.supply() if meter is None else month.record.of(meter.id)
            total = month.record.total(some)
            either = either or total.either > 0
            seen = month.answered(incomers if meter is None else [meter])
            if not seen and not total.count:
                columns_of.append([Cell(why=UNSEEN)] * 4)
                continue
            counts = [Cell(total.count), Cell(total.sustained), Cell(total.momentary)]
            columns_of.append([*counts, hours(total.noted_ms, total.least_ms, total.most_ms)])
            if 0 < seen < SEEN:
                part = f"{math.floor(seen * 1000) / 10:.1f} % of the polls due were answered."
                less.setdefault((month.short, part), []).append(words)
        rows.append([Cell(text=words), *(cell for pair in zip(*columns_of, strict=True) for cell in pair)])
    minutes = found.now.record.momentary_ms / 60_000
    notes = [
        f"An interruption up to {minutes:g} min is momentary, a longer one sustained. Counted in the month "
        "in which it began; its hours where they were. Failures of communication, adapter or station never "
        "count."
    ]
    if either:
        notes.append("One whose bounds lie on both sides of that counts as an interruption, and as neither.")
    for month in (found.now, found.before):
        if not month.record.whole:
            notes.append(
                f"{month.name}: more changes of supply than are read at once; the oldest are missing."
            )
        if month.record.blind_ms >= 60_000:
            notes.append(
                f"{month.name}: for {month.record.blind_ms / 3_600_000:.2f} h nobody looked; an interruption "
                "then is not known."
            )
    notes += [
        f"{month}, {', '.join(whose)}: {part} An interruption meanwhile is not known."
        for (month, part), whose in less.items()
    ]
    title = "Interruptions"
    return Table(title, columns, rows, (), [*dashes(Table(title, columns, rows)), *notes])


def sets(found: Statement) -> Table:
    """Return the month of each DG set."""
    now, past = found.now.short, found.before.short
    columns = [Column("DG set", is_number=False, width=1.5)]
    for group, unit in (
        ("Starts", ""),
        ("Hours run", "h"),
        ("Units", "kWh"),
        ("Diesel", "l"),
        ("Per litre", "kWh"),
    ):
        columns += [Column(name, group, unit) for name in (now, past)]
    rows, notes = [], []
    for one in found.now.sets:
        pair = [(one, found.now)]
        pair += [(each, found.before) for each in found.before.sets if each.meter.id == one.meter.id]
        cells = [Cell(text=f"{one.meter.id} {one.meter.name}")]
        silent = [not each.starts and not month.answered([each.meter]) for each, month in pair]
        cells += [
            Cell(why=UNSEEN) if mute else Cell(each.starts)
            for (each, _), mute in zip(pair, silent, strict=True)
        ]
        cells += [
            Cell(why=UNSEEN)
            if mute
            else hours(
                None if each.hours is None else round(each.hours * HOUR_MS),
                each.least_hours * HOUR_MS,
                None if each.most_hours is None else each.most_hours * HOUR_MS,
            )
            for (each, _), mute in zip(pair, silent, strict=True)
        ]
        cells += [units(month.of(each.meter.id)) for each, month in pair]
        cells += [litres(each) for each, _ in pair]
        cells += [per_litre(each) for each, _ in pair]
        rows.append(cells)
        notes += [
            f"{month.name}, {each.meter.name}: of {each.unwritten} of {each.starts} runs no litres are "
            "written."
            for each, month in pair
            if each.unwritten
        ]
    notes.append(
        "Starts, hours and litres are of the runs that began in the month; units are its register's."
    )
    table = Table("DG sets", columns, rows)
    return Table(table.title, columns, rows, (), [*dashes(table), *notes])
