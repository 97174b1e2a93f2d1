"""The log sheet: written by name, corrected with its history, refused in words, handed out as files."""

import datetime as dt
import io
from typing import Any

import dash
import openpyxl
import pytest

from substation.clock import day_start_ms, site_time
from substation.dashboard import log_asked, log_typed
from substation.reports import child, log_form, log_hours
from substation.settings.model import CARD_METERS, Settings, Site
from substation.store.history import History
from tests.dashboard.conftest import Browser, Station, browse, page_request, reading
from tests.dashboard.test_account import as_

HOUR_MS = 3_600_000
OIL = {"subject": "meter:1", "item": "oil_temperature"}


@pytest.fixture
def midnight_ms(station: Station) -> int:
    """Begin of today; a few readings of meter 1 are stored at its first hours."""
    zone = station.settings.site.zone
    start_ms = day_start_ms(station.clock.now_ms(), zone)
    store = History(station.home.history, True, station.clock, zone)
    for hour in (0, 1, 2):
        at_ms = start_ms + hour * HOUR_MS + 7_000
        store.add([reading(1, at_ms, wh_received=1_843_851_000.0 + hour * 144_400, watts_total=131_480.0)])
    store.commit()
    store.close()
    return start_ms


@pytest.fixture
def operator(app: dash.Dash) -> Browser:
    return browse(app, as_("operator"))


def write(client: Browser, at_ms: int, text: str, instead_of: str = "0", **place: str) -> Any:
    said = {**OIL, **place, "at": str(at_ms), "text": text, "instead_of": instead_of}
    return client.post("/api/log/write", json=said)


def test_what_is_written_bears_name_and_time_and_a_correction_keeps_what_stood(
    station: Station, operator: Browser, midnight_ms: int
) -> None:
    at_ms = midnight_ms + HOUR_MS
    first = write(operator, at_ms, "62").json
    assert (first["text"], first["said"].partition(",")[0]) == ("62", "operator")
    second = write(operator, at_ms, "63.5", first["id"]).json
    assert "written 2 times" in second["said"]
    again = write(operator, at_ms, "63.5", second["id"]).json
    assert again["id"] == second["id"]
    found = operator.get("/api/log/entries", query_string={**OIL, "at": str(at_ms)}).json["entries"]
    assert [one["text"] for one in found] == ["63.5", "62"]
    lines = station.audit_lines("log_sheet.written")
    assert [(one["user"], one["d"]["before"], one["d"]["after"]) for one in lines] == [
        ("operator", None, "62"),
        ("operator", "62", "63.5"),
    ]
    page = operator.post("/_dash-update-component", json=page_request("/log")).get_data(as_text=True)
    assert '"data-text":"63.5"' in page
    taken_back = write(operator, at_ms, "", second["id"]).json
    assert taken_back["said"].startswith("taken back by operator")


def test_who_comes_second_sees_what_stands_and_nothing_is_lost(
    station: Station, app: dash.Dash, operator: Browser, midnight_ms: int
) -> None:
    first = write(operator, midnight_ms, "62").json
    other = write(browse(app, as_("engineer")), midnight_ms, "71")
    assert other.status_code == 409
    assert (other.json["id"], other.json["text"]) == (first["id"], "62")
    assert "Meanwhile '62' was written there" in other.json["error"]
    assert len(station.audit_lines("log_sheet.written")) == 1


