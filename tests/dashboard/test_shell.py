"""The frame around every page, and what a browser is sent anew."""

from collections.abc import Iterator
from typing import Any

import dash
import pytest
from flask import g

from substation.dashboard import account_menu, screen, shell
from substation.dashboard import feed as feeds
from substation.dashboard.samples import SETTINGS
from substation.settings.model import User
from tests.dashboard.boards import feed_in
from tests.dashboard.conftest import PASSWORD, ROLES, basic, browse
from tests.dashboard.tree import attribute, classes, find, text, walk


@pytest.fixture
def frame(app: dash.Dash) -> Iterator[Any]:
    """The frame of a simulated station."""
    before = feeds._current
    made = feed_in("normal")
    made.settings = SETTINGS.model_copy(update={"simulated": True})
    feeds.set_current(made)
    yield shell.frame()
    feeds._current = before


def test_a_simulated_station_says_so_above_all(frame: Any) -> None:
    strip = next(part for part in walk(frame) if "ss-sim" in classes(part))
    assert text(strip).startswith("SIMULATED")


def test_a_real_station_does_not(app: dash.Dash) -> None:
    feeds.set_current(feed_in("normal"))
    assert "SIMULATED" not in text(shell.frame())


def test_the_first_thing_is_the_way_to_the_values(frame: Any) -> None:
    first = frame.children[0]
    assert (first.href, classes(first)) == ("#main", {"ss-skip"})
    assert [part for part in walk(frame) if getattr(part, "id", None) == "main"]


def test_the_frame_tells_the_browser_all_it_needs_to_paint(frame: Any) -> None:
    assert attribute(frame, "data-live") == "/api/live"
    assert attribute(frame, "data-zone") == "Asia/Kolkata"
    assert attribute(frame, "data-zone-name") == "IST"
    assert '"good": "fresh"' in attribute(frame, "data-looks")


def test_only_the_change_of_state_is_read_aloud(frame: Any) -> None:
    aloud = find(frame, role="status")
    assert len(aloud) == 1
    assert text(aloud[0]) == "All normal."


def test_every_group_on_a_page_is_one_that_the_server_knows(frame: Any) -> None:
    feed = feed_in("normal")
    for part in walk(frame):
        group = attribute(part, "data-g")
        if group:
            parts = screen.group(feed, feed.board(), group)
            assert parts is not None
            name = next(filter(None, (attribute(part, f"data-{kind}") for kind in "pkws")), None)
            assert name in parts


def test_what_a_browser_holds_already_is_not_sent_again() -> None:
    feed = feed_in("normal")
    told = screen.News().since(feed, feed.board(), "line:0,m1:0,nonsense:0,m77:0")
    assert set(told) == {"line", "m1"}
    held = ",".join(f"{name}:{group['mark']}" for name, group in told.items())
    assert screen.News().since(feed, feed.board(), held) == {}


def test_a_change_is_sent() -> None:
    calm, alarm = feed_in("normal"), feed_in("supply lost, on DG")
    mark = screen.News().since(calm, calm.board(), "line:0")["line"]["mark"]
    told = screen.News().since(alarm, alarm.board(), f"line:{mark}")
    assert told["line"]["parts"]["title"] == ("Supply lost", "")


@pytest.mark.parametrize("held", ["", ",", ":", "x" * 5000, "m1", "m" * 99 + ":0", "mé:0", "m1:0:0"])
def test_nonsense_from_a_browser_does_no_harm(held: str) -> None:
    feed = feed_in("normal")
    assert set(screen.News().since(feed, feed.board(), held)) <= {"m1"}


def test_a_browser_cannot_ask_for_endless_groups() -> None:
    feed = feed_in("normal")
    assert len(screen.News().since(feed, feed.board(), ",".join(f"m{n % 5 + 1}:0" for n in range(9999)))) == 5


def test_line_statistics_are_dashes_before_the_first_poll() -> None:
    feed = feed_in("empty store")
    parts = screen.group(feed, feed.board(), "c1")
    assert parts is not None
    assert {text for text, _ in parts.values()} == {"—"}


def test_lowest_and_highest_carry_their_times() -> None:
    feed = feed_in("normal")
    parts = screen.group(feed, feed.board(), "x1")
    assert parts is not None
    assert parts["frequency.low"][0] == "34.99"
    assert parts["frequency.lowat"][0] == "11:20"


def framed(app: dash.Dash, role: str) -> str:
    """Return the frame as somebody in this role is sent it."""
    return str(browse(app).get("/_dash-layout", headers={"Authorization": basic(role, PASSWORD)}).json)


@pytest.mark.parametrize("role", ROLES)
def test_everybody_sees_who_and_what_he_is_and_the_way_out(app: dash.Dash, role: str) -> None:
    sent = framed(app, role)
    assert sent.count(f"'{role}'") == 2  # name and role
    assert "'action': '/logout'" in sent
    assert "'method': 'post'" in sent
    assert "'/account'" in sent
    assert ("'/users'" in sent) is (role == "administrator")


def test_the_pages_of_the_menu_stand_in_no_bar(app: dash.Dash) -> None:
    with app.server.test_request_context("/"):
        g.user = User(name="a", role="administrator", password_hash="$argon2id$x")
        drawn = shell.frame()
    bars = [part for part in walk(drawn) if classes(part) & {"ss-nav", "ss-tabs"}]
    linked = {getattr(part, "href", None) for bar in bars for part in walk(bar)}
    assert len(bars) == 2
    assert not linked & account_menu.HERE
    assert {"/", "/reports"} <= linked


def test_where_nobody_is_logged_in_there_is_no_menu(frame: Any) -> None:
    assert not [part for part in walk(frame) if "ss-who" in classes(part)]


def test_the_way_back_in_is_a_link_that_a_browser_follows(frame: Any) -> None:
    (link,) = [part for part in walk(frame) if attribute(part, "data-do") == "login"]
    assert (type(link).__name__, link.href) == ("A", "/")
