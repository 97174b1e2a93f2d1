"""What must hold between the values of one meter, whoever made it. Pure.

Each relation is an equation between registers that lie in different places: a wrong map, a wrong word
order or a wrong scale breaks it at once, and no load, power factor or wrong wiring does. So a map in
which several of them hold is the meter's map. What cannot be judged (no voltage, no load, a value that
the model lacks) holds not and fails not.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from substation.meters.profile import Profile
from substation.quantities import BY_KEY

PHASES = "ryb"
LINES = (("v_ry", "r", "y"), ("v_yb", "y", "b"), ("v_br", "b", "r"))
LOW_HZ, HIGH_HZ = 45.0, 65.0
LEAST_V, MOST_V = 20.0, 400_000.0
LEAST_VA = 20.0
"""Apparent power of a phase below which its power, power factor and current are not judged."""
CLOSE = 0.02
"""Values of one answer that describe the same thing agree so well, also with a meter's own rounding."""
TRIANGLE_CLOSE = 0.06
"""With distorted currents some meters' var is that of the fundamental only."""

Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Relation:
    """One equation, judged."""

    family: str
    """`frequency`, `voltage`, `sums`, `triangle`, `power_factor`, `current`: equations of one kind."""
    words: str
    """With its numbers: "V RY 416.1 V = 415.9 V from R and Y"."""
    holds: bool


def relations(profile: Profile, values: Values) -> list[Relation]:
    """Return every relation that can be judged on these values, as the meter said them.

    Args:
        profile: the map by which they were read: integers are allowed their rounding.
        values: by key; None and absent ones are not judged.
    """
    return list(_Judge(profile, values).all())


def _as_three_phase(values: Values) -> Values:
    """Return a single-phase meter's values with its totals as phase R as well."""
    named = {"watts_r": "watts_total", "var_r": "var_total", "va_r": "va_total"}
    named |= {"pf_r": "pf_average", "current_r": "current_total", "v_r": "vln_average"}
    return {**{phase: values.get(total) for phase, total in named.items()}, **values}


