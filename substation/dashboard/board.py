"""What is known right now, judged for age: the records that every page reads, and how they are made.

Pure: settings, the poller's report and the last readings in, a `Board` out; no file, no clock.
The rules of truth stand here once for all pages:

1. A value is `good` while fresh, `late` after two rounds, `stale` after five; an energy, which is asked
   for more rarely, after as many slow intervals (`values`).
2. When the poller is stopped or the meter does not answer, every value is `stale` at once and the
   state of supply is unknown: what was true then is not known to be true now. It is unknown as well
   whenever the values that it rests on are `stale` or `never` came. Only what the poller concludes
   from the silence itself stands without them: a meter fed by its own dead circuit.
3. A stale value keeps its number, so that a person may judge; a value never seen has none, and says why
   where the meter itself answers.
4. A doubt that was stored with a value (`implausible`, `disabled`) outlives its age.
5. A meter that repeats itself (`frozen_since_ms`) is as one that fell silent then, though it answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from substation.dashboard import alarm_count
from substation.dashboard import format as f
from substation.dashboard.alarm_count import AlarmCount
from substation.dashboard.values import (
    ANY_MODEL,
    CLOCK_SLACK_S,
    Extra,
    Freshness,
    Known,
    Limits,
    LiveValue,
    Model,
)
from substation.readings import Reading
from substation.settings.model import Meter, Role, Settings

__all__ = ["Board", "Freshness", "Limits", "LineState", "LiveMeter", "LiveValue", "PollerState", "make_board"]

UNKNOWN = "Unknown"
COMM_OK = "OK"


NOTHING: Mapping[int, Any] = {}


@dataclass(frozen=True, slots=True)
class PollerState:
    """Whether the poller is alive, judged by its heartbeat."""

    state: Literal["running", "stopped", "never"]
    age_s: float | None
    """Since its last heartbeat; None when there is none."""
    words: str = ""
    """Empty while it runs; else a sentence for the state line."""
    config: str = ""
    """Mark of the settings that it works with (`audit.in_force.fingerprint`); empty where it does not say."""


@dataclass(frozen=True, slots=True)
class LineState:
    """One communication line as the poller sees it."""

    name: str
    state: Literal["up", "down", "unknown"]
    port: str = ""
    detail: str = ""
    busy: float | None = None
    """Part of the time that the wire is in use, 0 to 1."""
    paused: str = ""
    """For what its polling pauses, and by whom it was asked; empty while it is polled."""


@dataclass(frozen=True, slots=True)
class LiveMeter:
    """One meter with everything a card needs."""

    id: int
    name: str
    role: Role
    rated_kva: float
    nominal_v: float
    """Line to line, V."""
    status: str
    """In the words of its role: EB supply On, DG set Off, Power failure ... or Unknown."""
    supply: str
    """live | phase_lost | dead | unknown"""
    evidence: str
    since_ms: int | None
    """Since when supply is in this state, UTC ms."""
    comm_status: str
    """OK | Communication failed | Unknown (the poller does not run or has not asked yet)."""
    comm_detail: str
    age_s: float | None
    """Of the newest answer; None when there never was one."""
    freshness: Freshness
    values: Mapping[str, LiveValue]
    """All quantities of the vocabulary, in its order."""
    counters: Mapping[str, float] = field(default_factory=dict)
    """Since the poller's start: asked, ok, timeout, crc, wrong, refused, noise (and
    turnaround_ms, last_good_ms)."""
    model: Model = ANY_MODEL
    """What it can say."""
    frozen: str = ""
    """In words since when it repeats itself; empty where it does not."""
    extras: tuple[Extra, ...] = ()
    """What it says beyond the vocabulary: shown, not kept in the history."""
    paused: str = ""
    """For what polling of its line pauses: it was not asked, and is not silent."""
    bus_section: int = 1
    """Number of the bus section that it hangs on."""
    remembered: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was concluded from it before, for those who ask once more (`words.wire`)."""


@dataclass(frozen=True, slots=True)
class Board:
    """The station at one moment; shared by all viewers."""

    at_ms: int
    simulated: bool
    poller: PollerState
    lines: tuple[LineState, ...]
    meters: tuple[LiveMeter, ...]
    problems: tuple[str, ...]
    """Sentences for the state line: what is wrong with the station's own equipment."""
    times_doubted: bool = False
    """Whether nobody vouches for the clock by which the poller stamps readings and events."""
    limits: Limits = field(default_factory=lambda: Limits.of(2.0))
    """Ages at which a reading of this station turns late and stale."""
    slow: Limits = field(default_factory=lambda: Limits.of(60.0))
    """The same of a value that is read every slow interval."""
    coupled: bool = False
    """Whether couplers join neighbouring bus sections; their position is never known."""
    alarms: AlarmCount | None = None
    """None where nobody watches them: the poller does not run, or does not say."""

    def meter(self, meter_id: int) -> LiveMeter | None:
        """Return the meter with this Modbus id, or None."""
        return next((meter for meter in self.meters if meter.id == meter_id), None)


