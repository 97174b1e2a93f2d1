"""Who of the recipients is only called otherwise than before: what waits for him stays his. Pure.

A recipient is known again by way and address. What is kept of an address is a mark that nobody can make
without the key of the configuration: no token or number can be found from it, not even by trying them all.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from substation.settings.messages import Recipient


def marks(recipients: Sequence[Recipient], key: bytes) -> dict[str, str]:
    """Return by name the mark of way and address, made with the configuration's key."""
    return {
        one.name: hmac.new(key, f"{one.way} {one.address}".encode(), hashlib.sha256).hexdigest()
        for one in recipients
    }


def renamed(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Return by old name the new one of whoever is there no more by the old and was not there by the new."""
    fresh = {mark: name for name, mark in now.items() if name not in before}
    return {name: fresh[mark] for name, mark in before.items() if name not in now and mark in fresh}


def key_of(key: str, old: str, new: str) -> str:
    """Return the key of a note by the new name: it ends with the recipient, or with a step behind."""
    body, step = (key, "") if key.startswith(("hourly|", "test|")) else key.rsplit("|", 1)
    renamed_body = f"{body.removesuffix(f'|{old}')}|{new}" if body.endswith(f"|{old}") else body
    return f"{renamed_body}|{step}" if step else renamed_body
