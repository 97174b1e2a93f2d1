"""The messenger on the screens: what /health and the state line say of it, and the test button."""

from typing import Any

import dash
import pytest
from flask.testing import FlaskClient

from substation.dashboard import health_messages
from substation.dashboard.health_messages import MESSAGE_ROWS
from substation.dashboard.heard import told
from substation.dashboard.tongue import speaking
from substation.settings.messages import Messages, Recipient, Siren
from substation.store import heartbeat, message_requests, requests
from substation.store.requests import Answer
from tests.dashboard.conftest import Station, demo_settings, page_request
from tests.dashboard.test_roles import as_role
from tests.fake_clock import FakeClock

SSE = Recipient(name="SSE", address="tgram://7700112233:AAFcanarycanarycanary/4455")
WANTED = Messages(recipients=(SSE,), siren=Siren(port="/dev/siren"))
SETTINGS = demo_settings(messages=WANTED)
CLOCK = FakeClock()


def beat(**changes: Any) -> dict[str, Any]:
    now_ms = CLOCK.now_ms()
    return {
        "simulated": True, "state": "running", "at_ms": now_ms, "boot": "", "mono_ms": 0,
        "started_ms": now_ms - 7_200_000, "waiting": 0, "oldest_ms": None, "sent": None, "failed": None,
        "siren": False, "problems": [], **changes,
    }  # fmt: skip


def rows(said: dict[str, Any] | None) -> dict[str, str]:
    part = health_messages.messages(SETTINGS, said, CLOCK)
    return {name: row.words for name, row in zip(MESSAGE_ROWS, part.rows, strict=True)}


def complaint(said: dict[str, Any] | None) -> str:
    return health_messages.complaint(SETTINGS, said, CLOCK) or ""


def test_a_station_that_tells_nobody_says_so_and_complains_of_nothing() -> None:
    nobody = demo_settings()
    part = health_messages.messages(nobody, None, CLOCK)
    assert part.rows[0].words == "not set up: nobody outside is told of alarms"
    assert not any(row.is_bad for row in part.rows)
    assert health_messages.complaint(nobody, None, CLOCK) is None


def test_it_is_told_since_when_it_runs_and_what_it_sent_last() -> None:
    now_ms = CLOCK.now_ms()
    said = rows(beat(sent=["SSE", now_ms - 5000, "the gateway has taken it"], siren=True))
    assert said == {
        "Messenger": "runs for 2 h 0 min",
        "Recipients": "SSE",
        "Messages that wait": "none",
        "Last sent": "{} ago, to SSE: the gateway has taken it",
        "Last failure": "none",
        "Siren": "sounds now",
    }
    assert complaint(beat()) == ""


@pytest.mark.parametrize(
    ("said", "words", "hindi"),
    [
        (None, "The messenger does not run", "नहीं चल रहा"),
        (beat(simulated=False), "The messenger does not run", "नहीं चल रहा"),
        (beat(state="stopped"), "The messenger was stopped", "रोका गया"),
        (beat(at_ms=CLOCK.now_ms() - 60_000), "has not reported for 1 min", "सूचना नहीं दी"),
        (
            beat(
                waiting=2,
                oldest_ms=CLOCK.now_ms() - 1_200_000,
                failed=["SSE", CLOCK.now_ms(), "the modem has found no network; signal not known"],
            ),
            "Messages cannot leave for 20 min 0 s: the modem has found no network; signal not known",
            "मॉडेम को नेटवर्क नहीं मिला; सिग्नल ज्ञात नहीं",
        ),
        (
            beat(problems=["the siren's adapter /dev/x cannot be driven (gone)"]),
            "The messenger: the siren",
            "सायरन",
        ),
    ],
)
def test_what_keeps_people_from_being_told_stands_on_every_page(
    said: dict[str, Any] | None, words: str, hindi: str
) -> None:
    assert words in complaint(said)
    with speaking("hi"):
        assert hindi in told(complaint(said))
        assert "messenger" not in told(complaint(said)).casefold()


def test_what_waits_for_a_short_while_is_no_complaint() -> None:
    said = beat(waiting=1, oldest_ms=CLOCK.now_ms() - 300_000)
    assert complaint(said) == ""
    assert rows(said)["Messages that wait"] == "1, the oldest for 5 min 0 s"


# asking for a test message


@pytest.fixture
def told_station(station: Station, app: dash.Dash) -> Station:
    station.configure(station.settings.model_copy(update={"messages": WANTED}))
    station.clock.advance(2)
    return station


def alive(station: Station) -> None:
    now_ms = station.clock.now_ms()
    heartbeat.write(station.home.messenger, {**beat(), "at_ms": now_ms})


def test_an_engineer_sends_a_test_message_and_reads_what_the_gateway_said(
    told_station: Station, app: dash.Dash
) -> None:
    engineer = as_role(app, "engineer")
    alive(told_station)
    answer = engineer.post("/api/messages/test", json={"recipient": "SSE"})
    assert answer.status_code == 200, answer.get_json()
    number = answer.get_json()["id"]
    (wanted,) = message_requests.after(told_station.home.operator, 0)
    assert (wanted.id, wanted.recipient, wanted.asked_by) == (number, "SSE", "engineer")
    (line,) = told_station.audit_lines("message.tested")
    assert (line["user"], line["d"]["to"]) == ("engineer", "SSE")
    assert engineer.get(f"/api/messages/{number}").get_json()["state"] == "waiting"
    said = Answer(number, message_requests.KIND, "done", "the gateway has taken it", 0, 1.0)
    requests.answer(told_station.home.messenger_answers, said)
    assert engineer.get(f"/api/messages/{number}").get_json()["words"] == "the gateway has taken it"
    assert engineer.get("/api/messages/99").status_code == 404
    told_station.clock.advance(60)
    assert engineer.post("/api/messages/test", json={"recipient": "SSE"}).status_code == 503
    assert "canary" not in told_station.home.audit.read_text()


def test_nobody_else_may_and_nonsense_is_refused(told_station: Station, app: dash.Dash) -> None:
    alive(told_station)
    for role in ("viewer", "operator"):
        answer = as_role(app, role).post("/api/messages/test", json={"recipient": "SSE"})
        assert answer.status_code == 403
    engineer = as_role(app, "engineer")
    for fields, status in (({"recipient": "nobody"}, 404), ({}, 400), ({"recipient": 1}, 400)):
        assert engineer.post("/api/messages/test", json=fields).status_code == status
    assert message_requests.after(told_station.home.operator, 0) == []


def test_the_page_offers_it_to_an_engineer_alone_and_shows_no_address(
    told_station: Station, app: dash.Dash
) -> None:
    alive(told_station)
    told_station.beat()
    engineer, operator = as_role(app, "engineer"), as_role(app, "operator")
    drawn = page(engineer)
    assert "data-message-test" in drawn
    assert "SSE" in drawn
    assert "data-message-test" not in page(operator)
    heard = engineer.get("/api/health").get_data(as_text=True)
    settings = page(engineer, "/settings")
    assert "canary" not in drawn + heard + settings


def page(client: FlaskClient, path: str = "/health") -> str:
    answer = client.post("/_dash-update-component", json=page_request(path))
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))
