"""How long a USB adapter holds bytes back: FTDI's latency timer, 16 ms from the factory, 1 ms with us.

An adapter of FTDI collects bytes until 62 of them are there or its timer runs out. At 16 ms a transaction
takes 13 to 20 ms longer than the wire needs. The kernel shortens the timer to 1 ms for whoever asks for
low latency; where it does not, the file in sysfs can be written, by root or by a rule of udev.
"""

import contextlib
from pathlib import Path

import serial

GOOD_MS = 2
"""Up to here the timer costs less than it is worth to talk about."""
UDEV_RULE = 'ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"'


def shorten(port: serial.Serial, sysfs: Path) -> str:
    """Set the adapter's timer to 1 ms; return advice in words when it stays long, else an empty text.

    Does nothing for a port that is no USB adapter, such as the UART of a Raspberry Pi.
    """
    device = Path(str(port.name)).name
    if not device.startswith("ttyUSB"):
        return ""
    with contextlib.suppress(ValueError, OSError):  # not every driver knows it; what counts is the timer
        port.set_low_latency_mode(True)
    timer = sysfs / "bus/usb-serial/devices" / device / "latency_timer"
    if (held_ms := _read_ms(timer)) is None or held_ms <= GOOD_MS:
        return ""
    with contextlib.suppress(OSError):  # not ours to write: the advice says who can
        timer.write_text("1\n", encoding="ascii")
    held_ms = _read_ms(timer) or held_ms
    if held_ms <= GOOD_MS:
        return ""
    return (
        f"the adapter {device} holds bytes back for {held_ms} ms (FTDI latency timer), which costs as much "
        f"in each transaction; set it to 1: echo 1 | sudo tee {timer}, and for good with the udev rule "
        f"{UDEV_RULE} (systemd/60-substation.rules has it)"
    )


def _read_ms(timer: Path) -> int | None:
    """Return the timer, ms; None where there is none: the adapter is not of FTDI."""
    try:
        return int(timer.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
