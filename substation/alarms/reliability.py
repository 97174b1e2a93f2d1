"""Load-based indices of interruptions: ASIFI, ASIDI and what follows from them. IEEE 1366-2022, 3.3. Pure.

They fit a station that knows the ratings of its feeders and not who hangs on them:

    ASIFI = sum Li / LT        ASIDI = sum ri Li / LT

over the sustained interruptions, Li the kVA that were interrupted, ri for how long, LT the kVA of all
feeders. From a polled meter they are "indicative, polled".
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Indices:
    """The indices of one period."""

    asifi: float
    """Interruptions for each kVA served."""
    asidi_min: float
    """Minutes of interruption for each kVA served."""
    momentary: float
    """As ASIFI, of the momentary ones."""
    asai: float
    """Part of the period in which a kVA was served, 0 to 1."""

    @property
    def mean_min(self) -> float | None:
        """Minutes that an interruption lasted in the mean, weighted by load; None without any."""
        return self.asidi_min / self.asifi if self.asifi else None


def indices(
    events: Iterable[tuple[float, float]],
    served_kva: float,
    period_min: float,
    momentary_min: float = 5.0,
    *,
    within: Iterable[tuple[float, float]] | None = None,
) -> Indices:
    """Return the indices of a period.

    Args:
        events: minutes and interrupted kVA of each that began in the period, with all of its length.
        served_kva: LT, of all feeders; above 0.
        period_min: its length, minutes; above 0.
        momentary_min: up to so long one is momentary.
        within: minutes inside the period, and kVA, of each sustained one that touches it, also of one that
            began before. None: those of `events`, which lie inside it.

    Raises:
        ValueError: nothing is served, or the period is empty.
    """
    if served_kva <= 0 or period_min <= 0:
        raise ValueError(f"{served_kva} kVA served in {period_min} min: both must be above 0")
    known = list(events)
    sustained = [(minutes, kva) for minutes, kva in known if minutes > momentary_min]
    asidi = sum(minutes * kva for minutes, kva in (sustained if within is None else within)) / served_kva
    return Indices(
        sum(kva for _, kva in sustained) / served_kva,
        asidi,
        sum(kva for minutes, kva in known if minutes <= momentary_min) / served_kva,
        1 - asidi / period_min,
    )
