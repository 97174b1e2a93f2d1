"""The log sheet says what the history holds: on paper, over gaps, exchanged meters and summer time."""

import dataclasses
import datetime as dt
import io
import sqlite3
import tomllib
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pypdf
import pytest

from substation.clock import day_start_ms
from substation.energy.chain import chain
from substation.energy.registers import Limits, Register
from substation.errors import SettingsError
from substation.meters import profile
from substation.reports import log_book, log_form, log_hours
from substation.reports.document import DASH, Cell
from substation.reports.log_counts import counted
from substation.reports.log_document import table
from substation.reports.log_sheet import FORM, LogSheet, Typed, log_sheet
from substation.reports.pdf import pdf
from substation.settings.model import CARD_METERS, Meter, Settings, Site
from substation.simulator import history as simulated
from substation.simulator.site import Site as Yard
from substation.store.entries import Entry, Place
from substation.store.history import History
from substation.store.moments import At
from substation.store.reader import HistoryReader
from tests.fake_clock import FakeClock
from tests.store.readings import a_reading

HOUR_MS = 3_600_000
SETTINGS = Settings(simulated=True, site=Site(name="GS Substation"), meters=CARD_METERS)
ZONE = SETTINGS.site.zone
START_MS = day_start_ms(FakeClock().now_ms(), ZONE)
DAY = dt.date(2026, 11, 24)
GAP = (3 * HOUR_MS - 120_000, 5 * HOUR_MS - 120_000)
"""Within the day nothing is stored then: the hours 03:00 and 04:00 have no reading."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A day, and a little before and after it, a reading every five minutes."""
    folder = tmp_path_factory.mktemp("log")
    store = History(folder / "daily_data.db", True, FakeClock(), ZONE)
    yard = Yard(3, epoch_ms=START_MS, zone=ZONE)
    for round_ in simulated.readings(yard, START_MS - 900_000, START_MS + 25 * HOUR_MS, 300):
        if not GAP[0] <= round_[0].at_ms - START_MS < GAP[1]:
            store.add(round_)
    store.commit()
    store.close()
    yield SimpleNamespace(folder=folder, history=folder / "daily_data.db")


def read(home: Any, now_ms: int = START_MS + 26 * HOUR_MS, day: dt.date = DAY) -> log_book.ReadDay:
    def model(meter_id: int) -> Any:
        return profile.load(CARD_METERS[meter_id - 1].profile)

    return log_book.read_day(SETTINGS, home, model, day=day, now_ms=now_ms)


def column(sheet: LogSheet, head: str, group: str = "") -> list[str]:
    place = next(at for at, one in enumerate(sheet.columns) if (one.group, one.head) == (group, head))
    return [row[place].cell.shown for row in sheet.rows]


def stored(home: Any, meter_id: int, at_ms: int, key: str) -> float | None:
    """Return the reading nearest to a moment, asked in SQL alone."""
    with sqlite3.connect(home.history) as db:
        row = db.execute(
            f"SELECT {key} FROM reading WHERE abs((key >> 8) - ?) <= 60000 AND key & 255 = ? "  # noqa: S608
            "ORDER BY abs((key >> 8) - ?) LIMIT 1",
            (at_ms, meter_id, at_ms),
        ).fetchone()
    return None if row is None else row[0]


MEASURED = (
    ("v_ry", 100, 0), ("v_yb", 100, 0), ("v_br", 100, 0), ("current_r", 100, 0), ("current_y", 100, 0),
    ("current_b", 100, 0), ("watts_total", 10_000, 0), ("va_total", 10_000, 0), ("pf_average", 10_000, 2),
    ("frequency", 1000, 2), ("wh_received", 1000, 0),
)  # fmt: skip
"""Of the form's measured columns in their order: key, stored steps in the form's unit, decimals."""


