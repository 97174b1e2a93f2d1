"""R24: the power goes at any moment, and what was not synced is lost, torn or out of order.

The whole poller works on a recorded medium, a quarter of an hour in moments: it makes its history, commits,
checkpoints, is stopped and started. Then every state that a cut may leave is made again and the
program started on it. POWER_CUTS asks for more moments than CI has time for; 0 means all.
"""

import contextlib
import itertools
import os
import random
import shutil
import sqlite3
import zoneinfo
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from substation.acquisition import spine
from substation.acquisition.spine import Poller
from substation.bus.line import Answer
from substation.bus.plant import Plant
from substation.clock import Clock
from substation.meters.blocks import Block
from substation.meters.profile import load
from substation.settings import files
from substation.settings.model import Home, Poll
from substation.settings.model import Line as LineSettings
from substation.simulator.meter import SimulatedMeter
from substation.simulator.site import METERS, Site
from substation.store import schema
from tests.acquisition.conftest import MONDAY_NOON_MS
from tests.bus.map_wire import MapWire
from tests.fake_clock import FakeClock
from tests.medium import MODES, Medium, hurried, recorded
from tests.store.test_rollup import recomputed, stored

INDIA = zoneinfo.ZoneInfo("Asia/Kolkata")
INTERVAL_S = 5.0
MOST_LOST_S = 30.0
"""What may be lost, and beside it the round that is due."""
CUTS = int(os.environ.get("POWER_CUTS", "3")) or 10**9
TABLES = ("reading", *schema.ROLLUPS)

pytestmark = pytest.mark.usefixtures("written_is_told")


class Wire(MapWire):
    """A wire on which the station's own time goes on."""

    def read(self, meter_id: int, block: Block, timeout_s: float) -> Answer:
        before_s = self._clock.mono
        try:
            return super().read(meter_id, block, timeout_s)
        finally:
            self._clock.ms += round((self._clock.mono - before_s) * 1000)


def started(folder: Path, clock: FakeClock) -> Poller:
    """Start the poller's whole pipeline on a station whose meters answer from memory."""
    profile = load("elmeasure_lgplus")
    site = Site(1, epoch_ms=MONDAY_NOON_MS - 3_600_000, zone=INDIA)

    def wire(settings: LineSettings, its_clock: Clock) -> Wire:
        return Wire(site, clock, {key: SimulatedMeter(key, profile) for key in METERS}, settings)

    poller = Poller(files.load(folder), clock)
    poller.plant = Plant(poller.settings, clock, make_line=wire)
    return poller


def begin_the_log_anew_often(poller: Poller) -> None:
    """Let SQLite do after a few commits what it does after a thousand pages, else half a day would not do."""
    history = poller.keeper._history
    assert history
    history._db.execute("PRAGMA wal_autocheckpoint = 60")


def fingerprint(db: sqlite3.Connection) -> tuple[Any, ...]:
    """Return what tells one state of the history from any other."""
    return (
        *db.execute("SELECT count(*), total(key % 1000003) FROM reading").fetchone(),
        *itertools.chain.from_iterable(
            db.execute(f"SELECT total(rows), total(n) FROM {table}").fetchone()  # noqa: S608 - our names
            for table in schema.ROLLUPS
        ),
        *db.execute("SELECT count(*), total(at_ms % 1000003) FROM event").fetchone(),
        *db.execute("SELECT count(*) FROM schema_migration").fetchone(),
    )


def keys_in(db: sqlite3.Connection) -> set[int]:
    return {key for (key,) in db.execute("SELECT key FROM reading")}


