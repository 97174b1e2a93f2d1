"""`datalogger.py export`: the same archive from the terminal."""

import fcntl
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from werkzeug.security import generate_password_hash

from substation import audit
from substation.clock import day_start_ms
from substation.commands import datalogger
from substation.commands.datalogger_export import order_of, progress_line
from substation.commands.doors import PROJECT
from substation.commands.export_file import Target
from substation.errors import StoreError
from substation.export import ARCHIVE_NAME, MANIFEST_NAME, Order, Progress
from substation.settings import files, vault
from tests.export.conftest import END_MS, PASSWORD, ROUNDS
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS

SPAN = ("--from", "2026-11-24", "--to", "2026-11-24")


@pytest.fixture
def folder(home, tmp_path, monkeypatch):
    """Where the person stands."""
    place = tmp_path / "desk"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def export(folder, capfd, monkeypatch):
    """Type the command with a password on standard input; return code, output, errors."""

    def run(*arguments: str, password: str = PASSWORD) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(password + "\n"))
        code = datalogger.main(["export", "--password-from", "-", *arguments], FakeClock(END_MS))
        said = capfd.readouterr()
        return code, said.out, said.err

    return run


def events(home: Path) -> list[dict]:
    lines = (home / "dashboard_audit.log").read_text().splitlines()
    return [line for line in map(json.loads, lines) if line["event"].startswith("export.")]


def test_a_year_of_readings_is_written_to_the_originals_name(export, folder, home, unpacker):
    code, out, _ = export()
    assert code == 0
    assert [path.name for path in folder.iterdir()] == [ARCHIVE_NAME]
    assert unpacker.csv(folder / ARCHIVE_NAME).count(b"\r\n") == 14 * 5 + 1
    assert out.startswith(f"{ARCHIVE_NAME}: 70 rows, ")
    assert "7-Zip opens it" in out
    assert (folder / ARCHIVE_NAME).stat().st_mode & 0o777 == 0o600


def test_asked_granted_and_done_are_audited_and_the_chain_holds(export, folder, home, unpacker):
    export(*SPAN, "--meters", "2,1", "--every", "hour")
    asked, granted, done = events(home)
    assert [line["event"] for line in (asked, granted, done)] == [
        "export.asked",
        "export.granted",
        "export.done",
    ]
    assert (
        asked["d"]
        == granted["d"]
        == {
            "from": "2026-11-23T18:30:00.000Z",
            "to": "2026-11-24T18:30:00.000Z",
            "every": "hour",
            "meters": "1,2",
            "form": "csv",
        }
    )
    assert (done["d"]["rows"], done["src"], done["svc"]) == (8, "terminal", "datalogger")
    assert done["d"]["bytes"] == (folder / ARCHIVE_NAME).stat().st_size
    _, unpacked, _ = unpacker.unpack(folder / ARCHIVE_NAME)
    said = json.loads(unpacked[MANIFEST_NAME])
    assert said["sha256"] == done["d"]["sha256"]
    assert said["audit_anchor"] == {"seq": granted["seq"], "mac": granted["mac"]}
    key = vault.derive(vault.read_key(home), audit.KEY_INFO)
    assert audit.verify(home / "dashboard_audit.log", key).ok


@pytest.mark.parametrize("form", ["parquet", "xlsx"])
def test_another_form_is_a_file_of_that_name_in_the_same_archive(export, folder, home, unpacker, form):
    code, _, _ = export(*SPAN, "--form", form)
    assert code == 0
    _, files, _ = unpacker.unpack(folder / ARCHIVE_NAME)
    assert f"meter_data_1year.{form}" in files
    assert events(home)[-1]["d"]["form"] == form


def test_a_workbook_that_would_hold_too_much_is_refused_before_the_password(
    export, folder, home, monkeypatch
):
    monkeypatch.setattr("substation.export.estimate.MOST_ROWS", 3)
    code, _, err = export(*SPAN, "--form", "xlsx")
    assert code == 1
    assert "Nothing was written: XLSX holds 3 rows" in err
    assert list(folder.iterdir()) == []
    assert events(home) == []


