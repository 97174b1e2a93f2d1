"""gunicorn's threaded worker, with an end to patience.

A thread that waits for the rest of a request is one fewer for everybody else; a hundred clients
that send a byte a minute would hold them all. gunicorn waits for ever, so a request whose head has
not arrived in time loses its connection here.
"""

import contextlib
import socket
import threading
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

HEAD_S = 10.0
"""The whole head of a request must arrive within so many seconds."""


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """One process, many threads, no thread for ever."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take gunicorn's arguments."""
        super().__init__(*args, **kwargs)
        self._heads: dict[int, tuple[float, Any]] = {}
        self._heads_lock = threading.Lock()

    def handle(self, conn: Any) -> Any:
        """Serve one request of a connection; noted until its head is here."""
        with self._heads_lock:
            self._heads[id(conn)] = (time.monotonic() + HEAD_S, conn)
        try:
            return super().handle(conn)
        finally:
            self._arrived(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Serve a request whose head has arrived."""
        self._arrived(conn)
        return super().handle_request(req, conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close what has waited too long; gunicorn calls this every second."""
        super().murder_keepalived(force)
        now = time.monotonic()
        with self._heads_lock:
            late = [conn for deadline, conn in self._heads.values() if force or deadline < now]
        for conn in late:
            with contextlib.suppress(OSError):
                conn.sock.shutdown(socket.SHUT_RDWR)  # the waiting thread reads the end and closes

    def _arrived(self, conn: Any) -> None:
        with self._heads_lock:
            self._heads.pop(id(conn), None)
