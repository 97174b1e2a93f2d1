"""What an address of /trends asks for, what is drawn of it, and that no extreme and no gap is lost."""

import base64
import math
import struct
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dash
import pytest

from substation.clock import day_start_ms
from substation.dashboard import trends, trends_answer, trends_axes, trends_csv, trends_curves, trends_picture
from substation.dashboard.format import spec
from substation.dashboard.trends_curves import DAY_MS, HOUR_MS, MINUTE_MS
from substation.errors import TooSlow
from substation.readings import Reading
from substation.settings.model import Settings
from substation.store.history import History
from tests.dashboard.boards import feed_in
from tests.dashboard.conftest import (
    Browser,
    Station,
    browse,
    demo_settings,
    own_settings,
    page_request,
    reading,
)
from tests.dashboard.test_account import as_
from tests.fake_clock import FakeClock

SETTINGS = demo_settings()
ZONE = SETTINGS.site.zone
NOW = FakeClock().now_ms()
TODAY = day_start_ms(NOW, ZONE)
MORNING = TODAY - DAY_MS
"""Yesterday, of which these tests have readings."""
SPIKE_MS, DIP_MS, GAP_MS = (
    MORNING + 7 * HOUR_MS + 4000,
    MORNING + 12 * HOUR_MS + 34_000,
    MORNING + 15 * HOUR_MS,
)
GAP_LONG_MS = 90 * MINUTE_MS


