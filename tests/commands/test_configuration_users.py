"""`encrypt_config.py user`: each action changes one thing, says it, and is audited."""

import io
import os
from pathlib import Path

import pytest
from werkzeug.security import generate_password_hash

from substation.access.users import check
from substation.audit import KEY_INFO, tail, verify
from substation.commands import configuration
from substation.commands.configuration_make import make_station
from substation.settings import files, names, people, vault
from substation.settings.model import Settings, User
from tests.commands.test_configuration_make import PASSWORD as GENERATED
from tests.commands.test_configuration_make import on_a_terminal

PASSWORD = "four quiet herons wade"
TYPED = "rain over seven bridges"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE", "JOURNAL_STREAM"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    monkeypatch.setenv("SUBSTATION_HOME", str(folder))
    make_station(folder, simulated=False, passwords={"admin": PASSWORD, "export": PASSWORD})
    return folder


@pytest.fixture
def crew(home: Path) -> Path:
    """The station with two further people, who need not log in."""

    def more(settings: Settings) -> Settings:
        settings = people.added(settings, "meera", "engineer", "$argon2id$")
        return people.added(settings, "wall", "viewer", "$argon2id$")

    files.update(home, more)
    return home


def user(home: Path, name: str) -> User | None:
    return people.find(files.load(home).settings, name)


def audited(home: Path) -> list[str]:
    path = home / "dashboard_audit.log"
    assert verify(path, vault.derive(vault.read_key(home), KEY_INFO)).ok
    return tail(path, 100)


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(line + "\n" for line in lines)))


def test_a_user_is_added_with_a_generated_password_shown_on_the_terminal_alone(
    home: Path, tmp_path: Path
) -> None:
    code, screen = on_a_terminal(["user", "add", "meera", "--role", "engineer"], [], tmp_path / "output")
    assert code == 0, screen
    (password,) = GENERATED.findall(screen)
    found = check(files.load(home).settings, "meera", password)
    assert found
    assert found.role == "engineer"
    assert (tmp_path / "output").read_text() == "Added meera, engineer\n"
    kept = b"".join(path.read_bytes() for path in home.iterdir() if path.is_file())
    assert password.encode() not in kept
    assert "user.added" in audited(home)[-1]
    assert audited(home)[-1].endswith("of=meera role=engineer")
    assert "from terminal" in audited(home)[-1]


def test_nobody_is_added_where_the_password_could_not_be_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_terminal(path: object, *arguments: object, **named: object) -> int:
        if path == "/dev/tty":
            raise OSError(6, "No such device or address")
        return real(path, *arguments, **named)  # type: ignore[arg-type]

    real = os.open
    content = (home / "config.json").read_bytes()
    monkeypatch.setattr(os, "open", no_terminal)
    assert configuration.main(["user", "add", "meera"]) == 78
    captured = capsys.readouterr()
    assert "user add meera --password" in captured.err
    assert not GENERATED.search(captured.out + captured.err)
    assert (home / "config.json").read_bytes() == content


def test_a_typed_password_comes_in_two_lines_from_a_pipe(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, TYPED, TYPED)
    assert configuration.main(["user", "add", "ravi", "--password"]) == 0
    found = check(files.load(home).settings, "ravi", TYPED)
    assert found
    assert found.role == "viewer"
    assert capsys.readouterr().out == "Added ravi, viewer\n"
    assert "seven bridges" not in str(audited(home))


@pytest.mark.parametrize(
    ("name", "lines", "code", "said"),
    [
        ("ravi", [TYPED, TYPED + "s"], 64, "differ"),
        ("ravi", [TYPED], 64, "input ended"),
        ("ravi", ["short", "short"], 64, "at least 15"),
        ("ravi", ["ravi ravi ravi 1", "ravi ravi ravi 1"], 64, "tried first"),
        ("ravi", ["password123", "password123"], 64, "demo password"),
        ("Admin", [], 78, "too easily confused with the user admin"),
        ("a:b", [], 78, "cannot be typed"),
        ("export", [], 78, "export's password"),
    ],
)
def test_a_user_who_cannot_be_added_is_refused_and_nothing_changes(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    lines: list[str],
    code: int,
    said: str,
) -> None:
    content, log = (home / "config.json").read_bytes(), audited(home)
    typed(monkeypatch, *lines)
    assert configuration.main(["user", "add", name, "--password"]) == code
    assert said in capsys.readouterr().err
    assert (home / "config.json").read_bytes() == content
    assert audited(home) == log


