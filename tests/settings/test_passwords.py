import re
import subprocess
import sys

import pytest
from werkzeug.security import generate_password_hash

from substation.settings import passwords
from substation.settings.vault import DEMO_PASSWORDS, generated_password, hash_password, verify_password

GOOD = [
    "four quiet herons wade",
    "correct horse battery staple",
    "7394028571639402",
    "Zx9!kk2$Vb7&mQ4w",
    "substation meter room hums at night while nobody listens",
    "चार शांत बगुले नदी में",
    "naïve façade über straße",
    "                four quiet herons      ",
    "x" * 3 + "marmalade skies under tin roofs",
    "q" + "".join(chr(0x61 + (n * 7) % 26) for n in range(63)),
]
BAD = [
    "",
    "short",
    "password123",
    "secure123",
    "PASSWORD123",
    "four quiet her",
    "passwordpassword",
    "Password Password 123",
    "P@ssw0rdP@ssw0rd",
    "adminadminadmin",
    "administrator2026",
    "substation12345",
    "SubstationMeter1",
    "railway-metering-2026",
    "transformer feeder panel",
    "qwertyuiopasdfghjkl",
    "1qaz2wsx3edc4rfv",
    "abcdefghijklmnop",
    "zyxwvutsrqponmlkj",
    "123456789012345678",
    "aaaaaaaaaaaaaaaaaaaa",
    "abababababababab",
    "xyzzyxyzzyxyzzyxyzzy",
    "welcome changeme letmein",
    "---------------------------",
    "four quiet\x00 herons wade",
    "four quiet\nherons wade",
    "v" * 257,
]


@pytest.mark.parametrize("password", GOOD)
def test_it_takes_a_long_password_of_any_composition(password: str) -> None:
    assert passwords.refusal(password) is None


@pytest.mark.parametrize("password", BAD)
def test_it_refuses_what_is_tried_first_and_says_why(password: str) -> None:
    reason = passwords.refusal(password)
    assert reason
    assert not password or len(password) < 3 or password not in reason


def test_it_refuses_the_stations_own_names() -> None:
    assert passwords.refusal("rampur pump house") is None
    assert passwords.refusal("rampur pump house", context=["Rampur Pump House", "meera"])
    assert passwords.refusal("meera meera meera 1", context=["Rampur Pump House", "meera"])


def test_it_counts_length_after_nfkc() -> None:
    assert passwords.refusal("ﬂügel ﬁnden we") is None  # 14 typed, 16 after NFKC
    assert passwords.refusal("four quiet he\u0300r") is not None  # 15 typed, 14 after NFKC


def test_the_same_password_typed_in_another_normal_form_fits() -> None:
    stored = hash_password("four quiet herons à la mode")
    assert verify_password(stored, "four quiet herons a\u0300 la mode")
    assert not verify_password(stored, "four quiet herons a la mode")


def test_a_hash_is_argon2id_with_at_least_19_mib_and_its_own_salt() -> None:
    first, second = hash_password("four quiet herons wade"), hash_password("four quiet herons wade")
    assert first != second
    found = re.fullmatch(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$[^$]+", first)
    assert found
    memory_kib, time_cost, lanes, salt = found.groups()
    assert int(memory_kib) >= 19 * 1024
    assert int(time_cost) >= 2
    assert int(lanes) == 1
    assert len(salt) * 6 // 8 >= 16


@pytest.mark.parametrize("damaged", ["", "x", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA"])
def test_a_damaged_hash_fits_no_password(damaged: str) -> None:
    assert not verify_password(damaged, "")
    assert passwords.needs_rehash(damaged)


def test_any_text_from_a_header_can_be_verified() -> None:
    stored = hash_password("four quiet herons wade")
    for text in ("\ud800", "\x00", "", "\u202e", "v" * 10_000):
        assert not verify_password(stored, text)


def test_generated_passwords_are_readable_different_and_good() -> None:
    made = {generated_password() for _ in range(200)}
    assert len(made) == 200
    for one in made:
        assert re.fullmatch(r"([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}", one)
        assert passwords.refusal(one) is None


def test_the_alphabet_of_generated_passwords_gives_100_bits() -> None:
    assert len(set(passwords.ALPHABET)) == 32


def test_the_documented_demo_passwords_are_the_documented_ones() -> None:
    assert DEMO_PASSWORDS == {"admin": "password123", "export": "secure123"}


def test_every_common_word_is_written_as_it_is_compared() -> None:
    for word in passwords._common_words():
        assert word == word.casefold().strip()
        assert len(word) >= 2


ORIGINAL = [
    generate_password_hash("password123", "pbkdf2:sha256:1000"),
    generate_password_hash("password123", "pbkdf2:sha512:1000"),
    generate_password_hash("password123", "pbkdf2:sha1:1000", salt_length=8),
    generate_password_hash("password123", "scrypt:1024:8:1"),
]


@pytest.mark.parametrize("stored", ORIGINAL, ids=passwords.kind_of_work)
def test_a_hash_of_the_original_system_fits_its_password_and_is_to_be_exchanged(stored: str) -> None:
    assert verify_password(stored, "password123")
    assert not verify_password(stored, "password124")
    assert not verify_password(stored, "")
    assert not verify_password(stored, "\ud800")
    assert passwords.is_original(stored)
    assert passwords.needs_rehash(stored)


def test_the_hashes_that_werkzeug_makes_today_are_within_the_bounds() -> None:
    for method in ("scrypt", "pbkdf2"):
        assert passwords.can_be_verified(generate_password_hash("x", method))


@pytest.mark.parametrize(
    "absurd",
    [
        "pbkdf2:sha256:2000001$salt$" + "0" * 64,
        "pbkdf2:sha256:99999999999$salt$" + "0" * 64,
        "pbkdf2:sha256:0$salt$" + "0" * 64,
        "pbkdf2:sha256:-1$salt$" + "0" * 64,
        "pbkdf2:sha256$salt$" + "0" * 64,
        "pbkdf2:md5:1000$salt$" + "0" * 64,
        "pbkdf2:sha256:1000$salt$" + "0" * 8,
        "pbkdf2:sha256:1000$$" + "0" * 64,
        "pbkdf2:sha256:1000$" + "s" * 65 + "$" + "0" * 64,
        "pbkdf2:sha256:1000$salt",
        "scrypt:1048576:8:1$salt$" + "0" * 128,
        "scrypt:65536:8:2$salt$" + "0" * 128,
        "scrypt:16:99:99$salt$" + "0" * 128 + "0",
        "scrypt$salt$" + "0" * 128,
        "pbkdf2:",
        "scrypt:",
    ],
)
def test_a_hash_that_would_cost_absurd_work_is_refused_before_any(
    absurd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worked(*_: object) -> bool:
        raise AssertionError("work was done")

    monkeypatch.setattr("werkzeug.security.check_password_hash", worked)
    assert not verify_password(absurd, "password123")
    assert passwords.needs_rehash(absurd)


def test_a_scrypt_cost_that_is_no_power_of_two_fits_nothing() -> None:
    assert not verify_password("scrypt:1000:8:1$salt$" + "0" * 128, "password123")


def test_the_poller_does_not_carry_werkzeug_along() -> None:
    code = "import sys, substation.settings.files as _; print('werkzeug' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
