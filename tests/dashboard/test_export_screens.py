"""The export's two places: a row on Home for whoever may export, the form on /reports."""

import datetime as dt
import importlib
import json
from typing import Any
from zoneinfo import ZoneInfo

import dash
import pytest

from substation.clock import iso
from substation.dashboard import export_order, export_panel
from substation.dashboard.feed import Feed
from substation.errors import AccessError
from substation.settings.model import Settings, Site
from tests.dashboard.conftest import PASSWORD, Browser, basic, browse, demo_settings, page_request
from tests.dashboard.tree import attribute, find, text, walk

NOW_MS = 1_795_500_000_000
"""2026-11-24 06:00 UTC, 11:30 in Kolkata."""
CALLBACK = "/_dash-update-component"


def as_user(name: str) -> type[Browser]:
    return type(
        "Somebody", (Browser,), {"said": {"Authorization": basic(name, PASSWORD), "Host": "localhost"}}
    )


def page(app: dash.Dash, user: str, path: str) -> Any:
    return browse(app, as_user(user)).post(CALLBACK, json=page_request(path))


@pytest.mark.parametrize(
    ("user", "sees"), [("viewer", False), ("operator", False), ("engineer", True), ("administrator", True)]
)
def test_home_and_reports_show_the_export_to_whoever_may(app: dash.Dash, user: str, sees: bool) -> None:
    home = page(app, user, "/")
    assert home.status_code == 200
    assert ("Download a year of readings" in home.text) is sees
    assert page(app, user, "/reports").status_code == (200 if sees else 403)


def test_the_form_begins_with_a_year_until_today(feed: Feed) -> None:
    form = export_panel.form(feed)
    slots = {attribute(part, "data-name"): part for part in walk(form) if attribute(part, "data-slot")}
    assert attribute(slots["from"], "data-value") == "2025-11-25"
    assert attribute(slots["to"], "data-value") == "2026-11-24"
    assert {"password", "archive", "meters", "extremes"} <= slots.keys()
    (every,) = [part for part in walk(form) if getattr(part, "id", "") == "export-every"]
    assert attribute(every, "data-value") == "quarter"
    assert [option.value for option in every.children] == list(export_order.EVERY)
    kept = json.loads(attribute(find(form, data_export_part="kept")[0], "data-words") or "")
    assert "14 days" in kept["poll"]
    assert "400 days" in kept["minute"]


def test_every_label_of_the_form_names_its_input(feed: Feed) -> None:
    for form in (export_panel.form(feed), export_panel.row()):
        named = {part.htmlFor for part in walk(form) if hasattr(part, "htmlFor")}
        there = {attribute(part, "data-id") or getattr(part, "id", None) for part in walk(form)}
        assert named
        assert named <= there


def test_the_page_says_what_opens_the_file_and_what_does_not(app: dash.Dash) -> None:
    reports = importlib.import_module("substation.dashboard.pages.reports")  # pages need an app first
    said = text(reports.layout())
    for words in (
        "7-Zip",
        "WinRAR",
        "Keka",
        "Not Windows Explorer",
        "unzip",
        "only as strong as its password",
    ):
        assert words in said
    assert "not kept on the station" in said
    assert "SIMULATED" in said
    assert "SIMULATED" not in text(reports.explanation(simulated=False))


def read(told: dict[str, object], now_ms: int = NOW_MS, **site: Any) -> export_order.Order:
    settings: Settings = demo_settings(site=Site(**{"name": "GS", **site}))
    return export_order.read(told, settings, now_ms)


def test_what_is_left_out_of_an_order_is_the_usual() -> None:
    order = read({})
    assert (order.resolution, order.meter_ids, order.extremes) == ("quarter", (1, 2, 3, 4, 5), False)
    assert iso(order.start_ms) == "2025-11-24T18:30:00.000Z", "midnight in Kolkata"
    assert order.end_ms == NOW_MS, "nothing is asked of the future"
    days = export_order.usual_days(demo_settings(), NOW_MS)
    assert (days[1] - days[0]).days + 1 == 365


def test_both_days_are_included() -> None:
    order = read({"from": "2026-11-01", "to": "2026-11-01", "every": "minute", "meters": [4, 2]})
    assert order.end_ms - order.start_ms == 86_400_000
    assert order.meter_ids == (2, 4)


def test_a_day_of_25_hours_is_whole() -> None:
    order = read({"from": "2026-10-25", "to": "2026-10-25"}, timezone="Europe/London")
    assert order.end_ms - order.start_ms == 25 * 3_600_000


def test_a_year_back_from_29_february_is_a_day() -> None:
    leap = round(dt.datetime(2028, 2, 29, 12, tzinfo=ZoneInfo("Asia/Kolkata")).timestamp() * 1000)
    assert export_order.usual_days(demo_settings(), leap) == (dt.date(2027, 3, 1), dt.date(2028, 2, 29))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"from": "2026-11-24", "to": "2026-11-23"}, "before"),
        ({"from": "2026-11-25", "to": "2026-11-30"}, "future"),
        ({"from": "24.11.2026"}, "such as"),
        ({"from": 20261124}, "such as"),
        ({"from": "20261122"}, "such as"),
        ({"from": "2026-W47-7"}, "such as"),
        ({"to": "2026W477"}, "such as"),
        ({"to": "٢٠٢٦-١١-٢٢"}, "such as"),
        ({"to": "9999-12-31"}, "such as"),
        ({"every": "second"}, "'Every'"),
        ({"every": ["poll"]}, "'Every'"),
        ({"meters": []}, "at least one"),
        ({"meters": [True]}, "at least one"),
        ({"meters": "1"}, "at least one"),
        ({"meters": [1, 77]}, "no meter 77"),
        ({"every": "minute", "extremes": True}, "kept for"),
    ],
)
def test_an_order_that_cannot_be_made_is_refused_in_words(told: dict[str, object], words: str) -> None:
    with pytest.raises(AccessError, match=words):
        read(told)


def test_an_order_is_said_in_short() -> None:
    order = read({"from": "2026-11-01", "to": "2026-11-02", "meters": [3]})
    assert (
        export_order.words(order, demo_settings()) == "01 Nov 2026 to 02 Nov 2026, every 15 minutes, 1 meter"
    )
