"""Alarms on the page of events: what stands, who may ask what, and what became of it."""

import base64
from dataclasses import replace
from typing import Any

import dash
import pytest
from flask import g

from substation.alarms.state import Alarm, Alarms, Answer, Aside
from substation.alarms.vocabulary import STALLED
from substation.dashboard import alarm_desk, alarms_view, desk
from substation.dashboard.alarms_view import Chosen
from substation.dashboard.feed import current
from substation.store import alarm_commands, alarm_file
from substation.store.alarm_file import Saved
from tests.dashboard.boards import feed_in
from tests.dashboard.conftest import Station
from tests.dashboard.person import Person
from tests.dashboard.tree import attribute, text, walk

COUNTS = {"unacknowledged": 1, "active": 1, "shelved": 0, "suppressed": 0, "out_of_service": 0, "seq": 1}
LOW = Alarm(
    "voltage_low", "meter:3", active=True, acked=False, told=True, occurrence="a1-1",
    since_ms=1_795_431_000_000, raised_ms=1_795_431_010_000, why="lowest voltage 370.1 V = 89.2 %",
)  # fmt: skip
DO = alarm_desk.value("acknowledge", LOW.key, "a1-1")


def save(station: Station, *told: Alarm, answers: tuple[Answer, ...] = ()) -> None:
    alarms = Alarms("a1", 1, station.clock.now_ms(), {one.key: one for one in told}, answers=answers)
    alarm_file.write(station.home.alarms, Saved(alarms, "boot", 0), simulated=station.settings.simulated)


@pytest.fixture
def watched(station: Station, app: dash.Dash) -> Station:
    station.beat(alarms={**COUNTS, "highest": "medium"})
    station.read()
    save(station, LOW)
    station.clock.sleep(1)
    return station


def drawn(state: str, **chosen: str) -> str:
    return text(alarms_view.frame(feed_in(state), Chosen(**chosen)))


def test_an_alarm_says_state_since_when_why_and_what_to_do() -> None:
    said = drawn("supply lost, on DG")
    for words in (
        "Supply lost 1 Transformer", "Unacknowledged", "stands, and nobody has said that he saw it",
        "16:17:56", "raised 16:18:01", "RY 0.0, YB 0.0, BR 0.0 V of 415 V", "Look whether the DG set",
        "high priority", "not seen since 16:19:38: the meter did not answer", "acknowledged by operator",
        "RTN-unacknowledged", "over 16:19:08", "by operator: WO 2211since 16:17:56until 17:20:08",
        "1 of at most 10 shelved", "came first of 6 within 10 s",
        "within 10 s after: Supply lost 1 Transformer",
        "Suppressed by design", "every incomer that feeds this circuit is dead",
    ):  # fmt: skip
        assert words in said, words
    assert said.index("Supply lost") < said.index("Voltage high") < said.index("Voltage unbalance")
    assert "not watched" not in said


def test_no_alarm_and_no_watch_are_told_apart() -> None:
    assert "No alarm stands" in drawn("normal")
    unjudged = feed_in("normal")
    unjudged._board = replace(unjudged._board, alarms=None, problems=(STALLED,))
    assert "the poller runs and cannot judge them" in text(alarms_view.frame(unjudged, Chosen()))
    stopped = drawn("stopped poller")
    assert "not watched: the poller does not run" in stopped
    assert "No alarm stands" not in stopped


def test_a_file_that_cannot_be_read_is_told_and_no_page_fails(watched: Station, app: dash.Dash) -> None:
    watched.home.alarms.write_text("{")
    said = text(alarms_view.frame(current(), Chosen()))
    assert "The alarms cannot be shown" in said
    assert "No alarm stands" not in said
    watched.home.alarms.unlink()
    assert "which ones is not known here" in text(alarms_view.frame(current(), Chosen()))


