"""Draws the alarms that stand: state, since when, why, what to do, and what an operator may ask of them."""

from dataclasses import dataclass
from typing import Any

from dash import dcc, html

from substation.alarms.first_out import incidents
from substation.alarms.handling import MOST_SHELVED
from substation.alarms.state import Alarm, State
from substation.alarms.vocabulary import CONDITIONS, STALLED
from substation.clock import Clock
from substation.dashboard import account_menu, alarm_desk, alarm_form, alarm_words, desk, events_now
from substation.dashboard import format as f
from substation.dashboard.alarm_book import Known
from substation.dashboard.alarm_form import ASKS
from substation.dashboard.board import Board
from substation.dashboard.feed import Feed
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.errors import StoreError

PATIENCE_MS = 15_000
"""A poller that has not obeyed for so long is told of."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address of the page says of alarms."""

    alarm: str = ""
    """Key of the one whose form is open."""
    asked: str = ""
    """Uid of what was asked before."""
    refused: str = ""
    """Token of a form in which something was wanting (`alarm_desk.REFUSED`)."""


def section(feed: Feed, chosen: Chosen) -> list[Any]:
    """Return what became of the last request, and the alarms that stand now."""
    board, known = feed.board(), feed.alarms()
    drawn = _Drawn(feed, board, known)
    standing = [one for one in known.standing() if not (one.shelf or one.out)]
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
    return [*inside, *([] if known.trouble else drawn.put_aside())]


