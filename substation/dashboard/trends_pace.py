"""Whose turn it is to have a picture of `/trends` drawn: nobody who asks without end keeps others waiting.

A picture takes the history some 10 to 300 ms. Each viewer (a user at a source) earns a part of the time in
which he is not being drawn for; who has used up what he saved is told when to come again (429). Beside that
only a few are drawn at once, and nobody waits long (503). Moving about in a picture never comes near either.
"""

import contextlib
import math
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from substation.clock import Clock

EARNED = 0.25
"""Seconds of drawing that a viewer earns in each second."""
SAVED_S = 5.0
"""As many he can save."""
LEAST_S = 0.05
"""A picture costs at least so much of it, also one that was drawn before."""
AT_ONCE = 2
"""One interpreter draws more of them no faster."""
EACH = 3
"""Of one viewer at once, drawn and waiting: who moves on does not wait for the picture before."""
WAITING = 12
WAIT_S = 5.0
VIEWERS = 256


class Later(Exception):
    """Not now: raised by `Turns.turn`."""

    def __init__(self, after_s: int, *, own: bool) -> None:
        """Say after how many seconds, and whether it is by what the viewer himself asked."""
        super().__init__(after_s)
        self.after_s, self.own = after_s, own


@dataclass(slots=True)
class _Viewer:
    saved_s: float
    at_s: float
    here: int = 0
    """How many of his pictures are drawn or waited for."""


class Turns:
    """Gives turns; safe to use from many threads."""

    def __init__(self, clock: Clock, wait_s: float = WAIT_S) -> None:
        """Count time by the clock; nobody waits longer than `wait_s`."""
        self._clock, self._wait_s = clock, wait_s
        self._changed = threading.Condition()
        self._viewers: OrderedDict[tuple[str, str], _Viewer] = OrderedDict()
        self._drawn = self._waiting = 0

    @contextlib.contextmanager
    def turn(self, viewer: tuple[str, str]) -> Iterator[None]:
        """Hold a turn meanwhile. Raises Later."""
        with self._changed:
            mine = self._viewer(viewer)
            if mine.saved_s < LEAST_S / 2:
                raise Later(math.ceil((LEAST_S - mine.saved_s) / EARNED), own=True)
            if mine.here >= EACH:
                raise Later(1, own=True)
            mine.here += 1
            try:
                self._wait()
            except Later:
                mine.here -= 1
                raise
        begun_s = self._clock.monotonic()
        try:
            yield
        finally:
            with self._changed:
                self._drawn -= 1
                mine.here -= 1
                self._viewer(viewer).saved_s -= max(LEAST_S, self._clock.monotonic() - begun_s)
                self._changed.notify()

    def _wait(self) -> None:
        if self._drawn >= AT_ONCE:
            self._waiting += 1
            try:
                if self._waiting > WAITING or not self._changed.wait_for(
                    lambda: self._drawn < AT_ONCE, self._wait_s
                ):
                    raise Later(math.ceil(WAIT_S), own=False)
            finally:
                self._waiting -= 1
        self._drawn += 1

    def _viewer(self, name: tuple[str, str]) -> _Viewer:
        now_s = self._clock.monotonic()
        found = self._viewers.setdefault(name, _Viewer(SAVED_S, now_s))
        found.saved_s = min(SAVED_S, found.saved_s + EARNED * (now_s - found.at_s))
        found.at_s = now_s
        self._viewers.move_to_end(name)
        for other in list(self._viewers)[: len(self._viewers) - VIEWERS]:
            if not self._viewers[other].here:
                del self._viewers[other]
        return found
