"""An event in words for people: what happened, how grave it is, on what it rests. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from substation.dashboard import alarm_words, heard
from substation.dashboard.tongue import say
from substation.settings.model import Settings
from substation.store.events import Event
from substation.store.supply_changes import STATES, moments

Grade = Literal["alarm", "warn", "event"]


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it stands on the page."""

    what: str
    grade: Grade = "event"
    evidence: str = ""
    span_ms: tuple[int, int] | None = None
    """From when to when, where the event itself says so."""
    of_supply: bool = False
    sign: str = ""
    """What its sign says where that is not `Event`."""
    change: str = ""
    """From which state to which."""


def told(event: Event, settings: Settings) -> Told:
    """Return an event in words."""
    if event.kind == "supply":
        return _supply(event, settings)
    if event.kind.startswith(alarm_words.FAMILY):
        happened, change, why = alarm_words.of_event(event)
        return Told(happened, "event", why, sign=say("Alarm"), change=change)
    say_what = _WHAT.get(event.kind)
    if say_what is None:  # of a newer program, or of nobody
        change = f": {event.old} → {event.new}" if event.old else f": {event.new}" if event.new else ""
        return Told(f"{event.kind}{change}", "event", event.detail)
    what, grade = say_what(event)
    return Told(what, grade, _evidence(event), moments(event) if event.kind in _SPANS else None)


_SPANS = ("station.gap", "store.gap", "store.relief", "import")


def _evidence(event: Event) -> str:
    if event.kind in ("comm.lost", "comm.back", "comm.refused", "comm.answers"):
        # the notice begins with the meter, which stands in its own column
        return event.detail.partition(": ")[2] or event.detail
    return event.detail


def _supply(event: Event, settings: Settings) -> Told:
    meter = None if event.meter_id is None else settings.meter(event.meter_id)
    role = "feeder" if meter is None else meter.role
    state = STATES.get(event.new, "unknown")
    first = STATES.get(event.old) is None
    found = _SUPPLY.get((role, state))
    if found is None:
        return Told(say("Supply not known"), "event", event.detail, of_supply=True)
    what, at_first, grade = found(event)
    return Told(at_first if first else what, grade, event.detail, of_supply=True)


Words = tuple[str, str, Grade]


def _supply_words() -> Mapping[tuple[str, str], Callable[[Event], Words]]:
    """Return by role and state: what is said of a change to it, and of a state that was found."""
    return {
        ("incomer", "dead"): lambda _: (say("Supply off"), say("Supply found off"), "alarm"),
        ("incomer", "live"): lambda _: (say("Supply on"), say("Supply found on"), "event"),
        ("incomer", "phase_lost"): lambda _: (
            say("Supply: phase lost"),
            say("Supply: phase found lost"),
            "alarm",
        ),
        ("generator", "dead"): lambda _: (say("DG set stopped"), say("DG set found stopped"), "event"),
        ("generator", "live"): lambda _: (say("DG set running"), say("DG set found running"), "event"),
        ("generator", "phase_lost"): lambda _: (
            say("DG set: phase lost"),
            say("DG set: phase found lost"),
            "alarm",
        ),
        ("feeder", "dead"): lambda _: (say("Power failure"), say("Power failure found"), "alarm"),
        ("feeder", "live"): lambda _: (say("Power back"), say("Power found on"), "event"),
        ("feeder", "phase_lost"): lambda _: (say("Phase lost"), say("Phase found lost"), "alarm"),
    }


_SUPPLY = _supply_words()


def _what() -> Mapping[str, Callable[[Event], tuple[str, Grade]]]:
    """Return by kind what is said of an event."""
    return {
        "supply.confirmed": lambda _: (say("Failure borne out by the energy register"), "event"),
        "supply.corrected": lambda _: (say("No failure after all: the energy register went on"), "event"),
        "station.start": lambda _: (say("Poller started"), "event"),
        "station.stop": lambda _: (say("Poller stopped in order"), "event"),
        "station.gap": lambda _: (say("Nobody polled"), "warn"),
        "store.gap": lambda _: (say("Readings lost: the medium did not take them"), "warn"),
        "store.given_up": lambda e: (say("Given up: {count}", count=e.new), "warn"),
        "store.relief": lambda _: (say("Room made on a full medium"), "warn"),
        "store.room": lambda _: (say("There is room on the medium again"), "event"),
        "store.damaged": lambda e: (say("The history was damaged, set aside as {name}", name=e.new), "warn"),
        "store.salvaged": lambda _: (say("History made anew of what was whole"), "event"),
        "store.restored": lambda _: (say("History made anew from the copies"), "event"),
        "store.new": lambda _: (say("The history goes on under a new identity"), "warn"),
        "energy.rollover": lambda _: (say("A counter reached its end and began again"), "event"),
        "energy.reset": lambda _: (say("Counters of the meter were reset"), "warn"),
        "energy.swap": lambda _: (say("The meter was exchanged"), "warn"),
        "energy.false_reading": lambda _: (say("A false reading of counters was taken back"), "warn"),
        "meter.frozen": lambda _: (say("The meter repeats itself"), "warn"),
        "meter.thawed": lambda _: (say("The meter goes on"), "event"),
        "meter.profile": lambda e: (
            (say("The meter's profile cannot be used"), "warn")
            if e.new == "unusable"
            else (say("The meter's profile can be used again"), "event")
        ),
        "comm.lost": lambda _: (say("Meter lost: no answer"), "warn"),
        "comm.back": lambda _: (say("Meter answers again"), "event"),
        "comm.refused": lambda _: (say("Meter refuses a question"), "warn"),
        "comm.answers": lambda _: (say("Meter answers what it refused"), "event"),
        "comm.disabled": lambda _: (say("Register disabled: the meter refuses it"), "event"),
        "comm.limits": lambda _: (say("Meter answers shorter blocks only"), "event"),
        "comm.doubt": lambda _: (say("Word order of the meter is in doubt"), "warn"),
        "comm.sure": lambda _: (say("Word order of the meter is sure again"), "event"),
        "comm.line_down": lambda _: (say("Line down: adapter or port lost"), "alarm"),
        "comm.line_up": lambda _: (say("Line works again"), "event"),
        "clock.step": lambda _: (say("The clock was set"), "event"),
        "clock.offset": lambda _: (say("Offset of an untrusted clock is known"), "event"),
        "clock.trusted": lambda e: (say("The clock is trusted: {source}", source=heard.told(e.new)), "event"),
        "clock.corrected": lambda _: (say("Readings moved to their true times"), "event"),
        "site.site": lambda e: (say("Site renamed: {name}", name=e.new), "event"),
        "site.zone": lambda e: (say("Site's time zone is now {zone}", zone=e.new), "event"),
        "import": lambda _: (say("Readings imported from the original system"), "event"),
    }


_WHAT = _what()
HIDDEN = ("audit.anchor",)
"""Kept for the proof of another log, and of no use to a reader of this one."""


def where(event: Event, settings: Settings) -> str:
    """Return whose event it is."""
    if event.meter_id is not None:
        meter = settings.meter(event.meter_id)
        gone = say("{number}, not configured now", number=event.meter_id)
        return f"{meter.id} {meter.name}" if meter else gone
    if line := alarm_words.line_of(event):
        return f"RS-485 {line}"
    if event.kind.startswith("comm.line"):
        return f"RS-485 {event.new.partition(':')[0]}"
    return say("Station")
