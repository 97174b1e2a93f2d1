"""Who exported data last, in one line on `/reports`."""

from typing import Any

import dash
import pytest

from substation.dashboard import desk, export_last
from tests.dashboard.conftest import PASSWORD, Browser, Station, basic, browse, page_request

ADDRESS = "/_dash-update-component"


def said(station: Station, reader: str = "admin", *, names: bool = True) -> str:
    now_ms, zone = station.clock.now_ms(), station.settings.site.zone
    return export_last.last(desk.current().audit.path, now_ms, zone, reader, names=names)


def test_the_last_one_who_took_readings_away_is_named(app: dash.Dash, station: Station) -> None:
    write = desk.current().audit.write
    write("start")
    assert said(station) == "none since the audit log was begun"
    write("export.done", user="ravi", src="10.0.0.7", rows=2940)
    station.clock.advance(60)
    assert said(station) == "ravi, 11:30:00, 2\u202f940 rows"
    write("export.asked", user="eve")
    write("export.refused", user="eve", ok=False, why="wrong password")
    write("export.aborted", user="eve", ok=False, rows=0, why="nothing was fetched")
    assert said(station).startswith("ravi, "), "nothing left the station"
    write("export.aborted", user="mira", ok=False, rows=70, why="broken off")
    assert said(station) == "mira, 11:31:00, broken off after 70 rows"
    station.clock.advance(86_400)
    write("export.screen", user="ravi", rows=12)
    assert said(station) == "ravi, 11:31:00, 12 rows of a chart, not encrypted"
    assert said(station, "ravi", names=False).startswith("ravi, "), "himself he knows"
    assert said(station, "mira", names=False).startswith("somebody else, 11:31:00")


def test_a_log_that_cannot_be_read_is_said(app: dash.Dash, station: Station) -> None:
    desk.current().audit.path.unlink(missing_ok=True)
    assert said(station) == "not known: the audit log cannot be read"


@pytest.mark.parametrize(("user", "sees"), [("engineer", "somebody else, "), ("administrator", "ravi, ")])
def test_reports_names_others_to_administrators_only(app: dash.Dash, user: str, sees: str) -> None:
    desk.current().audit.write("export.done", user="ravi", src="10.0.0.7", rows=5)
    headers = {"Authorization": basic(user, PASSWORD), "Host": "localhost"}
    kind = type("Somebody", (Browser,), {"said": headers})
    drawn: Any = browse(app, kind).post(ADDRESS, json=page_request("/reports"))
    assert sees in drawn.text
    assert ("ravi" in drawn.text) is (user == "administrator")
    assert ("audit?event=export" in drawn.text) is (user == "administrator")
