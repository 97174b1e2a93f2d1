"""What the board means, in words: one meter's state and its card, the bus, sums over meters.

Pure: a `Board` (and the day's figures) in, small tables of *parts* out. A part is a text and a look
(CSS classes). The pages draw them once, `assets/live.js` paints the same parts again each second: the
rules stand here only, the browser decides nothing. Parts come in groups, so that a browser asks for
those on its page and is sent those that have changed.

Only what a meter can know is said: live, dead, phase lost, no current, unknown; never a breaker's position.
"""

import math
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass

from substation.dashboard import format as f
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.feed import TodayFigures
from substation.dashboard.heard import told
from substation.dashboard.tongue import say

Parts = dict[str, tuple[str, str]]
"""By name: text, look."""

VOLTAGE_BAND = 0.10
"""Part of nominal by which voltage may differ (IS 12360, EN 50160 for low voltage)."""
WARN_LOAD = 0.80
"""Part of the rated current from which a circuit is shown as heavily loaded."""
NO_CURRENT = 0.001
"""Part of the rated current below which a live circuit is said to carry none."""
FACTS = 5
"""Places for facts on the state line."""


def wire(meter: LiveMeter) -> str:
    """Return how the meter's conductor is drawn: live, noload, phase (lost), dead or unknown."""
    drawn = meter.remembered.get("wire")
    if drawn is None:  # nearly every group of parts asks for it
        drawn = meter.remembered["wire"] = _wire(meter)
    return drawn


def _wire(meter: LiveMeter) -> str:
    if meter.freshness in ("stale", "never") or meter.supply not in ("live", "phase_lost", "dead"):
        return "unknown"
    if meter.supply == "dead":
        return "dead"
    if meter.supply == "phase_lost":
        return "phase"
    amps = [trusted(meter, key) for key in of_phases(meter, "current")]
    idle = all(value is not None and abs(value) < NO_CURRENT * rated_a(meter) for value in amps)
    return "noload" if amps and idle else "live"


def of_phases(meter: LiveMeter, what: str) -> list[str]:
    """Return the quantities `v_r`, `v_y`, `v_b` and their like that the meter has."""
    keys = [f"{what}_{phase}" for phase in meter.model.phases]
    return [key for key in keys if key in meter.model.keys]


def trusted(meter: LiveMeter, key: str) -> float | None:
    """Return a value that may enter a sum or a judgement: answered lately and not doubted; else None."""
    value = meter.values.get(key)
    return None if value is None or f.look(value.quality) not in ("fresh", "late") else value.value


def rated_a(meter: LiveMeter) -> float:
    """Return the rated phase current of the meter's circuit, A; of one phase, that phase carries it all."""
    share = 3 if len(meter.model.phases) == 1 else 1
    return float(share * meter.rated_kva * 1000 / (3**0.5 * meter.nominal_v))


def rated_phase_va(meter: LiveMeter) -> float:
    """Return what one phase of the meter's circuit is rated for, VA."""
    return meter.rated_kva * 1000 / len(meter.model.phases)


def status(meter: LiveMeter) -> str:
    """Return the status in the words of the meter's role, `EB supply On`; Unknown when it is not known."""
    drawn = wire(meter)
    if drawn == "unknown":
        return say("Unknown")
    said = _of_role(meter.status)
    return say("{status}, no current", status=said) if drawn == "noload" else said


def _of_role(status: str) -> str:
    """Return the poller's word for a state of supply (`alarms.verdict.WORDS`); any other as it is."""
    match status:
        case "EB supply On":
            return say("EB supply On")
        case "EB supply phase lost":
            return say("EB supply phase lost")
        case "EB supply Off":
            return say("EB supply Off")
        case "DG set On":
            return say("DG set On")
        case "DG set phase lost":
            return say("DG set phase lost")
        case "DG set Off":
            return say("DG set Off")
        case "OK":
            return say("OK")
        case "Phase lost":
            return say("Phase lost")
        case "Power failure":
            return say("Power failure")
    return status


