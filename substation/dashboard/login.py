"""Who is asking: from an Authorization header to a user, with little work for the right and none for floods.

The order matters and is the whole point:

1. A header that is no Basic header is refused, and is not counted as an attempt.
2. A header verified minutes ago is known again by its HMAC under a key of this process (3 us), so
   that a refresh each second costs no password hash (34 ms).
3. Too many failures of this user from this address, or of this address: refused before any hashing.
   A browser that this user has logged in from before is counted by itself, so that strangers at the
   same address (behind a tunnel all have one) do not lock him out.
4. At most two hashes run at once, one of them kept for those in no doubt (`places`), and the same
   header is hashed once however many requests carry it (a browser opens six connections at a time);
   whoever finds no room is told to come again.
5. Only then is the password verified. An unknown name costs the same work as a wrong password.
"""

import base64
import binascii
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from substation.access.cache import VerifiedLogins
from substation.clock import Clock
from substation.dashboard.places import Places
from substation.errors import Crowded
from substation.settings.model import User

LONGEST_HEADER = 2048
WAIT_FOR_ROOM_S = 0.5
WAIT_FOR_TWIN_S = 5.0
VISIT_S = 30 * 60
"""Whoever was away for longer logs in anew, as far as the audit log is concerned."""
REMEMBERED = 256


class Throttle(Protocol):
    """What `access.throttle.Throttle` does."""

    def turn(self, user: str, source: str) -> AbstractContextManager[None]:
        """Hold the turn of this user and source while asking, checking and counting."""
        ...

    def retry_after_s(self, user: str, source: str) -> float | None:
        """Return how long this user from this source must wait, or None."""
        ...

    def failed(self, user: str, source: str) -> None:
        """Count a wrong password."""
        ...

    def succeeded(self, user: str, source: str) -> None:
        """Forget the failures."""
        ...


class AuditLine(Protocol):
    """What `audit.Audit.write` does."""

    def __call__(
        self, event: str, *, user: str = "", src: str = "", ok: bool = True, **details: object
    ) -> bool:
        """Write one line."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one header."""

    verdict: Literal["known", "unknown", "wait", "busy"]
    """unknown = 401, wait = too many failures (429), busy = no room to verify (503)."""
    user: User | None = None
    retry_after_s: float = 0.0


_BUSY = Outcome("busy", retry_after_s=1)


@dataclass(frozen=True, slots=True)
class _Visitor:
    """Who asks to be verified."""

    name: str
    source: str
    browser: str

    @property
    def counted_as(self) -> str:
        """The source under which failures are counted; no address looks like a browser's."""
        return f"browser {self.browser}" if self.browser else self.source


class _Flight:
    """A header that is being verified; others with the same header wait for its outcome."""

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.outcome = _BUSY


def credentials(header: str | None) -> tuple[str, str] | None:
    """Return name and password of a Basic header (RFC 7617, UTF-8), or None when it is none."""
    if not header or len(header) > LONGEST_HEADER:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(token.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    if not colon or not name or not (name + password).isprintable():
        return None
    # Users are found by their NFKC name; counting by it too gives no fresh tries to look-alikes.
    return unicodedata.normalize("NFKC", name), password


class Login:
    """Decides on headers; safe to use from many threads."""

    def __init__(
        self,
        check: Callable[[str, str], User | None],
        find: Callable[[str], User | None],
        throttle: Throttle,
        audit: AuditLine,
        clock: Clock,
    ) -> None:
        """Verify with `check` (name, password -> user, costs a hash); `find` gives a user by name."""
        self._check = check
        self._find = find
        self._throttle = throttle
        self._audit = audit
        self._clock = clock
        self._right = VerifiedLogins(clock)
        self._lock = threading.Lock()
        self._places = Places(clock)
        self._flights: dict[bytes, _Flight] = {}
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def who(self, header: str | None, source: str, generation: str, browser: str = "") -> Outcome:
        """Return who this header speaks for.

        Args:
            header: the Authorization header as it came, None when there is none.
            source: the address it came from.
            generation: of the configuration; what was verified under another is forgotten.
            browser: mark of a session that the user named here had in this browser; empty without one.
        """
        said = credentials(header)
        if said is None:
            return Outcome("unknown")
        name, password = said
        mark = f"{source}\n{header}".encode("utf-8", "replace")
        known = self._right.name_of(mark, generation)
        user = self._find(known) if known is not None else None
        if user is not None:
            self._note(user, source)
            return Outcome("known", user)
        visitor = _Visitor(name, source, browser)
        wait = self._throttle.retry_after_s(name, visitor.counted_as)
        if wait is not None:
            return self._refused_for_now(name, source, wait)
        wait = None if browser else self._places.retry_after_s(source)
        if wait is not None:  # whatever name it says: one line for all of them
            return self._refused_for_now("", source, wait)
        with self._places.seat(source, bool(browser)) as seated:
            outcome = self._verify_once(visitor, password, mark) if seated else _BUSY
        if outcome.user is not None:
            self._right.remember(mark, generation, outcome.user.name)
            self._note(outcome.user, source)
        return outcome

    def forget(self, name: str, source: str) -> None:
        """Let the next login of this user be verified, and be a line of its own in the audit log."""
        self._right.forget_user(name)
        with self._lock:
            self._seen.pop((name, source), None)

    def _verify_once(self, visitor: _Visitor, password: str, mark: bytes) -> Outcome:
        with self._lock:
            flight = self._flights.get(mark)
            first = flight is None
            if flight is None:
                flight = self._flights[mark] = _Flight()
        if not first:
            flight.landed.wait(WAIT_FOR_TWIN_S)
            return flight.outcome
        try:
            flight.outcome = self._verify(visitor, password)
        finally:
            with self._lock:
                del self._flights[mark]
            flight.landed.set()
        return flight.outcome

    def _verify(self, visitor: _Visitor, password: str) -> Outcome:
        name, source, counted_as = visitor.name, visitor.source, visitor.counted_as
        known = bool(visitor.browser)
        with self._places.place(source, known, WAIT_FOR_ROOM_S) as got:
            if not got:
                return _BUSY
            with self._throttle.turn(name, counted_as):
                # Others may have failed while this one waited for its turn: ask again before the work.
                wait = self._throttle.retry_after_s(name, counted_as)
                if wait is not None:
                    return self._refused_for_now(name, source, wait)
                try:
                    user = self._check(name, password)
                except Crowded:
                    return _BUSY
                if user is not None:
                    self._throttle.succeeded(name, counted_as)
                else:
                    self._throttle.failed(name, counted_as)
                    if not known:
                        self._places.failed(source)
        if user is None:
            self._audit("login.failed", user=name, src=source, ok=False)
            return Outcome("unknown")
        return Outcome("known", user)

    def _note(self, user: User, source: str) -> None:
        """Write one audit line a visit, not one each time the password is verified anew."""
        now = self._clock.monotonic()
        who = (user.name, source)
        with self._lock:
            new = now - self._seen.get(who, -VISIT_S) >= VISIT_S
            self._seen[who] = now
            self._seen.move_to_end(who)
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        if new:
            self._audit("login", user=user.name, src=source, role=user.role)

    def _refused_for_now(self, name: str, source: str, wait_s: float) -> Outcome:
        self._audit("login.throttled", user=name, src=source, ok=False, retry_after_s=round(wait_s))
        return Outcome("wait", retry_after_s=wait_s)
