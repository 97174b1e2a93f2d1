"""What events mean together: from when to when each state lasted, and when supply last failed. Pure.

An event says that something changed; how long it lasted stands in the next one of the same thing, in what
the board knows now, or in the blind spot between two pollers. `alarms.spans` pairs them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from substation.alarms.spans import UNKNOWN, Blind, Change, Piece, Run, runs, timeline, together
from substation.alarms.supply import BLIND_MS
from substation.dashboard.board import Board
from substation.store import supply_changes
from substation.store.event_pages import Noted, Wanted
from substation.store.events import Event
from substation.store.supply_changes import STATES, STATION, SUPPLY

PAIRS: Mapping[str, tuple[str, str]] = {
    "comm.lost": ("wire", "bad"),
    "comm.back": ("wire", "ok"),
    "comm.refused": ("refused", "bad"),
    "comm.answers": ("refused", "ok"),
    "comm.line_down": ("line", "bad"),
    "comm.line_up": ("line", "ok"),
    "comm.doubt": ("doubt", "bad"),
    "comm.sure": ("doubt", "ok"),
    "meter.frozen": ("frozen", "bad"),
    "meter.thawed": ("frozen", "ok"),
}
"""By kind what it is about, and how that is from then on."""
KINDS = (SUPPLY, "supply.corrected", *STATION, *PAIRS)
"""All that `spans` needs to see."""
FIND_AGAIN_MS = 300_000
"""A poller that starts anew finds a silent meter or a lost line again within this time, or it is well."""
FOUND_AGAIN = ("wire", "line", "refused")
LOOKED_AT = 1000
"""Events of supply and station by which the last failure is looked for."""
RUNNING = ("live", "phase_lost")

Thing = tuple[str, int | str | None]
"""What a state is of: family, and meter or name of the line."""


@dataclass(frozen=True, slots=True)
class Spans:
    """How long what the events began has lasted."""

    by_id: Mapping[int, Run]
    """By the event's number."""
    again: frozenset[int]
    """Events that found a state again which had begun before a blind spot."""
    corrected: frozenset[int]
    """Events whose verdict was found to be wrong afterwards."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last time that something was so."""

    run: Run
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """When supply last failed, and when a DG set last ran."""

    supply: Last | None = None
    generator: Last | None = None
    since_ms: int | None = None
    """So far back was looked: the time of the oldest event seen."""
    newest_id: int = 0
    whole: bool = True
    """Whether that is as far back as there are events."""
    trouble: str = field(default="")
    """In a sentence why nothing is known: the history did not answer."""


def spans(noted: Sequence[Noted], board: Board, until_ms: int) -> Spans:
    """Return the span that each event began.

    Args:
        noted: all events of `KINDS` in a stretch of time, in any order.
        board: what is known now.
        until_ms: where the stretch ends: now, or the last of the events where there were too many.
    """
    rows = _rows([one.event for one in noted], board, until_ms)
    found: dict[int, Run] = {}
    again, corrected = set(), set()
    wrong = {(one.event.meter_id, one.event.at_ms) for one in noted if one.event.kind == "supply.corrected"}
    by_state: dict[tuple[Thing, str], list[Run]] = {}
    for one in noted:
        event, told = one.event, _told(one.event)
        if told is None or told[1] == UNKNOWN:
            continue
        thing, state = told
        if state == "dead" and (event.meter_id, event.at_ms) in wrong:
            corrected.add(one.id)
            continue
        if (thing, state) not in by_state:
            by_state[thing, state] = runs(rows.get(thing, []), (state,), until_ms)
        for run in by_state[thing, state]:
            if run.begun_by_ms == event.at_ms:
                found[one.id] = run
            elif run.begun_by_ms < event.at_ms <= run.ended_after_ms:
                again.add(one.id)
    return Spans(found, frozenset(again), frozenset(corrected))


def wanted(meters: Iterable[int]) -> Wanted:
    """Return the events that `past` needs, of the sources of the station."""
    return Wanted(kinds=(SUPPLY, "supply.corrected", *STATION), meters=tuple(meters), with_station=True)


