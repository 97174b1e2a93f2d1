"""How a login ends, and what a browser's own password may open after it: nothing."""

import pytest

from substation.access.sessions import RETRY_S
from substation.dashboard import desk, rights, visits
from tests.dashboard.conftest import PASSWORD, Station, basic, make_app
from tests.dashboard.person import GOES, NAME, VISIT, Person, challenged, follows_a_link, kept, set_password


@pytest.fixture
def person(station: Station) -> Person:
    return Person(make_app(station))


# -- how it ends ------------------------------------------------------------------------------------


def test_logging_out_ends_it_at_the_station(station: Station, person: Person) -> None:
    person.goes()
    token, visit = person.cookie(), person.cookie(VISIT)
    answer = person.acts("/logout")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/logged-out")
    assert person.cookie() is None
    assert person.cookie(VISIT) == visit
    thief = person.another(**{NAME: token})
    for headers in ({}, {"Authorization": person.holds}, GOES, {**GOES, "Authorization": person.holds}):
        assert thief.get("/", headers=headers).status_code == 401
    (line,) = station.audit_lines("logout")
    assert (line["user"], line["src"], line["ok"]) == ("engineer", "127.0.0.1", True)


def test_the_page_after_it_is_for_anybody_and_tells_nothing(person: Person, station: Station) -> None:
    answer = person.browser.get("/logged-out", headers=GOES)
    assert answer.status_code == 200
    assert "close all of its windows" in answer.text
    for secret in (station.settings.site.name, "SIMULATED", "engineer", "Transformer"):
        assert secret not in answer.text
    assert "Set-Cookie" not in answer.headers
    for method in ("HEAD", "POST", "PUT", "OPTIONS"):
        assert person.browser.open("/logged-out", method=method).status_code == 401
    assert person.browser.get("/logged-out/").status_code == 401


def test_the_password_that_the_browser_sends_by_itself_opens_nothing_any_more(
    station: Station, person: Person
) -> None:
    person.goes()
    person.acts("/logout")
    station.clock.advance(60)
    for _ in range(3):
        assert not challenged(person.polls())  # no prompt out of a page that refreshes itself
    assert challenged(person.goes())  # now the browser forgets it, and asks
    assert not challenged(person.polls())
    assert challenged(person.goes())  # another tab, before the browser knew
    station.clock.advance(visits.TYPED_S)
    assert person.goes().status_code == 200  # typed
    assert person.polls().status_code == 200
    assert len(station.audit_lines("login")) == 2


def test_a_password_that_the_browser_held_for_a_deeper_page_opens_nothing_either(
    station: Station, person: Person
) -> None:
    """Given at /meter/1 it is not sent to / at first, but in answer to the challenge, without asking."""
    person.goes("/meter/1")
    person.acts("/logout")
    held, person.holds = person.holds, None
    station.clock.advance(60)
    assert challenged(person.goes())
    person.holds = held
    assert challenged(person.goes())  # by itself, within a round trip
    station.clock.advance(visits.TYPED_S)
    assert person.goes().status_code == 200


def test_the_realm_stays_the_same_or_no_browser_would_forget(person: Person) -> None:
    first = person.browser.get("/").headers["WWW-Authenticate"]
    person.goes()
    person.acts("/logout")
    assert person.goes().headers["WWW-Authenticate"] == first


def test_a_link_elsewhere_does_not_lead_around_the_end(person: Person) -> None:
    """It brings no strict cookie; the lax one still tells that this login has ended."""
    person.goes()
    person.acts("/logout")
    answer = follows_a_link(person)
    assert answer.status_code == 401


def test_a_link_elsewhere_does_not_lead_around_the_idle_time(station: Station, person: Person) -> None:
    person.goes()
    station.clock.advance(3600)  # nobody has asked since
    answer = follows_a_link(person)
    assert answer.status_code == 401


def test_wrong_passwords_after_a_log_out_are_counted(station: Station, person: Person) -> None:
    person.goes()
    person.acts("/logout")
    person.goes()
    person.holds = basic("engineer", "wrong")
    station.clock.advance(5)
    assert [person.goes().status_code for _ in range(6)] == [401] * 5 + [429]


