"""The port of the simulated line: a pseudo-terminal that behaves like an adapter one can pull out."""

import contextlib
import errno
import fcntl
import os
import termios
import tty
from pathlib import Path

_MOST = 4096


class Port:
    """A pseudo-terminal, and the link that names it. Not thread-safe: one thread uses it."""

    def __init__(self, link: Path | None) -> None:
        """Plug it in; `link` is a symbolic link to keep on it."""
        self._link = link
        self.descriptor = -1
        """Our side of it; negative while unplugged."""
        self.name = ""
        """The device a master opens; empty while unplugged."""
        self.absent = True
        """Whether no master has it open, as far as it was noticed: the kernel tells only of closing."""
        self.plug()

    def plug(self) -> None:
        """Make the pseudo-terminal and point the link at it."""
        self.descriptor, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self.descriptor, False)
        name = os.ttyname(slave)
        # The slave side is not held open, or nobody could tell when a master closes it. The
        # pseudo-terminal lives as long as its master side does.
        os.close(slave)
        self.absent = True
        if self._link is not None:
            beside = self._link.with_name(f".{self._link.name}.{os.getpid()}")
            beside.unlink(missing_ok=True)
            beside.symlink_to(name)
            beside.replace(self._link)
        self.name = name

    def unplug(self) -> None:
        """Take pseudo-terminal and link away; whoever has it open loses it."""
        if self.descriptor < 0:
            return
        if self._link is not None and self._link.is_symlink() and str(self._link.readlink()) == self.name:
            self._link.unlink()
        os.close(self.descriptor)
        self.descriptor = -1
        self.name = ""

    def read(self) -> bytes:
        """Return what a master has sent since; b"" = nothing. Notices who comes and goes."""
        try:
            data = os.read(self.descriptor, _MOST)
        except BlockingIOError:
            data = b""
        except OSError as exc:
            if exc.errno != errno.EIO:  # EIO: nobody has the other side open
                raise
            if not self.absent:
                self.absent = True
                self._tidy()
            return b""
        self.absent = False
        return data

    def write(self, data: bytes) -> None:
        """Hand bytes to the master; without one they are lost, as on a real wire."""
        if not self.absent:
            with contextlib.suppress(BlockingIOError):  # nobody reads: lost too, as in a full UART
                os.write(self.descriptor, data)

    def _tidy(self) -> None:
        """After a master has gone, forget what a real port forgets: unread bytes and its lock.

        A pseudo-terminal keeps both as long as its master side lives. A lock that we may not open
        (only root may) leaves one way: another pseudo-terminal behind the same link.
        """
        try:
            slave = os.open(self.name, os.O_RDWR | os.O_NOCTTY)
        except OSError as exc:
            if exc.errno != errno.EBUSY:
                raise
            self.unplug()
            self.plug()
            return
        fcntl.ioctl(slave, termios.TIOCNXCL)
        termios.tcflush(slave, termios.TCIFLUSH)
        os.close(slave)
