"""A history with some days behind it, and what may happen to its bytes on a card."""

import contextlib
import itertools
import random
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from substation.settings.model import CARD_METERS, Home, Settings
from substation.store import digest, schema
from substation.store.check import looking
from substation.store.digest import DATED
from substation.store.history import History
from substation.store.live import LiveFile, LiveRow
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, rounds

ZONE = ZoneInfo("Asia/Kolkata")
SETTINGS = Settings(simulated=True, meters=CARD_METERS)
PAGE = 4096
DAY_MS = 86_400_000
STEP_MS = 900_000
Rows = dict[str, dict[int, tuple[Any, ...]]]


@dataclass(frozen=True)
class Whole:
    """A station's files as a kill left them, and every row that was in them."""

    home: Home
    now_ms: int
    rows: Rows
    events: frozenset[tuple[Any, ...]]


def make(folder: Path, days: int, raw_days: int = 3650) -> Whole:
    """Make one: finished days with their digests, a day under way, the last hour in log and live file.

    Of the days before the last `raw_days` retention has taken the readings.
    """
    home, clock = Home(folder), FakeClock(BEGIN_MS - days * DAY_MS)
    home.state.mkdir(parents=True)
    history = History(home.history, True, clock, ZONE, site=SETTINGS.site.name, raw_days=raw_days)
    file = LiveFile(home.live, ZONE, True)
    for number, answers in enumerate(rounds(clock.ms, days * DAY_MS // STEP_MS + 8, STEP_MS)):
        clock.ms = answers[-1].at_ms
        history.add(answers)
        if number % 7 == 0:
            words = f"evidence {number} in some words"
            meter_id = 1 + number % 5
            history.event("supply", at_ms=clock.ms, meter_id=meter_id, old="live", new="dead", detail=words)
        if number % 40 == 0:
            history.commit()
    history.commit()
    watch = history.watch()
    history.propose(watch, looking.look(home.history, clock).digests)
    for _ in range(50):
        history.upkeep(clock.ms, 60.0)
    history._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for number, answers in enumerate(rounds(clock.ms + STEP_MS, 25, 120_000, seed=2)):  # as the live file
        clock.ms = answers[-1].at_ms
        file.append([LiveRow(reading, "OK", "OK") for reading in answers])
        history.add(answers)
        if number % 3 == 0:
            history.commit()
    history.commit()
    file.close()
    rows, events = contents(home.history)
    kept = Home(folder.with_name(f"{folder.name}.killed"))
    shutil.copytree(folder, kept.folder)  # while it is open: the log is there
    history.close()
    return Whole(kept, clock.ms, rows, frozenset(events))


def contents(path: Path) -> tuple[Rows, set[tuple[Any, ...]]]:
    """Return every row of a history by table and key, and its events."""
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        rows: Rows = {table: {row[0]: row for row in db.execute(schema.select(table))} for table in DATED}
        columns = ", ".join(digest.EVENT_COLUMNS)
        return rows, set(db.execute(f"SELECT {columns} FROM event").fetchall())  # noqa: S608
    finally:
        db.close()


def _overwrite(chance: random.Random, data: bytearray) -> str:
    size = min(len(data), chance.choice((1, 4, 16, 64, 300, 5000)))
    at = chance.randrange(len(data) - size + 1)
    data[at : at + size] = chance.randbytes(size)
    return f"{size} bytes overwritten at {at}"


def _zero(chance: random.Random, data: bytearray) -> str:
    sector = chance.choice((512, 4096, 65_536))
    at = chance.randrange(len(data) // sector) * sector if len(data) > sector else 0
    data[at : at + sector] = bytes(len(data[at : at + sector]))
    return f"{sector} bytes zeroed at {at}"


def _pages(chance: random.Random, data: bytearray) -> str:
    one, other = (chance.randrange(max(1, len(data) // PAGE)) * PAGE for _ in range(2))
    first, second = data[one : one + PAGE], data[other : other + PAGE]
    if len(first) != len(second):
        return "nothing"
    data[other : other + PAGE] = first
    if chance.random() < 0.5:
        data[one : one + PAGE] = second
        return f"pages at {one} and {other} swapped"
    return f"page at {one} copied over the one at {other}"


def _cut(chance: random.Random, data: bytearray) -> str:
    at = chance.randrange(len(data) // 2, len(data))
    if chance.random() < 0.5:
        at -= at % PAGE
    del data[at:]
    return f"cut off at {at}"


def _flip(chance: random.Random, data: bytearray) -> str:
    flips = chance.choice((1, 1, 2, 8))
    places = [chance.randrange(len(data)) for _ in range(flips)]
    for at in places:
        data[at] ^= 1 << chance.randrange(8)
    return f"{flips} bits flipped at {places}"


KINDS: tuple[Callable[[random.Random, bytearray], str], ...] = (_overwrite, _zero, _pages, _cut, _flip)


def do(home: Home, seed: int) -> str:
    """Damage a home's history; return how."""
    chance = random.Random(seed)
    files = [home.history, home.history.with_name(home.history.name + "-wal")]
    path = files[0] if chance.random() < 0.75 else files[1]
    data = bytearray(path.read_bytes())
    words = chance.choice(KINDS)(chance, data)
    path.write_bytes(bytes(data))
    return f"{path.name}: {words}"


def disordered(path: Path, table: str) -> Iterator[None]:
    """Make the file again and again so that two inner leaves of a table are its first two once more."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    whole = path.read_bytes()
    at = (root - 1) * PAGE
    assert whole[at] == 5, "a page of the tree that is no leaf, and has only leaves below it"
    (count,) = struct.unpack_from(">H", whole, at + 3)
    cells = [at + place for place in struct.unpack_from(f">{count}H", whole, at + 12)]
    for one, other in itertools.pairwise(cells[2:]):
        data = bytearray(whole)
        for cell, leaf in ((one, cells[0]), (other, cells[1])):
            data[cell : cell + 4] = whole[leaf : leaf + 4]
        path.write_bytes(data)
        yield
    path.write_bytes(whole)


def copied(whole: Whole, folder: Path) -> Home:
    """Return a home of its own with the same files."""
    shutil.copytree(whole.home.folder, folder)
    return Home(folder)


__all__ = ["SETTINGS", "Whole", "contents", "copied", "disordered", "do", "make"]
