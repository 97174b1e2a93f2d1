"""A line without a wire: answers by script, takes the time that the real one would take."""

from collections.abc import Callable

from substation.bus.line import Answer
from substation.errors import BadFrame, LineDown, NoAnswer, Refused
from substation.meters.blocks import Block
from substation.meters.pace import Pace
from substation.settings.model import Line
from tests.fake_clock import FakeClock

TURNAROUND_S = 0.03


class FakeWire:
    """Implements `substation.bus.scan.Wire`; `faults[meter_id]` is a list of kinds, `dead` a set of ids."""

    def __init__(self, settings: Line, clock: FakeClock) -> None:
        self.settings = settings
        self.pace = Pace.of(settings.baud, settings.format)
        self.echoes = False
        self.gaps_s: dict[int, float] = {}
        self.gaps_s: dict[int, float] = {}
        self.busy_s = 0.0
        self.is_open = False
        self.present = True
        self.dead: set[int] = set()
        self.faults: dict[int, list[str]] = {}
        self.asked: list[tuple[str, int]] = []
        self.owing: dict[int, set[int]] = {}
        self.on_ask: Callable[[int], None] = lambda meter_id: None
        self._clock = clock

    def open(self) -> None:
        if not self.present:
            raise LineDown(f"{self.settings.name}: port missing")
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def advice(self) -> list[str]:
        return [f"{self.settings.name}: switch its local echo off"] if self.echoes else []

    def owed(self, meter_id: int) -> frozenset[int]:
        return frozenset(self.owing.get(meter_id, ()))

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        self.asked.append(("read", meter_id))
        return self._answer(meter_id, block.count, timeout_s)

    def probe(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        self.asked.append(("probe", meter_id))
        return self._answer(meter_id, 2, timeout_s)

    def _answer(self, meter_id: int, count: int, timeout_s: float) -> Answer:
        self.on_ask(meter_id)
        if not self.present:
            self.close()
            raise LineDown(f"{self.settings.name}: port lost")
        fault = self.faults[meter_id].pop(0) if self.faults.get(meter_id) else ""
        silent = meter_id in self.dead or fault == "timeout"
        took_s = self.pace.transaction_s(count, timeout_s if silent else TURNAROUND_S)
        self.busy_s += took_s
        self._clock.advance(took_s)
        if silent:
            raise NoAnswer(f"meter {meter_id}: no answer")
        if fault.startswith("exception_"):
            raise Refused(f"meter {meter_id}: refused", int(fault.removeprefix("exception_")))
        if fault and fault != "noise_before":
            raise BadFrame(f"meter {meter_id}: {fault}", fault)
        return Answer((0,) * count, self._clock.now_ms(), TURNAROUND_S, fault == "noise_before")