def frame(feed: Feed, chosen: Chosen) -> html.Section:
    """Return the section of the page; its middle is drawn anew, its form is left alone."""
    return html.Section(
        [
            html.Div(
                [
                    html.H2(say("Alarms now"), id="alarms"),
                    dcc.Link(say("All alarms and their figures"), href=alarm_words.PAGE),
                ],
                className="ss-sec-h",
            ),
            html.Div(section(feed, chosen), id="alarms-now"),
            *alarm_form.form(feed, chosen.alarm, chosen.refused),
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
    match kind:
        case "acknowledge":
            return say("{title}, acknowledge.", title=title)
        case "shelve":
            return say("{title}, shelve.", title=title)
        case "unshelve":
            return say("{title}, take off the shelf.", title=title)
        case "out_of_service":
            return say("{title}, take out of service.", title=title)
        case "in_service":
            return say("{title}, put back in service.", title=title)
    return say("{title}, note.", title=title)


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
        self._may = alarm_form.may_ask() and board.alarms is not None
        round_ms = round(1000 * feed.settings.poll.interval_s)
        every = tuple(known.alarms.values())
        self._incidents = incidents(every, feed.settings.meters, round_ms, known.urgency)

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
        name = dcc.Link(alarm_words.title(one.rule), href=alarm_words.address(one.key))
        what: list[Any] = [html.B(name), " ", html.Span(self.where(one))]
        if one.why:
            what.append(html.Small(told(one.why)))
        what += self.came(one)
        if one.unseen_ms is not None:
            since = self._at(one.unseen_ms)
            why = told(one.unseen_why)
            what.append(
                html.Small(say("not seen since {time}: {why}", time=since, why=why), className="ss-warn")
            )
        if one.note:
            what.append(html.Small(say("note of {note}", note=one.note)))
        watch = self._known.plan.by_key.get(one.key)
        cells = [
            html.Th(what, scope="row", className="ss-al-what"),
            html.Td(self._state(one, urgent), className="ss-al-state"),
            html.Td(self._times(one), className="ss-al-at"),
            html.Td(told(watch.action) if watch else "", className="ss-al-do"),
        ]
        if self._may:
            cells.append(html.Td(self._ways(one), className="ss-al-ways"))
        return html.Tr(cells)

    def came(self, one: Alarm) -> list[Any]:
        """Return which alarm of its incident came first; nothing where it came alone."""
        incident = self._incidents.get(one.key)
        if incident is None:
            return []
        if incident.first == one.key:
            words = say("came first of {count} within 10 s", count=len(incident.keys))
            return [html.Small(html.B(words), className="ss-al-first")]
        first = self._known.alarms[incident.first]
        name = f"{alarm_words.title(first.rule)} {self.where(first)}"
        return [html.Small(say("within 10 s after: {first}", first=name))]

    def put_aside(self) -> list[Any]:
        """Return what people have put aside, and how many: always there, so that nothing hides."""
        aside = [one for one in self._known.standing() if one.shelf or one.out]
        shelved = sum(one.shelf is not None for one in aside)
        count = say("{count} of at most {most} shelved", count=shelved, most=MOST_SHELVED)
        if len(aside) > shelved:
            count = f"{count}, {say('{count} out of service', count=len(aside) - shelved)}"
        title = html.H3([say("Put aside"), " ", html.Small(count)], className="ss-al-aside")
        if not aside:
            return [title]
        names = [say("Alarm"), say("State"), say("By, why"), say("Until"), say("Meanwhile")]
        names += [say("Acknowledge, shelve")] if self._may else []
        looks = ("what", "state", "do", "at", "now", "ways")
        head = [html.Th(name, scope="col", className=f"ss-al-{look}")
                for name, look in zip(names, looks, strict=False)]  # fmt: skip
        caption = html.Caption(say("Alarms that people have put aside"), className="ss-sr")
        rows = [self._aside_row(one) for one in aside]
        table = [caption, html.Thead(html.Tr(head)), html.Tbody(rows)]
        old = "" if self._board.alarms is not None else " ss-hatched"
        return [title, html.Table(table, className=f"ss-table ss-events ss-alarms{old}")]

    def _aside_row(self, one: Alarm) -> html.Tr:
        aside = one.shelf or one.out
        if aside is None:
            return html.Tr()
        until = say("until somebody puts it back")
        if aside.until_ms is not None:
            until = say("until {time}", time=self._at(aside.until_ms))
        name = dcc.Link(alarm_words.title(one.rule), href=alarm_words.address(one.key))
        cells = [
            html.Th([html.B(name), " ", self.where(one)], scope="row", className="ss-al-what"),
            html.Td(
                html.Span([html.Span(className="ss-i ss-i-event"), alarm_words.state(one.shown)],
                          className="ss-tag ss-ev-plain"),
                className="ss-al-state",
            ),
            html.Td(
                [say("by {name}: {reason}", name=aside.by, reason=aside.reason),
                 html.Small(say("since {time}", time=self._at(aside.since_ms)))],
                className="ss-al-do",
            ),
            html.Td(until, className="ss-al-at"),
            html.Td(
                say("it stands meanwhile") if one.active else say("it does not stand now"),
                className="ss-al-now",
            ),
        ]  # fmt: skip
        if self._may:
            cells.append(html.Td(self._ways(one), className="ss-al-ways"))
        return html.Tr(cells)

    def where(self, one: Alarm) -> str:
        return alarm_form.where(one.subject, self._settings)

    def _state(self, one: Alarm, urgent: str) -> list[Any]:
        loud = one.shown in (*ASKS, State.ACKNOWLEDGED) and urgent != "journal"
        look = ("ss-tag-alarm" if urgent == "high" else "ss-tag-warn") if loud else "ss-ev-plain"
        name = alarm_words.state(one.shown)
        sign = html.Span(className="ss-i" if loud else "ss-i ss-i-event")
        said = [
            html.Span([sign, name], className=f"ss-tag {look}"),
            html.Small(alarm_words.means(one)),
        ]
        if one.suppressed and one.active:
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
            ways.append(alarm_form.button(say("Acknowledge"), "acknowledge", one))
        if one.shelf is not None:
            ways.append(alarm_form.button(say("Take off the shelf"), "unshelve", one))
        if one.out is not None:
            ways.append(alarm_form.button(say("Put back in service"), "in_service", one))
        form = html.Form(ways, action=alarm_desk.ASK, method="post") if ways else None
        further = say("Note, shelve ...") if one.shown in ASKS else say("Shelve ...")
        link = dcc.Link(further, href=f"{alarm_desk.PATH}?alarm={one.key}", className="ss-btn ss-quiet")
        return [form, link] if form is not None else [link]
