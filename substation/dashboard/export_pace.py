"""How quickly a browser takes a file: one that hardly takes anything would keep the one seat from all others.

Only the time counts in which the browser is waited for, never that in which the file is made: a slow card
is no fault of whoever reads.
"""

import threading
from collections import deque

from substation.clock import Clock

LEAST_BYTES_PER_S = 2000
"""Mean that a browser must reach: a phone at the edge of its network does, 20 MB would take it 3 h."""
WINDOW_S = 300.0
"""The mean is taken over so long a wait: a phone may lose its network for minutes."""
AT_FIRST_S = 60.0
"""Nothing is judged before it was waited for so long."""
_MARK_S = 1.0


class Pace:
    """Counts what one browser takes; told by its request's thread, asked from others."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing handed."""
        self._clock = clock
        self._turn = threading.Lock()
        self._waited, self._taken = 0.0, 0
        """Seconds waited for the browser; bytes that it took in them."""
        self._handed, self._since = 0, 0.0
        """Bytes that it is given now, and since when; 0: it is not waited for."""
        self._marks: deque[tuple[float, int]] = deque([(0.0, 0)])
        """`waited` and `taken`, one a second of wait."""

    def handed(self, count: int) -> None:
        """Note that so many bytes are on their way to it."""
        with self._turn:
            self._handed, self._since = count, self._clock.monotonic()

    def taken(self) -> None:
        """Note that it took what it was handed."""
        with self._turn:
            if not self._handed:
                return
            self._waited += self._clock.monotonic() - self._since
            self._taken += self._handed
            self._handed = 0
            if self._waited - self._marks[-1][0] >= _MARK_S:
                self._marks.append((self._waited, self._taken))
            while len(self._marks) > 1 and self._marks[1][0] <= self._waited - WINDOW_S:
                self._marks.popleft()

    @property
    def too_slow(self) -> bool:
        """Whether it took less than `LEAST_BYTES_PER_S` lately.

        What it is being given counts as taken: how much of that has left is not known.
        """
        with self._turn:
            waited = self._waited
            if self._handed:
                waited += self._clock.monotonic() - self._since
            past = [mark for mark in self._marks if mark[0] <= waited - WINDOW_S]
            begin, taken_before = past[-1] if past else self._marks[0]
            span = waited - begin
            taken = self._taken + self._handed - taken_before
        return span >= AT_FIRST_S and taken < LEAST_BYTES_PER_S * span
