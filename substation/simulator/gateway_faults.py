"""Faults to order of the simulated gateway: what it does wrong with its next reply.

- late: the reply comes `delay_s` later
- split: in two pieces, `delay_s` apart
- reordered: it comes after the reply to the next request
- mixes: it is kept, and put in place of the reply to the next request
- closes: the connection is closed behind it
- hangs_up: the connection is closed in place of it
- half_header: three bytes of it, and no more
- wrong_transaction: under a transaction id that nobody asked under (Modbus TCP only, as the rest)
- garbled: under a header that is none
- wrong_unit: under another unit id
- exception: the exception `code` in place of it
"""

import random
import threading
from collections import deque
from dataclasses import dataclass

FAULTS = (
    "late",
    "split",
    "reordered",
    "mixes",
    "closes",
    "hangs_up",
    "half_header",
    "wrong_transaction",
    "garbled",
    "wrong_unit",
    "exception",
)
TARGET_SILENT = 0x0B
"""The exception by which a gateway says that the meter gave no answer."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault for one reply."""

    kind: str
    delay_s: float = 0.05
    code: int = TARGET_SILENT


class Orders:
    """What is ordered of one gateway. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: deque[Fault] = deque()
        self._chances: list[tuple[Fault, float, random.Random]] = []

    def __bool__(self) -> bool:
        return bool(self._orders or self._chances)

    def order(self, kind: str, times: int = 1, *, delay_s: float = 0.05, code: int = TARGET_SILENT) -> None:
        """Let the next `times` replies suffer a fault. Raises ValueError for an unknown one."""
        with self._lock:
            self._orders.extend([_known(kind, delay_s, code)] * times)

    def random(
        self, kind: str, probability: float, seed: int, *, delay_s: float = 0.05, code: int = TARGET_SILENT
    ) -> None:
        """Let any reply suffer a fault with a probability; the seed repeats the dice."""
        with self._lock:
            self._chances.append((_known(kind, delay_s, code), probability, random.Random(seed)))

    def clear(self) -> None:
        """Forget what was ordered."""
        with self._lock:
            self._orders.clear()
            self._chances.clear()

    def next(self) -> Fault | None:
        """Return the fault of the next reply and count it as done."""
        with self._lock:
            if self._orders:
                return self._orders.popleft()
            hits = [fault for fault, share, dice in self._chances if dice.random() < share]
        return hits[0] if hits else None


def _known(kind: str, delay_s: float, code: int) -> Fault:
    if kind not in FAULTS:
        raise ValueError(f"no fault '{kind}' of a gateway; known: {', '.join(FAULTS)}")
    return Fault(kind, delay_s, code)


def spoiled(fault: Fault | None, reply: bytes, *, tcp: bool) -> tuple[tuple[float, bytes], ...]:
    """Return what is sent for a reply, with the delay of each piece, s."""
    if fault is None:
        return ((0.0, reply),)
    middle = len(reply) // 2
    if fault.kind == "late":
        return ((fault.delay_s, reply),)
    if fault.kind == "split":
        return ((0.0, reply[:middle]), (fault.delay_s, reply[middle:]))
    if fault.kind == "half_header":
        return ((0.0, reply[:3]),)
    if tcp:
        reply = _spoiled_in_tcp(fault, reply)
    return ((0.0, reply),)


def _spoiled_in_tcp(fault: Fault, reply: bytes) -> bytes:
    if fault.kind == "wrong_transaction":
        return ((int.from_bytes(reply[:2]) + 0x4000) % 0x1_0000).to_bytes(2) + reply[2:]
    if fault.kind == "garbled":
        return reply[:2] + b"\xa5\x5a" + reply[4:]
    if fault.kind == "wrong_unit":
        # Far from its own: the next id is that of the next meter, and a frame forged for it is a true one.
        return reply[:6] + bytes(((reply[6] + 100) % 247 + 1,)) + reply[7:]
    if fault.kind == "exception":
        return reply[:4] + b"\0\x03" + bytes((reply[6], reply[7] | 0x80, fault.code))
    return reply
