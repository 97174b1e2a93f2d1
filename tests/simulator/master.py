"""The plainest master: bytes out, bytes in, nothing checked. So a test sees what is on the wire."""

import os
import select
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pymodbus.framer import FramerRTU


def crc(data: bytes) -> bytes:
    """Return the CRC of pymodbus, which knows nothing of ours."""
    return FramerRTU.compute_CRC(data).to_bytes(2, "big")


def request(meter: int, address: int = 100, count: int = 76, function: int = 3) -> bytes:
    body = bytes((meter, function)) + address.to_bytes(2) + count.to_bytes(2)
    return body + crc(body)


class Master:
    def __init__(self, port: str) -> None:
        self.fd = os.open(port, os.O_RDWR | os.O_NOCTTY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.fd)

    def send(self, data: bytes) -> None:
        os.write(self.fd, data)

    def hear(self, first_s: float = 1.0, gap_s: float = 0.05) -> bytes:
        """Return what comes until a silence of `gap_s`; b"" when nothing comes within `first_s`."""
        return b"".join(data for _, data in self.pieces(first_s, gap_s))

    def pieces(
        self, first_s: float = 1.0, gap_s: float = 0.05, length: int | None = None
    ) -> list[tuple[float, bytes]]:
        """Return what comes with the monotonic time of each arrival; ends early with `length` bytes."""
        result: list[tuple[float, bytes]] = []
        wait = first_s
        while select.select([self.fd], [], [], wait)[0]:
            data = os.read(self.fd, 4096)
            result.append((time.monotonic(), data))
            wait = gap_s
            if length is not None and sum(len(piece) for _, piece in result) >= length:
                break
        return result

    def ask(self, frame: bytes, first_s: float = 1.0, gap_s: float = 0.05) -> bytes:
        self.send(frame)
        return self.hear(first_s, gap_s)

    def read(self, frame: bytes, length: int) -> bytes:
        """Send, and return as soon as `length` bytes have come; fewer after 5 s of nothing."""
        self.send(frame)
        reply = b""
        while len(reply) < length and select.select([self.fd], [], [], 5)[0]:
            reply += os.read(self.fd, length - len(reply))
        return reply


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until something has become so; fail after 10 s."""
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until, "it has not become so in 10 s"
        time.sleep(0.005)
