"""A substation that obeys physics: five meters, 38 quantities each, at any time.

One 500 kVA transformer (meter 1) feeds EssentialLoad (2), NonEssentialLoad (3) and ColonyLoad (4)
from a 415 V bus; a DG set (5) carries the essential load when the mains fail. Everything is a
function of seed, epoch, timetable and time: asked twice, in any order, it says the same.

What holds exactly: phasors stand 120 degrees apart, so V_LL follows from two V_LN and is sqrt 3 V_LN
when they are equal; totals are sums of phases; VA = sqrt(W^2 + var^2), PF = W / VA and A = VA / V a
phase; the currents of transformer and feeders obey Kirchhoff, so transformer = feeders + cable losses
+ unmetered load, in W and in var; registers integrate power.
"""

import math
import zoneinfo
from collections.abc import Sequence
from typing import NamedTuple

from substation.simulator.loads import FeederLoad, LocalTime, facts
from substation.simulator.noise import Noise
from substation.simulator.registers import Rates, Registers
from substation.simulator.supply import Failure, Supply, Timetable

__all__ = ["DG_SET", "ESSENTIAL", "METERS", "TRANSFORMER", "Failure", "Site", "Supply"]

TRANSFORMER, ESSENTIAL, DG_SET = 1, 2, 5
METERS = (1, 2, 3, 4, 5)
Phases = tuple[float, float, float]
_ZERO: Phases = (0.0, 0.0, 0.0)


class Circuit(NamedTuple):
    """What one meter sees, by phase R, Y, B."""

    volts: Phases
    watts: Phases
    vars: Phases
    hz: float


_DEAD = Circuit(_ZERO, _ZERO, _ZERO, 0.0)


