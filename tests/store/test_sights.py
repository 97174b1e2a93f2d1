"""Between which polls a change lies: from single polls, and from the minutes where those are gone."""

import sqlite3

import pytest

from substation.store import schema, sights

MIN = 60_000
BASE = 30_000_000 * MIN


@pytest.fixture
def db() -> sqlite3.Connection:
    """Meter 3, polled every two seconds, in vain from second 70 on; the minutes before are minutes alone."""
    made = sqlite3.connect(":memory:")
    made.execute("CREATE TABLE meta (key TEXT, value TEXT)")
    made.execute("CREATE TABLE reading (key INTEGER, quality INTEGER)")
    made.execute("CREATE TABLE minute (key INTEGER, n INTEGER, last_ms INTEGER)")
    made.execute("INSERT INTO meta VALUES (?, ?)", (schema.RAW_FROM, str(BASE)))
    for second in range(0, 120, 2):
        made.execute(
            "INSERT INTO reading VALUES (?, ?)", ((BASE + second * 1000) << 8 | 3, int(second >= 70))
        )
    for minute, polls in ((-30, 30), (-29, 30), (-25, 1)):
        made.execute("INSERT INTO minute VALUES (?, ?, ?)", ((BASE + minute * MIN) << 8 | 3, polls, 58_000))
    return made


def sight(db: sqlite3.Connection, at_ms: int, *, answered: bool = True) -> int | None:
    return sights.before(db, 3, [at_ms], answered=answered)[at_ms]


def test_a_poll_in_vain_is_a_sight_of_what_fell_silent_and_none_of_what_answered(
    db: sqlite3.Connection,
) -> None:
    at = BASE + 11 * MIN  # ten minutes behind the first poll that is kept
    db.execute("UPDATE reading SET key = key + ?", ((10 * MIN) << 8,))
    assert sight(db, at) == at - 2000
    assert sight(db, at + 30_000) == at + 8000
    assert sight(db, at + 30_000, answered=False) == at + 28_000
    assert sight(db, at + 60 * MIN) is None


def test_where_single_polls_are_gone_the_minute_before_says_how_far_apart_they_were(
    db: sqlite3.Connection,
) -> None:
    at = BASE - 28 * MIN + 5000
    assert sight(db, at) == at - 4000  # thirty in the minute before: twice two seconds
    alone = BASE - 24 * MIN + 10_000
    assert sight(db, alone) == BASE - 25 * MIN + 58_000  # its last answer
    assert sight(db, BASE - 26 * MIN) == BASE - 29 * MIN + 58_000  # nobody answered in between
    assert sight(db, BASE - 90 * MIN) is None
