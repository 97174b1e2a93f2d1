"""Killed at any step the home is the original's as it was, or ours, and the same command goes on."""

import json
import shutil
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from substation import audit
from substation.commands import configuration
from substation.commands import configuration_aside as aside
from substation.commands import configuration_takeover_look as looking
from substation.commands import configuration_takeover_steps as steps
from substation.commands.configuration_takeover import settings_of
from substation.errors import SettingsError
from substation.settings import files, vault
from substation.settings.model import Home
from tests.commands import original_home
from tests.commands.kills import at_every_step
from tests.settings.original_forms import aside as aside_values

STORES = ("meter_data.csv", "meter_data_1year.db", "meter_data_daily.db")


def is_the_originals(folder: Path, whole: dict[str, bytes]) -> bool:
    """Return whether the original's own programs find all they had: as `app.py` opens it, and its stores."""
    document = json.loads((folder / "config.json").read_bytes())
    if "kid" in document:
        return False
    assert (folder / "config.json").read_bytes() == whole["config.json"]
    if "encrypted_data" in document:
        cipher = Fernet((folder / "config_key.key").read_bytes())
        assert "serial_port" in json.loads(cipher.decrypt(document["encrypted_data"].encode()))
    for name in (*STORES, *original_home.LOGS):
        assert (folder / name).read_bytes() == whole[name]
    return True


@pytest.mark.timeout(300)
@pytest.mark.parametrize("form", ["plain", "sealed", "mixed"])
def test_killed_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: original_home.Form
) -> None:
    for name in ("CREDENTIALS_DIRECTORY", "SUBSTATION_CONFIG_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    home, kept = tmp_path / "home", tmp_path / "kept"
    monkeypatch.setenv("SUBSTATION_HOME", str(home))
    original_home.make(home, form)
    home.rename(kept)
    whole = {path.name: path.read_bytes() for path in kept.iterdir()}

    def prepare() -> None:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(kept, home)

    prepare()
    first = looking.look(home)
    assert first
    settings = settings_of(first.plan, {}, "127.0.0.1")
    monkeypatch.setattr("substation.commands.configuration_takeover.settings_of", lambda *_: settings)

    def work() -> None:
        start = looking.look(home)
        assert start
        steps.take_over(start, settings, new_passwords=False)

    seen = {True: 0, False: 0}
    for number in at_every_step(prepare, work):
        as_before = is_the_originals(home, whole)
        seen[as_before] += 1
        if as_before or steps.is_unfinished(home):
            with pytest.raises(SettingsError, match=r"python3 encrypt_config\.py"):
                files.load(home)
            assert configuration.main(["--yes"]) == 0, number
        loaded = files.load(home)
        assert loaded.settings == settings, number
        assert vault.open_key(home).keys == (loaded.key,), number
        (sealed,) = aside.paths(home)
        assert aside.read(sealed, vault.open_key(home)) == aside_values()
        original = Home(home).original
        for name in (*STORES, *original_home.LOGS):
            assert (original / name).read_bytes() == whole[name], (number, name)
        assert (original / "config.json").read_bytes() == whole["config.json"]
        verdict = audit.verify_all(home / "dashboard_audit.log", audit.keys_in(home), ())
        assert verdict.ok, (number, verdict.words())
        assert "config.taken_over" in (home / "dashboard_audit.log").read_text()
        kept_names = {path.name for path in original.iterdir()}
        assert (
            kept_names - {*STORES, *original_home.LOGS, "config.json", "config_key.key", aside.NAME} == set()
        )
    assert seen[True] > 10
    assert seen[False] > 10
