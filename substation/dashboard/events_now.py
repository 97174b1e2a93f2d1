"""What is not normal at this moment, and the two answers above the list: group `now`, group `past`. Pure.

The same judgements as the state line's, one row each: nothing here is decided anew. A meter that is dark
because the whole bus is dark has no row of its own; one that is silent because its line is down neither.
"""

import zoneinfo
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

from substation.alarms.spans import Run
from substation.clock import site_time
from substation.dashboard import format as f
from substation.dashboard import words
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.events_past import Past
from substation.dashboard.heard import told
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts

PLACES = 12
"""Rows of the table; what is more is counted below it."""
BLUR_MS = 1000
"""Bounds that lie no further apart than this are one moment."""
Severity = Literal["alarm", "warn"]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not as it should be."""

    severity: Severity
    what: str
    where: str
    since_ms: int | None = None
    supply_of: int | None = None
    """The meter whose circuit has no supply, or lacks a phase, where that is what it tells."""


def now_parts(board: Board, zone: zoneinfo.ZoneInfo, above: Collection[int] = ()) -> Parts:
    """Return the parts of the table `Now`; lost supply of the meters `above` stands among the alarms."""
    every = sorted(conditions(board), key=lambda one: one.severity != "alarm")
    found = [one for one in every if one.supply_of not in above]
    parts: Parts = {}
    for place in range(PLACES):
        shown = found[place] if place < len(found) else None
        parts |= _row(place, shown, board, zone)
    left = len(found) - PLACES
    parts["more"] = (say("and {count} more", count=left) if left > 0 else "", "" if left > 0 else "ss-none")
    parts["count"] = (say("{count} active", count=len(found)) if found else "", "")
    all_well = say("Nothing: all is as it should be.")
    beside = say("Nothing besides the alarms above.")
    parts["none"] = (beside if every else all_well, "ss-none" if found else "")
    parts["some"] = ("", "" if found else "ss-none")
    return parts


def _row(place: int, shown: Condition | None, board: Board, zone: zoneinfo.ZoneInfo) -> Parts:
    if shown is None:
        empty = {f"{cell}{place}": ("", "") for cell in "vswtmf"}
        return {**empty, f"k{place}": ("", "ss-none")}
    lasts = "" if shown.since_ms is None else f.duration((board.at_ms - shown.since_ms) / 1000)
    alarm = shown.severity == "alarm"
    since = "" if shown.since_ms is None else point(shown.since_ms, board.at_ms, zone)
    return {
        f"k{place}": ("", ""),
        f"v{place}": ("", f"ss-tag-{shown.severity}"),
        f"w{place}": (say("Alarm") if alarm else say("Warning"), ""),
        f"s{place}": (f.unsure(since, board.times_doubted), ""),
        f"t{place}": (shown.what, ""),
        f"m{place}": (shown.where, ""),
        f"f{place}": (lasts, ""),
    }


def conditions(board: Board) -> Iterator[Condition]:
    """Give all that is not normal."""
    station = say("Station")
    if board.poller.state != "running":
        age_s = board.poller.age_s
        since = None if age_s is None or age_s < 0 else round(board.at_ms - age_s * 1000)
        yield Condition("alarm", told(board.poller.words) or say("Nobody polls the meters."), station, since)
    else:
        yield from _of_lines(board)
        mute = [meter for meter in board.meters if words.silent(meter)]
        if (
            len(mute) > 1
            and len(mute) == len(board.meters)
            and board.lines
            and board.lines[0].state != "down"
        ):
            yield Condition("alarm", say("No meter answers"), say("All meters"), _heard_ms(board, mute))
        else:
            for meter in board.meters:
                yield from _of_meter(board, meter)
    for problem in board.problems:
        yield Condition("warn", told(problem), station)


def _of_lines(board: Board) -> Iterator[Condition]:
    for line in board.lines:
        if line.state == "down":
            detail = told(line.detail) or say("its port cannot be opened")
            yield Condition("alarm", say("The line is down: {why}", why=detail), f"RS-485 {line.name}")
        elif line.paused:
            yield Condition(
                "warn", say("Polling pauses: {why}", why=told(line.paused)), f"RS-485 {line.name}"
            )


def _of_meter(board: Board, meter: LiveMeter) -> Iterator[Condition]:
    where = f"{meter.id} {meter.name}"
    if words.silent(meter):
        if not all(line.state == "down" for line in board.lines):
            since = _heard_ms(board, [meter])
            why = told(meter.comm_detail) or say("nothing comes back")
            yield Condition("warn", say("No answer: {why}", why=why), where, since)
        if words.wire(meter) == "unknown":
            return
    elif meter.frozen:
        yield Condition("warn", say("The meter repeats itself: {how}", how=told(meter.frozen)), where)
        return
    elif meter.supply == "unknown" and meter.comm_detail:
        yield Condition("warn", say("The meter cannot be read: {why}", why=told(meter.evidence)), where)
        return
    drawn = words.wire(meter)
    if words.failed(meter) and not words.follows(board, meter):
        yield Condition("alarm", _failed(meter, drawn), where, meter.since_ms, meter.id)
    for severity, found in words.findings(meter):
        yield Condition("alarm" if severity == "alarm" else "warn", found, where)


def _heard_ms(board: Board, meters: list[LiveMeter]) -> int | None:
    """Return when one of the meters answered last."""
    ages = [meter.age_s for meter in meters if meter.age_s is not None]
    return round(board.at_ms - min(ages) * 1000) if ages else None


def _failed(meter: LiveMeter, drawn: str) -> str:
    evidence = told(meter.evidence)
    if drawn == "phase":
        return say("Phase lost: {evidence}", evidence=evidence)
    if meter.role == "incomer":
        return say("Supply off: {evidence}", evidence=evidence)
    return say("Power failure: {evidence}", evidence=evidence)


def past_parts(board: Board, past: Past, zone: zoneinfo.ZoneInfo) -> Parts:
    """Return when supply last failed and for how long, and whether a DG set runs and since when."""
    supply, how = _supply(board, past, zone)
    runs, ran = _generator(board, past, zone)
    has_set = bool(words.sources(board, "generator"))
    doubted = board.times_doubted
    return {
        "supply": (f.unsure(supply, doubted), ""),
        "supplyhow": (how, ""),
        "dg": (f.unsure(runs, doubted), ""),
        "dghow": (f.unsure(ran, doubted), ""),
        "dgs": ("", "" if has_set else "ss-none"),
    }


def _supply(board: Board, past: Past, zone: zoneinfo.ZoneInfo) -> tuple[str, str]:
    if words.supply_lost(board):
        since = max(meter.since_ms or 0 for meter in words.sources(board, "incomer"))
        lasts = f.duration((board.at_ms - since) / 1000)
        at = point(since, board.at_ms, zone)
        evidence = words.sources(board, "incomer")[0].evidence
        return say("Off now, since {at}, {lasts}", at=at, lasts=lasts), known_by(evidence)
    if past.supply is None:
        return _never(board, past, zone)
    return _from_to(past.supply.run, board, zone), known_by(past.supply.evidence)


def _never(board: Board, past: Past, zone: zoneinfo.ZoneInfo) -> tuple[str, str]:
    if past.trouble:
        return say("not known"), told(past.trouble)
    if past.since_ms is None:
        return say("not known"), say("No event was noted here yet.")
    at = point(past.since_ms, board.at_ms, zone)
    return say("None was noted since {at}", at=at), ""


def _generator(board: Board, past: Past, zone: zoneinfo.ZoneInfo) -> tuple[str, str]:
    sets = words.sources(board, "generator")
    running = [m for m in sets if words.wire(m) in ("live", "noload", "phase")]
    if running:
        since = min(m.since_ms or board.at_ms for m in running)
        at, lasts = point(since, board.at_ms, zone), f.duration((board.at_ms - since) / 1000)
        return say("Running since {at}, {lasts}", at=at, lasts=lasts), known_by(running[0].evidence)
    before = (
        say("It last ran {when}", when=_from_to(past.generator.run, board, zone)) if past.generator else ""
    )
    if not sets or any(words.wire(m) == "unknown" for m in sets):
        return say("not known"), before
    since = max(m.since_ms or 0 for m in sets)
    if not since:
        return say("Stopped"), before
    return say("Stopped since {at}", at=point(since, board.at_ms, zone)), before


def known_by(evidence: str) -> str:
    """Return how something is known: the evidence that was noted with it."""
    return say("known by {evidence}", evidence=told(evidence)) if evidence else ""


def _from_to(run: Run, board: Board, zone: zoneinfo.ZoneInfo) -> str:
    """Return a stretch of the past: from, to, how long, each between bounds where it was not seen."""
    begun = _aside(run.begun_after_ms, run.begun_by_ms, board.at_ms, zone)
    if run.lasts or run.ended_by_ms is None:
        seen = point(run.ended_after_ms, run.begun_by_ms, zone)
        return say("{begun}, seen until {seen}, {long}", begun=begun, seen=seen, long=lasting(run))
    ended = _aside(run.ended_after_ms, run.ended_by_ms, run.begun_by_ms, zone)
    return say("{begun} to {ended}, {long}", begun=begun, ended=ended, long=lasting(run))


def _aside(first_ms: int | None, last_ms: int, near_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return `between`, in brackets where it is more than one moment."""
    words = between(first_ms, last_ms, near_ms, zone)
    return words if first_ms is not None and last_ms - first_ms < BLUR_MS else f"({words})"


def between(first_ms: int | None, last_ms: int, near_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return a moment, or the two between which it lies; `before` for one that nobody saw begin."""
    last = point(last_ms, near_ms, zone)
    if first_ms is None:
        return say("before {last}", last=last)
    if last_ms - first_ms < BLUR_MS:
        return last
    begin, end = point(first_ms, near_ms, zone), point(last_ms, first_ms, zone)
    return say("between {first} and {last}", first=begin, last=end)


def point(ms: int, near_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return a point in time to the second, with day and year where they are not those of `near_ms`."""
    when, near = site_time(ms, zone), site_time(near_ms, zone)
    time = f.time_of_day(ms, zone, seconds=True)
    if when.date() == near.date():
        return time
    day = f.day(ms, zone)
    return f"{day if when.year != near.year else day.rpartition(' ')[0]} {time}"


def lasting(run: Run) -> str:
    """Return how long a stretch was, between bounds where not all of it was seen."""
    least = f.duration(run.least_ms / 1000)
    if run.most_ms is None:
        return say("at least {least}", least=least)
    most = f.duration(run.most_ms / 1000)
    return least if most == least else say("{least} to {most}", least=least, most=most)