def findings(meter: LiveMeter) -> list[tuple[str, str]]:
    """Return what is outside its limits on a meter's circuit: (warn | alarm, words)."""
    drawn = wire(meter)
    found = []
    doubted = [key for key, value in meter.values.items() if f.look(value.quality) == "bad"]
    if doubted and meter.freshness in ("fresh", "late"):
        several = len(doubted) > 1
        doubtful = say("{count} doubtful", count=len(doubted)) if several else say("Doubtful value")
        found.append(("warn", doubtful))
    if drawn in ("live", "noload"):
        phase_v = meter.nominal_v / 3**0.5
        volts = [value for key in of_phases(meter, "v") if (value := trusted(meter, key)) is not None]
        if any(abs(value - phase_v) > VOLTAGE_BAND * phase_v for value in volts):
            found.append(("warn", say("Voltage outside ±10 %")))
    if drawn in ("live", "phase"):
        amps = [abs(trusted(meter, key) or 0.0) for key in of_phases(meter, "current")]
        load = max(amps, default=0.0) / rated_a(meter)
        if load > 1.0:
            found.append(("alarm", say("Current above rating")))
        elif load > WARN_LOAD:
            found.append(("warn", say("Current above 80 %")))
    return found


def failed(meter: LiveMeter) -> bool:
    """Return whether supply is known to be missing where it should be."""
    drawn = wire(meter)
    return drawn == "phase" or (drawn == "dead" and meter.role != "generator")


def silent(meter: LiveMeter) -> bool:
    """Return whether the meter was asked and does not answer."""
    return meter.comm_status not in ("OK", "Unknown")


def so_far(meter: LiveMeter, figure: float | None) -> str:
    """Return how a figure of today looks: it is as old as the register that it was made from."""
    if figure is None:
        return "ss-is-never"
    register = meter.values["wh_received"]
    old = "stale" in (meter.freshness, register.freshness) or meter.freshness == "never"
    return "ss-is-stale" if old else "ss-is-fresh"


def since(meter: LiveMeter, now_ms: int, zone: zoneinfo.ZoneInfo, *, is_doubted: bool = False) -> str:
    """Return since when the state of supply holds, `since 10:42`; empty where the state is not known."""
    if meter.since_ms is None or wire(meter) == "unknown":
        return ""
    return say("since {time}", time=f.unsure(f.minute(meter.since_ms, now_ms, zone), is_doubted))


def energy_words(kwh: float | None, meter: LiveMeter, *, loose: bool = False) -> str:
    """Return a meter's energy, given in kWh, without its unit; a dash for None."""
    written = f.spec("wh_received", meter.rated_kva)
    return about(loose and kwh is not None) + f.number(kilo(kwh, written), written.decimals)


def meter_parts(board: Board, meter: LiveMeter, today: TodayFigures, zone: zoneinfo.ZoneInfo) -> Parts:
    """Return the parts of a meter's card."""
    drawn = wire(meter)
    idle = " ss-idle" if drawn == "dead" and meter.role == "generator" else ""
    demand = f.spec("va_total", meter.rated_kva)

    peak_va = today.max_demand_va or None  # a generator that has not run had no highest demand
    doubted = board.times_doubted  # who does not know the time, does not know when the day began

    return {
        "wire": ("", f"ss-w-{drawn} ss-q-{meter.freshness}{idle}"),
        "swatch": ("", f"ss-w-{drawn}"),
        "state": (status(meter), ""),
        "since": (since(meter, board.at_ms, zone, is_doubted=doubted), ""),
        "tag": tag(board, meter),
        "pf": (lag_or_lead(meter), ""),
        "kwh": (
            f.unsure(energy_words(today.kwh_today, meter, loose=today.about_today), doubted),
            so_far(meter, today.kwh_today),
        ),
        "past": (
            f.unsure(energy_words(today.kwh_yesterday, meter, loose=today.about_yesterday), doubted),
            "ss-is-never" if today.kwh_yesterday is None else "",
        ),
        "max": (
            f.spec("va_total", meter.rated_kva, glance=True).text(peak_va),
            so_far(meter, peak_va),
        ),
        "maxat": (
            f.unsure(f.time_of_day(today.max_demand_at_ms, zone), doubted)
            if peak_va and today.max_demand_at_ms
            else "",
            so_far(meter, peak_va) if peak_va else "",
        ),
        "maxunit": (demand.unit if peak_va else "", ""),
        "answered": (
            f.unsure(answered(today.completeness), doubted),
            so_far(meter, today.completeness),
        ),
        "curve": ("", f"ss-q-{meter.freshness}"),
    }