class Site:
    """The station; `at` is the truth that the meters on the simulated line report."""

    def __init__(
        self,
        seed: int = 1,
        *,
        epoch_ms: int,
        zone: zoneinfo.ZoneInfo,
        failures: Sequence[Failure] = (),
    ) -> None:
        """Make the station.

        `epoch_ms` is when its registers read what `site.toml` says; times before it are fine too, but
        both ways every minute between costs its share once. Raises ValueError when failures overlap.
        """
        self.seed, self.epoch_ms, self.zone = seed, epoch_ms, zone
        self._facts = facts()
        self._local = LocalTime(zone)
        self._feeders = {f.meter: FeederLoad(f, seed) for f in self._facts.feeder}
        self._wander = Noise(seed, "volts", {2400: 4, 360: 2, 11.3: 0.6})
        self._phase_wander = [Noise(seed, f"volts {phase}", {1500: 3, 200: 1, 8.9: 0.5}) for phase in "RYB"]
        self._hz = Noise(seed, "hertz", {720: 5, 75: 2, 7.3: 0.8})
        self._supply = Timetable(failures)
        self._registers = Registers(epoch_ms, self._supply, self._rates)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Every failure of the mains, past and to come, in order."""
        return self._supply.failures

    def fail(self, failure: Failure) -> None:
        """Add a failure, or change the one that begins at the same time.

        Meant for what is still to come: a failure in the past changes what the registers said since.
        Raises ValueError when it overlaps another.
        """
        others = [f for f in self.failures if f.start_ms != failure.start_ms]
        supply = Timetable([*others, failure])
        self._registers.change(supply, failure.start_ms)
        self._supply = supply

    def supply(self, ms: int) -> Supply:
        """Return what feeds the station at a time."""
        return self._supply.at(ms)

    def at(self, ms: int) -> dict[int, dict[str, float]]:
        """Return all 38 quantities of meters 1 to 5 at a time (UTC, ms), unrounded.

        A dead circuit reads 0 in every instant, power factor and frequency included: the factor is
        W / VA = 0 / 0 there, and this family shows a quotient without a divisor as 0; a 1 would look
        like a perfect load. Registers keep what they have.
        """
        supply = self._supply.at(ms)
        circuits = self._circuits(ms, supply)
        energies = self._registers.at(ms, supply, _powers(circuits))
        return {
            meter: _quantities(circuit, self._facts.registers[meter], energies[3 * i : 3 * i + 3])
            for i, (meter, circuit) in enumerate(zip(METERS, circuits, strict=True))
        }

    def _rates(self, ms: int, supply: Supply) -> Rates:
        return _powers(self._circuits(ms, supply))

    def _circuits(self, ms: int, supply: Supply) -> tuple[Circuit, Circuit, Circuit, Circuit, Circuit]:
        if supply is Supply.DARK:
            return _DEAD, _DEAD, _DEAD, _DEAD, _DEAD
        weekday, hour = self._local.at(ms)
        if supply is Supply.GENERATOR:
            load = self._feeders[ESSENTIAL]
            kw = load.kw(ms, weekday, hour)
            # Meter 5 and meter 2 stand at the same change-over panel: no cable between them.
            volts, hz = self._generator_volts(ms), self._generator_hz(ms, kw)
            fed = self._load(load, ms, kw, source_v=volts, hz=hz)
            return _DEAD, fed, _DEAD, _DEAD, fed
        kws = [load.kw(ms, weekday, hour) for load in self._feeders.values()]
        bus_v = self._bus_volts(ms, sum(kws))
        hz = 50.0 + 0.07 * self._hz.at(ms)
        fed2, fed3, fed4 = (
            self._load(load, ms, kw, source_v=bus_v, hz=hz, cable_ohm=load.feeder.cable_ohm)
            for load, kw in zip(self._feeders.values(), kws, strict=True)
        )
        standing = _DEAD
        if supply is Supply.RETURNED:
            standing = Circuit(self._generator_volts(ms), _ZERO, _ZERO, self._generator_hz(ms, 0.0))
        return self._transformer(bus_v, hz, (fed2, fed3, fed4)), fed2, fed3, fed4, standing

    def _load(
        self, load: FeederLoad, ms: int, kw: float, *, source_v: Phases, hz: float, cable_ohm: float = 0.0
    ) -> Circuit:
        """Return the feeder at its meter, behind a cable whose drop is in line with the voltage."""
        pf = load.pf(ms)
        tangent = math.sqrt(1 - pf * pf) / pf
        parts = load.shares(ms)
        watts = (kw * 1000 * parts[0], kw * 1000 * parts[1], kw * 1000 * parts[2])
        ohm = cable_ohm / pf
        volts = (
            source_v[0] - watts[0] / source_v[0] * ohm,
            source_v[1] - watts[1] / source_v[1] * ohm,
            source_v[2] - watts[2] / source_v[2] * ohm,
        )
        lag = load.feeder.lag
        reactive = (
            watts[0] * tangent * lag[0],
            watts[1] * tangent * lag[1],
            watts[2] * tangent * lag[2],
        )
        return Circuit(volts, watts, reactive, hz)

    def _transformer(self, bus_v: Phases, hz: float, fed: tuple[Circuit, ...]) -> Circuit:
        """Return the incomer: the feeders' currents at the bus voltage, and what no feeder measures."""
        bus = self._facts.bus
        tangent = math.sqrt(1 - bus.unmetered_pf**2) / bus.unmetered_pf
        watts, reactive = [], []
        for phase in range(3):
            own = bus.unmetered_kw[phase] * 1000 * (bus_v[phase] / 240.0) ** 2
            w, q = own, own * tangent
            for circuit in fed:
                ratio = bus_v[phase] / circuit.volts[phase]  # the same current at the higher voltage
                w += circuit.watts[phase] * ratio
                q += circuit.vars[phase] * ratio
            watts.append(w)
            reactive.append(q)
        return Circuit(bus_v, (watts[0], watts[1], watts[2]), (reactive[0], reactive[1], reactive[2]), hz)

    def _bus_volts(self, ms: int, kw: float) -> Phases:
        bus = self._facts.bus
        common = bus.open_v - bus.drop_v_per_kw * kw + 0.35 * self._wander.at(ms)
        (r, y, b), noise = bus.phase_v, self._phase_wander
        r = common + r + 0.25 * noise[0].at(ms)
        y = common + y + 0.25 * noise[1].at(ms)
        b = common + b + 0.25 * noise[2].at(ms)
        return r, y, b

    def _generator_volts(self, ms: int) -> Phases:
        common = self._facts.generator.volts + 0.8 * self._wander.at(ms + 1_234_567)
        r, y, b = (common + fixed for fixed in self._facts.generator.phase_v)
        return r, y, b

    def _generator_hz(self, ms: int, kw: float) -> float:
        generator = self._facts.generator
        return generator.open_hz - generator.droop_hz_per_kw * kw + 0.05 * self._hz.at(ms + 1_234_567)


