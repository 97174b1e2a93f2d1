import base64
import hashlib
import hmac
import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from substation.errors import SettingsError
from substation.settings import vault


@pytest.fixture(autouse=True)
def _no_key_named_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("SUBSTATION_CONFIG_KEY_FILE", raising=False)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "config_key.key"
    vault.write_key(path, vault.new_key())
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_sealed_comes_back(key_file: Path) -> None:
    key = vault.read_key(key_file.parent)
    data = {"site": {"name": "Rampur – रामपुर"}, "meters": [1, 2.5, None, True]}
    assert vault.unseal(key, vault.seal(key, data), "config.json") == data


def test_the_document_says_its_format_and_the_name_of_its_key() -> None:
    key = vault.new_key()
    document = vault.seal(key, {"a": 1})
    assert set(document) == {"encrypted_data", "v", "kid"}
    assert document["v"] == 1
    assert document["kid"] == vault.kid(key)
    assert "a" in Fernet(key).decrypt(str(document["encrypted_data"]).encode()).decode()


def test_another_key_is_named() -> None:
    mine, other = vault.new_key(), vault.new_key()
    with pytest.raises(SettingsError) as refused:
        vault.unseal(mine, vault.seal(other, {}), "config.json")
    assert vault.kid(mine) in str(refused.value)
    assert vault.kid(other) in str(refused.value)


def test_an_older_key_further_down_in_the_file_still_unseals(key_file: Path) -> None:
    old = vault.read_key(key_file.parent)
    sealed = vault.seal(old, {"a": 1})
    key_file.write_bytes(vault.new_key() + b"\n" + old + b"\n")
    ring = vault.open_key(key_file.parent)
    assert ring.primary != old
    assert vault.unseal(ring.keys, sealed, "config.json") == {"a": 1}


def test_a_token_without_a_key_name_is_tried_with_every_key() -> None:
    key = vault.new_key()
    document = {"encrypted_data": vault.seal(key, {"a": 1})["encrypted_data"]}
    assert vault.unseal((vault.new_key(), key), document, "config.json") == {"a": 1}


def test_keys_for_different_purposes_differ_and_stay_the_same() -> None:
    key = vault.new_key()
    assert len(vault.derive(key, "audit v1")) == 32
    assert vault.derive(key, "audit v1") == vault.derive(key, "audit v1")
    assert vault.derive(key, "audit v1") != vault.derive(key, "session v1")
    assert vault.derive(key, "audit v1") != vault.derive(vault.new_key(), "audit v1")


def test_derived_keys_follow_rfc_5869() -> None:
    # HKDF-SHA256 without salt, computed by hand from the two HMAC steps of RFC 5869, 2.2 and 2.3.
    key = base64.urlsafe_b64encode(bytes(range(32)))
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), bytes(range(32)), "sha256")
    assert vault.derive(key, "audit v1") == hmac.digest(extracted, b"audit v1\x01", "sha256")


def test_a_new_key_file_is_the_owners_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        vault.write_key(tmp_path / "config_key.key", vault.new_key())
    finally:
        os.umask(before)
    assert mode(tmp_path / "config_key.key") == 0o600


def test_a_key_is_never_overwritten(key_file: Path) -> None:
    content = key_file.read_bytes()
    with pytest.raises(SettingsError, match="never overwritten"):
        vault.write_key(key_file, vault.new_key())
    assert key_file.read_bytes() == content


def test_a_loosened_mode_is_put_back_with_a_warning(key_file: Path) -> None:
    key_file.chmod(0o644)
    opened = vault.open_key(key_file.parent)
    assert mode(key_file) == 0o600
    assert opened.warnings == ("config_key.key: others could read it (mode 0644); set back to 0600",)
    assert vault.open_key(key_file.parent).warnings == ()


def test_what_the_service_manager_hands_over_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.write_key(tmp_path / "config_key", vault.new_key())
    (tmp_path / "config_key").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert vault.open_key(tmp_path / "home").warnings == ()
    assert mode(tmp_path / "config_key") == 0o440


def test_a_file_system_without_modes_is_refused(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(handle: int, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    key_file.chmod(0o777)
    monkeypatch.setattr(os, "fchmod", refused)
    with pytest.raises(SettingsError, match="keeps no modes"):
        vault.open_key(key_file.parent)


def test_a_link_is_no_key(key_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "config_key.key").symlink_to(key_file)
    with pytest.raises(SettingsError, match="symbolic link"):
        vault.read_key(folder)


def test_a_folder_where_everybody_may_write_holds_no_key(key_file: Path) -> None:
    key_file.parent.chmod(0o777)
    try:
        with pytest.raises(SettingsError, match="chmod o-w"):
            vault.read_key(key_file.parent)
    finally:
        key_file.parent.chmod(0o700)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"not a key\n", "holds no key"),
        (b"\x00" * 44, "holds no key"),
    ],
)
def test_a_key_file_without_a_key_says_so(key_file: Path, content: bytes, said: str) -> None:
    key_file.write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        vault.read_key(key_file.parent)


def test_a_missing_key_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"config_key\.key: is missing.*Put it back.*encrypt_config\.py"):
        vault.read_key(tmp_path)


def test_a_directory_or_a_pipe_is_no_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config_key.key", 0o600)
    with pytest.raises(SettingsError, match="no ordinary file"):
        vault.read_key(tmp_path)


def test_the_credential_of_the_service_manager_comes_first(
    key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials, named = tmp_path / "credentials", tmp_path / "named.key"
    credentials.mkdir()
    (credentials / "config_key").write_bytes(b"")
    (credentials / "config_key").unlink()
    keys = {"file": vault.read_key(tmp_path), "named": vault.new_key(), "credential": vault.new_key()}
    vault.write_key(named, keys["named"])
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert vault.read_key(tmp_path) == keys["file"]
    monkeypatch.setenv("SUBSTATION_CONFIG_KEY_FILE", str(named))
    assert vault.read_key(tmp_path) == keys["named"]
    vault.write_key(credentials / "config_key", keys["credential"])
    assert vault.read_key(tmp_path) == keys["credential"]
    assert key_file.exists()
