"""The register and the DG log in words: times, lengths between bounds, kinds, causes, steps. Pure."""

import zoneinfo

from substation.alarms.dg_runs import Step
from substation.alarms.interruptions import Interruption, Stretch, Total
from substation.clock import site_time
from substation.dashboard import events_now
from substation.dashboard import format as f
from substation.dashboard.board import Board
from substation.dashboard.tongue import say
from substation.settings.model import Settings


def kind(one: Interruption) -> str:
    """Return what was interrupted."""
    return {
        "supply": say("Supply"),
        "incomer": say("Incomer"),
        "feeder": say("Feeder"),
        "phase_lost": say("Phase lost"),
    }[one.kind]


def length(one: Interruption, momentary_ms: int) -> str:
    """Return whether it is momentary or sustained."""
    return {
        "momentary": say("momentary"),
        "sustained": say("sustained"),
        "either": say("momentary or sustained"),
    }[one.time.length(momentary_ms)]


def circuit(meter_id: int | None, settings: Settings) -> str:
    """Return whose circuit it is."""
    if meter_id is None:
        return say("all incomers")
    meter = settings.meter(meter_id)
    return f"{meter.id} {meter.name}" if meter else say("{number}, not configured now", number=meter_id)


def at(ms: int, near_ms: int, zone: zoneinfo.ZoneInfo) -> str:
    """Return a moment to the second; in the hour that comes twice a year with the name of its time."""
    when = site_time(ms, zone)
    words = events_now.point(ms, near_ms, zone)
    twice = when.utcoffset() != when.replace(fold=1 - when.fold).utcoffset()
    return f"{words} {when.tzname()}" if twice else words


def for_long(time: Stretch | Total) -> str:
    """Return how long it was, one or all of a month: as noted, or between bounds where not all was seen."""
    noted = time.noted_ms
    if noted is not None:
        words = f.duration(noted / 1000)
    else:
        least = f.duration(time.least_ms / 1000)
        if time.most_ms is None:
            words = say("at least {least}", least=least)
        else:
            most = f.duration(time.most_ms / 1000)
            words = least if most == least else say("{least} to {most}", least=least, most=most)
    return say("{long}, lasts", long=words) if time.lasts else words


def ended(time: Stretch, zone: zoneinfo.ZoneInfo) -> str:
    """Return when it was over."""
    if time.lasts:
        return say("lasts")
    if time.ended_ms is None:
        return say("not seen; still so {time}", time=at(time.ended_after_ms, time.begun_ms, zone))
    return at(time.ended_ms, time.begun_ms, zone)


def bounds(time: Stretch, zone: zoneinfo.ZoneInfo) -> list[str]:
    """Return in sentences between which moments it began and ended, and how long it can have been."""
    said = []
    begun = at(time.begun_ms, time.begun_ms, zone)
    if time.begun_after_ms is None:
        said.append(say("It was found so at {begun}; when it began was not seen.", begun=begun))
    elif time.begun_after_ms < time.begun_ms:
        first = at(time.begun_after_ms, time.begun_ms, zone)
        said.append(say("It began between {first} and {begun}.", first=first, begun=begun))
    if time.ended_ms is not None and time.ended_after_ms < time.ended_ms:
        first, last = (at(ms, time.begun_ms, zone) for ms in (time.ended_after_ms, time.ended_ms))
        said.append(say("It ended between {first} and {last}.", first=first, last=last))
    least = f.duration(time.least_ms / 1000)
    if time.most_ms is None:
        said.append(say("It lasted at least {least}.", least=least))
    elif time.most_ms != time.least_ms:
        most = f.duration(time.most_ms / 1000)
        said.append(say("It lasted {least} at least and {most} at most.", least=least, most=most))
    hidden = time.run.unseen_ms + time.short_ms
    if hidden:
        said.append(say("For {long} of it nobody looked.", long=f.duration(hidden / 1000)))
    return said


def step(one: Step, settings: Settings) -> str:
    """Return what happened in a step of a change-over."""
    where = circuit(one.meter_id, settings)
    return {
        "supply_off": say("Supply off"),
        "set_on": say("DG set gives voltage: {where}", where=where),
        "feeder_on": say("Taken over by the DG set: {where}", where=where),
        "supply_on": say("Supply back"),
        "set_off": say("DG set stopped: {where}", where=where),
    }[one.what]


def as_of(board: Board, settings: Settings) -> str:
    """Return as of when the page tells it."""
    time = f.unsure(f.time_of_day(board.at_ms, settings.site.zone, seconds=True), board.times_doubted)
    return say("as of {time}", time=time)


def seconds(ms: int) -> str:
    """Return a span between two steps: seconds with what is behind the point, longer ones as usual."""
    return f"{f.number(ms / 1000, 1)} s" if ms < 600_000 else f.duration(ms / 1000)
