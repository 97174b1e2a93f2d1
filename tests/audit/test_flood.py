"""What strangers do without end costs a bounded part of the card, and what was lost is said."""

import errno
import fcntl
import json
import os
import stat
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation.audit import Audit, chain, verify
from substation.audit.flood import MAX_SOURCES
from tests.fake_clock import FakeClock

KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dashboard_audit.log"


@pytest.fixture
def audit(path: Path, clock: FakeClock) -> Audit:
    return Audit(path, KEY, "dashboard", clock, ZoneInfo("Asia/Kolkata"))


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def fail(audit: Audit, user: str, src: str = "10.0.0.7") -> None:
    assert audit.write("login.failed", user=user, src=src, ok=False)


def test_five_failed_logins_a_minute_of_a_source_stand_in_full_and_the_others_are_counted(
    path: Path, audit: Audit, clock: FakeClock
) -> None:
    for number in range(500):
        fail(audit, f"name {number}")
    fail(audit, "mallory", "10.0.0.8")  # another source has lines of its own
    assert [one["user"] for one in records(path)] == [*(f"name {n}" for n in range(5)), "mallory"]
    clock.advance(61)
    fail(audit, "name 500")
    counted, again = records(path)[-2:]
    assert counted["d"] == {"times": 495, "names": [f"name {n}" for n in range(5, 10)]}
    assert (counted["event"], counted["src"], counted["ok"]) == ("login.failed", "10.0.0.7", False)
    assert (again["user"], again["d"]) == ("name 500", {})
    assert verify(path, KEY).ok


def test_a_day_of_failed_logins_from_many_sources_is_bounded(
    path: Path, audit: Audit, clock: FakeClock
) -> None:
    for number in range(5000):
        fail(audit, f"name {number}", f"127.0.{number % 250}.{number % 7}")
    audit.close()
    assert len(records(path)) <= 6 * (MAX_SOURCES + 1)
    assert sum(int(one["d"].get("times", 1)) for one in records(path) if isinstance(one["d"], dict)) == 5000


def test_lines_that_were_lost_are_counted_in_the_first_that_is_written(
    path: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert audit.write("start")

    def full(handle: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    for event in ("login", "page", "page"):
        assert audit.write(event) is False
    monkeypatch.undo()
    assert audit.write("stop")
    assert audit.write("stop")
    start, lost, *stops = records(path)
    assert (lost["event"], lost["ok"]) == ("audit.lost", False)
    assert lost["d"] == {"events": ["login", "page"], "times": 3}
    assert [start["event"], *(one["event"] for one in stops)] == ["start", "stop", "stop"]


def test_the_lock_is_closed_to_who_may_only_read_it(path: Path, audit: Audit) -> None:
    before = os.umask(0o022)
    try:
        audit.write("start")
        assert stat.S_IMODE(chain.lock_path(path).stat().st_mode) == 0o600
        chain.lock_path(path).chmod(0o644)  # as an earlier version or a copy left it
        audit.write("stop")
        assert stat.S_IMODE(chain.lock_path(path).stat().st_mode) == 0o600
        chain.lock_path(path).chmod(0o664)  # a group that may write keeps it
        audit.write("stop")
        assert stat.S_IMODE(chain.lock_path(path).stat().st_mode) == 0o660
    finally:
        os.umask(before)


def test_a_lock_that_is_not_let_go_delays_one_line_and_not_each(
    path: Path, audit: Audit, clock: FakeClock
) -> None:
    audit.write("start")
    with chain.lock_path(path).open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        waited = []
        for _ in range(4):
            before = clock.monotonic()
            assert audit.write("page") is False
            waited.append(clock.monotonic() - before)
    assert waited[0] >= chain.LOCK_WAIT_S
    assert max(waited[1:]) < 0.1
    assert audit.write("page")
    assert [one["event"] for one in records(path)] == ["start", "audit.lost", "page"]
