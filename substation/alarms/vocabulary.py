"""What a rule may watch, and what may suppress it by design: closed lists, so that a typing error is a fault.

Each signal is about one kind of subject (a meter's circuit, a line, the station). Those that are numbers have
one natural measure besides their own unit: what 100 % of them is on that circuit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Per = Literal["meter", "line", "station"]
Relative = Literal["absolute", "nominal_v", "rated_va", "rated_a"]
"""What a limit is counted in: the signal's own unit, or per cent of what is normal on its circuit."""


@dataclass(frozen=True, slots=True)
class SignalKind:
    """One thing that a rule can watch."""

    key: str
    words: str
    per: Per = "meter"
    unit: str = ""
    """Of a number; empty for a state, which is true or false and has no limit."""
    base: Relative = "absolute"
    """What its limit may be relative to, besides being absolute."""
    decimals: int = 1
    """Of its value in words."""

    @property
    def is_state(self) -> bool:
        """Whether it is true or false."""
        return not self.unit


SIGNALS: Mapping[str, SignalKind] = {
    kind.key: kind
    for kind in (
        SignalKind("voltage_lowest", "lowest voltage", unit="V", base="nominal_v"),
        SignalKind("voltage_highest", "highest voltage", unit="V", base="nominal_v"),
        SignalKind("voltage_unbalance", "voltage unbalance (NEMA MG-1 14.36)", unit="%", decimals=2),
        SignalKind("current_highest", "highest phase current", unit="A", base="rated_a"),
        SignalKind("current_unbalance", "current unbalance", unit="%"),
        SignalKind("apparent_power", "apparent power", unit="VA", base="rated_va", decimals=0),
        SignalKind("active_power", "active power", unit="W", base="rated_va", decimals=0),
        SignalKind("power_factor", "power factor, lagging or leading", unit="1", decimals=3),
        SignalKind("frequency", "frequency", unit="Hz", decimals=2),
        SignalKind("supply_dead", "the circuit has no supply"),
        SignalKind("phase_lost", "a phase of the circuit is lost"),
        SignalKind("communication_lost", "the meter does not answer"),
        SignalKind("adapter_lost", "the line cannot be used", per="line"),
        SignalKind("disk", "the medium is low, full, read-only, gone or failing", per="station"),
        SignalKind("copies", "copies on the second medium are late or did not prove good", per="station"),
        SignalKind("clock", "nobody vouches for the clock", per="station"),
        SignalKind("audit_chain", "the audit log was cut, or cannot be written", per="station"),
    )
}

Condition = Literal["incomer_dead", "circuit_dead", "meter_unfed", "load_below_tenth", "line_down"]
CONDITIONS: Mapping[Condition, str] = {
    "incomer_dead": "every incomer that feeds this circuit is dead",
    "circuit_dead": "the circuit itself has no supply; of a generator: the set is off",
    "meter_unfed": "the meter lives from its own circuit, and that or every incomer is dead",
    "load_below_tenth": "the load is below 10 % of the rating",
    "line_down": "the line of the meter is down",
}
"""What suppresses an alarm by design. All of them are about a meter's circuit."""
STALLED = (
    "the alarms cannot be judged: nothing is raised or cleared until this is mended; see the poller's log"
)
"""Said by a poller whose step of the alarms fails round by round."""
LIGHT = 0.10
"""Of the rating: below it a power factor or an unbalance of currents is no finding."""
