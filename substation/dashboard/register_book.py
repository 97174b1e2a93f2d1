"""The register of a month as a page needs it: what the history tells, beside it what was written by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from substation.alarms.dg_runs import DgRun
from substation.alarms.interruptions import Interruption
from substation.dashboard import desk
from substation.dashboard.feed import Feed
from substation.reports import supply_entries, supply_record
from substation.reports.supply_entries import DG_LOG, INTERRUPTION, Form
from substation.reports.supply_record import Record
from substation.store import entries
from substation.store.entries import Entry, Place


@dataclass(frozen=True, slots=True)
class Book:
    """One month."""

    record: Record
    entries: Mapping[Place, Entry] = field(default_factory=dict)
    """What stands, in both forms."""
    corrected: Mapping[Place, int] = field(default_factory=dict)
    """How often something was written where that was more than once."""

    def texts(self, one: Interruption | DgRun) -> dict[str, str]:
        """Return what stands in the fields of an interruption or a run."""
        return supply_entries.texts(self.entries, one)

    def entry(self, one: Interruption | DgRun, item: str) -> Entry | None:
        """Return what was written last into a field, also where that took a value back."""
        return self.entries.get(supply_entries.place(one, item))

    def by(self, one: Interruption | DgRun) -> str:
        """Return who wrote last about an interruption or a run; empty where nobody did."""
        form = DG_LOG if isinstance(one, DgRun) else INTERRUPTION
        found = [
            entry for item in supply_entries.fields(form) if (entry := self.entry(one, item)) is not None
        ]
        return max(found, key=lambda entry: entry.id).entered_by if found else ""

    def written(self, one: Interruption | DgRun) -> dict[str, str]:
        """Return `texts`; what belongs to a failure of supply has that one's cause where it has none."""
        own = self.texts(one)
        if isinstance(one, DgRun) or "cause" in own or not one.part_of:
            return own
        whole = self.find(INTERRUPTION, one.part_of)
        theirs = self.texts(whole) if whole is not None else {}
        return {**{item: theirs[item] for item in ("cause", "planned") if item in theirs}, **own}

    def find(self, form: Form, key: str) -> Interruption | DgRun | None:
        """Return the interruption, or the run, of a key."""
        known = self.record.runs if form == DG_LOG else self.record.interruptions
        return next((one for one in known if one.key == key), None)

    def astray(self, form: Form) -> list[Entry]:
        """Return what was written in the month about something that is not known any more."""
        mine = {place: one for place, one in self.entries.items() if place.form == form}
        within = {
            place: one
            for place, one in mine.items()
            if self.record.start_ms <= place.moment_ms < self.record.end_ms
        }
        return supply_entries.astray(within, (*self.record.interruptions, *self.record.runs))

    def to_write(self) -> list[Interruption]:
        """Return what still wants a cause: what belongs to a failure of supply has that one's."""
        start, end = self.record.start_ms, self.record.end_ms
        return [
            one
            for one in self.record.interruptions
            if not one.part_of and start <= one.time.begun_ms < end and "cause" not in self.texts(one)
        ]


def of_month(feed: Feed, month: str) -> Book:
    """Return the register of a month. Raises StoreError."""
    record = feed.supply_record(*supply_record.month_ms(month, feed.settings.site.zone))
    begun = [one.time.begun_ms for one in record.interruptions]
    begun += [run.time.begun_ms for run in record.runs]
    start_ms = min([record.start_ms, *begun])
    database = desk.current().database
    found: dict[Place, Entry] = {}
    corrected: dict[Place, int] = {}
    for form in (INTERRUPTION, DG_LOG):
        found |= entries.standing(database, form, start_ms, record.end_ms)
        corrected |= entries.corrected(database, form, start_ms, record.end_ms)
    return Book(record, found, corrected)
