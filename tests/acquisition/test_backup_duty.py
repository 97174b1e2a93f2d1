"""The duty to copy: when, whether the medium is there, and what it says when it is not."""

import json
import threading
import time

import pytest

from substation.acquisition import backup_duty
from substation.acquisition.backup_duty import BackupDuty
from substation.errors import StoreError
from substation.settings.model import CARD_METERS, Backup, Home, Settings
from substation.store import disk


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    (folder / "state").mkdir(parents=True)
    return Home(folder)


@pytest.fixture
def stick(tmp_path):
    """A medium with copies on it: as this machine has one disk, an empty one would be refused."""
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "station.json").touch()
    return folder


def settings(folder, every_minutes=60) -> Settings:
    return Settings(
        meters=CARD_METERS, backup=Backup(folder=folder and str(folder), every_minutes=every_minutes)
    )


def asked(duty: BackupDuty, wanted: Settings):
    """Ask as the poller does: again and again, until the medium has been looked at."""
    for _ in range(500):
        due = duty.due(wanted)
        if due is not None or duty._look is None:
            return due
        time.sleep(0.01)
    raise AssertionError("the look never ended")


def copied(home, clock, **changes) -> None:
    said = {"at_ms": clock.now_ms(), "ok": True, "words": "", "folder": "", **changes}
    home.copied.write_text(json.dumps(said))


def test_without_a_second_medium_nothing_is_due_and_nothing_is_said_on_every_page(home, clock):
    duty = BackupDuty(home, clock)
    for _ in range(100):
        clock.advance(3600)
        assert duty.due(settings(None)) is None
    assert duty.advice == []


def test_a_copy_is_due_soon_after_the_start_and_then_at_its_interval(home, clock, stick):
    duty = BackupDuty(home, clock)
    assert asked(duty, settings(stick)) is None
    clock.advance(backup_duty.SETTLE_S)
    assert asked(duty, settings(stick)) == ()
    duty.done(0, "")
    clock.advance(3599)
    assert asked(duty, settings(stick)) is None
    clock.advance(1)
    assert asked(duty, settings(stick)) == ()


def test_a_restart_does_not_copy_anew_what_was_copied_just_now(home, clock, stick):
    copied(home, clock, folder=str(stick))
    clock.advance(600)
    duty = BackupDuty(home, clock)
    asked(duty, settings(stick))
    clock.advance(2990)
    assert asked(duty, settings(stick)) is None
    clock.advance(10)
    assert asked(duty, settings(stick)) == ()


@pytest.mark.parametrize("said", [{"ok": False}, {"folder": "/elsewhere"}, {"at_ms": "x"}, {"at_ms": 2**60}])
def test_a_copy_that_is_no_proof_of_anything_does_not_put_the_next_one_off(home, clock, stick, said):
    copied(home, clock, **{"folder": str(stick), **said})
    duty = BackupDuty(home, clock)
    asked(duty, settings(stick))
    clock.advance(backup_duty.SETTLE_S)
    assert asked(duty, settings(stick)) == ()


def test_a_folder_that_is_set_while_it_runs_is_copied_to_at_once(home, clock, stick):
    duty = BackupDuty(home, clock)
    assert duty.due(settings(None)) is None
    clock.advance(600)
    assert asked(duty, settings(stick)) == ()


def test_a_medium_that_is_not_there_is_said_from_the_second_time_on_and_found_soon(home, clock, tmp_path):
    duty, folder = BackupDuty(home, clock), tmp_path / "media" / "stick"
    duty.due(settings(None))
    assert asked(duty, settings(folder)) is None
    assert duty.advice == []
    clock.advance(60)
    assert asked(duty, settings(folder)) is None
    (words,) = duty.advice
    assert words == (
        f"no copies on the second medium: {folder} is not there: is the second medium plugged in and mounted?"
    )
    clock.advance(60)
    folder.mkdir(parents=True)
    (folder / "station.json").touch()
    assert asked(duty, settings(folder)) == ()
    duty.done(0, "")
    assert duty.advice == []


