"""A line without a wire: answers by script, takes the time that the real one would take."""

from collections.abc import Callable

from substation.bus.line import Answer
from substation.errors import BadFrame, LineDown, LinkError, NoAnswer, Refused
from substation.meters.blocks import Block
from substation.meters.pace import Pace
from substation.settings.model import Line
from tests.fake_clock import FakeClock

TURNAROUND_S = 0.03
PROBE_COUNTS = (2, 4, 6, 8, 10)
OWED_S = 30.0


class FakeWire:
    """Implements `substation.bus.wire.Wire`.

    `faults[meter_id]` is a list of kinds for the coming requests, `dead` a set of ids. With `late` in it a
    reply comes too late: until it is owed no more, a request of its length would get the old words.
    """

    def __init__(self, settings: Line, clock: FakeClock) -> None:
        self.settings = settings
        self.pace = Pace.of(settings.baud, settings.format)
        self.echoes = False
        self.gaps_s: dict[int, float] = {}
        self.busy_s = 0.0
        self.held_s = 0.0
        """How long a gateway waits for a silent meter, whatever the time-out is."""
        self.is_open = False
        self.present = True
        self.dead: set[int] = set()
        self.faults: dict[int, list[str]] = {}
        self.refused: dict[int, set[int]] = {}
        """Addresses that a meter does not have: exception 2 for any block that touches one."""
        self.longest: dict[int, int] = {}
        """Registers beyond which a meter answers exception 3."""
        self.turnaround_s: dict[int, float] = {}
        self.words: Callable[[int, int, int], int] = lambda meter_id, address, at_ms: 0
        """What a register holds when the answer is made."""
        self.asked: list[tuple[str, int]] = []
        self.blocks: list[tuple[int, int, int]] = []
        """Meter, address and count of each read (not of probes)."""
        self.made: list[tuple[int, int]] = []
        """Meter and moment (UTC ms) of each answer that was handed out as it was made."""
        self.owing: dict[int, set[int]] = {}
        self.on_ask: Callable[[int], None] = lambda meter_id: None
        self._late: dict[tuple[int, int], tuple[float, tuple[int, ...]]] = {}
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
        now_s = self._clock.monotonic()
        late = {
            count
            for (owner, count), (until_s, _) in self._late.items()
            if owner == meter_id and until_s > now_s
        }
        return frozenset(self.owing.get(meter_id, set()) | late)

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        self.asked.append(("read", meter_id))
        self.blocks.append((meter_id, block.address, block.count))
        return self._answer(meter_id, block.address, block.count, timeout_s)

    def probe(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        self.asked.append(("probe", meter_id))
        owed = self.owed(meter_id)
        count = next((count for count in PROBE_COUNTS if count not in owed), PROBE_COUNTS[0])
        return self._answer(meter_id, block.address, count, timeout_s)

    def _answer(self, meter_id: int, address: int, count: int, timeout_s: float) -> Answer:
        self.on_ask(meter_id)
        if not self.present:
            self.close()
            raise LineDown(f"{self.settings.name}: port lost")
        fault = self.faults[meter_id].pop(0) if self.faults.get(meter_id) else ""
        thinks_s = self.turnaround_s.get(meter_id, TURNAROUND_S)
        silent = meter_id in self.dead or fault in ("timeout", "late") or thinks_s > timeout_s
        refusal = self._refusal(meter_id, address, count, fault)
        size = 0 if refusal and not silent else count
        took_s = self.pace.transaction_s(size, max(timeout_s, self.held_s) if silent else thinks_s)
        took_s += self.gaps_s.get(meter_id, 0.0)
        self.busy_s += took_s
        self._clock.advance(took_s)
        at_ms = self._clock.now_ms()
        held = tuple(self.words(meter_id, word, at_ms) for word in range(address, address + count))
        until_s, old = self._late.pop((meter_id, count), (0.0, ()))
        if fault == "late":
            self._late[meter_id, count] = (self._clock.monotonic() + OWED_S, held)
        if silent:
            raise NoAnswer(f"meter {meter_id}: no answer")
        if refusal:
            raise refusal
        if fault and fault != "noise_before":
            raise BadFrame(f"meter {meter_id}: {fault}", fault)
        if old and until_s > self._clock.monotonic():
            held = old  # the trap: told by its length only
        else:
            self.made.append((meter_id, at_ms))
        return Answer(held, at_ms, thinks_s, fault == "noise_before")

    def _refusal(self, meter_id: int, address: int, count: int, fault: str) -> LinkError | None:
        code = 0
        if fault.startswith("exception_"):
            code = int(fault.removeprefix("exception_"))
        elif count > self.longest.get(meter_id, 125):
            code = 3
        elif not self.refused.get(meter_id, set()).isdisjoint(range(address, address + count)):
            code = 2
        return Refused(f"meter {meter_id}: refused", code) if code else None
