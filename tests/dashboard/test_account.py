"""Whoever is logged in changes his own password, and nobody else's."""

import base64
import importlib
import json
from pathlib import Path
from typing import Any

import dash
import pytest

from substation.access import users
from substation.errors import Crowded, SettingsError
from substation.settings import files, people
from substation.settings.model import User, Web
from substation.settings.passwords import DEMO_PASSWORDS, RULES, refusal
from tests.dashboard.conftest import (
    PASSWORD,
    ROLES,
    Browser,
    Station,
    Stranger,
    basic,
    browse,
    make_app,
    own_settings,
    page_request,
)

NEW = "rain over seven bridges"
ADDRESS = "/api/account/password"


@pytest.fixture
def station(station: Station) -> Station:
    station.configure(own_settings(simulated=True))
    return station


@pytest.fixture
def real(tmp_path: Path, station: Station) -> Station:
    """A real station beside the demo."""
    (tmp_path / "real").mkdir()
    return Station(tmp_path / "real", own_settings(simulated=False), station.clock)


@pytest.fixture
def viewer(app: dash.Dash) -> Browser:
    return browse(app, as_("viewer"))


def as_(name: str, password: str = PASSWORD) -> type[Browser]:
    """Return a kind of browser in which this user is logged in."""
    said = {"Authorization": basic(name, password), "Host": "localhost:8050"}
    return type("Known", (Browser,), {"said": said})


def change(client: Browser, old: str = PASSWORD, new: str = NEW, **more: Any) -> Any:
    return client.post(ADDRESS, json={"old": old, "new": new}, **more)


def stored(station: Station, name: str = "viewer") -> User:
    return people.known(files.load(station.folder).settings, name)


@pytest.mark.parametrize("role", ROLES)
def test_everybody_changes_his_own_password(app: dash.Dash, station: Station, role: str) -> None:
    others = [user for user in station.settings.users if user.name != role]
    client = browse(app, as_(role))
    answer = change(client)
    assert answer.status_code == 200
    assert "Your password is changed" in answer.json["done"]
    assert "At the next login the browser asks for the new password" in answer.json["done"]
    settings = files.load(station.folder).settings
    assert users.check(settings, role, NEW)
    assert not users.check(settings, role, PASSWORD)
    assert [user for user in settings.users if user.name != role] == others
    (line,) = station.audit_lines("password.changed")
    assert (line["user"], line["src"], line["ok"], line["d"]) == (role, "127.0.0.1", True, {"of": role})


def test_the_old_password_is_worth_nothing_at_once_and_the_new_one_is(
    app: dash.Dash, viewer: Browser
) -> None:
    assert viewer.get("/api/live").status_code == 200
    assert change(viewer).status_code == 200
    old = browse(app, as_("viewer"))
    new = browse(app, as_("viewer", NEW))
    assert old.get("/api/live").status_code == 401
    assert new.get("/api/live").status_code == 200


def test_this_login_goes_on_and_the_others_of_the_user_end(app: dash.Dash, viewer: Browser) -> None:
    elsewhere = browse(app, as_("viewer"))
    other = browse(app, as_("engineer"))
    for client in (viewer, elsewhere, other):
        assert client.get("/", headers={"Accept": "text/html"}).status_code == 200
    assert change(viewer).status_code == 200
    assert viewer.get("/api/live").status_code == 200
    assert elsewhere.get("/api/live").status_code == 401
    assert other.get("/api/live").status_code == 200


def test_a_wrong_present_password_changes_nothing_and_is_audited(viewer: Browser, station: Station) -> None:
    before = stored(station)
    answer = change(viewer, old="the wrong one, typed twice")
    assert answer.status_code == 403
    assert answer.json["error"] == "Nothing was changed. The present password is not the right one."
    assert stored(station) == before
    (line,) = station.audit_lines("login.failed")
    assert (line["user"], line["src"], line["ok"]) == ("viewer", "127.0.0.1", False)
    assert "its change" in line["d"]["detail"]
    assert station.audit_lines("password.changed") == []


