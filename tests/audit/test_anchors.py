"""S36: a cut-off end is named, because the last line was noted outside of the log."""

import io
import os
from pathlib import Path

import pytest

from substation.acquisition.audited import AuditedPoller
from substation.acquisition.spine import Ending
from substation.audit import Audit, anchors
from substation.commands import datalogger
from substation.errors import StoreError
from substation.settings import files, vault
from substation.settings.files import Loaded, load, write_new
from substation.settings.model import CARD_METERS, Settings
from substation.store import anchors as kept
from substation.store.operator_db import OperatorDb
from tests.fake_clock import FakeClock


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    vault.write_key(tmp_path / "config_key.key", vault.new_key())
    write_new(tmp_path, Settings(simulated=True, meters=CARD_METERS))
    (tmp_path / "state").mkdir()
    return load(tmp_path)


@pytest.fixture
def audit(station: Loaded, clock: FakeClock) -> Audit:
    made = Audit.of_station(station.home.folder, station.settings, "dashboard", clock)
    for number in range(20):
        assert made.write("page", user="admin", path=f"/meter/{number}")
    return made


def verify(capsys: pytest.CaptureFixture[str], clock: FakeClock, *given: str) -> tuple[int, str]:
    options = [word for text in given for word in ("--anchor", text)]
    code = datalogger.main(["audit", "verify", *options], clock)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def cut(path: Path, lines: int) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))


def test_an_anchor_is_the_last_line(audit: Audit) -> None:
    seq, mac = audit.anchor()
    assert seq == 20
    assert mac.encode() in audit.path.read_bytes().splitlines()[-1]


def test_an_empty_or_unreadable_log_has_none(tmp_path: Path, clock: FakeClock, station: Loaded) -> None:
    made = Audit.of_station(station.home.folder, station.settings, "dashboard", clock)
    assert made.anchor()[0] == 0
    made.path.unlink()
    made.path.mkdir()
    assert made.anchor()[0] == 0
    assert "cannot be read" in str(made.last_problem)


def test_a_line_of_a_log_that_was_just_closed_is_the_anchor(audit: Audit) -> None:
    before = audit.anchor()
    audit.path.rename(audit.path.with_name("dashboard_audit-2026-11.log"))
    assert audit.anchor() == before


