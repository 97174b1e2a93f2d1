"""All alarms of the station with what is in force of them, and how they do: shown, not graded."""

import contextlib
import datetime as dt
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from substation.alarms import figures
from substation.alarms.figures import Announced, Figures
from substation.alarms.plan import Watch
from substation.alarms.state import Alarm, State
from substation.dashboard import alarm_form, alarm_words, heard
from substation.dashboard import format as f
from substation.dashboard.alarm_book import Known
from substation.dashboard.feed import Feed
from substation.dashboard.heard import told
from substation.dashboard.shared import Shared
from substation.dashboard.tongue import say
from substation.errors import StoreError
from substation.store.event_pages import Wanted

DAY_MS = 86_400_000
DAYS = (1, 7, 30)
MOST = 20_000
"""Announcements that are counted; more is told as such."""
MOST_GAPS = 2_000
KEPT_S = 60.0
ANNOUNCES = ("alarm.raised", "alarm.unsuppressed", "alarm.unshelved", "alarm.in_service")
"""Kinds of events by which an alarm may become Unacknowledged."""
_kept: weakref.WeakKeyDictionary[Any, Shared] = weakref.WeakKeyDictionary()


def page(feed: Feed) -> list[Any]:
    """Return the figures, and every alarm that is watched here."""
    known = feed.alarms()
    return [
        html.Div([html.H1(say("Alarms")), dcc.Link(say("Alarms now"), href="/events")], className="ss-head"),
        _section(say("How the alarms do"), _figures(feed, known)),
        _section(say("All alarms of this station"), [_table(feed, known)]),
    ]


def _section(title: str, inside: list[Any]) -> html.Section:
    return html.Section([html.H2(title), *inside], className="ss-sec", **{"aria-label": title})


def announced(feed: Feed) -> list[tuple[int, str]]:
    """Return when which alarm became Unacknowledged, of the last 30 days; the same to all for a minute.

    Raises StoreError when the history does not answer.
    """
    shared = _kept.setdefault(feed, Shared(feed.clock, KEPT_S))

    def work() -> list[tuple[int, str]]:
        wanted = Wanted(kinds=ANNOUNCES, start_ms=feed.clock.now_ms() - max(DAYS) * DAY_MS)
        return [
            (one.event.at_ms, alarm_words.key_of(one.event))
            for one in feed.noted(wanted, MOST)
            if one.event.new == State.UNACKNOWLEDGED
        ]

    return shared.get("announced", work)


def unwatched(feed: Feed) -> list[tuple[int, int]]:
    """Return from and to when, UTC ms, nobody polled, as far as noted; the same to all for a minute.

    Raises StoreError when the history does not answer.
    """
    shared = _kept.setdefault(feed, Shared(feed.clock, KEPT_S))

    def work() -> list[tuple[int, int]]:
        found = []
        for one in feed.noted(Wanted(kinds=("station.gap",)), MOST_GAPS):
            with contextlib.suppress(ValueError):
                until_ms = round(dt.datetime.fromisoformat(one.event.new).timestamp() * 1000)
                found.append((one.event.at_ms, until_ms))
        starts = feed.noted(Wanted(kinds=("station.start",)), 1, oldest_first=True)
        first = [one.event.at_ms for one in starts] + [at_ms for at_ms, _ in announced(feed)]
        return [*found, (0, min(first))] if starts else found

    return shared.get("unwatched", work)


def _unwatched_ms(spans: Sequence[tuple[int, int]], start_ms: int, end_ms: int) -> int:
    """Return for how long of [start, end) nobody polled; what lies in two spans counts once."""
    took, reached = 0, start_ms
    for since, until in sorted(spans):
        begin_ms, over_ms = max(since, reached), min(until, end_ms)
        if over_ms > begin_ms:
            took, reached = took + over_ms - begin_ms, over_ms
    return took


