"""The month's statement equals the registers to the last count, and the database to the last digit."""

import datetime as dt
import io
import itertools
import re
import sqlite3
import zoneinfo
from dataclasses import replace
from pathlib import Path

import openpyxl
import pypdf
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from substation.errors import RequestError
from substation.reports import dg_load, log_form, log_hours, statement_supply
from substation.reports.document import DASH, hours_between
from substation.reports.log_source import meter_day
from substation.reports.pdf import pdf
from substation.reports.statement import MeterMonth, Statement, month_before, read_month, worked_out
from substation.reports.statement_cells import complete
from substation.reports.statement_document import statement_document
from substation.reports.statement_notes import of_meters
from substation.reports.xlsx import xlsx
from substation.settings.model import Meter, Settings, Site, Transformers
from substation.store.entries import Entry, Place
from substation.store.events import Event, write
from substation.store.history import History, HistoryReader
from substation.store.reader import Completeness
from tests.fake_clock import FakeClock
from tests.store.readings import a_reading

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
SITE = Site(name="GS Substation", demand_minutes=60)
METERS = (
    Meter(id=1, name="Transformer", role="incomer", rated_kva=500),
    Meter(id=2, name="EssentialLoad", rated_kva=160, group="Railway"),
    Meter(id=4, name="ColonyLoad", rated_kva=160, group="Colony"),
    Meter(id=5, name="DGSetLoad", role="generator", rated_kva=160),
)
STATION = Settings(site=SITE, meters=METERS)


def at(day: str, hour: float = 0) -> int:
    return round(dt.datetime.fromisoformat(day).replace(tzinfo=INDIA).timestamp() * 1000 + hour * HOUR_MS)


BEGIN, NOVEMBER, DECEMBER = at("2026-10-01"), at("2026-11-01"), at("2026-12-01")
SWAPPED = at("2026-11-12", 10)
PEAK = at("2026-11-20", 18)
WATTS = {1: 100_000, 2: 60_000, 4: 36_000}
NEW_LEVEL = 900_000_000


def register(meter_id: int, at_ms: int) -> int:
    """What the meter shows: since October a steady load, and one hour of twice as much."""
    hours = (at_ms - BEGIN) / HOUR_MS + max(0, min(1, (at_ms - PEAK) / HOUR_MS))
    begun = {1: 999_920_000, 2: 5_000_000, 4: 40_000_000}[meter_id]
    if meter_id == 4 and at_ms >= SWAPPED:
        return NEW_LEVEL + round(WATTS[4] * (at_ms - SWAPPED) / HOUR_MS)
    return round(begun + WATTS[meter_id] * hours) % 10**9


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("station")
    store = History(folder / "daily_data.db", True, FakeClock(), INDIA)
    late = []
    for hour in range(61 * 24 + 1):
        read_ms = BEGIN + hour * HOUR_MS - 2000
        if (
            hour % 6
            and min(abs(read_ms - moment) for moment in (BEGIN, NOVEMBER, SWAPPED, PEAK)) > 6 * HOUR_MS
        ):
            continue
        for meter_id in WATTS:
            if meter_id == 2 and NOVEMBER - 5 * HOUR_MS < read_ms < NOVEMBER + 3 * HOUR_MS:
                continue  # nobody read it over midnight
            if meter_id == 4 and SWAPPED - HOUR_MS <= read_ms < SWAPPED + HOUR_MS:
                continue
            wh = float(register(meter_id, read_ms))
            vah = (wh + 10**9 * (wh < 500_000_000 and meter_id == 1) - 900_000_000 * (meter_id == 1)) * 1.25
            reading = a_reading(read_ms, meter_id, wh_received=wh, vah_received=vah)
            late.append(reading) if hour % 7 == 3 else store.add([reading])
    store.commit()
    store.add(late)  # handed on by another machine, days later
    store.commit()
    store.close()
    with sqlite3.connect(folder / "daily_data.db") as db:
        off, on = at("2026-11-15", 14), at("2026-11-15", 14.75)
        events = [
            Event(BEGIN - 5000, "supply", 1, "", "EB supply On", ""),
            Event(BEGIN - 5000, "supply", 5, "", "DG set Off", ""),
            Event(off, "supply", 1, "EB supply On", "EB supply Off", ""),
            Event(off + 8000, "supply", 5, "DG set Off", "DG set On", ""),
            Event(on, "supply", 1, "EB supply Off", "EB supply On", ""),
            Event(on + 60_000, "supply", 5, "DG set On", "DG set Off", ""),
        ]
        write(db, events)
    return folder / "daily_data.db"