@pytest.mark.parametrize("name", ["readings.xlsx", "Readings.CSV", "x/y.parquet"])
def test_an_archive_named_like_what_is_in_it_is_refused_in_words(export, folder, name):
    code, _, err = export("--form", "xlsx", "--output", name)
    assert code == 64
    assert "sealed ZIP archive" in err
    assert ".zip" in err
    assert not (folder / name).exists()


def test_a_password_typed_full_width_is_sealed_plainly(export, folder, unpacker):
    code, _, _ = export(*SPAN, password="".join(chr(ord(letter) + 0xFEE0) for letter in PASSWORD))
    assert code == 0
    assert unpacker.unpack(folder / ARCHIVE_NAME, PASSWORD)[0] == 0


def test_a_wrong_password_is_refused_and_audited_and_no_file_is_left(export, folder, home):
    code, _, err = export(password="secure124")
    assert code == 1
    assert "Wrong export password" in err
    assert list(folder.iterdir()) == []
    refused = events(home)[-1]
    assert (refused["event"], refused["ok"]) == ("export.refused", False)


def test_no_password_reaches_output_audit_or_archive_name(export, home):
    for password, expected in (("canary-k3fw9-7hqzm", 1), (PASSWORD, 0)):
        code, out, err = export(*SPAN, password=password)
        assert code == expected
        assert password not in out + err + (home / "dashboard_audit.log").read_text()


def test_an_existing_file_is_never_overwritten(export, folder, home):
    (folder / ARCHIVE_NAME).write_text("mine")
    code, _, err = export()
    assert code == 78
    assert "is there already and is not replaced; name another: --output FILE" in err
    assert (folder / ARCHIVE_NAME).read_text() == "mine"
    assert [path.name for path in folder.iterdir()] == [ARCHIVE_NAME]
    assert events(home) == []


def test_a_file_that_appears_meanwhile_is_not_overwritten_either(tmp_path):
    path = tmp_path / "year.zip"
    with pytest.raises(StoreError, match="is there already"), Target(str(path)) as target:
        target.write(b"ours")
        path.write_text("theirs")
        target.keep()
    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links_gets_the_file_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "year.zip"
    with Target(str(path)) as target:
        target.write(b"ours")
        target.keep()
    assert path.read_bytes() == b"ours"
    assert list(tmp_path.iterdir()) == [path]


