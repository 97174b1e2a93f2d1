"""The sealed file of the kit: opens by its passphrase, whole and unedited, and by nothing else."""

import json

import pytest

from substation.errors import SettingsError
from substation.settings import kit

LABEL = kit.Label("GS Substation", "2026-11-22")
FILES = {"config.json": b'{"encrypted_data": "x"}', "config_key.key": b"\x00\xff secret"}
QUICK = kit.Work(1, 64, 1)
PASSPHRASE = "copper tulip bridge moon"


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return kit.seal(LABEL, FILES, PASSPHRASE, QUICK)


def changed(content: bytes, **parts: object) -> bytes:
    return json.dumps({**json.loads(content), **parts}).encode()


def test_what_was_sealed_comes_back(sealed: bytes) -> None:
    assert kit.unseal(sealed, PASSPHRASE, "kit.json") == (LABEL, FILES)


def test_it_says_in_clear_what_it_is_and_nothing_that_is_secret(sealed: bytes) -> None:
    document = json.loads(sealed)
    assert (document["site"], document["day"], document["v"]) == ("GS Substation", "2026-11-22", 1)
    assert document["kdf"]["name"] == "argon2id"
    assert document["open_with"] == "python3 datalogger.py kit --open FILE"
    assert kit.label_of(sealed, "kit.json") == LABEL
    for secret in (b"encrypted_data", b"secret", PASSPHRASE.encode(), b"config_key"):
        assert secret not in sealed


def test_two_kits_of_the_same_files_share_nothing(sealed: bytes) -> None:
    other, first = json.loads(kit.seal(LABEL, FILES, PASSPHRASE, QUICK)), json.loads(sealed)
    assert other["kdf"]["salt"] != first["kdf"]["salt"]
    assert other["sealed"] != first["sealed"]


def test_the_work_of_a_real_one_is_above_what_owasp_asks_for() -> None:
    assert kit.Work().memory_kib >= 46 * 1024
    assert kit.Work().time >= 3
    assert kit.Work().bounded


def test_a_passphrase_opens_it_however_the_keyboard_composes_its_letters(sealed: bytes) -> None:
    composed = kit.seal(LABEL, FILES, "caf\u00e9 tulip bridge moon", QUICK)
    assert kit.unseal(composed, "cafe\u0301 tulip bridge moon", "kit.json")[1] == FILES


def test_a_wrong_passphrase_is_refused_in_words(sealed: bytes) -> None:
    with pytest.raises(SettingsError, match="passphrase is another one, or the file was edited"):
        kit.unseal(sealed, PASSPHRASE.upper(), "kit.json")


@pytest.mark.parametrize(
    "part", [{"site": "Another"}, {"day": "2027-01-01"}, {"simulated": True}, {"more": 1}]
)
def test_an_edited_word_in_clear_is_seen(sealed: bytes, part: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="was edited"):
        kit.unseal(changed(sealed, **part), PASSPHRASE, "kit.json")


def test_every_flipped_bit_of_the_sealed_part_is_seen(sealed: bytes) -> None:
    text = json.loads(sealed)["sealed"]
    for at in range(0, len(text) - 4, 7):
        other = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
        with pytest.raises(SettingsError):
            kit.unseal(changed(sealed, sealed=other), PASSPHRASE, "kit.json")


def test_a_file_cut_anywhere_is_refused_in_words(sealed: bytes) -> None:
    for end in range(0, len(sealed.strip()), 11):
        with pytest.raises(SettingsError, match="cut or edited"):
            kit.unseal(sealed[:end], PASSPHRASE, "kit.json")


@pytest.mark.parametrize(
    "kdf",
    [
        {"memory_kib": 8 * 1024 * 1024},
        {"time": 10_000},
        {"lanes": 0},
        {"time": True},
        {"name": "md5"},
        {"salt": 3},
    ],
)
def test_a_file_that_asks_for_any_other_work_is_refused_before_it_is_done(sealed: bytes, kdf) -> None:
    wanted = {**json.loads(sealed)["kdf"], **kdf}
    with pytest.raises(SettingsError, match="no whole kit"):
        kit.unseal(changed(sealed, kdf=wanted), PASSPHRASE, "kit.json")


def test_another_file_and_a_newer_kit_are_named_as_such(sealed: bytes) -> None:
    with pytest.raises(SettingsError, match="is no kit"):
        kit.unseal(b'{"encrypted_data": "x"}', PASSPHRASE, "kit.json")
    with pytest.raises(SettingsError, match="format 2"):
        kit.unseal(changed(sealed, v=2), PASSPHRASE, "kit.json")