def _powers(circuits: Sequence[Circuit]) -> Rates:
    """Return W, VA and var of each circuit, one after the other: what its registers integrate."""
    result: list[float] = []
    for _, (w_r, w_y, w_b), (q_r, q_y, q_b), _ in circuits:
        va = math.hypot(w_r, q_r) + math.hypot(w_y, q_y) + math.hypot(w_b, q_b)
        result += (w_r + w_y + w_b, va, q_r + q_y + q_b)
    return tuple(result)


def _line_volts(one: float, other: float) -> float:
    """Return V between two phasors 120 degrees apart: sqrt(a^2 + b^2 + ab)."""
    return math.sqrt(one * one + other * other + one * other)


def _quantities(circuit: Circuit, start: dict[str, float], energies: Rates) -> dict[str, float]:
    (v_r, v_y, v_b), (w_r, w_y, w_b), (q_r, q_y, q_b), hz = circuit
    s_r, s_y, s_b = math.hypot(w_r, q_r), math.hypot(w_y, q_y), math.hypot(w_b, q_b)
    w, q, s = w_r + w_y + w_b, q_r + q_y + q_b, s_r + s_y + s_b
    live = v_r > 0
    i_r, i_y, i_b = (s_r / v_r, s_y / v_y, s_b / v_b) if live else _ZERO
    v_ry, v_yb, v_br = _line_volts(v_r, v_y), _line_volts(v_y, v_b), _line_volts(v_b, v_r)
    wh = start["wh_received"] + energies[0]
    vah = start["vah_received"] + energies[1]
    return {
        "watts_total": w,
        "watts_r": w_r,
        "watts_y": w_y,
        "watts_b": w_b,
        "var_total": q,
        "var_r": q_r,
        "var_y": q_y,
        "var_b": q_b,
        "pf_average": w / s if s else 0.0,
        "pf_r": w_r / s_r if s_r else 0.0,
        "pf_y": w_y / s_y if s_y else 0.0,
        "pf_b": w_b / s_b if s_b else 0.0,
        "va_total": s,
        "va_r": s_r,
        "va_y": s_y,
        "va_b": s_b,
        "vll_average": (v_ry + v_yb + v_br) / 3,
        "v_ry": v_ry,
        "v_yb": v_yb,
        "v_br": v_br,
        "vln_average": (v_r + v_y + v_b) / 3,
        "v_r": v_r,
        "v_y": v_y,
        "v_b": v_b,
        "current_total": i_r + i_y + i_b,
        "current_r": i_r,
        "current_y": i_y,
        "current_b": i_b,
        "frequency": hz,
        "wh_received": wh,
        "vah_received": vah,
        "varh_ind_received": start["varh_ind_received"] + energies[2],
        "varh_cap_received": start["varh_cap_received"],  # nothing here ever leads
        "wh_delivered": 0.0,
        "vah_delivered": 0.0,
        "varh_ind_delivered": 0.0,
        "varh_cap_delivered": 0.0,
        "pf_average_received": wh / vah,  # the energy factor since the registers began
    }
