"""S35 over a rotation: whatever is done to any line of any file, file and line are named."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from substation.audit import Audit, AuditKey, rotation, verify_all, walk
from tests.fake_clock import FakeClock

KEYS = (AuditKey("11111111", bytes(range(32))),)
LINES = 80
"""Each is tried against all of them; two hundred in one file: `test_verdict.py`."""
NAME, FIRST, SECOND = "audit.log", "audit-2026-11.log", "audit-2026-12.log"
ORDER = (FIRST, SECOND, NAME)

Whole = dict[str, list[bytes]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Lines of a log in three files, by file."""
    path = tmp_path_factory.mktemp("audit") / NAME
    clock = FakeClock(1_795_500_000_000)
    audit = Audit(path, KEYS, "dashboard", clock, ZoneInfo("Asia/Kolkata"))
    for number in range(LINES - 2):
        assert audit.write("page", user="admin", src="10.0.0.7", path=f"/meter/{number}")
        clock.advance(15 * 3600)
    files = {name: path.with_name(name).read_bytes().splitlines(keepends=True) for name in ORDER}
    assert [len(lines) for lines in files.values()] == [11, 51, 18]
    return files


@pytest.fixture
def folder(tmp_path: Path, whole: Whole) -> Path:
    """A folder with the whole log."""
    write(tmp_path, whole)
    return tmp_path


def write(folder: Path, files: Whole) -> None:
    for name, lines in files.items():
        (folder / name).write_bytes(b"".join(lines))


def changed(whole: Whole, name: str, lines: list[bytes]) -> Whole:
    return {**whole, name: lines}


def places(whole: Whole) -> Iterator[tuple[str, int]]:
    """Every line: its file and its place in it, from 0."""
    for name in ORDER:
        for at in range(len(whole[name])):
            yield name, at


def found(folder: Path, files: Whole | None = None) -> dict[tuple[str, int], str]:
    if files is not None:
        write(folder, files)
    verdict = verify_all(folder / NAME, KEYS)
    for problem in verdict.problems:
        assert problem.words in verdict.words()
        assert problem.file in problem.words
    return {(problem.file, problem.line): problem.kind for problem in verdict.problems}


def test_a_log_over_three_files_is_whole(folder: Path) -> None:
    verdict = verify_all(folder / NAME, KEYS)
    assert verdict.ok, verdict.words()
    assert (verdict.files, verdict.lines, verdict.last_seq) == (3, LINES, LINES)
    assert f"{LINES} lines in 3 files is whole" in verdict.words()[0]


def test_every_edited_line_is_named(folder: Path, whole: Whole) -> None:
    for name, at in places(whole):
        lines = list(whole[name])
        lines[at] = lines[at].replace(b'"ok":true', b'"ok":false')
        assert found(folder, changed(whole, name, lines)) == {(name, at + 1): "edited"}


def test_every_deleted_line_is_named(folder: Path, whole: Whole) -> None:
    for name, at in places(whole):
        last = at == len(whole[name]) - 1
        if last and name == NAME:
            continue  # of a cut tail a chain knows nothing
        lines = whole[name][:at] + whole[name][at + 1 :]
        assert found(folder, changed(whole, name, lines)) == {(name, at + 1): "cut" if last else "deleted"}


def test_every_inserted_line_is_named(folder: Path, whole: Whole) -> None:
    forged = whole[FIRST][3].replace(b"/meter/", b"/forged/")
    for name, at in places(whole):
        lines = list(whole[name])
        lines.insert(at, forged)
        assert found(folder, changed(whole, name, lines)) == {(name, at + 1): "inserted"}


def test_every_doubled_line_is_named(folder: Path, whole: Whole) -> None:
    for name, at in places(whole):
        lines = list(whole[name])
        lines.insert(at, lines[at])
        kinds = found(folder, changed(whole, name, lines))
        assert list(kinds.values()) == ["copied"]
        assert set(kinds) <= {(name, at + 1), (name, at + 2)}


