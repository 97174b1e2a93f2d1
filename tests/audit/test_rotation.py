"""The log is closed by month, size and key, and a kill at any step leaves a chain that goes on."""

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation.audit import Audit, AuditKey, rotate, rotation, verify_all
from substation.errors import StoreError
from tests.fake_clock import FakeClock

INDIA = ZoneInfo("Asia/Kolkata")
OLD, NEW = AuditKey("0ld00000", bytes(range(32))), AuditKey("4e400000", bytes(range(1, 33)))
DAY_S = 86_400
LAST_OF_NOVEMBER_MS = 1_796_061_600_000
"""30 November 2026, 18:00 UTC: half past eleven in the evening at the site."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dashboard_audit.log"


def log_of(path: Path, clock: FakeClock, *keys: AuditKey, size: int = rotation.ROTATE_BYTES) -> Audit:
    return Audit(path, keys or (OLD,), "dashboard", clock, INDIA, rotate_bytes=size)


def records(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def names(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir() if not one.name.endswith(".lock"))


def test_a_new_month_of_the_site_closes_the_log(path: Path) -> None:
    clock = FakeClock(LAST_OF_NOVEMBER_MS)
    audit = log_of(path, clock)
    audit.write("start")
    clock.advance(29 * 60)
    audit.write("page")
    assert names(path) == ["dashboard_audit.log"]
    clock.advance(2 * 60)  # 1 December at the site, still November in UTC
    audit.write("login", user="admin")
    assert names(path) == ["dashboard_audit-2026-11.log", "dashboard_audit.log"]
    first, login = records(path)
    closed = records(path.with_name("dashboard_audit-2026-11.log"))
    assert [record["seq"] for record in closed] == [1, 2]
    assert (first["seq"], first["event"], first["prev"]) == (3, "audit.rotate", closed[-1]["mac"])
    assert first["d"] == {
        "prev_file": "dashboard_audit-2026-11.log",
        "last_seq": 2,
        "last_mac": closed[-1]["mac"],
        "sha256": rotation.sha256_of(path.with_name("dashboard_audit-2026-11.log")),
        "kid": "0ld00000",
        "since": 1,
    }
    assert (login["seq"], login["event"], login["prev"]) == (4, "login", first["mac"])
    verdict = verify_all(path, [OLD])
    assert verdict.ok, verdict.words()
    assert (verdict.files, verdict.lines, verdict.last_seq, verdict.first_seq) == (2, 4, 4, 1)


def test_a_large_log_is_closed_and_the_names_of_a_month_are_numbered(path: Path, clock: FakeClock) -> None:
    audit = log_of(path, clock, size=2000)
    for _ in range(14):
        assert audit.write("page", user="admin")
    assert names(path) == [
        "dashboard_audit-2026-11-2.log",
        "dashboard_audit-2026-11.log",
        "dashboard_audit.log",
    ]
    assert verify_all(path, [OLD]).ok


def test_a_name_is_not_given_twice(path: Path) -> None:
    path.with_name("dashboard_audit-2026-11-7.log").touch()
    assert rotation.next_path(path, "2026-11").name == "dashboard_audit-2026-11-8.log"
    assert rotation.next_path(path, "2026-10").name == "dashboard_audit-2026-10.log"


def test_a_clock_that_was_set_back_closes_nothing(path: Path, clock: FakeClock) -> None:
    audit = log_of(path, clock)
    audit.write("start")
    clock.step(-56 * 365 * DAY_S)  # a machine without a clock of its own starts in 1970
    audit.write("start")
    clock.step(56 * 365 * DAY_S)
    audit.write("page")
    assert names(path) == ["dashboard_audit.log"]
    assert verify_all(path, [OLD]).ok


def test_a_log_that_cannot_be_closed_goes_on_and_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock(LAST_OF_NOVEMBER_MS)
    audit = log_of(path, clock)
    audit.write("start")
    clock.advance(DAY_S)

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", refuse)
        assert audit.write("page") is True
        assert "cannot be closed" in str(audit.last_problem)
    assert audit.write("page") is True
    assert audit.last_problem is None
    assert len(names(path)) == 2
    assert verify_all(path, [OLD]).ok


class Killed(BaseException):
    """The process was killed here."""


STEPS: dict[str, tuple[type | object, str]] = {
    "before the old file is on the card": (os, "fdatasync"),
    "before the old file is renamed": (Path, "rename"),
    "before the folder is on the card": (os, "fsync"),
    "before the new file is made": (Audit, "_open"),
    "before the new file has its first line": (rotation, "sha256_of"),
    "before the first line is written": (os, "write"),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("keys", [(OLD,), (NEW, OLD)], ids=["month", "key"])
def test_a_kill_at_any_step_of_closing_leaves_a_chain_that_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, keys: tuple[AuditKey, ...]
) -> None:
    clock = FakeClock(LAST_OF_NOVEMBER_MS)
    log_of(path, clock).write("start")
    clock.advance(DAY_S)
    where, name = STEPS[step]
    real: Callable[..., object] = getattr(where, name)
    calls = []

    def kill(*args: object, **named: object) -> object:
        calls.append(name)
        # the file is opened once to look at it; with a new key `key.rotated` is written before
        if len(calls) <= (name == "_open") + (name == "write" and len(keys) > 1):
            return real(*args, **named)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(where, name, kill)
        with pytest.raises(Killed):
            log_of(path, clock, *keys).write("page")
    assert verify_all(path, keys).ok, verify_all(path, keys).words()
    for key in keys:
        assert log_of(path, clock, key, *[other for other in keys if other is not key]).write("login")
        break
    verdict = verify_all(path, keys)
    assert verdict.ok, verdict.words()
    assert [record["event"] for record in records(path)] == ["audit.rotate", "login"]
    assert len(names(path)) == 2


def test_a_first_line_that_was_torn_is_written_again(path: Path) -> None:
    clock = FakeClock(LAST_OF_NOVEMBER_MS)
    audit = log_of(path, clock)
    audit.write("start")
    clock.advance(DAY_S)
    audit.write("page")
    path.write_bytes(path.read_bytes()[:100])
    assert verify_all(path, [OLD]).ok
    assert log_of(path, clock).write("login")
    torn, first, login = path.read_bytes().splitlines()
    assert (len(torn), json.loads(first)["event"], json.loads(login)["event"]) == (
        100,
        "audit.rotate",
        "login",
    )
    verdict = verify_all(path, [OLD])
    assert verdict.ok, verdict.words()
    assert verdict.torn == ((path.name, 1),)


def test_a_line_under_each_key_tells_of_a_changed_key(path: Path, clock: FakeClock) -> None:
    log_of(path, clock).write("start")
    rotate(path, OLD, NEW, clock, INDIA, user="ravi")
    rotate(path, OLD, NEW, clock, INDIA, user="ravi")  # done twice it changes nothing
    start, told = records(path.with_name("dashboard_audit-2026-11.log"))
    (first,) = records(path)
    assert (start["event"], told["event"]) == ("start", "key.rotated")
    assert told["d"] == {"old": "0ld00000", "new": "4e400000", "by": "ravi"}
    assert isinstance(first["d"], dict)
    assert (first["event"], first["d"]["kid"], first["seq"]) == ("audit.rotate", "4e400000", 3)
    assert verify_all(path, [NEW, OLD]).ok
    assert [p.kind for p in verify_all(path, [NEW]).problems] == ["key"]


def test_a_log_that_is_not_there_yet_needs_no_change_of_its_key(path: Path, clock: FakeClock) -> None:
    rotate(path, OLD, NEW, clock, INDIA)
    assert log_of(path, clock, NEW, OLD).write("start")
    assert verify_all(path, [NEW]).ok


def test_a_log_whose_key_cannot_be_changed_is_an_error_in_words(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "audit.log").mkdir()
    with pytest.raises(StoreError, match="audit log"):
        rotate(tmp_path / "audit.log", OLD, NEW, clock, INDIA)


def test_a_process_with_the_old_key_in_memory_takes_the_new_one(path: Path, clock: FakeClock) -> None:
    stale = Audit(path, (OLD,), "poller", clock, INDIA, refresh=lambda: (NEW, OLD))
    stale.write("start")
    rotate(path, OLD, NEW, clock, INDIA)
    assert stale.write("stop")
    assert stale.write("stop")
    assert len(names(path)) == 2
    verdict = verify_all(path, [NEW, OLD])
    assert verdict.ok, verdict.words()
    assert verdict.last_seq == 5


def test_a_process_that_knows_the_new_key_first_changes_over_by_itself(path: Path, clock: FakeClock) -> None:
    log_of(path, clock).write("start")
    assert log_of(path, clock, NEW, OLD).write("login")
    rotate(path, OLD, NEW, clock, INDIA)
    assert len(names(path)) == 2
    assert verify_all(path, [NEW, OLD]).ok


def test_lines_under_a_retired_key_do_not_pass_after_the_change(path: Path, clock: FakeClock) -> None:
    log_of(path, clock).write("start")
    rotate(path, OLD, NEW, clock, INDIA)
    forger = log_of(path, clock)
    assert forger.write("login", user="eve")
    assert log_of(path, clock, NEW, OLD)._refresh is None
    (problem,) = verify_all(path, [NEW, OLD]).problems
    assert (problem.file, problem.line, problem.kind) == (path.name, 2, "key")


def test_another_stations_backup_begins_a_new_file_and_is_named(path: Path, clock: FakeClock) -> None:
    log_of(path, clock, NEW).write("start")
    audit = Audit(path, (OLD,), "poller", clock, INDIA, refresh=lambda: (OLD,))
    assert audit.write("start")
    assert audit.write("stop")
    (problem,) = verify_all(path, [OLD]).problems
    assert (problem.file, problem.kind) == ("dashboard_audit-2026-11.log", "key")


def years(path: Path, clock: FakeClock, months: int) -> None:
    for _ in range(months):
        assert log_of(path, clock).write("start")
        clock.advance(31 * DAY_S)


def test_files_are_kept_for_more_than_a_year_and_the_oldest_go(path: Path, clock: FakeClock) -> None:
    years(path, clock, 14)
    assert len(names(path)) == 14
    years(path, clock, 3)
    kept = [name for name in names(path) if name != path.name]
    assert len(kept) == 13
    first = records(path.with_name(kept[0]))[-1]
    assert clock.now_ms() - dt.datetime.fromisoformat(str(first["utc"])).timestamp() * 1000 > 400 * DAY_S
    removed = records(path)[0]["d"]
    assert isinstance(removed, dict)
    assert len(removed["removed"]) == 1
    verdict = verify_all(path, [OLD])
    assert verdict.ok, verdict.words()
    assert verdict.first_seq > 1


def test_an_oldest_file_that_somebody_removed_is_missed(path: Path, clock: FakeClock) -> None:
    years(path, clock, 17)
    oldest = min(one for one in path.parent.glob("dashboard_audit-*.log"))
    oldest.unlink()
    (problem,) = verify_all(path, [OLD]).problems
    assert problem.kind in ("missing", "deleted")
    assert oldest.name in problem.words


def test_a_clock_that_jumps_ahead_removes_nothing(path: Path, clock: FakeClock) -> None:
    years(path, clock, 6)
    before = names(path)
    clock.step(20 * 365 * DAY_S)
    assert log_of(path, clock).write("start")
    assert set(before) <= set(names(path))
    assert verify_all(path, [OLD]).ok
