"""The register and the DG log on the page of events: what is shown, who may write, what was typed stays."""

import json
import zoneinfo
from typing import Any

import dash
import pytest
from dash import html
from flask import g

from substation.dashboard import desk, register_asked, register_sentences, register_view, register_words
from substation.dashboard.feed import current
from substation.dashboard.register_asked import Asked
from substation.dashboard.register_file import FILE
from substation.dashboard.register_form import WRITE
from substation.dashboard.samples import NOW_MS
from substation.dashboard.tongue import speaking
from substation.reports import supply_entries
from substation.store import entries
from substation.store.history import History
from tests.dashboard.boards import ZONE, feed_in
from tests.dashboard.conftest import Station
from tests.dashboard.latin import english
from tests.dashboard.person import Person
from tests.dashboard.tree import attribute, text, walk

S, MIN = 1000, 60_000
MONTH = "2026-11"


@pytest.fixture
def outage(station: Station, app: dash.Dash) -> tuple[str, str]:
    """A failure of supply a day ago with a run of the set; return the keys of both."""
    start = station.clock.now_ms() - 86_400_000
    history = History(station.home.history, True, station.clock, station.settings.site.zone)
    for at, meter, old, new in (
        (start - 600 * S, 1, "Unknown", "EB supply On"), (start - 600 * S, 5, "Unknown", "DG set Off"),
        (start - 600 * S, 3, "Unknown", "OK"), (start, 1, "EB supply On", "EB supply Off"),
        (start, 3, "OK", "Power failure"), (start + 12 * S, 5, "DG set Off", "DG set On"),
        (start + 540 * S, 1, "EB supply Off", "EB supply On"), (start + 540 * S, 3, "Power failure", "OK"),
        (start + 570 * S, 5, "DG set On", "DG set Off"),
    ):  # fmt: skip
        history.event("supply", at_ms=at, meter_id=meter, old=old, new=new, detail=f"volts of {meter}")
    history.commit()
    history.close()
    station.beat()
    station.read()
    return f"meter:1@{start}", f"meter:5@{start + 12 * S}"


def month(station: Station) -> str:
    return register_asked.this_month(station.clock.now_ms() - 86_400_000, station.settings.site.zone)


def page(person: str, view: Any, month: str, opened: str = "", said: str = "") -> Any:
    """Return a view as somebody sees it."""
    with dash.get_app().server.test_request_context():
        g.user = next(one for one in desk.current().watch.settings.users if one.name == person)
        layout = dash.page_registry["substation.dashboard.pages.events"]["layout"]
        return layout(view=view, month=month, open=opened, said=said)


def post(
    app: dash.Dash,
    station: Station,
    key: str,
    form: str = "interruption",
    who: str = "operator",
    loaded: Any = None,
    **typed: str,
) -> Any:
    about = json.dumps([form, key, month(station)])
    data = {"about": about, "loaded": json.dumps(loaded or {}), **typed}
    return Person(app, who).acts(WRITE, data=data)


def told(went: Any, who: str = "operator") -> str:
    """Return the page that the answer leads to."""
    assert went.status_code == 303
    query = dict(part.split("=", 1) for part in went.headers["Location"].partition("?")[2].split("&"))
    drawn = page(who, query["view"], query["month"], query.get("open", ""), query["said"])
    values = [json.loads(spec)["value"] for part in walk(drawn) if (spec := attribute(part, "data-input"))]
    return f"{text(drawn)} {values}"


def test_a_failure_stands_there_once_with_its_feeders_its_bounds_and_its_change_over(
    outage: tuple[str, str], station: Station
) -> None:
    said = text(page("viewer", "interruptions", month(station), outage[0]))
    for words in (
        "1 without a cause yet", "9 min 0 s", "Supply, sustained", "with supply, sustained",
        "known by volts of 1",
        "DG set gives voltage: 5 DGSetLoad", "12.0 s", "DG set stopped: 5 DGSetLoad", "570.0 s",
        "Feeders without supply: 3 NonEssentialLoad 9 min 0 s", "operators write it", "ASIFI 0.33",
    ):  # fmt: skip
        assert words in said, words
    assert said.count("not written") == 1  # the feeder's has the cause of supply


