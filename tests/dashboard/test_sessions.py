"""A login in its cookie: how it begins, and what keeps it."""

import threading
from collections.abc import Iterator

import argon2
import pytest
from werkzeug.security import generate_password_hash

from substation.access import users
from substation.dashboard import rights, tunnel
from substation.settings import files, vault
from substation.settings.model import User
from tests.dashboard.conftest import PASSWORD, Station, basic, make_app, own_settings, page_request
from tests.dashboard.person import (
    CALLBACK,
    GOES,
    NAME,
    POLLS,
    VISIT,
    Person,
    challenged,
    dash_outputs,
    follows_a_link,
    kept,
    morsels,
)


@pytest.fixture
def person(station: Station) -> Person:
    return Person(make_app(station))


# -- how one begins ---------------------------------------------------------------------------------


def test_going_to_a_page_begins_a_session(person: Person) -> None:
    answer = person.goes()
    assert answer.status_code == 200
    session, visit = (morsels(answer)[name] for name in (NAME, VISIT))
    assert session["httponly"] and visit["httponly"]
    assert (session["samesite"], visit["samesite"]) == ("Strict", "Lax")
    assert session["path"] == visit["path"] == "/"
    for cookie in (session, visit):
        assert not cookie["secure"]  # plain http: a browser would throw it away
        assert not cookie["expires"] and not cookie["max-age"] and not cookie["domain"]
    assert len(session.value) == 43
    assert session.value not in visit.value


def test_a_browser_on_the_network_does_not_say_that_it_navigates(person: Person) -> None:
    answer = person.browser.get("/", headers={"Accept": "text/html", "Authorization": person.holds})
    assert NAME in morsels(answer)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"Accept": "*/*"}),
        ("/", {}),
        ("/api/live", GOES),
        ("/assets/live.js", GOES),
        ("/", POLLS),
        ("/", {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}),
    ],
)
def test_programs_and_files_begin_none(person: Person, path: str, headers: dict[str, str]) -> None:
    answer = person.browser.get(path, headers={"Authorization": person.holds, **headers})
    assert answer.status_code == 200
    assert morsels(answer) == {}
    assert kept() == []


def test_a_wrong_password_begins_none(station: Station) -> None:
    answer = Person(make_app(station), password="wrong").goes()
    assert challenged(answer)
    assert morsels(answer) == {}


