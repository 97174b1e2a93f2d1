"""The alarms of the station as the poller saved them, with their rules: read once for all viewers."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from substation.alarms import order, plan
from substation.alarms.plan import Plan
from substation.alarms.state import Alarm, Answer, State
from substation.dashboard import alarm_words
from substation.errors import StoreError
from substation.settings.model import Home, Settings
from substation.store import alarm_file


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the alarms."""

    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """To what people have asked, by its uid."""
    plan: Plan = field(default_factory=Plan)
    trouble: str = ""
    """In a sentence why nothing is known; English."""
    mark: str = ""
    """Another one when anything of this has changed."""

    def priority(self, one: Alarm) -> str:
        """Return the priority of an alarm as it is in force; nothing where it is watched no more."""
        watch = self.plan.by_key.get(one.key)
        return watch.priority if watch else ""

    def urgency(self, one: Alarm) -> int:
        """Return by what the most urgent alarm comes first: its priority."""
        return order.rank(self.priority(one))

    def standing(self) -> list[Alarm]:
        """Return those that are not normal, the most urgent first."""
        shown = [one for one in self.alarms.values() if one.shown is not State.NORMAL]
        return sorted(shown, key=lambda one: order.urgency(one, self.priority(one)))


def planned(settings: Settings) -> Plan:
    """Return the alarms that these settings make of the rules."""
    return plan.build(tuple(alarm_words.rules().values()), settings)


class AlarmBook:
    """Reads the file anew when it has changed. Safe to use from many threads."""

    def __init__(self, settings: Settings, home: Home) -> None:
        """Read nothing yet."""
        self._settings, self._path = settings, home.alarms
        self._lock = threading.Lock()
        self._plan = planned(settings)
        self._stamp = ""
        self._known: Known | None = None

    def known(self) -> Known:
        """Return what is known now; all viewers get the same object."""
        with self._lock:
            stamp = self._stamp_now()
            if self._known is None or stamp != self._stamp:
                self._known, self._stamp = self._read(stamp), stamp
            return self._known

    def _stamp_now(self) -> str:
        try:
            found = self._path.stat()
        except OSError as exc:
            return f"{type(exc).__name__} {exc.errno}"
        return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"

    def _read(self, stamp: str) -> Known:
        try:
            saved = alarm_file.read(self._path, simulated=self._settings.simulated)
        except StoreError as exc:
            return Known(plan=self._plan, trouble=str(exc), mark=stamp)
        if saved is None:
            return Known(plan=self._plan, mark=stamp)
        answers = {one.uid: one for one in saved.alarms.answers}
        return Known(saved.alarms.alarms, answers, self._plan, mark=stamp)