@pytest.fixture(scope="module")
def found(path: Path) -> Statement:
    return statement(path, "2026-11", DECEMBER + HOUR_MS)


def statement(path: Path, key: str, now_ms: int) -> Statement:
    place = Place("dg_log", "meter:5", at("2026-11-15", 14) + 8000, "consumed")
    written = {place: Entry(1, place, "12.5", "amal", now_ms)}
    return worked_out(STATION, HistoryReader(path), key, now_ms, written=written, profiles={})


def test_units_are_the_registers_to_the_last_count(found: Statement):
    incomer = found.now.of(1).accounts["wh_received"]
    assert [p.turned for p in found.before.of(1).accounts["wh_received"].pieces] == [10**9]
    assert incomer.opening.at_ms == NOVEMBER - 2000 and incomer.closing.at_ms == DECEMBER - 2000
    assert incomer.opening == found.before.of(1).accounts["wh_received"].closing
    assert incomer.units == register(1, DECEMBER - 2000) - register(1, NOVEMBER - 2000)
    assert found.before.of(1).units() == 10**9 + register(1, NOVEMBER - 2000) - register(1, BEGIN - 2000)


def test_an_exchanged_meter_is_told_in_pieces(found: Statement):
    pieces = found.now.of(4).accounts["wh_received"].pieces
    assert len(pieces) == 2
    old = register(4, SWAPPED - HOUR_MS - 2000) - register(4, NOVEMBER - 2000)
    new = register(4, DECEMBER - 2000) - register(4, SWAPPED + 2 * HOUR_MS - 2000)
    assert [piece.counted for piece in pieces] == [old, new]
    assert found.now.of(4).units() == old + new


def test_what_flowed_while_nobody_read_over_midnight_is_in_neither_month(found: Statement):
    between = found.now.of(2).between
    first, last = NOVEMBER - 5 * HOUR_MS - 2000, NOVEMBER + 3 * HOUR_MS - 2000
    assert between is not None and (between.begin_ms, between.end_ms) == (first, last + HOUR_MS)
    whole = register(2, DECEMBER - 2000) - register(2, BEGIN - 2000)
    units = [month.of(2).units() for month in (found.now, found.before)]
    assert None not in units and sum(units) + between.wh == whole


def test_demand_and_factors(found: Statement):
    one = found.now.of(1)
    assert one.demand == (pytest.approx(250_000, rel=1e-3), PEAK)
    used = one.accounts["vah_received"].units
    assert one.load_factor == pytest.approx(used / (one.demand[0] * one.accounts["vah_received"].hours))
    assert one.factor.value == pytest.approx(0.8, abs=1e-3)
    assert one.completeness.share is not None and one.completeness.share < 0.01  # one poll an hour of 1800


def test_groups_and_balance(found: Statement):
    assert list(found.groups()) == ["Supply", "Railway", "Colony", "Generation"]
    feeders = found.of_role("feeder")
    assert found.now.sum(feeders) == found.now.of(2).units() + found.now.of(4).units()
    assert found.now.sum(found.meters) is None and "DGSetLoad" in found.now.unknown(found.meters)


def test_supply_and_dg(found: Statement):
    total = found.now.record.total(found.now.record.supply())
    assert (total.count, total.sustained, total.noted_ms) == (1, 1, 45 * MINUTE_MS)
    dg = found.now.sets[0]
    assert (dg.starts, dg.litres) == (1, 12.5)
    assert dg.hours == pytest.approx(45 / 60 + 52 / 3600)
    assert found.before.sets[0].starts == 0
    loose = replace(dg, hours=None, least_hours=1.05, most_hours=1.07)
    told = statement_supply.sets(replace(found, now=replace(found.now, sets=[loose])))
    assert "1.05 to 1.07" in [cell.shown for cell in told.rows[0]]
    assert dg.hours <= dg.most_hours < dg.hours + 0.1


def test_units_that_lack_a_part_of_a_run_make_no_kwh_per_litre(path: Path, monkeypatch):
    for whole, wh in ((True, 9_000.0), (False, None)):
        monkeypatch.setattr(dg_load, "of_run", lambda *_, now=whole, **__: dg_load.Load(9_000.0, whole=now))
        assert statement(path, "2026-11", DECEMBER + HOUR_MS).now.sets[0].run_wh == wh


