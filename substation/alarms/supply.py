"""Is there supply? Judged by voltage, never by load: an idle live feeder is no power failure. Pure.

The rules, with V as a share of the nominal voltage:

1. A voltage is live from 50 % on and dead below 40 %; between them it is what it was before.
2. All line-to-line voltages live: *live*. All dead: *dead*. Where the meter has none, the line-to-neutral
   voltages against nominal / sqrt 3.
3. A line-to-neutral voltage dead while others live: *phase lost*. Line to line alone a lost phase shows
   as two voltages near 58 % beside one near 100 %: *phase lost* as well.
4. No voltage to judge by: *unknown*. A meter whose communication failed: *unknown*, unless it is fed
   from the circuit it measures (`aux_supply = "own"`), falls silent together with another such meter,
   and a meter with independent supply answers: then it is *dead*. One alone may be its panel; all
   silent is the line or the adapter. Only meters on one and the same line can bear witness to each
   other, and on a line that is down none can.

5. A state that is found again after less than a minute without sight of it has lasted: so short a
   blind spot (lost answers, a restart of the poller) can hide no sustained interruption, which is one
   of more than a minute (IEEE 1159). After a longer one its time counts from when it was seen again.
6. A meter that answers, but refuses to be read, shows nothing: *unknown* from the second refusal on
   without a reading between. One alone, of a meter that is busy, changes nothing, just as one failed
   poll; so a verdict outlives the reading that it rests on by one round at most, in either case.

Every verdict carries its evidence.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from substation.errors import EXCEPTION_WORDS, LineDown
from substation.readings import Quality, Reading
from substation.settings.model import Meter, Role, Settings

Supply = Literal["live", "phase_lost", "dead", "unknown"]

LIVE_FROM = 0.5
DEAD_BELOW = 0.4
SAGGED = 0.7
"""Of the highest: two line-to-line voltages below this share beside one full one mean a lost phase."""
UNKNOWN_AFTER = 2
"""Rule 6: refusals without a reading between."""
BLIND_MS = 60_000
"""Rule 5: so long may a state go unseen and still be said to have lasted."""

LINE_TO_LINE = (("v_ry", "RY"), ("v_yb", "YB"), ("v_br", "BR"))
LINE_TO_NEUTRAL = (("v_r", "R"), ("v_y", "Y"), ("v_b", "B"))

WORDS: Mapping[Role, Mapping[Supply, str]] = {
    "incomer": {"live": "EB supply On", "phase_lost": "EB supply phase lost", "dead": "EB supply Off"},
    "generator": {"live": "DG set On", "phase_lost": "DG set phase lost", "dead": "DG set Off"},
    "feeder": {"live": "OK", "phase_lost": "Phase lost", "dead": "Power failure"},
}
UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Known:
    """What was last known of a supply that is unknown now."""

    supply: Supply
    since_ms: int
    seen_ms: int
    """UTC, ms: the last evidence of it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one circuit's supply."""

    supply: Supply
    status: str
    """The word on screen: depends on the meter's role."""
    evidence: str
    since_ms: int
    """UTC, ms: when the supply became so."""
    live: Mapping[str, bool]
    """Memory for the hysteresis: whether each voltage was live when last seen."""
    seen_ms: int
    """UTC, ms: the last evidence."""
    known: Known | None = None
    """While unknown: what was known before."""
    refusals: int = 0
    """Since the last reading or verdict by silence."""