@pytest.mark.parametrize(
    ("text", "hour", "place", "said"),
    [
        ("6 2", 1, {}, "is no number"),
        ("6,2,5", 1, {}, "is no number"),
        ("620", 1, {}, "lies between -10 and 130"),
        ("62", 40, {}, "has not come yet"),
        ("62", 0.5, {}, "no such place"),
        ("62", 1, {"subject": "meter:2"}, "no such place"),  # a feeder has no oil
        ("62", 1, {"subject": "meter:77"}, "no such place"),
        ("62", 1, {"item": "hand_over", "subject": "site"}, "no such place"),  # no shift begins then
        ("x" * 201, 1, {"item": "remarks"}, "201 characters"),
        ("a\x07", 1, {"item": "remarks"}, "cannot be printed"),
        ("a\u202eb", 1, {"item": "remarks"}, "turns the direction of writing"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    station: Station,
    operator: Browser,
    midnight_ms: int,
    text: str,
    hour: float,
    place: dict[str, str],
    said: str,
) -> None:
    answer = write(operator, midnight_ms + round(hour * HOUR_MS), text, **place)
    assert answer.status_code == 422
    assert said in answer.json["error"]
    assert station.audit_lines("log_sheet.written") == []


def test_a_note_of_hand_over_belongs_to_a_shift(operator: Browser, midnight_ms: int) -> None:
    note = {"item": "hand_over", "subject": "site"}
    kept = write(operator, midnight_ms - 2 * HOUR_MS, "Permit 14 open.\nDG on charge.", **note)
    assert kept.json["text"] == "Permit 14 open.\nDG on charge."
    page = operator.post("/_dash-update-component", json=page_request("/log")).get_data(as_text=True)
    assert "Permit 14 open." in page
    hindi = "\u0915\u094d\u200d\u0937\u00a0\u0930\u200c\u0940"  # joined, a no-break space, not joined
    changed = write(operator, midnight_ms - 2 * HOUR_MS, hindi, kept.json["id"], **note)
    assert changed.json["text"] == hindi.replace("\u00a0", " ")


def test_a_shift_of_an_hour_that_clocks_skip_has_its_note() -> None:
    form = log_form.load().model_copy(update={"shifts": (2, 14)})
    for name, day, begins in (
        ("Europe/Berlin", dt.date(2026, 3, 29), "03:00"),
        ("Australia/Lord_Howe", dt.date(2026, 10, 4), "02:30"),
        ("Europe/Berlin", dt.date(2026, 10, 25), "02:00"),
    ):
        station = Settings(site=Site(name="GS", timezone=name), meters=CARD_METERS)
        zone = station.site.zone
        shift = next(one for one in log_hours.shifts(day, zone, form.shifts) if one.name == "02-14")
        assert f"{site_time(shift.begin_ms, zone):%H:%M}" == begins
        said = {"subject": "site", "item": "hand_over", "at": str(shift.begin_ms)}
        place, column = log_typed.place_of(said, form, station, shift.end_ms)
        assert (place.moment_ms, column) == (shift.begin_ms, None)
        with pytest.raises(log_typed.NotPossible):
            log_typed.place_of({**said, "at": str(shift.begin_ms + HOUR_MS)}, form, station, shift.end_ms)


def test_nothing_is_written_without_its_audit_line(
    station: Station, operator: Browser, midnight_ms: int
) -> None:
    station.home.audit.unlink(missing_ok=True)
    station.home.audit.mkdir()
    answer = write(operator, midnight_ms, "62")
    assert answer.status_code == 503
    assert operator.get("/api/log/entries", query_string={**OIL, "at": str(midnight_ms)}).json == {
        "entries": []
    }


def test_the_sheet_is_handed_out_as_a_file_and_the_log_says_to_whom(
    station: Station, operator: Browser, midnight_ms: int
) -> None:
    write(operator, midnight_ms + HOUR_MS, "62")
    answer = operator.post("/api/log/file?meter=1&form=xlsx")
    assert answer.content_type == child.TYPES["xlsx"]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).worksheets[0]
    rows = {str(row[0].value): [cell.value for cell in row] for row in sheet.iter_rows()}
    assert 131 in rows["01:00"]
    assert {1843995, 144, 62} <= set(rows["01:00"])
    made = station.audit_lines("log_sheet.made")
    assert [(one["user"], one["d"]["meter"], one["d"]["form"]) for one in made] == [("operator", "1", "xlsx")]


def test_a_form_that_cannot_be_used_is_told_on_the_page_and_nothing_is_shown(
    station: Station, operator: Browser, midnight_ms: int
) -> None:
    (station.folder / "log_sheet.toml").write_text('title = "Ours"\nshifts = [6]\n[[column]]\nhead = "x"\n')
    page = operator.post("/_dash-update-component", json=page_request("/log")).get_data(as_text=True)
    assert "column 1 (x): quantity, computed, manual, text: give exactly one of the four" in page
    assert "ss-paper" not in page
    assert write(operator, midnight_ms, "62").status_code == 503


def test_what_the_form_has_no_place_for_any_more_stands_below_the_sheet(
    station: Station, operator: Browser, midnight_ms: int
) -> None:
    write(operator, midnight_ms + HOUR_MS, "62.5")
    write(operator, midnight_ms - 2 * HOUR_MS, "Permit 14 open.", item="hand_over", subject="site")
    own = log_form.FILE.read_text().replace("shifts = [6, 14, 22]", "shifts = [7, 15, 23]")
    (station.folder / "log_sheet.toml").write_text(own.replace('"oil_temperature"', '"oil_top"'))
    zone = station.settings.site.zone
    for at_ms, said in (
        (midnight_ms, ("01:00, 1 ", "oil temperature", "62.5")),
        (midnight_ms - HOUR_MS, ("22:00", "Shift hand-over", "Permit 14 open.")),
    ):
        day = site_time(at_ms, zone).date().isoformat()
        address = page_request("/log", f"?day={day}&meter=1")
        page = operator.post("/_dash-update-component", json=address).get_data(as_text=True)
        made = operator.post(f"/api/log/file?day={day}&meter=1&form=csv").get_data(as_text=True)
        below = page.partition("Also written this day")[2]
        assert all(word in below for word in said), below
        assert all(word in made.partition("Also written this day")[2] for word in (*said[1:], "operator"))
    (station.folder / "log_sheet.toml").unlink()
    page = operator.post("/_dash-update-component", json=page_request("/log")).get_data(as_text=True)
    assert "Also written" not in page


def test_a_viewer_sees_the_sheet_and_has_nothing_to_write_into(
    app: dash.Dash, operator: Browser, midnight_ms: int
) -> None:
    write(operator, midnight_ms, "62")
    page = browse(app, as_("viewer")).post("/_dash-update-component", json=page_request("/log"))
    assert "data-log" not in page.get_data(as_text=True)
    assert '"children":"62"' in page.get_data(as_text=True)
    query = {"day": "2026-13-40", "meter": "9"}
    shown = log_asked.asked(query, Settings(meters=CARD_METERS), midnight_ms + HOUR_MS)
    assert log_asked.not_asked(query, shown) == [
        "'2026-13-40' is no day with a sheet; 2026-11-24 is shown.",
        "There is no meter '9'; all meters are shown.",
    ]
    assert log_asked.not_asked({"day": "2026-11-24", "meter": "site"}, shown) == []
