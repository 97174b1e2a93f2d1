"""Values as they may be shown: each judged by its own age, or told why it is not there. Pure.

Most readings lack the energies, which are asked for once a minute (`poll.slow_interval_s`). So each value is
taken from the newest answer for which it was asked and keeps that answer's age: an instant is late after two
rounds and stale after five, an energy after two and five slow intervals. Whatever is known of the meter
itself (it does not answer, it repeats itself, its newest answer is stale) makes all of its values stale
at once.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from substation.meters.profile import Profile
from substation.quantities import COUNTERS, KEYS, QUANTITIES
from substation.readings import Quality, Reading

Freshness = Literal["fresh", "late", "stale", "never"]
CLOCK_SLACK_S = 1.0
"""A time stamp may lie so far ahead of the clock: two processes read it one after the other."""
NOT_IN_METER = "not in this meter"
NOT_ASKED = "not asked yet"


class LiveValue(NamedTuple):
    """One value as it may be shown. A tuple, since each board has two hundred of them."""

    value: float | None
    """In `unit`, at the stored resolution, not rounded further."""
    unit: str
    quality: str
    """good | late | stale | never, or the stored doubt: implausible | no_answer | refused | disabled."""
    age_s: float | None = None
    """Since it was read; None: never."""
    freshness: Freshness = "never"
    """Of the answer that it was taken from."""
    slow: bool = False
    """Whether it is judged by the slow interval."""
    why: str = ""
    """Why it does not come: not in this meter, disabled, not asked yet; empty where it does."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A value beyond the vocabulary, or one that says which meter this is."""

    key: str
    label: str
    unit: str
    value: float | str | None
    at_ms: int | None
    """UTC, ms: when it was read; None: once, after the poller's start."""
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class Model:
    """What a meter can say, by its profile; what is not known of it counts as being there."""

    keys: frozenset[str] = frozenset(KEYS)
    slow: frozenset[str] = frozenset(COUNTERS)
    """Read every slow interval, not every round."""
    phases: tuple[str, ...] = ("r", "y", "b")
    extras: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Label and unit of each value beyond the vocabulary."""

    @classmethod
    def of(cls, profile: Profile) -> "Model":
        """Return what a profile tells."""
        keys = frozenset(profile.registers)
        return cls(
            keys,
            keys - set(profile.group("fast")),
            ("r",) if profile.phases == 1 else ("r", "y", "b"),
            {key: (extra.label, extra.unit) for key, extra in profile.extras.items()},
        )


ANY_MODEL = Model()


@dataclass(frozen=True, slots=True)
class Limits:
    """Ages at which things turn, s."""

    fresh_s: float
    late_s: float
    silent_s: float
    """A poller that has not reported for so long is stopped."""

    @classmethod
    def of(cls, interval_s: float, wire_limit_s: float = 0.0) -> "Limits":
        """Return the limits for a poll interval; a wire too slow for it sets the pace itself."""
        pace = max(interval_s, wire_limit_s)
        return cls(max(2 * pace, 3.0), max(5 * pace, 5.0), max(3.2, 1.6 * pace))

    def freshness(self, age_s: float | None) -> Freshness:
        """Return how fresh an answer of this age is."""
        if age_s is None:
            return "never"
        if age_s > self.late_s or age_s < -CLOCK_SLACK_S:
            return "stale"
        return "fresh" if age_s <= self.fresh_s else "late"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one meter at one moment."""

    reading: Reading | None
    """The newest answer."""
    asked: Mapping[str, Reading]
    """By quantity the newest answer for which it was asked, where that is not `reading`."""
    model: Model
    disabled: Mapping[str, str]
    """By quantity why the poller does not ask for it any more."""
    trusted: bool
    """Whether the poller runs and the meter answers it."""
    frozen_ms: int | None
    """UTC, ms: since when it repeats itself."""
    now_ms: int
    limits: Limits
    slow: Limits

    @property
    def age_s(self) -> float | None:
        """Return the age of what is shown, s; of a meter that repeats itself, since when it does."""
        return None if self.reading is None else self._age_s(self.reading)

    @property
    def freshness(self) -> Freshness:
        """Return how fresh the meter is."""
        return self.judged(self.age_s, self.limits)

    def judged(self, age_s: float | None, limits: Limits) -> Freshness:
        """Return how fresh something of this age is, of a meter that may be silent or frozen.

        A meter whose newest answer is stale is not heard: then what is read more rarely is no fresher.
        """
        if age_s is not None:
            known = self.trusted and self.frozen_ms is None
            if not known or self.limits.freshness(self.age_s) == "stale":
                return "stale"
        return limits.freshness(age_s)

    def values(self) -> dict[str, LiveValue]:
        """Return all quantities of the vocabulary, in its order."""
        found = {}
        own: Collection[str] = (
            () if self.reading is None else self.reading.values.keys() - self.disabled.keys()
        )
        judged: dict[tuple[int, bool], _Judged] = {}
        """By answer, and whether by the slow interval: forty values come of a few answers."""
        for quantity in QUANTITIES:
            key, slow = quantity.key, quantity.key in self.model.slow
            source, why = (self.reading, "") if key in own else self._source(key)
            if source is None:
                quality = "disabled" if why and why != NOT_ASKED else "never"
                found[key] = LiveValue(None, quantity.unit, quality, slow=slow, why=why)
                continue
            if (one := judged.get((id(source), slow))) is None:
                one = judged[id(source), slow] = self._judged(source, self.slow if slow else self.limits)
            age_s, freshness, stored = one
            if why:
                freshness = "stale"
            value, doubt = stored[key]
            quality = doubt or ("good" if freshness == "fresh" else freshness)
            found[key] = LiveValue(value, quantity.unit, quality, age_s, freshness, slow, why)
        return found

    def _judged(self, source: Reading, limits: Limits) -> "_Judged":
        age_s = self._age_s(source)
        return max(age_s, 0.0), self.judged(age_s, limits), _stored(source)

    def _source(self, key: str) -> tuple[Reading | None, str]:
        """Return the answer that a value is taken from, and why there will be no newer one."""
        why = f"disabled: {self.disabled[key]}" if key in self.disabled else ""
        if self.reading is not None and key in self.reading.values:
            return self.reading, why
        if key not in self.model.keys:
            return None, NOT_IN_METER
        if key in self.asked:
            return self.asked[key], why
        return None, why or ("" if self.reading is None else NOT_ASKED)

    def _age_s(self, source: Reading) -> float:
        at_ms = source.at_ms if self.frozen_ms is None else min(source.at_ms, self.frozen_ms)
        return (self.now_ms - at_ms) / 1000

    def extras(self, said: Mapping[str, Any]) -> tuple[Extra, ...]:
        """Return what the poller reports beyond the vocabulary, in the order of the profile."""
        found: dict[str, Extra] = {}
        once, often = said.get("identity"), said.get("extras")
        for key, value in (once if isinstance(once, Mapping) else {}).items():
            told = value if isinstance(value, str | int | float) else None
            found[key] = self._extra(key, told, None, "fresh" if self.trusted else "stale")
        for key, pair in (often if isinstance(often, Mapping) else {}).items():
            if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[1], int):
                continue
            value, at_ms = pair
            told = value if isinstance(value, int | float) else None
            found[key] = self._extra(key, told, at_ms, self.judged((self.now_ms - at_ms) / 1000, self.slow))
        place = {key: number for number, key in enumerate(self.model.extras)}
        return tuple(sorted(found.values(), key=lambda extra: place.get(extra.key, len(place))))

    def _extra(self, key: str, value: float | str | None, at_ms: int | None, freshness: Freshness) -> Extra:
        label, unit = self.model.extras.get(key, (key.replace("_", " "), ""))
        return Extra(key, label, unit, value, at_ms, freshness)


_Stored = Mapping[str, tuple[float | None, str]]
_Judged = tuple[float, Freshness, _Stored]


def _stored(source: Reading) -> _Stored:
    """Return by quantity its value at the stored resolution, and its doubt; worked out once a reading.

    An answer is looked at each second until the next one comes, an energy's for a minute.
    """
    held = _STORED.get(id(source))
    if held is not None and held[0] is source:
        return held[1]
    told = {}
    for quantity in QUANTITIES:
        value, stored = source.values.get(quantity.key), source.quality_of(quantity.key)
        doubt = "" if stored is Quality.GOOD else stored.value
        told[quantity.key] = quantity.from_steps(quantity.to_steps(value)), doubt
    if len(_STORED) >= _MOST_STORED:
        _STORED.clear()
    _STORED[id(source)] = source, told
    return told


_STORED: dict[int, tuple[Reading, _Stored]] = {}
"""By identity of the reading, which is held here, so that no other can have the same."""
_MOST_STORED = 256
