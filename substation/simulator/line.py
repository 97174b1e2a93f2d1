"""A simulated RS-485 line: meters answering Modbus RTU on a pseudo-terminal with real wire time.

A pseudo-terminal carries bytes in no time, so the line keeps the time of the wire itself: a request
is taken as heard when its last character would have crossed, the answer begins after t3.5 of silence
and the meter's turnaround, and its characters arrive as the baud rate allows. The station's time (what
the meters measure) comes from the given clock; wire time is always real.
"""

import collections
import heapq
import itertools
import os
import random
import select
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from substation.clock import Clock, SystemClock
from substation.meters.profile import Profile
from substation.simulator.counting import Counting
from substation.simulator.faults import Faults
from substation.simulator.meter import SimulatedMeter
from substation.simulator.port import Port
from substation.simulator.site import METERS, Site
from substation.simulator.slave import READ_REQUEST, RegisterMap, Reply, answer, whole

BITS_PER_CHARACTER = 11
"""Start, eight data, parity or a second stop, stop (Modbus over Serial Line V1.02, clause 2.5.1)."""
CHUNK = 8
"""Characters handed over at once: near enough to one by one (1.5 % measured), at an eighth of the work."""
CHUNK_S = 0.0005
"""On a fast line rather what crosses in this time: no machine sleeps shorter with any use."""
ABSENT_S = 0.02
"""How often to look whether somebody has opened the port; the kernel does not tell."""
REMEMBERED = 10_000


def t35_s(baud: int) -> float:
    """Return the silence between two frames, s: 3.5 characters, above 19200 baud fixed at 1.75 ms."""
    return 0.00175 if baud > 19200 else 3.5 * BITS_PER_CHARACTER / baud


