"""A small station with copies, for the tests of the second medium."""

import contextlib
import sqlite3
from pathlib import Path

from substation.settings.model import CARD_METERS, Home, Settings
from substation.store import copies, schema
from substation.store.copies import index, stations
from substation.store.copies.index import Index
from substation.store.copies.medium import Medium
from substation.store.history import History
from substation.store.operator_db import OperatorDb
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, rounds

DAY_MS = 86_400_000
FIRST_MS = BEGIN_MS - 2 * DAY_MS
"""The first reading; the clock of the tests stands at BEGIN_MS."""
TABLES = ("reading", *schema.ROLLUPS)


_made: dict[int, bytes] = {}
"""Histories of one reading of each meter in so many seconds, closed."""


class Station:
    """One in `folder/home`, with the copies in `folder/stick`."""

    def __init__(self, folder: Path, clock: FakeClock, zone, *, simulated: bool = True, site: str = "Karjat"):
        self.clock, self.zone = clock, zone
        self.home, self.stick = Home(folder / "home"), folder / "stick"
        self.home.folder.mkdir(parents=True, exist_ok=True)
        self.stick.mkdir(exist_ok=True)
        self.settings = Settings(simulated=simulated, meters=CARD_METERS, backup={"folder": str(self.stick)})
        self.history = History(self.home.history, simulated, clock, zone, site=site)

    @classmethod
    def filled(cls, folder: Path, clock: FakeClock, zone, step_s: int) -> "Station":
        """Return one with two days of readings and an event: made once, then the same files again."""
        path = Home(folder / "home").history
        if step_s in _made:
            path.parent.mkdir(parents=True)
            path.write_bytes(_made[step_s])
            return cls(folder, clock, zone)
        station = cls(folder, clock, zone)
        station.fill(step_s=step_s)
        station.happens()
        station.history.close()
        _made[step_s] = path.read_bytes()
        station.history = History(path, True, clock, zone, site="Karjat")
        return station

    def fill(self, start_ms: int = FIRST_MS, hours: int = 48, step_s: int = 900, seed: int = 1) -> None:
        """Add readings."""
        for answers in rounds(start_ms, hours * 3600 // step_s, step_s * 1000, seed):
            self.history.add(answers)
        self.history.commit()

    def happens(self, kind: str = "supply", at_ms: int = BEGIN_MS) -> None:
        self.history.event(kind, at_ms=at_ms, meter_id=3, old="live", new="dead", detail="RY 0 V, \u20ac")
        self.history.commit()

    def people(self) -> OperatorDb:
        """Return its operator database."""
        return OperatorDb(self.home.operator, self.settings.simulated)

    def take(self, **more) -> copies.Taken:
        return copies.take(self.home, self.settings, self.clock, **more)

    @property
    def folder(self) -> Path:
        """Its folder on the medium."""
        (found,) = (one for one in self.stick.iterdir() if one.is_dir())
        return found

    @property
    def index(self) -> Index:
        found = index.load(Medium(self.folder))
        assert found is not None
        return found

    def verify(self) -> copies.Verified:
        (station,) = stations.stations(self.stick)
        return copies.verify(station, self.clock, lambda _: None, self.home.history)


def rows(path: Path, table: str) -> list[tuple]:
    """All rows of a table."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        order = "1, 2" if table == "digest" else "1"
        return db.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()  # noqa: S608


def same(one: Path, other: Path) -> None:
    """Raise unless both histories hold the same rows; the other has the note of its restore besides."""
    for table in (*TABLES, "clock_span", "sync"):
        assert rows(one, table) == rows(other, table), table
    assert rows(one, "event") == [row for row in rows(other, "event") if row[2] != "store.restored"]
    facts = dict(rows(other, "meta"))
    assert dict(rows(one, "meta")).items() <= facts.items()


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}
