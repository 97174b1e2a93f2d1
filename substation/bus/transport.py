"""The way bytes travel: a serial port here, a TCP connection in `bus/tcp.py`; what a line needs of either.

A transport neither frames nor waits for a meter. It says when it is lost (LineDown), and it is the last
gate: nothing but one whole request to read registers ever leaves, whoever calls.
"""

import os
import select
import termios
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

import serial

from substation.bus import latency, port
from substation.errors import LineDown
from substation.settings.model import Line

MOST_BYTES = 4096
"""Taken at once; no reply of a meter is longer than 256."""


class Transport(ABC):
    """A way to the meters. Not for several threads at once."""

    def __init__(self, settings: Line, may_leave: Callable[[bytes], bool]) -> None:
        """`may_leave` knows a request to read registers, as it looks on this way."""
        self._settings = settings
        self._may_leave = may_leave

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether it is ours."""

    @abstractmethod
    def open(self) -> None:
        """Open it, or raise LineDown that says why not. Does nothing when it is open."""

    @abstractmethod
    def close(self) -> None:
        """Give it back."""

    @abstractmethod
    def make_ready(self) -> None:
        """Make sure that a request can leave, or raise LineDown."""

    @abstractmethod
    def read(self, wait_s: float) -> bytes:
        """Return what is there after at most `wait_s`; b"" = nothing.

        Raises LineDown when the way is lost, NoAnswer when the other end hung up and may be called again.
        """

    def write(self, request: bytes) -> None:
        """Let a request leave; the only place that writes.

        Raises ValueError for anything but one request to read registers: this program cannot write to a
        meter. Raises LineDown when the way is lost.
        """
        if not self._may_leave(request):
            raise ValueError(f"refused to send {request.hex(' ')}: only reads may leave")
        self._send(request)

    @abstractmethod
    def _send(self, request: bytes) -> None: ...

    def advice(self) -> list[str]:
        """Return what somebody should look at, in words."""
        return []


class SerialTransport(Transport):
    """An RS-485 adapter, held by us alone."""

    def __init__(self, settings: Line, may_leave: Callable[[bytes], bool], sysfs: Path) -> None:
        """`sysfs` is where the kernel tells of its devices: /sys."""
        super().__init__(settings, may_leave)
        self._sysfs = sysfs
        self._port: serial.Serial | None = None
        self._handle = -1
        self._slow = ""

    @property
    def is_open(self) -> bool:
        """Whether we hold the port."""
        return self._port is not None

    def open(self) -> None:
        """Open the port and let its adapter hand over bytes at once, or raise LineDown."""
        if self._port is None:
            self._port = port.open_port(self._settings)
            self._handle = self._port.fileno()
            self._slow = latency.shorten(self._port, self._sysfs)

    def close(self) -> None:
        """Give the port back."""
        if self._port is not None:
            port.close_port(self._port)
            self._port, self._handle = None, -1

    def make_ready(self) -> None:
        """Raise LineDown when the port is not open: the library would reopen it, we decide when."""
        if self._port is None:
            raise LineDown(f"{self._settings.name}: port is not open")

    def read(self, wait_s: float) -> bytes:
        """Return what is there after at most `wait_s`; raise LineDown when the port is lost."""
        try:
            if not select.select([self._handle], [], [], max(0.0, wait_s))[0]:
                return b""
            data = os.read(self._handle, MOST_BYTES)
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as exc:
            raise self._lost(exc) from exc
        if not data:
            raise self._lost(OSError("nothing behind it any more"))
        return data

    def _send(self, request: bytes) -> None:
        if self._port is None:
            raise LineDown(f"{self._settings.name}: port is not open")
        try:
            self._port.write(request)
        except (OSError, termios.error) as exc:
            raise self._lost(exc) from exc

    def advice(self) -> list[str]:
        """Return that the adapter holds bytes back, where it does."""
        return [f"{self._settings.name}: {self._slow}"] if self._slow else []

    def _lost(self, error: Exception) -> LineDown:
        self.close()
        name, device = self._settings.name, self._settings.port
        return LineDown(f"{name}: port lost: {device}: {error}; plug the adapter in again")
