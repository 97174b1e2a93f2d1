"""What a row of the original system is worth: a reading of ours, a failed poll, or nothing.

The original bent what it stored, and its files do not say where. What can be told from a row itself is told
here; nothing is mended, for what the meter had said is gone:

- Below zero became 0: reverse power, capacitive reactive power, leading power factor. A 0 that the other
  values of its row contradict is marked implausible, so that it enters no mean.
- Beyond the original's own limits (500 V, 1000 A, 1 MW, 60 Hz) became nothing: marked as asked, not a number.
- A failed poll became a row of nothing: no answer, `imported_empty`; so does a row of noughts, counters
  included, which no meter says.
- While its adapter was away it wrote the last answer again under new times: no answer, `imported_repeat`.
"""

import datetime as dt
import math
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from zoneinfo import ZoneInfo

from substation.meters.qualify import qualify
from substation.quantities import BY_KEY, Ratings
from substation.readings import Quality, Reading, missing
from substation.store.original_rows import Raw
from substation.store.rows import Row, to_row

IMPORTED = "imported"
"""Reason of an imported reading with values: it is good as far as the original's files can tell."""
EMPTY = "imported_empty"
REPEAT = "imported_repeat"

UNREADABLE = "its time cannot be read"
SKIPPED = "its local time was skipped by the clock (begin of summer time)"
TWICE = "its local time came twice (end of summer time): which of the two is meant is unknown"
FUTURE = "its time lies in the future"
UNSET_CLOCK = "its time lies before 2000: the clock was not set"
NO_METER = "its meter id is not in the configuration"
NO_NUMBER = "a cell is no number, or the line is torn"

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_METER = re.compile(r"[0-9]{1,3}(\.0)?")
_YEAR_2000_MS = 946_684_800_000
_LIVE = ("v_r", "v_y", "v_b", "frequency")
"""One of these above zero: the values move, and two polls never agree in all of them."""
_REPEAT_MS = 10_000
"""Polls that are closer may honestly agree: a meter renews its registers about once a second."""
_LEAST_LOAD = 0.01
"""Of the rating; below it a 0 says nothing."""
_GAPS_KEPT = 1000


