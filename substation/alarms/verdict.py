"""What is known of one circuit's supply: the record, its words, and how one follows from the one before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from substation.settings.model import Meter, Role

Supply = Literal["live", "phase_lost", "dead", "unknown"]

BLIND_MS = 60_000
"""So long may a state go unseen and still be said to have lasted (rule 5 of `alarms.supply`)."""

WORDS: Mapping[Role, Mapping[Supply, str]] = {
    "incomer": {"live": "EB supply On", "phase_lost": "EB supply phase lost", "dead": "EB supply Off"},
    "generator": {"live": "DG set On", "phase_lost": "DG set phase lost", "dead": "DG set Off"},
    "feeder": {"live": "OK", "phase_lost": "Phase lost", "dead": "Power failure"},
}
UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Known:
    """What was last known of a supply that is unknown now."""

    supply: Supply
    since_ms: int
    seen_ms: int
    """UTC, ms: the last evidence of it."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What the sources gave and no feeder's meter showed, when all of `counted` answered."""

    rest_w: float
    fed_w: float
    """What the sources gave."""
    counted: frozenset[int]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a meter said when it last answered."""

    at_ms: int
    supply: Supply
    watts: float | None = None
    before: Balance | None = None
    """Of the round before: all of it older than this answer, whatever happened since."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one circuit's supply."""

    supply: Supply
    status: str
    """The word on screen: depends on the meter's role."""
    evidence: str
    since_ms: int
    """UTC, ms: when the supply became so."""
    live: Mapping[str, bool]
    """Memory for the hysteresis: whether each voltage was live when last seen."""
    seen_ms: int
    """UTC, ms: the last evidence."""
    known: Known | None = None
    """While unknown: what was known before."""
    refusals: int = 0
    """Since the last reading or verdict by silence."""
    event_ms: int = 0
    """UTC, ms: when the change to it is to be noted; never before the change that was noted last."""
    heard: Heard | None = None
    silent_ms: int | None = None
    """UTC, ms: the first poll without an answer since it was heard."""
    by_load: bool = False
    """Dead because its load went with it: see `alarms.silence`."""


def fresh(meter: Meter, now_ms: int) -> Verdict:
    """Return the verdict on a meter that was never read."""
    return following(meter, "unknown", "not read yet", at_ms=now_ms, live={}, old=None)


def following(
    meter: Meter,
    supply: Supply,
    evidence: str,
    *,
    at_ms: int,
    live: Mapping[str, bool],
    old: Verdict | None,
    since_ms: int | None = None,
) -> Verdict:
    """Return the next verdict; one that says the same as `old` keeps its beginning.

    `since_ms` is when the state began, where that is known to be another time than `at_ms`.
    """
    status = UNKNOWN if supply == "unknown" else WORDS[meter.role][supply]
    if old is not None and max(old.since_ms, old.event_ms) > at_ms + BLIND_MS:  # the clock was set back
        old = replace(old, since_ms=min(old.since_ms, at_ms), event_ms=min(old.event_ms, at_ms))
    if old is not None and old.supply == supply:
        return replace(old, status=status, evidence=evidence, live=live, seen_ms=at_ms, refusals=0)
    heard, silent_ms = (old.heard, old.silent_ms) if old else (None, None)
    if supply == "unknown":
        known = Known(old.supply, old.since_ms, old.seen_ms) if old is not None else None
        since_ms = at_ms if since_ms is None else since_ms
        event_ms = max(since_ms, old.event_ms if old else since_ms)
        return Verdict(supply, status, evidence, since_ms, live, at_ms, known, 0, event_ms, heard, silent_ms)
    known = old.known if old is not None else None
    lasted = known is not None and known.supply == supply and 0 <= at_ms - known.seen_ms <= BLIND_MS
    if known is not None and lasted:
        since_ms, event_ms = known.since_ms, at_ms
    else:
        since_ms = at_ms if since_ms is None else since_ms
        event_ms = max(since_ms, old.event_ms if old else since_ms)
    return Verdict(supply, status, evidence, since_ms, live, at_ms, None, 0, event_ms, heard, silent_ms)