def test_a_session_needs_no_password_and_no_hashing(
    station: Station, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.goes()
    person.holds = None
    monkeypatch.setattr(users, "check", lambda *_: pytest.fail("hashed"))
    station.clock.advance(600)
    assert person.polls().status_code == 200
    assert person.goes("/meter/2").status_code == 200
    assert kept() == [("engineer", "")]


def test_a_session_is_not_weakened_by_an_outdated_password_beside_it(person: Person) -> None:
    person.goes()
    person.holds = basic("engineer", "the one before")
    assert person.polls().status_code == 200


def test_a_password_of_somebody_else_beside_it_decides(station: Station) -> None:
    app = make_app(station)
    app.server.add_url_rule("/who", "who", lambda: rights.current_user().name)
    person = Person(app)
    person.goes()
    person.holds = basic("viewer", PASSWORD)
    assert person.goes("/who").text == "viewer"
    person.holds = basic("viewer", "wrong")
    assert person.goes("/who").status_code == 401


@pytest.mark.parametrize("token", ["", "x", "x" * 43, '"', "\xff", "x" * 3000])
def test_an_unknown_cookie_is_ignored(person: Person, token: str) -> None:
    browser = person.another(**{NAME: token, VISIT: token})
    assert challenged(browser.get("/api/live", headers=POLLS))
    answer = browser.get("/api/live", headers={**POLLS, "Authorization": person.holds})
    assert answer.status_code == 200


def test_the_name_of_a_session_proves_nothing(person: Person) -> None:
    person.goes()
    browser = person.another(**{NAME: person.cookie(VISIT), VISIT: person.cookie(VISIT)})
    assert browser.get("/api/live", headers=POLLS).status_code == 401


def test_two_stations_on_one_host_do_not_share_their_cookies(person: Person) -> None:
    answer = person.goes("/", Host="localhost:8051")
    assert set(morsels(answer)) == {"substation_session_8051", "substation_visit_8051"}


def test_a_link_elsewhere_begins_no_second_session(person: Person) -> None:
    person.goes()
    answer = follows_a_link(person)
    assert answer.status_code == 200
    assert kept() == [("engineer", "")]


# -- how it lasts -----------------------------------------------------------------------------------


def test_a_restart_of_the_dashboard_logs_nobody_out(station: Station, person: Person) -> None:
    person.goes()
    again = Person(make_app(station))
    again.browser.set_cookie(NAME, str(person.cookie()))
    again.holds = None
    assert again.polls().status_code == 200


@pytest.mark.parametrize(
    "weak",
    [
        argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD),
        generate_password_hash(PASSWORD, "pbkdf2:sha256:1000"),
        generate_password_hash(PASSWORD, "scrypt:1024:8:1"),
    ],
    ids=["argon2id", "pbkdf2", "scrypt"],
)
def test_a_stronger_hash_of_the_same_password_ends_no_session(station: Station, weak: str) -> None:
    people = (User(name="engineer", role="engineer", password_hash=weak),)
    station.configure(station.settings.model_copy(update={"users": people}))
    person = Person(make_app(station))
    assert person.goes().status_code == 200
    stored = files.load(station.folder).settings.users[0].password_hash
    assert stored != weak
    assert stored.startswith("$argon2id$")
    person.holds = None
    for _ in range(3):
        station.clock.advance(1)
        assert person.polls().status_code == 200


def test_polls_alone_do_not_keep_it(station: Station, person: Person) -> None:
    person.goes()
    for _ in range(59):
        station.clock.advance(60)
        assert person.polls().status_code == 200
    station.clock.advance(60)
    assert not challenged(person.polls())
    (line,) = station.audit_lines("login.expired")
    assert (line["user"], line["src"], line["d"]) == ("engineer", "127.0.0.1", {"why": "idle"})


@pytest.mark.parametrize("kind", ["page", "poll after a touch", "callback"])
def test_a_person_keeps_it(station: Station, person: Person, kind: str) -> None:
    person.goes()
    station.clock.advance(3599)
    if kind == "page":
        assert person.goes("/meter/1").status_code == 200
    elif kind == "callback":
        assert person.acts(CALLBACK, json=page_request("/meter/1")).status_code == 200
    else:
        assert person.polls(**{"X-Touched": "1"}).status_code == 200
    station.clock.advance(3599)
    assert person.polls().status_code == 200


def test_charts_that_renew_themselves_do_not_keep_it(station: Station, person: Person) -> None:
    person.goes()
    station.clock.advance(3599)
    renewal = next(
        {
            "output": output,
            "inputs": [{"id": "minute", "property": "n_intervals", "value": 1}],
            "state": [{"id": "charted-day", "property": "data", "value": 1}],
            "outputs": [[], [], {"id": "charted-day", "property": "data"}],
            "changedPropIds": ["minute.n_intervals"],
        }
        for output in dash_outputs(person)
        if "charted-day" in output
    )
    assert person.acts(CALLBACK, json=renewal).status_code == 200
    station.clock.advance(1)
    assert person.polls().status_code == 401


def test_a_wall_screen_stays(station: Station) -> None:
    wall = Person(make_app(station), "viewer")
    wall.goes()
    wall.holds = None
    station.clock.advance(30 * 86_400)
    assert wall.polls().status_code == 200


# -- the tunnel, floods -----------------------------------------------------------------------------