@dataclass(slots=True)
class MeterTally:
    """What was found of one meter."""

    rows: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    gaps_s: list[int] = field(default_factory=list)

    def take(self, at_ms: int) -> None:
        """Count a reading."""
        self.rows += 1
        if self.last_ms is not None and at_ms > self.last_ms and len(self.gaps_s) < _GAPS_KEPT:
            self.gaps_s.append((at_ms - self.last_ms) // 1000)
        self.first_ms = at_ms if self.first_ms is None else min(self.first_ms, at_ms)
        self.last_ms = at_ms if self.last_ms is None else max(self.last_ms, at_ms)

    @property
    def usual_gap_s(self) -> int | None:
        """How far apart readings usually are, s; None with fewer than two."""
        return sorted(self.gaps_s)[len(self.gaps_s) // 2] if self.gaps_s else None


@dataclass(slots=True)
class Tally:
    """What was found in one file."""

    found: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By reason."""
    unknown_meters: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    """Polls that had failed: stored as no answer."""
    repeats: int = 0
    bent: Counter[str] = field(default_factory=Counter)
    """By quantity: a 0 that the rest of its row contradicts; kept and marked."""
    dropped: Counter[str] = field(default_factory=Counter)
    """By quantity: beyond the original's limits, which dropped it."""
    implausible: Counter[str] = field(default_factory=Counter)
    """By quantity: kept and marked, because physics or the circuit's rating doubts it."""
    meters: dict[int, MeterTally] = field(default_factory=lambda: defaultdict(MeterTally))

    @property
    def readable(self) -> int:
        """Rows that became readings, failed polls included."""
        return self.found - sum(self.refused.values())


class Judge:
    """Judges the rows of one file, in their order."""

    def __init__(self, ratings: Mapping[int, Ratings], zone: ZoneInfo, now_ms: int) -> None:
        """Take what is known: the circuits by meter id, the zone of the file's times, and the time now."""
        self.tally = Tally()
        self._ratings, self._zone, self._now_ms = ratings, zone, now_ms
        self._before: dict[int, tuple[int, Sequence[float | None]]] = {}
        self._known_limits: dict[tuple[int, tuple[str, ...]], tuple[list[float], list[float]]] = {}

    def row(self, raw: Raw, keys: Sequence[str]) -> Row | None:
        """Return the row as our history stores it; None when it is refused, which the tally says why."""
        self.tally.found += 1
        at, meter_id = utc_ms(raw.time, self._zone), _whole(raw.meter)
        reason = NO_NUMBER if raw.values is None else self._why_not(at, meter_id)
        if reason or raw.values is None or isinstance(at, str):
            self.tally.refused[reason] += 1
            if reason == NO_METER:
                self.tally.unknown_meters[raw.meter[:20]] += 1
            return None
        self.tally.meters[meter_id].take(at)
        return to_row(self._reading(meter_id, at, dict(zip(keys, raw.values, strict=True))))

    def _why_not(self, at: int | str, meter_id: int) -> str:
        """Return why a row is refused; empty when it is not."""
        if isinstance(at, str):
            return at
        if at > self._now_ms:
            return FUTURE
        if at < _YEAR_2000_MS:
            return UNSET_CLOCK
        return "" if meter_id in self._ratings else NO_METER

    def _reading(self, meter_id: int, at_ms: int, values: dict[str, float | None]) -> Reading:
        given = list(values.values())
        before = self._before.get(meter_id)
        self._before[meter_id] = (at_ms, given)
        if not any(given):
            self.tally.failed += 1
            return missing(meter_id, at_ms, Quality.NO_ANSWER, EMPTY)
        if (
            before is not None
            and at_ms - before[0] >= _REPEAT_MS
            and given == before[1]
            and any(values.get(key) for key in _LIVE)
        ):
            self.tally.repeats += 1
            return missing(meter_id, at_ms, Quality.NO_ANSWER, REPEAT)
        return self._doubted(Reading(meter_id, at_ms, values, Quality.GOOD, IMPORTED))

    def _is_plausible(self, reading: Reading) -> bool:
        """Whether every value is a number within its limits: nearly always, and told quickly."""
        numbers = [value for value in reading.values.values() if value is not None]
        if len(numbers) < len(reading.values):
            return False
        lows, highs = self._limits(reading.meter_id, tuple(reading.values))
        return all(map(operator.le, lows, numbers)) and all(map(operator.le, numbers, highs))

    def _limits(self, meter_id: int, keys: tuple[str, ...]) -> tuple[list[float], list[float]]:
        if (meter_id, keys) not in self._known_limits:
            found = [BY_KEY[key].limits(self._ratings[meter_id]) for key in keys]
            self._known_limits[meter_id, keys] = ([low for low, _ in found], [high for _, high in found])
        return self._known_limits[meter_id, keys]

    def _doubted(self, reading: Reading) -> Reading:
        values, ratings = reading.values, self._ratings[reading.meter_id]
        bent = bent_zeros(values, ratings.rated_va)
        if not bent and self._is_plausible(reading):
            return reading
        qualified = qualify(reading, ratings)
        self.tally.bent.update(bent)
        self.tally.implausible.update(qualified.implausible)
        if None in values.values():
            self.tally.dropped.update(key for key, value in values.items() if value is None)
        if not bent:
            return qualified
        doubted = qualified.implausible | bent
        return Reading(reading.meter_id, reading.at_ms, values, Quality.GOOD, IMPORTED, doubted)


def bent_zeros(values: Mapping[str, float | None], rated_va: float) -> frozenset[str]:
    """Return the quantities whose 0 cannot be what the meter said, going by the rest of the row.

    S^2 = P^2 + Q^2 in a circuit without harmonics; with them P and Q explain less than S, on a usual load
    more than 0.98 of it. A P or Q of exactly 0 beside the other one that explains less than 0.9 of S was
    below zero. A power factor of 0 beside a P of more than 0.02 S was leading, and so a Q of 0 with it.
    """
    found: set[str] = set()
    for watts, var, va, factors, share in _PARTS:
        p, q, s = values.get(watts), values.get(var), values.get(va)
        if p is None or q is None or s is None or s < _LEAST_LOAD * rated_va * share:
            continue
        leading = {key for key in factors if values.get(key) == 0} if p > 0.02 * s else set()
        found |= leading
        if (p and q) or math.hypot(p, q) >= (0.995 if leading else 0.9) * s:
            continue
        found |= {key for key in (watts, var, *factors) if values.get(key) == 0}
    return frozenset(found)


_PARTS = (
    ("watts_total", "var_total", "va_total", ("pf_average", "pf_average_received"), 1.0),
    *((f"watts_{p}", f"var_{p}", f"va_{p}", (f"pf_{p}",), 1 / 3) for p in "ryb"),
)
"""P, Q, S, the power factors that go with them, and their share of the circuit's rating."""


@lru_cache(maxsize=1024)
def utc_ms(text: str, zone: ZoneInfo) -> int | str:
    """Return UTC, ms, of a local time in `zone`; in words why it cannot be told."""
    if not _TIME.fullmatch(text):
        return UNREADABLE
    try:
        local = dt.datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        return UNREADABLE
    later = local.replace(fold=1)
    if local.utcoffset() != later.utcoffset():
        there_and_back = local.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None)
        return TWICE if there_and_back == local.replace(tzinfo=None) else SKIPPED
    return int(local.timestamp()) * 1000


def _whole(text: str) -> int:
    """Return a meter id; -1 for what is none. A table that went through other hands may say `1.0`."""
    return int(float(text)) if _METER.fullmatch(text) else -1
