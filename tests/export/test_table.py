"""Rows to lines: the original's columns, numbers that stay numbers, texts that stay texts."""

import csv
import dataclasses
import io
import zoneinfo

import pytest

from substation.export import table
from substation.export.order import Order
from substation.export.table import Form, Lines, text_cell
from substation.quantities import INSTANTS, KEYS, QUANTITIES
from substation.readings import Quality, Reading, missing
from substation.store.history import History
from substation.store.live_row import HEADER as LIVE_HEADER
from substation.store.pages import Pages
from tests.store.readings import BEGIN_MS, a_reading

KOLKATA = zoneinfo.ZoneInfo("Asia/Kolkata")
LONDON = zoneinfo.ZoneInfo("Europe/London")
LABELS = [q.label for q in QUANTITIES]
NAMES = {1: "Transformer", 2: "EssentialLoad"}


def form_of(order: Order, zone=KOLKATA, **other) -> Form:
    plain = Form(order.resolution, zone, NAMES, 2.0, False, order.period_s, order.extremes)
    return dataclasses.replace(plain, **other)


def text_of(path, order: Order, form: Form) -> str:
    pages = Pages(path, order.wanted)
    lines = Lines(form)
    content = table.header(form) + b"".join(lines.of(page) for page in pages.lines(pages.facts()))
    return content.decode("utf-8")


def cells_of(path, order: Order, form: Form | None = None) -> list[dict[str, str]]:
    text = text_of(path, order, form or form_of(order))
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "daily_data.db"


def keep(history: History, *readings) -> None:
    history.add(readings)
    history.commit()


DAY_OF = Order("poll", BEGIN_MS - 86_400_000, BEGIN_MS + 86_400_000)


@pytest.mark.parametrize("resolution", ["poll", "minute", "quarter", "hour", "day"])
def test_the_originals_columns_come_first_and_under_their_own_names(resolution):
    header = table.header(form_of(Order(resolution, 0, 1))).decode("ascii")
    assert header.endswith("\r\n")
    names = header.rstrip("\r\n").split(",")
    assert names[:42] == ["Date", "Time", "DateTime", "Meter_ID", *LABELS]
    assert len(set(names)) == len(names)
    assert set(names[:42]) <= set(LIVE_HEADER)


def test_a_poll_is_written_to_the_digit(history, path):
    keep(history, a_reading(BEGIN_MS + 250, watts_total=-12.34, pf_average=-0.98765, wh_received=1234567.0))
    text = text_of(path, DAY_OF, form_of(DAY_OF))
    assert text.split("\r\n")[1] == (
        "2026-11-24,11:30:00,2026-11-24 11:30:00,1,"
        "-12.3,0.5,0.5,0.5,0.5,0.5,0.5,0.5,-0.9876,0.5000,0.5000,0.5000,0.5,0.5,0.5,0.5,"
        "0.50,0.50,0.50,0.50,0.50,0.50,0.50,0.50,0.50,0.50,0.50,0.50,0.500,"
        "1234567,100,100,100,100,100,100,100,0.5000,"
        "2026-11-24T06:00:00.250Z,Transformer,good,no"
    )
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")


def test_a_quarter_is_written_to_the_digit(history, path):
    keep(
        history,
        a_reading(BEGIN_MS, watts_total=-0.5, wh_received=7.0),
        a_reading(BEGIN_MS + 2000, watts_total=-0.4, wh_received=9.0),
        missing(1, BEGIN_MS + 4000, Quality.NO_ANSWER, "timeout"),
    )
    order = dataclasses.replace(DAY_OF, resolution="quarter", extremes=True)
    (row,) = cells_of(path, order)
    assert (row["DateTime"], row["UTC"]) == ("2026-11-24 11:30:00", "2026-11-24T06:00:00.000Z")
    assert row["Watts Total"] in ("-0.4", "-0.5")  # -0.45, in steps of 0.1
    assert (row["Watts Total min"], row["Watts Total max"]) == ("-0.5", "-0.4")
    assert row["Wh Received (Import)"] == "9"
    assert (row["quality"], row["rows_found"], row["rows_due"]) == ("no_answer", "2", "450")


