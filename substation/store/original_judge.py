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
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from zoneinfo import ZoneInfo

from substation.meters.qualify import qualify
from substation.quantities import Ratings
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

    def row(self, raw: Raw, keys: Sequence[str]) -> Row | None:
        """Return the row as our history stores it; None when it is refused, which the tally says why."""
        self.tally.found += 1
        at = utc_ms(raw.time, self._zone)
        if raw.values is None:
            return self._refuse(NO_NUMBER)
        if isinstance(at, str):
            return self._refuse(at)
        if not _YEAR_2000_MS <= at <= self._now_ms:
            return self._refuse(FUTURE if at > self._now_ms else UNSET_CLOCK)
        meter_id = _whole(raw.meter)
        if meter_id not in self._ratings:
            self.tally.unknown_meters[raw.meter[:20]] += 1
            return self._refuse(NO_METER)
        self.tally.meters[meter_id].take(at)
        return to_row(self._reading(meter_id, at, dict(zip(keys, raw.values, strict=True))))

    def _refuse(self, reason: str) -> None:
        self.tally.refused[reason] += 1

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
        # both forms of file have the same reading with two digits, one after a way through text
        rounded = {key: None if value is None else round(value, 2) for key, value in values.items()}
        return self._doubted(Reading(meter_id, at_ms, rounded, Quality.GOOD, IMPORTED))

    def _doubted(self, reading: Reading) -> Reading:
        values, ratings = reading.values, self._ratings[reading.meter_id]
        bent = bent_zeros(values, ratings.rated_va)
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
    for part, factor, share in _PARTS:
        p, q, s = (values.get(f"{name}_{part}") for name in ("watts", "var", "va"))
        if p is None or q is None or s is None or (p and q and all(values.get(key) for key in factor)):
            continue
        if s < _LEAST_LOAD * rated_va * share:
            continue
        leading = {key for key in factor if values.get(key) == 0 and p > 0.02 * s}
        found |= leading
        if math.hypot(p, q) < (0.995 if leading else 0.9) * s:
            found |= {key for key in (f"watts_{part}", f"var_{part}", *factor) if values.get(key) == 0}
    return frozenset(found)


_PARTS = (
    ("total", ("pf_average", "pf_average_received"), 1.0),
    ("r", ("pf_r",), 1 / 3),
    ("y", ("pf_y",), 1 / 3),
    ("b", ("pf_b",), 1 / 3),
)


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
