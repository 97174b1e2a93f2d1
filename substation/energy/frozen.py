"""A meter that answers, but repeats itself: the same values for ever look right and are not. Pure.

Two kinds, each from what the meter itself says:

1. **Frozen**: all its instants are the same, bit for bit, for `FROZEN_S` and `FROZEN_ROUNDS` readings,
   while its circuit is live (a voltage above zero: on a dead circuit everything stands at zero, truly).
   Voltage and frequency of a grid move within seconds in their third digit, so at least `FINE` different
   values must be told finely enough to show it: one step of the last digit at most `FINE_STEP` of the
   value (239.7 V, 49.98 Hz and 41 230 W are fine, 240 V, 50 Hz, 12.3 A, 41 200 W and 0.98 are not). A
   meter that says less than that is too coarse to be judged so.
   A load never stands still, so a current or a power among the fine values makes `FROZEN_S` enough. An
   idle circuit shows voltages and frequency alone, and a UPS holds those within 0.1 V and 0.1 Hz for
   minutes: without such a current or power nothing may have moved for `IDLE_S`.
2. **Stuck registers**: its power is measured and moves, but no energy register does, while at least
   `STEPS` of their steps must have passed. The step is the encoding's or float32's (8 Wh at 100 MWh, 64 Wh
   at 1 GWh), at least `LEAST_STEP_WH`, and no less than the longest rise that this meter has shown at
   once, because a register may go on in steps of its own (1 kWh times the ratio). Where no rise was ever
   seen, an hour at the circuit's rating must have passed instead.

The time is the monotonic clock's, which no time server moves.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from substation.clock import site_time
from substation.energy.registers import FLOAT_STEP, Limits
from substation.quantities import BY_KEY, COUNTERS, INSTANTS

FROZEN_S = 60.0
IDLE_S = 900.0
"""Instead of `FROZEN_S` where no load is seen that would have moved."""
FROZEN_ROUNDS = 10
FINE = 5
FINE_STEP = 0.001
DIGITS = range(-6, 5)
"""Decimals of the coarsest and the finest step that is looked for; -2: hundreds."""
STEPS = 5
LEAST_STEP_WH = 1000.0
LONGEST_S = 10.0
"""Power is taken to last until the next reading, but not over a longer silence than this."""
LEAST_LOAD = 0.01
"""Of the rating: below that a meter need not count (IEC 62053-22, starting current 0.1 % of the rated)."""
ENERGIES = tuple(key for key in COUNTERS if BY_KEY[key].unit in ("Wh", "VAh"))
VOLTS = tuple(key for key in INSTANTS if BY_KEY[key].unit == "V")
LOADS = tuple(key for key in INSTANTS if BY_KEY[key].unit in ("A", "W", "VA", "var"))


@dataclass(slots=True)
class Repeats:
    """Whether one meter repeats itself."""

    frozen_ms: int | None = None
    """UTC, ms: since when all its instants are the same; None while they move."""
    stuck_ms: int | None = None
    """UTC, ms: since when its energy registers stand still though power flows; None while they go on."""
    said: dict[str, float] = field(default_factory=dict)
    """Its instants, as it said them last."""
    _since: tuple[int, float] = (0, 0.0)
    _rounds: int = 0
    _energies: dict[str, float] = field(default_factory=dict)
    _stood: tuple[int, float] = (0, 0.0)
    _passed_wh: float = 0.0
    _longest_wh: float = 0.0
    _at_s: float | None = None

    def read(
        self,
        at_ms: int,
        now_s: float,
        values: Mapping[str, float | None],
        limits: Mapping[str, Limits],
    ) -> None:
        """Take one answered reading.

        Args:
            at_ms: UTC, ms, to tell since when.
            now_s: monotonic clock, s.
            values: by quantity key, as the meter said them.
            limits: by counter.
        """
        said = {
            key: value for key in INSTANTS if (value := values.get(key)) is not None and math.isfinite(value)
        }
        if not said:
            return
        moved = any(self.said.get(key, value) != value for key, value in said.items())
        if moved or not self.said or not _could_move(said):
            self.frozen_ms, self._since, self._rounds = None, (at_ms, now_s), 1
        else:
            self._rounds += 1
            enough_s = FROZEN_S if _is_loaded(said) else IDLE_S
            if self._rounds >= FROZEN_ROUNDS and now_s - self._since[1] >= enough_s:
                self.frozen_ms = self.frozen_ms or self._since[0]
        self.said |= said
        self._follow(at_ms, now_s, values, limits)

    def resume(self, said: Mapping[str, float], frozen_ms: int, now_s: float) -> None:
        """Go on with a meter that was frozen when the poller before this one ended, and said so much."""
        self.said, self.frozen_ms = dict(said), frozen_ms
        self._since, self._rounds = (frozen_ms, now_s - FROZEN_S), FROZEN_ROUNDS

    def _follow(
        self, at_ms: int, now_s: float, values: Mapping[str, float | None], limits: Mapping[str, Limits]
    ) -> None:
        """Compare what the registers count with the power that is measured."""
        before_s, self._at_s = self._at_s, now_s
        watts = values.get("watts_total")
        if watts is not None and before_s is not None and self._counted(watts, limits):
            self._passed_wh += abs(watts) * min(now_s - before_s, LONGEST_S) / 3600
        energies = {
            key: value for key in ENERGIES if (value := values.get(key)) is not None and math.isfinite(value)
        }
        if not energies:
            return
        rises = [abs(value - self._energies[key]) for key, value in energies.items() if key in self._energies]
        is_first = not self._energies
        self._energies |= energies
        if is_first or any(rises):
            if self.stuck_ms is None and rises and max(rises) <= self._most(limits):
                self._longest_wh = max(self._longest_wh, *rises)
            self._stood, self._passed_wh, self.stuck_ms = (at_ms, now_s), 0.0, None
        elif self._passed_wh >= self._due_wh(energies, limits):
            self.stuck_ms = self.stuck_ms or self._stood[0]

    def _counted(self, watts: float, limits: Mapping[str, Limits]) -> bool:
        """Return whether a register of this meter has to count such a power."""
        least = LEAST_LOAD * max((limit.rated_va or 0.0 for limit in limits.values()), default=0.0)
        if not math.isfinite(watts) or abs(watts) < least or self.frozen_ms is not None:
            return False
        return watts > 0 or any(key != "wh_received" for key in self._energies)

    def _most(self, limits: Mapping[str, Limits]) -> float:
        rated = max((limit.rated_va or 0.0 for limit in limits.values()), default=0.0)
        return rated or math.inf

    def _due_wh(self, energies: Mapping[str, float], limits: Mapping[str, Limits]) -> float:
        """Return after how much energy a register must have gone on."""
        step = max(
            LEAST_STEP_WH,
            *(limits[key].resolution if key in limits else 1.0 for key in energies),
            max(energies.values()) * FLOAT_STEP,
            self._longest_wh,
        )
        unseen = 0.0 if self._longest_wh else self._most(limits)
        return max(STEPS * step, unseen if math.isfinite(unseen) else 0.0)


def frozen_words(since_ms: int, zone: ZoneInfo) -> str:
    """Return what is said of a frozen meter everywhere: since when, what its values are worth, what to do."""
    since = f"{site_time(since_ms, zone):%d %b %H:%M:%S}"
    return (
        f"repeats itself to the bit since {since}: what it says is kept, but not believed. Look at the "
        "meter's own display; switch the meter, or its communication module, off and on"
    )


def _could_move(said: Mapping[str, float]) -> bool:
    """Return whether a live circuit would show in these values that time goes on."""
    if not any(said.get(key, 0.0) > 0 for key in VOLTS):
        return False
    return len({abs(value) for value in said.values() if value and _is_fine(value)}) >= FINE


def _is_loaded(said: Mapping[str, float]) -> bool:
    """Return whether a load is among these values, told so finely that it would be seen to move."""
    return any(value and _is_fine(value) for key in LOADS if (value := said.get(key)) is not None)


def _is_fine(value: float) -> bool:
    """Return whether the last digit that the value has is a small part of it."""
    size = abs(value)
    for decimals in DIGITS:
        # float32 carries 240.1 as 240.100006: as near as that is the same digit
        if abs(size - round(size, decimals)) <= size * FLOAT_STEP:
            return bool(10.0**-decimals <= size * FINE_STEP)
    return True