class _Judge:
    def __init__(self, profile: Profile, values: Values) -> None:
        self._values = _as_three_phase(values) if profile.phases == 1 else values
        self._step = {
            key: profile.place(key).scale if "int" in profile.place(key).encoding else 0.0
            for key in profile.registers
        }

    def _get(self, *keys: str) -> list[float] | None:
        found = [self._values.get(key) for key in keys]
        return None if any(value is None for value in found) else [v for v in found if v is not None]

    def _slack(self, *keys: str) -> float:
        return sum(self._step.get(key, 0.0) for key in keys)

    def _same(
        self,
        family: str,
        key: str,
        expected: float,
        how: str,
        *keys: str,
        close: float = CLOSE,
        slack: float = 0.0,
    ) -> Relation:
        value = abs(self._values[key] or 0.0) if family in ("power_factor",) else self._values[key] or 0.0
        off = abs(value - expected)
        holds = off <= close * max(abs(value), abs(expected)) + self._slack(key, *keys) + slack
        quantity = BY_KEY[key]
        unit = "" if quantity.unit == "1" else f" {quantity.unit}"
        sign = "=" if holds else "is not"
        return Relation(
            family, f"{quantity.label} {value:.4g}{unit} {sign} {expected:.4g}{unit} {how}", holds
        )

    def all(self) -> Iterator[Relation]:
        """Yield them, family by family."""
        yield from self._frequency()
        yield from self._voltages()
        yield from self._sums()
        for p in PHASES:
            yield from self._phase(p)
        yield from self._phase("total")

    def _frequency(self) -> Iterator[Relation]:
        hz = self._values.get("frequency")
        if hz:
            holds = LOW_HZ <= hz <= HIGH_HZ
            yield Relation("frequency", f"frequency {hz:.4g} Hz", holds)

    def _voltages(self) -> Iterator[Relation]:
        for key in ("v_r", "v_y", "v_b", "v_ry", "v_yb", "v_br", "vln_average", "vll_average"):
            volts = self._values.get(key)
            if volts and not LEAST_V <= volts <= MOST_V and abs(volts) > 1:
                yield Relation("voltage", f"{BY_KEY[key].label} {volts:.4g} V is no voltage", holds=False)
        for key, a, b in LINES:
            found = self._get(key, f"v_{a}", f"v_{b}")
            if found and found[0] >= LEAST_V and max(found[1:]) >= LEAST_V:
                _, va, vb = found
                yield self._same(
                    "voltage",
                    key,
                    math.sqrt(va * va + vb * vb + va * vb),
                    f"from {a.upper()} and {b.upper()}",
                )
        for key, parts in (
            ("vll_average", ("v_ry", "v_yb", "v_br")),
            ("vln_average", ("v_r", "v_y", "v_b")),
        ):
            volts_of = self._get(key, *parts)
            if volts_of and max(volts_of) >= LEAST_V:
                yield self._same("voltage", key, sum(volts_of[1:]) / 3, "as the mean of its phases", *parts)
        averages = self._get("vll_average", "vln_average")
        whole = self._get("v_r", "v_ry")
        if averages and whole is None and min(averages) >= LEAST_V:
            yield self._same("voltage", "vll_average", math.sqrt(3) * averages[1], "as sqrt 3 x V LN")

    def _sums(self) -> Iterator[Relation]:
        for name in ("watts", "var", "va"):
            parts = tuple(f"{name}_{p}" for p in PHASES)
            found = self._get(f"{name}_total", *parts)
            if found and max(abs(value) for value in found) >= LEAST_VA:
                key, size = f"{name}_total", sum(abs(part) for part in found[1:])
                expected = sum(found[1:])
                if name == "va":
                    expected = self._total_va(found[0], expected)
                # phases of opposite sign nearly cancel: their own inaccuracy is what counts
                yield self._same(
                    "sums", key, expected, "as the sum of its phases", *parts, slack=0.005 * size
                )
        amps = self._get("current_total", *(f"current_{p}" for p in PHASES))
        if amps and max(amps) > 0.05:
            total, mean = sum(amps[1:]), sum(amps[1:]) / 3
            expected = min((total, mean), key=lambda each: abs(each - amps[0]))
            how = "as the sum of its phases" if expected == total else "as the mean of its phases"
            yield self._same("sums", "current_total", expected, how)

    def _total_va(self, said: float, arithmetic: float) -> float:
        """Return the VA that a meter may add up in two ways, the nearer one: of phases, or of W and var."""
        found = self._get("watts_total", "var_total")
        vector = math.hypot(found[0], found[1]) if found else arithmetic
        return vector if abs(vector - said) < abs(arithmetic - said) else arithmetic

    def _phase(self, p: str) -> Iterator[Relation]:
        label = "all phases" if p == "total" else p.upper()
        watts, va = f"watts_{p}", f"va_{p}"
        pf = "pf_average" if p == "total" else f"pf_{p}"
        apparent = self._apparent(p)
        if apparent is None or apparent < LEAST_VA:
            return
        if self._get(va) and p != "total":
            found = self._get(va, f"v_{p}", f"current_{p}")
            if found:
                yield self._same(
                    "current", va, found[1] * found[2], f"as V x I of {label}", slack=self._va_slack(p)
                )
        triangle = self._get(va, watts, f"var_{p}")
        if triangle and (p != "total" or self._get("watts_r") is None):
            _, w, q = triangle  # of all phases it holds only where they are alike: then phases tell more
            yield self._same(
                "triangle",
                va,
                math.hypot(w, q),
                f"from W and var of {label}",
                watts,
                f"var_{p}",
                close=TRIANGLE_CLOSE,
            )
        factor = self._get(pf, watts)
        if factor:
            yield self._same(
                "power_factor",
                pf,
                abs(factor[1]) / apparent,
                f"as W / VA of {label}",
                slack=0.01 + (self._slack(watts) + self._va_slack(p)) / apparent,
            )

    def _va_slack(self, p: str) -> float:
        """Return what the rounding of an integer current and voltage can make of V x I, VA."""
        found = self._get(f"v_{p}", f"current_{p}") if p != "total" else None
        if not found:
            return 0.0
        return self._step.get(f"current_{p}", 0.0) * found[0] + self._step.get(f"v_{p}", 0.0) * found[1]

    def _apparent(self, p: str) -> float | None:
        """Return the apparent power of a phase or of all, VA: as the meter says it, else V x I."""
        said = self._get(f"va_{p}")
        if said:
            return abs(said[0])
        if p == "total":
            parts = [self._apparent(one) for one in PHASES]
            known = [part for part in parts if part is not None]
            return sum(known) if len(known) == len(PHASES) else None
        found = self._get(f"v_{p}", f"current_{p}")
        return found[0] * found[1] if found else None
