"""The folder of the copies is named with its whole path: a relative one would lie on the card itself."""

import pytest

from substation.errors import SettingsError
from substation.settings.model import parse

METERS = [{"id": 1, "name": "Transformer", "role": "incomer", "rated_kva": 500.0}]


@pytest.mark.parametrize("folder", ["relative/folder", "~/stick", "./copies", " /media/stick"])
def test_a_folder_without_its_whole_path_is_refused_in_words(folder: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse({"meters": METERS, "backup": {"folder": folder}}, "config.json")
    words = str(refused.value)
    assert words.startswith("config.json: backup.folder: ")
    assert "is no whole path" in words
    assert "encrypt_config.py set" in words


@pytest.mark.parametrize("folder", [None, "/media/stick/substation"])
def test_a_whole_path_or_none_is_taken(folder: str | None) -> None:
    assert parse({"meters": METERS, "backup": {"folder": folder}}, "config.json").backup.folder == folder
