"""Remembers which logins were right a moment ago, since checking a password costs 40 ms each time."""

import hmac
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from substation.clock import Clock

KEPT_S = 300.0
MAX_LOGINS = 500


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    generation: str
    until: float


class VerifiedLogins:
    """Right logins of the last minutes, by the HMAC of what the browser sent under a key of this process.

    Neither password nor header is kept. A changed configuration (another generation) forgets all of
    them, so that an old password ends at once.
    """

    def __init__(self, clock: Clock) -> None:
        """Count time by `clock`."""
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._turn = threading.Lock()

    def name_of(self, header: bytes, generation: str) -> str | None:
        """Return the user for whom this header was right under this configuration, or None."""
        mark = self._mark(header)
        with self._turn:
            entry = self._entries.get(mark)
            if entry is None:
                return None
            if entry.generation != generation or self._clock.monotonic() >= entry.until:
                del self._entries[mark]
                return None
            return entry.name

    def remember(self, header: bytes, generation: str, name: str) -> None:
        """Keep a login that was just found right."""
        with self._turn:
            self._entries[self._mark(header)] = _Entry(name, generation, self._clock.monotonic() + KEPT_S)
            while len(self._entries) > MAX_LOGINS:
                self._entries.popitem(last=False)

    def forget(self) -> None:
        """Forget all of them."""
        with self._turn:
            self._entries.clear()

    def forget_user(self, name: str) -> None:
        """Forget those of one user."""
        with self._turn:
            for mark in [mark for mark, entry in self._entries.items() if entry.name == name]:
                del self._entries[mark]

    def _mark(self, header: bytes) -> bytes:
        return hmac.digest(self._key, header, "sha256")
