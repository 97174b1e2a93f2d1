"""A statement over the day on which the factor of a meter's transformers was set to another."""

import datetime as dt
from pathlib import Path
from typing import Any, ClassVar

from substation.meters import ratio
from substation.quantities import COUNTERS
from substation.reports import log_form, log_hours
from substation.reports.log_source import meter_day
from substation.reports.statement import UNITS, worked_out
from substation.reports.statement_document import statement_document
from substation.settings.model import Settings, Transformers
from substation.store.history import History, HistoryReader
from tests.fake_clock import FakeClock
from tests.reports.test_statement import DECEMBER, HOUR_MS, INDIA, METERS, SITE, at
from tests.store.readings import a_reading


class Asked(HistoryReader):
    """Keeps which changes of the factor it was asked with."""

    seen: ClassVar[list[Any]] = []

    def counted(self, *what: Any, **more: Any) -> Any:
        self.seen.append(more["changed"])
        return super().counted(*what, **more)


def test_a_factor_set_in_a_pause_invents_no_energy(tmp_path: Path):
    """New transformers, x 1 to x 1.25, in four hours without a reading: the jump is one the load allows."""
    store, midnight = History(tmp_path / "daily_data.db", True, FakeClock(), INDIA), at("2026-11-21")
    for hour in range(-12, 13):
        if abs(hour) < 2:
            continue
        shown = 11_500_000 + 16_000 * hour
        value = float(shown if hour < 0 else shown * 1.25)
        store.add(
            [a_reading(midnight + hour * HOUR_MS, 1, **(dict.fromkeys(COUNTERS, 0.0) | {UNITS: value}))]
        )
    store.commit()
    store.close()
    since = Transformers(since="2026-11-21", current_factor=1.25)
    station = Settings(site=SITE, meters=(METERS[0].model_copy(update={"transformers": (since,)}),))
    reader = HistoryReader(tmp_path / "daily_data.db")
    found = worked_out(station, reader, "2026-11", DECEMBER, written={}, profiles={})
    assert found.now.of(1).units() == 10 * 16_000 + 10 * 20_000 and not found.now.is_whole(station.meters[0])
    notes = " ".join(statement_document(found, station, "").tables[0].notes)
    assert "from 1 to 1.25 between 20 Nov 22:00:00 and 21 Nov 02:00:00; the" in notes
    assert [key for key, one in found.now.of(1).accounts.items() if one.cuts] == [UNITS], "0 stays 0"
    changed = ratio.changed_ms(station.meters[0], INDIA)
    assert changed == (midnight,)
    told = reader.energy(1, midnight - 12 * HOUR_MS, midnight + 13 * HOUR_MS, 500_000.0, changed=changed)
    assert told.used[UNITS] == 360_000 and "between 20 Nov 22:00" in told.marks[UNITS]
    hours = log_hours.hours(dt.date(2026, 11, 20), INDIA, DECEMBER)
    asked = Asked(tmp_path / "daily_data.db")
    meter_day(asked, station, station.meters[0], log_form.load(), hours=hours, profile=None)
    assert asked.seen == [(midnight,)]
