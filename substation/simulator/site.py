"""A substation that obeys physics: five meters, 38 quantities each, at any time.

One 500 kVA transformer (meter 1) feeds EssentialLoad (2), NonEssentialLoad (3) and ColonyLoad (4)
from a 415 V bus; a DG set (5) carries the essential load when the mains fail. Everything is a
function of seed, epoch, timetable and time: asked twice, in any order, it says the same. Beside the mains
a fuse of one phase, a feeder's breaker and the fuse of a meter's own supply can go (`supply.Trouble`).

What holds exactly: phasors stand 120 degrees apart, so V_LL follows from two V_LN and is sqrt 3 V_LN
when they are equal; totals are sums of phases; VA = sqrt(W^2 + var^2), PF = W / VA and A = VA / V a
phase; the currents of transformer and feeders obey Kirchhoff, so transformer = feeders + cable losses
+ unmetered load, in W and in var; registers integrate power.
"""

import math
import zoneinfo
from collections.abc import Iterable, Sequence

from substation.simulator.circuit import (
    DEAD,
    INDUCED_V,
    ZERO,
    Circuit,
    Phases,
    keeps_awake,
    powers,
    quantities,
    without,
)
from substation.simulator.loads import FeederLoad, LocalTime, facts
from substation.simulator.noise import Noise
from substation.simulator.registers import Rates, Registers
from substation.simulator.supply import Failure, Fed, Supply, Timetable, Trouble

__all__ = ["DG_SET", "ESSENTIAL", "METERS", "TRANSFORMER", "Failure", "Site", "Supply", "Trouble"]

TRANSFORMER, ESSENTIAL, DG_SET = 1, 2, 5
METERS = (1, 2, 3, 4, 5)


class Site:
    """The station; `at` is the truth that the meters on the simulated line report."""

    def __init__(
        self,
        seed: int = 1,
        *,
        epoch_ms: int,
        zone: zoneinfo.ZoneInfo,
        failures: Sequence[Failure] = (),
        troubles: Sequence[Trouble] = (),
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
        self._supply = Timetable(failures, troubles)
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
        self._change([*others, failure], self.troubles, failure.start_ms)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Every fuse and switch, past and to come, by their beginnings."""
        return self._supply.troubles

    def trouble(self, trouble: Trouble) -> None:
        """Add a trouble, or change the end of one that is known; as `fail`, for what is still to come."""
        others = [t for t in self.troubles if t.name != trouble.name]
        self._change(self.failures, [*others, trouble], trouble.start_ms)

    def _change(self, failures: Iterable[Failure], troubles: Iterable[Trouble], since_ms: int) -> None:
        supply = Timetable(failures, troubles)
        self._registers.change(supply, since_ms)
        self._supply = supply

    def supply(self, ms: int) -> Supply:
        """Return what feeds the station at a time."""
        return self._supply.at(ms).supply

    def awake(self, meter: int, ms: int) -> bool:
        """Return whether a meter that lives from the circuit it measures works at a time."""
        if self._supply.fuse_blown(meter, ms):
            return False
        return keeps_awake(self._circuits(ms, self._supply.at(ms))[METERS.index(meter)])

    def at(self, ms: int) -> dict[int, dict[str, float]]:
        """Return all 38 quantities of meters 1 to 5 at a time (UTC, ms), unrounded.

        A dead circuit reads 0 in every instant, power factor and frequency included: the factor is
        W / VA = 0 / 0 there, and this family shows a quotient without a divisor as 0; a 1 would look
        like a perfect load. Registers keep what they have.
        """
        fed = self._supply.at(ms)
        circuits = self._circuits(ms, fed)
        energies = self._registers.at(ms, fed, powers(circuits))
        return {
            meter: quantities(circuit, self._facts.registers[meter], energies[3 * i : 3 * i + 3])
            for i, (meter, circuit) in enumerate(zip(METERS, circuits, strict=True))
        }

    def _rates(self, ms: int, fed: Fed) -> Rates:
        return powers(self._circuits(ms, fed))

    def _circuits(self, ms: int, fed: Fed) -> tuple[Circuit, Circuit, Circuit, Circuit, Circuit]:
        supply = fed.supply
        if supply is Supply.DARK:
            return DEAD, DEAD, DEAD, DEAD, DEAD
        weekday, hour = self._local.at(ms)
        induced = self._induced_volts(ms) if fed.lost else ZERO
        if supply is Supply.GENERATOR:
            load = self._feeders[ESSENTIAL]
            kw = load.kw(ms, weekday, hour)
            # Meter 5 and meter 2 stand at the same change-over panel: no cable between them.
            volts, hz = self._generator_volts(ms), self._generator_hz(ms, self._drawn_kw(load, ms, kw, fed))
            carried = self._feeder(load, ms, kw, fed, source_v=volts, hz=hz, induced=induced)
            return DEAD, carried, DEAD, DEAD, Circuit(volts, carried.watts, carried.vars, hz)
        kws = [load.kw(ms, weekday, hour) for load in self._feeders.values()]
        drawn = [
            self._drawn_kw(load, ms, kw, fed) for load, kw in zip(self._feeders.values(), kws, strict=True)
        ]
        bus_v = self._bus_volts(ms, sum(drawn))
        hz = 50.0 + 0.07 * self._hz.at(ms)
        fed2, fed3, fed4 = (
            self._feeder(load, ms, kw, fed, source_v=bus_v, hz=hz, induced=induced)
            for load, kw in zip(self._feeders.values(), kws, strict=True)
        )
        standing = DEAD
        if supply is Supply.RETURNED:
            standing = Circuit(self._generator_volts(ms), ZERO, ZERO, self._generator_hz(ms, 0.0))
        incomer = self._transformer(bus_v, hz, (fed2, fed3, fed4))
        return without(incomer, _lost(fed, TRANSFORMER), induced), fed2, fed3, fed4, standing

    def _drawn_kw(self, load: FeederLoad, ms: int, kw: float, fed: Fed) -> float:
        """Return what is left of a feeder's load where it is switched off or lacks a phase."""
        meter = load.feeder.meter
        if meter in fed.off:
            return 0.0
        lost = _lost(fed, meter)
        return kw * (1 - sum(load.shares(ms)[phase] for phase in lost)) if lost else kw

    def _feeder(
        self, load: FeederLoad, ms: int, kw: float, fed: Fed, *, source_v: Phases, hz: float, induced: Phases
    ) -> Circuit:
        meter = load.feeder.meter
        if meter in fed.off:
            return DEAD
        cable_ohm = 0.0 if fed.supply is Supply.GENERATOR else load.feeder.cable_ohm
        circuit = self._load(load, ms, kw, source_v=source_v, hz=hz, cable_ohm=cable_ohm)
        return without(circuit, _lost(fed, meter), induced)

    def _load(
        self, load: FeederLoad, ms: int, kw: float, *, source_v: Phases, hz: float, cable_ohm: float
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
                if not circuit.watts[phase]:
                    continue
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

    def _induced_volts(self, ms: int) -> Phases:
        r, y, b = (INDUCED_V + 0.6 * noise.at(ms) for noise in self._phase_wander)
        return r, y, b


def _lost(fed: Fed, meter: int) -> frozenset[int]:
    """Return the phases that a circuit lacks: its own fuses, and on the mains those of the transformer."""
    if not fed.lost:
        return frozenset()
    on_mains = fed.supply is not Supply.GENERATOR
    return frozenset(
        phase for circuit, phase in fed.lost if circuit == meter or (on_mains and circuit == TRANSFORMER)
    )
