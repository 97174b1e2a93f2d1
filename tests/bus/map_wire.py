"""A wire in memory: meters of the simulator answer without a pseudo-terminal, in the time of a fake clock."""

import random
from collections.abc import Mapping

from substation.bus import frame
from substation.bus.line import SETTLE_S, Answer
from substation.errors import BadFrame, LineDown, NoAnswer
from substation.meters.blocks import Block
from substation.meters.pace import Pace
from substation.settings.model import Line
from substation.simulator.faults import Faults
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import Site
from substation.simulator.slave import RegisterMap, answer
from tests.fake_clock import FakeClock


class MapWire:
    """Implements `substation.bus.scan.Wire`; `sent` holds every byte that would have left."""

    def __init__(
        self, site: Site, clock: FakeClock, meters: Mapping[int, SimulatedMeter], settings: Line | None = None
    ) -> None:
        self.settings = settings or Line(port="/dev/nothing")
        self.pace = Pace.of(self.settings.baud, self.settings.format)
        self.echoes = False
        self.held_s = 0.0
        self.gaps_s: dict[int, float] = {}
        self.busy_s = 0.0
        self.is_open = False
        self.present = True
        self.faults = Faults()
        self.sent: list[bytes] = []
        self.site = site
        self.meters = dict(meters)
        self._clock = clock
        self._maps = {key: RegisterMap(meter.spoken) for key, meter in meters.items()}
        self._dice = random.Random(1)

    def open(self) -> None:
        if not self.present:
            raise LineDown(f"{self.settings.name}: port missing: {self.settings.port} is not there")
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def owed(self, meter_id: int) -> frozenset[int]:
        return frozenset()

    def advice(self) -> list[str]:
        return []

    def probe(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        return self.read(meter_id, Block(block.function, block.address, 2, ()), timeout_s)

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        question = frame.Question(meter_id, block.function, block.address, block.count)
        self.sent.append(question.request)
        meter = self.meters.get(meter_id)
        thinks_s = ((meter.turnaround_ms if meter else None) or 30) / 1000
        reply = None
        if meter and thinks_s <= timeout_s:
            values = meter.shown(self.site.at(self._clock.now_ms()))
            fault = self.faults.next(meter_id)
            reply = answer(question.request, self._maps[meter_id], values, fault, self._dice)
        took_s = self.pace.transaction_s(block.count, thinks_s if reply else timeout_s)
        self._clock.mono += took_s  # the station's own time stands still: what the meters see stays
        self.busy_s += took_s
        if reply is None:
            self._clock.mono += SETTLE_S  # the line listens before it asks again
            raise NoAnswer(f"{question}: no answer")
        data = b"".join(reply.parts)
        found = frame.find_answer(question, data)
        if found is None:
            error = frame.trouble(question, data)
            assert isinstance(error, Exception)
            raise error
        words = tuple(int.from_bytes(found.frame[at : at + 2]) for at in range(3, len(found.frame) - 2, 2))
        if len(words) != block.count:
            raise BadFrame("length", "length")
        return Answer(words, self._clock.now_ms(), thinks_s)
