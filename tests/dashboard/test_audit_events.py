"""S38, S33: what a person does at the dashboard stands in the log, with who and where, without a secret."""

import base64
from urllib.parse import quote

import dash

from substation.access import users
from substation.audit import verify_all
from substation.audit.keys import keys_in
from substation.commands.reference_facts import AUDIT_EVENTS
from substation.settings import people
from tests.dashboard.conftest import PASSWORD, Browser, Station, Stranger, basic, browse, own_settings

CANARY = "a canary & in the transformer yard"
SOURCE = "127.0.0.1"


def as_user(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": basic(name, password)}


def test_every_kind_of_visit_is_written_with_who_and_where(station: Station, app: dash.Dash) -> None:
    own, foreign = "http://localhost:8050", "http://elsewhere.example"
    for name, path, origin in (
        ("administrator", "/", ""),
        ("viewer", "/audit", ""),
        ("operator", "/logout", own),
        ("engineer", "/logout", foreign),
    ):
        with browse(app, Browser) as browser:  # each with cookies of his own
            headers = as_user(name) | ({"Origin": origin} if origin else {})
            browser.open(path, method="POST" if origin else "GET", headers=headers)
    with browse(app, Stranger) as stranger:
        for _ in range(12):
            stranger.get("/", headers=as_user("operator", CANARY))
    found = {(line["event"], line["user"], line["src"]) for line in station.audit_lines()}
    assert {
        ("login", "administrator", SOURCE),
        ("page", "administrator", SOURCE),
        ("page.refused", "viewer", SOURCE),
        ("logout", "operator", SOURCE),
        ("request.refused", "engineer", SOURCE),
        ("login.failed", "operator", SOURCE),
        ("login.throttled", "operator", SOURCE),
    } <= found
    assert {event for event, _, _ in found} <= AUDIT_EVENTS.keys()
    assert all(line["ok"] is False for line in station.audit_lines() if ".refused" in line["event"])
    assert verify_all(station.home.audit, keys_in(station.folder)).ok


def test_no_password_stands_in_the_log_in_any_coding(station: Station, app: dash.Dash) -> None:
    station.configure(own_settings())
    with browse(app, Stranger) as stranger:
        for name in ("operator", "viewer", "nobody"):
            stranger.get(f"/?password={quote(CANARY)}", headers=as_user(name, CANARY))
    content = station.home.audit.read_text()
    assert content.count("login.failed") == 3
    coded = base64.b64encode(CANARY.encode()).decode()
    for secret in (CANARY, quote(CANARY), coded, basic("viewer", CANARY)[6:], PASSWORD):
        assert secret not in content


def test_a_password_typed_into_the_field_of_the_name_is_not_written_down(
    station: Station, app: dash.Dash
) -> None:
    station.configure(own_settings())
    with browse(app, Stranger) as stranger:
        for name in (CANARY, CANARY, "another canary", "viewer", "VIEWER "):
            for _ in range(2):
                stranger.get("/", headers=as_user(name, "wrong"))
    content = station.home.audit.read_text()
    assert "canary" not in content
    said = [line["user"] for line in station.audit_lines("login.failed")]
    assert len(said) >= 5
    assert said[0] == said[1]
    assert said[0].startswith("a ... (")
    assert len(set(said)) >= 2


def test_known_names_are_written_in_full_and_others_told_apart_by_their_digest() -> None:
    settings, key = own_settings(), b"k" * 32
    disabled = people.disabled(settings, "viewer", True)
    for name in ("viewer", "operator", ""):
        assert users.said_name(disabled, name, key) == name
    first = users.said_name(settings, "hunter2 hunter2", key)
    assert first.startswith("hu... (")
    assert "nter2" not in first
    assert users.said_name(settings, "hunter2 hunter2", key) == first
    assert users.said_name(settings, "hunter2 hunter3", key) != first
    assert users.said_name(settings, "hunter2 hunter2", b"j" * 32) != first
