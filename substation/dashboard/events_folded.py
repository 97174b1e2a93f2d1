"""A failure of supply stands on the page once, though an event and an alarm tell of it. Pure.

The event `supply` says what happened to the circuit; the alarm of the same circuit, raised at the same
moment, that somebody was asked to look. In the list the alarm's row is folded into the event's, which then
leads to why and to the curve; among the alarms alone it stands as ever. In `Now` what stands among
`Alarms now` is not repeated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from substation.dashboard import alarm_words
from substation.dashboard.alarm_book import Known
from substation.dashboard.board import Board
from substation.store.event_pages import Noted
from substation.store.supply_changes import STATES, SUPPLY

SIGNALS = ("supply_dead", "phase_lost")
"""What an alarm watches that an event of supply tells as well (`alarms.vocabulary`)."""
NEAR_MS = 10_000
"""Both are stamped when it became true; each by its own rules."""


@dataclass(frozen=True, slots=True)
class Folded:
    """What becomes of the rows of a page."""

    hidden: frozenset[int]
    """Numbers of the alarms' events that stand in another row."""
    alarms: Mapping[int, str]
    """By number of the event of supply: key of the alarm that was raised with it."""


def folded(rows: Sequence[Noted]) -> Folded:
    """Return which rows of a page tell the same as another of it."""
    supply = [one for one in rows if one.event.kind == SUPPLY]
    hidden: set[int] = set()
    alarms: dict[int, str] = {}
    for one in rows:
        key = alarm_words.key_of(one.event)
        if one.event.kind not in ("alarm.raised", "alarm.cleared") or not _of_supply(key):
            continue
        raised = one.event.kind == "alarm.raised"
        same = [
            other
            for other in supply
            if other.event.meter_id == one.event.meter_id
            and abs(other.event.at_ms - one.event.at_ms) <= NEAR_MS
            and (STATES.get(other.event.new) == "live") != raised
        ]
        if same:
            nearest = min(same, key=lambda other: abs(other.event.at_ms - one.event.at_ms))
            hidden.add(one.id)
            if raised:
                alarms[nearest.id] = key
    return Folded(frozenset(hidden), alarms)


def stand_above(board: Board, known: Known) -> frozenset[int]:
    """Return the meters whose lost supply, or phase, stands among the alarms of the page."""
    if board.alarms is None or known.trouble:
        return frozenset()
    keys = [one.key for one in known.standing() if one.active and _of_supply(one.key)]
    subjects = [key.partition("@meter:")[2] for key in keys]
    return frozenset(int(subject) for subject in subjects if subject.isdecimal())


def _of_supply(key: str) -> bool:
    rule = alarm_words.rules().get(key.partition("@")[0])
    return rule is not None and rule.signal in SIGNALS
