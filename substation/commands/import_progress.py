"""How far an import has come: rows, share, time left; one line that renews itself, or lines in a log."""

import sys

from substation.clock import Clock
from substation.commands.usage import say

TERMINAL_S = 0.5
LOG_S = 15.0
"""Where nobody looks on, a line so often is enough."""


class Progress:
    """Shows the steps of a long work."""

    def __init__(self, clock: Clock) -> None:
        """Ask whether somebody looks on."""
        self._clock = clock
        self._live = sys.stdout.isatty()
        self._what = ""

    def begin(self, what: str) -> None:
        """Begin a part of the work."""
        self._what, self._began_s, self._said_s = what, self._clock.monotonic(), self._clock.monotonic()
        self._share = 0.0

    def step(self, rows: int, share: float, by: str = "") -> None:
        """Show how far it is, if it is time for that."""
        now_s = self._clock.monotonic()
        if now_s - self._said_s < (TERMINAL_S if self._live else LOG_S):
            return
        self._said_s = now_s
        left = _left(now_s - self._began_s, share)
        words = f"{self._what}{f' ({by})' if by else ''}: {rows} rows, {100 * share:.0f} %{left}"
        if self._live:
            print(f"\r\x1b[K{words}", end="", flush=True)
        else:
            say(words)

    def end(self, rows: int) -> None:
        """Say that this part is done."""
        took_s = self._clock.monotonic() - self._began_s
        if self._live:
            print("\r\x1b[K", end="", flush=True)
        say(f"{self._what}: {rows} rows in {_duration(took_s)}")


def _left(took_s: float, share: float) -> str:
    if share <= 0.01 or took_s < 1:
        return ""
    return f", about {_duration(took_s * (1 - share) / share)} left"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