def test_a_copy_that_fails_is_tried_again_later_and_later_but_once_an_interval(home, clock, stick):
    duty = BackupDuty(home, clock)
    duty.due(settings(None))
    pauses = []
    for _ in range(9):
        began = clock.monotonic()
        while asked(duty, settings(stick)) is None:
            clock.advance(30)
        pauses.append(clock.monotonic() - began)
        duty.done(1, "the medium is read-only")
    assert pauses == [0, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert duty.advice == ["no copies on the second medium: the medium is read-only"]


def test_copies_that_did_not_prove_good_are_said_at_once(home, clock, stick):
    duty = BackupDuty(home, clock)
    duty.due(settings(None))
    assert asked(duty, settings(stick)) == ()
    copied(home, clock, folder=str(stick), proof={"ok": False, "words": "2026-11-20 differs"})
    duty.done(0, "")
    assert duty.advice == ["the copies did not prove good: 2026-11-20 differs"]


def test_a_share_that_does_not_answer_holds_up_nobody(home, clock, stick, monkeypatch):
    answer = threading.Event()
    looks = []

    def hang(folder, home):
        looks.append(folder)
        answer.wait(60)

    monkeypatch.setattr(disk, "refuse_missing", hang)
    duty = BackupDuty(home, clock)
    duty.due(settings(None))
    for _ in range(100):
        assert duty.due(settings(stick)) is None
        clock.advance(5)
    assert len(looks) == 1
    assert duty.advice == [
        f"no copies on the second medium: {stick} does not answer; is its server or its medium gone?"
    ]
    answer.set()
    duty._look._thread.join()
    clock.advance(60)
    assert asked(duty, settings(stick)) == ()


class TestTheMedium:
    """`store.disk`: a stick that is not mounted is a folder of the card."""

    @pytest.fixture
    def home_folder(self, tmp_path):
        folder = tmp_path / "home"
        folder.mkdir()
        return folder

    def test_an_empty_folder_of_the_same_disk_is_the_place_of_a_medium_that_is_not_mounted(
        self, home_folder, tmp_path
    ):
        point = tmp_path / "point"
        point.mkdir()
        with pytest.raises(StoreError, match="is an empty folder on the station's own medium"):
            disk.refuse_missing(point, home_folder)
        with pytest.raises(StoreError, match="is not there"):
            disk.refuse_missing(point / "substation", home_folder)

    def test_begun_by_hand_on_the_same_disk_it_is_somebodys_own_will(self, home_folder, tmp_path):
        (tmp_path / "copies").mkdir()
        (tmp_path / "copies" / "station.json").touch()
        disk.refuse_missing(tmp_path / "copies", home_folder)

    def test_on_another_disk_it_may_be_empty_or_still_to_be_made(self, home_folder, tmp_path, monkeypatch):
        monkeypatch.setattr(disk, "disk_of", lambda path, _=None: "8:0" if "stick" in str(path) else "179:0")
        (tmp_path / "stick").mkdir()
        disk.refuse_missing(tmp_path / "stick", home_folder)
        disk.refuse_missing(tmp_path / "stick" / "substation", home_folder)

    def test_a_file_is_no_folder(self, home_folder, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match="is a file"):
            disk.refuse_missing(tmp_path / "file", home_folder)

    def test_two_partitions_of_a_card_are_one_disk(self, tmp_path):
        number = tmp_path.stat().st_dev
        whole = tmp_path / "sys" / "mmcblk0"
        part = whole / "mmcblk0p2"
        part.mkdir(parents=True)
        (whole / "dev").write_text("179:0\n")
        (part / "partition").write_text("2\n")
        devices = tmp_path / "block"
        devices.mkdir()
        (devices / f"{number >> 8 & 0xFFF}:{number & 0xFF}").symlink_to(part)
        assert disk.disk_of(tmp_path, devices) == "179:0"
        assert disk.is_same(tmp_path, tmp_path / "sys", devices)