def shown_in(document) -> set[str]:
    return {cell.digits for table in document.tables for row in table.rows for cell in row if cell.digits}


def test_pdf_and_workbook_equal_the_database(path: Path, found: Statement):
    document = statement_document(found, STATION, "made 1 Dec 2026 01:00 by amal")
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf(document))).pages]
    paper = " ".join(pages).replace("\n", " ")
    with sqlite3.connect(path) as db:
        for meter_id, begin, end in ((1, NOVEMBER, DECEMBER), (4, NOVEMBER, DECEMBER), (1, BEGIN, NOVEMBER)):
            last = "SELECT wh_received FROM reading WHERE key < ? AND key & 255 = ? ORDER BY key DESC LIMIT 1"
            if begin >= NOVEMBER:
                opening, closing = (db.execute(last, (x << 8, meter_id)).fetchone()[0] for x in (begin, end))
                assert f"{opening / 1000:.3f}" in paper and f"{closing / 1000:.3f}" in paper
    numbers = re.findall(r"-?\d+\.\d+", paper)
    assert shown_in(document) <= {*numbers, *re.findall(r"\d+", paper)}
    cells = [
        c.value for s in openpyxl.load_workbook(io.BytesIO(xlsx(document))) for r in s.iter_rows() for c in r
    ]
    assert {float(digits) for digits in shown_in(document)} <= {
        c for c in cells if isinstance(c, int | float)
    }
    assert "NOT IN FULL: EssentialLoad, ColonyLoad, DGSetLoad" in paper
    tables = {table.title: table for table in document.tables}
    differences = tables["Incomers and DG sets against feeders"].rows[-1]
    assert [cell.shown for cell in differences[1:]] == [DASH] * 2 and "EssentialLoad" in differences[1].why
    changes = {row[0].text: row[-1].shown for row in tables["Units by group"].rows}
    assert changes == {"Supply": "-3.1", "Railway": "", "Colony": "", "Generation": ""}
    for words in (
        "was exchanged between 12 Nov 08:59:58 and 12 Nov 11:59:58",
        "nobody read it between 31 Oct 18:59:58",
        "is in neither month",
        "kWh import, 2 of 2",
        "20 Nov 18:00",
    ):
        assert words in paper, words
    assert DASH in paper and "its register was not read in this month" in paper


def test_the_month_that_goes_on_says_so(path: Path):
    noon = at("2026-11-10", 12)
    so_far = statement(path, "2026-11", noon)
    document = statement_document(so_far, STATION, "")
    assert document.period == "November 2026, so far: until 10 Nov 12:00:00"
    assert so_far.now.of(1).units() == register(1, noon - 2000) - register(1, NOVEMBER - 2000)
    whole = replace(so_far, now=replace(so_far.now, meters=[so_far.now.of(1)], sets=[]))
    assert ("Units measured", "in full so far") in statement_document(whole, STATION, "").heads
    for silent_ms, words in (
        (14 * MINUTE_MS, "in full so far"),
        (16 * MINUTE_MS, "NOT IN FULL: see the notes"),
    ):
        later = replace(whole, now=replace(whole.now, until_ms=noon + silent_ms))
        document = statement_document(later, STATION, "")
        assert ("Units measured", words) in document.heads
        told = "not read after 10 Nov 11:59:58" in " ".join(document.tables[0].notes)
        assert told == (silent_ms > 15 * MINUTE_MS)
    with pytest.raises(RequestError, match="December 2026 has not begun"):
        statement(path, "2026-12", noon)


def test_a_meter_without_kvah_and_with_a_factor_says_so(path: Path):
    """Demand and load factor from kWh; what its transformers do stands at the top."""
    since = Transformers(since="2026-11-05", current_factor=40.0)
    meter = METERS[0].model_copy(update={"transformers": (since,)})

    class Plain(HistoryReader):
        def counted(self, *what, **more):
            found = super().counted(*what, **more)
            return {key: chain for key, chain in found.items() if key == "wh_received"}

    station = Settings(site=SITE, meters=(meter,))
    found = worked_out(station, Plain(path), "2026-11", DECEMBER, written={}, profiles={})
    one = found.now.of(1)
    assert one.demand == (pytest.approx(200_000, rel=1e-3), PEAK) and one.demand_in == "W"
    hours = one.accounts["wh_received"].hours
    assert one.load_factor == pytest.approx(one.units() / (one.demand[0] * hours)) and 713 < hours < 715
    document = statement_document(found, station, "")
    assert ("Multiplying factor", "Transformer × 40") in document.heads
    assert "from 1 to 40 between 04 Nov 23:59:58 and 05 Nov 05:59:58; the" in " ".join(
        document.tables[0].notes
    )
    assert document.tables[1].rows[0][1].shown.endswith(" kW")
    assert any("no register of kVAh" in fact for fact in document.facts)


