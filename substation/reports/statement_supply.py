"""The tables of a statement that tell of supply: interruptions, and the DG sets. Pure."""

from substation.reports.document import Cell, Column, Table
from substation.reports.statement import Statement
from substation.reports.statement_cells import dashes, hours, litres, per_litre, units
from substation.settings.model import Meter


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
    for words, meter in circuits:
        totals = []
        for month in (found.now, found.before):
            some = month.record.supply() if meter is None else month.record.of(meter.id)
            totals.append(month.record.total(some))
        either = either or any(total.either for total in totals)
        cells = [Cell(text=words)]
        cells += [Cell(total.count) for total in totals]
        cells += [Cell(total.sustained) for total in totals]
        cells += [Cell(total.momentary) for total in totals]
        cells += [hours(t.noted_ms, t.least_ms, t.most_ms) for t in totals]
        rows.append(cells)
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
    return Table("Interruptions", columns, rows, (), notes)


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
        cells += [Cell(each.starts) for each, _ in pair]
        cells += [
            hours(None if each.hours is None else round(each.hours * 3_600_000), each.least_hours * 3_600_000)
            for each, _ in pair
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
