"""One alarm explained: why it was raised, what is in force, the curve around it, what happened to it."""

import re
from dataclasses import dataclass
from typing import Any

from dash import dcc, html

from substation.alarms.plan import STATION, Watch
from substation.alarms.state import Alarm
from substation.alarms.vocabulary import CONDITIONS
from substation.dashboard import alarm_curve, alarm_form, alarm_words, events_now, heard
from substation.dashboard import format as f
from substation.dashboard.alarm_curve import Moment
from substation.dashboard.events_asked import ALARMS
from substation.dashboard.feed import Feed
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.errors import StoreError
from substation.quantities import BY_KEY
from substation.store.event_pages import Wanted
from substation.store.events import Event

LOOKED_AT = 600
"""Events of alarms of one meter among which those of one alarm are looked for."""
SHOWN = 30
METER = re.compile("[1-9][0-9]{0,2}")
"""Number of a meter, also of one that the station has no more."""


@dataclass(frozen=True, slots=True)
class Then:
    """One time that an alarm stood."""

    moment: Moment | None = None
    why: str = ""
    """The evidence at the time: value, limit, for how long."""


def page(feed: Feed, key: str, at_ms: int | None) -> list[Any]:
    """Return all that is known of one alarm: as it is, or as it was when it became true at `at_ms`."""
    known, board = feed.alarms(), feed.board()
    rule, at, subject = key.partition("@")
    found = known.alarms.get(key)
    one = found or Alarm(rule, subject)
    watch = known.plan.by_key.get(key)
    where = alarm_form.where(subject, feed.settings)
    if not at or (watch is None and rule not in alarm_words.rules()):
        words = say("This station has no such alarm. Open Events anew.")
        return [html.H1(say("Alarm")), html.P(words, className="ss-al-note", role="alert")]
    try:
        events, trouble = _events(feed, key, at_ms), ""
    except StoreError as exc:
        events, trouble = [], heard.told(str(exc))
    then = _then(one, events, at_ms)
    inside: list[Any] = [
        html.Div(
            [
                html.H1(f"{alarm_words.title(rule)}, {where}"),
                dcc.Link(say("All alarms"), href=alarm_words.PAGE),
            ],
            className="ss-head",
        )
    ]
    if watch is None:
        words = say("It is watched no more: {why}", why=told(known.plan.gone(rule, subject)))
        inside.append(html.P(words, className="ss-al-note"))
    if board.alarms is None:
        words = say("Alarms are not watched now: what stands here is as it was before.")
        inside.append(html.P(words, className="ss-al-note", role="status"))
    facts = _Facts(feed, one, watch, then, is_past=at_ms is not None and at_ms != one.since_ms)
    inside.append(_section(say("Why"), [facts.why()]))
    if watch is not None:
        curve: list[Any] = [html.P(say("It was not raised yet: there is no moment to show."))]
        if then.moment is not None:
            stands = one.active and then.moment.since_ms == one.since_ms
            curve = alarm_curve.drawn(feed, watch, then.moment, stands=stands)
        inside.append(_section(say("The curve around it"), curve))
        inside.append(_section(say("In force now"), [facts.in_force(watch)]))
    inside.append(_section(say("What happened to it"), _history(feed, key, events, trouble)))
    return [*inside, *alarm_form.form(feed, key)]


def _section(title: str, inside: list[Any]) -> html.Section:
    return html.Section([html.H2(title), *inside], className="ss-sec", **{"aria-label": title})


def _events(feed: Feed, key: str, at_ms: int | None) -> list[Event]:
    """Return what was noted of an alarm, newest first: lately, or from a time on."""
    subject = key.partition("@")[2]
    kind, _, number = subject.partition(":")
    if kind == "meter" and not METER.fullmatch(number):
        return []
    meters = (int(number),) if kind == "meter" else ()
    if at_ms is None:
        noted = feed.noted(Wanted(kinds=ALARMS, meters=meters), LOOKED_AT)
    else:
        wanted = Wanted(kinds=ALARMS, meters=meters, start_ms=at_ms)
        noted = list(reversed(feed.noted(wanted, LOOKED_AT, oldest_first=True)))
    return [one.event for one in noted if alarm_words.key_of(one.event) == key]