class SimulatedLine:
    """Meters of one site on one line; a context manager that starts and stops it."""

    def __init__(
        self,
        site: Site,
        clock: Clock,
        *,
        link: Path | None = None,
        baud: int = 9600,
        turnaround_ms: float = 30,
        profile: Profile | None = None,
        meter_ids: Collection[int] = METERS,
        meters: Mapping[int, SimulatedMeter] | None = None,
        faults: Faults | None = None,
        own_supply: Collection[int] = (),
    ) -> None:
        """Open the pseudo-terminal; `start` makes the meters answer.

        Either all are of one model (`profile`), each under the number of its circuit (`meter_ids`), or
        `meters` says by Modbus id which circuit it sees, which model it is and how it is wired.

        `link` is a symbolic link to keep on the port; `own_supply` are the ids of meters that live from
        the circuit they measure and fall silent with it. Raises ValueError for a circuit the site lacks.
        """
        if meters is None:
            if profile is None:
                raise ValueError("name a profile for all meters, or give meters")
            meters = {meter_id: SimulatedMeter(meter_id, profile) for meter_id in meter_ids}
        strange = sorted({meter.site_meter for meter in meters.values()} - set(METERS))
        if strange:
            raise ValueError(f"meters {strange}: the simulated site has {METERS} only")
        self.site = site
        self.faults = faults if faults is not None else Faults()
        self._counting = Counting()
        self.baud = baud
        self.turnaround_s = turnaround_ms / 1000
        self._clock = clock
        self._wire = SystemClock()
        self._meters = dict(meters)
        self._maps = {meter_id: RegisterMap(meter.spoken) for meter_id, meter in meters.items()}
        self._own_supply = frozenset(own_supply)
        self._dice = random.Random(site.seed)
        self._character_s = BITS_PER_CHARACTER / baud
        self._t35_s = t35_s(baud)
        self._heard: collections.deque[bytes] = collections.deque(maxlen=REMEMBERED)
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._wanted = "plugged"
        self._port = Port(link)
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_w, False)
        self.violations = 0
        """Requests that began sooner than t3.5 after the last character on the wire."""
        self.frames = 0
        """Whole requests heard, for whichever meter."""
        self.lost = 0
        """Requests that ran into an answer under way: nobody heard them."""
        self.answered = 0
        """Answers sent, faulty ones included."""
        self._quiet()

    @property
    def port(self) -> str:
        """The device a master opens; empty while unplugged."""
        return self._port.name

    @property
    def requests(self) -> list[bytes]:
        """Everything a master sent, frame by frame, whole or not; the newest 10 000."""
        return list(self._heard)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the meters answer."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def connected(self) -> bool:
        """Whether a master has the port open, as far as it was noticed."""
        return bool(self.port) and not self._port.absent

    def start(self) -> None:
        """Let the meters answer, in a thread of their own."""
        self._thread = threading.Thread(target=self._run, name="simulated line", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, close the pseudo-terminal, remove the link. A second stop does nothing."""
        if self._wake_w < 0:
            return
        self._want("stopped")
        if self._thread is not None:
            self._thread.join()
        self._port.unplug()
        os.close(self._wake_r)
        os.close(self._wake_w)
        self._wake_r = self._wake_w = -1

    def unplug(self) -> None:
        """Pull the adapter out: whoever has the port open loses it, the link goes."""
        self._want("unplugged")

    def replug(self) -> None:
        """Put the adapter in again: a new port, perhaps of another name, behind the same link."""
        self._want("plugged")

    def _want(self, state: str) -> None:
        """Ask the thread for a state and wait until it is so; without a thread do it here."""
        with self._changed:
            self._wanted = state
        if not self.running:
            if state != "stopped":
                self._obey()
            return
        os.write(self._wake_w, b"!")
        if state != "stopped":
            with self._changed:
                self._changed.wait_for(lambda: bool(self.port) == (state == "plugged"), timeout=10)

    def _obey(self) -> None:
        with self._changed:
            if self._wanted == "plugged" and not self.port:
                self._quiet()
                self._port.plug()
            elif self._wanted == "unplugged":
                self._port.unplug()
            self._changed.notify_all()

    def _quiet(self) -> None:
        """Forget what was on the wire."""
        self._buffer = bytearray()
        self._first_s = self._newest_s = 0.0
        self._busy_until_s = -1.0
        self._due: list[tuple[float, int, Reply]] = []
        self._number = itertools.count()
        self._outgoing: collections.deque[tuple[float, bytes]] = collections.deque()

    def _run(self) -> None:
        while self._wanted != "stopped":
            if self._listen(self._idle_s()):
                self._obey()
                continue
            if self.port:
                self._take_frames(self._wire.monotonic())
                self._send_due()

    def _idle_s(self) -> float | None:
        """Return how long nothing is to be done, s; None = until somebody says something."""
        if not self.port:
            return None
        times = []
        if self._outgoing:
            times.append(self._outgoing[0][0])
        elif self._due:
            times.append(max(self._due[0][0], self._busy_until_s + self._t35_s))
        if self._buffer:
            times.append(self._silent_s())
        return max(0.0, min(times) - self._wire.monotonic()) if times else None

    def _listen(self, timeout_s: float | None) -> bool:
        """Wait for a master's bytes and take them; return whether `_want` woke us instead."""
        ears = [self._wake_r]
        if self.port and self._port.absent:
            timeout_s = ABSENT_S if timeout_s is None else min(timeout_s, ABSENT_S)
        elif self.port:
            ears.append(self._port.descriptor)
        ready, _, _ = select.select(ears, [], [], timeout_s)
        if self._wake_r in ready:
            os.read(self._wake_r, 64)
            return True
        if self.port and (self._port.absent or ready):
            now_s = self._wire.monotonic()
            data = self._port.read()
            if data:
                self._hear(data, now_s)
        return False

    def _hear(self, data: bytes, now_s: float) -> None:
        if not self._buffer:
            if now_s < self._busy_until_s + self._t35_s or self._outgoing:
                self.violations += 1
            if self._outgoing:
                self.lost += 1
                self._heard.append(data)
                return
            self._first_s = now_s
        self._buffer += data
        self._newest_s = now_s

    def _silent_s(self) -> float:
        """Return when the silence after what was heard has lasted t3.5."""
        crossed_s = self._first_s + len(self._buffer) * self._character_s
        return max(crossed_s, self._newest_s) + self._t35_s

    def _take_frames(self, now_s: float) -> None:
        """Take whole frames out of what was heard; after a silence all of it is one frame."""
        while len(self._buffer) >= READ_REQUEST and whole(bytes(self._buffer[:READ_REQUEST])):
            self._take(READ_REQUEST)
            if self._buffer:  # glued to the one before
                self.violations += 1
        if self._buffer and now_s >= self._silent_s():
            self._take(len(self._buffer))

    def _take(self, length: int) -> None:
        frame = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._heard.append(frame)
        crossed_s = self._first_s + length * self._character_s
        self._first_s = crossed_s
        self._busy_until_s = crossed_s
        if not whole(frame):
            return
        self.frames += 1
        meter_id = frame[0]
        meter = self._meters.get(meter_id)
        if meter is None:  # 0 is a broadcast: obeyed by nobody here, answered never
            return
        now_ms = self._clock.now_ms()
        if meter_id in self._own_supply and not self.site.awake(meter.site_meter, now_ms):
            return
        circuits = self.site.at(now_ms)
        fault = self.faults.next(meter_id)
        values = self._counting.shown(meter_id, meter.shown(circuits), fault)
        reply = answer(frame, self._maps[meter_id], values, fault, self._dice)
        if reply is not None:
            thinks_s = self.turnaround_s if meter.turnaround_ms is None else meter.turnaround_ms / 1000
            due_s = crossed_s + self._t35_s + thinks_s + reply.delay_s
            heapq.heappush(self._due, (due_s, next(self._number), reply))

    def _send_due(self) -> None:
        """Hand over what has crossed by now; an answer begins only when the wire is free."""
        now_s = self._wire.monotonic()
        if not self._outgoing and self._due:
            start_s = max(self._due[0][0], self._busy_until_s + self._t35_s)
            if start_s > now_s:
                return
            self._outgoing.extend(self._paced(heapq.heappop(self._due)[2], start_s))
        while self._outgoing and self._outgoing[0][0] <= now_s:
            chunk = self._outgoing.popleft()[1]
            self._busy_until_s = now_s  # before the write, as the count: a master cannot have seen it sooner
            if not self._outgoing:
                self.answered += 1
            self._port.write(chunk)
            now_s = self._wire.monotonic()

    def _paced(self, reply: Reply, start_s: float) -> list[tuple[float, bytes]]:
        """Return the characters with the times at which they have crossed."""
        size = max(CHUNK, int(CHUNK_S / self._character_s))
        result, at_s = [], start_s
        for part in reply.parts:
            for first in range(0, len(part), size):
                chunk = part[first : first + size]
                at_s += len(chunk) * self._character_s
                result.append((at_s, chunk))
            at_s += reply.pause_s
        return result