def test_what_holds_from_the_next_month_on_is_not_of_this_one(path: Path):
    """Factor and rating of 1 December: November is what it was, and so is the log sheet of its last day."""
    later = Transformers(since="2026-12-01", current_factor=40.0, rated_kva=1.0)
    meter = METERS[0].model_copy(update={"transformers": (later,)})
    station = Settings(site=SITE, meters=(meter,))
    found = worked_out(station, HistoryReader(path), "2026-11", DECEMBER + HOUR_MS, written={}, profiles={})
    one, document = found.now.of(1), statement_document(found, station, "")
    assert one.units() == register(1, DECEMBER - 2000) - register(1, NOVEMBER - 2000)
    assert (one.multiplier, "Multiplying factor" in dict(document.heads)) == (1.0, False)
    assert "multiplying factor" not in " ".join(document.tables[0].notes)
    hours = log_hours.hours(dt.date(2026, 11, 30), INDIA, DECEMBER + HOUR_MS)
    day = meter_day(HistoryReader(path), station, meter, log_form.load(), hours=hours, profile=None)
    assert day.chains["wh_received"].totals[-1] > 0 and not day.chains["wh_received"].cuts


def test_a_station_without_a_history_has_dashes_and_no_zero(tmp_path: Path):
    nothing = statement(tmp_path / "none.db", "2026-11", DECEMBER)
    document = statement_document(nothing, STATION, "")
    assert shown_in(document) == {"0.0"}  # so complete are the polls
    assert "nothing of it was seen" in " ".join(document.tables[4].notes)
    assert "NOT IN FULL: see the notes" in dict(document.heads)["Units measured"]


def test_what_was_not_measured_whole_does_not_look_so(path: Path):
    """The history begins with October: of September there is the reading of its last two seconds."""
    october = statement_document(statement(path, "2026-10", DECEMBER), STATION, "")
    heads, rows = dict(october.heads), october.tables[0].rows
    assert heads["Beside it"] == "September 2026, measured NOT IN FULL: see the notes"
    incomer = next(row for row in rows if row[0].text == "1 Transformer" and row[1].text == "kWh import")
    assert (incomer[7].shown, incomer[7].why) == ("–", "it was read only once in this time")
    part = statement(path, "2026-11", DECEMBER + HOUR_MS)
    assert not part.now.is_whole(part.now.of(2).meter)
    shown = statement_document(part, STATION, "")
    feeder = next(row for row in shown.tables[0].rows if row[0].text.startswith("2 "))
    assert feeder[6].shown.endswith(" in part")


def test_each_register_is_judged_by_itself(found: Statement):
    """The kVAh register of the incomer is read since the 16th only: its kWh are whole, its kVAh are not."""
    one = found.now.of(1)
    kvah = one.accounts["vah_received"]
    late = replace(kvah.pieces[0], opening=replace(kvah.opening, at_ms=at("2026-11-16")))
    part = replace(one, accounts={**one.accounts, "vah_received": replace(kvah, pieces=(late,))})

    def rows(incomer: MeterMonth) -> tuple[str, list[list[str]]]:
        now = replace(found.now, meters=[incomer], sets=[])
        was = replace(found.before, meters=[found.before.of(1)], sets=[])
        document = statement_document(replace(found, now=now, before=was), STATION, "")
        return dict(document.heads)["Units measured"], [
            [row[6].shown, row[8].shown] for row in document.tables[0].rows[:2]
        ]

    assert [[cell.endswith("in part"), more != ""] for cell, more in rows(one)[1]] == [[False, True]] * 2
    for early_min, words in ((5, "in full"), (6, "NOT IN FULL: see the notes")):
        opening = replace(kvah.opening, at_ms=NOVEMBER - early_min * MINUTE_MS)
        early = replace(kvah, pieces=(replace(kvah.pieces[0], opening=opening),))
        head, told = rows(replace(one, accounts={**one.accounts, "vah_received": early}))
        assert (head, told[1][0].endswith("in part")) == (words, early_min > 5)
    month = replace(found.now, meters=[replace(one, accounts={"vah_received": early})])
    notes = of_meters({1: {"vah_received": "kVAh import"}}, month, INDIA)
    words = "opened at 31 Oct 23:54:00; what flowed before midnight is in the units."
    assert notes == [f"Transformer: {words}"]
    head, told = rows(part)
    assert head == "NOT IN FULL: see the notes"
    assert [[cell.endswith("in part"), more != ""] for cell, more in told] == [[False, True], [True, False]]


