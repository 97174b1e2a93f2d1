"""The first picture: the page in its own document, true or not there."""

import gzip
import hashlib
import re
import threading
from html import escape
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]
import dash
import pytest
from dash import dcc, html
from flask import g

from substation.dashboard import first, language, markup, own_files, shell, sparks
from substation.dashboard.feed import current
from substation.errors import StoreError
from substation.store import pool
from tests.dashboard.conftest import Browser, Station, Stranger, browse, make_app, own_settings
from tests.dashboard.test_account import as_

PICTURED = ("/", "/meter/2", "/wall")
MASK = sparks.mask("M0 1h2", 2, 4).partition(":")[2]


@pytest.fixture
def station(station: Station, monkeypatch: pytest.MonkeyPatch) -> Station:
    """A station at work; its first meter has a name that would like to be more than that."""
    meters = [meter.model_copy() for meter in station.settings.meters]
    meters[1] = meters[1].model_copy(update={"name": 'A<script>"{%scripts%}'})
    station.configure(station.settings.model_copy(update={"meters": tuple(meters)}))
    station.read()
    station.beat()
    monkeypatch.setattr(first, "HISTORY_S", 60.0)  # a loaded machine is no slow history
    return station


def picture_of(client: Browser, path: str = "/", **how: str) -> str:
    answer = client.get(path, headers=how)
    assert answer.status_code == 200
    before, _, after = answer.text.partition('<div id="react-entry-point">')
    assert after, "the page has its place"
    return before.partition('<div class="ss-first">')[2]


@pytest.mark.parametrize("path", PICTURED)
def test_the_document_holds_the_page_as_it_is_now(client: Browser, path: str) -> None:
    picture = picture_of(client, path)
    assert '<span class="ss-n">239.5</span>' in picture or path == "/wall"
    assert 'class="ss-v ss-is-fresh"' in picture
    at = re.search(r"<time[^>]*>(\d\d:\d\d:\d\d)</time>", picture)
    assert at is not None
    assert f"As of {at[1]}, " in picture
    assert "SIMULATED" in picture
    assert "A&lt;script&gt;" in picture
    assert not {"<script", "{%", "<main"} & set(
        re.findall(r"<script|\{%|<main", picture.replace("{%scripts%}", ""))
    )


def test_nothing_in_it_is_found_for_the_page_or_worked_with(client: Browser) -> None:
    picture = picture_of(client)
    assert not re.search(r'\s(id|for|aria-controls)="', picture)
    head, _, main = picture.partition('class="ss-main"')
    main = main.partition("ss-tabs")[0]
    assert "<button" in main
    assert all(" inert" in one for one in re.findall(r"<(?:button|form|select)[^>]*>", main))
    assert " inert" not in head, "the state line is read, and its links work"
    assert re.search(r'<header [^>]*class="ss-top"(?![^>]*inert)', picture), "ways to other pages work"
    assert re.search(r'<a aria-current="page" [^>]*href="/"', picture)
    assert 'aria-current="page"' in picture_of(client, "/meter/2").partition("ss-tabs")[2]


def marked(picture: str) -> list[str]:
    """Return the ways and menus that are marked as the page one is on."""
    way = r'<a aria-current="page"[^>]* href="([^"]+)"'
    menu = r'data-sections?="([^"]+)"[^>]*><summary aria-current="page"'
    return [one or other for one, other in re.findall(f"{way}|{menu}", picture)]


def test_the_place_one_is_at_is_marked_and_no_other(client: Browser, app: dash.Dash) -> None:
    assert marked(picture_of(client)) == ["/", "/"], "bar and tabs"
    top, _, tabs = picture_of(client, "/meter/2").partition('class="ss-tabs"')
    assert set(marked(top)) == {"/meter/", "/meter/2"}
    assert [way[:7] for way in marked(tabs)] == ["/meter/"]
    with app.server.test_request_context("/"):
        frame = shell.frame()
    (more,) = [part for part in frame._traverse() if getattr(part, "data-sections", "")]
    path = getattr(more, "data-sections").split()[0]
    for part in frame.children:
        first._mark_here(part, path)
    assert getattr(more.children[0], "aria-current") == "page"


