import json
import multiprocessing
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from substation.commands.configuration_make import make_station
from substation.errors import Busy, SettingsError
from substation.settings import files, names, vault
from substation.settings.model import Settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("SUBSTATION_CONFIG_KEY_FILE", raising=False)
    folder = tmp_path / "home"
    make_station(folder, simulated=True, overrides={"site.name": "Rampur"})
    return folder


def test_a_saved_configuration_loads_as_it_was(home: Path) -> None:
    loaded = files.load(home)
    changed = names.with_values(loaded.settings, {"poll.interval_s": 5.5, "web.allowed_hosts": ("a", "b")})
    files.save(home, changed)
    assert files.load(home).settings == changed
    assert files.load(home).settings.web.allowed_hosts == ("a", "b")


def test_the_decryption_check_of_the_original_page_works(home: Path) -> None:
    fernet = Fernet((home / "config_key.key").read_bytes())
    sealed = json.loads((home / "config.json").read_text())["encrypted_data"]
    assert json.loads(fernet.decrypt(sealed.encode()))["site"]["name"] == "Rampur"


def test_nothing_of_it_stands_in_clear(home: Path) -> None:
    content = (home / "config.json").read_text()
    for word in ("Rampur", "argon2", "admin", "password123", "secure123"):
        assert word not in content
    for path in home.iterdir():
        assert b"password123" not in path.read_bytes()
        assert b"$argon2id$" not in path.read_bytes()


def test_no_file_is_for_the_world_whatever_the_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        files.update(home, lambda settings: names.with_values(settings, {"site.name": "New"}))
        files.load(home)
    finally:
        os.umask(before)
    for path in home.iterdir():
        assert not path.stat().st_mode & 0o007, path.name
    for name in ("config.json", "config_key.key"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600


def test_a_group_that_may_read_it_keeps_that_right(home: Path) -> None:
    (home / "config.json").chmod(0o640)
    files.update(home, lambda settings: names.with_values(settings, {"site.name": "New"}))
    assert stat.S_IMODE((home / "config.json").stat().st_mode) == 0o640


def test_a_loosened_configuration_is_put_back_with_a_warning(home: Path) -> None:
    (home / "config.json").chmod(0o666)
    (home / "config_key.key").chmod(0o604)
    warnings = files.load(home).warnings
    assert any("config_key.key" in words and "0604" in words for words in warnings)
    assert any("config.json" in words and "0666" in words for words in warnings)
    assert files.load(home).warnings == ()


def test_a_missing_configuration_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"config\.json.*python3 encrypt_config\.py"):
        files.load(tmp_path)


def test_a_change_is_noticed_by_one_stat(home: Path) -> None:
    generation = files.load(home).generation
    assert not files.changed(home, generation)
    files.load(home)
    assert not files.changed(home, generation)
    files.update(home, lambda settings: names.with_values(settings, {"site.name": "New"}))
    assert files.changed(home, generation)
    assert files.changed(home / "gone", generation)


def test_an_update_that_changes_nothing_writes_nothing(home: Path) -> None:
    generation = files.load(home).generation
    files.update(home, lambda settings: settings)
    assert not files.changed(home, generation)


def test_a_real_station_never_becomes_simulated_nor_the_reverse(home: Path) -> None:
    content = (home / "config.json").read_bytes()
    turned = files.load(home).settings.model_copy(update={"simulated": False})
    with pytest.raises(SettingsError, match="simulated"):
        files.save(home, turned)
    with pytest.raises(SettingsError, match="simulated"):
        files.update(home, lambda _: turned)
    assert (home / "config.json").read_bytes() == content


def test_what_was_copied_together_unchecked_is_not_sealed(home: Path) -> None:
    content = (home / "config.json").read_bytes()
    settings = files.load(home).settings
    twice = settings.model_copy(update={"meters": (settings.meters[0], settings.meters[0])})
    with pytest.raises(SettingsError, match="used twice"):
        files.save(home, twice)
    assert (home / "config.json").read_bytes() == content


def test_a_failed_write_leaves_the_old_file_and_no_other(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (home / "config.json").read_bytes()
    listed = sorted(path.name for path in home.iterdir())

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        files.update(home, lambda settings: names.with_values(settings, {"site.name": "New"}))
    assert (home / "config.json").read_bytes() == content
    assert sorted(path.name for path in home.iterdir()) == listed


def _raise_interval(folder: str, times: int) -> None:
    def more(settings: Settings) -> Settings:
        return names.with_values(settings, {"store.raw_days": settings.store.raw_days + 1})

    for _ in range(times):
        files.update(Path(folder), more)


def test_changes_of_several_processes_are_all_kept(home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_raise_interval, args=(str(home), 15)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert files.load(home).settings.store.raw_days == 14 + 45


def test_a_change_does_not_wait_for_ever_for_another(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LOCK_WAIT_S", 0.05)
    with files.locked(home), pytest.raises(files.BeingChanged, match="try again") as refused:
        files.update(home, lambda settings: settings)
    assert isinstance(refused.value, SettingsError)
    assert isinstance(refused.value, Busy)
    files.update(home, lambda settings: settings)


def test_a_reader_beside_a_writer_never_sees_half_a_file(home: Path) -> None:
    done = threading.Event()

    def write() -> None:
        try:
            _raise_interval(str(home), 60)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.add(files.load(home).settings.store.raw_days)
    writer.join()
    seen.add(files.load(home).settings.store.raw_days)
    assert max(seen) == 74
    assert len(seen) > 1


def test_loading_is_quick_and_leaves_pandas_alone(home: Path) -> None:
    started = time.perf_counter()
    for _ in range(20):
        files.load(home)
    assert (time.perf_counter() - started) / 20 < 0.1
    code = "import sys; import substation.settings.files, substation.audit; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'substation.audit'" in done.stdout
    assert "'pandas'" not in done.stdout
    assert "'numpy'" not in done.stdout


def test_the_home_is_the_folder_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBSTATION_HOME", str(tmp_path))
    assert files.home_folder() == tmp_path
    monkeypatch.delenv("SUBSTATION_HOME")
    assert (files.home_folder() / "substation" / "settings" / "files.py").exists()


def test_a_mended_key_is_still_a_key(home: Path) -> None:
    assert vault.kid(vault.read_key(home)) == json.loads((home / "config.json").read_text())["kid"]
