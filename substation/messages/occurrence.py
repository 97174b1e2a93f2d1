"""One raise of one alarm, as the messenger knows it, and how what is seen of it changes that. Pure.

What is seen comes from two places that tell the same: the alarms as they stand now, and their events, which
also hold what came and went while nobody looked. So each sighting may come twice and late; `taken` answers
with nothing then, and what is over stays over.
"""

from dataclasses import dataclass, replace
from typing import Literal

Standing = Literal["unacknowledged", "acknowledged", "aside", "over"]
"""`aside`: shelved, suppressed or out of service, so nobody is told."""
PRIORITIES = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look says of one occurrence."""

    id: str
    """Of the raise (`alarms.state.Alarm.occurrence`)."""
    rule: str
    subject: str
    state: Standing
    since_ms: int
    """UTC, ms: when what it warns of became true; where it is over: unknown counts as when it ended."""
    meter_id: int | None = None
    why: str = ""
    by: str = ""
    """Who acknowledged it."""
    over_ms: int | None = None
    announced: str = ""
    """Which transition announced it anew; empty: its raise, or none."""
    announced_ms: int | None = None
    anew: str = ""
    """Why it was, such as: its shelf ran out."""

    @property
    def key(self) -> str:
        """Of the alarm among all of the station."""
        return f"{self.rule}@{self.subject}"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One raise of one alarm."""

    id: str
    rule: str
    subject: str
    meter_id: int | None
    priority: str
    """high, medium, low; journal and unknown ones are told to nobody."""
    title: str
    action: str
    since_ms: int
    why: str
    state: Standing
    seen_ms: int | None = None
    """When the messenger first saw its last announcement; escalation counts from here."""
    over_ms: int | None = None
    by: str = ""
    announced: str = ""
    """As of the sighting; whoever was told of an earlier announcement is told of this one again."""
    announced_ms: int | None = None
    anew: str = ""


def taken(known: Occurrence, seen: Sighting, now_ms: int) -> Occurrence | None:
    """Return the occurrence after a look; None where nothing is new."""
    if known.state == "over":
        return None
    after = replace(known, state=seen.state, by=seen.by or known.by)
    if seen.announced and sequence(seen.announced)[1] > sequence(known.announced or known.id)[1]:
        after = replace(
            after,
            announced=seen.announced,
            announced_ms=seen.announced_ms,
            anew=seen.anew,
            seen_ms=now_ms,
            by=seen.by,
        )
    if seen.state == "unacknowledged" and known.seen_ms is None:
        after = replace(after, seen_ms=now_ms)
    if seen.state == "over":
        over_ms = now_ms if seen.over_ms is None else seen.over_ms
        after = replace(after, over_ms=max(over_ms, known.since_ms))
    return None if after == known else after


def sequence(occurrence_id: str) -> tuple[str, int]:
    """Return of which state of the alarms an id is, and its number there."""
    uid, _, number = occurrence_id.rpartition("-")
    return uid, int(number) if number.isdecimal() else 0