def test_two_exports_to_one_file_do_not_meet(tmp_path):
    path = str(tmp_path / "year.zip")
    with (
        Target(path),
        pytest.raises(StoreError, match="another export writes it, or one was killed"),
        Target(path),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told_before_the_password(export, folder, home):
    code, _, err = export("--output", "missing/year.zip")
    assert code == 78
    assert "cannot be written: No such file or directory. Name another place: --output FILE" in err
    assert events(home) == []


def test_a_full_medium_leaves_no_half_file(export, folder, home, monkeypatch):
    def onto_a_full_medium(self, data):
        with Path("/dev/full").open("wb", buffering=0) as full:
            self._handle, own = full.fileno(), self._handle
            try:
                return write(self, data)
            finally:
                self._handle = own

    write = Target.write
    monkeypatch.setattr(Target, "write", onto_a_full_medium)
    code, _, err = export(*SPAN)
    assert code == 78
    assert "No space left on device; nothing of it is left" in err
    assert list(folder.iterdir()) == []
    assert events(home)[-1]["event"] == "export.aborted"


def test_nothing_to_export_is_said_before_the_password_is_asked(export, folder, home):
    code, _, err = export("--from", "2025-01-01", "--to", "2025-01-31")
    assert code == 1
    assert "no rows: the history holds nothing of this time" in err
    assert list(folder.iterdir()) == []
    assert events(home) == []


def test_rows_that_begin_later_than_asked_are_told(export, folder):
    _, _, err = export()
    assert "Note: rows begin on 2026-11-24 11:30" in err


def test_damage_leaves_no_file_and_is_audited_with_its_reason(export, folder, home):
    path = home / "daily_data.db"
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xa5" * (size // 10))
    code, _, err = export(*SPAN, "--every", "poll")
    assert code == 78
    assert "is not whole" in err
    assert list(folder.iterdir()) == []
    last = events(home)[-1]
    assert (last["event"], last["ok"]) == ("export.aborted", False)
    assert "damaged" in last["d"]["why"]


def test_an_export_that_cannot_be_audited_is_not_made(export, folder, home):
    (home / "dashboard_audit.log").unlink()
    (home / "dashboard_audit.log").mkdir()
    code, _, err = export(*SPAN)
    assert code == 78
    assert "Nothing is exported that no audit line tells of" in err
    assert list(folder.iterdir()) == []


def test_a_station_without_an_export_password_says_how_to_set_one(export, folder, home):
    files.update(home, lambda settings: settings.model_copy(update={"export_password_hash": None}))
    code, _, err = export()
    assert code == 78
    assert "encrypt_config.py passwd --export" in err


def test_an_original_password_is_taken_and_its_hash_made_anew(export, folder, home):
    old = generate_password_hash("an original export password", "pbkdf2:sha256:1000")
    files.update(home, lambda settings: settings.model_copy(update={"export_password_hash": old}))
    code, _, _ = export(*SPAN, password="an original export password")
    assert code == 0
    assert files.load(home).settings.export_password_hash.startswith("$argon2id$")


def test_without_a_terminal_the_way_on_is_named(folder, home, monkeypatch, capfd):
    monkeypatch.setattr(sys, "stdin", io.StringIO("secure123\n"))
    assert datalogger.main(["export", *SPAN], FakeClock(END_MS)) == 64
    assert "--password-from -" in capfd.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from", "24.11.2026"), "write it as 2026-11-01"),
        (("--to", "20261124"), "write it as 2026-11-01"),
        (("--to", "2026-02-30"), "write it as 2026-11-01"),
        (("--meters", "1;2"), "write their ids as 1,2"),
        (("--every", "second"), "invalid choice"),
    ],
)
def test_wrong_usage_is_refused_in_words(export, arguments, words):
    code, _, err = export(*arguments)
    assert code == 64
    assert words in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--meters", "9"), "no meter 9"),
        (("--from", "2026-11-25", "--to", "2026-11-24"), "ends before it begins"),
        (("--every", "minute", "--with-extremes"), "are kept for"),
    ],
)
def test_what_the_station_cannot_answer_is_refused_in_words(export, folder, arguments, words):
    code, _, err = export(*arguments)
    assert code == 78
    assert words in err
    assert list(folder.iterdir()) == []


def order_for(station, *argv: str, now_ms: int = END_MS) -> Order:
    arguments = datalogger._parser().parse_args(["export", *argv])
    return order_of(arguments, station, FakeClock(now_ms))


def test_days_are_those_of_the_sites_calendar_and_the_last_one_is_in(station):
    zone = station.settings.site.zone
    order = order_for(station, "--from", "2026-11-01", "--to", "2026-11-24")
    assert order.end_ms == day_start_ms(BEGIN_MS, zone, -1)
    assert order.end_ms - order.start_ms == 24 * 86_400_000


def test_the_default_is_365_days_up_to_today_every_15_minutes(station):
    order = order_for(station)
    assert (order.resolution, order.meter_ids) == ("quarter", ())
    assert order.end_ms == day_start_ms(END_MS, station.settings.site.zone, -1)
    assert (order.end_ms - order.start_ms) // 900_000 * 5 == 175_200


