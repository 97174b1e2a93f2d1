"""A TCP connection to a gateway: made within a second or not at all, made anew when the gateway hangs up.

Gateways hang up: after each answer, after a while without a request, when another master calls. That is
no loss of the line as long as the next call is taken. The line is down when no connection comes about, or
when the kernel hears nothing from the other end any more.
"""

import errno
import select
import socket
import threading
from collections.abc import Callable

from substation.bus.transport import MOST_BYTES, Transport
from substation.clock import Clock
from substation.errors import LineDown, NoAnswer
from substation.settings.model import Line

CONNECT_S = 1.0
"""A gateway in the same building answers within milliseconds; the other lines' thread is not ours to hold."""
UNHEARD_MS = 3000
"""When the other end has not confirmed what we sent for so long, nobody is there any more."""
KEEP_ALIVE_S = 10
KEEP_ALIVE_TRIES = 3
_NOT_ALLOWED = {errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT}
"""What the sandbox of the service says where its drop-in is missing."""
_HUNG_UP = (ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


class TcpTransport(Transport):
    """One connection at a time to one gateway."""

    def __init__(self, settings: Line, may_leave: Callable[[bytes], bool], clock: Clock) -> None:
        super().__init__(settings, may_leave)
        self._clock = clock
        self._socket: socket.socket | None = None
        self._wanted = False
        self._resolver = Resolver(*settings.address)
        self.connections = 0
        """Made since the start."""

    @property
    def is_open(self) -> bool:
        """Whether the line is up: the gateway takes our calls, though it may have hung up just now."""
        return self._wanted

    def open(self) -> None:
        """Connect, or raise LineDown."""
        self._wanted = True
        self.make_ready()

    def close(self) -> None:
        """Hang up."""
        self._wanted = False
        self.hang_up()

    def hang_up(self) -> None:
        """End this connection; the next request makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def make_ready(self) -> None:
        """Connect unless we are connected and the gateway is still there, as far as it told us."""
        if not self._wanted:
            raise LineDown(f"{self._settings.name}: not open")
        if self._socket is not None and self._at_end(self._socket):
            self.hang_up()
        if self._socket is None:
            self._socket = self._connected()
            self.connections += 1

    def read(self, wait_s: float) -> bytes:
        """Return what is there after at most `wait_s`.

        Raises LineDown when the gateway cannot be heard any more, NoAnswer when it hung up.
        """
        if self._socket is None:
            raise self._hung_up()
        try:
            if not select.select([self._socket], [], [], max(0.0, wait_s))[0]:
                return b""
            data = self._socket.recv(MOST_BYTES)
        except BlockingIOError:
            return b""
        except _HUNG_UP as exc:
            raise self._hung_up() from exc
        except OSError as exc:
            raise self._lost(exc) from exc
        if not data:
            raise self._hung_up()
        return data

    def _send(self, request: bytes) -> None:
        for again in (True, False):
            if self._socket is None:
                raise LineDown(f"{self._settings.name}: not open")
            try:
                sent = self._socket.send(request)
            except _HUNG_UP as exc:  # it hung up before us: nothing of the request has left
                if not again:
                    raise self._lost(exc) from exc
                self.hang_up()
                self.make_ready()
            except OSError as exc:
                raise self._lost(exc) from exc
            else:
                if sent != len(request):  # a full buffer holds thousands of requests that nobody took
                    raise self._lost(OSError("it takes nothing any more"))
                return

    def _at_end(self, connection: socket.socket) -> bool:
        try:
            return connection.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _connected(self) -> socket.socket:
        give_up_s = self._clock.monotonic() + CONNECT_S
        error: OSError = OSError("no address")
        try:
            for family, address in self._resolver.addresses(CONNECT_S):
                try:
                    return _call(family, address, give_up_s - self._clock.monotonic())
                except OSError as exc:
                    error = exc
        except OSError as exc:
            error = exc
        self._resolver.doubt()
        raise self._lost(error) from error

    def _lost(self, error: OSError) -> LineDown:
        self.close()
        said = "no answer to the call" if isinstance(error, TimeoutError) else error.strerror or str(error)
        look_at = "look at its supply, the network cable and lines.*.port"
        if error.errno in _NOT_ALLOWED:
            look_at = "as a service this program reaches no address it was not given: sudo systemd/install.sh"
        return LineDown(
            f"{self._settings.name}: gateway {self._settings.port} not reached: {said}; {look_at}"
        )

    def _hung_up(self) -> NoAnswer:
        self.hang_up()
        return NoAnswer(
            f"{self._settings.name}: gateway {self._settings.port} hung up instead of answering; another "
            "master may hold it, or it serves fewer connections than there are",
            "hung_up",
        )


class Resolver:
    """The addresses of a host: written ones at once, a name as this machine knows it, never for long.

    A name is looked up beside us, for the system's own look-up cannot be told to hurry. Its answer serves
    until nobody takes a call there; then the name is looked up again, and the old answer serves meanwhile.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._known: list[tuple[int, tuple[str, int]]] = []
        self._error: OSError | None = None
        self._looking: threading.Thread | None = None
        self._doubted = False

    def doubt(self) -> None:
        """Take that nobody answers at the addresses: look the name up again before the next call."""
        self._doubted = True

    def addresses(self, wait_s: float) -> list[tuple[int, tuple[str, int]]]:
        """Return families and addresses, or raise OSError that says in words why there are none."""
        try:
            return self._look(socket.AI_NUMERICHOST)
        except socket.gaierror:
            pass  # not written in numbers: a name
        if self._known and not self._doubted:
            return self._known
        self._doubted = False
        if self._looking is None or not self._looking.is_alive():
            self._looking = threading.Thread(target=self._look_up, name=f"look up {self._host}", daemon=True)
            self._looking.start()
        self._looking.join(wait_s / 2)
        if self._known:
            return self._known
        if self._looking.is_alive():
            raise OSError(f"the name '{self._host}' is still being looked up; write its address instead")
        raise OSError(
            f"the name '{self._host}' is not known to this machine ({self._error}); write its address "
            "instead, or add it to /etc/hosts"
        )

    def _look_up(self) -> None:
        try:
            self._known, self._error = self._look(0), None
        except (OSError, UnicodeError) as exc:
            self._error = exc if isinstance(exc, OSError) else OSError(str(exc))

    def _look(self, flags: int) -> list[tuple[int, tuple[str, int]]]:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=flags)
        return [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]


def _call(family: int, address: tuple[str, int], within_s: float) -> socket.socket:
    """Return a connection, or raise OSError."""
    if within_s <= 0:
        raise TimeoutError
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.settimeout(within_s)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_S)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEP_ALIVE_TRIES)
        made.connect(address)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