def test_guessing_the_present_password_is_slowed_down_apart_from_the_login(
    app: dash.Dash, viewer: Browser, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        assert change(viewer, old=f"guess {number}").status_code == 403
    work: list[str] = []
    monkeypatch.setattr(users, "check", lambda *_: work.append("hash"))
    answer = change(viewer)
    assert answer.status_code == 429
    assert 290 < int(answer.headers["Retry-After"]) <= 300
    assert "try again in 5 min" in answer.json["error"]
    assert work == []
    assert station.audit_lines("login.throttled")[-1]["user"] == "viewer"
    monkeypatch.undo()
    again = browse(app, as_("viewer"))
    other = browse(app, as_("operator"))
    assert again.get("/api/live").status_code == 200
    assert change(other).status_code == 200
    station.clock.advance(301)
    assert change(viewer).status_code == 200


def test_a_right_present_password_forgets_the_wrong_ones(viewer: Browser) -> None:
    for _ in range(2):
        for number in range(4):
            assert change(viewer, old=f"guess {number}").status_code == 403
        assert change(viewer, new="short").status_code == 422


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("short", "at least 15"),
        ("", "at least 15"),
        ("v" * 257, "at most 256"),
        ("viewer viewer viewer", "tried first"),
        ("GS Substation Transformer", "tried first"),
        ("passwordpassword1", "tried first"),
        ("four quiet\nherons wade", "control character"),
        (PASSWORD, "the present one"),
    ],
)
def test_a_new_password_against_the_rules_is_refused_in_words(
    viewer: Browser, station: Station, new: str, said: str
) -> None:
    before = stored(station)
    answer = change(viewer, new=new)
    assert answer.status_code == 422
    assert said in answer.json["error"]
    assert stored(station) == before
    assert station.audit_lines("password.changed") == []


def test_a_real_station_refuses_the_documented_passwords(real: Station) -> None:
    client = browse(make_app(real), as_("viewer"))
    for known in DEMO_PASSWORDS.values():
        answer = change(client, new=known)
        assert (answer.status_code, "documented demo password" in answer.json["error"]) == (422, True)


def test_a_demo_takes_its_documented_password_back(viewer: Browser, station: Station) -> None:
    assert change(viewer, new=DEMO_PASSWORDS["admin"]).status_code == 200
    assert users.demo_passwords_in_use(files.load(station.folder).settings) == ("viewer",)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"old": PASSWORD},
        {"old": PASSWORD, "new": 15},
        {"old": None, "new": NEW},
        {"old": PASSWORD, "new": NEW, "name": "engineer"},
        "text",
    ],
)
def test_a_body_that_is_no_such_request_is_refused_before_any_work(
    viewer: Browser, station: Station, monkeypatch: pytest.MonkeyPatch, body: object
) -> None:
    viewer.get("/api/live")
    monkeypatch.setattr(users, "check", lambda *_: pytest.fail("work was done"))
    assert viewer.post(ADDRESS, json=body).status_code == 400
    for data in (b"{", b"[" * 100_000, json.dumps({"old": PASSWORD, "new": NEW}).encode()):
        assert viewer.post(ADDRESS, data=data, content_type="text/plain").status_code == 400
    assert viewer.post(ADDRESS, data=b"[" * 100_000, content_type="application/json").status_code == 400
    assert station.audit_lines("password.changed") == []


def test_another_site_and_a_stranger_change_nothing(
    app: dash.Dash, viewer: Browser, station: Station
) -> None:
    before = stored(station)
    assert change(viewer, headers={"Origin": "http://evil.example"}).status_code == 403
    assert change(browse(app, Stranger)).status_code == 401
    assert viewer.get(ADDRESS).status_code == 404
    assert stored(station) == before


def test_too_many_at_once_are_asked_to_come_again(viewer: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer.get("/api/live")
    for busy in ("check", "hashed"):
        with monkeypatch.context() as patch:

            def crowded(*_: object) -> User:
                raise Crowded("too many")

            patch.setattr(users, busy, crowded)
            answer = change(viewer)
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) >= 1
    assert change(viewer).status_code == 200