def make_board(
    settings: Settings,
    beat: Mapping[str, Any] | None,
    last: Mapping[int, Reading],
    now_ms: int,
    problems: Sequence[str] = (),
    *,
    asked: Mapping[int, Mapping[str, Reading]] = NOTHING,
    models: Mapping[int, Model] = NOTHING,
) -> Board:
    """Return the board.

    Args:
        settings: which meters there are.
        beat: the poller's last report (`state/poller.json`), None when there is none.
        last: by meter id the newest reading that was answered.
        now_ms: UTC, ms.
        problems: what went wrong on the way here, in sentences.
        asked: by meter id and quantity the newest answer for which it was asked, where that is not `last`.
        models: by meter id what the meter can say; without one it counts as able to say everything.
    """
    beat = beat or {}
    interval_s, wire_s = _number(beat, "interval_s", settings.poll.interval_s), _number(beat, "limit_s", 0.0)
    limits = Limits.of(interval_s, wire_s)
    slow = Limits.of(max(interval_s, settings.poll.slow_interval_s), wire_s)
    poller = _poller(settings, beat, bool(last), now_ms, limits)
    running = poller.state == "running"
    lines = _lines(settings, beat, running)
    said = {entry.get("id"): entry for entry in _entries(beat, "meters")}
    paused = {line.name: line.paused for line in lines}
    moment = _Moment(settings, beat, running, now_ms, limits, slow, said, last, asked, models, paused)
    meters = tuple(_meter(moment, meter) for meter in settings.meters)
    told = [str(words) for words in beat.get("problems") or ()] if running else []
    return Board(
        now_ms,
        settings.simulated,
        poller,
        lines,
        meters,
        tuple(dict.fromkeys([*problems, *told])),
        _times_doubted(beat),
        limits,
        slow,
        coupled=settings.site.bus_coupler,
        alarms=alarm_count.of_beat(beat) if running else None,
    )


def _times_doubted(beat: Mapping[str, Any]) -> bool:
    """Return whether nobody vouched for the clock at the last report: its times stay doubtful."""
    clock = beat.get("clock")
    return isinstance(clock, Mapping) and clock.get("trusted") is False


def _poller(
    settings: Settings, beat: Mapping[str, Any], any_reading: bool, now_ms: int, limits: Limits
) -> PollerState:
    if not beat:
        if any_reading:
            return PollerState("stopped", None, "The poller does not run: it has left no sign of life.")
        return PollerState("never", None, "No poller has run here yet.")
    age_s = (now_ms - _number(beat, "at_ms", 0)) / 1000
    if bool(beat.get("simulated")) != settings.simulated:
        kind = "a simulated" if beat.get("simulated") else "a real"
        return PollerState(
            "stopped", age_s, f"The poller's report belongs to {kind} station; it is not shown."
        )
    if beat.get("state") != "running":
        return PollerState("stopped", age_s, f"The poller was stopped {spell_age(age_s)} ago.")
    if age_s > limits.silent_s:
        return PollerState("stopped", age_s, f"The poller has not reported for {spell_age(age_s)}.")
    if age_s < -CLOCK_SLACK_S:
        return PollerState(
            "stopped", age_s, f"The poller's report lies {spell_age(-age_s)} ahead: was the clock set back?"
        )
    return PollerState("running", max(age_s, 0.0), config=str(beat.get("config") or ""))


@dataclass(frozen=True, slots=True)
class _Moment:
    """What is the same for all meters of a board."""

    settings: Settings
    beat: Mapping[str, Any]
    running: bool
    now_ms: int
    limits: Limits
    slow: Limits
    said: Mapping[Any, Mapping[str, Any]]
    """What the poller reports, by meter id; the next three as `make_board` is given them."""
    last: Mapping[int, Reading]
    asked: Mapping[int, Mapping[str, Reading]]
    models: Mapping[int, Model]
    paused: Mapping[str, str]
    """By line for what its polling pauses."""


