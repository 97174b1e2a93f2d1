"""One reading's voltages: live, phase lost or dead (rules 1 to 4 of `alarms.supply`). Pure."""

import math
from collections.abc import Mapping, Sequence

from substation.alarms.verdict import Supply
from substation.readings import Reading

LIVE_FROM = 0.5
DEAD_BELOW = 0.4
SAGGED = 0.7
"""Of the highest: two line-to-line voltages below this share beside one full one mean a lost phase."""

LINE_TO_LINE = (("v_ry", "RY"), ("v_yb", "YB"), ("v_br", "BR"))
LINE_TO_NEUTRAL = (("v_r", "R"), ("v_y", "Y"), ("v_b", "B"))


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
    if len(asked := _asked(reading)) == 1 and asked[0] in LINE_TO_NEUTRAL:
        return _single_phase(asked, to_neutral, nominal_v / math.sqrt(3), live)
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


def _asked(reading: Reading) -> list[tuple[str, str]]:
    """Return the voltages that the meter was asked for: what its model has."""
    return [voltage for voltage in (*LINE_TO_LINE, *LINE_TO_NEUTRAL) if voltage[0] in reading.values]


def _single_phase(
    asked: Sequence[tuple[str, str]], found: Mapping[str, float], nominal_v: float, live: dict[str, bool]
) -> tuple[Supply, str, dict[str, bool]]:
    evidence = f"{_evidence(asked, found, nominal_v)}, one phase"
    if not found:
        return "unknown", f"voltages missing: {evidence}", live
    state = live.get(asked[0][0])
    if state is None:
        return "unknown", f"between dead and live, never seen before: {evidence}", live
    return ("live" if state else "dead"), evidence, live


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
