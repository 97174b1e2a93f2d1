"""Draws the events page: two answers, what is not normal now, and what happened before."""

import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dash import dcc, html

from substation.alarms.spans import Run
from substation.clock import site_time
from substation.dashboard import (
    alarm_words,
    cards,
    events_folded,
    events_now,
    events_past,
    events_words,
    heard,
)
from substation.dashboard import format as f
from substation.dashboard.board import Board
from substation.dashboard.events_asked import PATH, Asked
from substation.dashboard.events_past import Spans
from substation.dashboard.events_words import Told
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.errors import StoreError, TooSlow
from substation.store import clock_spans
from substation.store.event_pages import Noted, Wanted

ROWS = 60
"""Events of a page."""
BEHIND, AHEAD = 200, 2000
"""So many events before and after a page are looked at for the ends of its spans."""


def answers(parts: Parts) -> html.Dl:
    """Return when supply last failed and for how long, and whether a DG set runs and since when."""
    return html.Dl(
        [
            _answer(say("Last supply failure"), parts, "supply", "supplyhow"),
            html.Div(_pair(say("DG set"), parts, "dg", "dghow"), **cards.shaped("past", "dgs", parts)),
        ],
        className="ss-answers",
    )


def _answer(name: str, parts: Parts, answer: str, how: str) -> html.Div:
    return html.Div(_pair(name, parts, answer, how))


def _pair(name: str, parts: Parts, answer: str, how: str) -> list[Any]:
    return [
        html.Dt(name),
        html.Dd(
            [cards.said("past", answer, parts, tag=html.B), cards.said("past", how, parts, tag=html.Small)]
        ),
    ]


def now(parts: Parts) -> html.Section:
    """Return what is not normal at this moment; painted anew each second."""
    head = [say("Since"), say("Kind"), say("What"), say("Where"), say("For")]
    rows = [
        html.Tr(
            [
                html.Td(cards.said("now", f"s{place}", parts), className="ss-ev-at"),
                html.Td(_sign("now", place, parts), className="ss-ev-kind"),
                html.Th(cards.said("now", f"t{place}", parts), scope="row", className="ss-ev-what"),
                html.Td(cards.said("now", f"m{place}", parts), className="ss-ev-where"),
                html.Td(cards.said("now", f"f{place}", parts), className="ss-ev-for"),
            ],
            **cards.shaped("now", f"k{place}", parts),
        )
        for place in range(events_now.PLACES)
    ]
    table = html.Table(
        [html.Caption(say("What is not normal now"), className="ss-sr"), _head(head), html.Tbody(rows)],
        className="ss-table ss-events",
    )
    title = html.H2([say("Now"), " ", cards.said("now", "count", parts, tag=html.Small)])
    nothing = cards.said("now", "none", parts, "ss-ev-none", tag=html.P)
    more = cards.said("now", "more", parts, "ss-note", tag=html.P)
    return html.Section(
        [title, nothing, html.Div([table, more], **cards.shaped("now", "some", parts))],
        className="ss-sec ss-first",
        **{"aria-label": say("Now")},
    )


def _sign(group: str, place: int, parts: Parts) -> html.Span:
    words = cards.said(group, f"w{place}", parts)
    return html.Span(
        [html.Span(className="ss-i"), words], **cards.shaped(group, f"v{place}", parts, "ss-tag")
    )


def _head(names: Sequence[str]) -> html.Thead:
    kinds = ("ss-ev-at", "ss-ev-kind", "ss-ev-what", "ss-ev-where", "ss-ev-for", "ss-ev-how")
    cells = [html.Th(name, scope="col", className=kind) for name, kind in zip(names, kinds, strict=False)]
    return html.Thead(html.Tr(cells))


@dataclass(frozen=True, slots=True)
class Page:
    """A page of events with what is known of their ends."""

    rows: Sequence[Noted]
    spans: Spans
    older: tuple[int, int] | None
    """The key from which the next page goes on; None at the end."""


