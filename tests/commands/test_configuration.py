"""`encrypt_config.py` as a person uses it."""

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from substation.access.users import check, check_export
from substation.audit import KEY_INFO, tail, verify
from substation.commands import configuration, configuration_change
from substation.commands.configuration_make import make_station
from substation.settings import files, names, vault
from substation.settings.model import Settings

PASSWORDS = {"admin": "four quiet herons wade", "export": "under nine copper moons"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    make_station(folder, simulated=False, passwords=PASSWORDS, overrides={"lines.0.port": "/dev/null"})
    return folder


def settings(home: Path) -> Settings:
    return files.load(home).settings


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def audited(home: Path) -> list[str]:
    path = home / "dashboard_audit.log"
    assert verify(path, vault.derive(vault.read_key(home), KEY_INFO)).ok
    return tail(path, 100)


def test_show_names_every_setting_and_hides_secrets(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert configuration.main(["show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" = ")[0] for line in lines] == list(names.flat(settings(home)))
    assert "lines.0.port = /dev/null" in lines
    assert "export_password_hash = (set, hidden)" in lines
    assert "argon2" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("lines.0.port", "/dev/null"),
        ("poll.interval_s", "2.0"),
        ("web.allowed_hosts", "none"),
        ("meters.0.nominal_voltage_v", "none"),
        ("users.0.disabled", "no"),
        (
            "lines.0",
            '{"name": "line 1", "kind": "serial", "port": "/dev/null", "baud": 9600, "format": "8E1"}',
        ),
        ("users", '[{"name": "admin", "role": "administrator", "disabled": false}]'),
    ],
)
def test_get_prints_one_setting(home: Path, capsys: pytest.CaptureFixture[str], key: str, said: str) -> None:
    assert configuration.main(["get", key]) == 0
    assert capsys.readouterr().out == said + "\n"


@pytest.mark.parametrize("key", ["users.0.password_hash", "export_password_hash", "poll.colour"])
def test_get_refuses_secrets_and_unknown_settings(
    home: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    assert configuration.main(["get", key]) == 78
    captured = capsys.readouterr()
    assert captured.out == ""
    assert key in captured.err


def test_set_changes_one_setting_and_audits_before_and_after(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert configuration.main(["set", "poll.interval_s", "5"]) == 0
    assert capsys.readouterr().out == "poll.interval_s: 2.0 -> 5.0\n"
    assert settings(home).poll.interval_s == 5.0
    last = audited(home)[-1]
    assert "config.changed" in last
    assert "setting=poll.interval_s before=2.0 after=5.0" in last
    assert "from terminal" in last


def test_set_to_what_it_is_already_changes_and_audits_nothing(home: Path) -> None:
    lines, generation = audited(home), files.load(home).generation
    assert configuration.main(["set", "poll.interval_s", "2"]) == 0
    assert audited(home) == lines
    assert not files.changed(home, generation)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("poll.interval_s", "fast"),
        ("poll.colour", "red"),
        ("simulated", "yes"),
        ("users.0.password_hash", "$argon2id$x"),
        ("meters.0.id", "2"),
        ("web.bind", "nowhere"),
    ],
)
def test_set_refuses_a_wrong_one_with_file_setting_and_remedy_and_leaves_the_file(
    home: Path, capsys: pytest.CaptureFixture[str], key: str, value: str
) -> None:
    content, lines = (home / "config.json").read_bytes(), audited(home)
    assert configuration.main(["set", key, value]) == 78
    said = capsys.readouterr().err
    assert "config.json: " in said
    assert key in said or key.split(".", maxsplit=1)[0] in said
    assert "encrypt_config.py" in said or "SUBSTATION_HOME" in said
    assert (home / "config.json").read_bytes() == content
    assert audited(home) == lines


@pytest.mark.parametrize(("key", "value"), [("users.0.disabled", "yes"), ("users.0.role", "viewer")])
def test_set_does_not_take_the_last_administrator_away(
    home: Path, capsys: pytest.CaptureFixture[str], key: str, value: str
) -> None:
    content, lines = (home / "config.json").read_bytes(), audited(home)
    assert configuration.main(["set", key, value]) == 78
    assert "nobody could administrate" in capsys.readouterr().err
    assert (home / "config.json").read_bytes() == content
    assert audited(home) == lines


def test_one_of_two_administrators_may_go(home: Path) -> None:
    first = settings(home).users[0]
    files.update(
        home,
        lambda now: now.model_copy(update={"users": (first, first.model_copy(update={"name": "second"}))}),
    )
    assert configuration.main(["set", "users.0.disabled", "yes"]) == 0
    assert configuration.main(["set", "users.1.role", "engineer"]) == 78
    assert [user.disabled for user in settings(home).users] == [True, False]


def test_a_station_without_an_administrator_can_still_be_changed(home: Path) -> None:
    files.update(home, lambda now: names.with_values(now, {"users.0.disabled": True}))
    assert configuration.main(["set", "web.port", "8051"]) == 0
    assert configuration.main(["set", "users.0.disabled", "no"]) == 0


def test_moving_the_audit_log_is_the_last_line_of_the_old_one(home: Path) -> None:
    assert configuration.main(["set", "paths.audit_log_file", "elsewhere.log"]) == 0
    assert "after=elsewhere.log" in tail(home / "dashboard_audit.log", 1)[0]


def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> Path:
    """Name an editor that does what the lines of `script` say with the text; it notes the file's mode."""
    notes = tmp_path / "seen"
    program = tmp_path / "editor.py"
    program.write_text(
        "#!/usr/bin/env python3\nimport json, os, pathlib, sys\n"
        "path = pathlib.Path(sys.argv[-1])\ndata = json.loads(path.read_text())\n"
        f"pathlib.Path({str(notes)!r}).write_text(json.dumps([str(path), oct(path.stat().st_mode), "
        "oct(path.parent.stat().st_mode), path.read_text()]))\n"
        + script
        + "\npath.write_text(json.dumps(data))\n"
    )
    program.chmod(0o700)
    monkeypatch.setenv("EDITOR", f"{program} --wait")
    return notes


def test_edit_shows_no_secret_in_a_private_file_that_is_gone_afterwards(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = settings(home)
    seen = editor(
        monkeypatch,
        tmp_path,
        "data['site']['name'] = 'Rampur'; data['meters'].pop(); data['web']['port'] = 8051",
    )
    assert configuration.main(["edit"]) == 0
    path, mode, folder_mode, text = json.loads(seen.read_text())
    assert (mode, folder_mode) == ("0o100600", "0o40700")
    assert not Path(path).exists()
    assert not Path(path).parent.exists()
    assert "argon2" not in text
    assert "simulated" not in text
    after = settings(home)
    assert (after.site.name, len(after.meters), after.web.port) == ("Rampur", 4, 8051)
    assert after.users == before.users
    assert after.export_password_hash == before.export_password_hash
    said = "\n".join(audited(home))
    for part in (
        "setting=site.name before=Substation after=Rampur",
        "setting=web.port",
        "setting=meters.4.id",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("data['poll']['interval_s'] = 'fast'", "poll.interval_s"),
        ("data['colour'] = 'red'", "colour"),
        ("data['users'].append({'name': 'eve', 'role': 'administrator'})", "eve"),
        ("data['users'][0]['password_hash'] = '$argon2id$x'", "password_hash"),
        ("data['simulated'] = True", "simulated"),
        ("data['export_password_hash'] = None", "export_password_hash"),
        ("data['users'][0]['name'] = ['admin']", "users"),
        ("data['users'][0]['role'] = 'operator'", "nobody could administrate"),
        ("data['users'] = []", "nobody could administrate"),
        ("data = []", "no configuration"),
        ("path.write_text('{'); sys.exit()", "no JSON"),
        ("sys.exit(3)", "ended with an error"),
    ],
)
def test_edit_refuses_what_cannot_be_used_and_leaves_the_file(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
    said: str,
) -> None:
    typed(monkeypatch, "")
    content = (home / "config.json").read_bytes()
    seen = editor(monkeypatch, tmp_path, script)
    assert configuration.main(["edit"]) == 78
    assert said in capsys.readouterr().err
    assert (home / "config.json").read_bytes() == content
    assert not Path(json.loads(seen.read_text())[0]).exists()


def test_edit_does_not_undo_what_somebody_else_changed_meanwhile(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = configuration_change._closed

    def meanwhile(before: Mapping[str, object], text: str, own: Path) -> Settings:
        files.update(home, lambda current: names.with_values(current, {"poll.interval_s": 9.0}))
        return real(before, text, own)

    monkeypatch.setattr(configuration_change, "_closed", meanwhile)
    editor(monkeypatch, tmp_path, "data['site']['name'] = 'Rampur'")
    assert configuration.main(["edit"]) == 75
    assert "somebody else" in capsys.readouterr().err
    assert settings(home).site.name == "Substation"
    assert settings(home).poll.interval_s == 9.0


def seal_unchecked(home: Path, **changes: object) -> bytes:
    """Seal what this program cannot use, as another version of it would have."""
    plain = {**settings(home).model_dump(mode="json"), **changes}
    (home / "config.json").write_text(json.dumps(vault.seal(vault.read_key(home), plain)))
    return (home / "config.json").read_bytes()


def test_edit_opens_a_configuration_that_holds_settings_of_another_version(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = settings(home)
    seal_unchecked(home, poll={"interval_s": "fast"}, colour="red", password_rules={"length": 12})
    assert configuration.main(["show"]) == 78
    said = capsys.readouterr().err
    assert "Remedy: python3 encrypt_config.py edit" in said
    assert "encrypt_config.py set" not in said
    typed(monkeypatch, "")
    seen = editor(monkeypatch, tmp_path, "data['poll']['interval_s'] = 3; del data['colour']")
    assert configuration.main(["edit"]) == 0
    said = capsys.readouterr().err
    assert "config.json: poll.interval_s" in said
    assert "config.json: colour" in said
    text = json.loads(seen.read_text())[3]
    assert "argon2" not in text
    assert "password" not in text
    after = settings(home)
    assert after == before.model_copy(update={"poll": after.poll})
    assert after.poll.interval_s == 3
    lines = "\n".join(audited(home))
    assert "setting=poll.interval_s before=fast after=3" in lines
    assert "setting=colour before=red" in lines
    assert "setting=password_rules.length before=(hidden)" in lines


def test_edit_leaves_a_file_that_is_not_put_right(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "")
    content = seal_unchecked(home, colour="red")
    editor(monkeypatch, tmp_path, "data['site']['name'] = 'Rampur'")
    assert configuration.main(["edit"]) == 78
    assert "colour" in capsys.readouterr().err
    assert (home / "config.json").read_bytes() == content


def test_edit_says_that_a_damaged_export_password_must_be_set_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "")
    seal_unchecked(home, export_password_hash="in clear")
    editor(monkeypatch, tmp_path, "")
    assert configuration.main(["edit"]) == 0
    said = capsys.readouterr().err
    assert "passwd --export" in said
    assert "in clear" not in said
    assert settings(home).export_password_hash is None


def test_edit_does_not_open_what_was_cut(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = editor(monkeypatch, tmp_path, "")
    (home / "config.json").write_text((home / "config.json").read_text().replace("A", "B"))
    assert configuration.main(["edit"]) == 78
    assert "was cut or edited" in capsys.readouterr().err
    assert not seen.exists()


def test_edit_without_an_editor_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISUAL", "no-such-editor")
    assert configuration.main(["edit"]) == 78
    assert "no-such-editor" in capsys.readouterr().err


def test_passwd_takes_a_password_typed_twice_and_audits_it_without_the_password(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, "rain over seven bridges\nrain over seven bridges\n")
    assert configuration.main(["passwd", "admin"]) == 0
    assert check(settings(home), "admin", "rain over seven bridges")
    assert not check(settings(home), "admin", PASSWORDS["admin"])
    assert "password.changed" in audited(home)[-1]
    assert audited(home)[-1].endswith("of=admin")
    everything = b"".join(path.read_bytes() for path in home.iterdir()) + str(capsys.readouterr()).encode()
    assert b"seven bridges" not in everything
    assert b"argon2" not in everything


def test_passwd_of_the_export_leaves_the_login_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "rain over seven bridges\nrain over seven bridges\n")
    assert configuration.main(["passwd", "--export"]) == 0
    assert check_export(settings(home), "rain over seven bridges")
    assert check(settings(home), "admin", PASSWORDS["admin"])


@pytest.mark.parametrize(
    ("arguments", "text", "said"),
    [
        ([], "rain over seven bridges\nrain over eight bridges\n", "differ"),
        ([], "rain over seven bridges\n", "input ended"),
        ([], "", "input ended"),
        ([], "short\nshort\n", "at least 15"),
        ([], "password123\npassword123\n", "demo password"),
        (["--export"], "secure123\nsecure123\n", "demo password"),
        ([], "substation admin 1234\nsubstation admin 1234\n", "tried first"),
        (["eve"], "rain over seven bridges\nrain over seven bridges\n", "no user eve; known: admin"),
    ],
)
def test_passwd_refuses_and_changes_nothing(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    text: str,
    said: str,
) -> None:
    content = (home / "config.json").read_bytes()
    typed(monkeypatch, text)
    assert configuration.main(["passwd", *arguments]) == 64
    assert said in capsys.readouterr().err
    assert (home / "config.json").read_bytes() == content


def test_a_loosened_key_is_mended_said_and_audited_by_any_command(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "config_key.key").chmod(0o644)
    assert configuration.main(["get", "site.name"]) == 0
    assert stat.S_IMODE((home / "config_key.key").stat().st_mode) == 0o600
    captured = capsys.readouterr()
    assert captured.out == "Substation\n"
    assert "config_key.key" in captured.err
    assert "0600" in captured.err
    assert "key.mode" in audited(home)[-1]


def test_check_finds_a_good_station_in_order(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert configuration.main(["check"]) == 0
    assert "in order: station Substation, 5 meters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"meters.0.profile": "no_such_meter"}, "no_such_meter"),
        ({"users.0.disabled": True}, "no administrator"),
        ({"export_password_hash": vault.hash_password("secure123")}, "passwd --export"),
    ],
)
def test_check_names_what_is_wrong_and_its_remedy(
    home: Path, capsys: pytest.CaptureFixture[str], values: dict[str, object], said: str
) -> None:
    files.update(home, lambda current: names.with_values(current, values))
    assert configuration.main(["check"]) == 78
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Remedy: python3 encrypt_config.py" in captured.err
    assert captured.out == ""


def test_a_demo_that_everybody_could_reach_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path / "demo"))
    make_station(tmp_path / "demo", simulated=True)
    assert configuration.main(["check"]) == 0
    capsys.readouterr()
    assert configuration.main(["set", "web.bind", "0.0.0.0"]) == 0  # noqa: S104
    assert "demo password" in capsys.readouterr().err
    assert configuration.main(["check"]) == 78
    assert "a demo on 0.0.0.0" in capsys.readouterr().err


