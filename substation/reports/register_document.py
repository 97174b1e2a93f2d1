"""The register of interruptions and the DG log of a month as documents, for PDF, XLSX and CSV. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from substation.alarms.dg_runs import DgRun, Step
from substation.alarms.interruptions import Interruption, Stretch, Total
from substation.clock import site_time
from substation.reports import dg_total, supply_entries, supply_record
from substation.reports.dg_load import NO_LOAD, Load
from substation.reports.document import Cell, Column, Document, Table, hours_between
from substation.reports.supply_entries import DG_LOG, INTERRUPTION
from substation.reports.supply_record import Record
from substation.settings.model import Settings
from substation.store.entries import Entry

Written = Callable[[Interruption | DgRun], Mapping[str, str]]
"""What stands in the fields of an interruption or a run, by item."""
By = Callable[[Interruption | DgRun], str]
"""Who wrote last about it; empty where nobody did."""
KINDS = {"supply": "Supply", "incomer": "Incomer", "feeder": "Feeder", "phase_lost": "Phase lost"}
STEPS = {
    "supply_off": "Supply off",
    "set_on": "DG set gives voltage",
    "feeder_on": "Taken over by the DG set",
    "supply_on": "Supply back",
    "set_off": "DG set stopped",
}
POLLED = (
    "Indicative, polled: both ends lie between two polls. Where those are far apart, or nobody looked, the "
    "time stands between bounds. Silent meters, a lost adapter and times in which nobody polled are none."
)
NO_RATE = "units of the whole run, or its litres, are not known"
SIGNATURES = ("Operator", "Engineer")


@dataclass(frozen=True, slots=True)
class Book:
    """A month as its documents need it."""

    record: Record
    settings: Settings
    month: str
    """In words."""
    made_at: str
    """When and by whom, in words."""
    written: Written
    by: By
    astray: Sequence[Entry] = ()
    """What was written in the month about something that is not known any more."""


def register(book: Book) -> Document:
    """Return the register of interruptions."""
    record, settings = book.record, book.settings
    found = supply_record.indices(settings, record)
    minutes = settings.site.momentary_minutes
    facts = [POLLED, f"Momentary: up to {minutes} min ({settings.site.momentary}); sustained: longer."]
    if found is not None:
        facts.append(
            f"ASIFI {found.asifi:.2f}, ASIDI {found.asidi_min:.1f} min, momentary {found.momentary:.2f}, "
            f"served {found.asai * 100:.3f} %: by load of the feeders, IEEE 1366."
        )
    return Document(
        "Interruption register",
        settings.site.name,
        book.month,
        [_totals(book), _interruptions(book)],
        heads=_blind(record),
        signatures=SIGNATURES,
        simulated=settings.simulated,
        made_at=book.made_at,
        facts=facts,
    )


def dg_log(book: Book) -> Document:
    """Return the DG log."""
    record, settings = book.record, book.settings
    return Document(
        "DG log",
        settings.site.name,
        book.month,
        [_sets(book), _runs(book), _steps(record, settings)],
        heads=_blind(record),
        signatures=SIGNATURES,
        simulated=settings.simulated,
        made_at=book.made_at,
        facts=[
            "A run is from when the set gives voltage until that is gone. Units are differences of its "
            "register; litres and hour meter are written by hand.",
            POLLED,
        ],
    )


def _blind(record: Record) -> list[tuple[str, str]]:
    said = [("Nobody polled for", _long(record.blind_ms))] if record.blind_ms >= 60_000 else []
    return said + ([] if record.whole else [("Not whole", "there were more events than can be looked at")])


def _totals(book: Book) -> Table:
    record, settings, written = book.record, book.settings, book.written
    incomers = [meter.id for meter in settings.meters if meter.role == "incomer"]
    lines = [("Supply", record.of(incomers[0]) if len(incomers) == 1 else record.supply())]
    lines += [
        (f"{meter.id} {meter.name}", record.of(meter.id))
        for meter in settings.meters
        if meter.role == "feeder" or (meter.role == "incomer" and len(incomers) > 1)
    ]
    rows = []
    for name, some in lines:
        total = record.total(some)
        planned = sum(
            supply_entries.is_planned(written(one))
            for one in some
            if one.kind != "phase_lost" and record.start_ms <= one.time.begun_ms < record.end_ms
        )
        counts = (total.count, total.sustained, total.momentary, total.either, planned, total.phase_losses)
        rows.append(
            [Cell(text=name), *(Cell(float(count)) for count in counts), Cell(text=long_words(total))]
        )
    minutes = settings.site.momentary_minutes
    heads = (
        "Interruptions",
        f"over {minutes} min",
        f"up to {minutes} min",
        "may be either",
        "planned",
        "Phase lost",
    )
    columns = [Column("Circuit", is_number=False, width=2), *(Column(head) for head in heads)]
    return Table("Totals of the month", [*columns, Column("Without supply", width=2)], rows)


def _interruptions(book: Book) -> Table:
    record, settings, written = book.record, book.settings, book.written
    zone = settings.site.zone
    columns = [
        Column("Off", is_number=False, width=1.7), Column("Back", is_number=False, width=1.7),
        Column("For", is_number=False, width=1.6), Column("Circuit", is_number=False, width=1.6),
        Column("Kind", is_number=False, width=1.2), Column("Cause", is_number=False, width=1.6),
        Column("Load lost", unit="kW"), Column("Reported to", is_number=False, width=1.3),
        Column("Remark", is_number=False, width=2.4), Column("By", is_number=False),
    ]  # fmt: skip
    rows = []
    for one in record.interruptions:
        texts = written(one)
        cause = supply_entries.cause_words(texts["cause"]) if texts.get("cause") else ""
        if cause and supply_entries.is_planned(texts):
            cause = f"{cause}, planned"
        length = "" if one.kind == "phase_lost" else f", {one.time.length(record.momentary_ms)}"
        length = length.replace("either", "momentary or sustained")
        lost = texts.get("load_lost")
        rows.append(
            [
                Cell(text=_begun(one.time, zone)),
                Cell(text=_ended(one.time, zone)),
                Cell(text=long_words(one.time)),
                Cell(text=_circuit(one.meter_id, settings)),
                Cell(text=f"{KINDS[one.kind]}{length}{', with supply' if one.part_of else ''}"),
                Cell(text=cause, why="" if cause or one.part_of else "no cause was written", by_hand=True),
                Cell(float(lost), 1, by_hand=True) if lost else Cell(),
                Cell(text=texts.get("reported_to", ""), by_hand=True),
                Cell(text=texts.get("remark", ""), by_hand=True),
                Cell(text=book.by(one)),
            ]
        )
    notes = [] if rows else ["None was seen in this month."]
    return Table("Interruptions", columns, rows, notes=[*notes, *_astray(book)])


def _sets(book: Book) -> Table:
    record, settings, written = book.record, book.settings, book.written
    heads = (
        ("Runs", ""),
        ("of them trials", ""),
        ("Hours run", "h"),
        ("Units", "kWh"),
        ("Diesel", "l"),
        ("Rate", "kWh/l"),
    )
    columns = [Column("Set", is_number=False, width=2), *(Column(head, unit=unit) for head, unit in heads)]
    rows = []
    for meter in settings.meters:
        if meter.role != "generator":
            continue
        runs = [run for run in record.begun() if run.meter_id == meter.id]
        total = dg_total.total(runs, record.loads, {run.key: written(run) for run in runs})
        hours = (
            Cell(total.noted_ms / 3_600_000, 2)
            if total.noted_ms is not None
            else Cell(text=hours_between(total.least_ms, total.most_ms))
        )
        rows.append(
            [
                Cell(text=f"{meter.id} {meter.name}"),
                Cell(float(total.runs)),
                Cell(float(total.trials)),
                hours,
                _number(total.wh, 1000, 1, "no run's units are known", total.without_units),
                _number(total.litres, 1, 1, "nobody wrote litres", total.without_litres),
                _number(total.per_litre, 1, 2, "units and litres of no run are both known"),
            ]
        )
    return Table("Totals of the month", columns, rows)


def _number(value: float | None, divisor: float, decimals: int, why: str, without: int = 0) -> Cell:
    if value is None:
        return Cell(why=why)
    return Cell(value / divisor, decimals, text=f"({without} runs without)" if without else "")


def _runs(book: Book) -> Table:
    record, settings, written = book.record, book.settings, book.written
    zone = settings.site.zone
    columns = [
        Column("Start", is_number=False, width=1.7), Column("Stop", is_number=False, width=1.7),
        Column("Ran", is_number=False, width=1.6), Column("Set", is_number=False, width=1.4),
        Column("Units", unit="kWh"),
        Column("Mean", unit="kW", group="Load"), Column("Highest", unit="kW", group="Load"),
        Column("Opening", unit="l", group="Diesel"), Column("Received", unit="l", group="Diesel"),
        Column("Closing", unit="l", group="Diesel"), Column("Consumed", unit="l", group="Diesel"),
        Column("Rate", unit="kWh/l"), Column("Hour meter", unit="h"),
        Column("For", is_number=False, width=1.3),
        Column("Remark", is_number=False, width=1.8), Column("By", is_number=False),
    ]  # fmt: skip
    rows = []
    for run in record.runs:
        texts, load = written(run), record.loads.get(run.key, Load())
        litres = supply_entries.consumed(texts)
        typed = [
            Cell(float(texts[item]), 1, by_hand=True) if texts.get(item) else Cell()
            for item in ("opening", "received", "closing")
        ]
        hour_meter = texts.get("hour_meter")
        rows.append(
            [
                Cell(text=_begun(run.time, zone)),
                Cell(text=_ended(run.time, zone)),
                Cell(text=long_words(run.time)),
                Cell(text=_circuit(run.meter_id, settings)),
                _number(load.wh, 1000, 1, load.why or "its register was not read"),
                _mean(load),
                _number(load.highest_w, 1000, 1, load.why_highest or NO_LOAD),
                *typed,
                Cell(litres, 1, by_hand=True) if litres is not None else Cell(why="nobody wrote litres"),
                _number(supply_entries.per_litre(load.whole_wh, litres), 1, 2, NO_RATE),
                Cell(float(hour_meter), 1, by_hand=True) if hour_meter else Cell(),
                Cell(text="supply failure" if run.failure else "trial, or by hand"),
                Cell(text=texts.get("remark", ""), by_hand=True),
                Cell(text=book.by(run)),
            ]
        )
    notes = [] if rows else ["It did not run in this month."]
    return Table("Runs", columns, rows, notes=[*notes, *_lacks(book), *_astray(book)])


def _lacks(book: Book) -> list[str]:
    """Return what the figures of the runs lack, and which of them cannot be, each with its runs."""
    found: dict[str, list[str]] = {}
    for run in book.record.runs:
        load = book.record.loads.get(run.key, Load())
        rate = supply_entries.per_litre(load.whole_wh, supply_entries.consumed(book.written(run)))
        said = [f"Units: {load.why}"] if load.why else []
        if load.highest_w is None and load.why_highest:
            said.append(f"Highest load: {load.why_highest}")
        if rate is not None and rate > supply_entries.LIKELY_KWH_PER_L:
            said.append("Rate: more than diesel gives, look at the litres")
        for words in said:
            found.setdefault(words, []).append(moment(run.time.begun_ms, book.settings.site.zone))
    return [f"{words} ({', '.join(times)})." for words, times in found.items()]


def _astray(book: Book) -> list[str]:
    """Return what was written about times of which nothing is known: it must not vanish."""
    zone, said = book.settings.site.zone, []
    for entry in sorted(book.astray, key=lambda one: (one.place.moment_ms, one.id)):
        form = next(one for one in (INTERRUPTION, DG_LOG) if one == entry.place.form)
        field = supply_entries.fields(form).get(entry.place.item)
        what = field.words if field is not None else entry.place.item
        text = supply_entries.cause_words(entry.text)
        said.append(f"{moment(entry.place.moment_ms, zone)}, {what}: {text}, by {entry.entered_by}.")
    return ["Written about times of which nothing is known:", *said] if said else []


def _mean(load: Load) -> Cell:
    if load.mean_w is None:
        return Cell(why="units of the whole run, or its hours, are not known")
    least, most = (f"{watts / 1000:.1f}" for watts in load.mean_w)
    return Cell(load.mean_w[0] / 1000, 1) if least == most else Cell(text=f"{least} to {most}")


def _steps(record: Record, settings: Settings) -> Table:
    """Return every failure's change-over, step by step."""
    zone = settings.site.zone
    columns = [
        Column("Step", is_number=False, width=2.4), Column("Circuit", is_number=False, width=1.6),
        Column("At", is_number=False, width=1.8), Column("Since supply went", unit="s", width=1.2),
        Column("Seen within", unit="s", width=1.2),
    ]  # fmt: skip
    rows = []
    for failure in record.supply():
        steps: Sequence[Step] = record.change_over(failure)
        for step in steps if len(steps) > 2 else ():
            since = (step.at_ms - failure.time.begun_ms) / 1000
            width = None if step.after_ms is None else (step.at_ms - step.after_ms) / 1000
            rows.append(
                [
                    Cell(text=STEPS[step.what]),
                    Cell(text=_circuit(step.meter_id, settings)),
                    Cell(text=moment(step.at_ms, zone)),
                    Cell(since, 1),
                    Cell(width, 1) if width is not None else Cell(why="the moment before was not seen"),
                ]
            )
    return Table("Change-overs", columns, rows, notes=[] if rows else ["There was none in this month."])


