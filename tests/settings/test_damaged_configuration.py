"""S28: whatever was done to the file, it is refused in clear words and left as it is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from substation.commands import configuration
from substation.commands.configuration_make import make_station
from substation.errors import SettingsError
from substation.settings import files, vault


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    folder = tmp_path_factory.mktemp("sealed")
    make_station(folder, simulated=True)
    return (folder / "config.json").read_bytes(), (folder / "config_key.key").read_bytes()


@pytest.fixture
def home(tmp_path: Path, sealed: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("SUBSTATION_CONFIG_KEY_FILE", raising=False)
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    (tmp_path / "config.json").write_bytes(sealed[0])
    vault.write_key(tmp_path / "config_key.key", sealed[1].strip())
    files.load(tmp_path)
    return tmp_path


def edited(content: bytes) -> bytes:
    document = json.loads(content)
    token = document["encrypted_data"]
    document["encrypted_data"] = token[:60] + ("A" if token[60] != "A" else "B") + token[61:]
    return json.dumps(document).encode()


def with_another_key(content: bytes) -> bytes:
    return json.dumps(vault.seal(vault.new_key(), {"meters": []})).encode()


def with_the_name_of_another_key(content: bytes) -> bytes:
    return json.dumps({**json.loads(content), "kid": "00000000"}).encode()


def half_in_clear(content: bytes) -> bytes:
    return json.dumps({**json.loads(content), "dashboard_auth": {"admin": "x"}}).encode()


DAMAGES: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("empty", lambda content: b"", "is empty"),
    ("blank", lambda content: b" \n\n", "is empty"),
    ("cut", lambda content: content[: len(content) // 2], "is no JSON"),
    (
        "cut to the token's half",
        lambda c: json.dumps({"encrypted_data": "gAAAAAB"}).encode(),
        "cut or edited",
    ),
    ("edited", edited, "cut or edited"),
    ("not JSON", lambda content: b"serial_port: /dev/ttyUSB0\n", "is no JSON"),
    ("binary", lambda content: bytes(range(256)), "is no JSON"),
    ("a list", lambda content: b"[]", "no configuration"),
    ("nested without end", lambda content: b"[" * 100_000, "is no JSON"),
    ("plain text of the original", lambda c: b'{"serial_port": "/dev/ttyUSB0"}', "of the original system"),
    ("plain text of another program", lambda c: b'{"port": "/dev/ttyUSB0"}', "is not sealed"),
    ("clear settings beside ours", half_in_clear, "in clear beside"),
    ("another key", with_another_key, "needs the key"),
    ("the name of another key", with_the_name_of_another_key, "needs the key 00000000"),
    ("a later format", lambda c: json.dumps({**json.loads(c), "v": 2}).encode(), "format"),
    ("a token that is a number", lambda c: b'{"encrypted_data": 5}', "cut or edited"),
]


@pytest.mark.parametrize(("damage", "said"), [d[1:] for d in DAMAGES], ids=[d[0] for d in DAMAGES])
def test_a_damaged_file_is_refused_in_its_own_words_and_left_untouched(
    home: Path,
    damage: Callable[[bytes], bytes],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = home / "config.json"
    path.write_bytes(damage(path.read_bytes()))
    content, key = path.read_bytes(), (home / "config_key.key").read_bytes()
    for command in (["show"], ["set", "poll.interval_s", "5"], ["check"], ["passwd"], ["edit"], ["--yes"]):
        assert configuration.main(command) == 78
    with pytest.raises(SettingsError) as refused:
        files.load(home)
    words = str(refused.value)
    assert said in words
    assert "config.json" in words
    assert any(remedy in words for remedy in ("Put", "Move", "use ", "remove", "Take"))
    assert path.read_bytes() == content
    assert (home / "config_key.key").read_bytes() == key
    assert said in capsys.readouterr().err


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_single_changed_byte_yields_another_configuration(
    home: Path, sealed: tuple[bytes, bytes], data: st.DataObject
) -> None:
    content = bytearray(sealed[0])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255).filter(lambda value: value != content[at]))
    path = home / "config.json"
    path.write_bytes(sealed[0])
    path.chmod(0o600)
    good = files.load(home).settings
    path.write_bytes(bytes(content))
    try:
        # Blanks between the JSON and the unused bits at the end of base64 do not matter.
        assert files.load(home).settings == good
    except SettingsError as exc:
        assert "config.json" in str(exc)
    assert path.read_bytes() == bytes(content)


def test_unknown_and_ill_typed_settings_are_all_named_at_once(home: Path) -> None:
    plain = files.load(home).settings.model_dump(mode="json")
    plain["poll"]["interval_s"] = "fast"
    plain["lines"][0]["baud"] = 9600.5
    plain["colour"] = "red"
    key = vault.read_key(home)
    (home / "config.json").write_text(json.dumps(vault.seal(key, plain)))
    with pytest.raises(SettingsError) as refused:
        files.load(home)
    words = str(refused.value)
    for name in ("poll.interval_s", "lines.0.baud", "colour"):
        assert f"config.json: {name}" in words
    assert "encrypt_config.py edit" in words
