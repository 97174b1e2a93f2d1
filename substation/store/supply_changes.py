"""From events to changes of supply, and to the times in which nobody looked; for `alarms.spans`. Pure."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from substation.alarms.spans import UNKNOWN, Blind, Change
from substation.alarms.supply import WORDS
from substation.store.events import Event

SUPPLY, CORRECTED = "supply", "supply.corrected"
STATION = ("station.start", "station.stop", "station.gap")
KINDS = (SUPPLY, CORRECTED, *STATION)
"""All that is needed to know when which circuit had supply."""
STATES: Mapping[str, str] = {word: state for words in WORDS.values() for state, word in words.items()}
"""By the word on screen the state of supply."""


def changes(events: Sequence[Event]) -> dict[int, list[Change]]:
    """Return by meter the changes of its supply, without the outages that were none."""
    noted: dict[int, list[Change]] = {}
    for event in events:
        if event.kind == SUPPLY and event.meter_id is not None:
            old, new = STATES.get(event.old, UNKNOWN), STATES.get(event.new, UNKNOWN)
            noted.setdefault(event.meter_id, []).append(Change(event.at_ms, old, new))
    for event in events:
        if event.kind == CORRECTED and event.meter_id in noted:
            noted[event.meter_id] = without(noted[event.meter_id], event.at_ms)
    return noted


def without(changed: Sequence[Change], at_ms: int) -> list[Change]:
    """Return the changes without an outage that was none: what followed it changed nothing."""
    kept: list[Change] = []
    dropped = False
    for change in sorted(changed, key=lambda one: one.at_ms):
        if change.at_ms == at_ms and change.new == "dead":
            dropped = True
        elif dropped:
            kept.append(Change(change.at_ms, "", change.new))
            dropped = False
        else:
            kept.append(change)
    return kept


def blind(events: Iterable[Event]) -> list[Blind]:
    """Return when nobody polled: noted gaps, and starts whose gap was not noted (yet)."""
    found, starts, last_ms = [], [], None
    for event in sorted(events, key=lambda one: one.at_ms):
        if event.kind == "station.gap":
            bounds = moments(event)
            if bounds is not None:
                found.append(Blind(*bounds))
        elif event.kind == "station.start" and last_ms is not None:
            starts.append(Blind(last_ms, event.at_ms))
        last_ms = event.at_ms
    return found + [one for one in starts if not any(s.start_ms <= one.end_ms <= s.end_ms for s in found)]


def moments(event: Event) -> tuple[int, int] | None:
    """Return from when to when an event says that something was, where `old` and `new` are times."""
    try:
        first, last = (dt.datetime.fromisoformat(text).timestamp() for text in (event.old, event.new))
    except ValueError:
        return None
    return (round(first * 1000), round(last * 1000)) if first <= last else None