def test_whoever_has_logged_out_may_come_as_somebody_else(station: Station, person: Person) -> None:
    person.goes()
    person.acts("/logout")
    person.goes()
    station.clock.advance(5)
    person.holds = basic("viewer", PASSWORD)
    assert person.goes().status_code == 200
    assert kept() == [("engineer", "out"), ("viewer", "")]


def test_logging_out_twice_is_no_error(person: Person) -> None:
    person.goes()
    person.acts("/logout")
    assert person.acts("/logout").headers["Location"] == "/logged-out"


def test_a_browser_without_a_session_can_log_out_too(station: Station, person: Person) -> None:
    person.polls()
    assert person.acts("/logout").status_code == 303
    assert person.polls().status_code == 401
    assert challenged(person.goes())


def test_logging_out_needs_our_own_page(station: Station, person: Person) -> None:
    person.goes()
    evil = {"Origin": "http://evil.example", "Authorization": person.holds}
    assert person.browser.post("/logout", headers=evil).status_code == 403
    assert person.browser.get("/logout", headers={"Authorization": person.holds}).status_code == 404
    assert person.polls().status_code == 200
    assert person.another().post("/logout").status_code == 401


def test_a_program_logs_in_as_ever_after_somebody_has_logged_out(person: Person) -> None:
    person.goes()
    person.acts("/logout")
    program = person.another()
    assert program.get("/api/live", headers={"Authorization": person.holds}).status_code == 200


def test_an_expired_login_is_told_in_words(station: Station, person: Person) -> None:
    person.goes()
    station.clock.advance(3600)
    told = person.polls()
    assert not challenged(told)
    assert told.json["ended"] == "The login has ended. Nobody had touched it for 60 min."
    page = person.goes()
    assert challenged(page)
    assert "Nobody had touched it for 60 min" in page.text
    assert "enter your user name and password again" in page.text


def test_a_session_ends_with_its_twelfth_hour(station: Station, person: Person) -> None:
    person.goes()
    for _ in range(12 * 2):
        assert person.polls(**{"X-Touched": "1"}).status_code == 200
        station.clock.advance(1800)
    assert "12 h old" in person.polls().json["ended"]


def test_a_changed_password_ends_the_others_and_not_the_one_that_changed_it(station: Station) -> None:
    app = make_app(station)

    def change() -> str:
        desk.current().sessions.password_changed("engineer", keep=rights.session_token())
        set_password(station, "engineer", "another long one")
        return "done"

    app.server.add_url_rule("/change", "change", change, methods=["POST"])
    here, there = Person(app), Person(app)
    here.goes()
    there.goes()
    assert here.acts("/change").text == "done"
    station.clock.advance(1)
    assert here.polls().status_code == 200  # though its browser still holds the old password
    for _ in range(10):
        answer = there.polls()
        assert not challenged(answer)
        assert "password" in answer.json["ended"]
    assert station.audit_lines("login.failed") == []  # its polls lock nobody out
    station.clock.advance(60)
    assert here.polls().status_code == 200


def test_a_disabled_user_is_out_within_a_second(station: Station, person: Person) -> None:
    person.goes()
    set_password(station, "engineer", PASSWORD, disabled=True)
    station.clock.advance(1)
    assert person.polls().status_code == 401
    set_password(station, "engineer", PASSWORD, disabled=False)
    station.clock.advance(1)
    assert person.polls().status_code == 401  # he logs in anew
    assert challenged(person.goes())
    station.clock.advance(5)
    assert person.goes().status_code == 200


def test_without_its_database_logins_work_and_the_page_says_what_is_missing(
    station: Station, person: Person
) -> None:
    desk.current().database.close()
    assert person.goes().status_code == 200
    person.holds = None
    station.clock.advance(RETRY_S)
    answer = person.polls()
    assert answer.status_code == 200
    assert any("operator.db" in words for words in answer.json["problems"])
