"""One-time tickets: a person was let in by one request and does what was granted with the next one.

The browser fetches a granted file by an address, which must not carry the password. So the password
waits here, under a token that is good once, for a minute, and only for the same person from the same
place. Of the token itself only a SHA-256 is kept, and all of it in memory alone: nothing here
survives a restart, and nothing here can be found in a file.
"""

import hashlib
import secrets
import threading
from dataclasses import dataclass
from typing import Generic, TypeVar

from substation.clock import Clock

LIFE_S = 60.0
"""A ticket that was not used within so many seconds is worth nothing."""
TOKEN_BYTES = 32
"""256 bits: nobody guesses one."""

Errand = TypeVar("Errand")


class Secret:
    """A password that waits for its use and is overwritten after it.

    What is overwritten is this copy. Others that the interpreter made on the way (the request's body,
    the text given to the hash) live until their memory is used again; they are in no file.
    """

    def __init__(self, text: str) -> None:
        """Keep `text`."""
        self._bytes = bytearray(text.encode("utf-8", "surrogatepass"))

    def __repr__(self) -> str:
        return "Secret(hidden)"

    @property
    def wiped(self) -> bool:
        """Whether nothing is left of it."""
        return not self._bytes

    def reveal(self) -> str:
        """Return the password, and keep none; the second time it is empty."""
        text = self._bytes.decode("utf-8", "surrogatepass")
        self.wipe()
        return text

    def wipe(self) -> None:
        """Overwrite it."""
        for place in range(len(self._bytes)):
            self._bytes[place] = 0
        self._bytes.clear()


@dataclass(frozen=True, slots=True)
class Ticket(Generic[Errand]):
    """What was granted, to whom, and until when."""

    user: str
    source: str
    secret: Secret
    errand: Errand
    until: float
    """On the monotonic clock, s."""


class Tickets(Generic[Errand]):
    """The tickets of one process; safe to use from many threads."""

    def __init__(self, clock: Clock) -> None:
        """Count their time by `clock`."""
        self._clock = clock
        self._open: dict[bytes, Ticket[Errand]] = {}
        self._turn = threading.Lock()

    def issue(self, user: str, source: str, password: str, errand: Errand) -> str:
        """Return a token for what this person was granted; 43 characters that may stand in an address."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        until = self._clock.monotonic() + LIFE_S
        with self._turn:
            self._open[_mark(token)] = Ticket(user, source, Secret(password), errand, until)
        return token

    def redeem(self, token: str, user: str, source: str) -> Ticket[Errand] | None:
        """Return the ticket and take it back, or None when this person has none under this token.

        A stranger's try with the right token neither gets nor spoils it.
        """
        now = self._clock.monotonic()
        mark = _mark(token)
        with self._turn:
            ticket = self._open.get(mark)
            if ticket is None or (ticket.user, ticket.source) != (user, source) or now >= ticket.until:
                return None
            return self._open.pop(mark)

    def sweep(self) -> list[Errand]:
        """Take back what has expired, wipe its passwords, and return what nobody came for."""
        now = self._clock.monotonic()
        with self._turn:
            gone = [mark for mark, ticket in self._open.items() if now >= ticket.until]
            return [self._void(mark) for mark in gone]

    def withdraw(self, user: str | None = None) -> list[Errand]:
        """Take back the tickets of a user, or all of them, wipe their passwords, and return the errands."""
        with self._turn:
            gone = [mark for mark, ticket in self._open.items() if user is None or ticket.user == user]
            return [self._void(mark) for mark in gone]

    def _void(self, mark: bytes) -> Errand:
        ticket = self._open.pop(mark)
        ticket.secret.wipe()
        return ticket.errand


def _mark(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