@pytest.fixture
def tunnelled(station: Station, monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """Somebody who comes through a tunnel."""
    monkeypatch.setattr(tunnel.Tunnel, "carries", lambda _self, host, _port: host == "x.ngrok-free.app")
    station.configure(own_settings())
    person = Person(make_app(station))
    person.browser.said = {"Host": "x.ngrok-free.app"}
    yield person


def test_through_the_tunnel_the_cookies_are_secure(tunnelled: Person) -> None:
    answer = tunnelled.goes()
    assert answer.status_code == 200
    jar = morsels(answer)
    assert set(jar) == {"__Host-substation_session", "__Host-substation_visit"}
    for cookie in jar.values():
        assert cookie["secure"] and cookie["httponly"]
        assert (cookie["path"], cookie["domain"]) == ("/", "")


def test_through_the_tunnel_failures_are_counted_by_user(station: Station, tunnelled: Person) -> None:
    right, tunnelled.holds = tunnelled.holds, basic("engineer", "wrong")
    assert [tunnelled.goes().status_code for _ in range(6)] == [401] * 5 + [429]
    assert {line["src"] for line in station.audit_lines("login.failed")} == {"tunnel"}
    tunnelled.holds = basic("operator", PASSWORD)
    assert tunnelled.goes().status_code == 200  # another user is not held up
    local = tunnelled.another()
    local.said = {"Host": "localhost:8050"}
    assert local.get("/", headers={"Authorization": right}).status_code == 200  # nor the same one at home


def test_fifty_wrong_logins_at_once_do_not_hold_up_a_session(
    station: Station, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.goes()
    let_go, hashing = threading.Event(), threading.Semaphore(0)

    def slow(*_: object) -> None:
        hashing.release()
        assert let_go.wait(30)

    monkeypatch.setattr(users, "check", slow)
    wrong = [person.another() for _ in range(50)]
    codes: list[int] = []

    def guess(number: int) -> None:
        headers = {"Authorization": basic(f"user {number}", "wrong")}
        codes.append(wrong[number].get("/", headers=headers).status_code)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    assert hashing.acquire(timeout=10) and hashing.acquire(timeout=10)  # both places are taken
    assert [person.polls().status_code for _ in range(20)] == [200] * 20
    assert person.goes("/meter/1").status_code == 200
    assert not let_go.is_set()
    let_go.set()
    for thread in threads:
        thread.join(30)
    assert set(codes) <= {401, 503}
    assert len(codes) == 50


# -- what the audit log tells of refusals -----------------------------------------------------------


def test_refusals_before_the_login_are_told_once_a_minute(station: Station, person: Person) -> None:
    for _ in range(30):
        assert person.goes("/", Host="evil.example").status_code == 421
    (line,) = station.audit_lines("request.refused")
    assert (line["ok"], line["src"], line["user"]) == (False, "127.0.0.1", "")
    assert line["d"] == {"why": "unknown name", "name": "evil.example"}
    station.clock.advance(61)
    person.goes()
    assert station.audit_lines("request.refused")[1]["d"] == {"times": 29}


def test_another_site_and_demo_passwords_over_a_network_are_told(station: Station, person: Person) -> None:
    person.goes("/", **{"X-Forwarded-For": "10.0.0.9"})
    evil = {"Origin": "http://evil.example", "Authorization": person.holds}
    person.browser.post("/logout", headers=evil)
    told = [(line["user"], line["d"]) for line in station.audit_lines("request.refused")]
    assert told == [
        ("", {"why": "demo passwords over a network"}),
        ("engineer", {"why": "other site", "origin": "http://evil.example"}),
    ]


def test_no_token_and_no_password_stands_in_the_audit_log(station: Station, person: Person) -> None:
    person.goes()
    token = str(person.cookie())
    person.acts("/logout")
    content = station.home.audit.read_text()
    for secret in (token, PASSWORD, str(person.holds), vault.DEMO_PASSWORDS["admin"]):
        assert secret not in content
