"""S35: every line of the log is edited, deleted, inserted, moved and copied, and verify names it."""

import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation.audit import Audit, tail, verify
from substation.errors import StoreError
from tests.fake_clock import FakeClock

KEY = bytes(range(32))
LINES = 200


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    path = tmp_path_factory.mktemp("audit") / "audit.log"
    clock = FakeClock()
    audit = Audit(path, KEY, "dashboard", clock, ZoneInfo("Asia/Kolkata"))
    for number in range(LINES):
        assert audit.write("page", user="admin", src="10.0.0.7", path=f"/meter/{number}")
        clock.advance(1)
    return path.read_bytes().splitlines(keepends=True)


def found(path: Path, lines: list[bytes]) -> dict[int, str]:
    path.write_bytes(b"".join(lines))
    verdict = verify(path, KEY)
    assert verdict.lines == len(lines)
    assert verdict.ok is not bool(verdict.problems)
    for problem in verdict.problems:
        assert f"{problem.file} line {problem.line}: " in problem.words
        assert problem.words in verdict.words()
    return {problem.line: problem.kind for problem in verdict.problems}


def test_an_untouched_log_is_whole(tmp_path: Path, whole: list[bytes]) -> None:
    path = tmp_path / "audit.log"
    path.write_bytes(b"".join(whole))
    verdict = verify(path, KEY)
    assert verdict.ok
    assert (verdict.lines, verdict.last_seq, verdict.torn) == (LINES, LINES, ())
    assert verdict.last_mac.encode() in whole[-1]


def test_every_edited_line_is_named(tmp_path: Path, whole: list[bytes]) -> None:
    for at in range(LINES):
        lines = list(whole)
        lines[at] = lines[at].replace(b'"user":"admin"', b'"user":"guest"')
        assert found(tmp_path / "a", lines) == {at + 1: "edited"}


def test_every_part_of_a_line_is_covered(tmp_path: Path, whole: list[bytes]) -> None:
    line = whole[50]
    for at in range(len(line) - 1):
        lines = whole[:60]
        lines[50] = line[:at] + (b"x" if line[at : at + 1] != b"x" else b"y") + line[at + 1 :]
        kinds = found(tmp_path / "a", lines)
        assert 51 in kinds, line[at - 5 : at + 5]


def test_blanks_and_a_second_key_of_the_same_name_are_edits_too(tmp_path: Path, whole: list[bytes]) -> None:
    for other in (
        whole[50].replace(b'"ok":true', b'"ok": true'),
        whole[50].replace(b'"ok":true', b'"ok":false,"ok":true'),
        whole[50].replace(b"admin", b"\\u0061dmin"),
    ):
        assert other != whole[50]
        assert found(tmp_path / "a", [*whole[:50], other, *whole[51:]]) == {51: "edited"}


def test_every_deleted_line_is_named(tmp_path: Path, whole: list[bytes]) -> None:
    for at in range(LINES - 1):  # of a cut tail a chain knows nothing
        assert found(tmp_path / "a", whole[:at] + whole[at + 1 :]) == {at + 1: "deleted"}


def test_a_cut_tail_is_seen_by_what_was_noted_elsewhere(tmp_path: Path, whole: list[bytes]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"".join(whole))
    before = verify(path, KEY)
    anchor = (before.last_seq, before.last_mac)
    assert verify(path, KEY, [anchor]).ok
    path.write_bytes(b"".join(whole[:150]))
    assert verify(path, KEY).ok  # a bare chain misses it
    for noted in (anchor, (anchor[0], anchor[1][:16])):
        (problem,) = verify(path, KEY, [noted]).problems
        assert (problem.line, problem.kind) == (151, "cut")
        assert "number 200" in problem.words
    assert Audit(path, KEY, "poller", FakeClock(), ZoneInfo("Asia/Kolkata")).write("start")
    assert not verify(path, KEY, [anchor]).ok  # going on after the cut hides nothing


def test_several_deleted_lines_are_counted(tmp_path: Path, whole: list[bytes]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"".join(whole[:10] + whole[17:]))
    (problem,) = verify(path, KEY).problems
    assert (problem.line, problem.kind) == (11, "deleted")
    assert "7 lines are missing" in problem.words


def test_every_copied_line_is_named(tmp_path: Path, whole: list[bytes]) -> None:
    for at in range(0, LINES, 23):
        for to in range(0, LINES, 29):
            lines = list(whole)
            lines.insert(to, whole[at])
            kinds = found(tmp_path / "a", lines)
            copies = {to + 1, at + 2 if at >= to else at + 1}
            assert list(kinds.values()) == ["copied"]
            assert set(kinds) <= copies


def test_every_moved_line_is_named(tmp_path: Path, whole: list[bytes]) -> None:
    for at in range(0, LINES, 19):
        for to in (0, 3, 99, 150, LINES - 1):
            if abs(at - to) < 2:
                continue
            lines = list(whole)
            lines.insert(to, lines.pop(at))
            assert found(tmp_path / "a", lines) == {to + 1: "moved"}