@pytest.mark.parametrize("value", [-0.96, -0.5, -0.1, 0.1, -12.3, 12.3, -99999.9])
@pytest.mark.parametrize("resolution", ["poll", "minute", "quarter", "hour", "day"])
def test_the_sign_of_a_number_is_kept(history, path, value, resolution):
    """S27: a negative number stays a number; R10."""
    keep(history, a_reading(BEGIN_MS, watts_total=value, pf_average=value / 1e6))
    (row,) = cells_of(path, dataclasses.replace(DAY_OF, resolution=resolution))
    assert float(row["Watts Total"]) == pytest.approx(value, abs=0.05)
    assert row["Watts Total"].startswith("-") == (value < 0)


def test_a_mean_that_rounds_to_zero_has_no_sign(history, path):
    keep(history, *(a_reading(BEGIN_MS + n * 1000, watts_total=-0.1 * (n == 0)) for n in range(10)))
    (row,) = cells_of(path, dataclasses.replace(DAY_OF, resolution="quarter"))
    assert row["Watts Total"] == "0.0"


def test_a_missing_value_is_an_empty_cell_and_says_why(history, path):
    keep(history, missing(1, BEGIN_MS, Quality.NO_ANSWER, "timeout"))
    (poll,) = cells_of(path, DAY_OF)
    assert {poll[label] for label in LABELS} == {""}
    assert poll["quality"] == "no_answer: timeout"
    (quarter,) = cells_of(path, dataclasses.replace(DAY_OF, resolution="quarter", extremes=True))
    assert {quarter[label] for label in LABELS} == {""}
    assert {cell for name, cell in quarter.items() if name.endswith((" min", " max"))} == {""}
    assert (quarter["quality"], quarter["rows_found"]) == ("no_answer", "0")


def test_an_implausible_value_is_kept_in_its_poll_marked_and_left_out_of_means(history, path):
    doubted = dataclasses.replace(a_reading(BEGIN_MS, v_r=9999.0), implausible=frozenset({"v_r"}))
    keep(history, doubted)
    (poll,) = cells_of(path, DAY_OF)
    assert (poll["V R phase"], poll["quality"]) == ("9999.00", "implausible: v_r")
    (quarter,) = cells_of(path, dataclasses.replace(DAY_OF, resolution="quarter"))
    assert (quarter["V R phase"], quarter["V Y phase"], quarter["quality"]) == ("", "0.50", "implausible")


@pytest.mark.parametrize("resolution", ["poll", "quarter"])
def test_simulated_figures_say_so_in_every_row(history, path, resolution):
    keep(history, *(a_reading(BEGIN_MS + n * 1_000_000) for n in range(3)))
    order = dataclasses.replace(DAY_OF, resolution=resolution)
    rows = cells_of(path, order, form_of(order, simulated=True))
    assert [row["simulated"] for row in rows] == ["yes"] * 3
    assert {row["simulated"] for row in cells_of(path, order)} == {"no"}


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Colony", "Colony"),
        ("=1+1", '"\'=1+1"'),
        ("+49 30", '"\'+49 30"'),
        ("-12.3", '"\'-12.3"'),
        ("@SUM(A1)", '"\'@SUM(A1)"'),
        ("\tx", '"\'\tx"'),
        ("\rx", '"\'\rx"'),
        ("\nx", '"\'\nx"'),
        ('=HYPERLINK("x")', '"\'=HYPERLINK(""x"")"'),
        ("＝1", '"\'＝1"'),
        ("a,b", '"a,b"'),
        ('12" pipe', '"12"" pipe"'),
        ("a=b", "a=b"),
        ("Übergabe", "Übergabe"),
        ("", ""),
    ],
)
def test_no_name_becomes_a_formula(name, cell):
    """S27: text cells with = + - @ TAB CR LF in front become texts."""
    assert text_cell(name) == cell
    (back,) = next(csv.reader([cell])) if cell.isprintable() and cell else [name]
    assert back.removeprefix("'") == name


