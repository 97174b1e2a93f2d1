"""S23: a new station, and who gets to see its passwords."""

import fcntl
import os
import pty
import re
import select
import socket
import stat
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from substation.access.users import check, check_export, demo_passwords_in_use
from substation.audit import tail
from substation.commands import configuration, configuration_make
from substation.commands.configuration_make import make_station
from substation.errors import SettingsError
from substation.settings import files, vault
from substation.settings.model import CARD_METERS

DOOR = Path(__file__).resolve().parents[2] / "encrypt_config.py"
PASSWORD = re.compile(r"[a-z2-9]{5}(?:-[a-z2-9]{5}){3}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def on_a_terminal(arguments: list[str], answers: list[str], output: Path) -> tuple[int, str]:
    """Run the door with a terminal of its own and standard output sent to a file; return code and screen."""
    master, slave = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, str(DOOR), *arguments],
            stdin=slave,
            stdout=file,
            stderr=slave,
            preexec_fn=take_terminal,  # noqa: PLW1509 - this test has no threads
        )
    os.close(slave)
    for answer in answers:
        os.write(master, answer.encode() + b"\n")
    screen = b""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([master], [], [], 0.1)[0]:
            try:
                screen += os.read(master, 4096)
            except OSError:
                break
        elif process.poll() is not None:
            break
    code = process.wait(60)
    os.close(master)
    return code, screen.decode()


def test_generated_passwords_are_shown_on_the_terminal_and_nowhere_else(home: Path, tmp_path: Path) -> None:
    code, screen = on_a_terminal([], ["Rampur", "/dev/ttyUSB3", "127.0.0.1"], tmp_path / "output")
    output = (tmp_path / "output").read_text()
    assert code == 0, screen
    admin, export = PASSWORD.findall(screen)
    assert not PASSWORD.search(output)
    assert "Rampur" in screen or "Name of the substation" in output
    loaded = files.load(home)
    assert loaded.settings.site.name == "Rampur"
    assert loaded.settings.lines[0].port == "/dev/ttyUSB3"
    assert loaded.settings.web.bind == "127.0.0.1"
    assert loaded.settings.simulated is False
    assert check(loaded.settings, "admin", admin)
    assert check_export(loaded.settings, export)
    for path in home.iterdir():
        assert admin.encode() not in path.read_bytes()
        assert export.encode() not in path.read_bytes()


def test_a_wrong_answer_is_explained_and_asked_again(home: Path, tmp_path: Path) -> None:
    answers = ["", "", "the office", "127.0.0.1"]
    code, screen = on_a_terminal([], answers, tmp_path / "output")
    output = (tmp_path / "output").read_text()
    assert code == 0, screen
    assert "is no address" in output
    assert files.load(home).settings.web.bind == "127.0.0.1"
    assert files.load(home).settings.site.name == "Substation"


def test_with_yes_and_a_terminal_the_passwords_are_on_the_terminal_too(home: Path, tmp_path: Path) -> None:
    code, screen = on_a_terminal(["--yes"], [], tmp_path / "output")
    assert code == 0
    assert len(PASSWORD.findall(screen)) == 2
    assert not PASSWORD.search((tmp_path / "output").read_text())
    assert home.is_dir()


def without_terminal(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DOOR), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_without_a_terminal_it_asks_nobody_and_makes_nothing(home: Path) -> None:
    done = without_terminal([])
    assert done.returncode == 64
    assert "--yes" in done.stderr
    assert not home.exists()


def test_without_a_terminal_yes_hands_the_passwords_to_the_calling_program_and_says_so(home: Path) -> None:
    done = without_terminal(["--yes"])
    assert done.returncode == 0, done.stderr
    admin, export = PASSWORD.findall(done.stdout)
    assert "no terminal" in done.stderr
    assert not PASSWORD.search(done.stderr)
    loaded = files.load(home)
    assert check(loaded.settings, "admin", admin)
    assert check_export(loaded.settings, export)
    assert loaded.settings.meters == CARD_METERS