def test_the_list_shows_role_and_state_and_no_hash(crew: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = generate_password_hash(PASSWORD, "pbkdf2:sha256:1000")
    files.update(crew, lambda now: people.with_password(people.disabled(now, "wall", True), "wall", old))
    assert configuration.main(["user", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "NAME   ROLE           STATE",
        "admin  administrator  enabled",
        "meera  engineer       enabled",
        "wall   viewer         disabled, password of the original system until the next login",
    ]


def test_a_role_is_changed_and_audited_with_before_and_after(
    crew: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert configuration.main(["user", "role", "meera", "operator"]) == 0
    assert capsys.readouterr().out == "meera: engineer -> operator\n"
    found = user(crew, "meera")
    assert found
    assert found.role == "operator"
    assert "user.role" in audited(crew)[-1]
    assert audited(crew)[-1].endswith("of=meera before=engineer after=operator")


def test_a_user_is_disabled_enabled_and_removed(crew: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for action, disabled in (("disable", True), ("enable", False)):
        assert configuration.main(["user", action, "meera"]) == 0
        found = user(crew, "meera")
        assert found
        assert found.disabled is disabled
        assert f"user.{action}d" in audited(crew)[-1]
    assert configuration.main(["user", "remove", "meera"]) == 0
    assert user(crew, "meera") is None
    assert "user.removed" in audited(crew)[-1]
    assert capsys.readouterr().out.splitlines() == [
        "meera may not log in any more",
        "meera may log in again",
        "Removed meera",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["role", "meera", "engineer"], "meera is engineer already"),
        (["enable", "meera"], "meera is enabled already"),
        (["disable", "wall"], "wall is disabled already"),
    ],
)
def test_what_is_so_already_is_said_and_not_audited(
    crew: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    files.update(crew, lambda now: people.disabled(now, "wall", True))
    log = audited(crew)
    assert configuration.main(["user", *arguments]) == 0
    assert capsys.readouterr().out == said + "\n"
    assert audited(crew) == log


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["role", "admin", "engineer"], 78, "nobody could administrate"),
        (["disable", "admin"], 78, "nobody could administrate"),
        (["remove", "admin"], 78, "nobody could administrate"),
        (["role", "eve", "viewer"], 64, "no user eve; known: admin, meera, wall"),
        (["disable", "eve"], 64, "no user eve"),
        (["enable", "Meera"], 64, "no user Meera"),
        (["remove", "eve"], 64, "no user eve"),
        (["role", "meera", "king"], 64, "invalid choice"),
        (["role", "meera"], 64, "required"),
        ([], 64, "required"),
    ],
)
def test_what_may_not_be_is_refused_and_nothing_changes(
    crew: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    content, log = (crew / "config.json").read_bytes(), audited(crew)
    assert configuration.main(["user", *arguments]) == code
    assert said in capsys.readouterr().err
    assert (crew / "config.json").read_bytes() == content
    assert audited(crew) == log


def test_the_export_keeps_a_password_hash_of_the_original_through_edit(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = generate_password_hash(PASSWORD, "pbkdf2:sha256:1000")
    files.update(home, lambda now: now.model_copy(update={"export_password_hash": old}))
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/8050/8051/' \"$1\"\n")
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    typed(monkeypatch)
    assert configuration.main(["edit"]) == 0
    after = files.load(home).settings
    assert names.get(after, "web.port") == 8051
    assert after.export_password_hash == old
