"""Draws the alarms that stand: state, since when, why, what to do, and what an operator may ask of them."""

from dataclasses import dataclass
from typing import Any

from dash import dcc, html

from substation.access.users import role_at_least
from substation.alarms.handling import LONGEST_WORDS
from substation.alarms.state import Alarm, Asked, State
from substation.alarms.vocabulary import CONDITIONS, STALLED
from substation.clock import Clock
from substation.dashboard import account_menu, alarm_desk, alarm_words, desk, events_now
from substation.dashboard import format as f
from substation.dashboard.alarm_book import Known
from substation.dashboard.board import Board
from substation.dashboard.feed import Feed
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.errors import StoreError
from substation.settings.model import Settings

ASKS = (State.UNACKNOWLEDGED, State.RTN_UNACKNOWLEDGED)
PATIENCE_MS = 15_000
"""A poller that has not obeyed for so long is told of."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address of the page says of alarms."""

    alarm: str = ""
    """Key of the one whose form is open."""
    asked: str = ""
    """Uid of what was asked before."""


def section(feed: Feed, chosen: Chosen) -> list[Any]:
    """Return what became of the last request, and the alarms that stand now."""
    board, known = feed.board(), feed.alarms()
    drawn = _Drawn(feed, board, known)
    standing = known.standing()
    inside: list[Any] = [*_answer(known, chosen.asked)]
    if board.alarms is None:
        inside.append(html.P(_unwatched(board), className="ss-al-note", role="status"))
    if known.trouble:
        words = say("The alarms cannot be shown: {why}", why=told(known.trouble))
        inside.append(html.P(words, className="ss-al-note"))
    elif standing:
        old = "" if board.alarms is not None else " ss-hatched"
        inside.append(html.Div(drawn.table(standing), className=f"ss-al-some{old}"))
    elif board.alarms is not None and (board.alarms.active or board.alarms.unacknowledged):
        # the poller counts some, and what it saved does not show them
        words = say("The poller counts alarms, and they could not be saved: which ones is not known here.")
        inside.append(html.P(words, className="ss-al-note"))
    elif board.alarms is not None:
        inside.append(
            html.P(say("No alarm stands, and none waits to be acknowledged."), className="ss-ev-none")
        )
    return inside


def frame(feed: Feed, chosen: Chosen) -> html.Section:
    """Return the section of the page; its middle is drawn anew, its form is left alone."""
    return html.Section(
        [
            html.H2(say("Alarms now"), id="alarms"),
            html.Div(section(feed, chosen), id="alarms-now"),
            *_form(feed, chosen),
        ],
        className="ss-sec ss-first ss-p-alarms",
        **{"aria-label": say("Alarms now")},
    )


def mark(feed: Feed, chosen: Chosen) -> str:
    """Return what differs when the section is to be drawn anew."""
    board, known = feed.board(), feed.alarms()
    waits = bool(chosen.asked) and chosen.asked not in known.answers
    late = _is_late(chosen.asked) if waits else False
    return repr((known.mark, board.poller.state, board.alarms, waits, late))


def where(subject: str, settings: Settings) -> str:
    """Return what an alarm is about."""

    def name_of(number: int) -> str | None:
        meter = settings.meter(number)
        return meter.name if meter else None

    return alarm_words.where(subject, name_of)


def may_ask() -> bool:
    """Return whether whoever looks may acknowledge and shelve."""
    user = account_menu.visitor()
    return user is not None and role_at_least(user.role, "operator")


def _unwatched(board: Board) -> str:
    if board.poller.state != "running":
        return say(
            "Alarms are not watched: the poller does not run. What stands below is as it was when it "
            "stopped; nothing can be acknowledged meanwhile."
        )
    if STALLED in board.problems:
        return say(
            "Alarms are not watched: the poller runs and cannot judge them; its log says why. What stands "
            "below is as it was before."
        )
    return say("Alarms are not watched: this poller does not tell of any. Restart it with this program.")


