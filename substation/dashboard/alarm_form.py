"""The form of one alarm, for whoever may ask something of it: acknowledge, note, shelve, out of service."""

from typing import Any

from dash import dcc, html

from substation.access.users import role_at_least
from substation.alarms.handling import LONGEST_WORDS
from substation.alarms.state import Alarm, Asked, State
from substation.dashboard import account_menu, alarm_desk, alarm_words
from substation.dashboard.feed import Feed
from substation.dashboard.settings_desk import Outcome
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


def form(feed: Feed, key: str, refused: str = "") -> list[Any]:
    """Return the form of one alarm: a note, a reason, a time. It stands still while somebody types.

    `refused` is the token under which `alarm_desk` keeps what was wanting in it, and what was typed.
    """
    if not key or not may_ask():
        return []
    board, known = feed.board(), feed.alarms()
    if known.plan.by_key.get(key) is None or board.alarms is None:
        return []
    rule, _, subject = key.partition("@")
    one = known.alarms.get(key) or Alarm(rule, subject)
    user = account_menu.visitor()
    outcome = (alarm_desk.REFUSED.of(refused, user.name) if refused and user else None) or Outcome("")
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
                    children=outcome.typed.get("words") or None,
                    **_wanting(outcome, "words"),
                ),
                *_fault(outcome, "words"),
                html.Div(go, className="ss-al-go"),
                *_aside_ways(one, outcome),
                html.P(say("It goes to the audit log and the events with your name."), className="ss-muted"),
                dcc.Link(say("Close"), href=alarm_desk.PATH, className="ss-btn ss-quiet"),
            ],
            action=alarm_desk.ASK,
            method="post",
            className="ss-al-form",
        )
    ]


def _wanting(outcome: Outcome, item: str) -> dict[str, Any]:
    """Return what marks a field in which something is wanting; the focus brings it in view."""
    if item not in outcome.faults:
        return {}
    marks = {"aria-invalid": "true", "aria-describedby": f"alarm-{item}-fault"}
    return {"autoFocus": True, **marks}


def _fault(outcome: Outcome, item: str) -> list[Any]:
    why = outcome.faults.get(item)
    return [html.P(why, id=f"alarm-{item}-fault", className="ss-set-fault", role="alert")] if why else []


def _aside_ways(one: Alarm, outcome: Outcome) -> list[Any]:
    """Return what puts an alarm aside, or back."""
    if one.out is not None:
        return [html.Div(button(say("Put back in service"), "in_service", one), className="ss-al-go")]
    typed = outcome.typed.get("minutes")
    spans = [
        html.Option(_long(minutes), value=str(minutes), selected=True if str(minutes) == typed else None)
        for minutes in alarm_desk.MINUTES
    ]
    marks = _wanting(outcome, "minutes")
    shelve: list[Any] = [
        html.Label(say("Shelve for"), htmlFor="alarm-minutes"),
        html.Select(spans, name="minutes", id="alarm-minutes", className="ss-select", **marks),
        button(say("Shelve for this reason"), "shelve", one),
    ]
    if one.shelf is not None:
        shelve.append(button(say("Take off the shelf"), "unshelve", one))
    meaning = say(
        "What stands when the shelf ends asks again. What is over by then counts as seen, and does not."
    )
    ways: list[Any] = [html.Div(shelve, className="ss-al-shelve"), *_fault(outcome, "minutes")]
    ways.append(html.P(meaning, className="ss-muted"))
    user = account_menu.visitor()
    if user is not None and role_at_least(user.role, "engineer"):
        out = button(say("Take out of service for this reason"), "out_of_service", one)
        without = html.Span(say("without an end, until somebody puts it back"), className="ss-muted")
        ways.append(html.Div([out, without], className="ss-al-go"))
    return ways


def _long(minutes: int) -> str:
    return say("{count} h", count=minutes // 60) if minutes % 60 == 0 else say("{count} min", count=minutes)