def past(noted: Sequence[Noted], board: Board, *, whole: bool) -> Past:
    """Return the last failure of supply and the last run of a DG set, by events of supply and station."""
    rows = _rows([one.event for one in noted], board, board.at_ms)
    newest_id = max((one.id for one in noted), default=0)
    since_ms = min((one.event.at_ms for one in noted), default=None)

    def of_role(role: str) -> list[list[Piece]]:
        return [rows.get((SUPPLY, meter.id), []) for meter in board.meters if meter.role == role]

    incomers, sets = of_role("incomer"), of_role("generator")
    failed = runs(together(incomers, ("dead",), "live"), ("dead",), board.at_ms) if incomers else []
    # one set runs unless all stand still: the same rule the other way round
    still = together(sets, ("dead",), "live") if len(sets) > 1 else next(iter(sets), [])
    ran = runs(still, RUNNING, board.at_ms)
    return Past(
        Last(failed[-1], _evidence(noted, board, "incomer", failed[-1])) if failed else None,
        Last(ran[-1], _evidence(noted, board, "generator", ran[-1])) if ran else None,
        since_ms,
        newest_id,
        whole,
    )


def _evidence(noted: Iterable[Noted], board: Board, role: str, run: Run) -> str:
    ids = {meter.id for meter in board.meters if meter.role == role}
    for one in noted:
        if one.event.kind == SUPPLY and one.event.meter_id in ids and one.event.at_ms == run.begun_by_ms:
            return one.event.detail
    return ""


def _rows(events: Sequence[Event], board: Board, until_ms: int) -> dict[Thing, list[Piece]]:
    """Return the row of pieces of each thing that the events are about."""
    changes: dict[Thing, list[Change]] = {}
    for event in events:
        told = _told(event)
        if told is not None:
            thing, state = told
            old = STATES.get(event.old, UNKNOWN) if thing[0] == SUPPLY else ""
            changes.setdefault(thing, []).append(Change(event.at_ms, old, state))
    for event in events:
        if event.kind == "supply.corrected" and (SUPPLY, event.meter_id) in changes:
            thing = (SUPPLY, event.meter_id)
            changes[thing] = supply_changes.without(changes[thing], event.at_ms)
    spots = blind(events, board)
    if until_ms >= board.at_ms:
        for thing, change in _now(board):
            changes.setdefault(thing, []).append(change)
    rows = {}
    for thing, noted in changes.items():
        if thing[0] == SUPPLY:
            rows[thing] = timeline(noted, spots, until_ms=until_ms, lasting_ms=BLIND_MS)
        else:
            well = _well_again(noted, spots, until_ms) if thing[0] in FOUND_AGAIN else ()
            rows[thing] = timeline([*noted, *well], spots, until_ms=until_ms)
    return rows


def _told(event: Event) -> tuple[Thing, str] | None:
    """Return what an event is about and how that is from then on; None for what does not last."""
    if event.kind == SUPPLY:
        return (SUPPLY, event.meter_id), STATES.get(event.new, UNKNOWN)
    if event.kind not in PAIRS:
        return None
    family, state = PAIRS[event.kind]
    whose = event.meter_id if event.meter_id is not None else event.new.partition(":")[0]
    return (family, whose), state


def blind(events: Iterable[Event], board: Board | None = None) -> list[Blind]:
    """Return when nobody polled: see `supply_changes.blind`; with `board` also that nobody does now."""
    found = supply_changes.blind(events)
    if board is not None and board.poller.state != "running":
        ages = [meter.age_s for meter in board.meters if meter.age_s is not None]
        seen_ms = board.at_ms - round(min(ages) * 1000) if ages else 0
        found.append(Blind(seen_ms, board.at_ms))
    return found


def _now(board: Board) -> Iterable[tuple[Thing, Change]]:
    """Return what the board knows and the history may not hold yet: events are written every half minute."""
    for meter in board.meters:
        if board.poller.state == "running" and meter.since_ms is not None and meter.supply != UNKNOWN:
            yield (SUPPLY, meter.id), Change(meter.since_ms, "", meter.supply)


def _well_again(changes: Sequence[Change], spots: Sequence[Blind], until_ms: int) -> Iterable[Change]:
    """Return for each start of a poller that did not find the fault again that it was gone by then."""
    for spot in spots:
        if spot.end_ms + FIND_AGAIN_MS > until_ms:
            continue
        found = any(
            change.new == "bad" and spot.end_ms <= change.at_ms <= spot.end_ms + FIND_AGAIN_MS
            for change in changes
        )
        if not found:
            yield Change(spot.end_ms, "", "ok")