def test_who_acknowledges_is_noted_before_it_is_asked_and_the_answer_comes_back(
    watched: Station, app: dash.Dash
) -> None:
    person = Person(app, "operator")
    person.goes("/events")
    went = person.acts(alarm_desk.ASK, data={"do": DO, "words": " seen,\n on my way "})
    assert went.status_code == 303
    uid = went.headers["Location"].partition("asked=")[2]
    (line,) = watched.audit_lines("alarm.asked")
    assert (line["user"], line["d"]["alarm"], line["d"]["kind"], line["d"]["note"]) == (
        "operator", "voltage_low@meter:3", "acknowledge", "seen, on my way",
    )  # fmt: skip
    (command,), _ = alarm_commands.after(watched.home.operator, 0)
    assert (command.uid, command.by, command.words, command.occurrence) == (
        uid, "operator", "seen, on my way", "a1-1",
    )  # fmt: skip
    assert "Waiting for the poller" in page(person, uid)
    watched.clock.sleep(60)
    assert "has not answered yet" in page(person, uid)
    save(watched, LOW, answers=(Answer(uid, done=False, words="it is not shelved any more", at_ms=0),))
    assert "Declined: it is not shelved any more" in page(person, uid)
    assert "Declined" not in page(Person(app, "engineer"), uid)  # it is of him who asked


def page(person: Person, uid: str) -> str:
    with person.app.server.test_request_context():
        g.user = next(one for one in desk.current().watch.settings.users if one.name == name_of(person))
        return text(alarms_view.section(current(), Chosen(asked=uid)))


def name_of(person: Person) -> str:
    return base64.b64decode(str(person.holds)[6:]).decode().partition(":")[0]


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"do": "out_of_service||voltage_low@meter:3", "words": "x"}, 403, "engineer"),
        ({"do": "unshelve||voltage_low@meter:77"}, 404, "no such alarm"),
        ({"do": "erase||voltage_low@meter:3"}, 400, "cannot be understood"),
        ({"do": DO, "by": "somebody else"}, 400, "cannot be understood"),
        ({}, 400, "cannot be understood"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    watched: Station, app: dash.Dash, form: dict[str, str], status: int, words: str
) -> None:
    person = Person(app, "operator")
    answer = person.acts(alarm_desk.ASK, data=form)
    assert (answer.status_code, words in answer.get_data(as_text=True)) == (status, True)
    assert watched.audit_lines("alarm.asked") == []
    assert alarm_commands.after(watched.home.operator, 0)[0] == []


@pytest.mark.parametrize(
    ("form", "field", "why", "kept"),
    [
        ({"do": f"shelve||{LOW.key}", "minutes": "30"}, "words", "Say why it is shelved", "30"),
        ({"do": f"shelve||{LOW.key}", "words": "x y", "minutes": "481"}, "minutes", "1 to 480", "x y"),
        ({"do": f"shelve||{LOW.key}", "words": "x y", "minutes": "-5"}, "minutes", "1 to 480", "x y"),
        ({"do": f"out_of_service||{LOW.key}"}, "words", "Say why it is taken out", ""),
        ({"do": f"note||{LOW.key}", "words": " "}, "words", "The note is empty", ""),
    ],
)
def test_what_is_wanting_in_the_form_is_said_beside_its_field_and_what_was_typed_stays(
    watched: Station, app: dash.Dash, form: dict[str, str], field: str, why: str, kept: str
) -> None:
    went = Person(app, "engineer").acts(alarm_desk.ASK, data=form)
    where, _, token = went.headers["Location"].partition("&refused=")
    assert (went.status_code, where) == (303, f"/events?alarm={LOW.key}")

    def opened(name: str) -> list[Any]:
        with app.server.test_request_context():
            g.user = next(one for one in watched.settings.users if one.name == name)
            return list(walk(alarms_view.frame(current(), Chosen(alarm=LOW.key, refused=token))))

    parts = {attribute(part, "id"): part for part in opened("engineer")}
    assert why in text(parts[f"alarm-{field}-fault"])
    assert attribute(parts[f"alarm-{field}"], "aria-describedby") == f"alarm-{field}-fault"
    chosen = [attribute(one, "value") for one in walk(parts["alarm-minutes"]) if attribute(one, "selected")]
    assert kept in [text(parts["alarm-words"]), *chosen]
    assert f"alarm-{field}-fault" not in [attribute(one, "id") for one in opened("operator")]  # it is his
    assert watched.audit_lines("alarm.asked") == []
    assert alarm_commands.after(watched.home.operator, 0)[0] == []


