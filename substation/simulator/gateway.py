"""A gateway before the simulated line: its meters by RTU over TCP and by Modbus TCP, on loopback.

By Modbus TCP it is a master of its own on the line, as a real gateway: what comes is asked there, one
request after the other, and what the line's own faults do to a reply is met on the way. By RTU over TCP
it passes on bytes, as a transparent serial server does. Its own faults are ordered of `faults`.
"""

import contextlib
import heapq
import itertools
import os
import select
import socket
import threading
import tty
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

from substation.clock import SystemClock
from substation.simulator.gateway_faults import TARGET_SILENT, Orders, spoiled
from substation.simulator.slave import framed, whole

HEADER = 7
_MOST = 4096
_REMEMBERED = 10_000

Kind = Literal["rtu_tcp", "tcp"]


class Ported(Protocol):
    """What a gateway needs of the line behind it: `SimulatedLine`."""

    @property
    def port(self) -> str:
        """The device a master opens."""
        ...


@dataclass(slots=True, eq=False)
class _Caller:
    """A master's connection."""

    socket: socket.socket
    kind: Kind
    stream: bytes = b""


@dataclass(slots=True)
class _Job:
    """One request of Modbus TCP on its way to a meter and back."""

    caller: _Caller
    transaction: bytes
    request: bytes
    """The frame on the line."""
    reply: bytes = b""
    due_s: float = 0.0
    """When the gateway gives the meter up."""


