"""The kit: what an empty home needs beside the copies, in one small file sealed by a passphrase.

    sealed = kit.seal(kit.Label("GS Substation", "2026-11-22"), {"config.json": b"...", ...}, passphrase)
    label, files = kit.unseal(sealed, passphrase, "gs-substation-kit-2026-11-22.json")

The file is JSON. In clear it says what it is, of which station and day, and how the passphrase becomes a
key (argon2id, RFC 9106); the files are encrypted by ChaCha20-Poly1305 (RFC 8439), which covers the clear
part too: whatever is edited, it does not open. The passphrase itself, and nothing it could be guessed from
faster, stands nowhere.
"""

import base64
import binascii
import json
import os
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from substation.errors import SettingsError

FORMAT = 1
WHAT = "kit of a substation's monitoring: its configuration and key, sealed by a passphrase"
OPEN_WITH = "python3 datalogger.py kit --open FILE"
CIPHER = "ChaCha20-Poly1305"
LARGEST_BYTES = 8 * 1024 * 1024
KEY_BYTES, SALT_BYTES, NONCE_BYTES = 32, 16, 12
MOST_TIME, MOST_MEMORY_KIB, MOST_LANES = 64, 1024 * 1024, 16
"""A file that asks for more work than this was not made by us."""


@dataclass(frozen=True, slots=True)
class Work:
    """What it costs to try one passphrase; written into the file, so that it can be raised later."""

    time: int = 6
    memory_kib: int = 64 * 1024
    lanes: int = 1

    @property
    def bounded(self) -> bool:
        """Whether this machine may be asked for it."""
        return (
            0 < self.time <= MOST_TIME
            and 0 < self.lanes <= MOST_LANES
            and 8 * self.lanes <= self.memory_kib <= MOST_MEMORY_KIB
        )


@dataclass(frozen=True, slots=True)
class Label:
    """What may be read without the passphrase."""

    site: str
    day: str
    """Of the site's calendar, such as 2026-11-22."""
    simulated: bool = False


def seal(label: Label, files: Mapping[str, bytes], passphrase: str, work: Work | None = None) -> bytes:
    """Return the kit; costs about half a second on purpose."""
    work = work or Work()
    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    clear: dict[str, Any] = {
        "what": WHAT,
        "open_with": OPEN_WITH,
        "v": FORMAT,
        **asdict(label),
        "kdf": {"name": "argon2id", **asdict(work), "salt": _text(salt)},
        "cipher": CIPHER,
        "nonce": _text(nonce),
    }
    plain = json.dumps({name: _text(content) for name, content in files.items()}).encode()
    sealed = ChaCha20Poly1305(_key(passphrase, salt, work)).encrypt(nonce, plain, _covered(clear))
    return json.dumps({**clear, "sealed": _text(sealed)}, indent=1, ensure_ascii=False).encode() + b"\n"


def label_of(content: bytes, source: str) -> Label:
    """Return what stands in clear; raises SettingsError as `unseal` does."""
    return _label(_document(content, source), source)


def unseal(content: bytes, passphrase: str, source: str) -> tuple[Label, dict[str, bytes]]:
    """Return label and files of a kit.

    Args:
        content: what stood in the file.
        passphrase: as a person typed it.
        source: the file's name for the message.

    Raises:
        SettingsError: no kit, of a newer version, cut, edited, or sealed by another passphrase.
    """
    document = _document(content, source)
    label = _label(document, source)
    try:
        kdf = document["kdf"]
        work = Work(*(_whole(kdf[name]) for name in ("time", "memory_kib", "lanes")))
        salt, nonce, sealed = _bytes(kdf["salt"]), _bytes(document["nonce"]), _bytes(document["sealed"])
        known = kdf["name"] == "argon2id" and document["cipher"] == CIPHER and len(nonce) == NONCE_BYTES
    except (KeyError, TypeError, ValueError) as exc:
        raise _damaged(source) from exc
    if not known or not work.bounded or len(salt) < SALT_BYTES:
        raise _damaged(source)
    clear = {name: part for name, part in document.items() if name != "sealed"}
    try:
        plain = ChaCha20Poly1305(_key(passphrase, salt, work)).decrypt(nonce, sealed, _covered(clear))
    except InvalidTag as exc:
        raise SettingsError(
            f"{source}: does not open: the passphrase is another one, or the file was edited. Mind small and "
            "capital letters and the keyboard's language; try another copy of the kit. Nothing was changed"
        ) from exc
    try:
        return label, {str(name): _bytes(part) for name, part in json.loads(plain).items()}
    except (ValueError, TypeError, AttributeError) as exc:
        raise _damaged(source) from exc


def _document(content: bytes, source: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise _damaged(source) from exc
    if not isinstance(document, dict) or document.get("what") != WHAT:
        raise SettingsError(f"{source}: is no kit. One is made by python3 datalogger.py kit")
    version = document.get("v")
    if version != FORMAT:
        raise SettingsError(
            f"{source}: was written in format {version!r:.20}, this program knows format {FORMAT}; "
            "use the program's version that wrote it, or a newer one"
        )
    return document


def _label(document: Mapping[str, Any], source: str) -> Label:
    site, day, simulated = (document.get(name) for name in ("site", "day", "simulated"))
    if not isinstance(site, str) or not isinstance(day, str) or not isinstance(simulated, bool):
        raise _damaged(source)
    return Label(site, day, simulated)


def _damaged(source: str) -> SettingsError:
    return SettingsError(
        f"{source}: is no whole kit: it was cut or edited. Take another copy of it. Nothing was changed"
    )


def _key(passphrase: str, salt: bytes, work: Work) -> bytes:
    typed = unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")  # as in passwords.py
    try:
        return hash_secret_raw(typed, salt, work.time, work.memory_kib, work.lanes, KEY_BYTES, Type.ID)
    except HashingError as exc:
        raise SettingsError(
            f"this machine lacks the memory to seal or open a kit ({work.memory_kib // 1024} MB); "
            "end other programs, or do it on another machine"
        ) from exc


def _covered(clear: Mapping[str, Any]) -> bytes:
    """Return the clear part as the seal covers it, however the file writes it."""
    return json.dumps(clear, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise TypeError("no text")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise ValueError(str(exc)) from exc


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("no whole number")
    return value
