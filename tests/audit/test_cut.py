"""The end of the log is cut off while the system runs: the next line of whoever has seen it tells of it."""

import json
import os
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation.audit import Audit, AuditKey, rotate, rotation, verify, verify_all
from tests.fake_clock import FakeClock

KEY = bytes(range(32))
KEYS = (AuditKey("0ld00000", KEY),)
NEW = AuditKey("4e400000", bytes(range(1, 33)))
INDIA = ZoneInfo("Asia/Kolkata")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dashboard_audit.log"


def process(path: Path, name: str = "dashboard", size: int = rotation.ROTATE_BYTES) -> Audit:
    return Audit(path, KEYS, name, FakeClock(), INDIA, rotate_bytes=size)


@pytest.fixture
def audit(path: Path) -> Audit:
    made = process(path)
    for number in range(10):
        assert made.write("page", number=number)
    return made


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def cut(path: Path, keep: int) -> None:
    path.write_bytes(b"".join(lines(path)[:keep]))


def events(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in lines(path)]


@pytest.mark.parametrize("keep", [9, 4, 1, 0])
def test_a_cut_while_the_system_runs_is_named_by_the_next_line(path: Path, audit: Audit, keep: int) -> None:
    cut(path, keep)
    assert audit.write("login", user="admin")
    assert events(path) == ["page"] * keep + ["audit.cut", "login"]
    told = json.loads(lines(path)[keep])
    assert (told["d"]["seen"], told["d"]["left"], told["ok"]) == (10, keep, False)
    (problem,) = verify(path, KEY).problems
    assert (problem.line, problem.kind) == (keep + 1, "cut")
    assert "number 10 was there" in problem.words
    assert "cut off" in str(audit.last_problem)
    assert audit.write("page")
    assert "cut off" in str(audit.last_problem)  # until somebody has looked


def test_a_log_that_was_removed_is_missed(path: Path, audit: Audit) -> None:
    path.unlink()
    assert audit.write("login")
    assert events(path) == ["audit.cut", "login"]
    assert not verify(path, KEY).ok


def test_an_end_torn_off_in_the_middle_of_a_line_is_missed(path: Path, audit: Audit) -> None:
    path.write_bytes(path.read_bytes()[:-30])
    assert audit.write("login")
    assert "audit.cut" in path.read_text()
    assert not verify(path, KEY).ok


def test_a_cut_is_told_once_by_all_processes(path: Path, audit: Audit) -> None:
    poller = process(path, "poller")
    assert poller.write("start")  # number 11: the poller has seen further than the dashboard
    cut(path, 5)
    assert poller.write("page")
    assert audit.write("page")
    assert audit.write("page")
    assert events(path).count("audit.cut") == 1
    cut(path, 3)  # and again, with the line that told of it
    assert audit.write("page")
    assert poller.write("page")
    assert events(path).count("audit.cut") == 1


def test_looking_at_the_last_line_does_not_hide_a_cut(path: Path, audit: Audit) -> None:
    cut(path, 5)
    assert audit.anchor()[0] == 5
    assert audit.write("page")
    assert "audit.cut" in events(path)


def test_what_was_only_seen_is_missed_too(path: Path, audit: Audit) -> None:
    other = process(path, "poller")
    assert other.anchor()[0] == 10
    cut(path, 5)
    assert other.write("start")
    assert "audit.cut" in events(path)


def test_lines_and_closed_files_of_others_are_no_cut(path: Path) -> None:
    clock = FakeClock()
    one = Audit(path, KEYS, "poller", clock, INDIA, rotate_bytes=3000)
    other = Audit(path, KEYS, "dashboard", clock, INDIA, rotate_bytes=3000)
    assert one.write("start")
    for _ in range(40):  # several files are closed between two lines of the poller
        assert other.write("page")
    assert one.write("stop")
    assert other.write("stop")
    assert len(rotation.closed_paths(path)) > 2
    assert verify_all(path, KEYS).ok, verify_all(path, KEYS).words()


def test_a_rotated_key_is_no_cut(path: Path, audit: Audit) -> None:
    stale = Audit(path, KEYS, "poller", FakeClock(), INDIA, refresh=lambda: (NEW, *KEYS))
    assert stale.write("start")
    rotate(path, KEYS[0], NEW, FakeClock(), INDIA)
    assert stale.write("stop")
    assert verify_all(path, [NEW, *KEYS]).ok


def test_a_write_that_failed_half_way_is_no_cut(
    path: Path, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: real(handle, content[:100]))
    assert audit.write("login") is False
    monkeypatch.undo()
    assert audit.write("login")
    assert "audit.cut" not in path.read_text()
    assert verify(path, KEY).ok


def test_a_copy_put_in_its_place_is_no_cut(path: Path, audit: Audit) -> None:
    shutil.copy(path, path.with_name("copy"))
    path.unlink()
    path.with_name("copy").rename(path)
    assert audit.write("page")
    assert verify(path, KEY).ok


def test_a_line_deleted_further_up_is_named_alone(path: Path, audit: Audit) -> None:
    path.write_bytes(b"".join(lines(path)[:3] + lines(path)[4:]))
    assert audit.write("page")
    (problem,) = verify(path, KEY).problems
    assert (problem.line, problem.kind) == (4, "deleted")