def test_a_note_alone_and_out_of_service_and_back_are_asked_by_name(watched: Station, app: dash.Dash) -> None:
    asked = (
        ("operator", {"do": f"note||{LOW.key}", "words": "fitter called"}),
        ("engineer", {"do": f"out_of_service||{LOW.key}", "words": "meter is out for calibration"}),
        ("operator", {"do": f"in_service||{LOW.key}"}),
    )
    for name, form in asked:
        went = Person(app, name).acts(alarm_desk.ASK, data=form)
        assert went.status_code == 303
    commands, _ = alarm_commands.after(watched.home.operator, 0)
    assert [(one.kind, one.by, one.words) for one in commands] == [
        ("note", "operator", "fitter called"),
        ("out_of_service", "engineer", "meter is out for calibration"),
        ("in_service", "operator", ""),
    ]
    assert len(watched.audit_lines("alarm.asked")) == 3


def test_what_is_put_aside_stays_in_view_with_its_count(watched: Station, app: dash.Dash) -> None:
    assert "Put aside 0 of at most 10 shelved" in text(alarms_view.frame(current(), Chosen()))
    out = Aside("engineer", "calibration", watched.clock.now_ms())
    save(watched, LOW, Alarm("disk", "station", out=out))
    said = text(alarms_view.frame(current(), Chosen()))
    assert "Put aside 0 of at most 10 shelved, 1 out of service" in said
    save(watched, replace(LOW, acked=True))  # of a journal alarm: nobody has said that he saw it
    assert "written down for the record" in text(alarms_view.frame(current(), Chosen()))
    save(watched, replace(LOW, acked=True, acked_by="asha"))
    assert "somebody has seen it" in text(alarms_view.frame(current(), Chosen()))
    assert "by engineer: calibration" in said and "until somebody puts it back" in said


def test_a_viewer_a_foreign_site_and_a_stopped_poller_ask_nothing(watched: Station, app: dash.Dash) -> None:
    answer = Person(app, "viewer").acts(alarm_desk.ASK, data={"do": DO})
    assert answer.status_code == 403
    assert "operator" in answer.get_data(as_text=True)
    person = Person(app, "operator")
    headers = {"Authorization": person.holds, "Origin": "http://elsewhere.example"}
    assert person.browser.post(alarm_desk.ASK, headers=headers, data={"do": DO}).status_code == 403
    watched.beat(state="stopped")
    watched.clock.sleep(1)
    answer = person.acts(alarm_desk.ASK, data={"do": DO})
    assert answer.status_code == 503
    assert "alarms are not watched" in answer.get_data(as_text=True)
    assert alarm_commands.after(watched.home.operator, 0)[0] == []


def test_only_who_may_ask_finds_buttons(watched: Station, app: dash.Dash) -> None:
    def buttons(name: str) -> list[Any]:
        with app.server.test_request_context():
            g.user = next(one for one in watched.settings.users if one.name == name)
            made = alarms_view.frame(current(), Chosen(alarm=LOW.key))
        return [attribute(part, "value") for part in walk(made) if attribute(part, "type") == "submit"]

    assert buttons("viewer") == []
    mine = [DO, DO, "note|a1-1|voltage_low@meter:3", "shelve|a1-1|voltage_low@meter:3"]
    assert buttons("operator") == mine
    assert buttons("engineer") == [*mine, "out_of_service|a1-1|voltage_low@meter:3"]


def test_the_page_is_drawn_anew_only_when_something_has_changed(watched: Station, app: dash.Dash) -> None:
    before = alarms_view.mark(current(), Chosen())
    watched.clock.sleep(1)
    assert alarms_view.mark(current(), Chosen()) == before
    save(watched)
    assert alarms_view.mark(current(), Chosen()) != before