def _then(one: Alarm, events: list[Event], at_ms: int | None) -> Then:
    """Return the time that is meant: that of the address, else the last one."""
    if one.since_ms is not None and at_ms in (None, one.since_ms):
        return Then(Moment(one.since_ms, one.raised_ms, one.cleared_ms), one.why)
    raised = next((e for e in reversed(events) if e.kind == "alarm.raised" and e.at_ms == at_ms), None)
    if at_ms is None:
        raised = next((event for event in events if event.kind == "alarm.raised"), None)
    if raised is None:
        return Then()
    over = next((e for e in reversed(events) if e.kind == "alarm.cleared" and e.at_ms >= raised.at_ms), None)
    return Then(Moment(raised.at_ms, None, over.at_ms if over else None), alarm_words.of_event(raised)[2])


def _history(feed: Feed, key: str, events: list[Event], trouble: str) -> list[Any]:
    if trouble:
        return [html.P(say("The history does not answer: {why}", why=trouble), className="ss-al-note")]
    if not events:
        return [html.P(say("Nothing is noted of it."))]
    now_ms, zone = feed.clock.now_ms(), feed.settings.site.zone
    rows = []
    for event in events[:SHOWN]:
        what, change, why = alarm_words.of_event(event)
        words: Any = what
        if event.kind == "alarm.raised":
            words = dcc.Link(what, href=alarm_words.address(key, event.at_ms))
        rows.append(
            html.Tr(
                [
                    html.Td(events_now.point(event.at_ms, now_ms, zone), className="ss-ev-at"),
                    html.Th([words, html.Small(change)], scope="row", className="ss-ev-what"),
                    html.Td(told(why), className="ss-ev-how"),
                ]
            )
        )
    head = [html.Th(name, scope="col") for name in (say("At"), say("What"), say("Evidence"))]
    caption = html.Caption(say("What happened to this alarm, newest first"), className="ss-sr")
    table = html.Table(
        [caption, html.Thead(html.Tr(head)), html.Tbody(rows)], className="ss-table ss-events ss-alarms"
    )
    return [html.Div(table, className="ss-wrap")]


