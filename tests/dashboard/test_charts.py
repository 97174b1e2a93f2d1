"""Figures of a day: what is sent, where gaps are, how the axis is chosen."""

import base64
import gzip
import json
import math
import struct
import zoneinfo
from dataclasses import replace
from typing import Any

import pytest

from substation.clock import day_start_ms
from substation.dashboard import charts, curves, sketch
from substation.dashboard import format as f
from substation.dashboard.curves import KINDS, Grid
from substation.dashboard.sample_days import SampleCurves, SampleFeed

NOW = 1_795_431_008_000
HOUR = 3_600_000
POWER = KINDS["power"]
KW = f.spec("watts_total", 160)


def series(start: int, rows: dict[float, float | None], key: str = "watts_total") -> SampleCurves:
    """Return rows by hour of the day."""
    at = [start + round(hour * HOUR) for hour in rows]
    return SampleCurves(at, values={key: list(rows.values())})


def day_of(zone: zoneinfo.ZoneInfo, rows: dict[float, float | None], kind: curves.Kind = POWER) -> Grid:
    start = day_start_ms(NOW, zone)
    return curves.grid(series(start, rows, kind.line[0]), kind, start, zone)


def numbers(typed: dict[str, str]) -> list[float]:
    raw = base64.b64decode(typed["bdata"])
    assert typed["dtype"] == "f4"
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


def test_rows_are_laid_on_five_minutes(zone: zoneinfo.ZoneInfo) -> None:
    today = day_of(zone, {0.0: 10.0, 0.05: 20.0, 1.0: 5.0})
    assert today.mean[0] == 15.0
    assert (today.low[0], today.high[0]) == (10.0, 20.0)
    assert today.mean[12] == 5.0
    assert today.mean[1] is None
    assert len(today.mean) == 288


def test_the_sketch_of_a_chart_stands_on_its_axis_and_leaves_its_gaps(zone: zoneinfo.ZoneInfo) -> None:
    today = day_of(zone, {0.0: 10_000.0, 0.09: 20_000.0, 0.25: None, 0.34: 0.0, 0.42: 0.0})
    past = curves.empty()
    layout = charts.figure(POWER, today, past, KW, nominal_v=240, rated=160_000)["layout"]
    assert layout["yaxis"]["range"] == [0.0, 25.0]
    limit, old, line, across, along, _ = sketch.sketch(layout, today, past, KW).children
    high = round(sketch.HIGH * 15 / 25), round(sketch.HIGH * 5 / 25)
    assert f"d='M0 {high[0]}l1 {high[1] - high[0]}M4 {sketch.HIGH}l1 0'" in line.style["--line"]
    assert "linear-gradient" in old.style["--line"]
    assert "linear-gradient" in limit.style["--line"], "power has none"
    assert across.children.split("\n") == [str(tick) for tick in (25, 20, 15, 10, 5, 0)]
    assert along.children == "00 04 08 12 16 20 24"


def test_the_sketch_holds_yesterday_and_the_limits_at_their_heights(zone: zoneinfo.ZoneInfo) -> None:
    volts, written = KINDS["voltage"], f.spec("vln_average")
    past = day_of(zone, {0.0: 230.0, 0.09: 250.0}, volts)

    def drawn(low: float) -> Any:
        today = day_of(zone, {0.0: 240.0, 0.09: low}, volts)
        figure = charts.figure(volts, today, past, written, nominal_v=240, rated=0)
        return sketch.sketch(figure["layout"], today, past, written)

    wide = drawn(200.0)  # 200 to 280 V on 176 heights: 2.2 a volt, from above
    limit, old, line, *_ = wide.children
    assert "d='M0 141h288M0 35h288'" in limit.style["--line"]  # 216 and 264 V
    assert "d='M0 110l1 -44'" in old.style["--line"]
    assert "d='M0 88l1 88'" in line.style["--line"]
    assert wide.style == {"--step": "0.2500", "--base": "0.0000"}  # 20 of 80 V; the first line is the axis
    assert drawn(239.0).style == {"--step": "0.2083", "--base": "0.0833"}  # 10 and 4 of 216 to 264 V


def test_a_day_is_laid_on_its_grid_once_for_all_who_ask(zone: zoneinfo.ZoneInfo) -> None:
    start = day_start_ms(NOW, zone)
    rows = series(start, {0.0: 10.0})
    first = curves.kept_grid(rows, POWER, start, zone)
    assert curves.kept_grid(rows, POWER, start, zone) is first
    assert curves.kept_grid(series(start, {0.0: 11.0}), POWER, start, zone).mean[0] == 11.0
    assert curves.kept_grid(rows, POWER, start, zone, 3600).bucket_s == 3600