def test_an_operator_writes_the_cause_and_corrects_it_by_name_and_the_audit_log_tells_both(
    outage: tuple[str, str], station: Station, app: dash.Dash
) -> None:
    said = told(post(app, station, outage[0], cause="permit", remark="  11 kV\n jumper ", load_lost="54,3"))
    for words in (
        "Saved, and written to the audit log.", "Shutdown / permit to work", "planned", "11 kV jumper",
        "54.3 kW lost", "each with its cause", "'54.3'",
    ):  # fmt: skip
        assert words in said, words
    first, *_ = entries.standing(desk.current().database, "interruption", 0, 1 << 50).values()
    station.clock.sleep(60)
    again = told(post(app, station, outage[0], loaded={"cause": [1, "no such"]}, cause="fault"))
    assert "Fault by operator" in again
    assert "Shutdown / permit to work by operator" in again  # what stood there before
    lines = [line for line in station.audit_lines("register.written") if line["d"]["item"] == "cause"]
    assert [(line["user"], line["d"]["before"], line["d"]["after"]) for line in lines] == [
        ("operator", "", "permit"), ("operator", "permit", "fault"),
    ]  # fmt: skip
    assert first.entered_by == "operator"  # and no text that a browser claims to have shown stands there


def test_litres_give_kwh_per_litre_and_a_dip_stick_that_disagrees_is_told_without_losing_a_letter(
    outage: tuple[str, str], station: Station, app: dash.Dash
) -> None:
    said = told(
        post(app, station, outage[1], "dg_log", opening="200", closing="190.5", consumed="20", remark="x y")
    )
    assert "Nothing was written" in said
    assert "is not what opening, received and closing come to: 9.5 l" in said
    for typed in ("'200'", "'190.5'", "'20'", "'x y'"):
        assert typed in said
    assert entries.standing(desk.current().database, "dg_log", 0, 1 << 50) == {}
    assert "Saved" in told(post(app, station, outage[1], "dg_log", opening="200", closing="190.5"))
    assert "9.5" in text(page("viewer", "dg", month(station)))


def test_who_wrote_meanwhile_is_told_and_what_was_typed_stays(
    outage: tuple[str, str], station: Station, app: dash.Dash
) -> None:
    post(app, station, outage[0], who="engineer", remark="no flag")
    said = told(post(app, station, outage[0], cause="fault", remark="relay 51 flag"))
    assert "engineer wrote 'no flag' there meanwhile" in said
    assert "'relay 51 flag'" in said
    stands = [
        entry.text for entry in entries.standing(desk.current().database, "interruption", 0, 1 << 50).values()
    ]
    assert stands == ["no flag"]  # nothing of a form that crossed is written


@pytest.mark.parametrize(
    "typed", [{"cause": "gremlins"}, {"load_lost": "much"}, {"reported_to": "x" * 90}, {"remark": "a\u202eb"}]
)
def test_what_cannot_be_taken_is_told_beside_its_field(
    outage: tuple[str, str], station: Station, app: dash.Dash, typed: dict[str, str]
) -> None:
    said = told(post(app, station, outage[0], **typed))
    assert "Nothing was written" in said
    assert station.audit_lines("register.written") == []


def test_who_may_not_write_and_what_is_no_form_of_ours_is_refused(
    outage: tuple[str, str], station: Station, app: dash.Dash
) -> None:
    assert post(app, station, outage[0], who="viewer", cause="fault").status_code == 403
    ours = json.dumps(["interruption", outage[0], MONTH])
    for data in (
        {}, {"about": "[]", "loaded": "{}"}, {"about": '["x","y","2026-11"]', "loaded": "{}"},
        {"about": ours, "loaded": "[]"}, {"about": ours, "loaded": "{}", "rule": "x"},
    ):  # fmt: skip
        assert Person(app, "operator").acts(WRITE, data=data).status_code == 400
    gone = told(post(app, station, "meter:1@5", cause="fault"))
    assert "is not in the register any more" in gone
    assert station.audit_lines("register.written") == []


def test_without_an_audit_line_nothing_is_written(
    outage: tuple[str, str], station: Station, app: dash.Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.current().audit, "write", lambda *_args, **_more: False)
    assert "nothing is written without it" in told(post(app, station, outage[0], cause="fault"))
    assert entries.standing(desk.current().database, "interruption", 0, 1 << 50) == {}


def test_what_was_written_about_what_is_not_known_any_more_still_stands_there(
    outage: tuple[str, str], station: Station, app: dash.Dash
) -> None:
    moment = int(outage[0].partition("@")[2]) + 5
    place = entries.Place("interruption", "meter:1", moment, "remark")
    entries.write(desk.current().database, station.clock, place, "lost and found", "ram")
    assert "lost and found by ram" in text(page("viewer", "interruptions", month(station)))
    file = Person(app, "operator").acts(FILE, data={"what": f"interruptions|{month(station)}|csv"})
    assert b"lost and found, by ram" in file.data


