"""What the alarms watch besides the circuits: medium, copies, clock, audit log, as the poller knows them."""

import json
from collections.abc import Callable

from substation.acquisition.timekeeper import Timekeeper
from substation.alarms.engine import Signal
from substation.clock import Clock
from substation.settings.model import Home, Settings
from substation.store.keeper import Keeper

LOOK_S = 5.0
"""None of it changes within a round."""
LATE = 3
"""So many intervals without a copy are a fault."""
_MOST_BYTES = 1024 * 1024


class AlarmHealth:
    """The health of one station, looked at every few seconds."""

    def __init__(self, home: Home, clock: Clock, keeper: Keeper) -> None:
        """Know nothing yet; `audit` is told by whoever writes the audit log."""
        self._home, self._clock, self._keeper = home, clock, keeper
        self.audit: Callable[[], str | None] | None = None
        """Returns what is wrong with the audit log, in words; None where nobody writes one."""
        self._looked_s: float | None = None
        self._folder: str | None = None
        self._since_s = clock.monotonic()
        self._found: dict[str, Signal] = {}

    def look(self, settings: Settings, timekeeper: Timekeeper) -> dict[str, Signal]:
        """Return what is known now; what has not changed keeps the time since when it is so."""
        now_s = self._clock.monotonic()
        if self._looked_s is not None and now_s - self._looked_s < LOOK_S:
            return self._found
        self._looked_s = now_s
        fresh = {
            "disk": self._disk(),
            "copies": self._copies(settings, now_s),
            "clock": self._say(not timekeeper.trusted, "; ".join(timekeeper.advice) or "it is vouched for"),
        }
        if self.audit is not None:
            words = self.audit()
            fresh["audit_chain"] = self._say(bool(words), words or "it goes on as it should")
        for key, new in fresh.items():
            old = self._found.get(key)
            if old is not None and (old.value, old.why) == (new.value, new.why):
                fresh[key] = old
        self._found = fresh
        return fresh

    def _say(self, value: bool | None, why: str) -> Signal:
        return Signal(value, self._clock.now_ms(), 0.0, why)

    def _disk(self) -> Signal:
        state = self._keeper.medium_beat["state"]
        if state == "well":
            return self._say(False, "it is well")
        advice = self._keeper.endurance.advice
        return self._say(True, advice[0] if advice else f"the medium is {state}")

    def _copies(self, settings: Settings, now_s: float) -> Signal:
        folder = settings.backup.folder
        if folder != self._folder:
            self._folder, self._since_s = folder, now_s
        if folder is None:
            return self._say(False, "no second medium is configured")
        late_s = LATE * settings.backup.every_minutes * 60.0
        said = self._report()
        proof = said.get("proof")
        if isinstance(proof, dict) and proof.get("ok") is False:
            return self._say(True, f"they did not prove good: {str(proof.get('words'))[:200]}")
        at_ms = said.get("at_ms")
        mine = said.get("ok") is True and said.get("folder") == folder and isinstance(at_ms, int)
        if mine and isinstance(at_ms, int):
            age_s = max(0.0, (self._clock.now_ms() - at_ms) / 1000)
            self._since_s = now_s - age_s
            if age_s <= late_s:
                return self._say(False, "the last one is young enough")
        if now_s - self._since_s <= late_s:  # so long somebody has who has just plugged the medium in
            return self._say(None, "none was made yet")
        return self._say(True, f"none was made for more than {late_s / 60:.0f} min in {folder}")

    def _report(self) -> dict[str, object]:
        try:
            with self._home.copied.open("rb") as file:
                found = json.loads(file.read(_MOST_BYTES))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