def _figures(feed: Feed, known: Known) -> list[Any]:
    try:
        rows, gaps = announced(feed), unwatched(feed)
    except StoreError as exc:
        why = say("The history does not answer: {why}", why=heard.told(str(exc)))
        return [html.P(why, className="ss-al-note")]
    now_ms = feed.clock.now_ms()

    def urgent(key: str) -> str:
        watch = known.plan.by_key.get(key)
        return watch.priority if watch else ""

    told_ = [Announced(at_ms, key, urgent(key)) for at_ms, key in rows]
    begins = {days: now_ms - days * DAY_MS for days in DAYS}
    lost = {days: _unwatched_ms(gaps, start_ms, now_ms) for days, start_ms in begins.items()}
    by_days = {days: figures.figures(told_, begins[days], now_ms, lost[days]) for days in DAYS}
    old = figures.stale(
        {one.key: one.since_ms for one in known.alarms.values() if one.active and one.since_ms is not None},
        now_ms,
    )
    head = [say("Figure"), say("Last 24 h"), say("Last 7 days"), say("Last 30 days")]
    made = [
        html.Tr([html.Th(name, scope="row"), *[html.Td(cell) for cell in cells]])
        for name, cells in _rows(by_days)
    ]
    caption = html.Caption(say("Figures of the alarms"), className="ss-sr")
    table = html.Table(
        [caption, html.Thead(html.Tr([html.Th(name, scope="col") for name in head])), html.Tbody(made)],
        className="ss-table ss-al-kpi",
    )
    month = by_days[max(DAYS)]
    said: list[Any] = [html.Div(table, className="ss-wrap")]
    named = {key: say("{alarm}: {count}", alarm=_name(feed, key), count=count) for key, count in month.top}
    if named:
        said.append(_names(say("Most frequent in 30 days"), list(named.values())))
    if month.chattering:
        rows_ = [
            say("{alarm}: {count}", alarm=_name(feed, key), count=n) for key, n in month.chattering.items()
        ]
        said.append(_names(say("Chattered in 30 days"), rows_))
    stale = [_name(feed, key) for key in old]
    if feed.board().alarms is None:  # what stood then is not what stands
        stale = [
            say("not known: the alarms are not watched"),
            *[say("{alarm} stood when they were", alarm=name) for name in stale],
        ]
    said.append(_names(say("Stands for more than 24 h"), stale or [say("none")]))
    if len(rows) >= MOST:
        said.append(html.P(say("There were more than can be counted: the oldest are left out.")))
    month_ms = max(DAYS) * DAY_MS
    if lost[max(DAYS)] * 1000 > month_ms:
        share = f.percent(1 - lost[max(DAYS)] / month_ms, 1)
        words = say(
            "Mean and time in flood are of the time that was polled: {share} of 30 days.", share=share
        )
        said.append(html.P(words, className="ss-note"))
    words = say(
        "Counted is each time that an alarm began to ask somebody, with the priority that is in force now. "
        "Shown, not graded."
    )
    return [*said, html.P(words, className="ss-note")]


def _rows(by_days: Mapping[int, Figures]) -> list[tuple[str, list[str]]]:
    every = list(by_days.values())
    rows = [
        (say("Announced"), [str(one.count) for one in every]),
        (say("In ten minutes, mean"), [f.number(one.per_block, 2) for one in every]),
        (say("In ten minutes, most"), [str(one.most) for one in every]),
        (say("Floods: from 10 in ten minutes until fewer than 5"), [str(one.floods) for one in every]),
        (say("Time in flood"), [f.percent(one.flooded, 1) for one in every]),
        (say("Chattering: three times within a minute"), [str(len(one.chattering)) for one in every]),
        (
            say("Share of the ten most frequent"),
            [f.percent(one.top_share) if one.count else "" for one in every],
        ),
    ]
    for name in ("high", "medium", "low"):
        shares = [f.percent(one.mix.get(name, 0.0)) if one.count else "" for one in every]
        rows.append((say("Share of {priority}", priority=alarm_words.priority(name)), shares))
    return rows


def _names(title: str, names: list[str]) -> html.P:
    return html.P([html.B(title), " ", "; ".join(names)])


def _name(feed: Feed, key: str) -> str:
    rule, _, subject = key.partition("@")
    return f"{alarm_words.title(rule)} {alarm_form.where(subject, feed.settings)}"


def _table(feed: Feed, known: Known) -> html.Div:
    head = [
        say("Alarm"),
        say("Where"),
        say("State"),
        say("Limit"),
        say("Delays"),
        say("Priority"),
        say("Changed here"),
    ]
    rows = [_row(feed, known, watch) for watch in known.plan.watches]
    caption = html.Caption(say("All alarms of this station"), className="ss-sr")
    table = html.Table(
        [caption, html.Thead(html.Tr([html.Th(name, scope="col") for name in head])), html.Tbody(rows)],
        className="ss-table ss-al-all",
    )
    region = {"tabIndex": 0, "role": "region", "aria-label": say("All alarms of this station")}
    return html.Div(table, className="ss-wrap", **region)


def _row(feed: Feed, known: Known, watch: Watch) -> html.Tr:
    one = known.alarms.get(watch.key) or Alarm(watch.rule.key, watch.subject)
    name = dcc.Link(alarm_words.title(one.rule), href=alarm_words.address(watch.key))
    calm = one.shown is State.NORMAL
    state = alarm_words.state(one.shown)
    if feed.board().alarms is None:
        state, calm = say("not watched"), True
    changed = say("yes") if watch.changed else ""
    delays = f"{watch.on_ms / 1000:g} / {watch.off_ms / 1000:g} s"
    return html.Tr(
        [
            html.Th(name, scope="row"),
            html.Td(alarm_form.where(watch.subject, feed.settings)),
            html.Td(state if calm else html.B(state)),
            html.Td(told(watch.limit_words or watch.rule.kind.words)),
            html.Td(delays),
            html.Td(alarm_words.priority(watch.priority)),
            html.Td(changed),
        ]
    )