def test_the_text_of_the_pdf_equals_the_database(home: Any) -> None:
    two = (CARD_METERS[0], CARD_METERS[3])  # paper takes its time: these stand for all five
    station = SETTINGS.model_copy(update={"meters": two})
    made = pdf(log_book.document(read(home), station, None, Typed(), "made by amal"))
    text = "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(made)).pages)
    compared = 0
    for meter in two:
        part = text[text.index(f"\n{meter.id} {meter.name}\nTime") :]
        for hour in range(25):
            line = next(one for one in part.splitlines() if one.startswith(f"{hour:02}:00 ")).split()[1:]
            for (key, steps, decimals), said in zip(MEASURED, line, strict=False):
                at_ms = START_MS + hour * HOUR_MS
                # a midnight's register is the statement's: the last before it
                back_ms = 300_000 if hour in (0, 24) and key == "wh_received" else 0
                value = stored(home, meter.id, at_ms - back_ms, key)
                assert (said == DASH) == (value is None), (meter.name, hour, key)
                if value is not None:
                    assert abs(float(said) - value / steps) <= 0.5 / 10**decimals + 1e-9, (hour, key)
                    assert len(said.partition(".")[2]) == decimals
                    compared += 1
    assert compared == 2 * 23 * len(MEASURED)
    assert f"{DASH} 03:00, 04:00: not polled within a minute" in text
    assert "SIMULATED" in text
    assert "Transformer: the register of 00:00 was read at 23:55:00" in text.replace("\n", " ")
    energy = HistoryReader(home.history).energy(1, START_MS, START_MS + 24 * HOUR_MS)
    day = read(home).days[1].readings
    first, last = (day[START_MS + at * HOUR_MS]["wh_received"] for at in (0, 24))
    assert (first.read_ms, last.read_ms) == energy.bounds["wh_received"]
    assert (last.value or 0) - (first.value or 0) == energy.used["wh_received"]


def test_units_add_up_to_closing_less_opening_also_over_hours_without_a_reading(home: Any) -> None:
    sheet = log_sheet(read(home), SETTINGS, CARD_METERS[0], Typed())
    reading, units = column(sheet, "reading", "kWh"), column(sheet, "units", "kWh")
    assert units[:5] == ["", units[1], units[2], DASH, DASH]
    assert units[5].endswith(" in 3 h")
    whole = int(reading[-1]) - int(reading[0])
    assert sum(int(one.split()[0]) for one in units if one not in ("", DASH)) == whole
    place = next(at for at, one in enumerate(sheet.columns) if one.head == "units")
    totals = {line.label: line.cells[place].value for line in sheet.foot}
    assert totals["Day"] == whole
    assert sum(value for label, value in totals.items() if value and label.startswith("Shift")) == whole
    next_day = read(home, START_MS + 24 * HOUR_MS + 600_000, DAY + dt.timedelta(days=1))
    after = log_sheet(next_day, SETTINGS, CARD_METERS[0], Typed())
    night = next(line for line in after.foot if line.label == "Whole shift 22-06, begun the day before")
    assert night.cells[place] == Cell(int(reading[24]) - int(reading[22]), 0, "so far")


def test_lowest_and_highest_are_of_all_readings_with_their_time(home: Any) -> None:
    sheet = log_sheet(read(home), SETTINGS, CARD_METERS[0], Typed())
    place = next(at for at, one in enumerate(sheet.columns) if one.head == "kVA")
    foot = {line.kind: line.cells[place].shown for line in sheet.foot}
    with sqlite3.connect(home.history) as db:
        steps, at_ms = db.execute(
            "SELECT max(va_total), key >> 8 FROM reading WHERE key & 255 = 1 AND key >= ? AND key < ?",
            (START_MS << 8, (START_MS + 24 * HOUR_MS) << 8),
        ).fetchone()
    assert float(foot["high"]) == pytest.approx(steps / 10_000, abs=0.5)
    assert foot["high_at"] == dt.datetime.fromtimestamp(at_ms / 1000, ZONE).strftime("%H:%M")