def test_a_month_with_nothing_and_a_history_that_cannot_be_read_have_words(
    outage: tuple[str, str], station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "None was seen in this month." in text(page("viewer", "interruptions", "2020-01"))
    assert "It did not run in this month." in text(page("viewer", "dg", "2020-01"))
    station.home.history.write_bytes(b"rubbish" * 1000)
    assert "cannot be read" in text(page("viewer", "interruptions", "2019-01"))


def test_an_open_page_is_drawn_anew_when_something_happened_or_lasts_and_never_over_a_form(
    outage: tuple[str, str], station: Station
) -> None:
    asked = Asked("interruptions", month(station))
    station.clock.sleep(1)
    calm = register_view.mark(current(), asked)
    station.clock.sleep(60)
    station.beat()
    assert register_view.mark(current(), asked) == calm
    history = History(station.home.history, True, station.clock, station.settings.site.zone)
    history.event("supply", at_ms=station.clock.now_ms(), meter_id=1, old="EB supply On", new="EB supply Off")
    history.commit()
    history.close()
    station.clock.sleep(60)
    station.beat()
    first = register_view.mark(current(), asked)
    assert first != calm
    station.clock.sleep(60)
    station.beat()
    assert register_view.mark(current(), asked) != first  # it lasts, and its length goes on
    ids = {attribute(part, "id") for part in walk(page("operator", "interruptions", asked.month))}
    assert "register-look" in ids
    opened = walk(page("operator", "interruptions", asked.month, outage[0]))
    assert "register-look" not in {attribute(part, "id") for part in opened}


def test_an_address_asks_for_a_view_a_month_and_one_row_or_for_the_list() -> None:
    asked = register_asked.asked({"view": "dg", "month": "2026-02", "open": "meter:5@12"}, NOW_MS, ZONE)
    assert asked == Asked("dg", "2026-02", "meter:5@12")
    assert register_asked.asked({"view": "dg", "month": "2026-13", "open": "x"}, NOW_MS, ZONE) == Asked(
        "dg", MONTH
    )
    assert register_asked.asked({"kind": "dg"}, NOW_MS, ZONE) is None
    assert asked.address == "/events?view=dg&month=2026-02&open=meter:5@12"


def test_each_word_of_the_table_has_its_sentence() -> None:
    known = set(register_sentences.SENTENCES)
    assert {cause.words for cause in supply_entries.causes().values()} <= known
    for form in ("interruption", "dg_log"):
        assert {field.words for field in supply_entries.fields(form).values()} <= known  # type: ignore[arg-type]


def test_every_view_is_drawn_in_every_state_and_in_hindi(app: dash.Dash) -> None:
    for state in ("normal", "supply lost, on DG", "stopped poller", "empty store"):
        for view in register_asked.VIEWS:
            with speaking("hi"):
                drawn = html.Div(register_view.page(feed_in(state), Asked(view, "2026-10")))
                assert english(drawn) == set()


def test_the_time_of_an_hour_that_comes_twice_is_named() -> None:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    first, second = 1_792_888_200_000, 1_792_891_800_000  # 25 Oct 2026, 02:30 twice
    assert register_words.at(first, first, berlin) == "02:30:00 CEST"
    assert register_words.at(second, second, berlin) == "02:30:00 CET"


@pytest.mark.parametrize(
    ("view", "form", "head"), [("interruptions", "csv", b"\xef\xbb\xbf"), ("dg", "xlsx", b"PK")]
)
def test_a_month_is_handed_out_as_a_file_after_its_audit_line(
    outage: tuple[str, str], station: Station, app: dash.Dash, view: str, form: str, head: bytes
) -> None:
    went = Person(app, "operator").acts(FILE, data={"what": f"{view}|{month(station)}|{form}"})
    assert went.status_code == 200
    assert went.data.startswith(head)
    assert f"{month(station)}.{form}" in went.headers["Content-Disposition"]
    (line,) = station.audit_lines("register.made")
    assert (line["user"], line["d"]) == ("operator", {"view": view, "month": month(station), "form": form})
    assert Person(app, "viewer").acts(FILE, data={"what": "dg|2026-11|csv"}).status_code == 403
    for what in ("", "dg|2026-11|exe", "dg|x|csv", "all|2026-11|csv"):
        assert Person(app, "operator").acts(FILE, data={"what": what}).status_code == 400
