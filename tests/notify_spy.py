"""Listens where the service manager would, and writes down what it is told."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path


class Spy:
    """The other end of `NOTIFY_SOCKET`."""

    def __init__(self, channel: socket.socket, address: str) -> None:
        self.address = address
        self._channel = channel

    def heard(self) -> list[str]:
        """Return the messages that have come since the last look."""
        found: list[str] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found += self._channel.recv(4096).decode().split("\n")
        return found

    def wait_for(self, message: str, seconds: float = 30) -> list[str]:
        """Return what was said up to this message and with it; fail when it never comes."""
        end, said = time.monotonic() + seconds, []
        while message not in said:
            assert time.monotonic() < end, f"{message} never came, only {said}"
            said += self.heard()
            time.sleep(0.01)
        return said


@contextlib.contextmanager
def spying(address: str) -> Iterator[Spy]:
    """Listen at an address as systemd writes it: a path, or `@name` for the abstract namespace."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind("\0" + address[1:] if address.startswith("@") else str(Path(address)))
        channel.setblocking(False)
        yield Spy(channel, address)
