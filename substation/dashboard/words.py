"""What the board means, in words: one meter's state, the state line, the summary, the station's sums.

Pure: a `Board` (and the day's figures) in, small tables of *parts* out. A part is a text and a look
(CSS classes). The pages draw them once, `assets/live.js` paints the same parts again each second: the
rules stand here only, the browser decides nothing. Parts come in groups, so that a browser asks for
those on its page and is sent those that have changed.

Only what a meter can know is said: live, dead, phase lost, no current, unknown; never a breaker's position.
"""

import math
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from substation.dashboard import format as f
from substation.dashboard.board import Board, LiveMeter
from substation.dashboard.feed import TodayFigures

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
        return "Unknown"
    return f"{meter.status}, no current" if drawn == "noload" else meter.status


def findings(meter: LiveMeter) -> list[tuple[str, str]]:
    """Return what is outside its limits on a meter's circuit: (warn | alarm, words)."""
    drawn = wire(meter)
    found = []
    doubted = [key for key, value in meter.values.items() if f.look(value.quality) == "bad"]
    if doubted and meter.freshness in ("fresh", "late"):
        found.append(("warn", f"{len(doubted)} doubtful" if len(doubted) > 1 else "Doubtful value"))
    if drawn in ("live", "noload"):
        phase_v = meter.nominal_v / 3**0.5
        volts = [value for key in of_phases(meter, "v") if (value := trusted(meter, key)) is not None]
        if any(abs(value - phase_v) > VOLTAGE_BAND * phase_v for value in volts):
            found.append(("warn", "Voltage outside ±10 %"))
    if drawn in ("live", "phase"):
        amps = [abs(trusted(meter, key) or 0.0) for key in of_phases(meter, "current")]
        load = max(amps, default=0.0) / rated_a(meter)
        if load > 1.0:
            found.append(("alarm", "Current above rating"))
        elif load > WARN_LOAD:
            found.append(("warn", "Current above 80 %"))
    return found


def failed(meter: LiveMeter) -> bool:
    """Return whether supply is known to be missing where it should be."""
    drawn = wire(meter)
    return drawn == "phase" or (drawn == "dead" and meter.role != "generator")


def silent(meter: LiveMeter) -> bool:
    """Return whether the meter was asked and does not answer."""
    return meter.comm_status not in ("OK", "Unknown")


def meter_parts(board: Board, meter: LiveMeter, today: TodayFigures, zone: zoneinfo.ZoneInfo) -> Parts:
    """Return the parts of a meter's card."""
    drawn = wire(meter)
    idle = " ss-idle" if drawn == "dead" and meter.role == "generator" else ""
    energy = f.spec("wh_received", meter.rated_kva)
    demand = f.spec("va_total", meter.rated_kva)

    peak_va = today.max_demand_va or None  # a generator that has not run had no highest demand

    def so_far(figure: float | None) -> str:
        if figure is None:
            return "ss-is-never"
        register = meter.values["wh_received"]  # as old as the energy that it was made from
        old = "stale" in (meter.freshness, register.freshness) or meter.freshness == "never"
        return "ss-is-stale" if old else "ss-is-fresh"

    return {
        "wire": ("", f"ss-w-{drawn} ss-q-{meter.freshness}{idle}"),
        "swatch": ("", f"ss-w-{drawn}"),
        "state": (status(meter), ""),
        "tag": tag(board, meter),
        "pf": (lag_or_lead(meter), ""),
        "kwh": (
            about(today.about_today) + f.number(kilo(today.kwh_today, energy), energy.decimals),
            so_far(today.kwh_today),
        ),
        "max": (
            f.spec("va_total", meter.rated_kva, glance=True).text(peak_va),
            so_far(peak_va),
        ),
        "maxat": (
            f.time_of_day(today.max_demand_at_ms, zone) if peak_va and today.max_demand_at_ms else "",
            "",
        ),
        "maxunit": (demand.unit if peak_va else "", ""),
        "answered": (answered(today.completeness), ""),
    }


def answered(share: float | None) -> str:
    """Return in words how complete the day's figures are; never rounded up to the whole."""
    if share is None:
        return f.DASH
    return f"{f.percent(math.floor(share * 1000 + 1e-6) / 1000, 1)} of its minutes"


def about(loose: bool) -> str:
    """Return the sign before a figure that covers nearly the time it is shown for."""
    return f"≈{f.THIN}" if loose else ""


def kilo(kwh: float | None, written: f.Spec) -> float | None:
    """Return an energy given in kWh in the unit that `written` prints."""
    return None if kwh is None else kwh * 1000 / written.divisor


def tag(board: Board, meter: LiveMeter) -> tuple[str, str]:
    """Return the mark on a card: what is wrong, and as what it looks."""
    if silent(meter):
        return ("No answer", "ss-tag-warn")
    if meter.frozen:
        return (meter.frozen[0].upper() + meter.frozen[1:], "ss-tag-warn ss-tag-long")
    if meter.paused and meter.freshness in ("stale", "never"):
        return ("Not asked", "ss-tag-warn")
    consequence = meter.role == "feeder" and wire(meter) == "dead" and not bus_is_fed(board)
    if failed(meter) and not consequence:
        return ("Alarm", "ss-tag-alarm")
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
    return "lag" if var.value > 0 else "lead"


def bus_is_fed(board: Board) -> bool:
    """Return whether any meter sees voltage on the bus."""
    return any(wire(meter) in ("live", "noload", "phase") for meter in board.meters)