@pytest.mark.parametrize("resolution", ["poll", "hour"])
def test_a_hostile_meter_name_stays_one_cell_of_its_row(history, path, resolution):
    keep(history, a_reading(BEGIN_MS), a_reading(BEGIN_MS + 1, 2))
    order = dataclasses.replace(DAY_OF, resolution=resolution)
    names = {1: '=cmd|"/c calc"!A1,\r\n=2', 2: "plain"}
    rows = cells_of(path, order, form_of(order, names=names))
    assert [row["Meter_Name"] for row in rows] == ["'" + names[1], "plain"]
    assert [row["simulated"] for row in rows] == ["no", "no"]


def test_midnight_belongs_to_the_new_day(history, path):
    midnight = BEGIN_MS + (12 * 60 + 30) * 60_000
    keep(history, a_reading(midnight - 1), a_reading(midnight))
    before, after = cells_of(path, DAY_OF)
    assert before["DateTime"] == "2026-11-24 23:59:59"
    assert after["DateTime"] == "2026-11-25 00:00:00"
    days = cells_of(path, dataclasses.replace(DAY_OF, resolution="day"))
    assert [day["Date"] for day in days] == ["2026-11-24", "2026-11-25"]
    assert {day["Time"] for day in days} == {"00:00:00"}


LAST_SUMMER_HOUR_MS = 1_792_888_200_000  # 2026-10-25 00:30 UTC, 01:30 in London for the first time


def test_the_hour_that_comes_twice_is_told_apart_by_utc(tmp_path, clock):
    path = tmp_path / "daily_data.db"
    store = History(path, True, clock, LONDON)
    store.add([a_reading(LAST_SUMMER_HOUR_MS), a_reading(LAST_SUMMER_HOUR_MS + 3_600_000)])
    store.close()
    order = Order("poll", LAST_SUMMER_HOUR_MS - 86_400_000, LAST_SUMMER_HOUR_MS + 86_400_000)
    first, second = cells_of(path, order, form_of(order, LONDON))
    assert first["DateTime"] == second["DateTime"] == "2026-10-25 01:30:00"
    assert (first["UTC"], second["UTC"]) == ("2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z")
    hours = dataclasses.replace(order, resolution="hour")
    assert [row["UTC"][11:16] for row in cells_of(path, hours, form_of(hours, LONDON))] == ["00:00", "01:00"]


@pytest.mark.parametrize(("day", "hours"), [(25, 25), (26, 24)])
def test_a_day_on_which_clocks_are_set_back_has_more_polls_due(tmp_path, clock, day, hours):
    path = tmp_path / "daily_data.db"
    store = History(path, True, clock, LONDON)
    store.add([a_reading(LAST_SUMMER_HOUR_MS + (day - 25) * 86_400_000)])
    store.close()
    order = Order("day", LAST_SUMMER_HOUR_MS - 86_400_000, LAST_SUMMER_HOUR_MS + 2 * 86_400_000)
    (row,) = cells_of(path, order, form_of(order, LONDON))
    assert row["rows_due"] == str(hours * 1800)


def test_a_line_polled_without_pause_owes_no_number_of_polls(history, path):
    keep(history, a_reading(BEGIN_MS))
    order = dataclasses.replace(DAY_OF, resolution="quarter")
    (row,) = cells_of(path, order, form_of(order, interval_s=0.0))
    assert (row["rows_found"], row["rows_due"]) == ("1", "")


