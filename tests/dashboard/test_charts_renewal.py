"""Charts renew themselves through Dash: today travels again, yesterday only on a new day."""

import json
from typing import Any

import dash
import pytest

from substation.clock import day_start_ms
from substation.dashboard import panels
from substation.dashboard.feed import current
from substation.store.history import History
from tests.dashboard.conftest import Browser, Station, reading
from tests.dashboard.tree import text


@pytest.fixture
def stored(station: Station) -> Station:
    """Two hours of a meter in the history."""
    history = History(station.home.history, True, station.clock, station.settings.site.zone)
    now = station.clock.now_ms()
    history.add(reading(1, now - minute * 60_000) for minute in range(120, 0, -1))
    history.commit()
    history.close()
    return station


def marks(kind: str) -> list[dict[str, Any]]:
    return [
        {"id": {"kind": name, "meter": 1, "phase": "all", "type": kind}, "property": "figure"}
        for name in ("voltage", "power")
    ]


def ask(app: dash.Dash, client: Browser, state: Any, *, outputs: Any = None) -> Any:
    output = next(name for name in app.callback_map if "day-chart" in name)
    covers = [{**mark, "property": "children"} for mark in marks("day-veil")]
    body = {
        "output": output,
        "outputs": outputs or [marks("day-chart"), covers, {"id": "charted-day", "property": "data"}],
        "inputs": [{"id": "minute", "property": "n_intervals", "value": 1}],
        "changedPropIds": ["minute.n_intervals"],
        "state": [{"id": "charted-day", "property": "data", "value": state}],
    }
    return client.post("/_dash-update-component", data=json.dumps(body), content_type="application/json")


def figures(answer: Any) -> list[Any]:
    told = answer.get_json()["response"]
    return [part["figure"] for name, part in told.items() if "day-chart" in name]


def test_each_minute_only_today_travels(stored: Station, app: dash.Dash, client: Browser) -> None:
    today = day_start_ms(stored.clock.now_ms(), stored.settings.site.zone)
    answer = ask(app, client, today)
    assert answer.status_code == 200
    patches = figures(answer)
    assert len(patches) == 2
    for patch in patches:
        places = [tuple(step["location"]) for step in patch["operations"]]
        assert {step["operation"] for step in patch["operations"]} == {"Assign"}, "typed arrays are lost else"
        assert ("data", 0) not in places
        assert ("data", 1) in places
        assert ("data", 2) in places


def test_on_a_new_day_the_whole_figure_travels(stored: Station, app: dash.Dash, client: Browser) -> None:
    answer = ask(app, client, 0)
    for figure in figures(answer):
        assert [trace["uid"] for trace in figure["data"]] == ["past", "band", "today"]
    told = answer.get_json()["response"]
    assert told["charted-day"]["data"] == day_start_ms(stored.clock.now_ms(), stored.settings.site.zone)


def test_a_chart_of_a_meter_that_is_gone_is_left_alone(
    stored: Station, app: dash.Dash, client: Browser
) -> None:
    gone = {"kind": "voltage", "meter": 99, "phase": "all"}
    outputs = [
        [{"id": {**gone, "type": "day-chart"}, "property": "figure"}],
        [{"id": {**gone, "type": "day-veil"}, "property": "children"}],
        {"id": "charted-day", "property": "data"},
    ]
    answer = ask(app, client, 0, outputs=outputs)
    assert answer.status_code == 200
    assert figures(answer) == []


def pressed(client: Browser, clicks: Any) -> Any:
    mark = {"id": {"meter": 1, "type": "as-table"}, "property": "n_clicks", "value": clicks}
    body = {
        "output": "charts-table.children",
        "outputs": {"id": "charts-table", "property": "children"},
        "inputs": [[mark]],
        "changedPropIds": ['{"meter":1,"type":"as-table"}.n_clicks'],
        "state": [],
    }
    return client.post("/_dash-update-component", data=json.dumps(body), content_type="application/json")


def test_the_table_of_figures_follows_its_switch_also_when_asked_twice(
    stored: Station, client: Browser
) -> None:
    def table(clicks: Any) -> Any:
        answer = pressed(client, clicks)
        assert answer.status_code == 200
        return answer.get_json()["response"]["charts-table"]["children"]

    assert table(None) is None
    assert "Transformer" in json.dumps(table(1))
    assert table(1) is not None, "a browser asks twice where a part of the page is new meanwhile"
    assert table(2) is None
    assert table("x") is None


def test_a_damaged_history_costs_the_curves_and_nothing_else(station: Station, app: dash.Dash) -> None:
    station.home.history.write_bytes(b"not a database" * 500)
    station.clock.advance(1)  # longer than a board is shared
    station.beat()
    station.read()
    feed = current()
    meter = feed.board().meters[0]
    kind = panels.kind_of(meter, "power", "all")
    assert "the history cannot be read" in text(panels.chart(panels.Day(feed, meter, [kind]), kind, "all"))
    page = dash.page_registry["substation.dashboard.pages.meter"]["layout"](meter_id="1")
    assert "EB supply On" in text(page)
