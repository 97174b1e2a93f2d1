"""What a person may ask of the poller in the browser, and what he is told."""

from typing import Any

import dash
import pytest
from flask.testing import FlaskClient

from substation.dashboard import asking
from substation.store import requests
from substation.store.requests import Answer
from tests.dashboard.conftest import Station
from tests.dashboard.test_roles import as_role


@pytest.fixture
def engineer(app: dash.Dash) -> FlaskClient:
    return as_role(app, "engineer")


def asked(client: FlaskClient, kind: str, **fields: Any) -> int:
    answer = client.post(f"/api/requests/{kind}", json=fields)
    assert answer.status_code == 200, answer.get_json()
    return int(answer.get_json()["id"])


def test_what_is_asked_is_written_down_and_audited(engineer: FlaskClient, station: Station) -> None:
    number = asked(engineer, "scan", line="line 1", ids=" 1-32 ")
    (found,) = requests.after(station.home.operator, 0)
    assert (found.id, found.kind, found.asked_by) == (number, "scan", "engineer")
    assert found.arguments == {"line": "line 1", "ids": "1-32"}
    (line,) = station.audit_lines("request.asked")
    assert (line["user"], line["d"]["kind"], line["d"]["arguments"]) == (
        "engineer",
        "scan",
        found.arguments,
    )


def test_empty_fields_are_left_to_the_poller(engineer: FlaskClient, station: Station) -> None:
    asked(engineer, "read", meter="2", register="")
    assert requests.after(station.home.operator, 0)[0].arguments == {"meter": "2"}


@pytest.mark.parametrize("kind", ["scan", "identify", "read", "wiring"])
def test_only_an_engineer_may_hold_the_line(app: dash.Dash, station: Station, kind: str) -> None:
    assert as_role(app, "operator").post(f"/api/requests/{kind}", json={}).status_code == 403
    assert requests.after(station.home.operator, 0) == []


def test_an_operator_may_have_a_meter_probed_a_viewer_may_not(app: dash.Dash) -> None:
    assert asked(as_role(app, "operator"), "probe", meter="3") == 1
    assert as_role(app, "viewer").post("/api/requests/probe", json={"meter": "3"}).status_code == 403


@pytest.mark.parametrize(
    ("kind", "fields", "status"),
    [
        ("write", {}, 404),
        ("scan", {"meter": "1"}, 400),
        ("scan", {"ids": 32}, 400),
        ("scan", {"ids": "1," * 60}, 400),
    ],
)
def test_nonsense_is_refused_in_words(
    engineer: FlaskClient, station: Station, kind: str, fields: dict[str, Any], status: int
) -> None:
    answer = engineer.post(f"/api/requests/{kind}", json=fields)
    assert answer.status_code == status
    assert answer.get_json()["error"]
    assert requests.after(station.home.operator, 0) == []


def test_one_waits_for_the_poller_then_sees_how_far_it_is(engineer: FlaskClient, station: Station) -> None:
    number = asked(engineer, "scan")
    assert engineer.get(f"/api/requests/{number}").get_json()["state"] == "waiting"
    said = Answer(number, "scan", "running", "asking id 7", station.clock.now_ms(), 0.2)
    requests.answer(station.home.answers, said)
    told = engineer.get(f"/api/requests/{number}").get_json()
    assert (told["state"], told["words"], told["progress"]) == ("running", "asking id 7", 0.2)
    result = {"found": [{"id": 7}]}
    requests.answer(station.home.answers, Answer(number, "scan", "done", "1 answers", 0, 1.0, result))
    assert engineer.get(f"/api/requests/{number}").get_json()["result"] == result


def test_a_poller_that_does_not_take_it_is_named(engineer: FlaskClient, station: Station) -> None:
    number = asked(engineer, "scan")
    station.clock.advance(asking.SILENT_S + 1)
    told = engineer.get(f"/api/requests/{number}").get_json()
    assert told["state"] == "refused"
    assert "has not taken the request" in told["words"]


def test_an_answer_to_an_engineer_is_not_for_an_operator(
    app: dash.Dash, engineer: FlaskClient, station: Station
) -> None:
    number = asked(engineer, "scan")
    requests.answer(station.home.answers, Answer(number, "scan", "done", "nobody answers", 0, 1.0))
    assert as_role(app, "operator").get(f"/api/requests/{number}").status_code == 403


def test_an_unknown_number_is_404(engineer: FlaskClient) -> None:
    assert engineer.get("/api/requests/99").status_code == 404


def test_nothing_is_asked_without_an_audit_line(
    engineer: FlaskClient, station: Station, monkeypatch: pytest.MonkeyPatch, app: dash.Dash
) -> None:
    monkeypatch.setattr("substation.audit.writer.Audit.write", lambda *_, **__: False)
    assert engineer.post("/api/requests/scan", json={}).status_code == 503
    assert requests.after(station.home.operator, 0) == []
