"""What a round needs of a line."""

from typing import Protocol

from substation.bus.line import Answer
from substation.meters.blocks import Block
from substation.meters.pace import Pace
from substation.settings.model import Line


class Wire(Protocol):
    """`bus.line.Line`, or a test's stand-in. A `meter_id` is the id on the wire: `Meter.modbus_id`."""

    settings: Line
    pace: Pace
    echoes: bool
    gaps_s: dict[int, float]
    """Silence beyond t3.5 that a meter wants before a request, s, by Modbus id."""

    @property
    def busy_s(self) -> float:
        """Seconds spent on transactions since the start."""
        ...

    @property
    def held_s(self) -> float:
        """How long a gateway holds the line for a silent meter, s; 0 where it is we who wait."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether the port is ours."""
        ...

    def open(self) -> None:
        """Open the port, or raise LineDown."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...

    def advice(self) -> list[str]:
        """Return what somebody should look at, in words; empty when nothing is odd."""
        ...

    def owed(self, meter_id: int) -> frozenset[int]:
        """Return the lengths, in registers, of replies of this meter that may still come."""
        ...

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        """Return the block, or raise LinkError."""
        ...

    def probe(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        """Return the beginning of the block, or raise LinkError."""
        ...