def bus_parts(board: Board) -> Parts:
    """Return how the bus bar looks, and by what it is fed."""
    nominal = f.number(max((m.nominal_v for m in board.meters), default=0.0), 0)
    drawn = [wire(meter) for meter in board.meters]
    if bus_is_fed(board):
        state = "live"
    elif drawn and all(kind == "dead" for kind in drawn):
        state = "dead"
    else:
        state = "unknown"
    words = f"{nominal} V bus"
    if state == "live" and on_generator(board):
        words += ", fed by DG"
    elif state == "dead":
        words += ", dead"
    elif state == "unknown":
        words += ", not known"
    return {"bus": ("", f"ss-w-{state}"), "words": (words, "")}


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
        return "not known"
    return f"{names[0]} missing" if len(names) == 1 else f"{names[0]} and {len(names) - 1} more missing"


def total(meters: Sequence[LiveMeter], key: str) -> Sum:
    """Return the sum of a quantity; without a value when one part is missing, stale or doubted."""
    values = {meter.name: trusted(meter, key) for meter in meters}
    missing = tuple(name for name, value in values.items() if value is None)
    if missing or not values:
        return Sum(None, missing, len(values))
    return Sum(sum(value for value in values.values() if value is not None))


def station_parts(board: Board, today: Mapping[int, TodayFigures], zone: zoneinfo.ZoneInfo) -> Parts:
    """Return the rows between the sources: label and figure, hatched where a part is missing."""
    feeders = total(sources(board, "feeder"), "watts_total")
    incomers, generators = sources(board, "incomer"), sources(board, "generator")
    running = [m for m in generators if wire(m) in ("live", "noload", "phase")]
    feeding = running if supply_lost(board) else [*incomers, *running]
    power = total(feeding, "watts_total")
    written = f.spec("watts_total", max((m.rated_kva for m in board.meters), default=0.0))
    rows: list[tuple[str, str, str]] = [_load_row(feeding)]
    if feeders.value is None:
        rows.append(("Feeders together", feeders.words, "ss-hatched"))
    else:
        rows.append(("Feeders together", written.words(feeders.value), ""))
    if not feeding:
        rows.append(("Loss and unmetered", f.DASH, ""))
    elif feeders.value is None or power.value is None:
        rows.append(("Loss and unmetered", "not known", "ss-hatched"))
    else:
        loss = power.value - feeders.value
        share = f", {f.percent(loss / power.value, 1)}" if power.value > 0 else ""
        rows.append(("Loss and unmetered", f"{written.words(loss)}{share}", ""))
    rows.append(_energy_row([*incomers, *generators], today))
    rows.append(_demand_row(incomers, today, zone))
    parts: Parts = {}
    for number, (label, words, looks) in enumerate(rows):
        parts[f"l{number}"] = (label, "")
        parts[f"v{number}"] = (words, looks)
    return parts


def _load_row(feeding: list[LiveMeter]) -> tuple[str, str, str]:
    name = f"{feeding[0].name} load" if len(feeding) == 1 else "Load of all sources"
    apparent = total(feeding, "va_total")
    if not feeding:
        return ("Load", "no source", "")
    if apparent.value is None:
        return (name, apparent.words, "ss-hatched")
    rated = sum(meter.rated_kva for meter in feeding)
    written = f.spec("va_total", rated)
    part = f.percent(apparent.value / (rated * 1000))
    load = f.number(apparent.value / written.divisor, 0 if written.divisor == 1e3 else 2)
    return (name, f"{load} of {f.number(rated * 1000 / written.divisor, 0)} {written.unit}, {part}", "")


def _energy_row(feeding: list[LiveMeter], today: Mapping[int, TodayFigures]) -> tuple[str, str, str]:
    label = "Energy today and yesterday"
    written = f.spec("wh_received", max((m.rated_kva for m in feeding), default=0.0))
    texts: list[str | None] = []
    for figures, loose in (
        ({m.name: today[m.id].kwh_today for m in feeding}, any(today[m.id].about_today for m in feeding)),
        (
            {m.name: today[m.id].kwh_yesterday for m in feeding},
            any(today[m.id].about_yesterday for m in feeding),
        ),
    ):
        known = [value for value in figures.values() if value is not None]
        if len(known) < len(figures) or not known:
            texts.append(None)
        else:
            texts.append(about(loose) + f.number(kilo(sum(known), written), written.decimals))
    if texts[0] is None:
        missing = [m.name for m in feeding if today[m.id].kwh_today is None]
        return (label, missing_words(missing, len(feeding)), "ss-hatched")
    return (label, f"{texts[0]} and {texts[1] or f.DASH} {written.unit}", _day_look(feeding))


def _day_look(meters: Sequence[LiveMeter]) -> str:
    # what the day has brought so far stands still with a silent meter: it is as old as the meter
    return "ss-hatched" if any(m.freshness in ("stale", "never") for m in meters) else ""


def _demand_row(
    incomers: list[LiveMeter], today: Mapping[int, TodayFigures], zone: zoneinfo.ZoneInfo
) -> tuple[str, str, str]:
    label = "Highest 30 min today"
    known = [(va, m) for m in incomers if (va := today[m.id].max_demand_va) is not None]
    if not known:
        return (label, f.DASH, "")
    value, meter = max(known, key=lambda pair: pair[0])
    written = f.spec("va_total", meter.rated_kva)
    name = f"{meter.name} " if len(incomers) > 1 else ""
    at = f.time_of_day(today[meter.id].max_demand_at_ms, zone)
    demand = f.number(value / written.divisor, 0 if written.divisor == 1e3 else 2)
    return (label, f"{name}{demand} {written.unit} at {at}", _day_look(incomers))