def test_what_was_read_while_nobody_vouched_for_the_clock_is_in_no_figure(tmp_path: Path) -> None:
    clock = FakeClock()
    clock.advance((START_MS - clock.now_ms()) / 1000)
    store = History(tmp_path / "daily_data.db", True, clock, ZONE)

    def add(minute: float, volts: float, reason: str | None = None) -> None:
        clock.advance((START_MS + minute * 60_000 - clock.now_ms()) / 1000)
        took = 25e3 if reason else 2e3 if minute > 35 else 0  # its register runs ahead
        factor = {3.5: -0.99, 5.5: 0.62, 7.5: 0.0, 59.5: 0.0}.get(minute, 0.8)  # 0: the circuit is dead
        hertz = 49.94 if minute == 9.5 else 50.01 if factor else 0.0
        one = a_reading(
            clock.now_ms(), v_ry=volts, pf_average=factor, vah_received=1e6 + minute * 1e3 + took,
            frequency=hertz,
        )  # fmt: skip
        store.add([dataclasses.replace(one, reason=reason)])
        store.commit()

    for minute in range(0, 118, 2):
        add(minute + 1.5, 410.0 + minute / 100)
    span = store.begin_clock_span("boot", 0)
    add(119.5, 300.0, f"clock {span}")
    store.close()
    made = log_book.read_day(
        SETTINGS, SimpleNamespace(folder=tmp_path, history=tmp_path / "daily_data.db"), lambda _: None,
        day=DAY, now_ms=START_MS + 26 * HOUR_MS,
    )  # fmt: skip
    sheet = log_sheet(made, SETTINGS, CARD_METERS[0], Typed())
    volts = {line.kind: line.cells[0].shown for line in sheet.foot}
    assert (volts["low"], volts["low_at"], volts["high"]) == ("410", "00:01", "411")
    place = next(at for at, one in enumerate(sheet.columns) if one.column.quantity == "pf_average")
    factor = {line.kind: line.cells[place].shown for line in sheet.foot}  # by magnitude
    assert (factor["low"], factor["low_at"]) == ("0.62", "00:05")
    assert (factor["high"], factor["high_at"]) == ("-0.99", "00:03")
    place = next(at for at, one in enumerate(sheet.columns) if one.column.quantity == "frequency")
    assert {line.kind: line.cells[place].shown for line in sheet.foot}["low"] == "49.94"
    assert column(sheet, "Hz")[1] == DASH
    assert any("01:00 Hz: no voltage" in one for one in table(sheet, ZONE).notes)
    place = next(at for at, one in enumerate(sheet.columns) if one.column.computed == "max_demand")
    assert {line.label: line.cells[place].value for line in sheet.foot}["Day"] == pytest.approx(64.0)
    of_15 = SETTINGS.model_copy(update={"site": SETTINGS.site.model_copy(update={"demand_minutes": 15})})
    for station, said in ((SETTINGS, "30 min in kVA, and when it began: 00:00-24:00 64 (00:30)"),
                          (of_15, "15 min in kVA, and when it began: 00:00-24:00 69 (00:30)")):  # fmt: skip
        shown = log_sheet(made, station, CARD_METERS[0], Typed())
        assert any(f"Highest {said}" in one for one in shown.notes)
    assert any("Nobody vouched for the machine's clock from 24 Nov 01:57:30" in one for one in sheet.notes)


def test_at_a_new_factor_each_day_s_midnight_is_of_its_own_factor(tmp_path: Path) -> None:
    end_ms, next_day = START_MS + 24 * HOUR_MS, DAY + dt.timedelta(days=1)
    entries = [
        {"since": "2026-01-01", "current_factor": 10.0},
        {"since": next_day.isoformat(), "current_factor": 20.0},
    ]
    meter = Meter.model_validate({**CARD_METERS[0].model_dump(), "transformers": entries})
    station = Settings(simulated=True, site=SETTINGS.site, meters=[meter])
    store = History(tmp_path / "daily_data.db", True, FakeClock(), ZONE)
    for minute in (-30, -0.5, 0.07, 30):
        factor = 10 if minute < 0 else 20
        one = a_reading(round(end_ms + minute * 60_000), watts_total=1e4 * factor, wh_received=1e5 * factor)
        store.add([one])
    store.commit()
    store.close()
    own = SimpleNamespace(folder=tmp_path, history=tmp_path / "daily_data.db")

    def sheet_of(day: dt.date) -> LogSheet:
        made = log_book.read_day(station, own, lambda _: None, day=day, now_ms=end_ms + 26 * HOUR_MS)
        return log_sheet(made, station, meter, Typed())

    for day, row, said in ((DAY, -1, ["100", "1000"]), (next_day, 0, ["200", "2000"])):
        sheet = sheet_of(day)
        assert [column(sheet, "kW")[row], column(sheet, "reading", "kWh")[row]] == said
    with sqlite3.connect(own.history) as db:  # as retention does
        db.execute("DELETE FROM reading")
        db.execute("INSERT OR REPLACE INTO meta VALUES ('raw_from_ms', ?)", (str(end_ms + HOUR_MS),))
    sheet = sheet_of(DAY)
    assert [column(sheet, "kW")[-1], column(sheet, "reading", "kWh")[-1]] == ["100", "1000"]
    place = next(at for at, one in enumerate(sheet.columns) if one.head == "kW")
    assert [line.cells[place].shown for line in sheet.foot if line.kind == "low_at"] == ["23:30-23:45"]
    assert any(note.startswith("Single readings up to 24:00 are kept no longer") for note in sheet.notes)


def test_hours_that_have_not_come_are_empty_and_one_that_just_struck_waits(home: Any) -> None:
    sheet = log_sheet(read(home, START_MS + 10 * HOUR_MS + 30_000), SETTINGS, CARD_METERS[0], Typed())
    volts = column(sheet, "RY", "Line voltage")
    assert volts[9] not in ("", DASH)
    assert volts[10:] == [""] * 15
    place = next(at for at, one in enumerate(sheet.columns) if one.head == "units")
    assert {line.label: line.cells[place].shown for line in sheet.foot}["Day"].endswith(" so far")
    assert (
        column(log_sheet(read(home, START_MS - 1), SETTINGS, None, Typed()), "kW", "1 Transformer")
        == [""] * 25
    )