def test_the_demo_may_keep_its_documented_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path / "demo"))
    make_station(tmp_path / "demo", simulated=True)
    typed(monkeypatch, "password123\npassword123\n")
    assert configuration.main(["passwd"]) == 0
    assert check(settings(tmp_path / "demo"), "admin", "password123")
    typed(monkeypatch, "password124\npassword124\n")
    assert configuration.main(["passwd"]) == 64


@pytest.mark.parametrize("command", [[], ["show"], ["get"], ["set"], ["edit"], ["check"], ["passwd"]])
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert configuration.main([*command, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: encrypt_config.py")
    assert len(said) > 120


@pytest.mark.parametrize("wrong", [["frob"], ["set", "a"], ["get"], ["--frob"], ["passwd", "a", "--export"]])
def test_wrong_usage_is_64(capsys: pytest.CaptureFixture[str], wrong: list[str]) -> None:
    assert configuration.main(wrong) == 64
    assert "--help says more" in capsys.readouterr().err


def test_an_audit_log_that_cannot_be_written_is_said_and_does_not_stop_the_change(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "dashboard_audit.log").unlink()
    (home / "dashboard_audit.log").mkdir()
    assert configuration.main(["set", "poll.interval_s", "5"]) == 0
    assert "audit log cannot be written" in capsys.readouterr().err
    assert settings(home).poll.interval_s == 5.0


def test_a_reader_that_has_seen_enough_is_no_error(home: Path) -> None:
    door = Path(__file__).resolve().parents[2] / "encrypt_config.py"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, str(door), "show"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
    assert home.is_dir()


def test_no_command_makes_a_file_for_the_world(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0)
    try:
        typed(monkeypatch, "rain over seven bridges\nrain over seven bridges\n")
        configuration.main(["passwd"])
        configuration.main(["set", "poll.interval_s", "5"])
    finally:
        os.umask(before)
    for path in home.iterdir():
        assert not path.stat().st_mode & 0o007, path.name