def _answer(known: Known, uid: str) -> list[Any]:
    """Return what became of a request of whoever looks."""
    user = account_menu.visitor()
    found = alarm_desk.asked(desk.current(), uid, user.name) if uid and user else None
    if found is None:
        return []
    name = _asked_words(found[0], alarm_words.title(found[1]))
    answer = known.answers.get(uid)
    if answer is not None:
        said = told(answer.words)
        whole = say("Done: {what}", what=said) if answer.done else say("Declined: {why}", why=said)
        return [_said(name, whole, alert=not answer.done)]
    if _is_late(uid):
        why = say(
            "The poller has not answered yet. It obeys as soon as it runs and reads; look at the state line."
        )
        return [_said(name, why, alert=True)]
    return [_said(name, say("Waiting for the poller ..."), alert=False)]


def _said(name: str, words: str, *, alert: bool) -> html.Div:
    return html.Div([html.B(name), " ", words], className="ss-set-said", role="alert" if alert else "status")


def _asked_words(kind: str, title: str) -> str:
    if kind == "acknowledge":
        return say("{title}, acknowledge.", title=title)
    if kind == "shelve":
        return say("{title}, shelve.", title=title)
    return say("{title}, take off the shelf.", title=title)


def _is_late(uid: str) -> bool:
    here = desk.current()
    clock: Clock = here.clock
    try:
        rows = here.database.rows("SELECT at_ms FROM alarm_command WHERE uid = ?", (uid,))
    except StoreError:
        return False
    return bool(rows) and clock.now_ms() - int(str(rows[0][0])) > PATIENCE_MS


class _Drawn:
    """The alarms of one moment."""

    def __init__(self, feed: Feed, board: Board, known: Known) -> None:
        self._settings, self._board, self._known = feed.settings, board, known
        self._zone = feed.settings.site.zone
        self._may = may_ask() and board.alarms is not None

    def table(self, standing: list[Alarm]) -> html.Table:
        names = [say("Alarm"), say("State"), say("Since"), say("What to do")]
        names += [say("Acknowledge, shelve")] if self._may else []
        looks = ("what", "state", "at", "do", "ways")
        cells = [
            html.Th(name, scope="col", className=f"ss-al-{look}")
            for name, look in zip(names, looks, strict=False)
        ]
        head = html.Thead(html.Tr(cells))
        caption = html.Caption(say("Alarms that stand or wait to be acknowledged"), className="ss-sr")
        return html.Table(
            [caption, head, html.Tbody([self._row(one) for one in standing])],
            className="ss-table ss-events ss-alarms",
        )

    def _row(self, one: Alarm) -> html.Tr:
        urgent = self._known.priority(one)
        what: list[Any] = [html.B(alarm_words.title(one.rule)), " ", html.Span(self.where(one))]
        if one.why:
            what.append(html.Small(told(one.why)))
        if one.unseen_ms is not None:
            since = self._at(one.unseen_ms)
            why = told(one.unseen_why)
            what.append(
                html.Small(say("not seen since {time}: {why}", time=since, why=why), className="ss-warn")
            )
        if one.note:
            what.append(html.Small(say("note of {note}", note=one.note)))
        rule = alarm_words.rules().get(one.rule)
        cells = [
            html.Th(what, scope="row", className="ss-al-what"),
            html.Td(self._state(one, urgent), className="ss-al-state"),
            html.Td(self._times(one), className="ss-al-at"),
            html.Td(told(rule.action) if rule else "", className="ss-al-do"),
        ]
        if self._may:
            cells.append(html.Td(self._ways(one), className="ss-al-ways"))
        return html.Tr(cells)

    def where(self, one: Alarm) -> str:
        return where(one.subject, self._settings)

    def _state(self, one: Alarm, urgent: str) -> list[Any]:
        loud = one.shown in (*ASKS, State.ACKNOWLEDGED) and urgent != "journal"
        look = ("ss-tag-alarm" if urgent == "high" else "ss-tag-warn") if loud else "ss-ev-plain"
        name = alarm_words.state(one.shown)
        sign = html.Span(className="ss-i" if loud else "ss-i ss-i-event")
        said = [
            html.Span([sign, name], className=f"ss-tag {look}"),
            html.Small(told(alarm_words.MEANS[one.shown])),
        ]
        aside = one.shelf or one.out
        if aside is not None:
            until = say("until {time}", time=self._at(aside.until_ms)) if aside.until_ms is not None else ""
            by = say("by {name}: {reason}", name=aside.by, reason=aside.reason)
            said.append(html.Small(f"{until} {by}".strip()))
            stands = say("it stands meanwhile") if one.active else say("it does not stand now")
            said.append(html.Small(stands))
        elif one.suppressed and one.active:
            said.append(html.Small(told(CONDITIONS[one.suppressed])))  # type: ignore[index]
        if one.acked_by and one.acked_ms is not None:
            words = say("acknowledged by {name}, {time}", name=one.acked_by, time=self._at(one.acked_ms))
            said.append(html.Small(words))
        return [*said, html.Small(alarm_words.priority(urgent))]

    def _times(self, one: Alarm) -> list[Any]:
        said: list[Any] = []
        if one.since_ms is not None:
            said.append(html.Span(self._at(one.since_ms)))
        if one.raised_ms is not None:
            said.append(html.Small(say("raised {time}", time=self._at(one.raised_ms))))
        if one.cleared_ms is not None and not one.active:
            said.append(html.Small(say("over {time}", time=self._at(one.cleared_ms))))
        return said

    def _at(self, ms: int | None) -> str:
        if ms is None:
            return ""
        return f.unsure(events_now.point(ms, self._board.at_ms, self._zone), self._board.times_doubted)

    def _ways(self, one: Alarm) -> list[Any]:
        ways: list[Any] = []
        if one.shown in ASKS:
            ways.append(_button(say("Acknowledge"), "acknowledge", one))
        if one.shelf is not None:
            ways.append(_button(say("Take off the shelf"), "unshelve", one))
        form = html.Form(ways, action=alarm_desk.ASK, method="post") if ways else None
        further = say("Note, shelve ...") if one.shown in ASKS else say("Shelve ...")
        link = dcc.Link(further, href=f"{alarm_desk.PATH}?alarm={one.key}", className="ss-btn ss-quiet")
        return [form, link] if form is not None else [link]