def judge(
    settings: Settings,
    readings: Mapping[int, Reading],
    failed: Collection[int],
    before: Mapping[int, Verdict],
    now_ms: int,
    *,
    down: Collection[str] = (),
    frozen: Mapping[int, int] = MappingProxyType({}),
) -> dict[int, Verdict]:
    """Return the verdict on every meter of the station.

    Args:
        settings: roles, nominal voltages, where the meters are fed from.
        readings: this round's, by meter; one without values leaves its verdict as it was, but see rule 6.
        failed: meters whose communication has failed.
        before: the verdicts of the round before.
        now_ms: UTC, ms, for a verdict that no reading stamps.
        down: names of the lines that are down.
        frozen: meters that repeat themselves to the bit, and since when, UTC ms.
    """
    verdicts = {}
    unreachable = {key for key, reading in readings.items() if reading.reason == LineDown.kind}
    down = {meter.line for meter in settings.meters if meter.id in unreachable} | set(down)
    for meter in settings.meters:
        old = before.get(meter.id) or _verdict(
            meter, "unknown", "not read yet", at_ms=now_ms, live={}, old=None
        )
        reading = readings.get(meter.id)
        if meter.id in failed:
            fellows = [other for other in settings.meters if other.line == meter.line]
            supply, evidence = _silent(meter, fellows, failed, line_down=meter.line in down)
            verdicts[meter.id] = _verdict(meter, supply, evidence, at_ms=now_ms, live=old.live, old=old)
        elif reading is not None and reading.answered:
            supply, evidence, live = judge_voltages(reading, settings.nominal_v(meter), old.live)
            verdicts[meter.id] = _verdict(meter, supply, evidence, at_ms=reading.at_ms, live=live, old=old)
        elif reading is not None and reading.quality is Quality.REFUSED:
            verdicts[meter.id] = _refused(meter, reading, old)
        else:
            verdicts[meter.id] = old
    return verdicts


def judge_voltages(
    reading: Reading, nominal_v: float, before: Mapping[str, bool]
) -> tuple[Supply, str, dict[str, bool]]:
    """Return supply, evidence and the memory for next time, from one reading's voltages.

    `nominal_v` is line to line, V. An implausible voltage is no evidence.
    """
    to_line = _trusted(reading, LINE_TO_LINE)
    to_neutral = _trusted(reading, LINE_TO_NEUTRAL)
    live = dict(before)
    live.update(_states(to_line, nominal_v, before))
    live.update(_states(to_neutral, nominal_v / math.sqrt(3), before))
    line_evidence = _evidence(LINE_TO_LINE, to_line, nominal_v)
    neutral_evidence = _evidence(LINE_TO_NEUTRAL, to_neutral, nominal_v / math.sqrt(3))

    full_set = to_line if len(to_line) == len(LINE_TO_LINE) else to_neutral
    evidence = line_evidence if full_set is to_line else neutral_evidence
    if len(full_set) != len(LINE_TO_LINE):
        return "unknown", f"voltages missing: {line_evidence if to_line else neutral_evidence}", live
    states = [live.get(key) for key in full_set]
    if all(state is False for state in states):
        return "dead", evidence, live
    neutral_states = [live.get(key) for key in to_neutral]
    if False in neutral_states and True in neutral_states:
        return "phase_lost", neutral_evidence, live
    if False in states:
        return "phase_lost", evidence, live
    if None in states:
        return "unknown", f"between dead and live, never seen before: {evidence}", live
    if full_set is to_line and not to_neutral and _one_phase_sagged(list(to_line.values())):
        return "phase_lost", evidence, live
    return "live", evidence, live


def _trusted(reading: Reading, voltages: Sequence[tuple[str, str]]) -> dict[str, float]:
    found = {}
    for key, _ in voltages:
        value = reading.values.get(key)
        if value is not None and key not in reading.implausible:
            found[key] = value
    return found


def _states(found: Mapping[str, float], nominal_v: float, before: Mapping[str, bool]) -> dict[str, bool]:
    states = {}
    for key, value in found.items():
        if value >= LIVE_FROM * nominal_v:
            states[key] = True
        elif value < DEAD_BELOW * nominal_v:
            states[key] = False
        elif key in before:
            states[key] = before[key]
    return states


def _one_phase_sagged(voltages: Sequence[float]) -> bool:
    low, middle, high = sorted(voltages)
    return middle < SAGGED * high and low > 0


