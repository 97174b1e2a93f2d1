"""The duty to salvage a damaged history: the first of all, for meanwhile the live file alone keeps data."""

from collections.abc import Sequence

from substation.clock import Clock, site_time
from substation.settings.model import Home, Settings
from substation.store import quarantine
from substation.store.keeper import Keeper
from substation.store.salvage import report as salvage_report

RETRY_S = 300.0
"""After a salvage that failed: mostly for want of space."""


class SalvageDuty:
    """Runs `datalogger.py salvage` while a damaged history waits, and opens what comes of it."""

    name = "salvage"

    def __init__(self, home: Home, clock: Clock, keeper: Keeper) -> None:
        """Begin; what waits is seen in the folder."""
        self._home, self._clock, self._keeper = home, clock, keeper
        self._again_s = clock.monotonic()
        self._failed = ""
        self._advice: list[str] = []

    def due(self, settings: Settings) -> Sequence[str] | None:
        """Return the command's arguments when a history waits."""
        self._advice = self._words(settings)
        if quarantine.waiting(self._home.history) is None or self._clock.monotonic() < self._again_s:
            return None
        return ()

    def done(self, code: int, words: str) -> None:
        """Open the new history, or try again later."""
        self._failed = words if code else ""
        if code:
            self._again_s = self._clock.monotonic() + RETRY_S
        elif not self._keeper.has_history:
            self._keeper.open()

    @property
    def advice(self) -> list[str]:
        """What somebody should know now."""
        return self._advice

    def _words(self, settings: Settings) -> list[str]:
        path = self._home.history
        aside = quarantine.waiting(path)
        if aside is not None:
            report = salvage_report.read(self._home)
            how = report.progress if report is not None and report.file == aside.name else ""
            if self._failed:
                return [
                    f"{path.name} was damaged and is set aside as {aside.name}; its salvage failed and is "
                    f"tried again: {self._failed}. Meanwhile {self._home.live.name} alone keeps the readings"
                ]
            return [
                f"{path.name} was damaged and is set aside as {aside.name}; it is being salvaged"
                f"{f' ({how})' if how else ''}. Meanwhile {self._home.live.name} keeps the readings"
            ]
        kept = quarantine.kept(path)
        if not kept:
            return []
        newest, room = kept[-1], quarantine.bytes_kept(path) / 1e6
        report = salvage_report.read(self._home)
        said = ""
        if report is not None and report.file == newest.name:
            at = site_time(report.found_ms, settings.site.zone)
            said = f", damaged on {at:%Y-%m-%d %H:%M}: {report.progress}"
        if salvage_report.copies_hold_more(self._home):
            return [
                f"{newest.name} is kept{said}. The copies hold rows that it lost: to bring them back stop "
                "the station, then python3 datalogger.py salvage"
            ]
        return [f"{newest.name} is kept{said}. Its {room:.1f} MB are free when you remove it"]