def read(feed: Feed, asked: Asked, board: Board) -> Page:
    """Return the page that is asked for; StoreError where the history does not answer."""
    found = feed.noted(asked.wanted(feed.settings), ROWS + 1)
    rows = found[:ROWS]
    older = rows[-1].key if len(found) > ROWS else None
    if not rows:
        return Page(rows, Spans({}, frozenset(), frozenset()), None)
    meters = () if asked.meter is None else (asked.meter,)
    kinds = tuple(one for one in events_past.KINDS if asked.kind not in ("supply", "dg") or one[0] == "s")
    near = Wanted(kinds=kinds, meters=meters, with_station=True)
    start_ms = rows[-1].event.at_ms
    behind = feed.noted(replace(near, end_ms=start_ms), BEHIND)
    ahead = feed.noted(replace(near, start_ms=start_ms), AHEAD, oldest_first=True)
    until_ms = board.at_ms if len(ahead) < AHEAD else ahead[-1].event.at_ms
    return Page(rows, events_past.spans([*reversed(behind), *ahead], board, until_ms), older)


def before(feed: Feed, asked: Asked, board: Board) -> html.Section:
    """Return what happened before, the newest first, by days."""
    try:
        page = read(feed, asked, board)
    except TooSlow:
        slow = say("Reading the events took too long and was stopped. Ask for fewer days, or for one meter.")
        return _section([html.P(slow, className="ss-hatched")])
    except StoreError as exc:
        return _section(
            [
                html.P(
                    say("The events cannot be read: {why}", why=heard.told(str(exc))), className="ss-hatched"
                )
            ]
        )
    if not page.rows:
        return _section(_nothing(asked))
    zone, rows, day = feed.settings.site.zone, list[Any](), ""
    today = site_time(board.at_ms, zone).date().isoformat()
    fold = events_folded.folded(page.rows)
    for one in page.rows:
        if one.id in fold.hidden:
            continue
        own = site_time(one.event.at_ms, zone).date().isoformat()
        if own != day:
            day = own
            words = f.day(one.event.at_ms, zone)
            named = say("Today, {day}", day=words) if own == today else words
            rows.append(html.Tr(html.Th(named, colSpan=6, scope="colgroup"), className="ss-grp"))
        rows.append(_row(one, page.spans, feed, board, fold.alarms.get(one.id, "")))
    head = [say("At"), say("Kind"), say("What"), say("Where"), say("For"), say("Evidence")]
    table = html.Table(
        [html.Caption(say("Events, newest first"), className="ss-sr"), _head(head), html.Tbody(rows)],
        className="ss-table ss-events ss-events-past",
    )
    region = {"tabIndex": 0, "role": "region", "aria-label": say("Events, newest first")}
    return _section([html.Div(table, className="ss-wrap", **region), _further(asked, page)])


def _section(inside: list[Any]) -> html.Section:
    title = html.H2([say("Before"), " ", html.Small(say("newest first"))])
    return html.Section([title, *inside], className="ss-sec", **{"aria-label": say("Before")})


