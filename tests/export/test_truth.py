"""What the CSV says is what the screens say: both come from the same rows, by different ways."""

import csv
import dataclasses
import io
import tempfile
import zoneinfo
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substation.clock import day_start_ms, iso
from substation.export import table
from substation.export.order import Order
from substation.export.table import Form, Lines
from substation.quantities import KEYS, QUANTITIES
from substation.store.history import History, HistoryReader
from substation.store.pages import Pages
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS
from tests.store.strategies import any_reading

DAY_MS = 86_400_000
PERIOD_MS = {"minute": 60_000, "quarter": 900_000, "hour": 3_600_000, "day": DAY_MS}
ZONES = ("Asia/Kolkata", "Europe/London", "America/St_Johns")
CLOCKS_BACK_MS = 1_792_886_400_000  # 2026-10-25 00:00 UTC
METERS = (1, 2)


def exported(path: Path, order: Order, zone: zoneinfo.ZoneInfo) -> dict[tuple[str, int], dict[str, str]]:
    form = Form(order.resolution, zone, {}, 2.0, True, order.period_s, order.extremes)
    pages, lines = Pages(path, order.wanted, page_rows=3), Lines(form)
    content = table.header(form) + b"".join(lines.of(page) for page in pages.lines(pages.facts()))
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    found = {(row["UTC"], int(row["Meter_ID"])): row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("resolution", ["poll", *PERIOD_MS])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_the_file_and_the_charts_agree(resolution, data):
    zone = zoneinfo.ZoneInfo(data.draw(st.sampled_from(ZONES)))
    base = data.draw(st.sampled_from([BEGIN_MS, CLOCKS_BACK_MS]))
    drawn = data.draw(st.lists(st.tuples(st.integers(0, 300), any_reading()), min_size=1, max_size=12))
    readings = [
        dataclasses.replace(one, at_ms=base + place * 377_123, meter_id=METERS[one.meter_id % 2])
        for place, one in drawn
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "daily_data.db"
        store = History(path, True, FakeClock(), zone)
        store.add(readings)
        store.close()
        start = day_start_ms(base, zone)
        end = day_start_ms(start + 2 * DAY_MS + 4 * 3_600_000, zone)
        extremes = resolution in ("quarter", "hour", "day")
        rows = exported(path, Order(resolution, start, end, extremes=extremes), zone)
        seen = 0
        for meter_id in METERS:
            seen += _compare(path, resolution, meter_id, (start, end), rows)
        if resolution == "poll":  # a chart leaves out polls that asked for none of its quantities
            rows = {at: row for at, row in rows.items() if row["quality"] != "good" or _any_value(row)}
        assert seen >= len(rows)


def _any_value(row) -> bool:
    return any(row[quantity.label] for quantity in QUANTITIES)


def _compare(path, resolution, meter_id, span, rows) -> int:
    reader = HistoryReader(path, FakeClock())
    length = PERIOD_MS.get(resolution, 1)
    points = 2 * (span[1] - span[0]) if resolution == "poll" else (span[1] - span[0]) // length
    series = reader.series(meter_id, KEYS, *span, max(1, points))
    assert series.table == ("reading" if resolution == "poll" else resolution)
    seen = 0
    for place, at_ms in enumerate(series.at_ms):
        row = rows.get((iso(at_ms), meter_id))
        seen += row is not None
        for quantity in QUANTITIES:
            _same(row, quantity, quantity.label, series.values[quantity.key][place])
            if row is not None and f"{quantity.label} min" in row:
                _same(row, quantity, f"{quantity.label} min", series.low[quantity.key][place])
                _same(row, quantity, f"{quantity.label} max", series.high[quantity.key][place])
    return seen


def _same(row, quantity, column: str, value: float | None) -> None:
    """A value of the chart stands in the file, rounded to whole steps, with its sign."""
    text = "" if row is None else row[column]
    if value is None:
        doubted = row is not None and quantity.key in row["quality"].removeprefix("implausible: ").split()
        assert text == "" or doubted
        return
    written = float(text)
    steps = written * quantity.steps_per_unit
    assert abs(steps - round(steps)) < 1e-3 * max(1.0, abs(steps) * 1e-9)
    assert written == pytest.approx(value, abs=0.5 / quantity.steps_per_unit + 1e-6, rel=1e-12)
    assert written == 0 or (written < 0) == (value < 0)
    assert not text.startswith("-") or written < 0
