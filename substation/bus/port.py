"""A serial port of our own: opened exclusively, explained when it cannot be."""

import errno
import fcntl
import os
import termios
from pathlib import Path

import serial

from substation.errors import LineDown
from substation.settings.model import Line

PSEUDO_TERMINALS = "/dev/pts/"
WRITE_TIMEOUT_S = 1.0


def open_port(line: Line) -> serial.Serial:
    """Return the line's port, open and held by us alone, or raise LineDown that says why not.

    The name is resolved at each opening: behind a /dev/serial/by-id link a re-plugged adapter may
    have another number. flock keeps out programs that ask, TIOCEXCL also those that do not.
    """
    device = os.path.realpath(line.port)
    data, parity, stop = line.format[0], line.format[1], line.format[2]
    if device.startswith(PSEUDO_TERMINALS):
        data, parity, stop = "8", "N", "1"  # a pseudo-terminal has no parity and refuses to be told one
    try:
        port = serial.Serial(
            device,
            baudrate=line.baud,
            bytesize=int(data),
            parity=parity,
            stopbits=int(stop),
            timeout=0,
            write_timeout=WRITE_TIMEOUT_S,
            exclusive=True,
        )
    except (OSError, termios.error, ValueError) as exc:
        raise LineDown(f"{line.name}: {_why(line, device, exc)}") from exc
    try:
        fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
    except OSError as exc:
        port.close()
        raise LineDown(f"{line.name}: {device} cannot be held alone: {exc}") from exc
    return port


def close_port(port: serial.Serial) -> None:
    """Give the port back, to others too; a port that has vanished is given back without complaint."""
    try:
        fcntl.ioctl(port.fileno(), termios.TIOCNXCL)
    except (OSError, termios.error):
        pass  # the adapter is gone, and its lock with it
    finally:
        port.close()


_seen_holding: dict[str, list[int]] = {}


def holders(device: str) -> list[int]:
    """Return the processes, other than this one, that have the device open, as far as we may see them.

    Whoever held it the last time is looked at first: going through all processes costs as much as fifty
    questions to meters, and a line that is held is tried twice a second.
    """
    known = [pid for pid in _seen_holding.get(device, ()) if _holds(pid, device)]
    if not known:
        others = (int(process.name) for process in Path("/proc").glob("[0-9]*"))
        known = sorted(pid for pid in others if pid != os.getpid() and _holds(pid, device))
    _seen_holding[device] = known
    return known


def _holds(pid: int, device: str) -> bool:
    try:
        return any(str(handle.readlink()) == device for handle in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False  # ended meanwhile, or another user's


def _why(line: Line, device: str, error: Exception) -> str:
    named = line.port if device == line.port else f"{line.port} ({device})"
    code = getattr(error, "errno", None)
    if code in {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO} or not Path(device).exists():
        return f"port missing: {line.port} is not there; plug the adapter in, or correct lines.*.port"
    if code in {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK}:
        pids = holders(device)
        who = f"process {', '.join(map(str, pids))}" if pids else "another program"
        return f"port busy: {named} is held by {who}; stop that program first"
    if code in {errno.EACCES, errno.EPERM}:
        return f"port closed to us: no permission for {named}; add this user to the group dialout"
    return f"port unusable: {named}: {error}; check lines.*.port, baud and format"
