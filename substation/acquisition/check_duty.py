"""Has the whole history checked every night, and once after each start.

What was proved gets its digests; a damaged history is set aside, which is where its salvage begins.
"""

import datetime as dt
from collections.abc import Sequence

from substation.clock import Clock, site_time
from substation.errors import StoreError
from substation.settings.model import Home, Settings
from substation.store import check_report
from substation.store.check_found import DAMAGED
from substation.store.keeper import Keeper

SETTLE_S = 600.0
"""So long after a start the first check waits: other work comes first."""
NIGHTLY = dt.time(2, 30)
"""By the site's clock."""
LATEST_S = 25 * 3600.0
"""Where nobody vouches for the clock, it is time so long after the last one."""
RETRY_S = 3600.0
EXIT_DAMAGED = 1


class CheckDuty:
    """Due some minutes after the start, then at 02:30."""

    name = "check"

    def __init__(self, home: Home, clock: Clock, keeper: Keeper) -> None:
        """Begin with the check after the start."""
        self._home, self._clock, self._keeper = home, clock, keeper
        self._not_before_s = clock.monotonic() + SETTLE_S
        self._done_s: float | None = None
        self._night: dt.date | None = None
        self._watch = ""
        self._words = ""

    def due(self, settings: Settings) -> Sequence[str] | None:
        """Return the command's arguments when it is time and there is a history; None when not."""
        now_s = self._clock.monotonic()
        if now_s < self._not_before_s or not self._is_time(settings, now_s):
            return None
        watch = self._keeper.watch()
        if watch is None:
            return None
        self._watch, self._night = watch, self._last_night(settings)
        self._not_before_s = now_s + RETRY_S
        return ("--watch", watch)

    def done(self, code: int, words: str) -> None:
        """Store the digests, or set a damaged history aside."""
        if code not in (0, EXIT_DAMAGED):
            self._words = f"the history could not be checked: {words or f'code {code}'}"
            return
        self._words = ""
        self._done_s = self._clock.monotonic()
        found = check_report.read(self._home)
        if found.get("run") != self._watch or not self._keeper.is_watched(self._watch):
            self._done_s = None  # another history stands there now: it is checked as well
            return
        if code == 0:
            self._keeper.propose(self._watch, check_report.proposed(self._home, self._watch))
        elif found.get("state") == DAMAGED:
            try:
                self._keeper.set_aside(str(found.get("words")))
            except StoreError as exc:
                self._words = f"the history is damaged ({found.get('words')}), and cannot be set aside: {exc}"

    @property
    def advice(self) -> list[str]:
        """Why the last check could not be made."""
        return [self._words] if self._words else []

    def _is_time(self, settings: Settings, now_s: float) -> bool:
        if self._done_s is None or now_s - self._done_s >= LATEST_S:
            return True
        return self._keeper.is_time_trusted and self._last_night(settings) != self._night

    def _last_night(self, settings: Settings) -> dt.date:
        """Return the day on whose 02:30 the last check was due."""
        now = site_time(self._clock.now_ms(), settings.site.zone)
        return now.date() if now.time() >= NIGHTLY else now.date() - dt.timedelta(days=1)
