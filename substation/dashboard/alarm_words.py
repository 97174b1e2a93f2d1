"""An alarm in words for people: title, what to do, priority, states, and the events that tell of it. Pure."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import urlencode

from substation.alarms import rule
from substation.alarms.rule import Rule
from substation.alarms.state import Alarm, State
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.errors import SettingsError
from substation.store.events import Event

FAMILY = "alarm."
PAGE = "/alarms"
"""Of all alarms, and of one: why it was raised, and the curve around it (`pages/alarms.py`)."""
_MARK = re.compile(r" ?\(alarm (\w+)@(\S.*?) \S+-[0-9]+\)$")
"""At the end of an event's detail: which rule, at which subject (`alarms.state.id_in`)."""
MEANS: Mapping[State, str] = {
    State.NORMAL: later("in order, and nobody has to act"),
    State.UNACKNOWLEDGED: later("stands, and nobody has said that he saw it"),
    State.ACKNOWLEDGED: later("stands, and somebody has seen it"),
    State.RTN_UNACKNOWLEDGED: later("is over, and nobody has said that he saw it"),
    State.SHELVED: later("put aside by somebody, until a time"),
    State.SUPPRESSED: later("follows from something else that is down; it asks nobody"),
    State.OUT_OF_SERVICE: later("taken out by somebody, until it is put back"),
}
"""What each state of ISA-18.2 means."""
FOR_THE_RECORD = later("stands, and is written down for the record; nobody is asked")


@cache
def rules() -> Mapping[str, Rule]:
    """Return the rules of this program by their key; none where their file cannot be used."""
    try:
        return {one.key: one for one in rule.load()}
    except SettingsError:
        return {}


def title(key: str) -> str:
    """Return how a rule's alarm is called."""
    found = rules().get(key)
    return told(found.title) if found else key


def state(name: str) -> str:
    """Return a state of ISA-18.2 by its name."""
    return told(name)


def means(one: Alarm) -> str:
    """Return what the state means in which an alarm is; of a `journal` alarm nobody has seen anything."""
    is_journal = one.shown is State.ACKNOWLEDGED and not one.acked_by
    return told(FOR_THE_RECORD if is_journal else MEANS[one.shown])


def priority(name: str) -> str:
    """Return a priority in words."""
    match name:
        case "high":
            return say("high priority")
        case "medium":
            return say("medium priority")
        case "low":
            return say("low priority")
        case "journal":
            return say("for the record only")
    return say("priority not known")


def of_event(event: Event) -> tuple[str, str, str]:
    """Return of an event `alarm...` what happened, from which state to which, and why."""
    mark = _MARK.search(event.detail)
    key = mark[1] if mark else ""
    plain = event.detail[: mark.start()] if mark else event.detail
    found = rules().get(key)
    name = title(key) if key else say("An alarm")
    say_what = _WHAT.get(event.kind)
    what = say_what(name) if say_what else f"{name}: {event.kind}"
    change = ""
    if event.old and event.new and event.old != event.new:
        change = say("{old}, then {new}", old=state(event.old), new=state(event.new))
    head, colon, why = plain.partition(": ")
    if found is None or not head.startswith(f"{found.title}, "):  # of a rule that was renamed since
        return what, change, plain
    return what, change, why if colon else ""


def where(subject: str, name_of: Callable[[int], str | None]) -> str:
    """Return what an alarm is about: a circuit by its number and `name_of`, a line, the station."""
    kind, _, name = subject.partition(":")
    if kind == "line":
        return f"RS-485 {name}"
    if kind != "meter" or not name.isdecimal():
        return say("Station")
    meter = name_of(int(name))
    return f"{name} {meter}" if meter else say("{number}, not configured now", number=name)


def address(key: str, at_ms: int | None = None) -> str:
    """Return where an alarm is explained: as it is, or as it was when it became true."""
    return f"{PAGE}?{urlencode({'of': key} | ({} if at_ms is None else {'at': str(at_ms)}), safe='@:')}"


def key_of(event: Event) -> str:
    """Return which alarm an event is about; nothing where it is about none."""
    mark = _MARK.search(event.detail) if event.kind.startswith(FAMILY) else None
    return f"{mark[1]}@{mark[2]}" if mark else ""


def line_of(event: Event) -> str:
    """Return the line that an alarm's event is about; nothing where it is about something else."""
    mark = _MARK.search(event.detail) if event.kind.startswith(FAMILY) else None
    kind, _, name = (mark[2] if mark else "").partition(":")
    return name if kind == "line" else ""


def _what() -> Mapping[str, Callable[[str], str]]:
    return {
        "alarm.raised": lambda name: say("{title}: raised", title=name),
        "alarm.cleared": lambda name: say("{title}: over", title=name),
        "alarm.acknowledged": lambda name: say("{title}: acknowledged", title=name),
        "alarm.shelved": lambda name: say("{title}: shelved", title=name),
        "alarm.unshelved": lambda name: say("{title}: off the shelf", title=name),
        "alarm.suppressed": lambda name: say("{title}: suppressed by design", title=name),
        "alarm.unsuppressed": lambda name: say("{title}: not suppressed any more", title=name),
        "alarm.out_of_service": lambda name: say("{title}: taken out of service", title=name),
        "alarm.in_service": lambda name: say("{title}: in service again", title=name),
        "alarm.note": lambda name: say("{title}: a note", title=name),
        "alarm.ended": lambda name: say("{title}: watched no more", title=name),
    }


_WHAT = _what()
