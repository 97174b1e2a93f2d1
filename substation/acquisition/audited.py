"""The poller with its audit log: what it took over, what it was asked, the log's last line each hour."""

from collections.abc import Callable

from substation.acquisition.ending import Ending
from substation.acquisition.requests import Requests
from substation.acquisition.spine import LOOK_S, Poller, log
from substation.audit import Audit, in_force
from substation.audit.anchors import DAY_S, HOUR_S
from substation.clock import Clock
from substation.errors import SettingsError
from substation.settings.files import Loaded
from substation.store import anchors


class AuditedPoller(Poller):
    """A poller whose changes of configuration and whose days stand in the audit log."""

    def __init__(self, loaded: Loaded, clock: Clock, ending: Ending, audit: Audit) -> None:
        """Raises WrongStation, as `Poller`."""
        self.audit = audit
        self._refusals = in_force.Refusals(audit)
        self._noted = (0, "")
        super().__init__(loaded, clock, ending)
        self.requests = Requests(self.home, clock, audit, self.started_ms)
        self.alarming.health.audit = lambda: audit.last_problem

    @property
    def chores(self) -> tuple[tuple[float, Callable[[], None]], ...]:
        """What is done after a round, each once in so many seconds at most."""
        return (*super().chores, (LOOK_S, self.obey), (DAY_S, self.note_day), (HOUR_S, self.note_hour))

    @property
    def looks(self) -> tuple[Callable[[], None], ...]:
        """What does not wait for the next round."""
        return (*super().looks, self.obey)

    def obey(self) -> None:
        """Obey what people have asked for."""
        self.requests.look(self.settings, self.plant, self.between_requests)

    def reload(self) -> None:
        """Take a changed configuration and write it down; one that cannot be used is written down once."""
        before = self.settings
        try:
            super().reload()
        except SettingsError as exc:
            self._refusals.note(str(exc))
            raise
        self._refusals.note("")
        if self.settings is not before:
            for warning in self.loaded.warnings:
                log.warning("%s", warning)
                self.audit.write("key.mode", ok=False, words=warning)
            in_force.note(self.audit, before, self.settings)

    def stop(self) -> None:
        """End in order."""
        super().stop()
        with self.problems.survived("requests"):
            self.requests.end("the poller was stopped")

    def note_day(self) -> None:
        """Write a line for the day, and keep its number in the history."""
        self.audit.write("audit.anchor", kept=self.home.history.name)
        self.note_anchor("daily")

    def note_hour(self) -> None:
        """Keep the last line's number, where there are new lines."""
        if self.audit.anchor() != self._noted:
            self.note_anchor("hourly")

    def note_anchor(self, why: str) -> None:
        """Keep the number and seal of the log's last line in the history."""
        anchor = self.audit.anchor()
        if anchor[0]:
            self._noted = anchor
            self.keeper.event(anchors.KIND, new=anchors.written(anchor), detail=why)
