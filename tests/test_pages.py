"""Every page is drawn in every state a station can be in, and none claims more than is known."""

import copy
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import dash
import plotly.utils
import pytest

from substation.dashboard import feed as feeds
from substation.dashboard import markup, shell, trends
from substation.dashboard.board import Board
from substation.dashboard.samples import STATES
from substation.settings.model import CARD_METERS
from tests.dashboard.boards import feed_in, in_state
from tests.dashboard.conftest import Station, demo_settings, make_app
from tests.dashboard.painted import fresh_looking, paint, undoubted
from tests.dashboard.tree import attribute, classes, find, lies, marked, pictured, text, walk
from tests.fake_clock import FakeClock

PAGES = "substation.dashboard.pages"
FOLDER = Path(feeds.__file__).parent / "pages"
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def drawn(file: str, like: Board | None = None) -> list[Any]:
    """Return a page as it is drawn now; a page with a variable in its address once for each meter.

    `like` is a board for which they have all been drawn: only meters that differ from it are, at least one.
    """
    page = dash.page_registry[f"{PAGES}.{file}"]
    if not page["path_template"]:
        return [page["layout"]()]
    now = feeds.current().board()
    differ = [one.id for one in now.meters if like is None or one != like.meter(one.id)]
    return [page["layout"](meter_id=str(meter_id)) for meter_id in differ or [1]]


@functools.cache
def drawn_normal(file: str) -> list[Any]:
    """Return a page as it is drawn when all is well, for tests that look at it only."""
    feeds.set_current(feed_in("normal"))
    return drawn(file)


