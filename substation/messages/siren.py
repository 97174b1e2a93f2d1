"""A siren or a lamp, behind a relay that the RTS pin of a serial adapter drives.

The simplest output that needs no driver of its own: any USB adapter has the pin, and the kernel drops it when
the program ends, however it ends. So a siren never sounds by itself, and it is silent when the messenger is
dead: the state line says that, and a siren cannot. It sounds while an alarm stands that nobody has
acknowledged, for a limited time each.
"""

import errno
import zoneinfo
from collections.abc import Callable, Sequence
from typing import Protocol

import serial

from substation.messages.occurrence import Occurrence
from substation.messages.routing import on_duty
from substation.settings.messages import Siren as Settings


class Pin(Protocol):
    """A serial port, as far as its pin goes."""

    rts: bool

    def close(self) -> None:
        """Let it go; the pin drops."""
        ...


def opened(port: str) -> Pin:
    """Open an adapter with its pin low. Raises OSError."""
    device = serial.Serial()
    device.port, device.rts, device.dtr, device.exclusive = port, False, False, True
    device.open()
    return device


def sounds(
    settings: Settings,
    alarms: Sequence[Occurrence],
    waited_s: Callable[[Occurrence], float],
    now_ms: int,
    zone: zoneinfo.ZoneInfo,
) -> bool:
    """Whether it has to sound now: for an alarm that stands unacknowledged, and for how long it has."""
    return on_duty(settings.hours, now_ms, zone) and any(
        alarm.state == "unacknowledged"
        and alarm.priority in settings.priorities
        and waited_s(alarm) < settings.longest_min * 60
        for alarm in alarms
    )


class Siren:
    """The pin of one adapter."""

    def __init__(self, open_port: Callable[[str], Pin] = opened) -> None:
        """Open nothing yet."""
        self._open, self._pin, self._port = open_port, None, ""
        self.is_on = False
        self.problem = ""
        """Why it cannot be driven."""

    _pin: Pin | None

    def drive(self, port: str | None, on: bool) -> None:
        """Let it sound, or not. What fails is told by `problem`, and tried again with the next call."""
        if port != self._port:
            self.close()
            self._port = port or ""
        if port is None:
            self.problem = ""
            return
        try:
            if self._pin is None:
                self._pin = self._open(port)
                self.is_on = False
            if self.is_on != on:
                self._pin.rts = on
                self.is_on = on
        except OSError as exc:  # also what pyserial raises
            self.close()
            self.problem = (
                f"the siren's adapter {port} cannot be driven ({exc.strerror or 'held by another'})"
            )
            if exc.errno == errno.ENOENT:
                self.problem = f"the siren's adapter {port} is not there"
        else:
            self.problem = ""

    def close(self) -> None:
        """Let the adapter go; the siren is silent."""
        if self._pin is not None:
            try:
                self._pin.rts = False
                self._pin.close()
            except OSError:
                pass
        self._pin, self.is_on = None, False