def test_a_line_that_was_moved_to_another_file_is_named(folder: Path, whole: Whole) -> None:
    for name, at in list(places(whole))[::5]:
        for other in ORDER:
            if other == name or (name, at) == (NAME, len(whole[NAME]) - 1):
                continue
            lines = list(whole[other])
            lines.insert(len(lines) // 2, whole[name][at])
            files = {**changed(whole, other, lines), name: whole[name][:at] + whole[name][at + 1 :]}
            kinds = found(folder, files)
            assert kinds.get((other, len(whole[other]) // 2 + 1)) == "moved", (name, at, other)


def test_every_exchanged_pair_is_named(folder: Path, whole: Whole) -> None:
    for name, at in places(whole):
        if at + 1 == len(whole[name]):
            continue
        lines = list(whole[name])
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
        kinds = found(folder, changed(whole, name, lines))
        assert "moved" in kinds.values()
        assert set(kinds) <= {(name, at + 1), (name, at + 2)}


@pytest.mark.parametrize("name", ORDER[:2])
@pytest.mark.parametrize("kept", [0, 1, 8])
def test_the_cut_tail_of_a_closed_file_is_named(folder: Path, whole: Whole, name: str, kept: int) -> None:
    kinds = found(folder, changed(whole, name, whole[name][:kept]))
    assert kinds == {(name, kept + 1): "cut"}


def test_the_cut_tail_of_the_last_file_is_named_by_what_was_noted(folder: Path, whole: Whole) -> None:
    before = verify_all(folder / NAME, KEYS)
    anchor = (before.last_seq, before.last_mac[:16])
    assert verify_all(folder / NAME, KEYS, [anchor]).ok
    for kept in (12, 0):
        write(folder, changed(whole, NAME, whole[NAME][:kept]))
        assert verify_all(folder / NAME, KEYS).ok  # a bare chain misses it
        (problem,) = verify_all(folder / NAME, KEYS, [anchor]).problems
        assert (problem.kind, problem.line) == ("cut", kept + 1)
        assert f"number {LINES}" in problem.words


def test_a_noted_line_in_a_closed_file_is_found(folder: Path) -> None:
    noted = [(int(r.last.seq), r.last.mac) for r in rotation.closed_files(folder / NAME)]
    assert len(noted) == 2
    assert verify_all(folder / NAME, KEYS, noted).ok
    (problem,) = verify_all(folder / NAME, KEYS, [(noted[0][0], "f" * 64)]).problems
    assert (problem.kind, "is another line now" in problem.words) == ("cut", True)


@pytest.mark.parametrize("name", ORDER[:2])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (problem,) = verify_all(folder / NAME, KEYS).problems
    assert (problem.kind, problem.file) == ("missing", name)
    assert f"{name} is missing" in problem.words


def test_two_missing_files_are_one_gap_with_its_numbers(folder: Path) -> None:
    (folder / FIRST).unlink()
    (folder / SECOND).unlink()
    (problem,) = verify_all(folder / NAME, KEYS).problems
    assert problem.kind == "missing"
    assert "numbers 1 to 62" in problem.words


@pytest.mark.parametrize("name", ORDER[:2])
def test_a_renamed_file_is_named(folder: Path, name: str) -> None:
    (folder / name).rename(folder / "audit-2026-03.log")
    (problem,) = verify_all(folder / NAME, KEYS).problems
    assert (problem.kind, problem.file) == ("renamed", "audit-2026-03.log")
    assert f"closed as {name}" in problem.words


def test_two_files_with_exchanged_names_are_named(folder: Path) -> None:
    (folder / FIRST).rename(folder / "x")
    (folder / SECOND).rename(folder / FIRST)
    (folder / "x").rename(folder / SECOND)
    assert not verify_all(folder / NAME, KEYS).ok


def test_a_copied_file_is_named_once(folder: Path) -> None:
    shutil.copy(folder / FIRST, folder / "audit-2026-11-2.log")
    kinds = found(folder)
    assert list(kinds.values()) == ["copied"]


def test_another_stations_file_is_named_once(folder: Path) -> None:
    other = Audit(folder / "audit-2026-01.log", b"x" * 32, "d", FakeClock(), ZoneInfo("Asia/Kolkata"))
    for _ in range(5):
        other.write("page")
    assert found(folder) == {("audit-2026-01.log", 1): "key"}


@pytest.mark.parametrize("name", ORDER[:2])
def test_a_change_that_no_line_shows_is_seen_by_the_sum_of_the_file(
    folder: Path, whole: Whole, name: str
) -> None:
    torn = [*whole[name][:5], b"garbage\n", *whole[name][5:]]
    kinds = found(folder, changed(whole, name, torn))
    assert kinds == {(name, 0): "edited"}


def test_lines_moved_to_a_file_of_their_own_are_named(folder: Path, whole: Whole) -> None:
    write(folder, {**whole, NAME: whole[NAME][10:], "audit-2027-01.log": whole[NAME][:10]})
    kinds = found(folder)
    assert kinds == {(NAME, 1): "moved"}


def test_a_log_that_was_closed_and_not_yet_begun_is_whole(folder: Path) -> None:
    (folder / NAME).unlink()
    verdict = verify_all(folder / NAME, KEYS)
    assert verdict.ok
    assert verdict.last_seq == 62


def test_a_walk_in_the_background_lets_others_go_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "PAUSE_LINES", 20)
    pauses: list[int] = []
    assert verify_all(folder / NAME, KEYS, pause=lambda: pauses.append(1)).ok
    assert pauses