def polls() -> Iterator[list[Reading]]:
    """Yesterday, a poll each 10 s of meters 1 and 4: one spike, one dip, a gap of 90 min of meter 4."""
    for at in range(MORNING + 4000, TODAY, 10_000):
        kw = 150.0 + 30 * math.sin((at - MORNING) / DAY_MS * 6.28)
        if at == SPIKE_MS:
            kw = 444.4
        if at == DIP_MS:
            kw = 3.3
        watts = {"watts_total": kw * 1000, "va_total": kw * 1250, "pf_average": 0.8}
        lot = [reading(1, at, **watts)]
        if not GAP_MS <= at < GAP_MS + GAP_LONG_MS:
            lot.append(reading(4, at + 200, **watts))
        yield lot


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The history of yesterday."""
    path = tmp_path_factory.mktemp("trends") / "daily_data.db"
    store = History(path, True, FakeClock(), ZONE, raw_days=3660)
    for lot in polls():
        store.add(lot)
    store.commit()
    store.close()
    return path


@pytest.fixture
def station(station: Station, remembered: Path) -> Station:
    station.configure(own_settings())
    station.home.history.write_bytes(remembered.read_bytes())
    return station


def as_role(app: dash.Dash, role: str) -> Browser:
    return browse(app, as_(role))  # type: ignore[arg-type]


@pytest.fixture
def viewer(app: dash.Dash) -> Browser:
    return as_role(app, "viewer")


def asked(**said: str) -> trends.Asked:
    return trends.read(said, SETTINGS, NOW)


def numbers(typed: dict[str, str]) -> list[float]:
    raw = base64.b64decode(typed["bdata"])
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def test_an_address_says_everything_and_comes_back_as_it_was() -> None:
    written = trends.address((1, 4), ("watts_total", "v_r"), MORNING, TODAY, against="week", zone=ZONE)
    query = dict(part.split("=") for part in written.partition("?")[2].split("&"))
    assert query["from"].endswith("T00:00")
    assert asked(**query) == trends.Asked((1, 4), ("watts_total", "v_r"), MORNING, TODAY, "week")
    plain = trends.address([1], ["watts_total"], MORNING, TODAY)
    assert "Z" in plain
    assert trends.moment(plain.partition("from=")[2].partition("&")[0], ZONE) == MORNING


def test_an_address_without_words_is_the_first_meter_today() -> None:
    assert asked() == trends.Asked((1,), ("watts_total",), TODAY, TODAY + DAY_MS)
    assert asked(range="yesterday") == trends.Asked((1,), ("watts_total",), MORNING, TODAY)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"m": "1,77,<b>"}, "No such meter: '77', '<b>'. This station has 1, 2, 3, 4, 5."),
        ({"q": "watt"}, "No such quantity: 'watt'"),
        ({"with": "moon"}, "Nothing can be compared with 'moon'."),
        ({"foo": "1"}, "The address says 'foo'"),
        ({"range": "decade"}, "'decade' is no range"),
        ({"from": "yesterday"}, "'yesterday' is no time"),
        ({"from": "2026-02-30"}, "is no time"),
        ({"from": "0001-01-01"}, "is no time"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "ends before it begins"),
        ({"from": "2001-01-01", "to": "2026-11-01"}, "longer than 10 years"),
        ({"from": "2031-01-01", "to": "2031-02-01"}, "has not come yet"),
        ({"m": "1,2,3,4,5", "q": "v_r,v_y,v_b,watts_r,watts_y"}, "25 series are too many"),
    ],
)
def test_what_an_address_says_and_nobody_understands_is_told(said: dict[str, str], told: str) -> None:
    (fault,) = asked(**said).faults
    assert told in fault


def test_a_time_that_the_sites_clock_says_twice_is_written_in_utc() -> None:
    london = zoneinfo.ZoneInfo("Europe/London")
    for at in (1_792_888_200_000, 1_792_891_800_000):  # 2026-10-25 00:30Z and 01:30Z: both 01:30 there
        text = trends.written(at, london)
        assert text.endswith("Z")
        assert trends.moment(text, london) == at
    assert trends.moment(trends.written(1_792_880_000_000, london), london) == 1_792_880_000_000


# the curves


@pytest.mark.parametrize("span", ["1 h", "1 d", "7 d", "30 d", "1 y"])
def test_every_extreme_is_kept_at_every_zoom(viewer: Browser, span: str) -> None:
    long = {"1 h": HOUR_MS, "1 d": DAY_MS, "7 d": 7 * DAY_MS, "30 d": 30 * DAY_MS, "1 y": 365 * DAY_MS}[span]
    for moment, column, kw in ((SPIKE_MS, "high", 444.4), (DIP_MS, "low", 3.3)):
        begin = min(moment - long // 2, MORNING) if span != "1 h" else moment - long // 2
        address = trends.address([1], ["watts_total"], begin, begin + long)
        found = viewer.get("/api" + address.replace("/trends", "/trend")).json
        (line,) = found["panels"][0]["lines"]
        known = [value for value in numbers(line.get(column, line["y"])) if value == value]
        extreme = max(known) if column == "high" else min(known)
        assert extreme == pytest.approx(kw, abs=0.01)
        cells = found["rows"][0]["cells"]
        assert cells[0 if column == "low" else 3] == f"{kw:.1f}"


def test_a_day_has_means_of_minutes_within_the_extremes_of_quarters(viewer: Browser) -> None:
    found = viewer.get("/api/trend?m=1,4&q=watts_total,pf_average&range=yesterday&with=day").json
    power, factor = found["panels"]
    assert power["words"] == "kW, mean of 1 min; lowest and highest reading of each 15 min"
    first, fourth = power["lines"]
    assert (first["hue"], fourth["hue"], first["n"], len(numbers(first["low"]))) == (1, 2, 1440, 96)
    assert found["named"] == "yesterday"
    assert {round(value, 4) for value in numbers(factor["lines"][0]["y"])} == {0.8}  # watts by volt-amperes
    assert all(value != value for value in numbers(first["past"]["y"]))  # nothing is stored of the day before
    assert found["rows"][0]["cells"][5] == "—"


def test_a_gap_is_empty_hatched_and_told_by_name(viewer: Browser) -> None:
    for ends in (
        "range=yesterday",
        f"from={trends.written(GAP_MS, ZONE)}&to={trends.written(GAP_MS + HOUR_MS, ZONE)}",
    ):
        found = viewer.get(f"/api/trend?m=1,4&q=watts_total&{ends}").json
        (gap,) = found["panels"][0]["gaps"]
        assert gap[2].startswith("ColonyLoad: no data 1 h")
        line = found["panels"][0]["lines"][1]
        within = [
            value
            for place, value in enumerate(numbers(line["y"]))
            if "dx" in line and gap[0] <= line["at0"] + place * line["dx"] < gap[1]
        ]
        assert all(value != value for value in within)
    assert found["rows"][1]["cells"][-1] == "0.0 %"


def test_what_is_not_over_has_no_gap_in_the_future(viewer: Browser, station: Station) -> None:
    whole = viewer.get("/api/trend?m=1&q=watts_total&range=7d").json
    *_, last = whole["panels"][0]["gaps"]
    assert last[1] * 1000 + whole["from"] == pytest.approx(NOW, abs=1000)
    nothing = viewer.get("/api/trend?m=1&q=watts_total,wh_received&range=today").json
    assert [panel["gaps"][0][2] for panel in nothing["panels"]] == ["no readings stored for this time"] * 2
    station.home.history.unlink()
    station.clock.advance(60)
    nothing = viewer.get("/api/trend?m=1,4&q=watts_total,wh_received,pf_average&range=today&with=year").json
    assert {gap[2] for panel in nothing["panels"] for gap in panel["gaps"]} == {
        "no readings stored for this time"
    }


def test_registers_are_read_once_a_minute_and_have_no_holes_between() -> None:
    calls: list[int] = []

    def ask(ids: Any, keys: Any, start: int, end: int, points: int) -> Any:
        calls.append((end - start) // points)
        step = calls[-1] // MINUTE_MS * MINUTE_MS
        at = list(range(start, end, step))
        column = {key: [1.0] * len(at) for key in keys}
        return {one: trends_curves.Series("minute", at, step / 1000, column, column, column) for one in ids}

    span = (MORNING, TODAY)
    trends_curves.curves(ask, {1: ["wh_received"]}, *span, (2.0, 60.0))
    assert calls[1] == 180_000  # a minute may miss the one reading of it


def test_readings_half_an_hour_apart_are_a_line_and_a_missing_one_is_a_gap() -> None:
    def ask(ids: Any, keys: Any, start: int, end: int, points: int) -> Any:
        step = (end - start) // points
        at = list(range(start, end, step))
        missing = (start + 10 * HOUR_MS, start + 12 * HOUR_MS)
        sparse = [
            7.0 if (t - start) % (HOUR_MS // 2) == 0 and not missing[0] < t < missing[1] else None for t in at
        ]
        column = dict.fromkeys(keys, sparse)
        table = "minute" if step == MINUTE_MS else "quarter"
        return {1: trends_curves.Series(table, at, step / 1000, column, column, column)}

    found = trends_curves.curves(ask, {1: ["watts_total"]}, MORNING, TODAY, (2.0, 60.0))
    curve = found[1, "watts_total"]
    assert trends_curves.gaps(curve, MORNING, TODAY - HOUR_MS // 2, NOW, 0) == [
        (MORNING + 10 * HOUR_MS + MINUTE_MS, MORNING + 12 * HOUR_MS)
    ]
    first = [at for at, held in zip(curve.at_ms, curve.held, strict=True) if held][:3]
    assert [at - MORNING for at in first] == [0, HOUR_MS // 2, HOUR_MS]
    assert list(curve.held[:20]) == [True] * 20


def test_a_power_factor_says_its_extremes_and_needs_a_load() -> None:
    def ask(ids: Any, keys: Any, start: int, end: int, points: int) -> Any:
        whole = {"watts_total": [800.0, 0.0], "va_total": [1000.0, 0.0], "pf_average": [0.7, 0.0]}
        column = {key: whole[key] for key in keys}
        return {1: trends_curves.Series("day", [start, start + DAY_MS], 86_400, column, column, column)}

    found = trends_curves.curves(ask, {1: ["pf_average"]}, MORNING, MORNING + 100 * DAY_MS, (2, 60))
    curve = found[1, "pf_average"]
    assert (list(curve.mean), list(curve.held), list(curve.low)) == ([0.8, None], [True, True], [0.7, None])


def test_a_circuit_that_was_off_for_a_part_of_a_step_has_no_frequency_in_it() -> None:
    def ask(ids: Any, keys: Any, start: int, end: int, points: int) -> Any:
        lows, means = {"frequency": [0.0, 49.9]}, {"frequency": [25.0, 50.0]}
        return {1: trends_curves.Series("day", [start, start + DAY_MS], 86_400, means, lows, means)}

    found = trends_curves.curves(ask, {1: ["frequency"]}, MORNING, MORNING + 100 * DAY_MS, (2, 60))
    curve = found[1, "frequency"]
    assert (list(curve.mean), list(curve.held), list(curve.low)) == ([None, 50.0], [True, True], [None, 49.9])


def test_the_day_before_stands_under_the_same_time_of_the_sites_clock() -> None:
    london = zoneinfo.ZoneInfo("Europe/London")
    at = 1_792_922_400_000  # 2026-10-25 10:00 there; clocks went back that night
    assert trends_picture.moved(at, -1, london) == at - 25 * HOUR_MS
    assert trends_picture.moved(at - 25 * HOUR_MS, 1, london) == at
    leap = trends.Asked((1,), ("watts_total",), 1_835_375_400_000, 0, "year")  # 2028-02-29 in India
    assert trends_picture.days_back(leap, ZONE) == 366


@pytest.mark.parametrize(("against", "days"), [("day", 1), ("week", 7), ("year", 365)])
def test_what_is_compared_with_is_drawn_at_the_place_of_today(
    viewer: Browser, station: Station, against: trends.With, days: int
) -> None:
    def line(later_ms: int, with_: trends.With = "") -> dict[str, Any]:
        span = MORNING + later_ms, TODAY + later_ms
        address = trends.address((1,), ("watts_total",), *span, against=with_, zone=ZONE)
        shown = viewer.get(address.replace(trends.PATH, "/api/trend", 1)).json
        found: dict[str, Any] = shown["panels"][0]["lines"][0]
        return found

    then = line(0)
    station.clock.advance(days * 86_400)
    compared = line(days * DAY_MS, against)
    assert compared["past"] == {key: then[key] for key in compared["past"]}
    assert any(value == value for value in numbers(then["y"])), "something is drawn"


def test_a_history_that_does_not_answer_is_told(viewer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any) -> Any:
        raise TooSlow("stopped")

    monkeypatch.setattr("substation.store.reader.HistoryReader.series_of", slow)
    answer = viewer.get("/api/trend?range=year")
    assert answer.status_code == 503
    assert "answers too slowly" in answer.json["error"]
    assert viewer.get("/api/trend?m=9&q=x").status_code == 400


def test_units_are_never_mixed_and_five_meters_share_no_chart() -> None:
    def panels(settings: Settings, **said: str) -> list[tuple[str, list[int]]]:
        feed = feed_in("normal")
        empty = trends_curves.Series("day", [], 86_400, {}, {}, {})
        feed.trend = lambda ids, keys, *_: {
            one: trends_curves.replace(empty, **{c: {k: [] for k in keys} for c in ("values", "low", "high")})
            for one in ids
        }
        feed.oldest_ms = lambda: None
        feed.complete = lambda *_: {}
        shown = trends_picture.picture(feed, trends.read(said, feed.settings, feed.clock.now_ms()))
        told = trends_answer.told(feed, shown)
        return [(one["unit"], [line["hue"] for line in one["lines"]]) for one in told["panels"]]

    five = panels(SETTINGS, m="1,2,3,4,5", q="watts_total,vln_average", range="year")
    assert five == [("kW", [1, 2, 3, 4]), ("kW", [1]), ("V", [1, 2, 3, 4]), ("V", [1])]
    registers = panels(SETTINGS, m="1,2", q="wh_received", range="year")
    assert registers == [("kWh", [1]), ("kWh", [2])]


def test_axes_are_round_hold_what_is_drawn_and_keep_the_band_of_a_voltage() -> None:
    volts = trends_axes.vertical([238.0, 241.0], spec("v_r"), unit="V", nominal_v=240)
    assert (volts.low, volts.high) == (216, 264)
    assert [words for _, words in volts.ticks] == ["220", "230", "240", "250", "260"]
    alive = trends_axes.vertical([49.9, 50.2], spec("frequency"), unit="Hz", nominal_v=0)
    assert 49 < alive.low < 49.9 < 50.2 < alive.high < 51
    high = trends_axes.vertical([238.0, 291.0], spec("v_r"), unit="V", nominal_v=240)
    assert high.low <= 216 < 291 <= high.high
    power = trends_axes.vertical([-5000.0, 178_000.0], spec("watts_total"), unit="W", nominal_v=0)
    assert (power.low, power.high) == (-50, 200)
    assert power.ticks[0][1] == "−50"
    register = trends_axes.vertical(
        [1_845_000_000.0] * 3, spec("wh_received"), unit="Wh", nominal_v=0, counter=True
    )
    assert register.low < 1_845_000 < register.high


@pytest.mark.parametrize(
    "span_ms", [10_000, HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 365 * DAY_MS, 3660 * DAY_MS]
)
def test_the_time_axis_is_the_sites_own(span_ms: int) -> None:
    ticks = trends_axes.along(MORNING, MORNING + span_ms, ZONE)
    assert 2 <= len(ticks) <= 17
    assert all(MORNING <= tick.at_ms <= MORNING + span_ms for tick in ticks)
    if span_ms == DAY_MS:
        assert ticks[1].words == "03:00"
    london = zoneinfo.ZoneInfo("Europe/London")
    night = trends_axes.along(1_774_738_800_000, 1_774_756_800_000, london)  # 2026-03-28 23:00 to 05:00
    assert "01:00" not in [tick.words for tick in night]  # the clocks leave it out


# taking figures away


def csv(browser: Browser, query: str) -> Any:
    return browser.post(f"/api/trend/csv?{query}", headers={"Accept": "application/json"})


def test_an_engineer_gets_what_is_drawn_and_it_is_noted(app: dash.Dash, station: Station) -> None:
    answer = csv(as_role(app, "engineer"), "m=1,4&q=watts_total,wh_received&range=yesterday")
    assert answer.mimetype == "text/csv"
    head, *rows = answer.get_data(as_text=True).removeprefix("\ufeff").strip().split("\r\n")
    assert head == ",".join(trends_csv.COLUMNS)
    first = dict(zip(head.split(","), rows[0].split(","), strict=True))
    assert (first["Meter"], first["Unit"], first["Seconds"], first["Simulated"]) == (
        "Transformer",
        "W",
        "60",
        "yes",
    )
    assert first["From"].startswith(trends.written(MORNING, ZONE)[:10] + " 00:00:00+05:30")
    assert float(first["Lowest"]) <= float(first["Mean"]) <= float(first["Highest"])
    assert any("444400.0" in row for row in rows)
    empty = [row for row in rows if ",ColonyLoad,Watts Total,W,,," in row]
    assert len(empty) == 90
    (noted,) = station.audit_lines("export.screen")
    assert (noted["user"], noted["d"]["rows"], noted["d"]["meters"]) == ("engineer", len(rows), [1, 4])


def test_single_readings_and_those_without_right_or_audit_leave_nothing(
    app: dash.Dash, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    span = trends.address([1], ["watts_total"], SPIKE_MS - HOUR_MS, SPIKE_MS).partition("?")[2]
    engineer = as_role(app, "engineer")
    short = csv(engineer, span)
    assert short.status_code == 409
    assert "encrypted, on Reports" in short.json["error"]
    assert csv(as_role(app, "operator"), "range=yesterday").status_code == 403
    assert csv(engineer, "m=9").status_code == 400
    assert station.audit_lines("export.screen") == []
    monkeypatch.setattr("substation.audit.Audit.write", lambda *_, **__: False)
    unnoted = csv(engineer, "range=yesterday")
    assert unnoted.status_code == 503
    assert "Nothing was exported" in unnoted.json["error"]


def test_a_station_without_an_export_password_gives_no_file(app: dash.Dash, station: Station) -> None:
    station.configure(own_settings(export_password_hash=None))
    station.clock.advance(60)
    answer = csv(as_role(app, "engineer"), "range=yesterday")
    assert answer.status_code == 409
    assert "no export password yet" in answer.json["error"]
    assert station.audit_lines("export.refused")[0]["d"]["why"] == "no export password is set"


def test_the_button_is_for_engineers(app: dash.Dash) -> None:
    for role, there in (("viewer", False), ("engineer", True)):
        page = as_role(app, role).post("/_dash-update-component", json=page_request("/trends"))
        assert ('"data-tdo":"csv"' in page.get_data(as_text=True).replace(": ", ":")) is there
