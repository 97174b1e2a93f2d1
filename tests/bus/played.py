"""A way to the meters whose bytes take the time of a fake clock: exact, however busy the machine is."""

import heapq
import itertools
from collections.abc import Callable

from substation.bus.transport import Transport
from substation.settings.model import Line
from substation.simulator.gateway_faults import TARGET_SILENT
from substation.simulator.line import BITS_PER_CHARACTER, t35_s
from substation.simulator.slave import framed
from tests.fake_clock import FakeClock

THINKS_S = 0.005


class Played(Transport):
    """Stands in for a port or a connection; `sent` holds each request with its moment, s."""

    connections = 1

    def __init__(self, settings: Line, may_leave: Callable[[bytes], bool], clock: FakeClock) -> None:
        super().__init__(settings, may_leave)
        self._clock = clock
        self._coming: list[tuple[float, int, bytes]] = []
        self._number = itertools.count()
        self.sent: list[tuple[float, bytes]] = []

    @property
    def is_open(self) -> bool:
        return True

    def open(self) -> None: ...

    def close(self) -> None: ...

    def make_ready(self) -> None: ...

    def read(self, wait_s: float) -> bytes:
        now_s = self._clock.monotonic()
        until_s = min([now_s + max(0.0, wait_s), *[at_s for at_s, *_ in self._coming]])
        self._clock.advance(max(0.0, until_s - now_s))
        data = b""
        while self._coming and self._coming[0][0] <= self._clock.monotonic():
            data += heapq.heappop(self._coming)[2]
        return data

    def _send(self, request: bytes) -> None:
        self.sent.append((self._clock.monotonic(), request))
        at_s, reply = self.reply(request)
        if reply:
            heapq.heappush(self._coming, (at_s, next(self._number), reply))

    def reply(self, request: bytes) -> tuple[float, bytes]:
        """Return when what comes back is there, and what; b"" = silence."""
        raise NotImplementedError


def held(request: bytes) -> bytes:
    """Return what a meter of noughts answers to unit, function, address and count."""
    size = 2 * int.from_bytes(request[4:6])
    return bytes((request[0], request[1], size)) + bytes(size)


class PlayedPort(Played):
    """An adapter: each frame takes its time at the line's speed, each meter thinks for 5 ms."""

    def __init__(self, settings: Line, may_leave: Callable[[bytes], bool], clock: FakeClock) -> None:
        super().__init__(settings, may_leave, clock)
        self._baud = settings.baud
        self.busy_until_s: float | None = None
        self.silences: list[tuple[int, float]] = []
        """Before each request but the first, by the meter that it is for: how long nothing was sent, s."""

    def reply(self, request: bytes) -> tuple[float, bytes]:
        now_s, answer = self._clock.monotonic(), framed(held(request))
        if self.busy_until_s is not None:
            self.silences.append((request[0], now_s - self.busy_until_s))
        self.busy_until_s = (
            now_s
            + (len(request) + len(answer)) * BITS_PER_CHARACTER / self._baud
            + t35_s(self._baud)
            + THINKS_S
        )
        return self.busy_until_s, answer


class PlayedGateway(Played):
    """A Modbus TCP gateway: asks its meters one after the other, and waits for a dead one as it is set to."""

    def __init__(
        self,
        settings: Line,
        may_leave: Callable[[bytes], bool],
        clock: FakeClock,
        patience_s: float,
    ) -> None:
        super().__init__(settings, may_leave, clock)
        self._patience_s = patience_s
        self._free_s = 0.0
        self.dead: set[int] = set()
        self.silent = False
        self.hung_up = 0

    def hang_up(self) -> None:
        self.hung_up += 1

    def reply(self, request: bytes) -> tuple[float, bytes]:
        if self.silent:
            return 0.0, b""
        asked, begin_s = request[6:], max(self._clock.monotonic(), self._free_s)
        is_dead = asked[0] in self.dead
        self._free_s = begin_s + (self._patience_s if is_dead else THINKS_S)
        said = bytes((asked[0], asked[1] | 0x80, TARGET_SILENT)) if is_dead else held(asked)
        return self._free_s, request[:4] + len(said).to_bytes(2) + said
