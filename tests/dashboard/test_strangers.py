"""Strangers behind one address with an engineer: they lock out each other, and not him."""

from collections.abc import Iterator
from typing import Any

import pytest

from substation.access.throttle import FAILURES
from substation.dashboard import visits
from substation.settings.model import Web
from tests.dashboard.conftest import PASSWORD, Browser, Station, basic, make_app, own_settings
from tests.dashboard.person import GOES, Person, morsels, set_password
from tests.dashboard.test_sessions import tunnelled  # noqa: F401  a fixture

SESSION, VISIT = "__Host-substation_session", "__Host-substation_visit"
WRONG = basic("engineer", "wrong")


def cookie(person: Person, name: str) -> str | None:
    found = person.browser.get_cookie(name, domain=person.browser.said["Host"])
    return found.value if found else None


def another(person: Person, **cookies: str | None) -> Browser:
    """Return another browser that comes the same way, with these cookies."""
    made = person.another()
    made.said = person.browser.said
    for name, value in cookies.items():
        made.set_cookie(name, str(value), domain=made.said["Host"])
    return made


def attacked(person: Person, **cookies: str | None) -> list[int]:
    """Let a stranger guess the engineer's password from another browser until he has to wait."""
    stranger = another(person, **cookies)
    headers = {**GOES, "Authorization": WRONG}
    return [stranger.get("/", headers=headers).status_code for _ in range(FAILURES + 1)]


def visitor(person: Person) -> Any:
    """Return the answer to the engineer's right password from a browser that nobody knows."""
    browser = another(person)
    return browser.get("/", headers={**GOES, "Authorization": basic("engineer", PASSWORD)})


def logs_in_anew(station: Station, person: Person) -> int:
    """Return the answer to a password typed after the last login has ended."""
    person.goes()
    station.clock.advance(visits.TYPED_S)
    return int(person.goes().status_code)


def test_a_browser_that_has_logged_in_before_is_not_locked_out_by_strangers(
    station: Station,
    tunnelled: Person,  # noqa: F811
) -> None:
    assert tunnelled.goes().status_code == 200
    origin = {"Origin": "https://x.ngrok-free.app", "Authorization": tunnelled.holds}
    assert tunnelled.browser.post("/logout", headers=origin).status_code == 303
    assert attacked(tunnelled) == [401] * FAILURES + [429]
    assert visitor(tunnelled).status_code == 429
    assert logs_in_anew(station, tunnelled) == 200


def test_a_mark_gives_no_more_than_its_own_five_tries(
    station: Station,
    tunnelled: Person,  # noqa: F811
) -> None:
    tunnelled.goes()
    mark = cookie(tunnelled, VISIT)
    assert mark
    assert attacked(tunnelled, **{VISIT: mark}) == [401] * FAILURES + [429]
    assert attacked(tunnelled, **{VISIT: mark}) == [429] * (FAILURES + 1)
    assert visitor(tunnelled).status_code == 200  # counted under the mark, not the tunnel


@pytest.mark.parametrize("mark", ["", "x", "0" * 64, "browser x", "\u00e4"])
def test_a_mark_that_was_never_given_out_gives_no_tries_at_all(
    tunnelled: Person,  # noqa: F811
    mark: str,
) -> None:
    attacked(tunnelled)
    assert attacked(tunnelled, **{VISIT: mark}) == [429] * (FAILURES + 1)


def test_somebody_elses_mark_counts_for_nothing(
    station: Station,
    tunnelled: Person,  # noqa: F811
) -> None:
    viewer = Person(tunnelled.app, "viewer")
    viewer.browser.said = tunnelled.browser.said
    viewer.goes()
    cookies = {name: cookie(viewer, name) for name in (SESSION, VISIT)}
    assert all(cookies.values())
    attacked(tunnelled)
    assert attacked(tunnelled, **cookies) == [429] * (FAILURES + 1)


def test_a_known_browser_is_known_after_its_password_was_changed(
    station: Station,
    tunnelled: Person,  # noqa: F811
) -> None:
    tunnelled.goes()
    set_password(station, "engineer", "another long one")
    station.clock.advance(1)
    attacked(tunnelled)
    tunnelled.holds = basic("engineer", "another long one")
    assert logs_in_anew(station, tunnelled) == 200


# -- a proxy on this machine, or a tunnel by hand with a domain of one's own -----------------------------


@pytest.fixture
def relayed(station: Station) -> Iterator[Person]:
    """Somebody who comes through a tunnel opened by hand, by a name of `web.allowed_hosts`."""
    station.configure(own_settings(web=Web(allowed_hosts=("station.example",))))
    person = Person(make_app(station))
    person.browser.said = {
        "Host": "station.example",
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
    }
    yield person


def test_a_stranger_behind_a_proxy_does_not_lock_out_whoever_is_at_the_station(
    station: Station, relayed: Person
) -> None:
    assert attacked(relayed) == [401] * FAILURES + [429]
    near = relayed.another()
    right = {**GOES, "Authorization": basic("engineer", PASSWORD)}
    assert near.get("/", headers=right).status_code == 200
    assert {line["src"] for line in station.audit_lines("login.failed")} == {"relayed"}


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-Host", "X-Forwarded-For"])
def test_any_forwarding_header_tells_a_relayed_request(station: Station, relayed: Person, name: str) -> None:
    relayed.browser.said = {"Host": "station.example", name: "proto=https"}
    relayed.holds = WRONG
    answer = relayed.goes()
    assert answer.status_code == 401
    assert [line["src"] for line in station.audit_lines("login.failed")] == ["relayed"]


def test_from_the_network_such_headers_say_nothing(station: Station) -> None:
    station.configure(own_settings(web=Web(bind="0.0.0.0", allowed_hosts=("station.example",))))  # noqa: S104
    person = Person(make_app(station))
    person.browser.said = {
        "Host": "station.example", "X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https",
    }  # fmt: skip
    headers = {**GOES, "Authorization": WRONG}
    person.browser.get("/", headers=headers, environ_overrides={"REMOTE_ADDR": "192.168.1.7"})
    assert [line["src"] for line in station.audit_lines("login.failed")] == ["192.168.1.7"]
    headers["Authorization"] = str(person.holds)
    answer = person.browser.get("/", headers=headers, environ_overrides={"REMOTE_ADDR": "192.168.1.7"})
    assert set(morsels(answer)) == {"substation_session", "substation_visit"}


def test_behind_https_the_cookies_are_secure_and_found_again(station: Station, relayed: Person) -> None:
    answer = relayed.goes()
    assert answer.status_code == 200
    assert all(cookie["secure"] for cookie in morsels(answer).values())
    assert set(morsels(answer)) == {SESSION, VISIT}
    relayed.holds = None
    assert relayed.polls().status_code == 200
    relayed.holds = basic("engineer", PASSWORD)
    for proto in ("http", "HTTPS, http"):
        said = {**GOES, "Authorization": relayed.holds, "X-Forwarded-Proto": proto}
        fresh = another(relayed)
        secure = {bool(cookie["secure"]) for cookie in morsels(fresh.get("/", headers=said)).values()}
        assert secure == {proto != "http"}


def test_a_log_out_behind_https_is_found_again_too(station: Station, relayed: Person) -> None:
    relayed.goes()
    left = relayed.browser.post(
        "/logout", headers={"Authorization": relayed.holds, "Origin": "https://station.example"}
    )
    assert left.status_code == 303
    assert relayed.polls().status_code == 401
    assert cookie(relayed, SESSION) is None
    assert cookie(relayed, VISIT)
