"""What the meters said: frozen records, passed from the wire to the stores.

A missing value is None and says why. It is never 0 and never the last value again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from substation.quantities import KEYS


class Quality(StrEnum):
    """How far a stored value can be trusted. Freshness is not stored: it depends on who asks when."""

    GOOD = "good"
    IMPLAUSIBLE = "implausible"
    """The meter said it, physics doubts it: kept and flagged, left out of means. None = not a number."""
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    """The meter answered with a Modbus exception."""
    DISABLED = "disabled"
    """Not asked: switched off by the configuration, or a register this meter does not have."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One poll of one meter.

    A poll without an answer is a Reading too: every value None, `quality` and `reason` say why.
    """

    meter_id: int
    at_ms: int
    """UTC, ms: when the last byte of the answer arrived, or when waiting for it was given up."""
    values: Mapping[str, float | None]
    """By quantity key, in the unit of `quantities`, unrounded. An absent key was not asked."""
    quality: Quality = Quality.GOOD
    """Of the poll as a whole: GOOD when a valid frame came, even if single values are doubted."""
    reason: str | None = None
    """Why there are no values: `timeout`, `crc`, `exception_2` ... (`LinkError.kind`); None when GOOD.

    Ends with `clock N` where nobody vouched for the clock that stamped it (`store.clock_spans`).
    """
    implausible: frozenset[str] = frozenset()
    """Keys whose value is kept but doubted."""

    @property
    def answered(self) -> bool:
        """Whether a valid frame came."""
        return self.quality is Quality.GOOD

    def quality_of(self, key: str) -> Quality:
        """Return the quality of one value."""
        if not self.answered:
            return self.quality
        if key not in self.values:
            return Quality.DISABLED
        if key in self.implausible or self.values[key] is None:
            return Quality.IMPLAUSIBLE
        return Quality.GOOD


def missing(meter_id: int, at_ms: int, quality: Quality, reason: str) -> Reading:
    """Return the record of a poll that brought nothing."""
    return Reading(meter_id, at_ms, dict.fromkeys(KEYS), quality, reason)


@dataclass(frozen=True, slots=True)
class Scan:
    """One round over all meters."""

    number: int
    started_ms: int
    duration_s: float
    readings: tuple[Reading, ...]
    """At most one a meter; a meter that is backed off and was not asked has none."""
