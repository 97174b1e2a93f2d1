"""One meter on the simulated line: which circuit it sees, which model it is, how it is wired and set."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from substation.meters.decode import WordOrder
from substation.meters.identify import in_order
from substation.meters.profile import Profile
from substation.simulator.wiring import Wiring

_PHASE_R = {
    "watts_total": "watts_r",
    "var_total": "var_r",
    "va_total": "va_r",
    "pf_average": "pf_r",
    "current_total": "current_r",
    "vln_average": "v_r",
}


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
        return in_order(self.profile, self.word_order)

    def shown(self, circuits: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
        """Return what it reports while the site's circuits are so."""
        shown = self.wiring.shown(circuits[self.site_meter])
        if self.profile.phases == 1:  # it sits in phase R and knows no other
            shown |= {total: shown[phase] for total, phase in _PHASE_R.items()}
        return shown
