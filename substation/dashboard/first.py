"""The first picture: the page as HTML in its own document, there before the browser has any script.

A slow phone works for seconds before Dash shows anything. So the document of a page that registers with
`first=True` already holds what the page will show, drawn by the page's own layout from the same board at
the moment of the request, beside and not in the place where Dash draws. `assets/live.js` paints it live
as soon as it is there, and `assets/first.js` takes it away in the frame in which the page itself is there.

Until then it says its time. Where no script ever comes it does not stay as it is: the style sheet makes
it old by itself (`assets/80-first.css`).

Whatever goes wrong while it is drawn leaves it out: then the page comes as it always did.
"""

import logging
import threading
from typing import Any

from dash import _pages as dash_pages
from dash import dcc, html
from flask import has_request_context, request

from substation.dashboard import account_menu, hurry, markup, shell
from substation.dashboard import format as f
from substation.dashboard.feed import current
from substation.dashboard.tongue import say

LOG = logging.getLogger(__name__)
AT_ONCE = 2
"""So many are drawn at a time; whoever comes meanwhile waits for the page as before."""
HISTORY_S = 0.3
"""So long the document waits for a history that answers slowly: what has not come by then, as the curves, is
said to be under way, and the page has it."""
_room = threading.Semaphore(AT_ONCE)
ENTRY = '<div id="react-entry-point">'


def put_into(document: str) -> str:
    """Return the document with the picture of the page at hand before Dash's place in it."""
    before, place, after = document.rpartition(ENTRY)
    return f"{before}{picture()}{place}{after}" if place else document


def picture() -> str:
    """Return the picture of the page that is asked for, or nothing where there is none."""
    page, variables = _page()
    if page is None or not _room.acquire(blocking=False):
        return ""
    try:
        with hurry.within(HISTORY_S):
            return _drawn(page, variables)
    except Exception as exc:  # noqa: BLE001  whatever it is: the page itself says it better, and the document must come
        LOG.warning("the first picture of %s could not be drawn: %r", page["path"], exc)
        return ""
    finally:
        _room.release()


def _page() -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Return the page that whoever is logged in asks for, when it has a picture.

    A document fetched in advance has none: it would be shown at another time than this.
    """
    if not has_request_context() or request.method != "GET" or account_menu.visitor() is None:
        return None, {}
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return None, {}
    page, variables = dash_pages._path_to_page(request.path.strip("/"))
    return (page, variables or {}) if page and page.get("first") else (None, {})


def _drawn(page: dict[str, Any], variables: dict[str, str]) -> str:
    feed = current()
    at_ms, zone = feed.board().at_ms, feed.settings.site.zone
    at = f"{f.time_of_day(at_ms, zone, seconds=True)}, {f.day_and_zone(at_ms, zone)}"
    frame = shell.frame()
    parts = [part for part in frame.children if getattr(part, "className", "") != "ss-skip"]
    for part in parts:
        _mark_here(part, request.path)
        if isinstance(part, html.Main):
            part.children = html.Div(html.Div(page["layout"](**variables)))
            _put_out_of_work(part)
        if "ss-line-state" in getattr(part, "className", ""):
            part.children = [*part.children, _old(at)]
    frame.children = parts
    return markup.markup([html.Div([frame, _note(at)], className="ss-first")])


def _put_out_of_work(part: Any) -> None:
    """Leave out of reach what only the page itself can answer to; ways to other pages work."""
    for inside in part._traverse():
        if isinstance(inside, html.Button | html.Form | html.Select | html.Textarea):
            inside.inert = True


def _mark_here(part: Any, path: str) -> None:
    """Mark the way to this page, as `assets/theme.js` does in the page."""
    if not isinstance(part, html.Header | html.Nav):
        return
    tabs = isinstance(part, html.Nav)
    for inside in part._traverse():
        href = str(getattr(inside, "href", ""))
        if isinstance(inside, dcc.Link) and getattr(inside, "className", "") != "ss-site":
            meters = tabs and href.startswith("/meter/") and path.startswith("/meter/")
            if href == path or meters:
                setattr(inside, "aria-current", "page")
        marks = getattr(inside, "data-sections", "").split()
        section = getattr(inside, "data-section", None)
        if path in marks or (section and path.startswith(section)):
            setattr(inside.children[0], "aria-current", "page")


def _note(at: str) -> html.P:
    """Return what says of which moment the picture is, and when nothing follows it."""
    return html.P(
        [
            html.Span(say("As of {time}.", time=at), className="ss-first-at"),
            " ",
            html.Span(
                [
                    html.Span(say("The page is starting."), className="ss-first-starting"),
                    html.Strong(say("The page does not start. Load it again."), className="ss-first-stuck"),
                ],
                className="ss-first-state",
            ),
        ],
        className="ss-first-note",
    )


def _old(at: str) -> html.Strong:
    """Return what stands in the place of the state line when the picture has grown old."""
    words = say("No connection to the station yet. All this is old, as of {time}.", time=at)
    return html.Strong(words, className="ss-first-old")