def long_words(time: Total | Stretch) -> str:
    """Return how long something was, between bounds where those are apart."""
    if time.noted_ms is not None:
        words = _long(time.noted_ms)
    elif time.most_ms is None:
        words = f"at least {_long(time.least_ms)}"
    else:
        words = f"{_long(time.least_ms)} to {_long(time.most_ms)}"
    return f"{words}, lasts" if time.lasts else words


def moment(ms: int, zone: ZoneInfo) -> str:
    """Return a moment to the second; in the hour that comes twice a year with the name of its time."""
    when = site_time(ms, zone)
    twice = when.utcoffset() != when.replace(fold=1 - when.fold).utcoffset()
    return f"{when:%d %b %H:%M:%S}{f' {when.tzname()}' if twice else ''}"


def _begun(time: Stretch, zone: ZoneInfo) -> str:
    words = moment(time.begun_ms, zone)
    return f"{words} (found so)" if time.begun_after_ms is None else words


def _ended(time: Stretch, zone: ZoneInfo) -> str:
    if time.lasts:
        return "lasts"
    if time.ended_ms is None:
        return f"not seen; still so {moment(time.ended_after_ms, zone)}"
    return moment(time.ended_ms, zone)


def _circuit(meter_id: int | None, settings: Settings) -> str:
    meter = None if meter_id is None else settings.meter(meter_id)
    if meter is not None:
        return f"{meter.id} {meter.name}"
    return "all incomers" if meter_id is None else f"{meter_id}, not configured now"


def _long(ms: int) -> str:
    whole = ms // 1000
    hours, minutes, seconds = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours} h {minutes:02} min {seconds:02} s" if hours else f"{minutes} min {seconds:02} s"
