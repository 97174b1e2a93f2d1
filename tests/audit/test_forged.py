"""Lines put at the end of the log by somebody without its key, or with one that is out of use."""

import json
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation.audit import Audit, AuditKey, chain, newest, rotate, verify, verify_all
from substation.audit.rotation import retired_at
from tests.fake_clock import FakeClock

INDIA = ZoneInfo("Asia/Kolkata")
OLD, NEW = AuditKey("0ld00000", bytes(range(32))), AuditKey("4e400000", bytes(range(1, 33)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dashboard_audit.log"


@pytest.fixture
def audit(path: Path, clock: FakeClock) -> Audit:
    made = Audit(path, (OLD,), "dashboard", clock, INDIA)
    for number in range(3):
        assert made.write("page", number=number)
    return made


def forge(path: Path, seq: int, times: int = 1) -> None:
    record = json.loads(path.read_bytes().splitlines()[-1]) | {"seq": seq, "mac": "ab" * 32}
    with path.open("ab") as file:
        for _ in range(times):
            file.write(chain.canonical(record) + b"\n")


@pytest.mark.parametrize("seq", [chain.MAX_SEQ - 1, chain.MAX_SEQ - 2, 77, 2])
def test_a_forged_last_line_is_named_and_the_lines_after_it_are_whole(
    path: Path, audit: Audit, clock: FakeClock, seq: int
) -> None:
    forge(path, seq)
    assert audit.write("login", user="admin")
    assert Audit(path, (OLD,), "poller", clock, INDIA).write("stop")
    (problem,) = verify(path, OLD.key).problems
    assert (problem.line, problem.kind) == (4, "inserted")
    assert verify(path, OLD.key).last_seq == 5
    seen = newest(path, keys=(OLD,)).entries
    assert [(one.seq, one.sealed) for one in seen][:3] == [(5, True), (4, True), (seq, False)]


def test_many_forged_lines_change_no_number(path: Path, audit: Audit) -> None:
    forge(path, chain.MAX_SEQ - 1, times=300)
    assert audit.write("login")
    assert json.loads(path.read_bytes().splitlines()[-1])["seq"] == 4


def test_an_edited_last_line_keeps_its_number(path: Path, audit: Audit, clock: FakeClock) -> None:
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":7'))
    assert Audit(path, (OLD,), "poller", clock, INDIA).write("start")
    (problem,) = verify(path, OLD.key).problems
    assert (problem.line, problem.kind) == (3, "edited")


def test_a_log_of_forged_lines_alone_is_not_counted_on(path: Path, clock: FakeClock) -> None:
    made = Audit(path, (OLD,), "dashboard", clock, INDIA)
    made.write("start")
    forge(path, chain.MAX_SEQ - 1)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[1])
    size = path.stat().st_size
    assert Audit(path, (OLD,), "dashboard", clock, INDIA).write("start") is False
    assert path.stat().st_size == size


def test_forged_lines_in_a_closed_file_do_not_count(path: Path, audit: Audit, clock: FakeClock) -> None:
    forge(path, chain.MAX_SEQ - 1)
    path.rename(path.with_name("dashboard_audit-2026-11.log"))
    assert audit.anchor()[0] == 3
    assert audit.write("start")
    first = json.loads(path.read_bytes().splitlines()[0])
    assert (first["event"], first["seq"]) == ("audit.rotate", 4)
    assert [problem.kind for problem in verify(path, OLD.key).problems] == ["inserted"]


def ended(path: Path) -> AuditKey:
    return AuditKey(OLD.kid, OLD.key, retired_at(path, OLD))


def test_the_end_of_a_retired_key_is_found_in_the_log(path: Path, audit: Audit, clock: FakeClock) -> None:
    assert retired_at(path, OLD) is None
    rotate(path, OLD, NEW, clock, INDIA)
    last = json.loads(path.with_name("dashboard_audit-2026-11.log").read_bytes().splitlines()[-1])
    assert retired_at(path, OLD) == (last["seq"], last["mac"]) == (4, last["mac"])
    assert retired_at(path, NEW) is None
    assert verify_all(path, [NEW, ended(path)]).ok


def restored(path: Path, clock: FakeClock) -> Path:
    """Rotate, and put the log back as it was before; lines are added with the key that is out of use."""
    kept = path.with_name("kept")
    shutil.copy(path, kept)
    rotate(path, OLD, NEW, clock, INDIA)
    return kept


@pytest.mark.parametrize("forged", [0, 1, 5])
def test_a_retired_key_seals_nothing_any_more(
    path: Path, audit: Audit, clock: FakeClock, forged: int
) -> None:
    kept = restored(path, clock)
    retired = ended(path)
    path.with_name("dashboard_audit-2026-11.log").unlink()
    kept.rename(path)
    forger = Audit(path, (OLD,), "dashboard", clock, INDIA)
    for _ in range(forged):
        assert forger.write("login", user="eve")
    assert verify_all(path, [NEW, OLD]).ok  # without the number nothing shows it
    problems = verify_all(path, [NEW, retired]).problems
    assert {problem.kind for problem in problems} <= {"cut", "key"}
    beyond = [problem.line for problem in problems if problem.kind == "key"]
    assert beyond == ([5 + number for number in range(forged - 1)])
    assert any("number 4 was noted" in problem.words for problem in problems)


def test_sealing_a_forged_file_off_does_not_make_it_right(path: Path, audit: Audit, clock: FakeClock) -> None:
    kept = restored(path, clock)
    retired = ended(path)
    path.with_name("dashboard_audit-2026-11.log").unlink()
    kept.rename(path)
    assert Audit(path, (OLD,), "dashboard", clock, INDIA).write("login", user="eve")
    assert Audit(path, (NEW, retired), "poller", clock, INDIA).write("start")
    assert {problem.kind for problem in verify_all(path, [NEW, retired]).problems} == {"cut", "key"}