def _row(one: Noted, spans: Spans, feed: Feed, board: Board, alarm: str) -> html.Tr:
    """Return a row; `alarm` is the key of the alarm that was raised with what it tells."""
    event, run, zone = one.event, spans.by_id.get(one.id), feed.settings.site.zone
    said = events_words.told(event, feed.settings)
    wrong, again = one.id in spans.corrected, one.id in spans.again
    what: list[Any] = [html.S(said.what) if wrong else said.what]
    if wrong:
        what.append(html.Small(say("was no failure: see the correction")))
    elif again:
        what.append(html.Small(say("goes on from before")))
    elif run is not None and _blurred(run.begun_after_ms, run.begun_by_ms):
        bounds = events_now.between(run.begun_after_ms, run.begun_by_ms, event.at_ms, zone)
        what.append(html.Small(say("began {when}", when=bounds)))
    if said.change:
        what.append(html.Small(said.change))
    if key := alarm_words.key_of(event) if event.kind == "alarm.raised" else alarm:
        why = dcc.Link(say("Why, and the curve"), href=alarm_words.address(key, event.at_ms))
        what.append(html.Small(why))
    end = _end(said, run, event.at_ms, zone) if said.grade != "event" else ""
    if end:
        what.append(html.Small(end))
    grade = "event" if wrong else said.grade
    doubted = clock_spans.EVENT_MARK.search(event.detail) is not None
    if doubted:
        what.append(html.Small(say("by a clock that nobody vouched for")))
    at = f.unsure(f.time_of_day(event.at_ms, zone, seconds=True), doubted)
    return html.Tr(
        [
            html.Td(at, className="ss-ev-at"),
            html.Td(_kind(grade, run, said.sign), className="ss-ev-kind"),
            html.Th(what, scope="row", className="ss-ev-what"),
            html.Td(events_words.where(event, feed.settings), className="ss-ev-where"),
            html.Td("" if wrong else _for(said, run), className="ss-ev-for"),
            html.Td(heard.told(clock_spans.EVENT_MARK.sub("", said.evidence)), className="ss-ev-how"),
        ],
        className=f"ss-ev-{grade}",
    )


def _blurred(first_ms: int | None, last_ms: int) -> bool:
    return first_ms is not None and last_ms - first_ms >= events_now.BLUR_MS


def _kind(grade: str, run: Run | None, sign: str = "") -> html.Span:
    """Return the sign of an event: coloured only while what it began still lasts."""
    if grade == "event":
        return html.Span([cards.icon("event"), sign or say("Event")], className="ss-tag ss-ev-plain")
    name = say("Alarm") if grade == "alarm" else say("Warning")
    if run is not None and run.lasts:
        return html.Span([html.Span(className="ss-i"), name], className=f"ss-tag ss-tag-{grade}")
    if run is not None and run.ended_by_ms is None:  # whether it still lasts, nobody knows
        return html.Span([cards.icon("blind"), name], className="ss-tag ss-ev-plain")
    name = say("Alarm, over") if grade == "alarm" else say("Warning, over")
    return html.Span([cards.icon("over"), name], className="ss-tag ss-ev-plain")


def _for(said: Told, run: Run | None) -> str:
    if said.span_ms is not None:
        return f.duration((said.span_ms[1] - said.span_ms[0]) / 1000)
    if run is None or (said.grade == "event" and not said.of_supply):
        return ""
    return say("{long}, lasts", long=events_now.lasting(run)) if run.lasts else events_now.lasting(run)


def _end(said: Told, run: Run | None, at_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return when it was over: the row of its end may be on another page."""
    if said.span_ms is not None:
        return say("until {at}", at=events_now.point(said.span_ms[1], at_ms, zone))
    if run is None or run.lasts:
        return ""
    if run.ended_by_ms is None:
        seen = events_now.point(run.ended_after_ms, at_ms, zone)
        return say("seen until {at}; its end was not seen", at=seen)
    ended = events_now.between(run.ended_after_ms, run.ended_by_ms, at_ms, zone)
    if _blurred(run.ended_after_ms, run.ended_by_ms):
        return say("ended {when}", when=ended)
    return say("until {at}", at=ended)


def _further(asked: Asked, page: Page) -> html.Div:
    links: list[Any] = []
    if asked.below is not None:
        newest = replace(asked, below=None).address
        links.append(dcc.Link(say("Newest events"), href=newest, className="ss-btn"))
    if page.older is not None:
        older = replace(asked, below=page.older).address
        links.append(dcc.Link(say("Older events"), href=older, className="ss-btn"))
    else:
        links.append(html.Span(say("That is the first of them."), className="ss-muted"))
    return html.Div(links, className="ss-ctrl")


def _nothing(asked: Asked) -> list[Any]:
    if asked == Asked():
        return [html.P(say("Nothing has happened here yet: the first event comes with the poller."))]
    return [
        html.P(say("No event is like that.")),
        html.Div(dcc.Link(say("Show all events"), href=PATH, className="ss-btn"), className="ss-ctrl"),
    ]