def test_a_configuration_that_cannot_be_written_is_said_and_nothing_is_half_done(
    viewer: Browser, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(station)
    monkeypatch.setattr(files, "write_atomic", _read_only)
    answer = change(viewer)
    assert answer.status_code == 503
    assert "Nothing was changed. The configuration cannot be written." in answer.json["error"]
    assert "/some/card" not in answer.json["error"]
    monkeypatch.undo()
    assert stored(station) == before
    assert viewer.get("/api/live").status_code == 200
    asked, undone = station.audit_lines("password.changed")
    assert (asked["ok"], undone["ok"]) == (True, False)
    assert "nothing was changed" in undone["d"]["why"]


def _read_only(*_: object) -> None:
    raise SettingsError("/some/card/config.json: cannot be written (Read-only file system)")


def test_a_password_changed_elsewhere_meanwhile_is_not_overwritten(
    viewer: Browser, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, other = users.hashed, users.hashed("under nine copper moons")

    def meanwhile(password: str) -> str:
        files.update(station.folder, lambda now: people.with_password(now, "viewer", other))
        return real(password)

    monkeypatch.setattr(users, "hashed", meanwhile)
    answer = change(viewer)
    assert (answer.status_code, "changed elsewhere" in answer.json["error"]) == (409, True)
    assert stored(station).password_hash == other


def test_no_password_reaches_log_audit_answer_or_disk(
    viewer: Browser, station: Station, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "canary xylophone marble drift"
    answers = [change(viewer, old=canary), change(viewer, new=canary + "\x00")]
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomic", _read_only)
        answers.append(change(viewer, new=canary))
    answers.append(change(viewer, new=canary))
    answers.append(viewer.post(ADDRESS, data=f'{{"old": "{canary}"', content_type="application/json"))
    told = caplog.text + "".join(answer.text + str(answer.headers) for answer in answers)
    kept = b"".join(path.read_bytes() for path in station.folder.rglob("*") if path.is_file())
    for form in (canary, base64.b64encode(canary.encode()).decode().rstrip("="), canary.replace(" ", "%20")):
        assert form not in told
        assert form.encode() not in kept
    assert answers[-2].status_code == 200


# -- the page


@pytest.fixture
def page(app: dash.Dash) -> Any:
    """The page's module; pages can only be imported where there is a dashboard."""
    return importlib.import_module("substation.dashboard.pages.account")


def drawn(client: Browser) -> str:
    answer = client.post("/_dash-update-component", json=page_request("/account"))
    assert answer.status_code == 200
    return answer.text


def test_the_page_says_who_is_logged_in_and_how_long(app: dash.Dash, viewer: Browser) -> None:
    told = drawn(viewer)
    assert '"viewer"' in told
    assert "a viewer has no time limit" in told
    engineer = browse(app, as_("engineer"))
    ends = "12 h after it began, after 60 min in which nobody touched it, or when you log out"
    assert ends in drawn(engineer)


def test_the_time_limits_are_those_of_the_settings(page: Any) -> None:
    settings = own_settings(web=Web(idle_minutes=0, session_hours=5))
    engineer = people.known(settings, "engineer")
    assert page.ends(settings, engineer) == "5 h after it began, or when you log out"


def test_the_rules_are_said_before_typing_and_the_browser_knows_which_password_is_which(page: Any) -> None:
    user = User(name="meera", role="viewer", password_hash="$argon2id$")
    form = json.loads(page.password_form(user))
    old, new, again = form["fields"]
    assert (form["url"], form["who"]) == (ADDRESS, "meera")
    assert (old["name"], old["autocomplete"]) == ("old", "current-password")
    assert (new["name"], new["autocomplete"], new["hint"]) == ("new", "new-password", RULES)
    assert (again["name"], again["same_as"], again["autocomplete"]) == ("", "new", "new-password")
    assert "At least 15 characters, of any kind" in RULES
    assert refusal("a" * 3 + "four quiet herons") is None