def test_a_missing_value_is_a_gap_and_no_zero(zone: zoneinfo.ZoneInfo) -> None:
    today = day_of(zone, {0.0: 10_000.0, 0.1: None, 0.2: 20_000.0})
    line = charts.today_traces(today, KW)[1]
    sent = numbers(line["y"])
    assert sent[0] == 10.0
    assert math.isnan(sent[1])
    assert sent[2] == 20.0
    assert line["connectgaps"] is False
    assert 0.0 not in sent


def test_power_factor_is_energy_by_apparent_energy_and_no_mean_of_factors(zone: zoneinfo.ZoneInfo) -> None:
    start = day_start_ms(NOW, zone)
    rows = SampleCurves(
        [start, start + 60_000],
        values={"watts_total": [900.0, 10.0], "va_total": [1000.0, 100.0], "pf_average": [0.9, 0.1]},
    )
    today = curves.grid(rows, KINDS["factor"], start, zone)
    assert today.mean[0] == pytest.approx(910 / 1100)


def test_without_load_power_factor_has_no_value_and_that_is_no_gap(zone: zoneinfo.ZoneInfo) -> None:
    start = day_start_ms(NOW, zone)
    rows = SampleCurves([start], values={"watts_total": [0.0], "va_total": [0.0], "pf_average": [0.0]})
    today = curves.grid(rows, KINDS["factor"], start, zone)
    assert today.mean[0] is None
    assert today.held[0] is True


def test_a_day_with_a_changed_clock_stays_on_the_wall_clock() -> None:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    start = day_start_ms(1_792_926_000_000, berlin)  # 25 October 2026, 25 hours long
    evening = start + 21 * HOUR  # 20:00 by the wall
    today = curves.grid(SampleCurves([evening], values={"watts_total": [7.0]}), POWER, start, berlin)
    assert today.mean[20 * 12] == 7.0


def test_a_gap_that_lasts_says_since_when(zone: zoneinfo.ZoneInfo) -> None:
    start = day_start_ms(NOW, zone)
    today = day_of(zone, {hour / 12: 1.0 for hour in range(10 * 12)})
    gap = curves.gaps(today, NOW, start, zone)[-1]
    assert gap.words == "no data since 09:55"
    assert gap.start == pytest.approx(10 / 24, abs=0.004)
    assert gap.end == pytest.approx(curves.now_part(NOW, zone))


def test_a_gap_that_ended_is_hatched_with_its_length(zone: zoneinfo.ZoneInfo) -> None:
    start = day_start_ms(NOW, zone)
    today = day_of(zone, {step / 12: 1.0 for step in range(17 * 12) if not 36 <= step < 72})
    (gap,) = curves.gaps(today, NOW, start, zone)
    assert (gap.start, gap.end) == (0.125, 0.25)
    assert gap.words == "no data 3 h 0 min"


def test_the_step_under_way_is_no_gap(zone: zoneinfo.ZoneInfo) -> None:
    start = day_start_ms(NOW, zone)
    whole = {step / 12: 1.0 for step in range(196)}  # up to 16:20, and it is 16:20:08
    assert curves.gaps(day_of(zone, whole), NOW, start, zone) == []


def test_a_day_without_readings_says_so(zone: zoneinfo.ZoneInfo) -> None:
    start = day_start_ms(NOW, zone)
    (gap,) = curves.gaps(day_of(zone, {}), NOW, start, zone)
    assert gap.words == "no readings today"


def test_a_figure_is_plain_svg_traces_with_typed_arrays(zone: zoneinfo.ZoneInfo) -> None:
    figure = whole_figure(zone, "power")
    assert [trace["uid"] for trace in figure["data"]] == ["past", "band", "today"]
    assert {trace["type"] for trace in figure["data"]} == {"scatter"}
    for trace in figure["data"]:
        assert set(trace["y"]) == {"dtype", "bdata"}
    past = figure["data"][0]
    assert (past["x0"], past["dx"]) == (150_000, 300_000)
    assert len(numbers(past["y"])) == 288
    assert figure["layout"]["uirevision"] == "day"
    assert figure["layout"]["showlegend"] is False
    assert figure["layout"]["xaxis"]["range"] == [0, 86_400_000]


def test_the_figure_does_not_speak_to_a_cloud() -> None:
    assert charts.CONFIG["plotlyServerURL"] == ""
    assert charts.CONFIG["showSendToCloud"] is False
    assert charts.CONFIG["displayModeBar"] is False


def test_the_shade_breaks_where_the_line_does(zone: zoneinfo.ZoneInfo) -> None:
    today = day_of(zone, {0.0: 1000.0, 0.09: 2000.0, 0.5: 3000.0, 0.59: 4000.0})
    shade = charts.today_traces(today, KW)[0]
    assert shade["fill"] == "toself"
    along, across = numbers(shade["y"]), numbers(shade["x"])
    assert sum(math.isnan(value) for value in along) == sum(math.isnan(value) for value in across) == 1
    assert len(along) == len(across) == 9


