"""The change over from an original configuration: what is shown, what becomes of it, what is refused."""

import io
import json
import os
import pwd
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from werkzeug.security import generate_password_hash

from substation import audit
from substation.access.users import check, check_export, demo_passwords_in_use
from substation.commands import configuration, demo
from substation.commands import configuration_aside as aside
from substation.errors import SettingsError
from substation.settings import files, people, vault
from substation.settings.model import CARD_METERS, Home
from tests.commands import original_home
from tests.settings.original_forms import EXPORT, PASSWORDS
from tests.settings.original_forms import aside as aside_values

HASHED = generate_password_hash("violet tractor harbour moss", "pbkdf2:sha256:1000")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def everything(folder: Path) -> dict[str, bytes]:
    """Return all files with their content, without our lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    }


@pytest.mark.parametrize("form", ["plain", "sealed", "mixed"])
def test_each_form_becomes_a_station_of_ours(home: Path, form: original_home.Form) -> None:
    content = original_home.make(home, form)
    before = everything(home)
    assert configuration.main(["--yes"]) == 0
    loaded = files.load(home)
    settings = loaded.settings
    assert settings.simulated is False
    assert settings.meters == CARD_METERS
    assert settings.lines[0].port == "/dev/ttyACM0"
    assert settings.poll.interval_s == 30
    assert check(settings, "admin", PASSWORDS["admin"])
    assert not check(settings, "admin", "password123")
    assert check_export(settings, EXPORT)
    assert settings.users[0].role == "administrator"
    assert settings.users[0].password_hash.startswith("$argon2id$")
    assert settings.web.bind == "0.0.0.0"  # noqa: S104 - where the original listened
    assert loaded.warnings == ()
    kept = Home(home).original
    assert (kept / "config.json").read_bytes() == content
    if form != "plain":
        assert (kept / "config_key.key").read_bytes().strip() == before["config_key.key"]
        assert vault.read_key(home) != before["config_key.key"]
    for path in (kept / "config.json", home / "config.json", home / "config_key.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert configuration.main(["check"]) == 0


def test_stores_and_logs_are_moved_and_not_one_byte_of_them_is_changed(home: Path) -> None:
    original_home.make(home)
    before = everything(home)
    assert configuration.main(["--yes"]) == 0
    after = everything(home)
    for name in ("meter_data.csv", "meter_data_1year.db", "meter_data_daily.db", *original_home.LOGS):
        assert after[f"original/{name}"] == before[name]
        assert name not in after or name == "dashboard_audit.log"
    loose = [str(path) for path in home.rglob("*") if path.stat().st_mode & 0o007]
    assert loose == []


def test_nothing_in_the_folder_original_is_overwritten(home: Path) -> None:
    original_home.make(home)
    Home(home).original.mkdir()
    for name in ("meter_data.csv", "config.json", "config_set_aside.json"):
        (Home(home).original / name).write_text("of an earlier time")
    live = (home / "meter_data.csv").read_bytes()
    content = (home / "config.json").read_bytes()
    assert configuration.main(["--yes"]) == 0
    after = everything(home)
    for name in ("meter_data.csv", "config.json", "config_set_aside.json"):
        assert after[f"original/{name}"] == b"of an earlier time"
    assert after["original/meter_data-2.csv"] == live
    assert after["original/config-2.json"] == content
    assert "original/config_set_aside-2.json" in after


def test_what_has_no_place_here_is_kept_sealed_and_never_shown(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home)
    assert configuration.main(["--yes"]) == 0
    said = "".join(capsys.readouterr())
    for name in aside_values():
        assert name in said
    path = Home(home).original / aside.NAME
    assert aside.read(path, vault.open_key(home)) == aside_values()
    for words in (said, path.read_text(), (home / "dashboard_audit.log").read_text()):
        for secret in ("CANARY", PASSWORDS["admin"], EXPORT, vault.read_key(home).decode()):
            assert secret not in words


def test_it_is_audited_by_names_and_the_loosened_key_too(home: Path) -> None:
    original_home.make(home)
    assert configuration.main(["--yes"]) == 0
    verdict = audit.verify_all(home / "dashboard_audit.log", audit.keys_in(home), ())
    assert verdict.ok, verdict.words()
    records = [json.loads(line) for line in (home / "dashboard_audit.log").read_text().splitlines()]
    assert [record["event"] for record in records] == ["key.mode", "config.taken_over"]
    assert "0644" in records[0]["d"]["what"]
    details = records[1]["d"]
    assert details["form"] == "sealed"
    assert "serial_port" in details["settings"]
    assert "ollama_model" in details["set_aside"]
    assert details["people"] == ["admin"]
    assert "original/meter_data_1year.db" in details["kept"]
    assert records[1]["user"] == pwd.getpwuid(os.getuid()).pw_name


def test_the_plan_names_every_setting_store_and_difference(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home, "mixed")
    before = everything(home)
    assert configuration.main(["takeover", "--dry-run"]) == 0
    said = capsys.readouterr().out
    for words in (
        "poll.interval_s = 30 s",
        "set poll.interval_s 2",
        "serial_timeout",
        "measured for each meter",
        "every poll is stored",
        "dashboard_auth: differs; the sealed one counts",
        "whatsapp_group_id",
        "meter_data_1year.db: the original system's database of many days",
        "modbus_reader.log: a log",
        "Nothing was changed",
    ):
        assert words in said, words
    assert "password123" not in said
    assert everything(home) == before
    assert stat.S_IMODE((home / "config_key.key").stat().st_mode) == 0o644
    assert not (home / "original").exists()


def test_documented_passwords_are_taken_for_this_machine_alone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home, dashboard_auth={"admin": "password123"}, download_password="secure123")
    assert configuration.main(["--yes"]) == 0
    said = capsys.readouterr().out
    assert "documented demo password" in said
    assert "passwd admin" in said
    settings = files.load(home).settings
    assert settings.web.bind == "127.0.0.1"
    assert check(settings, "admin", "password123")


@pytest.mark.parametrize(
    "changes",
    [
        {"dashboard_auth": {"admin": "short"}},
        {"download_password": "secure123"},
        {"dashboard_auth": {"admin": generate_password_hash("password123", "pbkdf2:sha256:1000")}},
    ],
)
def test_one_weak_password_keeps_the_dashboard_on_this_machine(home: Path, changes: dict[str, Any]) -> None:
    original_home.make(home, **changes)
    assert configuration.main(["--yes"]) == 0
    assert files.load(home).settings.web.bind == "127.0.0.1"


@pytest.mark.parametrize(
    ("changes", "commands"),
    [
        ({"download_password": "secure123"}, ["passwd --export"]),
        ({"dashboard_auth": {"admin": "password123"}}, ["passwd admin"]),
        (
            {"dashboard_auth": {"admin": "password123", "meera": "short"}, "download_password": "secure123"},
            ["passwd admin", "passwd meera", "passwd --export"],
        ),
    ],
)
def test_the_plan_names_the_command_for_every_weak_password_before_the_network(
    home: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], commands: list[str]
) -> None:
    original_home.make(home, **changes)
    assert configuration.main(["takeover", "--dry-run"]) == 0
    said = capsys.readouterr().out
    named = re.findall(r"- python3 encrypt_config.py (.*)", said)
    assert named == [*commands, "set web.bind 0.0.0.0"]


def test_who_does_what_the_plan_says_can_be_started(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home, dashboard_auth={"admin": "password123"}, download_password="secure123")
    assert configuration.main(["--yes"]) == 0
    for command in re.findall(r"- python3 encrypt_config.py (.*)", capsys.readouterr().out):
        monkeypatch.setattr("sys.stdin", io.StringIO("four quiet herons wade\n" * 2))
        assert configuration.main(command.split()) == 0
    settings = files.load(home).settings
    assert (settings.web.bind, demo_passwords_in_use(settings)) == ("0.0.0.0", ())  # noqa: S104
    assert people.weak_passwords(settings) == ()
    assert capsys.readouterr().err == ""


def test_a_weak_password_of_ones_own_is_warned_of_until_it_is_changed(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home, dashboard_auth={"admin": "admin12345admin"}, download_password="short")
    assert configuration.main(["--yes"]) == 0
    assert people.weak_passwords(files.load(home).settings) == ("admin", "export")
    capsys.readouterr()
    assert configuration.main(["check"]) == 0
    assert "this machine alone" in capsys.readouterr().err
    assert configuration.main(["set", "web.bind", "0.0.0.0"]) == 0  # noqa: S104
    said = capsys.readouterr().err
    assert "Warning: users: admin, export still has a weak password" in said
    assert "passwd admin" in said
    assert "passwd --export" in said
    for command in (["passwd", "admin"], ["passwd", "--export"]):
        assert people.weak_passwords(files.load(home).settings)
        monkeypatch.setattr("sys.stdin", io.StringIO("four quiet herons wade\n" * 2))
        assert configuration.main(command) == 0
    capsys.readouterr()
    assert configuration.main(["set", "web.bind", "192.168.1.20"]) == 0
    assert configuration.main(["check"]) == 0
    assert "weak" not in capsys.readouterr().err


def test_the_mark_of_a_weak_password_is_not_taken_off_by_hand(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home, dashboard_auth={"admin": "admin12345admin"}, download_password="short")
    assert configuration.main(["--yes"]) == 0
    for name in ("users.0.password_weak", "export_password_weak"):
        assert configuration.main(["set", name, "no"]) == 78
        assert "passwd" in capsys.readouterr().err
    monkeypatch.setenv("EDITOR", "sed -i s/Substation/Rampur/")
    assert configuration.main(["edit"]) == 0
    assert people.weak_passwords(files.load(home).settings) == ("admin", "export")


def test_the_log_with_typed_passwords_is_named_for_removal(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home)
    assert configuration.main(["takeover", "--dry-run"]) == 0
    assert "original/dashboard_audit.log too" in capsys.readouterr().out


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_kept_key_has_the_bytes_it_had(home: Path, end: bytes) -> None:
    original_home.make(home)
    key = (home / "config_key.key").read_bytes() + end
    (home / "config_key.key").write_bytes(key)
    assert configuration.main(["--yes"]) == 0
    assert (home / "original" / "config_key.key").read_bytes() == key


def test_a_mended_key_is_said_too(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original_home.make(home)
    assert configuration.main(["--yes"]) == 0
    assert capsys.readouterr().err.count("config_key.key: others could read it (mode 0644)") == 1


def test_a_path_outside_that_leads_nowhere_is_said(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there.csv"
    there.touch()
    original_home.make(home, csv_file=str(there), log_file=str(tmp_path / "nowhere" / "x.log"))
    assert configuration.main(["takeover", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.count("lies outside the station's home and is left as it is") == 1
    assert said.count("is not there") == 1


def test_hashes_are_kept_as_they_are_and_fit_their_passwords(home: Path) -> None:
    people = {"admin": HASHED, "meera": generate_password_hash("moss harbour violet", "scrypt:1024:8:1")}
    original_home.make(home, dashboard_auth=people, download_password=HASHED)
    assert configuration.main(["--yes"]) == 0
    settings = files.load(home).settings
    assert {user.name: user.password_hash for user in settings.users} == people
    assert {user.role for user in settings.users} == {"administrator"}
    assert settings.export_password_hash == HASHED
    assert check(settings, "meera", "moss harbour violet")


def test_new_passwords_are_shown_once_and_the_old_ones_no_longer_fit(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original_home.make(home, dashboard_auth={"admin": "password123", "meera": "x"}, download_password=None)
    shown: list[str] = []
    monkeypatch.setattr("substation.commands.configuration_takeover.outlet", lambda yes: shown.append)
    assert configuration.main(["takeover", "--yes", "--new-passwords"]) == 0
    lines = dict(line.split() for line in shown[0].splitlines() if line.startswith("  "))
    assert set(lines) == {"admin", "meera", "export"}
    settings = files.load(home).settings
    assert settings.web.bind == "0.0.0.0"  # noqa: S104 - where the original listened
    assert check(settings, "meera", lines["meera"])
    assert check_export(settings, lines["export"])
    assert not check(settings, "admin", "password123")
    said = "".join(capsys.readouterr()) + (home / "dashboard_audit.log").read_text()
    assert not any(password in said for password in lines.values())
    assert (home / "dashboard_audit.log").read_text().count("password.changed") == 3


def test_without_logins_new_passwords_have_to_be_made(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original_home.make(home, dashboard_auth=None)
    before = everything(home)
    assert configuration.main(["--yes"]) == 78
    assert "--new-passwords" in capsys.readouterr().err
    assert everything(home) == before
    monkeypatch.setattr("substation.commands.configuration_takeover.outlet", lambda yes: lambda text: None)
    assert configuration.main(["--yes", "--new-passwords"]) == 0
    assert [user.name for user in files.load(home).settings.users] == ["admin"]


def answer(home: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run the door on a terminal and answer its question."""
    script = (
        "import os, pty, sys\n"
        "pid, master = pty.fork()\n"
        "if pid == 0: os.execv(sys.executable, [sys.executable, 'encrypt_config.py'])\n"
        f"os.write(master, {text.encode()!r})\n"
        "said = b''\n"
        "try:\n"
        "    while part := os.read(master, 4096): said += part\n"
        "except OSError: pass\n"
        "sys.stdout.write(said.decode())\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    project = Path(configuration.__file__).resolve().parents[2]
    return subprocess.run(
        [sys.executable, "-c", script], check=False, cwd=project, capture_output=True, text=True, timeout=60
    )


def test_on_a_terminal_it_asks_first(home: Path) -> None:
    original_home.make(home)
    before = everything(home)
    done = answer(home, "n\n")
    assert done.returncode == 0, done.stdout
    assert "Take it over? [Y/n]" in done.stdout
    assert "Nothing was changed" in done.stdout
    assert everything(home) == before
    done = answer(home, "\n")
    assert done.returncode == 0, done.stdout
    assert "Taken over" in done.stdout
    assert files.load(home).settings.users[0].name == "admin"


def test_without_a_terminal_it_needs_yes(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    original_home.make(home)
    before = everything(home)
    assert configuration.main([]) == 64
    assert "--yes" in capsys.readouterr().err
    assert everything(home) == before


@pytest.mark.parametrize("command", [["show"], ["check"], ["set", "site.name", "x"], ["rotate"], ["passwd"]])
def test_every_other_command_names_the_one_that_takes_it_over(
    home: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home)
    assert configuration.main(command) == 78
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "config.json: is the configuration of the original system. Take it over: python3 encrypt_config.py"
    ]


def cut(folder: Path) -> None:
    content = (folder / "config.json").read_bytes()
    (folder / "config.json").write_bytes(content[: len(content) // 2])


def another_key(folder: Path) -> None:
    (folder / "config_key.key").write_bytes(Fernet.generate_key())


def no_key(folder: Path) -> None:
    (folder / "config_key.key").unlink()


def our_traces(folder: Path) -> None:
    (folder / "operator.db").touch()


DAMAGES = [(cut, "is no JSON"), (another_key, "not the one"), (no_key, "is missing"), (our_traces, "mixed")]


@pytest.mark.parametrize("form", ["sealed", "mixed"])
@pytest.mark.parametrize(("damage", "said"), DAMAGES, ids=[one[0].__name__ for one in DAMAGES])
def test_what_cannot_be_taken_over_is_said_and_left_untouched(
    home: Path, form: original_home.Form, damage: object, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home, form)
    damage(home)  # type: ignore[operator]
    before = everything(home)
    assert configuration.main(["--yes"]) == 78
    capsys.readouterr()
    assert configuration.main(["takeover", "--yes"]) == 78
    assert said in capsys.readouterr().err
    assert everything(home) == before


@pytest.mark.parametrize("changes", [{"meter_ids": ["x"]}, {"dashboard_auth": ["admin"]}, {"baud_rate": 1}])
def test_a_setting_of_nonsense_is_named_and_everything_left_untouched(
    home: Path, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home, **changes)
    before = everything(home)
    assert configuration.main(["--yes"]) == 78
    assert f"config.json: {next(iter(changes))}: " in capsys.readouterr().err
    assert everything(home) == before


@pytest.mark.parametrize("people", [{"Admin": "violet tractor moss", "admin": "violet tractor moss"}])
def test_names_that_look_alike_are_refused(
    home: Path, people: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home, dashboard_auth=people)
    before = everything(home)
    assert configuration.main(["--yes"]) == 78
    assert "confused" in capsys.readouterr().err
    assert everything(home) == before


def test_while_the_original_runs_nothing_is_moved_from_under_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home)
    (home / "DMF_Reader.py").write_text("import time; print('runs', flush=True); time.sleep(60)\n")
    environment = {name: value for name, value in os.environ.items() if name != "SUBSTATION_HOME"}
    command = [sys.executable, "DMF_Reader.py"]
    with subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            assert configuration.main(["--yes"]) == 75
            assert f"pid {process.pid}" in capsys.readouterr().err
            assert not (home / "original").exists()
        finally:
            process.kill()
    assert configuration.main(["--yes"]) == 0


def test_nothing_to_take_over_is_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    assert configuration.main(["takeover"]) == 78
    assert "Copy the original's config.json" in capsys.readouterr().err


def test_the_decryption_check_of_the_originals_page_works_afterwards(home: Path) -> None:
    original_home.make(home)
    assert configuration.main(["--yes"]) == 0
    fernet = Fernet((home / "config_key.key").read_bytes())
    sealed = json.loads((home / "config.json").read_text())["encrypted_data"]
    assert json.loads(fernet.decrypt(sealed.encode()))["users"][0]["name"] == "admin"


def test_a_demo_is_neither_started_nor_made_in_it(home: Path) -> None:
    original_home.make(home)
    before = everything(home)
    with pytest.raises(SettingsError, match="of the original system"):
        demo.refuse_real(home)
    with pytest.raises(SettingsError, match="never overwritten"):
        configuration.make_station(home, simulated=True)
    assert everything(home) == before


def test_a_station_of_ours_is_not_taken_for_an_original(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original_home.make(home)
    assert configuration.main(["--yes"]) == 0
    before = (home / "config.json").read_bytes()
    assert configuration.main(["--yes"]) == 78
    assert configuration.main(["takeover", "--yes"]) == 78
    assert "nothing to take over" in capsys.readouterr().err
    assert (home / "config.json").read_bytes() == before
    (home / "config_key.key").chmod(0o644)
    assert configuration.main([]) == 78
    assert stat.S_IMODE((home / "config_key.key").stat().st_mode) == 0o644  # put back by who says so
    with pytest.raises(SettingsError):
        files.save(home, files.load(home).settings.model_copy(update={"simulated": True}))
