"""gunicorn's threaded worker, with threads only for requests that are there.

gunicorn gives a connection to a thread at its first byte and lets the thread wait for the rest: a
hundred clients that send a byte a minute hold them all. Here the one loop that already watches all
connections also waits for the end of each head, for a limited time, and a thread gets it complete.

The loop looks at what has arrived without taking it (MSG_PEEK), and asks the kernel to be woken
only by more than that (SO_RCVLOWAT, which Linux honours in poll since 4.18).

And when the stop comes, long answers (`stopping`) are ended at once, in order: gunicorn would wait for
them and then kill the worker in the middle of a line.
"""

import contextlib
import functools
import selectors
import socket
import time
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from substation.dashboard import stopping

HEAD_S = 10.0
"""The whole head of a request must arrive within so many seconds."""
LONGEST_HEAD = 32_768
"""Bytes; our pages send heads of 1 kB."""
_END = b"\r\n\r\n"


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """One process, many threads, and no thread for the slow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take gunicorn's arguments."""
        super().__init__(*args, **kwargs)
        self._waiting: dict[Any, tuple[float, int]] = {}
        """Connections whose head is not complete: until when it must be, bytes that are here."""

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM: take no more requests, end the long answers, let the short ones finish."""
        if self.alive:
            self.method_queue.defer(stopping.end_long_answers)  # in the loop, not in the middle of anything
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGQUIT, Ctrl+C: end the long answers, then all."""
        stopping.end_long_answers()
        super().handle_quit(sig, frame)

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection to a thread when its next head is here, else wait for it."""
        here = _bytes_of_head(conn)
        if here is None:
            conn.data_ready = True
            super().enqueue_req(conn)
        else:
            self._wait(conn, time.monotonic() + HEAD_S, here)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close what has waited too long; gunicorn calls this every second."""
        super().murder_keepalived(force)
        now = time.monotonic()
        for conn, (until, _) in list(self._waiting.items()):
            if force or not self.alive or until < now:
                self._stop_waiting(conn)
                self._close(conn)

    def _wait(self, conn: Any, until: float, here: int) -> None:
        try:
            conn.sock.setblocking(False)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, here + 1)
            self.poller.register(conn.sock, selectors.EVENT_READ, functools.partial(self._more, conn))
        except (OSError, ValueError):
            self._close(conn)
        else:
            self._waiting[conn] = (until, here)

    def _more(self, conn: Any, _sock: Any) -> None:
        """More of a head has arrived, or its sender has gone."""
        until, before = self._stop_waiting(conn)
        here = _bytes_of_head(conn)
        if here is None:
            conn.data_ready = True
            super().enqueue_req(conn)
        elif here <= before:  # woken and nothing more: it will never be complete
            self._close(conn)
        elif here >= LONGEST_HEAD:
            with contextlib.suppress(OSError):
                util.write_error(conn.sock, 431, "Request Header Fields Too Large", "")
                conn.sock.shutdown(socket.SHUT_WR)
                for _ in range(32):  # unread bytes would turn the answer into a reset
                    if not conn.sock.recv(65_536, socket.MSG_DONTWAIT):
                        break
            self._close(conn)
        else:
            self._wait(conn, until, here)

    def _stop_waiting(self, conn: Any) -> tuple[float, int]:
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        with contextlib.suppress(OSError):
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return self._waiting.pop(conn)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


def _bytes_of_head(conn: Any) -> int | None:
    """Return how much of the next head has arrived; None when it is complete or its sender has gone."""
    if conn.parser is not None and conn.parser.unreader.buf.getvalue():
        return None  # read ahead with the request before
    try:
        data = conn.sock.recv(LONGEST_HEAD, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return 0
    except OSError:
        return None
    return None if not data or _END in data else len(data)
