"""R10: a negative value on its whole way: wire, live file, history, API, page, export."""

import csv
import io
import json
import re
import sqlite3
from collections.abc import Mapping

import pytest

from substation.acquisition.spine import Poller
from substation.bus.plant import Plant
from substation.clock import Clock
from substation.dashboard.feed import Feed
from substation.export import table
from substation.export.order import Order
from substation.export.table import Form, Lines
from substation.meters.profile import load
from substation.quantities import BY_KEY
from substation.settings import files
from substation.settings.model import Line as LineSettings
from substation.settings.model import Poll
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import METERS, Site
from substation.store.pages import Pages
from tests.bus.map_wire import MapWire
from tests.dashboard.conftest import Browser, Station, demo_settings, page_request

NEGATIVE = {
    "watts_total": -1234.5,
    "watts_r": -411.5,
    "watts_y": -0.5,
    "var_total": -8.5,
    "pf_average": -0.75,
    "pf_r": -0.015625,
}
"""Export and leading power factor; what single precision and the resolution both hold exactly, or nearly."""
HELD = {**NEGATIVE, "pf_r": -0.0156}


class Exporting(SimulatedMeter):
    """A meter whose circuit gives power back."""

    def shown(self, circuits: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
        return {**super().shown(circuits), **NEGATIVE}


@pytest.fixture
def polled(station: Station) -> Station:
    """A station whose meters were asked twice, over a wire in memory with real frames."""
    station.configure(demo_settings(poll=Poll(interval_s=2.0)))
    profile = load("elmeasure_lgplus")
    site = Site(1, epoch_ms=station.clock.ms - 3_600_000, zone=station.settings.site.zone)

    def wire(settings: LineSettings, clock: Clock) -> MapWire:
        assert clock is station.clock
        return MapWire(site, station.clock, {key: Exporting(key, profile) for key in METERS}, settings)

    poller = Poller(files.load(station.folder), station.clock)
    poller.plant = Plant(poller.settings, station.clock, make_line=wire)
    poller.run(2)
    poller.heartbeat()
    poller.keeper.commit()
    yield station
    poller.stop()


@pytest.mark.parametrize("key", NEGATIVE)
def test_a_negative_value_arrives_everywhere_with_its_sign(
    polled: Station, client: Browser, key: str
) -> None:
    quantity, held = BY_KEY[key], HELD[key]
    lines = [line.split(",") for line in polled.home.live.read_text().splitlines()]
    place = lines[0].index(quantity.label)
    assert {float(line[place]) for line in lines[1:]} == {held}
    assert all(line[place].startswith("-") for line in lines[1:])

    with sqlite3.connect(polled.home.history) as db:
        assert {value for (value,) in db.execute(f"SELECT {key} FROM readings_v")} == {held}  # noqa: S608
        assert {value for (value,) in db.execute(f"SELECT {key} FROM minutes_v")} == {held}  # noqa: S608

    told = client.get(f"/api/live?keys={key}").get_json()["meters"]
    assert [meter["values"][key]["value"] for meter in told] == [held] * 5
    assert {meter["values"][key]["quality"] for meter in told} <= {"good", "implausible"}

    board = Feed(polled.settings, polled.home, polled.clock).board()
    assert {meter.values[key].value for meter in board.meters} == {held}

    order = Order("poll", polled.clock.ms - 86_400_000, polled.clock.ms + 86_400_000)
    form = Form("poll", polled.settings.site.zone, {1: "T"}, 2.0, True, order.period_s, order.extremes)
    pages, writer = Pages(polled.home.history, order.wanted), Lines(form)
    text = table.header(form) + b"".join(writer.of(page) for page in pages.lines(pages.facts()))
    cells = [row[quantity.label] for row in csv.DictReader(io.StringIO(text.decode(), newline=""))]
    assert {float(cell) for cell in cells} == {held}


def test_a_person_reads_the_sign_on_the_meters_page(polled: Station, client: Browser) -> None:
    shown = client.post("/_dash-update-component", json=page_request("/meter/1")).get_json()
    read = set(re.findall("\u2212[0-9.]+", json.dumps(shown, ensure_ascii=False)))
    assert {"\u22121.2", "\u22120.750", "\u22120.016"} <= read  # kW, mean factor, that of phase R
