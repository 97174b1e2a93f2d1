"""Pages of events: by key, bounded, the same whatever comes in meanwhile."""

import sqlite3
import time

from substation.store import event_pages, schema
from substation.store.event_pages import Noted, Wanted, newest, oldest
from substation.store.events import Event, write

DAY_MS = 86_400_000


def history(rows):
    db = sqlite3.connect(":memory:")
    db.execute(
        "CREATE TABLE event (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, "
        "meter_id INTEGER, old TEXT NOT NULL, new TEXT NOT NULL, detail TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX event_at ON event (at_ms)")
    schema.MIGRATIONS[schema.BY_KIND](db)
    write(db, rows)
    return db


def all_pages(db, wanted, size):
    found, below = [], None
    while page := newest(db, Wanted(**{**wanted, "below": below}), size):
        found += page
        below = page[-1].key
    return found


def test_pages_hold_every_event_once_also_of_the_same_moment():
    rows = [Event(1000 * (place // 7), "supply", place % 3 + 1) for place in range(50)]
    db = history(rows)
    found = all_pages(db, {}, 4)
    assert [one.id for one in found] == list(range(50, 0, -1))
    assert oldest(db, Wanted(), 100) == list(reversed(found))
    page = newest(db, Wanted(), 4)
    write(db, [Event(99_000, "supply", 1)])
    assert newest(db, Wanted(below=page[-1].key), 4) == found[4:8]


def test_what_is_wanted_is_found_and_nothing_else():
    rows = [Event(place, kind, meter) for place, (kind, meter) in enumerate(
        [("supply", 1), ("comm.lost", 2), ("station.gap", None), ("supply", 2), ("audit.anchor", None)]
    )]  # fmt: skip
    db = history(rows)

    def places(**wanted):
        return [one.event.at_ms for one in newest(db, Wanted(**wanted), 9)]

    assert places(kinds=("supply",)) == [3, 0]
    assert places(kinds=("supply", "comm.lost", "supply", "of a later version")) == [3, 1, 0]
    assert places(kinds=("comm.lost", "supply"), below=(3, 4)) == [1, 0]
    mixed = Wanted(kinds=("comm.lost", "supply"))
    assert [one.event.at_ms for one in oldest(db, mixed, 2)] == [0, 1]
    assert [one.event.at_ms for one in newest(db, mixed, 2)] == [3, 1]
    assert places(without=("audit.anchor", "supply")) == [2, 1]
    assert places(meters=(2,)) == [3, 1]
    assert places(meters=(2,), with_station=True) == [4, 3, 2, 1]
    assert places(start_ms=1, end_ms=4) == [3, 2, 1]
    assert Noted(1, rows[0]).key == (0, 1)


def test_events_of_a_kind_are_found_by_it_and_by_nothing_else():
    """One that never occurs among years of others took 0.3 s: it was looked for in each of them."""
    db = history([])
    wanted = Wanted(kinds=("dg.start", "never"), meters=(1,), start_ms=5, end_ms=90, below=(80, 3))
    for asked in (wanted, Wanted(kinds=("never",))):
        for order in ("ORDER BY at_ms DESC, id DESC LIMIT ?", "ORDER BY at_ms, id LIMIT ?"):
            statement, values = event_pages.question(asked, order, 50)
            plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            looks = [step for step in plan if " event " in step]
            assert len(looks) == len(asked.kinds)
            assert all("USING INDEX event_kind (kind=?" in step for step in looks), plan
            assert not [step for step in plan if "SCAN event" in step]


def test_years_of_events_open_as_fast_as_one_day():
    """Ten years, twenty a day. Measured by the processor's clock and with a wide margin."""
    db = history(Event(place * DAY_MS // 20, "comm.lost", 4) for place in range(73_000))
    wanted = Wanted(kinds=("comm.lost",), start_ms=0)
    began = time.process_time()
    for _ in range(20):
        newest(db, wanted, 60)
        newest(db, Wanted(below=(1000 * DAY_MS, 1)), 60)
    assert time.process_time() - began < 20 * 0.05