def _evidence(voltages: Sequence[tuple[str, str]], found: Mapping[str, float], nominal_v: float) -> str:
    shown = ", ".join(
        f"{name} {found[key]:.1f}" if key in found else f"{name} missing" for key, name in voltages
    )
    return f"{shown} V of {nominal_v:.0f} V"


def _silent(
    meter: Meter, meters: Sequence[Meter], failed: Collection[int], *, line_down: bool
) -> tuple[Supply, str]:
    """Return supply and evidence of a meter that does not answer; `meters` are those on its line."""
    if line_down:
        return "unknown", f"the line is down: {meter.line}"
    witnesses = [other.name for other in meters if other.aux_supply == "station" and other.id not in failed]
    answering = [other.name for other in meters if other.id not in failed]
    fellows = [
        other.name
        for other in meters
        if other.aux_supply == "own" and other.id in failed and other.id != meter.id
    ]
    if not answering:
        return "unknown", "no meter answers: the line or the adapter"
    if meter.aux_supply == "own" and fellows:
        together = f"fed from its own circuit and silent together with {', '.join(fellows)}"
        if witnesses:
            return "dead", f"{together}, while {witnesses[0]} answers"
        return "unknown", f"{together}, but no meter with independent supply answers"
    if meter.aux_supply == "own":
        return "unknown", f"silent alone, while {answering[0]} answers: communication or its panel"
    return "unknown", f"no answer, while {answering[0]} answers: communication, or the meter itself"


def _refused(meter: Meter, reading: Reading, old: Verdict) -> Verdict:
    refusals = old.refusals + 1
    if refusals < UNKNOWN_AFTER and old.supply != "unknown":
        return replace(old, refusals=refusals)
    code = (reading.reason or "").removeprefix("exception_")
    why = EXCEPTION_WORDS.get(int(code), "unknown code") if code.isdecimal() else "no code"
    evidence = f"answers, but refuses to be read (exception {code}, {why})"
    unknown = _verdict(meter, "unknown", evidence, at_ms=reading.at_ms, live=old.live, old=old)
    return replace(unknown, refusals=refusals)


def _verdict(
    meter: Meter, supply: Supply, evidence: str, *, at_ms: int, live: Mapping[str, bool], old: Verdict | None
) -> Verdict:
    status = UNKNOWN if supply == "unknown" else WORDS[meter.role][supply]
    if old is not None and old.supply == supply:
        return replace(old, status=status, evidence=evidence, live=live, seen_ms=at_ms, refusals=0)
    if supply == "unknown":
        known = Known(old.supply, old.since_ms, old.seen_ms) if old is not None else None
        return Verdict(supply, status, evidence, at_ms, live, at_ms, known)
    known = old.known if old is not None else None
    lasted = known is not None and known.supply == supply and 0 <= at_ms - known.seen_ms <= BLIND_MS
    since_ms = known.since_ms if known is not None and lasted else at_ms
    return Verdict(supply, status, evidence, since_ms, live, at_ms)


def recall(meters: Sequence[Meter], said: Sequence[Mapping[str, Any]], now_ms: int) -> dict[int, Verdict]:
    """Return what the poller before this one knew, as the verdicts to judge the first round by.

    All are unknown until a meter has answered; rule 5 then decides whether a state has lasted.

    Args:
        meters: of the station.
        said: the entries `meters` of the last heartbeat.
        now_ms: UTC, ms.
    """
    verdicts = {}
    by_id = {entry.get("id"): entry for entry in said}
    for meter in meters:
        entry = by_id.get(meter.id, {})
        since_ms, seen_ms = entry.get("since_ms"), entry.get("last_good_ms")
        supply = next((known for known in WORDS[meter.role] if known == entry.get("supply")), None)
        if supply is not None and isinstance(since_ms, int) and isinstance(seen_ms, int):
            fresh = _verdict(meter, "unknown", "not read yet", at_ms=now_ms, live={}, old=None)
            verdicts[meter.id] = replace(fresh, known=Known(supply, since_ms, seen_ms))
    return verdicts