def test_days_follow_a_calendar_with_long_and_short_days(station, home):
    site = station.settings.site.model_copy(update={"timezone": "Europe/London"})
    files.update(home, lambda settings: settings.model_copy(update={"site": site}))
    order = order_for(files.load(home), "--from", "2026-10-25", "--to", "2026-10-25")
    assert order.end_ms - order.start_ms == 25 * 3_600_000


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress(0, None, 0, 0.1, None), "0 rows, 0.0 MB"),
        (Progress(5000, 175_200, 1_234_567, 1.0, 34.04), "5000 of about 175200 rows, 1.2 MB, 34 s left"),
        (
            Progress(5000, 175_200, 1_234_567, 1.0, 125.0),
            "5000 of about 175200 rows, 1.2 MB, 2 min 05 s left",
        ),
    ],
)
def test_progress_is_one_line(progress, line):
    assert progress_line(progress) == line


DOOR = PROJECT / "datalogger.py"


def test_standard_output_gets_the_archive_and_nothing_else(folder, unpacker):
    done = subprocess.run(
        [sys.executable, str(DOOR), "export", *SPAN, "--password-from", "-", "--output", "-"],
        check=False,
        input=PASSWORD.encode() + b"\n",
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert unpacker.csv(done.stdout).count(b"\r\n") == 71
    assert b"standard output: 70 rows" in done.stderr
    assert list(folder.iterdir()) == []


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [sys.executable, str(DOOR), "export", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=take_terminal,  # noqa: PLW1509 - this test has no threads
        )
        os.close(slave)
        self.screen = ""

    def until(self, words: str) -> str:
        """Read the screen until these words stand there, or the program ends."""
        end = time.monotonic() + 60
        while words not in self.screen and time.monotonic() < end:
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self.screen += os.read(self._master, 65_536).decode("utf-8", "replace")
                except OSError:
                    break
        assert words in self.screen
        return self.screen

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> int:
        code = self.process.wait(60)
        while select.select([self._master], [], [], 0)[0]:
            try:
                self.screen += os.read(self._master, 65_536).decode("utf-8", "replace")
            except OSError:
                break
        os.close(self._master)
        return code


def test_a_fresh_password_is_shown_once_on_the_terminal_and_opens_the_archive(folder, home, unpacker):
    terminal = Terminal(*SPAN, "--fresh")
    terminal.until("Export password: ")
    terminal.type(PASSWORD + "\n")
    terminal.until("shown once and kept nowhere: ")
    assert terminal.end() == 0
    assert PASSWORD not in terminal.screen
    (fresh,) = [line.split(": ")[-1].strip() for line in terminal.screen.splitlines() if "shown once" in line]
    assert unpacker.unpack(folder / ARCHIVE_NAME, PASSWORD)[0] != 0
    assert unpacker.unpack(folder / ARCHIVE_NAME, fresh)[0] == 0
    assert fresh not in (home / "dashboard_audit.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ending_it_half_way_leaves_no_half_file(folder, home, number):
    terminal = Terminal(*SPAN, "--every", "poll")
    terminal.until("Export password: ")
    terminal.type(PASSWORD + "\n")
    part = folder / (ARCHIVE_NAME + ".part")
    end = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < end:
        time.sleep(0.002)
    if number == signal.SIGINT:
        terminal.type("\x03")  # reaches whoever stands in the foreground of the terminal
    else:
        terminal.process.send_signal(number)
    assert terminal.end() == 130
    assert "Traceback" not in terminal.screen
    assert list(folder.iterdir()) == []
    assert "no file was written" in terminal.screen
    assert [line["event"] for line in events(home)] == ["export.asked", "export.granted", "export.aborted"]


def test_ctrl_c_at_the_question_is_no_error_report(folder, home):
    terminal = Terminal(*SPAN)
    terminal.until("Export password: ")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "Traceback" not in terminal.screen
    assert list(folder.iterdir()) == []


def test_every_poll_of_a_day_comes_through_the_terminal_too(export, folder, unpacker):
    code, _, _ = export(*SPAN, "--every", "poll", "--output", "week.zip")
    assert code == 0
    assert unpacker.csv(folder / "week.zip").count(b"\r\n") == ROUNDS * 5 + 1
