"""How the messenger is doing, in words: its section of `/health`, and what the state line says of it. Pure.

Like the stores' sections: rows of a name and words, with `{}` where an age stands that the browser counts on.
"""

from collections.abc import Mapping
from typing import Any

from substation.clock import Clock, boot_id
from substation.dashboard import format as f
from substation.dashboard.health_store import Note, Part, Row
from substation.dashboard.heard import told
from substation.dashboard.tongue import later, say
from substation.settings.model import Home, Settings
from substation.store import heartbeat

MESSAGE_ROWS = (
    later("Messenger"),
    later("Recipients"),
    later("Messages that wait"),
    later("Last sent"),
    later("Last failure"),
    later("Siren"),
)
SILENT_S = 30.0
"""It leaves a sign of life every 2 s."""
SAID_S = 86_400.0
"""A failure is of interest for a day."""


def age_s(beat: Mapping[str, Any], clock: Clock) -> float:
    """Return how old a sign of life is; within one start of the machine a clock that is set moves nothing."""
    if beat.get("boot") == boot_id() and beat.get("boot"):
        return clock.monotonic() - _number(beat.get("mono_ms")) / 1000
    return (clock.now_ms() - _number(beat.get("at_ms"))) / 1000


def complaint(settings: Settings, beat: Mapping[str, Any] | None, clock: Clock) -> str | None:
    """Return in a sentence what somebody has to know of the messenger on every page; English, None: nothing.

    Args:
        settings: whether anybody is to be told anything.
        beat: its sign of life; None without one.
        clock: the time.
    """
    if not settings.messages.wanted:
        return None
    if beat is None or bool(beat.get("simulated")) != settings.simulated:
        return "The messenger does not run: nobody outside is told of alarms."
    silent_s = age_s(beat, clock)
    if beat.get("state") == "stopped":
        return "The messenger was stopped: nobody outside is told of alarms."
    if silent_s > SILENT_S:
        return f"The messenger has not reported for {f.duration(silent_s)}: nobody outside is told of alarms."
    waits_s = _waits_s(beat)
    if waits_s > settings.messages.silent_min * 60:
        why = str((_entry(beat, "failed") or ("", 0, "why is not known"))[2])
        return f"Messages cannot leave for {f.duration(waits_s)}: {why}"
    problems = beat.get("problems")
    return f"The messenger: {problems[0]}" if isinstance(problems, list) and problems else None


def of_station(settings: Settings, home: Home, clock: Clock) -> str | None:
    """Return what `complaint` says of the messenger of this station."""
    if not settings.messages.wanted:
        return None
    return complaint(settings, heartbeat.read(home.messenger), clock)


def messages(settings: Settings, beat: Mapping[str, Any] | None, clock: Clock) -> Part:
    """Return what is said of the messenger; the rows in the order of `MESSAGE_ROWS`."""
    wanted = settings.messages
    if not wanted.wanted:
        nobody = say("not set up: nobody outside is told of alarms")
        return Part((Row(nobody), *(Row(f.DASH) for _ in MESSAGE_ROWS[1:])), ())
    notes: list[Note] = []
    words = complaint(settings, beat, clock)
    if words is not None:
        notes.append(("warn", told(words)))
    names = Row(", ".join(one.name for one in wanted.recipients) or f.DASH)
    if beat is None or bool(beat.get("simulated")) != settings.simulated:
        dashes = (Row(f.DASH),) * (len(MESSAGE_ROWS) - 2)
        return Part((Row(say("does not run"), is_bad=True), names, *dashes), tuple(notes))
    is_dead = beat.get("state") == "stopped" or age_s(beat, clock) > SILENT_S
    runs = (clock.now_ms() - _number(beat.get("started_ms"))) / 1000
    alive = Row(say("runs for {long}", long=f.duration(runs)))
    if is_dead:
        alive = Row(say("last report {age} ago", age="{}"), age_s(beat, clock), is_bad=True)
    count, waits_s = int(_number(beat.get("waiting"))), _waits_s(beat)
    waiting = Row(say("none"))
    if count:
        is_long = waits_s > wanted.silent_min * 60
        waiting = Row(
            say("{count}, the oldest for {long}", count=count, long=f.duration(waits_s)), is_bad=is_long
        )
    return Part(
        (
            alive,
            names,
            waiting,
            _last(beat, "sent", clock),
            _last(beat, "failed", clock),
            Row(_siren(settings, beat), is_bad=bool(beat.get("siren"))),
        ),
        tuple(notes),
    )


def _siren(settings: Settings, beat: Mapping[str, Any]) -> str:
    if settings.messages.siren.port is None:
        return say("none")
    return say("sounds now") if beat.get("siren") else say("silent")


def _last(beat: Mapping[str, Any], what: str, clock: Clock) -> Row:
    entry = _entry(beat, what)
    if entry is None:
        return Row(say("none"))
    name, at_ms, words = entry
    passed_s = (clock.now_ms() - at_ms) / 1000
    return Row(
        say("{age} ago, to {name}: {words}", age="{}", name=name, words=told(words)),
        passed_s,
        what == "failed" and passed_s < SAID_S and _number(beat.get("waiting")) > 0,
    )


def _entry(beat: Mapping[str, Any], what: str) -> tuple[str, int, str] | None:
    entry = beat.get(what)
    if not isinstance(entry, list) or len(entry) != 3:
        return None
    return str(entry[0]), int(_number(entry[1])), str(entry[2])


def _waits_s(beat: Mapping[str, Any]) -> float:
    """Return for how long the oldest message has waited when the messenger said so."""
    oldest_ms = _number(beat.get("oldest_ms"))
    return max(0.0, (_number(beat.get("at_ms")) - oldest_ms) / 1000) if oldest_ms else 0.0


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