@pytest.mark.parametrize(
    "order",
    [Order("poll", 0, 1), Order("quarter", 0, 1), Order("day", 0, 1, extremes=True)],
    ids=lambda order: order.resolution,
)
def test_the_manifest_explains_every_column_with_its_unit(order):
    explained = table.columns(form_of(order))
    units = {column.name: column.unit for column in explained}
    for quantity in QUANTITIES:
        assert units[quantity.label] == quantity.unit
    named = [column.name for column in explained]
    assert len(named) == (46 if order.period_s is None else 48) + (2 * len(INSTANTS) if order.extremes else 0)
    assert all(column.what or order.period_s is None for column in explained)


def test_every_line_has_a_cell_for_every_column(history, path):
    partly = dataclasses.replace(a_reading(BEGIN_MS), values=dict.fromkeys(KEYS[:5], 1.0))
    keep(
        history, partly, a_reading(BEGIN_MS + 1, 2), missing(3, BEGIN_MS + 2, Quality.REFUSED, "exception_2")
    )
    for resolution in ("poll", "minute", "quarter", "hour", "day"):
        extremes = resolution in ("quarter", "hour", "day")
        order = dataclasses.replace(DAY_OF, resolution=resolution, extremes=extremes)
        lines = list(csv.reader(io.StringIO(text_of(path, order, form_of(order)), newline="")))
        assert len(lines) == 4
        assert {len(line) for line in lines} == {len(lines[0])}


def test_what_was_written_is_counted_by_meter(history, path):
    keep(history, *(a_reading(BEGIN_MS + n * 1000) for n in range(3)))
    keep(history, missing(2, BEGIN_MS + 500, Quality.NO_ANSWER, "timeout"))
    lines = Lines(form_of(DAY_OF))
    pages = Pages(path, DAY_OF.wanted)
    for page in pages.lines(pages.facts()):
        lines.of(page)
    first, second = lines.tallies[1], lines.tallies[2]
    assert (first.rows, first.answered, first.first_ms, first.last_ms) == (3, 3, BEGIN_MS, BEGIN_MS + 2000)
    assert (second.rows, second.answered) == (1, 0)


def test_a_poll_that_did_not_ask_for_the_energies_has_empty_cells_and_is_good(path, history):
    whole = a_reading(BEGIN_MS, v_r=230.0, wh_received=7000.0)
    instants = {key: whole.values[key] for key in INSTANTS}
    keep(history, whole, Reading(1, BEGIN_MS + 2000, instants))
    first, second = cells_of(path, DAY_OF, form_of(DAY_OF, slow_interval_s=60.0))
    assert (first["Wh Received (Import)"], second["Wh Received (Import)"]) == ("7000", "")
    assert (first["V R phase"], second["V R phase"]) == ("230.00", "230.00")
    assert [second[q.label] == "" for q in QUANTITIES] == [q.key not in INSTANTS for q in QUANTITIES]
    assert (first["quality"], second["quality"]) == ("good", "good")


@pytest.mark.parametrize("resolution", ["minute", "quarter", "hour", "day"])
def test_a_period_has_the_last_energy_that_was_read_in_it(path, history, resolution):
    start = BEGIN_MS // 60_000 * 60_000
    whole = a_reading(start, v_r=230.0, wh_received=7000.0)
    instants = {key: whole.values[key] for key in INSTANTS}
    keep(history, whole, *[Reading(1, start + 2000 * n, instants) for n in range(1, 30)])
    order = Order(resolution, start - 86_400_000, start + 86_400_000)
    (row,) = cells_of(path, order)
    assert (row["Wh Received (Import)"], row["V R phase"]) == ("7000", "230.00")
    assert (row["rows_found"], row["quality"]) == ("30", "good")


def test_the_columns_say_how_often_energies_are_read():
    told = {c.name: c.what for c in table.columns(form_of(DAY_OF, slow_interval_s=60.0))}
    assert "every 60 s" in told["Wh Received (Import)"]
    assert told["V R phase"] == ""
    whole = {c.name: c.what for c in table.columns(form_of(DAY_OF))}
    assert whole["Wh Received (Import)"] == ""
