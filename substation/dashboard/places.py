"""Who may have a password verified now, so that a flood of guesses keeps nobody else out.

Verifying costs a core 40 ms, so two are verified at once. One of these places is kept for those who have
given no reason for doubt: a browser that has logged in before, and a source without a wrong password in
the last minute. All the doubtful share the other one, and whoever is not in doubt goes first.
"""

import contextlib
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass

from substation.clock import Clock
from substation.dashboard import hosts, tunnel

RELAYED = "relayed"
"""Source of all who come through a proxy on this machine, or a tunnel that is not known as one."""
PLACES = 2
SEATS = 16
"""Requests that may wait for a place or for a twin; each holds a thread that others need. Known browsers
have as many of their own."""
SEATS_OF_A_SOURCE = 8
"""A browser opens six connections at a time."""
SEATS_IN_DOUBT = 4
DOUBT_S = 60.0
"""So long a wrong password speaks against its source."""
MANY = 20
"""After so many wrong passwords within `DOUBT_S`, over all names, a source has to wait."""
_SOURCES = 1000


@dataclass(eq=False, frozen=True, slots=True)
class _Visitor:
    source: str
    known: bool


class Places:
    """The places and the seats before them; safe to use from many threads."""

    def __init__(self, clock: Clock) -> None:
        """Let doubts end by the monotonic time of `clock`."""
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: list[_Visitor] = []
        self._taken = 0
        self._taken_in_doubt = 0
        self._seated: Counter[str] = Counter()
        self._seated_known = 0
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, source: str) -> None:
        """Count a wrong password of somebody who is not known."""
        with self._changed:
            self._failures.setdefault(source, deque(maxlen=MANY)).append(self._clock.monotonic())
            self._failures.move_to_end(source)
            while len(self._failures) > _SOURCES:
                self._failures.popitem(last=False)

    def retry_after_s(self, source: str) -> float | None:
        """Return how long this source has to wait after many wrong passwords, in s, or None.

        A source that many people share never waits as a whole: it would be locked by one of them.
        """
        if source in {RELAYED, tunnel.SOURCE} or hosts.is_loopback(source):
            return None
        with self._changed:
            failures = self._recent(source)
            if len(failures) < MANY:
                return None
            return failures[0] + DOUBT_S - self._clock.monotonic()

    @contextlib.contextmanager
    def seat(self, source: str, known: bool) -> Iterator[bool]:
        """Hold a seat; yields False when there is none.

        Args:
            source: where the request came from.
            known: whether its browser has logged in before, as the user it names now.
        """
        with self._changed:
            if known:
                free = self._seated_known < SEATS
                self._seated_known += free
            else:
                most = SEATS_IN_DOUBT if self._recent(source) else SEATS_OF_A_SOURCE
                free = self._seated[source] < most and self._seated.total() < SEATS
                self._seated[source] += free
        try:
            yield free
        finally:
            with self._changed:
                if known:
                    self._seated_known -= free
                else:
                    self._seated[source] -= free
                    if not self._seated[source]:
                        del self._seated[source]

    @contextlib.contextmanager
    def place(self, source: str, known: bool, wait_s: float) -> Iterator[bool]:
        """Hold a place for verifying; yields False when none came free within `wait_s`."""
        visitor = _Visitor(source, known)
        with self._changed:
            self._waiting.append(visitor)
            got = self._changed.wait_for(lambda: self._may_enter(visitor), wait_s)
            self._waiting.remove(visitor)
            in_doubt = got and self._in_doubt(visitor)
            self._taken += got
            self._taken_in_doubt += in_doubt
            self._changed.notify_all()  # those in doubt may have waited for this one to go first
        try:
            yield got
        finally:
            with self._changed:
                self._taken -= got
                self._taken_in_doubt -= in_doubt
                self._changed.notify_all()

    # -- with the lock held -------------------------------------------------------------------------

    def _may_enter(self, visitor: _Visitor) -> bool:
        """Judged anew at each change: whoever waits can come into doubt meanwhile."""
        if self._taken >= PLACES:
            return False
        if not self._in_doubt(visitor):
            return True
        return not self._taken_in_doubt and all(self._in_doubt(other) for other in self._waiting)

    def _in_doubt(self, visitor: _Visitor) -> bool:
        return not visitor.known and bool(self._recent(visitor.source))

    def _recent(self, source: str) -> deque[float]:
        failures = self._failures.get(source)
        if failures is None:
            return deque()
        since = self._clock.monotonic() - DOUBT_S
        while failures and failures[0] <= since:
            failures.popleft()
        return failures
