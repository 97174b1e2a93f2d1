"""Looks whether a history is whole: nothing is changed in it, and the poller goes on writing meanwhile.

    found = look(home.history, clock)                 everything, minutes to an hour: every night
    found = look(home.history, clock, quick=True)     about a second: before the history is used

What a look at everything proves, in this order:

1. the file is ours, not cut short, of the shape that its migrations make (`shape`);
2. SQLite finds its own structure whole (`PRAGMA integrity_check`);
3. facts, clock spans and events are what their digests say;
4. of every UTC day, that all rows are there, are of the right types, are what their digests say, and where a
   table has no digest yet, that readings, minutes, quarters, hours and days agree to the last digit
   (`days`). Days that were proved so are proposed for a digest.

One read transaction a day: what is read of a day belongs together, and the writer's log can be emptied in
between. A quick look does 1 and 3, then 4 for the newest days, until `QUICK_S` are over: see `days`.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

from substation.clock import Clock
from substation.errors import Damaged, StoreError
from substation.store import door, schema
from substation.store.check import found as check_found
from substation.store.check import shape as check_shape
from substation.store.check.days import BROKEN, Days
from substation.store.check.found import DAMAGED, WHOLE, Damage, Found

__all__ = ["Damage", "Found", "Tick", "look", "prove"]

Tick = Callable[[str, float], None]
"""Told what is being looked at, and which part of all days has been done, 0 to 1."""
QUICK_S = 0.8
"""A quick look begins no further day after this time; its first part takes half of it on a full card."""
_MOST_STARTS = 5


class _WriterCame(Exception):
    """A frozen file is written to again: what was read may not belong together."""


def look(path: Path, clock: Clock, *, quick: bool = False, tick: Tick | None = None) -> Found:
    """Look at the history.

    Args:
        path: `daily_data.db`; a poller may have it open and write it.
        clock: Measures, and says which days are finished.
        quick: Only what can be seen in about a second.
        tick: Is told how far it has come.

    Raises:
        Damaged: The file is empty, or not ours.
        StoreError: It could not be looked at: not there, held, a medium that fails, a newer program's.
    """
    for _ in range(_MOST_STARTS):
        began_s = clock.monotonic()
        found = Found(path, quick, clock.now_ms())
        with contextlib.suppress(_WriterCame):
            with door.explained(path):
                _look(path, clock, found, tick or _silent)
            found.took_s = clock.monotonic() - began_s
            found.words = _outcome(found)
            return found
    raise StoreError(f"{path}: it is opened and closed again and again, so it could not be looked at")


def prove(path: Path, clock: Clock) -> None:
    """Raise Damaged when a quick look finds anything; as `look` otherwise."""
    found = look(path, clock, quick=True)
    if found.state == DAMAGED:
        raise Damaged(f"{path} is damaged: {found.words}")


def _look(path: Path, clock: Clock, found: Found, tick: Tick) -> None:
    began_s = clock.monotonic()
    db, is_frozen = door.open_to_read(path)
    with contextlib.closing(db):
        db.isolation_level = None

        def still() -> None:
            if is_frozen and door.journal_of(path).exists():
                raise _WriterCame

        def is_over() -> bool:
            still()
            return clock.monotonic() - began_s > QUICK_S

        tick("shape and facts", 0.0)
        _guarded(found, lambda: _whole_file(db, path, found))
        if found.quick:
            _guarded(found, lambda: Days(db, found).look_quickly(is_over))
        else:
            tick("structure", 0.0)
            _guarded(found, lambda: check_shape.structure(db, found))
            still()
            _guarded(found, lambda: _all_days(db, found, tick, still))
        still()


def _whole_file(db: sqlite3.Connection, path: Path, found: Found) -> None:
    db.execute("BEGIN")
    try:
        found.uid = schema.meta(db, "uid") or ""
        check_shape.length(db, path, found)
        check_shape.facts(db, found)
        foreign = [name for name in schema.migrations(db) if name not in schema.MIGRATIONS]
        if foreign and found.state == WHOLE:
            raise StoreError(
                f"{path} was written by a newer version of this program (it knows {', '.join(foreign)}); "
                f"check it with that version"
            )
        check_shape.shape(db, found)
        check_shape.events(db, found, 2 if found.quick else None)
    finally:
        db.execute("ROLLBACK")


def _all_days(db: sqlite3.Connection, found: Found, tick: Tick, still: Callable[[], None]) -> None:
    days = Days(db, found)
    every = days.all()
    for done, day in enumerate(every):
        tick(check_found.day_words(day), done / len(every))
        days.look(day)
        still()


def _guarded(found: Found, stage: Callable[[], None]) -> None:
    """Take it as damage when a part of the file cannot be read at all."""
    try:
        stage()
    except BROKEN as exc:
        found.damaged("", None, None, f"rows cannot be reckoned with ({type(exc).__name__}: {exc})")
    except sqlite3.Error as exc:
        words = check_found.cause(exc)
        if words is None:
            raise
        found.damaged("", None, None, f"the file cannot be read ({words})")


def _outcome(found: Found) -> str:
    rows = sum(found.looked.values())
    if found.state == WHOLE:
        return f"nothing wrong was found in {rows} rows of {found.days} days"
    count = len(found.damages) + found.more
    also = f", and {count - 1} more" if count > 1 else ""
    return f"{found.damages[0]}{also}"


def _silent(what: str, part: float) -> None:
    pass
