"""A month's statement as a document: what is on paper, in the workbook, in the CSV and on the page. Pure."""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from substation.energy.account import Account
from substation.reports.document import Cell, Column, Document, Table
from substation.reports.statement import NOT_READ, UNITS, MeterMonth, Month, Statement
from substation.reports.statement_cells import (
    EMPTY,
    change,
    complete,
    dashes,
    factor,
    highest,
    kilo,
    moment,
    moved,
    percent,
    together,
    units_in,
)
from substation.reports.statement_notes import month_notes, of_meters
from substation.reports.statement_supply import sets, supply
from substation.settings.model import Settings

REGISTERS = {
    "wh_received": "kWh import",
    "vah_received": "kVAh import",
    "varh_ind_received": "kvarh import, lag",
    "varh_cap_received": "kvarh import, lead",
    "wh_delivered": "kWh export",
    "vah_delivered": "kVAh export",
    "varh_ind_delivered": "kvarh export, lag",
    "varh_cap_delivered": "kvarh export, lead",
}
"""In the order of the form."""
ALWAYS = ("wh_received", "vah_received")
"""Registers that are told even where they stood still; others are left out then."""


def statement_document(found: Statement, settings: Settings, made_at: str) -> Document:
    """Return the document; `made_at` says when and by whom it was made, in words."""
    now, zone = found.now, settings.site.zone
    until = "" if now.over else f", so far: until {moment(now.until_ms, zone)}"
    return Document(
        "Monthly statement",
        settings.site.name,
        f"{now.name}{until}",
        [
            _units(found, zone),
            _demand(found, zone),
            *([_groups(found)] if found.meters else []),
            *([_balance(found)] if found.of_role("incomer") and found.of_role("feeder") else []),
            supply(found),
            *([sets(found)] if found.now.sets else []),
        ],
        heads=[
            ("Units measured", whole_words(found.now)),
            ("Beside it", f"{found.before.name}, measured {whole_words(found.before)}"),
            ("Demand", f"blocks of {found.block_minutes} min from midnight"),
            *_multipliers(found),
        ],
        signatures=["Operator", "Senior section engineer"],
        simulated=settings.simulated,
        made_at=made_at,
        facts=_facts(found),
    )


def whole_words(month: Month) -> str:
    """Return in words whether the units of a month are measured in full; said at the top of the form."""
    lacking = [one.meter.name for one in month.meters if not _is_whole(one, month)]
    if not lacking:
        return "in full" if month.over else "in full so far"
    if len(lacking) == len(month.meters):
        return "NOT IN FULL: see the notes"
    return f"NOT IN FULL: {', '.join(lacking)}; see the notes"


def _is_whole(one: MeterMonth, month: Month) -> bool:
    """Return whether a meter's kWh, and each other of its registers that is shown, are measured in full."""
    others = (key for key, found in one.accounts.items() if key in ALWAYS or moved(found))
    return all(month.is_whole(one.meter, key) for key in {UNITS, *others})


# -- tables -----------------------------------------------------------------------------------------


def _units(found: Statement, zone: ZoneInfo) -> Table:
    columns = [
        Column("Meter", is_number=False, width=1.5),
        Column("Register", is_number=False, width=1.6),
        Column("reading", "Opening", width=1.4),
        Column("read at", "Opening", is_number=False, width=1.3),
        Column("reading", "Closing", width=1.4),
        Column("read at", "Closing", is_number=False, width=1.3),
        Column(found.now.short, "Units", width=1.3),
        Column(found.before.short, "Units", width=1.3),
        Column("change", unit="%", width=0.8),
    ]
    rows: list[list[Cell]] = []
    every: dict[int, dict[str, str]] = {}
    still = False
    for one in found.now.meters:
        past = found.before.of(one.meter.id)
        shown = {}
        for key, words in REGISTERS.items():
            mine, was = one.accounts.get(key), past.accounts.get(key)
            if key not in ALWAYS and not moved(mine) and not moved(was):
                still = still or mine is not None
                continue
            if mine is None and was is None and key != UNITS:
                continue
            shown[key] = words
            name = f"{one.meter.id} {one.meter.name}"
            both = (units_in(found.now, one.meter, key), units_in(found.before, one.meter, key))
            rows += _account_rows(name, words, mine, (*both, found.comparable([one.meter], key)), zone)
        every[one.meter.id] = shown
    notes = of_meters(every, found.now, zone)
    if still:
        notes.append("Registers that stood still in both months are left out.")
    notes += month_notes(found, zone)
    title = "Readings and units"
    return Table(title, columns, rows, (), [*dashes(Table(title, columns, rows)), *notes])


def _account_rows(
    name: str, words: str, found: Account | None, units: tuple[Cell, Cell, bool], zone: ZoneInfo
) -> list[list[Cell]]:
    whole, before, comparable = units
    if found is None:
        lacks = Cell(why=NOT_READ)
        return [[Cell(text=name), Cell(text=words), lacks, EMPTY, lacks, EMPTY, lacks, before, EMPTY]]
    end = [whole, before, change(whole, before) if comparable else EMPTY]
    rows = []
    count = len(found.pieces)
    for number, piece in enumerate(found.pieces, start=1):
        rows.append(
            [
                Cell(text=name),
                Cell(text=f"{words}, {number} of {count}" if count > 1 else words),
                kilo(piece.opening.value),
                Cell(text=moment(piece.opening.at_ms, zone)),
                kilo(piece.closing.value),
                Cell(text=moment(piece.closing.at_ms, zone)),
                *([kilo(piece.counted), EMPTY, EMPTY] if count > 1 else end),
            ]
        )
    if count > 1:
        rows.append([Cell(text=name), Cell(text=f"{words}, together"), *[EMPTY] * 4, *end])
    return rows


