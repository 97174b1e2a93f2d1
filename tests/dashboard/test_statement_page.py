"""The statement's page and files: as it is on paper, by role, noted, and in words where it cannot be made."""

import contextlib
import sqlite3
from typing import Any

import dash
import pytest

from substation.clock import day_start_ms
from substation.dashboard import other_forms, statement_asked, statement_desk
from substation.dashboard.feed import Feed
from substation.reports import child
from substation.settings import demo_past
from substation.store import entries
from substation.store.entries import Place
from substation.store.history import History
from substation.store.operator_db import OperatorDb
from tests.dashboard.conftest import Browser, Station, browse, page_request, reading
from tests.dashboard.test_account import as_

HOUR_MS = 3_600_000
FILE = statement_desk.ADDRESS


@pytest.fixture
def first_ms(station: Station) -> int:
    """Begin of November 2026; a register of meter 1 is stored around it."""
    zone = station.settings.site.zone
    start_ms = day_start_ms(station.clock.now_ms(), zone, 23)
    store = History(station.home.history, True, station.clock, zone)
    for hour in range(-2, 4):
        at_ms = start_ms + hour * HOUR_MS - 2000
        store.add([reading(1, at_ms, wh_received=1_843_851_000.0 + hour * 144_400)])
    store.commit()
    store.close()
    return start_ms


def page(client: Browser, search: str = "") -> str:
    said = client.post("/_dash-update-component", json=page_request("/statement", search))
    return said.get_data(as_text=True)


def test_the_page_holds_the_form_and_the_files_for_whoever_may_take_them(
    station: Station, app: dash.Dash, first_ms: int
) -> None:
    drawn = page(browse(app, as_("operator")), "?month=2026-11")
    for words in ("1843851.000", "1844284.200", "433.200", "31 Oct 23:59:58", "SIMULATED", '"lang":"en"'):
        assert words in drawn, words
    file = r"\u002fapi\u002fstatement\u002ffile?month=2026-11"
    assert drawn.count(file) == len(child.FORMS)
    seen = page(browse(app, as_("viewer")), "?month=2026-11")
    assert "433.200" in seen and "statement\\u002ffile" not in seen
    unfinished = "The past of this demo is still being made"
    demo_past.note(station.home).touch()
    assert unfinished not in seen and unfinished in page(browse(app, as_("viewer")), "?month=2026-11")
    assert "October 2026" in page(browse(app, as_("viewer")))  # the last whole one


def test_a_file_is_noted_with_month_and_form(
    station: Station, app: dash.Dash, first_ms: int, monkeypatch: Any
) -> None:
    operator = browse(app, as_("operator"))
    csv = operator.post(f"{FILE}?month=2026-11&form=csv")
    assert csv.status_code == 200 and "433.200" in csv.get_data(as_text=True)
    assert csv.headers["Content-Disposition"] == 'attachment; filename="statement-2026-11.csv"'
    monkeypatch.setattr(child, "made", lambda document, form: f"{form} by {document.made_at}".encode())
    pdf = operator.post(f"{FILE}?month=2026-11&form=pdf")
    assert pdf.mimetype == "application/pdf" and pdf.get_data(as_text=True).endswith("by operator")
    lines = station.audit_lines("statement.made")
    assert [(one["user"], one["d"]["month"], one["d"]["form"]) for one in lines] == [
        ("operator", "2026-11", "csv"),
        ("operator", "2026-11", "pdf"),
    ]


def test_who_may_not_and_what_cannot_be_is_told_in_words(
    station: Station, app: dash.Dash, first_ms: int
) -> None:
    operator = browse(app, as_("operator"))
    assert browse(app, as_("viewer")).post(f"{FILE}?month=2026-11&form=csv").status_code == 403
    for query, code in (("month=2026-11&form=doc", 400), ("month=2026-13&form=csv", 400), ("form=csv", 400)):
        assert operator.post(f"{FILE}?{query}").status_code == code
    later = operator.post(f"{FILE}?month=2027-01&form=csv", headers={"Accept": "application/json"})
    assert later.status_code == 400 and "January 2027 has not begun yet" in later.json["error"]
    with sqlite3.connect(station.home.history) as db:
        db.execute("UPDATE meta SET value = 'no' WHERE key = 'simulated'")
    assert operator.post(f"{FILE}?month=2026-11&form=csv").status_code == 503
    assert "not of the same kind of station" in page(operator, "?month=2026-11")
    assert station.audit_lines("statement.made") == []


def test_a_statement_knows_what_was_written_and_seen_since(
    station: Station, feed: Feed, first_ms: int
) -> None:
    before = feed.statement("2026-11")
    assert feed.statement("2026-11") is before
    with contextlib.closing(OperatorDb(station.home.operator, simulated=True)) as db:
        entries.write(db, station.clock, Place("interruption", "meter:1", first_ms, "cause"), "fault", "amal")
        assert feed.statement("2026-11") is before  # no form of the statement's
        entries.write(db, station.clock, Place("dg_log", "meter:5", first_ms, "consumed"), "12.0", "amal")
    written = feed.statement("2026-11")
    assert written is not before and feed.statement("2026-11") is written
    store = History(station.home.history, True, station.clock, station.settings.site.zone)
    store.event("supply", at_ms=first_ms, meter_id=1, old="Unknown", new="EB supply On", detail="")
    store.commit()
    store.close()
    station.clock.advance(3)
    assert feed.statement("2026-11") is not written


def test_reports_calls_no_month_ready_of_which_nothing_is_stored(
    app: dash.Dash, feed: Feed, first_ms: int
) -> None:
    said = str(other_forms.section(feed))
    assert "Oct 2026, ready" in said and "Nov 2026, running" in said
    drawn = browse(app, as_("engineer")).post("/_dash-update-component", json=page_request("/reports")).text
    assert "Other forms" in drawn


def test_a_month_is_worked_out_once_for_all_viewers(feed: Feed, first_ms: int) -> None:
    assert feed.statement("2026-11") is feed.statement("2026-11")


def test_months_of_an_address(station: Station) -> None:
    now_ms, zone = station.clock.now_ms(), station.settings.site.zone
    asked = [
        statement_asked.asked(query, now_ms, zone)
        for query in ({"month": "2026-09"}, {}, {"month": "2027-01"}, {"month": "x"}, {"month": ["2026-09"]})
    ]
    assert asked == ["2026-09", "2026-10", "2026-10", "2026-10", "2026-10"]
    said = "'2026-99' is no month with a statement; Oct 2026 is shown."
    assert statement_asked.not_asked({"month": "2026-99"}, "2026-10") == said
    assert [statement_asked.not_asked(one, "2026-10") for one in ({}, {"month": "2026-10"})] == ["", ""]
    ways = str(statement_asked.ways("2026-10", now_ms, zone))
    assert all(f"/statement?month={month}" in ways for month in ("2026-09", "2026-11", "2025-10"))
    assert "Nov 2026, running, until 24 Nov" in ways
