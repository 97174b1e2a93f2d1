"""What the consumers draw: load curves through the day, from `site.toml`."""

import functools
import tomllib
import zoneinfo
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from substation.clock import site_time
from substation.simulator.noise import Noise

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_QUARTER_MS = 900_000
_BLEND_H = 1.0
"""Hours after midnight in which a day's level replaces that of the day before."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BusFacts(_Facts):
    """The 415 V bus; volts are phase to neutral."""

    open_v: float
    drop_v_per_kw: float
    phase_v: tuple[float, float, float]
    unmetered_kw: tuple[float, float, float]
    unmetered_pf: float


class GeneratorFacts(_Facts):
    """The DG set; volts are phase to neutral."""

    volts: float
    phase_v: tuple[float, float, float]
    open_hz: float
    droop_hz_per_kw: float


class FeederFacts(_Facts):
    """One feeder and its consumers."""

    meter: int
    kw: tuple[float, ...] = Field(min_length=24, max_length=24)
    days: tuple[float, ...] = Field(min_length=7, max_length=7)
    share: tuple[float, float, float]
    pf: float
    pf_swing: float
    lag: tuple[float, float, float]
    swing: float
    cable_ohm: float


class PastFailure(_Facts):
    """A failure of the mains before a demo's first day."""

    days_before: int
    at: float
    minutes: float


class SiteFacts(_Facts):
    """The whole of `site.toml`."""

    bus: BusFacts
    generator: GeneratorFacts
    feeder: tuple[FeederFacts, ...]
    registers: dict[int, dict[str, float]]
    past_failure: tuple[PastFailure, ...]


@functools.cache
def facts() -> SiteFacts:
    """Return the demo station in figures."""
    with (Path(__file__).parent / "site.toml").open("rb") as file:
        data = tomllib.load(file)
    data["registers"] = {int(meter): values for meter, values in data["registers"].items()}
    return SiteFacts.model_validate(data)


class LocalTime:
    """The site's weekday and hour, quickly: the offset from UTC is asked once a quarter of an hour."""

    def __init__(self, zone: zoneinfo.ZoneInfo) -> None:
        """Take the site's zone; its offset changes only at whole quarters of an hour."""
        self._zone = zone
        self._known = (-1, 0)

    def at(self, ms: int) -> tuple[int, float]:
        """Return the weekday (Monday 0) and the hour of the day, 0 to 24."""
        quarter = ms // _QUARTER_MS
        known = self._known
        if known[0] != quarter:
            offset = site_time(quarter * _QUARTER_MS, self._zone).utcoffset()
            known = (quarter, round(offset.total_seconds() * 1000) if offset else 0)
            self._known = known
        day, rest = divmod(ms + known[1], _DAY_MS)
        return (day + 3) % 7, rest / _HOUR_MS  # 1970-01-01 was a Thursday


class FeederLoad:
    """The consumers behind one feeder."""

    def __init__(self, feeder: FeederFacts, seed: int) -> None:
        """Take the feeder's figures; `seed` makes its noise."""
        name = f"feeder {feeder.meter}"
        self.feeder = feeder
        self._swing = Noise(seed, f"{name} load", {5400: 5, 840: 3, 150: 1.2, 13.7: 0.3})
        self._shares = tuple(Noise(seed, f"{name} share {phase}", {3000: 3, 330: 1}) for phase in "RYB")
        self._pf = Noise(seed, f"{name} pf", {2100: 3, 240: 1, 18.3: 0.2})

    def kw(self, ms: int, weekday: int, hour: float) -> float:
        """Return the load of all three phases, kW."""
        level = self.feeder.days[weekday]
        if hour < _BLEND_H:
            before, x = self.feeder.days[weekday - 1], hour / _BLEND_H
            level = before + (level - before) * x * x * (3 - 2 * x)
        return _curve(self.feeder.kw, hour) * level * (1 + self.feeder.swing * self._swing.at(ms))

    def pf(self, ms: int) -> float:
        """Return the power factor of all phases together, about; lagging."""
        return self.feeder.pf + self.feeder.pf_swing * self._pf.at(ms)

    def shares(self, ms: int) -> tuple[float, float, float]:
        """Return the parts of R, Y and B in the load; they sum to 1."""
        base, noise = self.feeder.share, self._shares
        r = base[0] * (1 + 0.03 * noise[0].at(ms))
        y = base[1] * (1 + 0.03 * noise[1].at(ms))
        b = base[2] * (1 + 0.03 * noise[2].at(ms))
        whole = r + y + b
        return r / whole, y / whole, b / whole


def _curve(hourly: tuple[float, ...], hour: float) -> float:
    """Return the smooth curve through 24 hourly values (Catmull-Rom), periodic over the day."""
    index = int(hour) % 24
    x = hour - int(hour)
    p0, p1, p2, p3 = (hourly[(index + k) % 24] for k in (-1, 0, 1, 2))
    return p1 + 0.5 * x * (p2 - p0 + x * (2 * p0 - 5 * p1 + 4 * p2 - p3 + x * (3 * (p1 - p2) + p3 - p0)))
