"""Has the whole history checked every night, once after each start, and at once where damage is known of.

Known from a check by hand, a check of an earlier run that nothing came of, or a copy that met damage. What
was proved gets its digests; a damaged history is set aside, which is where its salvage begins.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from substation.clock import Clock, site_time
from substation.errors import StoreError
from substation.settings.model import Home, Settings
from substation.store.check import report as check_report
from substation.store.check.found import DAMAGED, WHOLE
from substation.store.copies import report as copies_report
from substation.store.keeper import Keeper
from substation.store.salvage import report as salvage_report

SETTLE_S = 600.0
"""So long after a start the first check waits: other work comes first."""
NIGHTLY = dt.time(2, 30)
"""By the site's clock."""
LATEST_S = 25 * 3600.0
"""Where nobody vouches for the clock, it is time so long after the last one."""
RETRY_S = 3600.0
EXIT_DAMAGED = 1
DAMAGE_MET = (" is damaged", ": its table ")
"""What a copy says of the history when it cannot be read, or is not what its digests say."""


class CheckDuty:
    """Due some minutes after the start, then at 02:30; at once when somebody else has met damage."""

    name = "check"

    def __init__(self, home: Home, clock: Clock, keeper: Keeper) -> None:
        """Begin with the check after the start."""
        self._home, self._clock, self._keeper = home, clock, keeper
        self._not_before_s = clock.monotonic() + SETTLE_S
        self._done_s: float | None = None
        self._night: dt.date | None = None
        self._watch = ""
        self._words = ""
        self._seen: object = None
        """State of the reports of others when they were read last."""
        self._suspicion = ""
        """What they say of damage, until a check of our own has looked."""

    def due(self, settings: Settings) -> Sequence[str] | None:
        """Return the command's arguments when it is time and there is a history; None when not."""
        now_s = self._clock.monotonic()
        if not self._look_at_reports() and now_s < self._not_before_s:
            return None
        if not self._suspicion and not self._is_time(settings, now_s):
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
        self._words = self._suspicion = ""
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
        """Why the last check could not be made, and what others have met."""
        return [words for words in (self._suspicion, self._words) if words]

    def _look_at_reports(self) -> bool:
        """Read the reports of others when they are new; return whether a new one tells of damage."""
        now = [_stamp(path) for path in (self._home.checked, self._home.copied)]
        if now == self._seen or not self._keeper.has_history:
            return False
        self._seen = now
        found, salvaged = check_report.read(self._home), salvage_report.read(self._home)
        set_aside_ms = salvaged.found_ms if salvaged else 0
        checked_ms = _ms(found)
        words = ""
        is_ours = bool(self._watch) and found.get("run") == self._watch
        uids = ("", None, salvage_report.identity(self._home).get("uid"))
        is_of_it = found.get("uid") in uids and checked_ms > set_aside_ms
        if found.get("state") == DAMAGED and is_of_it and not is_ours:
            words = f"a check found the history damaged ({found.get('words')})"
        copied = copies_report.read(self._home.copied)
        healthy_ms = checked_ms if found.get("state") == WHOLE else 0
        met = any(f"{self._home.history}{one}" in str(copied.get("words")) for one in DAMAGE_MET)
        if met and _ms(copied) > max(set_aside_ms, healthy_ms):
            words = words or "a copy met damage in the history"
        if words:
            self._suspicion = f"{words}; it is looked at again now, then set aside and salvaged"
        return bool(words)

    def _is_time(self, settings: Settings, now_s: float) -> bool:
        if self._done_s is None or now_s - self._done_s >= LATEST_S:
            return True
        return self._keeper.is_time_trusted and self._last_night(settings) != self._night

    def _last_night(self, settings: Settings) -> dt.date:
        """Return the day on whose 02:30 the last check was due."""
        now = site_time(self._clock.now_ms(), settings.site.zone)
        return now.date() if now.time() >= NIGHTLY else now.date() - dt.timedelta(days=1)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        at = path.stat()
    except OSError:
        return None
    return at.st_ino, at.st_mtime_ns


def _ms(report: Mapping[str, Any]) -> int:
    at_ms = report.get("at_ms")
    return at_ms if isinstance(at_ms, int) else 0