class Gateway:
    """Two listeners before one line; a context manager that starts and stops them."""

    def __init__(
        self, line: Ported, *, host: str = "127.0.0.1", patience_s: float = 0.5, drops_late: bool = True
    ) -> None:
        """Open the listeners; `start` makes them answer.

        Args:
            line: the simulated line; its port is held as long as the gateway runs.
            host: the loopback address, 127.0.0.1 or ::1.
            patience_s: how long a meter may think before a Modbus TCP master is told exception 11.
            drops_late: whether a reply that comes later is thrown away; else it is passed on as the
                answer to the next request, as bad gateways do.
        """
        self._line = line
        self._host = host
        self._patience_s = patience_s
        self._drops_late = drops_late
        self._wire = SystemClock()
        self._lock = threading.Lock()
        self.faults = Orders()
        self._reordered: list[tuple[_Caller, bytes]] = []
        self._mixed = self._raw = b""
        self._callers: dict[int, _Caller] = {}
        self._rtu_master: _Caller | None = None
        self._jobs: deque[_Job] = deque()
        self._later: list[tuple[float, int, _Caller, bytes]] = []
        self._number = itertools.count()
        self._thread: threading.Thread | None = None
        self._silent = self._stopping = False
        self._wake_r, self._wake_w = os.pipe()
        self._serial = -1
        self._heard: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._listeners: dict[Kind, socket.socket] = {}
        self._ports: dict[Kind, int] = {"rtu_tcp": 0, "tcp": 0}
        self.connections = 0
        """Calls taken since the start."""
        self.answered = 0
        """Replies passed on, faulty ones included."""
        self.accept()

    @property
    def rtu_tcp(self) -> str:
        """Where RTU frames are taken, as a line's port is written: `127.0.0.1:40001`."""
        return self._written("rtu_tcp")

    @property
    def tcp(self) -> str:
        """Where Modbus TCP is taken, as a line's port is written."""
        return self._written("tcp")

    def _written(self, kind: Kind) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._ports[kind]}"

    @property
    def requests(self) -> list[bytes]:
        """Every byte that masters sent, in the pieces in which it came; the newest 10 000."""
        return list(self._heard)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Let it answer, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="simulated gateway", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, close every connection and listener. A second stop does nothing."""
        if self._wake_w < 0:
            return
        self._stopping = True
        self._wake()
        if self._thread is not None:
            self._thread.join()
        self.refuse()
        for caller in list(self._callers.values()):
            self._drop(caller)
        if self._serial >= 0:
            os.close(self._serial)
        os.close(self._wake_r)
        os.close(self._wake_w)
        self._wake_r = self._wake_w = self._serial = -1

    def refuse(self) -> None:
        """Take no calls any more and close those there are: connection refused."""
        with self._lock:
            for listener in self._listeners.values():
                listener.close()
            self._listeners = {}
            for caller in self._callers.values():
                with contextlib.suppress(OSError):
                    caller.socket.shutdown(socket.SHUT_RDWR)
        self._wake()

    def accept(self) -> None:
        """Take calls, on the ports of before."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        with self._lock:
            for kind, port in self._ports.items():
                listener = socket.create_server((self._host, port), family=family, backlog=16)
                listener.setblocking(False)
                self._listeners[kind] = listener
                self._ports[kind] = listener.getsockname()[1]
        self._wake()

    def vanish(self) -> None:
        """Say nothing any more, as if the supply had failed; connections stay as they are."""
        self._silent = True

    def come_back(self) -> None:
        """Answer again; what came meanwhile is forgotten."""
        self._silent = False
        self._wake()

    def _wake(self) -> None:
        if self._wake_w >= 0:
            os.write(self._wake_w, b"!")

    # the thread

    def _run(self) -> None:
        while not self._stopping:
            with self._lock:
                listeners = {listener.fileno(): kind for kind, listener in self._listeners.items()}
            ears = [self._wake_r, *listeners, *self._callers]
            if self._serial >= 0:
                ears.append(self._serial)
            try:
                ready = select.select(ears, [], [], self._idle_s())[0]
            except OSError:  # a listener was closed while we looked; also a caller's end
                continue
            for ear in ready:
                if ear == self._wake_r:
                    os.read(ear, 64)
                elif ear == self._serial:
                    self._hear_line()
                elif ear in listeners:
                    self._take_call(listeners[ear])
                elif ear in self._callers:
                    self._hear(self._callers[ear])
            self._do_due()

    def _idle_s(self) -> float | None:
        times = [job.due_s for job in list(self._jobs)[:1]]
        times += [at_s for at_s, *_ in self._later[:1]]
        return max(0.0, min(times) - self._wire.monotonic()) if times else None

    def _take_call(self, kind: Kind) -> None:
        with self._lock:
            listener = self._listeners.get(kind)
            if listener is None:
                return
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._callers[connection.fileno()] = _Caller(connection, kind)
            self.connections += 1

    def _hear(self, caller: _Caller) -> None:
        try:
            data = caller.socket.recv(_MOST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(caller)
            return
        self._heard.append(data)
        if self._silent:
            return
        if caller.kind == "rtu_tcp":
            self._flush()
            self._rtu_master = caller
            self._write(data)
            return
        caller.stream += data
        while (job := self._request(caller)) is not None:
            self._jobs.append(job)
            if len(self._jobs) == 1:
                self._ask()

    def _request(self, caller: _Caller) -> _Job | None:
        """Take one request out of what a Modbus TCP master sent."""
        stream = caller.stream
        end = 6 + int.from_bytes(stream[4:6])
        if len(stream) <= HEADER or len(stream) < end:
            return None
        caller.stream = stream[end:]
        return _Job(caller, stream[:2], framed(stream[6:end]))

    def _ask(self) -> None:
        """Put the first waiting request on the line."""
        while self._jobs:
            job = self._jobs[0]
            job.due_s = self._wire.monotonic() + self._patience_s
            if self._write(job.request):
                return
            self._jobs.popleft()

    def _write(self, request: bytes) -> bool:
        try:
            if self._serial < 0:
                self._serial = os.open(self._line.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                tty.setraw(self._serial)
            os.write(self._serial, request)
        except OSError:
            self._unplugged()
            return False
        return True

    def _unplugged(self) -> None:
        if self._serial >= 0:
            os.close(self._serial)
            self._serial = -1

    def _hear_line(self) -> None:
        try:
            data = os.read(self._serial, _MOST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._unplugged()
        elif self._rtu_master is not None:
            self._relay(data)
        elif self._jobs:
            job = self._jobs[0]
            job.reply += data
            if self._drops_late and job.reply[0] != job.request[0]:  # another meter's, come too late
                job.reply = b""
            elif _complete(job.reply):
                body, self._mixed = self._mixed or job.reply[:-2], b""
                self._finish(job, body)
        elif not self._drops_late and _complete(data):
            self._mixed = data[:-2]

    def _relay(self, data: bytes) -> None:
        """Pass raw bytes on; a fault needs the reply whole, so it waits for that."""
        self._raw += data
        caller = self._rtu_master
        if caller is None:
            return
        if self.faults and _complete(self._raw):
            reply, self._raw = self._raw, b""
            self._reply(caller, reply)
        elif not self.faults:
            self.answered += _complete(self._raw)
            self._flush()

    def _flush(self) -> None:
        if self._raw and self._rtu_master is not None:
            self._pass(self._rtu_master, self._raw)
        self._raw = b""

    def _finish(self, job: _Job, body: bytes) -> None:
        """Answer a Modbus TCP master with unit id, function and data."""
        self._jobs.popleft()
        self._ask()
        self._reply(job.caller, job.transaction + b"\0\0" + len(body).to_bytes(2) + body)

    def _reply(self, caller: _Caller, reply: bytes) -> None:
        """Send a whole reply, as the fault of the moment will have it."""
        self.answered += 1
        fault, tcp = self.faults.next(), caller.kind == "tcp"
        kind = fault.kind if fault else ""
        held, self._reordered = self._reordered, []
        due_s = self._wire.monotonic()
        if kind == "reordered":
            self._reordered.append((caller, reply))
        elif kind == "mixes":
            self._mixed = reply[6:] if tcp else reply
        elif kind != "hangs_up":
            if self._mixed and not tcp:
                reply, self._mixed = self._mixed, b""
            for delay_s, data in spoiled(fault, reply, tcp=tcp):
                if delay_s:
                    due_s = self._wire.monotonic() + delay_s
                    heapq.heappush(self._later, (due_s, next(self._number), caller, data))
                else:
                    self._pass(caller, data)
        if kind in {"closes", "hangs_up"}:
            self._drop(caller)
        for other, older in held:
            if fault is not None and kind == "split":  # behind the second piece, not between the two
                heapq.heappush(self._later, (due_s, next(self._number), other, older))
            else:
                self._pass(other, older)

    def _do_due(self) -> None:
        now_s = self._wire.monotonic()
        while self._later and self._later[0][0] <= now_s:
            _, _, caller, data = heapq.heappop(self._later)
            self._pass(caller, data)
        while self._jobs and self._jobs[0].due_s <= now_s:
            request = self._jobs[0].request
            self._finish(self._jobs[0], bytes((request[0], request[1] | 0x80, TARGET_SILENT)))

    def _pass(self, caller: _Caller, data: bytes) -> None:
        if not self._silent and caller.socket.fileno() >= 0:
            with contextlib.suppress(OSError):  # the master has hung up
                caller.socket.send(data)

    def _drop(self, caller: _Caller) -> None:
        if self._rtu_master is caller:
            self._rtu_master, self._raw = None, b""
        self._callers.pop(caller.socket.fileno(), None)
        caller.socket.close()


def _complete(reply: bytes) -> bool:
    """Return whether a reply of the line is whole: by its own length, with a right check sum."""
    if len(reply) < 5:
        return False
    size = 5 if reply[1] & 0x80 else 5 + reply[2]
    return len(reply) == size and whole(reply)