def _meter(moment: _Moment, meter: Meter) -> LiveMeter:
    said, reading = moment.said.get(meter.id, {}), moment.last.get(meter.id)
    model = moment.models.get(meter.id, ANY_MODEL)
    polled = moment.running and bool(said)
    comm_status = str(said.get("comm_status", UNKNOWN)) if polled else UNKNOWN
    frozen_ms = said.get("frozen_since_ms") if polled else None
    disabled = said.get("disabled") if polled else None
    known = Known(
        reading,
        moment.asked.get(meter.id, {}),
        model,
        disabled if isinstance(disabled, Mapping) else {},
        comm_status == COMM_OK,
        frozen_ms if isinstance(frozen_ms, int) and not isinstance(frozen_ms, bool) else None,
        moment.now_ms,
        moment.limits,
        moment.slow,
    )
    age_s, freshness, frozen = known.age_s, known.freshness, _frozen_words(moment, known.frozen_ms)
    since = said.get("since_ms") if polled else moment.beat.get("at_ms")
    if not moment.running:
        detail = "the poller does not run"
    elif not said:
        detail = "not asked yet"
    else:
        detail = str(said.get("comm_detail", ""))
    paused = moment.paused.get(meter.line, "")
    supply = _supply(said if polled else {}, age_s, freshness, frozen, paused)
    if supply.overruled:
        since = known.frozen_ms or (None if reading is None else reading.at_ms)
    return LiveMeter(
        id=meter.id,
        name=meter.name,
        role=meter.role,
        rated_kva=meter.rated_kva,
        nominal_v=moment.settings.nominal_v(meter),
        status=supply.status,
        supply=supply.supply,
        evidence=supply.evidence,
        since_ms=int(since) if isinstance(since, int | float) and since else None,
        comm_status=comm_status,
        comm_detail=detail,
        age_s=None if age_s is None else max(age_s, 0.0),
        freshness=freshness,
        values=known.values(),
        counters={
            key: value
            for key, value in said.items()
            if key not in {"id", "since_ms"}
            and isinstance(value, int | float)
            and not isinstance(value, bool)
        },
        model=model,
        frozen=frozen,
        extras=known.extras(said if polled else {}),
        paused=paused,
        bus_section=meter.bus_section,
    )


def _frozen_words(moment: _Moment, since_ms: int | None) -> str:
    if since_ms is None:
        return ""
    at = f.minute(since_ms, moment.now_ms, moment.settings.site.zone)
    return f"frozen since {at}: the meter repeats itself"


@dataclass(frozen=True, slots=True)
class _Supply:
    supply: str = "unknown"
    status: str = UNKNOWN
    evidence: str = ""
    overruled: bool = False
    """Whether the poller says more than the values can bear."""


def _supply(
    said: Mapping[str, Any], age_s: float | None, freshness: Freshness, frozen: str, paused: str
) -> _Supply:
    """Return what the poller says of the supply, as far as rule 2 lets it stand."""
    found = _Supply(
        str(said.get("supply", "unknown")), str(said.get("status", UNKNOWN)), str(said.get("evidence", ""))
    )
    by_silence = found.supply == "dead" and said.get("comm_status") != COMM_OK
    if found.supply == "unknown" or freshness in ("fresh", "late") or by_silence:
        return found
    words = "no reading yet" if age_s is None else f"no reading for {spell_age(age_s)}"
    if paused and said.get("comm_status") == COMM_OK:
        words += f", polling pauses: {paused}"
    return _Supply(evidence=frozen or words, overruled=True)


def _lines(settings: Settings, beat: Mapping[str, Any], running: bool) -> tuple[LineState, ...]:
    said = {entry.get("name"): entry for entry in _entries(beat, "lines")} if running else {}
    states = []
    for line in settings.lines:
        entry = said.get(line.name)
        if entry is None:
            states.append(LineState(line.name, "unknown", line.port))
            continue
        busy = entry.get("busy")
        states.append(
            LineState(
                line.name,
                "up" if entry.get("state") == "up" else "down",
                str(entry.get("port", line.port)),
                str(entry.get("detail", "")),
                float(busy) if isinstance(busy, int | float) else None,
                str(entry.get("paused") or ""),
            )
        )
    return tuple(states)


def spell_age(seconds: float) -> str:
    """Return an age in words: `14 s`, `3 min 20 s`, `5 h 12 min`, `3 d 4 h`."""
    whole = max(0, round(seconds))
    for name, unit, below, lower in (("d", 86400, 3600, "h"), ("h", 3600, 60, "min"), ("min", 60, 1, "s")):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name} {rest} {lower}" if rest else f"{whole // unit} {name}"
    return f"{whole} s"


def _number(beat: Mapping[str, Any], key: str, default: float) -> float:
    value = beat.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def _entries(beat: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    listed = beat.get(key)
    return [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
