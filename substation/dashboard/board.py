"""What is known right now, judged for age: the records that every page reads, and how they are made.

Pure: settings, the poller's report and the last readings in, a `Board` out; no file, no clock.
The rules of truth stand here once for all pages:

1. A value is `good` while fresh, `late` after two rounds, `stale` after five.
2. When the poller is stopped or the meter does not answer, every value is `stale` at once and the
   state of supply is unknown: what was true then is not known to be true now. It is unknown as well
   whenever the values that it rests on are `stale` or `never` came. Only what the poller concludes
   from the silence itself stands without them: a meter fed by its own dead circuit.
3. A stale value keeps its number, so that a person may judge; a value never seen has none.
4. A doubt that was stored with a value (`implausible`, `disabled`) outlives its age.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from substation.quantities import QUANTITIES
from substation.readings import Quality, Reading
from substation.settings.model import Meter, Role, Settings

Freshness = Literal["fresh", "late", "stale", "never"]
UNKNOWN = "Unknown"
COMM_OK = "OK"
CLOCK_SLACK_S = 1.0
"""A time stamp may lie so far ahead of the clock: two processes read it one after the other."""


@dataclass(frozen=True, slots=True)
class LiveValue:
    """One value as it may be shown."""

    value: float | None
    """In `unit`, at the stored resolution, not rounded further."""
    unit: str
    quality: str
    """good | late | stale | never, or the stored doubt: implausible | no_answer | refused | disabled."""


@dataclass(frozen=True, slots=True)
class PollerState:
    """Whether the poller is alive, judged by its heartbeat."""

    state: Literal["running", "stopped", "never"]
    age_s: float | None
    """Since its last heartbeat; None when there is none."""
    words: str = ""
    """Empty while it runs; else a sentence for the state line."""


@dataclass(frozen=True, slots=True)
class LineState:
    """One communication line as the poller sees it."""

    name: str
    state: Literal["up", "down", "unknown"]
    port: str = ""
    detail: str = ""
    busy: float | None = None
    """Part of the time that the wire is in use, 0 to 1."""


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


@dataclass(frozen=True, slots=True)
class Limits:
    """Ages at which things turn, s."""

    fresh_s: float
    late_s: float
    silent_s: float
    """A poller that has not reported for so long is stopped."""

    @classmethod
    def of(cls, interval_s: float, wire_limit_s: float = 0.0) -> "Limits":
        """Return the limits for a poll interval; a wire too slow for it sets the pace itself."""
        pace = max(interval_s, wire_limit_s)
        return cls(max(2 * pace, 3.0), max(5 * pace, 5.0), max(3.2, 1.6 * pace))


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
    limits: Limits = field(default_factory=lambda: Limits.of(2.0))
    """Ages at which a reading of this station turns late and stale."""

    def meter(self, meter_id: int) -> LiveMeter | None:
        """Return the meter with this Modbus id, or None."""
        return next((meter for meter in self.meters if meter.id == meter_id), None)


def make_board(
    settings: Settings,
    beat: Mapping[str, Any] | None,
    last: Mapping[int, Reading],
    now_ms: int,
    problems: Sequence[str] = (),
) -> Board:
    """Return the board.

    Args:
        settings: which meters there are.
        beat: the poller's last report (`state/poller.json`), None when there is none.
        last: by meter id the newest reading that was answered.
        now_ms: UTC, ms.
        problems: what went wrong on the way here, in sentences.
    """
    beat = beat or {}
    limits = Limits.of(_number(beat, "interval_s", settings.poll.interval_s), _number(beat, "limit_s", 0.0))
    poller = _poller(settings, beat, bool(last), now_ms, limits)
    running = poller.state == "running"
    said = {entry.get("id"): entry for entry in _entries(beat, "meters")}
    moment = _Moment(settings, beat, running, now_ms, limits)
    meters = tuple(
        _meter(moment, meter, said.get(meter.id, {}), last.get(meter.id)) for meter in settings.meters
    )
    told = [str(words) for words in beat.get("problems") or ()] if running else []
    return Board(
        now_ms,
        settings.simulated,
        poller,
        _lines(settings, beat, running),
        meters,
        tuple(dict.fromkeys([*problems, *told])),
        limits,
    )


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
    return PollerState("running", max(age_s, 0.0))


@dataclass(frozen=True, slots=True)
class _Moment:
    """What is the same for all meters of a board."""

    settings: Settings
    beat: Mapping[str, Any]
    running: bool
    now_ms: int
    limits: Limits


def _meter(moment: _Moment, meter: Meter, said: Mapping[str, Any], reading: Reading | None) -> LiveMeter:
    asked = moment.running and bool(said)
    comm_status = str(said.get("comm_status", UNKNOWN)) if asked else UNKNOWN
    trusted = comm_status == COMM_OK
    age_s = None if reading is None else (moment.now_ms - reading.at_ms) / 1000
    freshness = _freshness(age_s, trusted, moment.limits)
    since = said.get("since_ms") if asked else moment.beat.get("at_ms")
    if not moment.running:
        detail = "the poller does not run"
    elif not said:
        detail = "not asked yet"
    else:
        detail = str(said.get("comm_detail", ""))
    supply = _supply(said if asked else {}, age_s, freshness)
    if supply.overruled:
        since = None if reading is None else reading.at_ms
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
        values=_values(reading, freshness),
        counters={
            key: value
            for key, value in said.items()
            if key not in {"id", "since_ms"}
            and isinstance(value, int | float)
            and not isinstance(value, bool)
        },
    )


@dataclass(frozen=True, slots=True)
class _Supply:
    supply: str = "unknown"
    status: str = UNKNOWN
    evidence: str = ""
    overruled: bool = False
    """Whether the poller says more than the values can bear."""


def _supply(said: Mapping[str, Any], age_s: float | None, freshness: Freshness) -> _Supply:
    """Return what the poller says of the supply, as far as rule 2 lets it stand."""
    found = _Supply(
        str(said.get("supply", "unknown")), str(said.get("status", UNKNOWN)), str(said.get("evidence", ""))
    )
    by_silence = found.supply == "dead" and said.get("comm_status") != COMM_OK
    if found.supply == "unknown" or freshness in ("fresh", "late") or by_silence:
        return found
    words = "no reading yet" if age_s is None else f"no reading for {spell_age(age_s)}"
    return _Supply(evidence=words, overruled=True)


def _freshness(age_s: float | None, trusted: bool, limits: Limits) -> Freshness:
    if age_s is None:
        return "never"
    if not trusted or age_s > limits.late_s or age_s < -CLOCK_SLACK_S:
        return "stale"
    return "fresh" if age_s <= limits.fresh_s else "late"


def _values(reading: Reading | None, freshness: Freshness) -> dict[str, LiveValue]:
    shown = "good" if freshness == "fresh" else freshness
    values = {}
    for quantity in QUANTITIES:
        if reading is None:
            values[quantity.key] = LiveValue(None, quantity.unit, "never")
            continue
        stored = reading.quality_of(quantity.key)
        value = quantity.from_steps(quantity.to_steps(reading.values.get(quantity.key)))
        quality = shown if stored is Quality.GOOD else stored.value
        values[quantity.key] = LiveValue(value, quantity.unit, quality)
    return values


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