class _Facts:
    """What is known of one alarm, as names with their values."""

    def __init__(self, feed: Feed, one: Alarm, watch: Watch | None, then: Then, *, is_past: bool) -> None:
        self._feed, self._one, self._watch, self._then, self._is_past = feed, one, watch, then, is_past
        self._now_ms, self._zone = feed.clock.now_ms(), feed.settings.site.zone

    def why(self) -> html.Dl:
        """Return state, times, evidence, people's words."""
        one, rows = self._one, list[tuple[str, Any]]()
        rows.append((say("State now"), [alarm_words.state(one.shown), html.Small(alarm_words.means(one))]))
        moment = self._then.moment
        if moment is not None:
            rows.append((say("True since"), self._at(moment.since_ms)))
            if moment.raised_ms is not None:
                rows.append((say("Raised"), self._at(moment.raised_ms)))
            if moment.cleared_ms is not None:
                rows.append((say("Over"), self._at(moment.cleared_ms)))
        if self._then.why:
            rows.append((say("Value and limit then"), told(self._then.why)))
        if not self._is_past:
            rows += self._now()
        action = self._watch.action if self._watch else ""
        if action:
            rows.append((say("What to do"), told(action)))
        return _list(rows)

    def _now(self) -> list[tuple[str, Any]]:
        one, rows = self._one, list[tuple[str, Any]]()
        if one.unseen_ms is not None:
            words = say(
                "not seen since {time}: {why}", time=self._at(one.unseen_ms), why=told(one.unseen_why)
            )
            rows.append((say("Its signal"), words))
        if one.suppressed and one.active:
            rows.append((say("Suppressed, because"), told(CONDITIONS[one.suppressed])))  # type: ignore[index]
        if one.acked_by and one.acked_ms is not None:
            words = say("by {name}, {time}", name=one.acked_by, time=self._at(one.acked_ms))
            rows.append((say("Acknowledged"), words))
        aside = one.shelf or one.out
        if aside is not None:
            rows.append((say("Put aside"), say("by {name}: {reason}", name=aside.by, reason=aside.reason)))
            if aside.until_ms is not None:
                rows.append((say("Until"), self._at(aside.until_ms)))
        if one.note:
            written = [] if one.note_ms is None else [html.Small(self._at(one.note_ms))]
            rows.append((say("Note"), [one.note, *written]))
        return rows

    def in_force(self, watch: Watch) -> html.Dl:
        """Return limit, dead band, delays, priority, and which of them this station or meter has changed."""
        rule, changed = watch.rule, dict(watch.changed)
        rows: list[tuple[str, Any]] = [(say("Watched"), told(rule.kind.words))]
        if watch.limit is not None:
            rows.append((say("Limit"), self._whose(self._limit(watch), changed, "limit")))
            back = watch.limit + (watch.dead_band if rule.above is None else -watch.dead_band)
            unit = "" if rule.unit == "1" else f" {rule.unit}"
            words = say("over again from {value}", value=f"{back:g}{unit}")
            band = f"{watch.dead_band:g}{unit}, {words}"
            rows.append((say("Dead band"), self._whose(band, changed, "dead_band")))
        on, off = f"{watch.on_ms / 1000:g} s", f"{watch.off_ms / 1000:g} s"
        rows.append((say("On-delay"), self._whose(on, changed, "on_delay_s")))
        rows.append((say("Off-delay"), self._whose(off, changed, "off_delay_s")))
        priority = alarm_words.priority(watch.priority)
        rows.append((say("Priority"), self._whose(priority, changed, "priority")))
        if rule.suppressed_by:
            rows.append(
                (say("Suppressed when"), "; ".join(told(CONDITIONS[name]) for name in rule.suppressed_by))
            )
        rows.append((say("Where the limit is from"), rule.source))
        if "action" in changed:
            rows.append((say("What to do"), self._whose(told(watch.action), changed, "action")))
        return _list(rows)

    def _limit(self, watch: Watch) -> str:
        words = told(watch.limit_words)
        if watch.meter_id is None or watch.rule.relative_to == "absolute":
            return words
        meter = self._feed.board().meter(watch.meter_id)
        keys = alarm_curve.keys_of(watch.rule.signal, meter.model.keys) if meter else ()
        ratings = alarm_curve.ratings(self._feed, watch.meter_id, self._now_ms)
        limit = alarm_curve.limit_of(watch, ratings, keys)
        if meter is None or not keys or limit is None:
            return words
        written = f.spec(keys[0], meter.rated_kva, meter.nominal_v)
        value = f.number(
            limit / written.divisor, max(written.decimals, 1 if BY_KEY[keys[0]].unit == "V" else 0)
        )
        return f"{words} = {value} {written.unit}"

    @staticmethod
    def _whose(words: str, changed: dict[str, str], name: str) -> list[Any]:
        match changed.get(name):
            case "meter":
                return [words, html.Small(say("set for this meter"))]
            case str() as whose if whose == STATION:
                return [words, html.Small(say("set for the station"))]
        return [words, html.Small(say("as the rule has it"))]

    def _at(self, ms: int) -> str:
        doubted = self._feed.board().times_doubted
        return f.unsure(events_now.point(ms, self._now_ms, self._zone), doubted)


def _list(rows: list[tuple[str, Any]]) -> html.Dl:
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows], className="ss-al-facts"
    )
