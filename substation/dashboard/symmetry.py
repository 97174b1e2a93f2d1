"""How unequal the phases of a meter are now, in words: unbalance, neutral current, angles.

Pure, as `words`: a `LiveMeter` in, parts out (group `uN`). A figure of which one input is missing, old or
doubted has no value and says why; so nothing here is ever as of another time than it seems.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from substation.dashboard import format as f
from substation.dashboard import phases, words
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.tongue import say
from substation.dashboard.words import Parts
from substation.energy import unbalance

LINES = ("v_ry", "v_yb", "v_br")
CURRENTS = ("current_r", "current_y", "current_b")
VOLTS_WARN, U2_ALARM, NEMA_ALARM = 2.0, 3.0, 5.0
"""Per cent: EN 50160 (95 % of a week), the site's alarm; NEMA MG-1 14.36: no motor is to run above 5 %."""
NEMA_DERATE = 1.0
"""Per cent above which NEMA MG-1 14.36 derates motors."""
AMPS_WARN, AMPS_ALARM = 10.0, 30.0
"""Per cent, practice of sites."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, or why there is none."""

    value: float | None
    why: str = ""
    looks: str = ""
    judged: bool = True
    """Whether it is held against a limit."""
    nothing: bool = False
    """Whether there is none because nothing flows, or the circuit has one phase: nothing is missing."""


def voltage_u2(meter: LiveMeter) -> Figure:
    """Return u2 of the line-to-line voltages, per cent (IEC 61000-4-30)."""
    return _of_voltages(meter, lambda volts: unbalance.iec_u2(*volts), U2_ALARM)


def voltage_nema(meter: LiveMeter) -> Figure:
    """Return the unbalance of the line-to-line voltages by NEMA MG-1, per cent."""
    return _of_voltages(meter, unbalance.nema, NEMA_ALARM)


def of_currents(meter: LiveMeter) -> Figure:
    """Return the unbalance of the currents, per cent; not judged while little flows."""
    amps, why = _known(meter, CURRENTS)
    if not amps:
        return Figure(None, why, nothing=len(meter.model.phases) == 1)
    mean = sum(amps) / len(amps)
    if mean < words.NO_CURRENT * words.rated_a(meter):
        return Figure(None, say("no current"), nothing=True)
    if mean < unbalance.LIGHT * words.rated_a(meter):
        return Figure(unbalance.nema(amps), say("light load, not judged"), judged=False)
    return _judged(unbalance.nema(amps), AMPS_WARN, AMPS_ALARM)


def neutral(meter: LiveMeter) -> Figure:
    """Return the estimated current of the neutral, A."""
    amps, why = _known(meter, CURRENTS)
    return Figure(unbalance.neutral(*amps), say("estimate")) if amps else Figure(None, why)


def _of_voltages(
    meter: LiveMeter, reckoned: Callable[[Sequence[float]], float | None], alarm: float
) -> Figure:
    volts, why = _known(meter, LINES)
    if not volts:
        return Figure(None, why, nothing=len(meter.model.phases) == 1)
    if sum(volts) / 3 < unbalance.DEAD * meter.nominal_v:
        return Figure(None, say("no voltage"), nothing=True)
    return _judged(reckoned(volts), VOLTS_WARN, alarm)


def _judged(percent: float | None, warn: float, alarm: float) -> Figure:
    if percent is None:
        return Figure(None, say("no voltage"), nothing=True)
    return Figure(percent, "", "ss-alarm" if percent > alarm else "ss-warn" if percent > warn else "")


def _known(meter: LiveMeter, keys: Sequence[str]) -> tuple[list[float], str]:
    """Return the values of now, or none and why."""
    if len(meter.model.phases) == 1:
        return [], say("one phase")
    if meter.freshness == "never":
        return [], say("never answered")
    found: list[float] = []
    for key in keys:
        label = phases.label(key)
        if key not in meter.model.keys:
            return [], say("{quantity}: not in this meter", quantity=label)
        if meter.freshness == "stale":
            return [], say("no reading of now")
        value = words.trusted(meter, key)
        if value is None:
            return [], _why_not(meter, key)
        found.append(value)
    return found, ""


def _why_not(meter: LiveMeter, key: str) -> str:
    label = phases.label(key)
    match f.look(meter.values[key].quality):
        case "stale":
            return say("{quantity} is old", quantity=label)
        case "bad":
            return say("{quantity} is doubtful", quantity=label)
    return say("{quantity} was not read", quantity=label)


def parts(meter: LiveMeter) -> Parts:
    """Return the row under the table of phases: each figure, and beside it its limit or why it is missing."""
    nema, u2, amps, ground = voltage_nema(meter), voltage_u2(meter), of_currents(meter), neutral(meter)
    nema_says = say(
        "limit {limit} %; motors: derate above {derate} %, never above {most} %",
        limit=f"{VOLTS_WARN:g}", derate=f"{NEMA_DERATE:g}", most=f"{NEMA_ALARM:g}",
    )  # fmt: skip
    told: Parts = {}
    told |= _row("nema", nema, _percent(nema.value, 2), nema_says)
    told |= _row("u2", u2, _percent(u2.value, 2), _limits(VOLTS_WARN, U2_ALARM))
    told |= _row("amps", amps, _percent(amps.value, 1), _limits(AMPS_WARN, AMPS_ALARM))
    written = f.spec("current_r", meter.rated_kva, meter.nominal_v, glance=True)
    told |= _row("neutral", ground, written.words(ground.value), "")
    turn = (
        say("{sequence}, assumed", sequence=" ".join(phases.name(one) for one in "RYB"))
        if len(meter.model.phases) == 3
        else f.DASH
    )
    told |= {"turn": (turn, ""), "turnsays": (say("the meter does not tell it"), "")}
    return told


def _row(name: str, figure: Figure, text: str, beside: str) -> Parts:
    looks = figure.looks or ("ss-is-never" if figure.value is None else "")
    if figure.looks:
        beside = say("above the limit: {limits}", limits=beside)
    return {name: (text, looks), f"{name}says": (figure.why or beside, figure.looks)}


def _limits(warn: float, alarm: float) -> str:
    return say("limit {warn} %, alarm {alarm} %", warn=f"{warn:g}", alarm=f"{alarm:g}")


def _percent(value: float | None, decimals: int) -> str:
    return f.DASH if value is None else f"{f.number(value, decimals)} %"


def worst(board: Board, figure_of: Callable[[LiveMeter], Figure]) -> tuple[str, str]:
    """Return which circuit is least balanced now, as text and look for the station's rows.

    Circuits without voltage or current have nothing to be unbalanced; those of which nothing is known are
    named. A light load is no finding.
    """
    known: list[tuple[float, str, str]] = []
    missing = []
    for meter in board.meters:
        figure = figure_of(meter)
        if figure.value is not None:
            if figure.judged:
                known.append((figure.value, meter.name, figure.looks))
        elif not figure.nothing:
            missing.append(meter.name)
    lacking = words.missing_words(missing, len(board.meters)) if missing else ""
    if not known:
        return (lacking or f.DASH, "ss-hatched" if missing else "")
    percent, name, looks = max(known)
    text = f"{name} {_percent(percent, 2 if percent < 10 else 1)}"
    return (f"{text}, {lacking}", "ss-hatched") if missing else (text, looks)