def test_passwords_never_go_into_the_journal(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_terminal(path: object, *arguments: object, **named: object) -> int:
        if path == "/dev/tty":
            raise OSError(6, "No such device or address")
        return real(path, *arguments, **named)  # type: ignore[arg-type]

    real = os.open
    monkeypatch.setattr(os, "open", no_terminal)
    with (tmp_path / "journal").open("w") as journal:
        status = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        monkeypatch.setattr("sys.stdout", journal)
        assert configuration.main(["--yes"]) == 78
    assert (tmp_path / "journal").read_text() == ""
    assert not home.exists()


def test_a_second_one_refuses_and_leaves_all_as_it_is(home: Path) -> None:
    assert without_terminal(["--yes"]).returncode == 0
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    for arguments in (["--yes"], []):
        done = without_terminal(arguments)
        assert done.returncode == 78
        assert "never overwritten" in done.stderr
        assert not PASSWORD.search(done.stdout + done.stderr)
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before


@pytest.mark.parametrize("content", [b"", b'{"serial_port": "/dev/ttyUSB0"}'])
def test_an_original_or_empty_configuration_is_not_overwritten_either(home: Path, content: bytes) -> None:
    home.mkdir()
    (home / "config.json").write_bytes(content)
    with pytest.raises(SettingsError, match="never overwritten"):
        make_station(home, simulated=True)
    assert (home / "config.json").read_bytes() == content
    assert [path.name for path in home.iterdir() if path.name != "config.json.lock"] == ["config.json"]


def test_a_dangling_link_is_not_followed(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (home / "config.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="never overwritten"):
        make_station(home, simulated=True)
    assert not (tmp_path / "elsewhere").exists()


def test_a_key_that_is_there_already_is_used(home: Path) -> None:
    home.mkdir()
    key = vault.new_key()
    vault.write_key(home / "config_key.key", key)
    make_station(home, simulated=True)
    assert vault.read_key(home) == key
    assert files.load(home).settings.simulated


def test_a_key_kept_elsewhere_is_used_and_none_is_left_beside_the_configuration(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBSTATION_CONFIG_KEY_FILE", str(tmp_path / "kept.key"))
    make_station(home, simulated=True)
    assert stat.S_IMODE((tmp_path / "kept.key").stat().st_mode) == 0o600
    assert not (home / "config_key.key").exists()
    assert files.load(home).settings.simulated


def test_the_demo_has_the_documented_logins_and_stays_on_this_machine(home: Path) -> None:
    make_station(home, simulated=True, overrides={"lines.0.port": "/tmp/line1", "site.name": "Demo"})
    settings = files.load(home).settings
    assert settings.simulated
    assert settings.web.loopback
    assert settings.lines[0].port == "/tmp/line1"
    assert check(settings, "admin", "password123")
    assert check_export(settings, "secure123")
    assert demo_passwords_in_use(settings) == ("admin", "export")


def test_a_real_station_has_no_default_password(home: Path) -> None:
    with pytest.raises(SettingsError, match="two passwords"):
        make_station(home, simulated=False)
    assert not home.exists()


def test_a_wrong_setting_makes_nothing(home: Path) -> None:
    with pytest.raises(SettingsError, match="port"):
        make_station(home, simulated=True, overrides={"web.port": 99999})
    assert not home.exists()


def test_making_it_is_the_first_thing_in_the_audit_log(home: Path) -> None:
    make_station(home, simulated=True)
    lines = tail(home / "dashboard_audit.log")
    assert len(lines) == 3
    assert "config.changed" in lines[0]
    assert "setting=config.json before=none after=made simulated=True" in lines[0]
    assert lines[1].endswith("of=admin")
    assert lines[2].endswith("of=export")


def test_one_adapter_is_taken_by_its_own_name_and_several_are_not_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration_make, "ADAPTERS", tmp_path / "by-id")
    assert configuration_make._default_port() == "/dev/ttyUSB0"
    (tmp_path / "by-id").mkdir()
    (tmp_path / "by-id" / "usb-FTDI_1").touch()
    assert configuration_make._default_port() == str(tmp_path / "by-id" / "usb-FTDI_1")
    (tmp_path / "by-id" / "usb-FTDI_2").touch()
    assert configuration_make._default_port() == "/dev/ttyUSB0"


def test_a_folder_where_everybody_may_write_gets_no_key(home: Path) -> None:
    home.mkdir()
    home.chmod(0o777)
    with pytest.raises(SettingsError, match="chmod o-w"):
        make_station(home, simulated=True)
    assert list(home.iterdir()) == []


def test_a_full_disk_leaves_no_half_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        make_station(home, simulated=True)
    monkeypatch.undo()
    assert not (home / "config_key.key").exists()


def test_the_lan_address_is_an_address_of_the_lan_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Probe(socket.socket):
        def connect(self, address: object) -> None:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "socket", Probe)
    assert configuration_make.lan_address() is None


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be made"):
        make_station(tmp_path / "file" / "home", simulated=True)