def _demand(found: Statement, zone: ZoneInfo) -> Table:
    now, past = found.now.short, found.before.short
    columns = [
        Column("Meter", is_number=False, width=1.5),
        Column(now, "Maximum demand, kVA"),
        Column("block from", "Maximum demand, kVA", is_number=False, width=1.2),
        Column(past, "Maximum demand, kVA"),
        Column("block from", "Maximum demand, kVA", is_number=False, width=1.2),
        Column(now, "Load factor", "%"),
        Column(past, "Load factor", "%"),
        Column(now, "Power factor"),
        Column(past, "Power factor"),
        Column(now, "Completeness", "%"),
        Column(past, "Completeness", "%"),
    ]
    rows = []
    for one in found.now.meters:
        both = (one, found.before.of(one.meter.id))
        cells = [Cell(text=f"{one.meter.id} {one.meter.name}")]
        for each in both:
            cells += highest(each, zone)
        cells += [percent(each.load_factor, each.load_why) for each in both]
        cells += [factor(each) for each in both]
        cells += [complete(each) for each in both]
        rows.append(cells)
    table = Table("Demand, factors, completeness", columns, rows)
    return Table(table.title, columns, rows, (), dashes(table))


def _groups(found: Statement) -> Table:
    columns = [
        Column("Group", is_number=False),
        Column("Meters", is_number=False, width=2.5),
        Column(found.now.short, "kWh import"),
        Column(found.before.short, "kWh import"),
        Column("change", unit="%", width=0.7),
    ]
    rows = []
    for name, meters in found.groups().items():
        mine, past = together(found.now, meters), together(found.before, meters)
        names = ", ".join(meter.name for meter in meters)
        more = change(mine, past) if found.comparable(meters) else EMPTY
        rows.append([Cell(text=name), Cell(text=names), mine, past, more])
    table = Table("Units by group", columns, rows)
    return Table(table.title, columns, rows, (), dashes(table))


def _balance(found: Statement) -> Table:
    columns = [
        Column("Balance", is_number=False, width=3),
        Column(found.now.short, "kWh"),
        Column(found.before.short, "kWh"),
    ]
    sources = [*found.of_role("incomer"), *found.of_role("generator")]
    rows = []
    for words, meters in (
        ("Received, incomers", found.of_role("incomer")),
        ("Generated, DG sets", found.of_role("generator")),
        ("Given out, all feeders", found.of_role("feeder")),
    ):
        if meters:
            cells = [together(month, meters) for month in (found.now, found.before)]
            rows.append([Cell(text=words), *cells])
    differences, shares = [], []
    for month in (found.now, found.before):
        taking = found.of_role("feeder")
        given, taken = month.sum(sources), month.sum(taking)
        lacking = [meter.name for meter in (*sources, *taking) if not month.is_whole(meter)]
        if given is None or taken is None or lacking:
            why = f"the units of {', '.join(lacking)} lack something: see above"
            differences.append(Cell(why=why))
            shares.append(Cell(why=why))
            continue
        differences.append(kilo(given - taken))
        share = Cell((given - taken) / given * 100, 2) if given > 0 else Cell(why="nothing was received")
        shares.append(share)
    rows.append([Cell(text="Difference: losses, and what has no meter"), *differences])
    rows.append([Cell(text="Difference, % of what was received and generated"), *shares])
    table = Table("Incomers and DG sets against feeders", columns, rows)
    return Table(table.title, columns, rows, (), dashes(table))


# -- words ------------------------------------------------------------------------------------------


def _multipliers(found: Statement) -> Iterable[tuple[str, str]]:
    factors = [f"{one.meter.name} × {one.multiplier:g}" for one in found.now.meters if one.multiplier != 1]
    if factors:
        yield "Multiplying factor", ", ".join(factors)


def _facts(found: Statement) -> list[str]:
    facts = [
        "Units: closing less opening reading of the meter's own register, counted through where it begins "
        "again at 0, in pieces where the meter was reset or exchanged. Nothing is estimated.",
        f"Maximum demand: mean apparent power of whole blocks of {found.block_minutes} min, from registers "
        "(IEC 61557-12, fixed block). Load factor: kVAh / (maximum demand, kVA × hours) "
        "(IEC 60050-691-10-02). Power factor: kWh / kVAh of the month.",
        "Completeness: part of the polls that were due and answered. Interruptions and DG hours are from "
        "voltages, one poll late at most: indicative, polled.",
    ]
    if any(one.multiplier != 1 for one in found.now.meters):
        facts.append("Readings are those of the circuit: what the meter shows × its multiplying factor.")
    every = [*found.now.meters, *found.before.meters]
    if any(one.demand_in == "W" and one.demand for one in every):
        facts.append("kW beside a maximum demand: this meter has no register of kVAh; its kWh stand for it.")
    if any(one.factor.basis == "means of W and VA" for one in every):
        facts.append("*: from mean powers, as this meter has no register of kVAh.")
    return facts
