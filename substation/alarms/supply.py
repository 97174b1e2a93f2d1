"""Is there supply? Judged by voltage, never by load: an idle live feeder is no power failure. Pure.

The rules, with V as a share of the nominal voltage:

1. A voltage is live from 50 % on and dead below 40 %; between them it is what it was before.
2. All line-to-line voltages live: *live*. All dead: *dead*. Where the meter has none, the line-to-neutral
   voltages against nominal / sqrt 3; where its model has a single one, that one alone.
3. A line-to-neutral voltage dead while others live: *phase lost*. Line to line alone a lost phase shows
   as two voltages near 58 % beside one near 100 %: *phase lost* as well.
4. No voltage to judge by: *unknown*. A meter whose communication failed: *unknown*, unless it is fed
   from the circuit it measures (`aux_supply = "own"`) and what others show says that the circuit is dead:
   the rules of `alarms.silence`. They speak when everybody was heard or given up since it fell silent,
   which is one round later at most; so no order of polling makes an outage look like a fault of the wire.
5. A state that is found again after less than a minute without sight of it has lasted: so short a
   blind spot (lost answers, a restart of the poller) can hide no sustained interruption, which is one
   of more than a minute (IEEE 1159). After a longer one its time counts from when it was seen again.
6. A meter that answers, but refuses to be read, shows nothing: *unknown* from the second refusal on
   without a reading between. One alone, of a meter that is busy, changes nothing, just as one failed
   poll; so a verdict outlives the reading that it rests on by two rounds at most, in either case.
7. A meter that repeats itself to the bit shows what was once: *unknown*.
8. A meter that is not asked (its line is held for commissioning) keeps its verdict, but is no witness.
9. A circuit that went dead by silence is said to be so from the first poll without an answer on, or from
   when the circuit that fell with it was seen dead: no later than that, and no sooner than the last answer.

Every verdict carries its evidence. Whether the energy registers bear out a verdict by silence is asked
when the meter is back (`alarms.confirm`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from substation.alarms.balance import balance
from substation.alarms.silence import RETURN_MS, Station, judge_silence
from substation.alarms.verdict import (
    BLIND_MS,
    UNKNOWN,
    WORDS,
    Balance,
    Heard,
    Known,
    Supply,
    Verdict,
    following,
    fresh,
)
from substation.alarms.voltages import judge_voltages
from substation.clock import site_time
from substation.errors import EXCEPTION_WORDS, LineDown
from substation.readings import Quality, Reading
from substation.settings.model import Meter, Settings

__all__ = ["BLIND_MS", "UNKNOWN", "WORDS", "Supply", "Verdict", "judge", "judge_voltages", "recall"]

UNKNOWN_AFTER = 2
"""Rule 6: refusals without a reading between."""


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
    lines_down = {m.line for m in settings.meters if _unreachable(readings.get(m.id))} | set(down)
    silent = set(failed) | {meter.id for meter in settings.meters if meter.line in lines_down}
    old = {meter.id: before.get(meter.id) or fresh(meter, now_ms) for meter in settings.meters}
    station = Station(settings, old, silent, lines_down, now_ms)
    balanced = balance(settings, old, (), now_ms, station.together_ms)
    verdicts = {}
    for meter in settings.meters:
        reading, was = readings.get(meter.id), old[meter.id]
        if reading is None:
            verdicts[meter.id] = was
        elif reading.answered and meter.id in frozen:
            verdicts[meter.id] = _frozen(meter, reading, was, frozen[meter.id], settings.site.zone)
        elif reading.answered:
            verdicts[meter.id] = _shown(settings, meter, reading, was, balanced)
        elif reading.quality is Quality.REFUSED:
            verdicts[meter.id] = replace(_refused(meter, reading, was), silent_ms=None)
        elif was.silent_ms is None:
            verdicts[meter.id] = replace(was, silent_ms=reading.at_ms)
        else:
            verdicts[meter.id] = was
    station = replace(station, verdicts=verdicts)
    given_up = [meter for meter in settings.meters if meter.id in silent]
    return {**verdicts, **{meter.id: _silent(meter, station) for meter in given_up}}


def _unreachable(reading: Reading | None) -> bool:
    return reading is not None and reading.reason == LineDown.kind


def _shown(
    settings: Settings, meter: Meter, reading: Reading, old: Verdict, balanced: Balance | None
) -> Verdict:
    supply, evidence, live = judge_voltages(reading, settings.nominal_v(meter), old.live)
    verdict = following(meter, supply, evidence, at_ms=reading.at_ms, live=live, old=old)
    doubted = "watts_total" in reading.implausible
    watts = None if doubted else reading.values.get("watts_total")
    heard = Heard(reading.at_ms, supply, watts, balanced)
    return replace(verdict, heard=heard, silent_ms=None, by_load=False)


def _frozen(meter: Meter, reading: Reading, old: Verdict, since_ms: int, zone: ZoneInfo) -> Verdict:
    evidence = f"the meter repeats itself since {site_time(since_ms, zone):%Y-%m-%d %H:%M:%S}"
    verdict = following(meter, "unknown", evidence, at_ms=reading.at_ms, live=old.live, old=old)
    return replace(verdict, heard=None, silent_ms=None, by_load=False)


def _silent(meter: Meter, station: Station) -> Verdict:
    """Return the verdict on a meter that was given up (rules 4 and 9)."""
    old = station.verdicts[meter.id]
    if meter.line not in station.down and old.supply != "unknown" and not station.settled(meter):
        return old
    said = judge_silence(meter, station)
    by_silence = meter.aux_supply == "own" and meter.line not in station.down
    if by_silence and old.supply == "dead" and said.supply == "unknown":
        shown = station.showing("incomer", "feeder", "generator", besides=meter)
        back = [v for _, v in shown if v.supply == "live" and v.since_ms > station.now_ms - RETURN_MS]
        if back:
            return old
    verdict = following(
        meter,
        said.supply,
        said.evidence,
        at_ms=station.now_ms,
        live=old.live,
        old=old,
        since_ms=old.silent_ms if said.since_ms is None else said.since_ms,
    )
    return replace(verdict, by_load=said.by_load)


def _refused(meter: Meter, reading: Reading, old: Verdict) -> Verdict:
    refusals = old.refusals + 1
    if refusals < UNKNOWN_AFTER and old.supply != "unknown":
        return replace(old, refusals=refusals)
    code = (reading.reason or "").removeprefix("exception_")
    why = EXCEPTION_WORDS.get(int(code), "unknown code") if code.isdecimal() else "no code"
    evidence = f"answers, but refuses to be read (exception {code}, {why})"
    unknown = following(meter, "unknown", evidence, at_ms=reading.at_ms, live=old.live, old=old)
    return replace(unknown, refusals=refusals)


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
            verdicts[meter.id] = replace(
                fresh(meter, now_ms), known=Known(supply, since_ms, seen_ms), heard=Heard(seen_ms, supply)
            )
    return verdicts
