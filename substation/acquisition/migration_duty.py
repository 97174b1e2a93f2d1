"""Has a large history brought to this version's form beside the polling; lets old copies of it go."""

import contextlib
import json
from collections.abc import Sequence

from substation.acquisition.backoff import Backoff
from substation.clock import Clock
from substation.errors import StoreError
from substation.settings.model import Home, Settings
from substation.store import before_migration
from substation.store.keeper import Keeper

RETRY_S = 120.0
LONGEST_S = 3600.0
TIDY_S = 86_400.0


class MigrationDuty:
    """Due when the keeper has met a history that is too large to be changed while it is opened."""

    name = "migrate"

    def __init__(self, home: Home, clock: Clock, keeper: Keeper) -> None:
        """Look after the history in `home`."""
        self._home, self._clock, self._keeper = home, clock, keeper
        self._pause = Backoff(clock, RETRY_S, LONGEST_S)
        self._tidied_s = clock.monotonic()
        self._words = ""

    def due(self, settings: Settings) -> Sequence[str] | None:
        """Return the command's arguments when the history waits; None when not."""
        if self._clock.monotonic() - self._tidied_s >= TIDY_S:
            self._tidied_s = self._clock.monotonic()
            with contextlib.suppress(StoreError, OSError):  # tomorrow is early enough
                self._tidy()
        if not self._keeper.waits_for_migration or not self._pause.over:
            return None
        return ()

    def done(self, code: int, words: str) -> None:
        """Take how it went. After success the keeper opens the history at its next try."""
        self._pause.begin(failed=code != 0)
        self._words = words if code else ""

    @property
    def advice(self) -> list[str]:
        """Why it could not be done, if so; that it waits is said by the keeper."""
        return [self._words] if self._words and self._keeper.waits_for_migration else []

    def _tidy(self) -> None:
        now_ms = self._keeper.newest_trusted_ms()
        for copy in before_migration.old_copies(self._home.history, now_ms, self._found_whole_ms()):
            copy.unlink()

    def _found_whole_ms(self) -> int:
        try:
            found = json.loads(self._home.checked.read_text(encoding="utf-8"))
            at_ms = found["at_ms"] if found.get("state") == "whole" else 0
        except (OSError, ValueError, KeyError, AttributeError):
            return 0
        return at_ms if isinstance(at_ms, int) else 0