def test_the_poller_notes_start_each_day_and_stop_in_the_history(
    station: Loaded, audit: Audit, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    poller = AuditedPoller(station, clock, Ending(), audit)
    poller.note_anchor("start")
    days = {chore.__name__: every_s for every_s, chore in poller.chores}
    assert days["note_day"] == 86_400
    assert days["note_hour"] == 3600
    poller.do_chores()
    clock.advance(86_401)
    poller.do_chores()
    audit.write("stop")
    poller.note_anchor("stop")
    poller.stop()
    noted = kept.of_history(station.home.history)
    assert [seq for seq, _ in noted] == [20, 21, 22]
    assert verify(capsys, clock)[0] == 0
    cut(audit.path, 20)
    code, said = verify(capsys, clock)
    assert code == 1
    assert "line 21: number 22 was noted" in said
    assert "cut off" in said


def test_what_the_dashboard_noted_names_a_cut_end(
    station: Loaded, audit: Audit, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    database = OperatorDb(station.home.operator, simulated=True)
    kept.note(database, audit.anchor(), clock.now_ms(), "start")
    database.close()
    assert verify(capsys, clock) == (0, verify(capsys, clock)[1])
    cut(audit.path, 15)
    for _ in range(9):
        assert audit.write("page")  # going on after the cut hides nothing
    code, said = verify(capsys, clock)
    assert code == 1
    assert "number 20 was noted" in said
    assert "is another line now" in said


def test_a_number_noted_by_hand_names_a_cut_end(
    audit: Audit, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = verify(capsys, clock)
    assert code == 0
    (noted,) = [line.split()[-1] for line in said.splitlines() if "Note this down" in line]
    assert noted.startswith("20:")
    assert verify(capsys, clock, noted)[0] == 0
    cut(audit.path, 19)
    assert verify(capsys, clock)[0] == 0
    assert verify(capsys, clock, noted)[0] == 1


@pytest.mark.parametrize("wrong", ["20", "x:abcdef12", "20:abc", "20:zzzzzzzz", ""])
def test_a_mistyped_number_is_wrong_usage(
    audit: Audit, clock: FakeClock, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    code, said = verify(capsys, clock, wrong)
    assert code == 64
    assert "is no anchor" in said


def test_a_store_that_cannot_be_asked_is_said_and_does_not_stop_the_verification(
    station: Loaded, audit: Audit, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    station.home.operator.write_bytes(b"nonsense" * 200)
    code, said = verify(capsys, clock)
    assert code == 0
    assert "Not compared with the numbers noted in operator.db" in said


def test_an_unreadable_log_is_no_verdict(
    station: Loaded, audit: Audit, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.path.unlink()
    code, said = verify(capsys, clock)
    assert code == 2
    assert "cannot be read" in said


def test_the_operators_database_keeps_the_newest_thousand(station: Loaded) -> None:
    database = OperatorDb(station.home.operator, simulated=True)
    for number in range(kept.MOST + 20):
        kept.note(database, (number, "ab" * 32), 0, "daily")
    assert [seq for seq, _ in kept.of_operators(station.home.operator)][:2] == [20, 21]
    assert len(kept.of_operators(station.home.operator)) == kept.MOST
    database.close()


def test_a_database_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    assert kept.of_operators(tmp_path / "none.db") == []
    (tmp_path / "x.db").write_bytes(b"no database at all, " * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        kept.of_operators(tmp_path / "x.db")


def test_the_journal_is_told_when_it_listens(
    audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        anchors.tell_journal(audit, "poller", stream)
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino + 1}")
        anchors.tell_journal(audit, "poller", stream)
        assert (tmp_path / "journal").read_text() == ""
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        anchors.tell_journal(audit, "poller", stream)
    seq, mac = audit.anchor()
    assert (tmp_path / "journal").read_text() == f"poller: audit anchor {seq}:{mac}\n"
    anchors.tell_journal(audit, "poller", io.StringIO())


def lines_of(audit: Audit, event: str) -> list[str]:
    return [line for line in audit.path.read_text().splitlines() if f'"event":"{event}"' in line]


def test_the_poller_notes_what_it_took_over_from_a_file_changed_by_whatever_way(
    station: Loaded, audit: Audit, clock: FakeClock
) -> None:
    poller = AuditedPoller(station, clock, Ending(), audit)
    changed = station.settings.model_copy(
        update={"poll": station.settings.poll.model_copy(update={"interval_s": 3.0})}
    )
    files._write(station.home.folder, changed)  # as a copied-in file would be, without `config.changed`
    poller.reload()
    poller.reload()
    poller.stop()
    (line,) = lines_of(audit, "config.loaded")
    assert "poll.interval_s" in line
    assert "-> 3.0" in line


def test_a_changed_configuration_that_cannot_be_used_is_noted_once(
    station: Loaded, audit: Audit, clock: FakeClock
) -> None:
    poller = AuditedPoller(station, clock, Ending(), audit)
    station.home.config.write_text("{}")
    for _ in range(3):
        with poller.problems.survived("reload"):
            poller.reload()
    poller.stop()
    (line,) = lines_of(audit, "config.refused")
    assert '"ok":false' in line


def test_tail_shows_what_is_asked_for(
    audit: Audit, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    audit.write("login.failed", user="eve", ok=False)
    audit.write("login", user="ravi")
    for options, words in (
        (["--event", "login.*"], ["login.failed REFUSED eve", "login ravi"]),
        (["--user", "ravi"], ["login ravi"]),
        (["--refused"], ["login.failed REFUSED eve"]),
        (["-n", "1"], ["login ravi"]),
        (["--event", "none"], []),
    ):
        assert datalogger.main(["audit", "tail", *options], clock) == 0
        said = capsys.readouterr().out.splitlines()
        assert [line.partition(" dashboard ")[2] for line in said] == words