def _button(words: str, kind: Asked, one: Alarm) -> html.Button:
    return html.Button(
        words,
        type="submit",
        name="do",
        value=alarm_desk.value(kind, one.key, one.occurrence),
        className="ss-btn",
        disable_n_clicks=True,
    )


def _form(feed: Feed, chosen: Chosen) -> list[Any]:
    """Return the form of one alarm: a note, a reason, a time. It stands still while somebody types."""
    if not chosen.alarm or not may_ask():
        return []
    board, known = feed.board(), feed.alarms()
    one = known.alarms.get(chosen.alarm)
    if one is None or board.alarms is None:
        return []
    where = _Drawn(feed, board, known).where(one)
    shown = f"{alarm_words.title(one.rule)}, {where}"
    spans = [html.Option(_long(minutes), value=str(minutes)) for minutes in alarm_desk.MINUTES]
    go = [_button(say("Acknowledge with this note"), "acknowledge", one)] if one.shown in ASKS else []
    shelve = html.Div(
        [
            html.Label(say("Shelve for"), htmlFor="alarm-minutes"),
            html.Select(spans, name="minutes", id="alarm-minutes", className="ss-select"),
            _button(say("Shelve for this reason"), "shelve", one),
        ],
        className="ss-al-shelve",
    )
    return [
        html.Form(
            [
                html.H3(shown),
                html.Label(say("Note, or the reason for shelving"), htmlFor="alarm-words"),
                html.Textarea(
                    name="words",
                    id="alarm-words",
                    maxLength=str(LONGEST_WORDS),
                    rows="2",
                    className="ss-field",
                ),
                html.Div([*go, shelve], className="ss-al-go"),
                html.P(say("It goes to the audit log and the events with your name."), className="ss-muted"),
                dcc.Link(say("Close"), href=alarm_desk.PATH, className="ss-btn ss-quiet"),
            ],
            action=alarm_desk.ASK,
            method="post",
            className="ss-al-form",
        )
    ]


def _long(minutes: int) -> str:
    return say("{count} h", count=minutes // 60) if minutes % 60 == 0 else say("{count} min", count=minutes)