def test_what_is_written_by_hand_stands_on_both_sheets_and_says_who(home: Any) -> None:
    place = Place(FORM, "meter:1", START_MS + 10 * HOUR_MS, "oil_temperature")
    typed = Typed({place: Entry(7, place, "62.5", "operator", START_MS)}, {place: 2})
    for meter, group in ((CARD_METERS[0], "Temperature"), (None, "1 Transformer")):
        sheet = log_sheet(read(home), SETTINGS, meter, typed)
        assert column(sheet, "oil", group)[10] == "62.5"
        at = next(spot for row in sheet.rows for spot in row if spot.place == place)
        assert at.cell.by_hand
    for text in ("62 or so", "nan", "1e999"):  # from when the form asked for words there
        words = Typed({place: Entry(7, place, text, "operator", START_MS)})
        assert (
            column(log_sheet(read(home), SETTINGS, CARD_METERS[0], words), "oil", "Temperature")[10] == text
        )
    made = log_book.document(read(home), SETTINGS, CARD_METERS[0], typed, "")
    notes = "\n".join(made.tables[0].notes)
    assert "By hand: operator 1" in notes
    assert "Corrected, the earlier values are kept: 10:00 oil by operator" in notes


def test_a_day_has_the_hours_of_its_calendar_and_shifts_fill_it() -> None:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    for zone, day, count, hours in (
        (ZONE, DAY, 25, 24),
        (berlin, dt.date(2026, 10, 25), 26, 25),
        (berlin, dt.date(2026, 3, 29), 24, 23),
        (zoneinfo.ZoneInfo("Australia/Lord_Howe"), dt.date(2026, 4, 5), 25, 24.5),
    ):
        found = log_hours.hours(day, zone, 0)
        assert len({one.label for one in found}) == len(found) == count
        assert (found[0].label, found[-1].label) == ("00:00", "24:00")
        parts = [one.to_ms - one.from_ms for one in log_hours.shifts(day, zone, (6, 14, 22))]
        assert (len(parts), sum(parts)) == (4, hours * HOUR_MS)


@pytest.mark.parametrize(
    ("values", "levels", "note"),
    [
        ([999_400, 999_900, 300, 800], [500, 400, 500], False),  # a display of six digits rolls over
        (
            [999_400, 999_900, 5_000, 5_500],
            [500, 0, 500],
            True,
        ),  # another meter: what flowed between is not known
    ],
)
def test_units_over_a_rollover_and_an_exchanged_meter(
    values: list[int], levels: list[int], note: bool
) -> None:
    at_ms = [START_MS + at * HOUR_MS for at in range(4)]
    registers = [Register(at, value) for at, value in zip(at_ms, values, strict=True)]
    reads = [At(float(one.value), one.at_ms) for one in registers]
    limits = Limits(1_000.0, 1_000_000.0)
    made = counted(at_ms, reads, chain(registers, limits, [at_ms[2]] if note else []), 1.0, 0)
    units = [made.units(at) for at in (1, 2, 3)]
    assert [one.value for one in units] == levels
    assert [bool(one.lacks) for one in units] == [False, note, False]


def test_a_form_of_the_station_is_taken_or_refused_with_column_and_remedy(tmp_path: Path) -> None:
    own = tmp_path / "log_sheet.toml"
    plain = log_form.FILE.read_text()
    own.write_text(plain.replace('head = "tap"', 'head = "OLTC tap"'))
    assert [one.head for one in log_form.load(tmp_path).column if one.item == "tap"] == ["OLTC tap"]
    own.write_text(
        plain.replace('quantity = "v_br"', 'quantity = "v_rb"').replace("shifts = [6, 14, 22]", "")
    )
    with pytest.raises(SettingsError) as caught:
        log_form.load(tmp_path)
    assert f"{own}: column 3 (BR): quantity: 'v_rb' is not known" in str(caught.value)
    assert "shifts: is missing" in str(caught.value)
    assert "Remedy" in str(caught.value)
    for change, said in (
        ({"column": [{"head": "x", "manual": "x", "roles": "all"}]}, "needs both"),
        ({"column": [{"head": "x"}]}, "exactly one of the four"),
        ({"column": [{"head": "x", "text": "hand_over"}]}, "the note of a shift"),
        ({"column": [{"head": "x", "text": "a"}, {"head": "y", "text": "a"}]}, "in two columns of one sheet"),
        ({"shifts": [14, 6]}, "ascending"),
    ):
        with pytest.raises(SettingsError, match=said):
            log_form.parse({**tomllib.loads(plain), **change}, "log_sheet.toml")
