"""The form of one alarm, for whoever may ask something of it: acknowledge, note, shelve, out of service."""

from typing import Any

from dash import dcc, html

from substation.access.users import role_at_least
from substation.alarms.handling import LONGEST_WORDS
from substation.alarms.state import Alarm, Asked, State
from substation.dashboard import account_menu, alarm_desk, alarm_words
from substation.dashboard.feed import Feed
from substation.dashboard.tongue import say
from substation.settings.model import Settings

ASKS = (State.UNACKNOWLEDGED, State.RTN_UNACKNOWLEDGED)


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


def button(words: str, kind: Asked, one: Alarm) -> html.Button:
    """Return a button of a plain form that asks this of an alarm, as the page showed it."""
    return html.Button(
        words,
        type="submit",
        name="do",
        value=alarm_desk.value(kind, one.key, one.occurrence),
        className="ss-btn",
        disable_n_clicks=True,
    )


def form(feed: Feed, key: str) -> list[Any]:
    """Return the form of one alarm: a note, a reason, a time. It stands still while somebody types."""
    if not key or not may_ask():
        return []
    board, known = feed.board(), feed.alarms()
    if known.plan.by_key.get(key) is None or board.alarms is None:
        return []
    rule, _, subject = key.partition("@")
    one = known.alarms.get(key) or Alarm(rule, subject)
    shown = f"{alarm_words.title(one.rule)}, {where(one.subject, feed.settings)}"
    go = [button(say("Acknowledge with this note"), "acknowledge", one)] if one.shown in ASKS else []
    go.append(button(say("Add this note"), "note", one))
    return [
        html.Form(
            [
                html.H3(shown),
                html.Label(say("Note, or the reason for putting it aside"), htmlFor="alarm-words"),
                html.Textarea(
                    name="words",
                    id="alarm-words",
                    maxLength=str(LONGEST_WORDS),
                    rows="2",
                    className="ss-field",
                ),
                html.Div(go, className="ss-al-go"),
                *_aside_ways(one),
                html.P(say("It goes to the audit log and the events with your name."), className="ss-muted"),
                dcc.Link(say("Close"), href=alarm_desk.PATH, className="ss-btn ss-quiet"),
            ],
            action=alarm_desk.ASK,
            method="post",
            className="ss-al-form",
        )
    ]


def _aside_ways(one: Alarm) -> list[Any]:
    """Return what puts an alarm aside, or back."""
    if one.out is not None:
        return [html.Div(button(say("Put back in service"), "in_service", one), className="ss-al-go")]
    spans = [html.Option(_long(minutes), value=str(minutes)) for minutes in alarm_desk.MINUTES]
    shelve: list[Any] = [
        html.Label(say("Shelve for"), htmlFor="alarm-minutes"),
        html.Select(spans, name="minutes", id="alarm-minutes", className="ss-select"),
        button(say("Shelve for this reason"), "shelve", one),
    ]
    if one.shelf is not None:
        shelve.append(button(say("Take off the shelf"), "unshelve", one))
    ways = [html.Div(shelve, className="ss-al-shelve")]
    user = account_menu.visitor()
    if user is not None and role_at_least(user.role, "engineer"):
        out = button(say("Take out of service for this reason"), "out_of_service", one)
        without = html.Span(say("without an end, until somebody puts it back"), className="ss-muted")
        ways.append(html.Div([out, without], className="ss-al-go"))
    return ways


def _long(minutes: int) -> str:
    return say("{count} h", count=minutes // 60) if minutes % 60 == 0 else say("{count} min", count=minutes)