@pytest.fixture
def worked(
    home: Home, changed: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> tuple[Medium, list[tuple[int, int]]]:
    """A quarter of an hour of a station, recorded, stopped in order once; each row with its round's end."""
    changed(poll=Poll(interval_s=INTERVAL_S))
    clock = FakeClock(now_ms=MONDAY_NOON_MS)
    rows: list[tuple[int, int]] = []
    with recorded(home.folder) as medium:
        usual = schema.transaction

        @contextlib.contextmanager
        def noted(db: sqlite3.Connection) -> Iterator[None]:
            with usual(db):
                yield
            medium.note("committed", fingerprint(db))

        monkeypatch.setattr(schema, "transaction", noted)
        for rounds in (25, 150):
            poller = started(home.folder, clock)
            begin_the_log_anew_often(poller)
            usual_step = poller.keep_history

            def keep_history(poller: Poller = poller, usual_step: Callable[[], None] = usual_step) -> None:
                usual_step()
                rows.extend((reading.at_ms << 8 | reading.meter_id, clock.ms) for reading in poller.readings)
                medium.note("round", clock.ms, len(rows))

            poller.keep_history = keep_history  # type: ignore[method-assign]
            poller.run(rounds)
            assert poller.problems.words == []
            poller.stop()
            medium.note("stopped", clock.ms, len(rows))
            clock.advance(20.0)
        monkeypatch.setattr(schema, "transaction", usual)
    return medium, rows


@pytest.mark.timeout(0 if CUTS > 100 else 300)
def test_a_power_cut_at_any_moment_loses_half_a_minute_and_spoils_nothing(
    worked: tuple[Medium, list[tuple[int, int]]], tmp_path: Path
) -> None:
    medium, rows = worked
    database = {file for did in medium.did for name, file in did.names if name == "daily_data.db" and file}
    checkpoints = [did for did in medium.did if did.file in database and did.what == "write"]
    assert len(checkpoints) > 10  # the log was brought into the database, and begun anew
    scratch = tmp_path / "scratch"
    with hurried():
        for cut, mode in itertools.product(medium.cuts(random.Random(24), CUTS), MODES):
            seed = f"{cut} {mode}"
            for proof in (whole_transactions, starts_again):
                medium.leave(cut, scratch, random.Random(seed), mode)
                proof(medium, rows, cut, scratch, seed)
                shutil.rmtree(scratch)


def whole_transactions(medium: Medium, rows: list[tuple[int, int]], cut: int, home: Path, seed: str) -> None:
    """What stands in the file is what some commit left, and no commit that had returned is missing."""
    states = [note[1] for note in medium.notes(len(medium.did)) if note[0] == "committed"]
    acknowledged = [note[1] for note in medium.notes(cut) if note[0] == "committed"]
    path = home / "daily_data.db"
    if not path.exists():
        assert not any(state[0] for state in acknowledged), f"cut {seed}: the history is gone"
        return
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), seed
        found = fingerprint(db)
    assert found in states, f"cut {seed}: half a transaction"
    last = states.index(found)
    assert last >= states.index(acknowledged[-1]), f"cut {seed}: an acknowledged commit is lost"


def starts_again(medium: Medium, rows: list[tuple[int, int]], cut: int, home: Path, seed: str) -> None:
    """The program starts on what is left, and goes on; the live file is there, or was in memory."""
    times = [note[1] for note in medium.notes(cut) if note[0] != "committed"]
    cut_ms = times[-1] if times else MONDAY_NOON_MS
    said = next((note[2] for note in reversed(medium.notes(cut)) if note[0] != "committed"), 0)
    has_live = (home / "meter_data.csv").exists()
    if has_live and not seed.endswith("all") and random.Random(seed).random() < 0.5:
        (home / "meter_data.csv").unlink()
    clock = FakeClock(now_ms=cut_ms + 600_000, monotonic=50.0)
    poller = started(home, clock)
    poller.run(1)
    assert poller.problems.words == [], f"cut {seed}"
    new = {reading.at_ms << 8 | reading.meter_id for reading in poller.readings}
    poller.stop()
    path = home / "daily_data.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), seed
        there = keys_in(db)
    must_ms = cut_ms - (MOST_LOST_S + INTERVAL_S) * 1000
    must = {key for key, ended_ms in rows[:said] if ended_ms <= must_ms}
    if seed.endswith("all"):  # as after a kill: the live file is the journal
        must = {key for key, _ in rows[:said]}
    assert must <= there, f"cut {seed}: {len(must - there)} readings lost"
    assert new <= there <= {key for key, _ in rows} | new, f"cut {seed}: readings that nobody made"
    if seed.endswith(("all", "sectors")):  # what takes longest
        assert stored(path) == recomputed(path, INDIA), f"cut {seed}"


def test_a_commit_is_never_later_than_the_promise() -> None:
    assert spine.COMMIT_S <= MOST_LOST_S