@pytest.fixture(scope="module", autouse=True)
def _dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Pages register with a whole dashboard; the feed that was there before is put back."""
    before = feeds._current
    make_app(Station(tmp_path_factory.mktemp("station"), demo_settings(), FakeClock()))
    yield
    feeds._current = before


@pytest.mark.parametrize("file", FILES)
def test_every_file_of_the_folder_is_a_page(file: str) -> None:
    assert f"{PAGES}.{file}" in dash.page_registry


@pytest.mark.parametrize(
    ("file", "state"),
    # the patterns page shows all states at once, whatever this station's is
    [(file, state) for file in FILES for state in STATES if file != "patterns" or state == "normal"],
)
def test_a_page_is_drawn_in_every_state_and_tells_no_lie(file: str, state: str) -> None:
    feed = feed_in(state, past=state == "normal")  # yesterday is the same in every state
    feeds.set_current(feed)
    for page in drawn_normal(file) if state == "normal" else drawn(file, like=in_state("normal")):
        assert json.dumps(page, cls=plotly.utils.PlotlyJSONEncoder)
        if file != "patterns":
            assert lies(page, feed.board()) == []
            assert fresh_looking(page, feed.board()) == []
            assert undoubted(page, feed.board()) == []
        if dash.page_registry[f"{PAGES}.{file}"].get("first"):  # nothing of it is lost in its first picture
            assert pictured(markup.markup(page)) == marked(page)
    frame = shell.frame()
    assert json.dumps(frame, cls=plotly.utils.PlotlyJSONEncoder)
    assert lies(frame, feed.board()) == []
    assert undoubted(frame, feed.board()) == []


@functools.cache
def left_open(file: str) -> list[Any]:
    """Return a page that somebody opened while all was well, and that stands there since; painted on it."""
    return [*copy.deepcopy(drawn_normal(file)), shell.frame()]


@pytest.mark.parametrize(
    "state",
    ["stopped poller", "line down", "dead meter", "never-seen meter", "all meters silent", "frozen meter",
     "untrusted clock", "empty store", "normal"],
)  # fmt: skip
def test_pages_that_stand_open_tell_no_lie_when_the_state_changes(state: str) -> None:
    feed = feed_in(state)
    for file in set(FILES) - {"patterns"}:  # it stands still
        for page in left_open(file):
            paint(feed, page)
            assert lies(page, feed.board()) == [], file
            assert fresh_looking(page, feed.board()) == [], file
            assert undoubted(page, feed.board()) == [], file


@pytest.mark.parametrize("file", FILES)
def test_a_page_with_readings_knows_every_quantity_it_asks_for(file: str) -> None:
    known = in_state("normal").meters[0].values
    for page in drawn_normal(file):
        for part in walk(page):
            for key in (attribute(part, "data-q") or "").split():
                assert key in known


def test_the_patterns_page_is_not_painted_by_live_values() -> None:
    (page,) = drawn_normal("patterns")
    still = find(page, data_still="1")
    assert len(still) == 1
    assert {"clock not trusted", "times not trusted"} <= {text(one) for one in walk(still)}
    shown = set().union(*map(classes, walk(still)))
    assert {"ss-strip", "ss-counts", "ss-phasor", "ss-events-past", "ss-doubt", "ss-wall-old"} <= shown
    assert len(find(still[0], data_age="1")) == len(find(page, data_age="1")) > 20


@pytest.mark.parametrize("state", ["dead meter", "stopped poller", "never-seen meter"])
def test_a_lie_would_be_found(state: str) -> None:
    """The check itself is tried: one class or one word put right again, and it must speak."""
    feed = feed_in(state)
    feeds.set_current(feed)
    (page,) = drawn("home")
    old = [
        part
        for part in walk(page)
        if classes(part) & {"ss-is-stale", "ss-is-never"} and attribute(part, "data-m")
    ]
    assert len(old) > 10
    for part in old[::9]:
        true = part.className
        part.className = true.replace("ss-is-stale", "ss-is-fresh").replace("ss-is-never", "ss-is-fresh")
        assert len(lies(page, feed.board())) == 1
        part.className = true
    unknown = [
        part for part in walk(page) if text(part) == "Unknown" and attribute(part, "data-p") == "state"
    ]
    unknown[0].children = "OK"
    assert len(lies(page, feed.board())) == 1
    bare = [part for part in walk(page) if attribute(part, "data-k") == "wire"]
    for part in bare:
        part.className = "ss-branch ss-w-live ss-q-fresh"
    assert len(fresh_looking(page, feed.board())) >= 1


def test_a_time_that_looks_sure_would_be_found() -> None:
    feed = feed_in("untrusted clock")
    feeds.set_current(feed)
    (page,) = drawn("home")
    since = next(part for part in walk(page) if attribute(part, "data-p") == "since")
    since.children = since.children.replace("\u202f?", "")
    assert len(undoubted(page, feed.board())) == 1


@pytest.mark.parametrize("wanted", ["77", "0", "-1", "1e3", "0x1", "1/2", "<b>", "1" * 50, ""])
def test_an_unknown_meter_gets_the_page_of_an_address_that_leads_nowhere(wanted: str) -> None:
    feeds.set_current(feed_in("normal"))
    page = dash.page_registry[f"{PAGES}.meter"]["layout"](meter_id=wanted)
    assert "404" in text(page)
    assert "<b>" not in text(page)
    assert next(one.href for one in walk(page) if hasattr(one, "href")) == "/"


def test_the_file_of_a_meters_day_is_one_that_trends_gives() -> None:
    feed = feed_in("normal")
    meter = feed.board().meter(2)
    button, _ = dash.page_registry[f"{PAGES}.meter"]["layout"].__globals__["day_file"](feed, meter)
    path, _, query = attribute(button, "data-day-csv").partition("?")
    asked = trends.read(dict(parse_qsl(query)), feed.settings, feed.clock.now_ms())
    assert (path, asked.faults, asked.meter_ids) == ("/api/trend/csv", (), (2,))
    assert asked.end_ms - asked.start_ms == 86_400_000
    assert {"watts_total", "v_r", "wh_received"} <= set(asked.keys)


def test_no_link_leads_nowhere() -> None:
    feeds.set_current(feed_in("normal"))
    known = {
        "/",
        "/alarms",
        "/audit",
        "/events",
        "/health",
        "/log",
        "/statement",
        "/trends",
        "#main",
        *[f"/meter/{meter.id}" for meter in CARD_METERS],
    }
    everything = [shell.frame(), *[page for file in FILES for page in drawn_normal(file)]]
    assert {one.href.partition("?")[0] for one in walk(everything) if hasattr(one, "href")} == known
    paths = {page["path"] for page in dash.page_registry.values()} | {
        page["path_template"] for page in dash.page_registry.values()
    }
    assert {"/", "/patterns", "/meter/<meter_id>"} <= paths