def test_hardly_all_is_not_all():
    """Completeness is cut off: 100.0 is all of it."""
    shown = [
        complete(MeterMonth(METERS[0], completeness=Completeness(*counts))).digits
        for counts in ((9999, 10_000), (10_000, 10_000), (10_001, 10_000))
    ]
    assert shown == ["99.9", "100.0", "100.0"]


def test_months_are_read_as_they_are_typed():
    assert read_month(" 2026-1 ") == "2026-01"
    assert [month_before(key) for key in ("2026-11", "2026-01")] == ["2026-10", "2025-12"]
    for wrong in ("", "2026", "2026-13", "26-11", "9999-12", "2026-11-01", "nov", "2026-11;"):
        with pytest.raises(RequestError, match="is no month; write year and month"):
            read_month(wrong)


happening = st.tuples(
    st.integers(2, 90), st.sampled_from(("swap", "gap", "late", "reset")), st.integers(2, 20)
)


@limits(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(happening, max_size=5, unique_by=lambda one: one[0] // 8), st.booleans(), st.integers(1, 40))
def test_generated_months_add_up(tmp_path: Path, happenings, rolls: bool, power: int):
    """A day around a month's end, a reading each quarter: rollovers, swaps, gaps, rows that come late."""
    path = tmp_path / f"{abs(hash((tuple(happenings), rolls, power)))}.db"
    path.unlink(missing_ok=True)
    first = NOVEMBER - 12 * HOUR_MS
    level, flowed, silent, late = (999_999_000 if rolls else 7_000_000), 0, -1, []
    truth = {}
    by_quarter = {one[0]: one[1:] for one in happenings}
    store = History(path, True, FakeClock(), INDIA)
    for quarter in range(96):
        kind, size = by_quarter.get(quarter, ("", 0))
        flowed += power * 250
        level = (level + power * 250) % 10**9
        if kind == "swap":
            level = 300_000_000 + size * 10_000_000
        elif kind == "reset":
            level = 0
        elif kind == "gap":
            silent = quarter + size
        at_ms = first + (quarter + 1) * 15 * MINUTE_MS - 2000
        truth[at_ms] = flowed
        if quarter >= silent:
            reading = a_reading(at_ms, 1, wh_received=float(level), vah_received=float(level))
            late.append(reading) if kind == "late" or quarter % 11 == 5 else store.add([reading])
    store.commit()
    store.add(late)
    store.commit()
    store.close()
    reader = HistoryReader(path)
    station = Settings(site=SITE, meters=METERS[:1])
    found = worked_out(station, reader, "2026-11", first + 24 * HOUR_MS, written={}, profiles={})
    for month in (found.now, found.before):
        counted = month.of(1).accounts.get("wh_received")
        asked = reader.energy(1, month.start_ms, month.until_ms, 500_000.0)
        assert (None if counted is None else counted.units) == asked.used["wh_received"]
        if counted is None:
            continue
        steps = sum(p.closing.value - p.opening.value + p.turned for p in counted.pieces)
        assert counted.units in (None, steps)
        assert steps <= truth[counted.closing.at_ms] - truth[counted.opening.at_ms]
        assert all(a.closing.at_ms < b.opening.at_ms for a, b in itertools.pairwise(counted.pieces))
    now, before, between = found.now.of(1), found.before.of(1), found.now.of(1).between
    if now.accounts and before.accounts and between is None:
        assert before.accounts["wh_received"].closing == now.accounts["wh_received"].opening


def test_hours_between_bounds_that_read_alike_are_one_figure() -> None:
    assert hours_between(9_000, 11_000) == "0.00"
    assert hours_between(3_600_000, 3_690_000) == "1.00 to 1.02"
    assert hours_between(3_600_000, None) == "at least 1.00"