def test_a_reading_that_stands_alone_is_a_dot_since_no_line_goes_through_it(zone: zoneinfo.ZoneInfo) -> None:
    half_hours = day_of(zone, {hour / 2: 1000.0 for hour in range(48)})
    dots = charts.today_traces(half_hours, KW)[1]
    assert dots["mode"] == "lines+markers"
    sizes = dots["marker"]["size"]
    assert [step for step, size in enumerate(sizes) if size] == list(range(0, 288, 6))
    run = charts.today_traces(day_of(zone, {0.0: 1000.0, 0.09: 2000.0, 0.5: 3000.0, 0.59: 4000.0}), KW)[1]
    assert (run["mode"], "marker" in run) == ("lines", False)


def whole_figure(zone: zoneinfo.ZoneInfo, name: str, feed: SampleFeed | None = None) -> dict[str, Any]:
    feed = feed or SampleFeed()
    kind = KINDS[name]
    keys = curves.keys_of([kind])
    starts = curves.days(NOW, zone)
    grids = [curves.grid(feed.day(1, keys, back), kind, starts[back], zone) for back in (0, 1)]
    return charts.figure(kind, *grids, f.spec(kind.shown), nominal_v=239.6, rated=500_000)


def test_the_voltage_axis_is_the_band_and_widens_when_a_value_leaves_it(zone: zoneinfo.ZoneInfo) -> None:
    volts = KINDS["voltage"]
    inside = day_of(zone, {1.0: 240.0}, volts)
    written = f.spec("vln_average")
    band = charts.axis_of(volts, [inside], written, 240.0, 0)
    assert (band.low, band.high) == (216.0, 264.0)
    assert band.ticks == (220, 230, 240, 250, 260)
    below = replace(inside, low=[*inside.low[:12], 190.0, *inside.low[13:]])
    wide = charts.axis_of(volts, [below], written, 240.0, 0)
    assert wide.low <= 190.0
    assert wide.high >= 264.0
    assert wide.limits == (216.0, 264.0)


def test_an_hour_without_supply_leaves_the_voltage_axis_readable(zone: zoneinfo.ZoneInfo) -> None:
    volts, written = KINDS["voltage"], f.spec("vln_average")
    day = day_of(zone, {1.0: 240.0, 2.0: 0.0}, volts)
    failing = replace(day, low=[90.0 if value == 240.0 else value for value in day.mean], high=day.mean)
    assert charts.axis_of(volts, [replace(day, low=day.mean, high=day.mean)], written, 240.0, 0).low == 216.0
    assert charts.axis_of(volts, [failing], written, 240.0, 0).low == 216.0
    assert numbers(charts.past_trace(day, written)["y"])[24] == 0.0  # still drawn, never clipped


def test_the_zero_factor_of_a_dead_circuit_is_no_lowest_value(zone: zoneinfo.ZoneInfo) -> None:
    start = day_start_ms(NOW, zone)
    rows = SampleCurves(
        [start, start + 60_000],
        values={"watts_total": [900.0, 0.0], "va_total": [1000.0, 0.0], "pf_average": [0.9, 0.0]},
    )
    today = curves.grid(rows, KINDS["factor"], start, zone)
    assert (today.low[0], today.high[0]) == (0.9, 0.9)


@pytest.mark.parametrize(
    ("top", "end"), [(0.0, 20.0), (153_600.0, 200.0), (48_300.0, 60.0), (480_000.0, 600.0)]
)
def test_a_power_axis_starts_at_zero_and_ends_round(zone: zoneinfo.ZoneInfo, top: float, end: float) -> None:
    axis = charts.axis_of(POWER, [day_of(zone, {1.0: top})], KW, 0, 160_000)
    assert (axis.low, axis.high) == (0.0, end)


def test_reverse_power_is_drawn_below_zero_and_not_clipped(zone: zoneinfo.ZoneInfo) -> None:
    axis = charts.axis_of(POWER, [day_of(zone, {1.0: -30_000.0, 2.0: 50_000.0})], KW, 0, 160_000)
    assert axis.low <= -30.0
    assert axis.high >= 50.0


def test_numbers_on_an_axis_are_written_as_everywhere(zone: zoneinfo.ZoneInfo) -> None:
    axis = whole_figure(zone, "factor")["layout"]["yaxis"]
    assert axis["ticktext"] == ["0.80", "0.85", "0.90", "0.95", "1.00"]


def test_an_empty_day_still_makes_a_figure(zone: zoneinfo.ZoneInfo) -> None:
    figure = whole_figure(zone, "voltage", SampleFeed(today_until_h=None, past=False))
    assert all(math.isnan(value) for value in numbers(figure["data"][2]["y"]))
    assert figure["data"][1]["x"]["bdata"] == ""


def test_four_charts_of_a_day_are_light(zone: zoneinfo.ZoneInfo) -> None:
    whole = json.dumps([whole_figure(zone, name) for name in KINDS]).encode()
    assert len(whole) < 60_000
    assert len(gzip.compress(whole, 5)) < 35_000
