"""Changes of state that wait in `state/events.jsonl` for a history."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.store import history, left_events
from substation.store.events import Event
from substation.store.history import History
from substation.store.left_events import LeftEvents
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS

GOOD = Event(BEGIN_MS, "supply", 1, "live", "dead", "\u20b9 and \U0001f50c")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[History]:
    store = History(tmp_path / "daily_data.db", True, clock)
    yield store
    store.close()


def noted(store: History) -> list[Event]:
    store.commit()
    return [
        Event(*row) for row in store._db.execute("SELECT at_ms, kind, meter_id, old, new, detail FROM event")
    ]


def test_what_no_event_can_be_in_is_passed_over_and_the_rest_reaches_the_history(
    path: Path, store: History
) -> None:
    LeftEvents(path, simulated=True).note(GOOD, is_there=True)
    foreign = [
        b"[" * 100_000,  # deeper than is read
        *(
            json.dumps([True, *fields]).encode()  # what SQLite takes no such number, no such text of
            for fields in (
                [10**30, "supply", 1, "", "", ""],
                [-1, "supply", 1, "", "", ""],
                [BEGIN_MS, "supply", 10**30, "", "", ""],
                [BEGIN_MS, "supply", 1, "", "", "\ud800"],
                [BEGIN_MS, "supply", 1, "", ""],
            )
        ),
        b'[true, 1, "supp',
        b"\xff\x00\n{}\nnull\n3\n[]",
    ]
    path.write_bytes(b"\n".join([*foreign, path.read_bytes(), *foreign]))
    store.take_over([], LeftEvents(path, simulated=True).events)
    assert noted(store) == [GOOD]


def test_more_than_memory_holds_come_from_file_and_memory_and_stay_while_others_follow(
    path: Path, store: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_events, "MOST_EVENTS", 10)
    monkeypatch.setattr(history, "MOST_EVENTS", 5)
    left = LeftEvents(path, simulated=True)
    events = [Event(BEGIN_MS + number, "supply", 1) for number in range(20)]
    for event in events:
        left.note(event, is_there=True)
    assert len(LeftEvents(path, simulated=True).events) == 10, "the first ones, after a kill"
    store.take_over([], left.events)
    store.event("poller", at_ms=BEGIN_MS + 100)
    assert noted(store) == [*events, Event(BEGIN_MS + 100, "poller")]
    assert store.lost_events == 0
