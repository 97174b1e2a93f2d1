"""Passwords: their rules, their hashes, and the ones this program makes up.

The rules follow NIST SP 800-63B: length counts, composition does not; nothing expires; what
everybody tries first is refused. Only argon2id hashes are ever made. Those of the original system
(PBKDF2 and scrypt as werkzeug writes them) are accepted until their owner logs in once.
"""

import functools
import hashlib
import itertools
import re
import secrets
import tomllib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import argon2

MIN_LENGTH = 15
"""Characters after NFKC: NIST's minimum where the password is the only factor."""
MAX_LENGTH = 256
"""Longer ones are refused before hashing, so that nobody buys work with a megabyte."""
RULES = (
    f"At least {MIN_LENGTH} characters, of any kind, blanks too: four words that do not belong together are "
    "good. Not taken: what is tried first, such as password, admin, 12345 or the names of this station."
)
"""The rules as a person reads them before he types."""
OWN_CHARACTERS = 6
"""So many characters must be left when common words, runs and repetitions are taken out."""

DEMO_PASSWORDS = {"admin": "password123", "export": "secure123"}
"""The documented passwords of the demo. Known to everybody, so a real station refuses them."""

TIME_COST = 3
MEMORY_KIB = 19 * 1024
"""argon2id at t=3, m=19 MiB, p=1 (OWASP asks for m >= 19 MiB, t >= 2): 43 ms on a 2-core x86."""

_PBKDF2 = re.compile(r"pbkdf2:sha(?:1|256|512):([1-9][0-9]{0,6})\$[^$]{1,64}\$[0-9a-f]{40,128}")
_SCRYPT = re.compile(r"scrypt:([1-9][0-9]{0,6}):([1-9][0-9]?):([1-9][0-9]?)\$[^$]{1,64}\$[0-9a-f]{64,128}")
MOST_PBKDF2_ROUNDS = 2_000_000
"""Twice werkzeug's default of today (1 000 000, some 0.4 s on a 2-core x86); more is no real hash."""
MOST_SCRYPT_BYTES = 64 * 1024 * 1024
"""128 * N * r * p: twice what werkzeug's default (32768:8:1) takes of memory."""

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""32 characters without l, o, 0 and 1, which are misread from paper."""
COMMON_WORDS_FILE = Path(__file__).parent / "common_passwords.toml"
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
)

_hasher = argon2.PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=1, salt_len=16)


def hash_password(password: str) -> str:
    """Return the argon2id hash (PHC string) of a password; costs about 40 ms."""
    return _hasher.hash(_bytes(password))


def verify_password(password_hash: str, password: str) -> bool:
    """Return whether the password has this hash. A damaged hash fits nothing.

    Costs about 40 ms; one of the original system up to some 0.5 s.
    """
    if is_original(password_hash):
        return _verify_original(password_hash, password)
    try:
        return _hasher.verify(password_hash, _bytes(password))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Return whether a hash was made in another way than today's."""
    if is_original(password_hash):
        return True
    try:
        return _hasher.check_needs_rehash(password_hash)
    except argon2.exceptions.InvalidHashError:
        return True


def is_original(password_hash: str) -> bool:
    """Return whether this is a hash as the original system kept it."""
    return password_hash.startswith(("pbkdf2:", "scrypt:"))


def kind_of_work(password_hash: str) -> str:
    """Return what it takes to verify a hash: equal for hashes that cost the same."""
    return password_hash.partition("$")[0] if is_original(password_hash) else "argon2id"


def generated_password() -> str:
    """Return a random password of 100 bits in four groups, such as `k3fw9-7hqzm-x2rpd-uv8ta`."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(20))
    return "-".join(letters[at : at + 5] for at in range(0, 20, 5))


def refusal(password: str, *, context: Iterable[str] = ()) -> str | None:
    """Return why a password cannot be used and what would do, or None when it is good.

    Args:
        password: what the person typed.
        context: names that belong to this very station (login, site, meters): guessed first.
    """
    plain = _normal(password)
    if plain.casefold() in {known.casefold() for known in DEMO_PASSWORDS.values()}:
        return "this is a documented demo password, known to everybody; choose another"
    if len(plain) < MIN_LENGTH:
        return (
            f"{len(plain)} characters; use at least {MIN_LENGTH}, "
            "such as four words that do not belong together"
        )
    if len(plain) > MAX_LENGTH:
        return f"{len(plain)} characters; use at most {MAX_LENGTH}"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in plain):
        return "it holds a control character, which cannot be typed into a browser; leave it out"
    left = _own_part(plain.casefold(), [_normal(name).casefold() for name in context])
    if len(left) < OWN_CHARACTERS:
        return (
            "it is made of words, runs or repetitions that are tried first "
            "(password, admin, substation, 12345, the station's own names); add words of your own"
        )
    return None


def fingerprint(text: str) -> str:
    """Return 16 hex digits that name a hash without showing it: tells whether a password changed."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _verify_original(password_hash: str, password: str) -> bool:
    if not can_be_verified(password_hash):
        return False
    # Here, since the poller reads settings too and must stay small: werkzeug costs 17 MiB.
    from werkzeug.security import check_password_hash  # noqa: PLC0415

    try:
        return check_password_hash(password_hash, password)  # as typed: the original did not normalise
    except (ValueError, MemoryError):
        return False  # a surrogate in the password, N no power of two, or no memory for it


def can_be_verified(password_hash: str) -> bool:
    """Return whether the hash is well formed and verifying it is bounded work."""
    if found := _PBKDF2.fullmatch(password_hash):
        return int(found[1]) <= MOST_PBKDF2_ROUNDS
    if found := _SCRYPT.fullmatch(password_hash):
        n, r, p = (int(part) for part in found.groups())
        return 128 * n * r * p <= MOST_SCRYPT_BYTES
    return False


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    return _normal(password).encode("utf-8", "surrogatepass")


@functools.cache
def _common_words() -> frozenset[str]:
    groups = tomllib.loads(COMMON_WORDS_FILE.read_text(encoding="utf-8"))
    return frozenset(word for group in groups.values() for word in group)


def _own_part(text: str, context: list[str]) -> str:
    """Return what is left of the text, as distinct runs, when everything guessable is taken out."""
    text = _once(text)
    parts = [part for name in context for part in (name, *name.split()) if len(part) >= 3]
    for word in sorted({*_common_words(), *parts}, key=len, reverse=True):
        text = text.replace(word, " ")
    kept = "".join(character for character in text if character.isalnum())
    return _without_runs(_once(kept))


def _once(text: str) -> str:
    """Return the repeated unit of `abcabcabc`, or the text itself."""
    for size in range(1, len(text) // 2 + 1):
        if (text[:size] * (len(text) // size + 1))[: len(text)] == text:
            return text[:size]
    return text


def _without_runs(text: str) -> str:
    """Return the text without runs of three or more: `aaa`, `1234`, `dcba`, `qwer`."""
    neighbours = {pair for row in _ROWS for pair in itertools.pairwise(row)}
    kept: list[str] = []
    at = 0
    while at < len(text):
        end = at + 1
        for follows in (
            lambda a, b: a == b,
            lambda a, b: (a, b) in neighbours,
            lambda a, b: (b, a) in neighbours,
        ):
            stop = at + 1
            while stop < len(text) and follows(text[stop - 1], text[stop]):
                stop += 1
            end = max(end, stop)
        if end - at < 3:
            kept.append(text[at])
            at += 1
        else:
            at = end
    return "".join(kept)
