"""One meter on the simulated line: which circuit it sees, which model it is, how it is wired and set."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from substation.meters.decode import WordOrder
from substation.meters.profile import Profile
from substation.simulator.wiring import Wiring


@dataclass(frozen=True, slots=True)
class SimulatedMeter:
    """Several of them, on ids of their own, may see the same circuit."""

    site_meter: int
    """Whose circuit it sees: 1 to 5 of `simulator.site`."""
    profile: Profile
    wiring: Wiring = field(default_factory=Wiring)
    word_order: WordOrder | None = None
    """Set in the meter otherwise than its profile says; None = as the profile says."""
    turnaround_ms: float | None = None
    """How long it thinks; None = as the line's meters do."""

    @property
    def spoken(self) -> Profile:
        """The map as this meter lays it out on the wire."""
        if self.word_order is None:
            return self.profile
        rows = {
            table: {
                key: row.model_copy(update={"word_order": None})
                for key, row in getattr(self.profile, table).items()
            }
            for table in ("registers", "extras")
        }
        return self.profile.model_copy(update={"word_order": self.word_order, **rows})

    def shown(self, circuits: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
        """Return what it reports while the site's circuits are so."""
        return self.wiring.shown(circuits[self.site_meter])