def test_two_exchanged_lines_are_named(tmp_path: Path, whole: list[bytes]) -> None:
    lines = list(whole)
    lines[50], lines[51] = lines[51], lines[50]
    kinds = found(tmp_path / "a", lines)
    assert list(kinds.values()) == ["moved"]
    assert set(kinds) <= {51, 52}


def test_every_inserted_line_is_named(tmp_path: Path, whole: list[bytes]) -> None:
    for at in range(0, LINES, 3):
        forged = whole[at].replace(b"/meter/", b"/forged/")
        lines = list(whole)
        lines.insert(at, forged)
        assert found(tmp_path / "a", lines) == {at + 1: "inserted"}


def test_a_line_of_another_stations_log_is_an_inserted_one(tmp_path: Path, whole: list[bytes]) -> None:
    other = tmp_path / "other.log"
    Audit(other, b"x" * 32, "dashboard", FakeClock(), ZoneInfo("Asia/Kolkata")).write("login", user="eve")
    assert found(tmp_path / "a", [*whole[:9], other.read_bytes(), *whole[9:]]) == {10: "inserted"}


def test_a_forged_line_at_the_end_is_named(tmp_path: Path, whole: list[bytes]) -> None:
    forged = whole[-1].replace(b"admin", b"guest")
    assert found(tmp_path / "a", [*whole, forged]) == {LINES + 1: "edited"}
    assert found(tmp_path / "a", [*whole[:-1], b"gone\n"]) == {LINES: "edited"}


def test_mixed_changes_are_never_called_whole(tmp_path: Path, whole: list[bytes]) -> None:
    chance = random.Random(4)
    for _ in range(60):
        lines = list(whole)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(lines) - 1)
            match chance.randrange(4):
                case 0:
                    lines[at] = lines[at].replace(b'"ok":true', b'"ok":null')
                case 1:
                    del lines[at]
                case 2:
                    lines.insert(chance.randrange(len(lines)), lines[at])
                case 3:
                    lines.insert(chance.randrange(len(lines) - 1), lines.pop(at))
        path = tmp_path / "a"
        path.write_bytes(b"".join(lines))
        assert verify(path, KEY).ok is (lines == whole)


def test_a_torn_line_is_reported_as_torn_and_breaks_nothing(tmp_path: Path, whole: list[bytes]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"".join(whole[:20]) + whole[20][:100])
    verdict = verify(path, KEY)
    assert verdict.ok
    assert verdict.torn == (("a", 21),)
    audit = Audit(path, KEY, "poller", FakeClock(), ZoneInfo("Asia/Kolkata"))
    assert audit.write("start")
    verdict = verify(path, KEY)
    assert verdict.ok
    assert (verdict.lines, verdict.last_seq, verdict.torn) == (22, 21, (("a", 21),))
    assert "line 21: torn" in "\n".join(verdict.words())


def test_a_line_that_lacks_only_its_end_is_whole(tmp_path: Path, whole: list[bytes]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"".join(whole[:20]).removesuffix(b"\n"))
    assert verify(path, KEY).ok
    assert Audit(path, KEY, "poller", FakeClock(), ZoneInfo("Asia/Kolkata")).write("start")
    verdict = verify(path, KEY)
    assert (verdict.ok, verdict.lines, verdict.last_seq, verdict.torn) == (True, 21, 21, ())


def test_the_chain_goes_on_from_an_edited_last_line_so_that_just_it_is_named(
    tmp_path: Path, whole: list[bytes]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"".join([*whole[:9], whole[9].replace(b"admin", b"guest")]))
    assert Audit(path, KEY, "poller", FakeClock(), ZoneInfo("Asia/Kolkata")).write("start")
    assert {p.line: p.kind for p in verify(path, KEY).problems} == {10: "edited"}


def test_another_key_is_said_once_and_not_for_each_line(tmp_path: Path, whole: list[bytes]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"".join(whole))
    verdict = verify(path, b"y" * 32)
    assert not verdict.ok
    assert len(verdict.problems) == 1
    assert "key" in verdict.problems[0].words


def test_a_log_that_cannot_be_read_is_an_error_and_not_a_verdict(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        verify(tmp_path / "none.log", KEY)
    with pytest.raises(StoreError, match="cannot be read"):
        tail(tmp_path / "none.log")


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert verify(tmp_path / "a", KEY).ok


def test_the_tail_reads_like_a_log_book(tmp_path: Path, whole: list[bytes]) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"".join(whole[:3]))
    Audit(path, KEY, "dashboard", FakeClock(), ZoneInfo("Asia/Kolkata")).write(
        "login.failed", user="eve\n\x1b[31m", src="10.0.0.9", ok=False
    )
    last = tail(path, 2)
    assert last[0].endswith("dashboard page admin from 10.0.0.7 path=/meter/2")
    assert last[1] == "2026-11-24 11:30:00 dashboard login.failed REFUSED eve\\n\\x1b[31m from 10.0.0.9"
    assert tail(path, 0) == []
