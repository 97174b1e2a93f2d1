"""Tells the service manager how we are: `sd_notify(3)` and `sd_watchdog_enabled(3)`, standard library only.

systemd names a datagram socket in `NOTIFY_SOCKET`; without it nothing is sent and nothing fails. What is
sent: `READY=1` (up), `WATCHDOG=1` (alive), `STOPPING=1` (ending) and `STATUS=` (one line for
`systemctl status`).
"""

import contextlib
import ctypes
import os
import signal
import socket

from substation.clock import Clock

READY = "READY=1"
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"
OFTEN_S = 5.0
"""Between two rounds, and within a long one, a sign of life goes out so often."""
LONGEST_STATUS = 200
JOB_OF = "SUBSTATION_JOB_OF"
"""In the environment of a job: the process id of the poller that started it."""
_PR_SET_PDEATHSIG = 1


def status(words: str) -> str:
    """Return the line that `systemctl status` shows; line breaks would be further messages."""
    return "STATUS=" + " ".join(words.split())[:LONGEST_STATUS]


def tell(*messages: str) -> bool:
    """Send these messages to the service manager; return whether there was one to send them to.

    Never raises: a service manager that does not listen is no reason to stop measuring.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # the abstract namespace: no file
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.setblocking(False)  # a full queue must not hold up a round
            channel.sendto("\n".join(messages).encode(), address)
    except OSError:
        return False
    return True


def end_with_parent() -> None:
    """Let a job end with its poller, also with one that is killed; nothing for a command that was typed.

    Otherwise the next poller's jobs would meet it. `prctl(2)`, Linux only.
    """
    parent = os.environ.get(JOB_OF, "")
    if not parent.isdecimal():
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):  # it had ended already
        os.kill(os.getpid(), signal.SIGTERM)


def watchdog_s() -> float | None:
    """Return after how many seconds of silence we are ended and started again; None = never."""
    wanted, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not wanted.isdecimal() or int(wanted) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(wanted) / 1_000_000


class Watchdog:
    """Signs of life from one loop: whoever holds it calls it from that loop, and from nowhere else."""

    def __init__(self, clock: Clock) -> None:
        """Send by `clock`; an unusually short watchdog is fed three times within its limit."""
        self._clock = clock
        self._often_s = min(OFTEN_S, (watchdog_s() or OFTEN_S * 3) / 3)
        self._sent_s: float | None = None

    def feed(self) -> None:
        """Send a sign of life when the last one is a while ago; costs nothing else."""
        if self._sent_s is None or self._clock.monotonic() - self._sent_s >= self._often_s:
            self._send()

    def round_done(self, words: str) -> None:
        """Send a sign of life and what `systemctl status` is to show."""
        self._send(status(words))

    def _send(self, *more: str) -> None:
        self._sent_s = self._clock.monotonic()
        tell(ALIVE, *more)