def answered(share: float | None) -> str:
    """Return in words how complete the day's figures are; never rounded up to the whole."""
    if share is None:
        return f.DASH
    return say("{share} of its minutes", share=f.percent(math.floor(share * 1000 + 1e-6) / 1000, 1))


def about(loose: bool) -> str:
    """Return the sign before a figure that covers nearly the time it is shown for."""
    return f"≈{f.THIN}" if loose else ""


def kilo(kwh: float | None, written: f.Spec) -> float | None:
    """Return an energy given in kWh in the unit that `written` prints."""
    return None if kwh is None else kwh * 1000 / written.divisor


def tag(board: Board, meter: LiveMeter) -> tuple[str, str]:
    """Return the mark on a card: what is wrong, and as what it looks."""
    if silent(meter):
        return (say("No answer"), "ss-tag-warn")
    if meter.frozen:
        frozen = told(meter.frozen)
        return (frozen[0].upper() + frozen[1:], "ss-tag-warn ss-tag-long")
    if meter.paused and meter.freshness in ("stale", "never"):
        return (say("Not asked"), "ss-tag-warn")
    if failed(meter) and not follows(board, meter):
        return (say("Alarm"), "ss-tag-alarm")
    found = findings(meter)
    if found:
        severity, words = min(found)  # 'alarm' sorts before 'warn'
        return (words, f"ss-tag-{severity}")
    return ("", "ss-none")


def lag_or_lead(meter: LiveMeter) -> str:
    """Return `lag` or `lead` by the sign of reactive power, empty where it is not known or nothing flows."""
    var = meter.values.get("var_total")
    if var is None or var.value is None or f.look(var.quality) in ("bad", "never") or var.value == 0:
        return ""
    return say("lag") if var.value > 0 else say("lead")


def bus_is_fed(board: Board, section: int | None = None) -> bool:
    """Return whether any meter sees voltage, on any bus or on that of a section."""
    return any(
        wire(meter) in ("live", "noload", "phase")
        for meter in board.meters
        if section in (None, meter.bus_section)
    )


def follows(board: Board, meter: LiveMeter) -> bool:
    """Return whether a feeder is dead because what feeds it is: not it, but its source has failed."""
    if meter.role != "feeder" or wire(meter) != "dead":
        return False
    section = meter.bus_section
    lost = any(failed(other) for other in sources(board, "incomer") if other.bus_section == section)
    return not bus_is_fed(board) or (lost and not bus_is_fed(board, section))


def sources(board: Board, role: str) -> list[LiveMeter]:
    """Return the meters of a role."""
    return [meter for meter in board.meters if meter.role == role]


def supply_lost(board: Board) -> bool:
    """Return whether every incomer is known to be dead."""
    incomers = sources(board, "incomer")
    return bool(incomers) and all(wire(meter) == "dead" for meter in incomers)


def on_generator(board: Board) -> bool:
    """Return whether supply is lost and a generator runs."""
    return supply_lost(board) and any(
        wire(m) in ("live", "noload", "phase") for m in sources(board, "generator")
    )


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over meters, or the names of those that are missing from it."""

    value: float | None
    missing: tuple[str, ...] = ()
    of: int = 0
    """How many parts the whole has."""

    @property
    def words(self) -> str:
        """Which parts are missing."""
        return missing_words(self.missing, self.of)


def missing_words(names: Sequence[str], of: int | None = None) -> str:
    """Return which parts of a figure are missing, `ColonyLoad missing`; `not known` when all are."""
    if not names or len(names) == of:
        return say("not known")
    if len(names) == 1:
        return say("{name} missing", name=names[0])
    return say("{name} and {count} more missing", name=names[0], count=len(names) - 1)


def total(meters: Sequence[LiveMeter], key: str) -> Sum:
    """Return the sum of a quantity; without a value when one part is missing, stale or doubted."""
    values = {meter.name: trusted(meter, key) for meter in meters}
    missing = tuple(name for name, value in values.items() if value is None)
    if missing or not values:
        return Sum(None, missing, len(values))
    return Sum(sum(value for value in values.values() if value is not None))
