"""Says what has changed, once: to the log and to the event table, with what it was before.

A change on the wire has kind `comm.<what>`; `old` and `new` are the two states of its meter or line.
A change of supply has kind `supply`; its `detail` is the evidence.
"""

import logging
from collections.abc import Iterable, Mapping

from substation.alarms.confirm import CORRECTED, Finding
from substation.alarms.supply import UNKNOWN, Verdict
from substation.bus.scan import Notice
from substation.bus.seating import Faulty
from substation.settings.model import Meter
from substation.store.keeper import Keeper

STATES: Mapping[str, tuple[str, str, str]] = {
    "lost": ("wire", "OK", "Communication failed"),
    "back": ("wire", "Communication failed", "OK"),
    "refused": ("wire", "OK", "Refused"),
    "answers": ("wire", "Refused", "OK"),
    "line_down": ("line", "up", "down"),
    "line_up": ("line", "down", "up"),
    "doubt": ("word order", "sure", "doubted"),
    "sure": ("word order", "doubted", "sure"),
}
"""Of each kind of notice: what it is about, from what to what, where nothing else is known of before."""

log = logging.getLogger("poller")


class Announcer:
    """Remembers what was said last, so that it says changes and no repeats."""

    def __init__(self, keeper: Keeper, started_ms: int) -> None:
        """Write into `keeper`; what has lasted since before `started_ms` was announced by another."""
        self._keeper, self._started_ms = keeper, started_ms
        self._states: dict[tuple[str, str, int | None], str] = {}
        self._verdicts: dict[int, Verdict] = {}
        self._faults: dict[int, str] = {}

    def wire(self, notices: Iterable[tuple[str, Notice]]) -> None:
        """Say what has changed on the lines; each notice comes with its line's name."""
        for line, notice in notices:
            log.log(logging.WARNING if notice.bad else logging.INFO, "%s", notice.words)
            old, new = self._change(line, notice)
            self._keeper.event(
                f"comm.{notice.kind}", meter_id=notice.meter_id, old=old, new=new, detail=notice.words
            )

    def _change(self, line: str, notice: Notice) -> tuple[str, str]:
        if notice.kind not in STATES:
            return "", notice.kind
        about, old, new = STATES[notice.kind]
        key = (line, about, notice.meter_id)
        old = self._states.get(key, old)
        self._states[key] = new
        if notice.meter_id is None:  # the table of events knows meters by number, lines by name only
            return f"{line}: {old}", f"{line}: {new}"
        return old, new

    def profiles(self, faulty: Iterable[Faulty]) -> None:
        """Say which meters are not polled because their profile cannot be used, and which are again."""
        faults = {one.meter.id: one.words for one in faulty}
        for meter_id, words in faults.items():
            if self._faults.get(meter_id) != words:
                log.warning("%s", words)
                self._keeper.event("meter.profile", meter_id=meter_id, new="unusable", detail=words)
        for meter_id in self._faults.keys() - faults.keys():
            log.info("meter %d: its profile can be used", meter_id)
            self._keeper.event("meter.profile", meter_id=meter_id, old="unusable", new="usable")
        self._faults = faults

    def supply(self, meters: Iterable[Meter], verdicts: Mapping[int, Verdict]) -> None:
        """Say which circuits' supply has changed, stamped when it became so."""
        for meter in meters:
            new, old = verdicts.get(meter.id), self._verdicts.get(meter.id)
            if new is None or (old is not None and old.supply == new.supply):
                continue
            was = old.status if old else UNKNOWN
            has_lasted = old is None and new.since_ms < self._started_ms
            if not has_lasted and (old or new.supply != "unknown"):
                log.info("meter %d %s: %s, was %s (%s)", meter.id, meter.name, new.status, was, new.evidence)
                self._keeper.event(
                    "supply",
                    at_ms=new.event_ms,
                    meter_id=meter.id,
                    old=was,
                    new=new.status,
                    detail=new.evidence,
                )
            self._verdicts[meter.id] = new

    def registers(self, findings: Iterable[Finding]) -> None:
        """Say what the energy registers tell of a circuit that was called dead by its meter's silence."""
        for found in findings:
            meter_id, detail = found.meter_id, found.detail
            if found.kind == CORRECTED:
                log.warning("meter %d: what was said of its supply was wrong: %s", meter_id, detail)
                self._keeper.event(
                    "supply.corrected",
                    at_ms=found.at_ms,
                    meter_id=meter_id,
                    old=found.old,
                    new=found.new,
                    detail=detail,
                )
            else:
                log.info("meter %d: what was said of its supply was right: %s", meter_id, detail)
                self._keeper.event(
                    "supply.confirmed",
                    at_ms=found.at_ms,
                    meter_id=meter_id,
                    old=found.old,
                    new=found.new,
                    detail=detail,
                )