def test_nobody_who_is_not_meant_gets_one(app: dash.Dash) -> None:
    client = browse(app)
    assert "ss-first" not in browse(app, Stranger).get("/").text
    with app.server.test_request_context("/wall"):  # wherever the guard would let somebody through
        assert first.picture() == ""
        g.user = own_settings().users[0]
        assert first.picture() != ""
    assert picture_of(client, **{"Sec-Purpose": "prefetch;prerender"}) == "", "shown who knows when"
    assert picture_of(client, "/events") == ""
    assert "ss-first" not in client.get("/nothing").text
    assert "ss-p-meter" not in client.get("/meter/%D9%A1").text, "a 1 of another script is no meter's number"
    assert client.head("/").status_code == 200


def test_it_is_in_the_language_and_of_the_role_of_its_viewer(client: Browser, station: Station) -> None:
    assert "ss-export" in picture_of(client)
    client.set_cookie(language.COOKIE, "hi")
    assert "पृष्ठ खुल रहा है।" in picture_of(client)
    station.configure(own_settings())
    viewer = browse(make_app(station), as_("viewer"))
    assert "<b>" in picture_of(viewer)
    assert "ss-export" not in picture_of(viewer)


@pytest.mark.parametrize("failure", [StoreError("damaged"), KeyError("x"), None])
def test_one_that_fails_is_left_out_and_the_page_comes(
    client: Browser,
    failure: Exception | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def layout(**_: str) -> html.Div:
        if failure:
            raise failure
        return html.Div(html.Iframe(src="/"))

    monkeypatch.setitem(dash.page_registry["substation.dashboard.pages.home"], "layout", layout)
    assert picture_of(client) == ""
    assert "could not be drawn" in caplog.text


def test_a_crowd_waits_for_no_picture(client: Browser) -> None:
    for _ in range(first.AT_ONCE):
        first._room.acquire()
    try:
        assert picture_of(client) == ""
    finally:
        first._room.release(first.AT_ONCE)
    assert picture_of(client) != ""


def test_a_stopped_poller_looks_stopped_in_it(client: Browser, station: Station) -> None:
    station.clock.advance(60)
    picture = picture_of(client)
    assert "ss-is-fresh" not in picture
    assert "ss-v ss-is-stale" in picture
    assert current().board().poller.state != "running"


@pytest.mark.parametrize("path", ["/", "/meter/2"])
def test_a_slow_history_holds_up_no_document(
    client: Browser, station: Station, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, asked, answered = threading.Event(), threading.Event(), threading.Event()
    ask_really = pool.ask

    def ask_slowly(*question: Any) -> Any:
        asked.set()
        assert go_on.wait(60)
        answer = ask_really(*question)
        answered.set()
        return answer

    monkeypatch.setattr(pool, "ask", ask_slowly)
    monkeypatch.setattr(first, "HISTORY_S", 0.01)
    before = threading.active_count()
    for _ in range(3):
        picture = picture_of(client, path)  # comes, although nothing is answered
        assert "the history is being read" in picture
        assert "cannot be read" not in picture
        assert "no readings stored" not in picture
        assert 'class="ss-v ss-is-fresh"' in picture, "what is live needs no history"
    assert asked.is_set()
    assert threading.active_count() - before <= 3, "a question is under way once"
    go_on.set()
    assert answered.wait(60), "it goes on for whoever asks next"
    monkeypatch.setattr(first, "HISTORY_S", 60.0)
    assert "the history is being read" not in picture_of(client, path)


@pytest.mark.parametrize(
    "part",
    [html.Iframe(), html.Script("x"), dcc.Markdown("x"), html.A(href="javascript:x"),
     html.A(href="//evil"), html.A(href="/\\evil"), html.A(href="/\t/evil"), dcc.Link("x", href="//evil"),
     html.Form(action="javascript:x"), html.Form(action="https://evil/"), html.Form(action="//evil"),
     html.Div(contentEditable="true"), html.Div(style={"--a": "1;color:red"}), html.Div(style={"a:b": "1"}),
     html.Div(style={"--a": 'url("x");color:red'}), html.Div(style={"--a": 'url("data:image/svg+xml,");b:c'}),
     html.Div(style={"--a": "URL(//evil)"}), html.Div(style={"--a": "1/*"}),
     html.Div(style={"--a": '"b\\";c'}), html.B("\ud800"), object()],
)  # fmt: skip
def test_what_the_renderer_does_not_know_is_refused(part: object) -> None:
    with pytest.raises(markup.Unknown):
        markup.markup([part])


def test_text_is_text_and_what_needs_a_script_is_left_out() -> None:
    told = markup.markup(
        [html.B("<i>&"), None, 5, html.Time(title='"<', hidden=True, **{"data-q": "a", "data-x": "1"}),
         html.Br(), dcc.Store(id="s"), dcc.Graph(id="g", className="ss-graph"), dcc.Link("x", href="/"),
         html.Form(action="/a?b=c#d"), html.I(style={"--line": MASK, "--l": "4.5%", "--ring": '{"a;":1}'})]
    )  # fmt: skip
    assert told == (
        '<b>&lt;i&gt;&amp;</b>5<time data-q="a" hidden title="&quot;&lt;"></time><br>'
        '<div class="ss-graph"></div><a href="/">x</a><form action="/a?b=c#d"></form>'
        f'<i style="--line:{escape(MASK)};--l:4.5%;--ring:{{&quot;a;&quot;:1}}"></i>'
    )


def test_own_files_come_whole_each_script_by_itself(client: Browser) -> None:
    for name in own_files.FILES:
        told = client.get(own_files.address(name))
        assert told.status_code == 200
        assert "immutable" in told.headers["Cache-Control"]
    styles, early, scripts = (own_files.text(name).decode() for name in ("own.css", "early.js", "own.js"))
    for path in own_files.ASSETS.glob("*.*s*"):
        if path.suffix in (".css", ".js"):
            assert path.read_text() in {".css": styles, ".js": early + scripts}[path.suffix]
    assert (
        styles.index("--ss-panel:") < styles.index(".ss-btn") < styles.index("prefers-reduced-motion: reduce")
    )
    assert "ss-theme" in early
    assert re.search(r"^  ask\(\);", scripts, re.MULTILINE), "values come at once, not after a second"
    assert scripts.count("try {\n/*") == len(list(own_files.ASSETS.glob("*.js"))) - 2
    takes_away = early.partition("if (!document.getElementById('react-entry-point')) return;")[2]
    assert "picture.remove()" in takes_away, "whatever a browser cannot read in the others"
    assert not re.search(r"\(\?<[=!]", early + scripts), "iOS before 16.4 cannot read that"
    page = client.get("/").text
    places = [page.index(own_files.address(name)) for name in ("own.css", "early.js", "own.js")]
    assert places == sorted(places)
    assert page.index("early") < page.index("<body") < places[2] < page.index("dash_renderer")


def test_under_an_address_is_only_what_it_was_made_of(
    client: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = own_files.address("own.css")
    (tmp_path / "10-new.css").write_text(".new {}")
    monkeypatch.setattr(own_files, "ASSETS", tmp_path)  # as after an update under the running server
    for coding in ("gzip", "br", "identity"):
        told = client.get(address, headers={"Accept-Encoding": coding})
        plain = {"gzip": gzip.decompress, "br": brotli.decompress, "identity": bytes}[coding](told.data)
        assert hashlib.sha256(plain).hexdigest()[:12] in address
        assert "immutable" in told.headers["Cache-Control"]
        older = client.get(
            re.sub("m[0-9a-f]{12}", "m000000000000", address), headers={"Accept-Encoding": coding}
        )
        assert (older.status_code, older.data) == (200, told.data), "a page loaded before an update works"
        assert older.headers["Cache-Control"] == "private, no-cache"
