"""The original system's configuration, read into ours. Pure: no file is touched, nothing is hashed.

Its `config.json` comes in three forms: plain text; sealed (`{"encrypted_data": ...}` without `v` and
`kid`); and mixed, with clear keys beside `encrypted_data`. Its programs read nothing but the sealed
part, so in a mixed one that part counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from substation.errors import SettingsError
from substation.settings.model import Settings, parse
from substation.settings.original_values import (
    KEYS,
    SECRET,
    SOURCE,
    Reader,
    Row,
    is_kept_hash,
    printable,
    short,
)

__all__ = [
    "KEYS",
    "Difference",
    "Form",
    "Found",
    "Plan",
    "Row",
    "form_of",
    "found_in",
    "is_kept_hash",
    "is_original",
    "plan",
    "printable",
]

Form = Literal["plain", "sealed", "mixed"]

SEALED = "encrypted_data"
OURS = frozenset({"v", "kid"})
"""What stands beside the sealed part of ours, and never beside the original's."""

_REMEDY = "Nothing was changed. Correct it in the original's own configuration, then try again"


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that stands in clear beside the sealed part of a mixed configuration."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Found:
    """Everything an original configuration says, whatever its form."""

    values: Mapping[str, object]
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What an original configuration becomes."""

    values: Mapping[str, object] = field(repr=False)
    """Our settings in plain form, without users and export password."""
    rows: tuple[Row, ...]
    people: Mapping[str, str] = field(repr=False)
    """Login name to password or hash, as it stood there."""
    export: str | None = field(repr=False)
    aside: Mapping[str, object] = field(repr=False)
    """Settings this program has no use for; kept, never shown."""
    outside: tuple[str, ...]
    """Stores named outside the station's home: they are left where they lie."""
    advice: tuple[str, ...]

    def settings(self, hashes: Mapping[str, str], export_hash: str | None, bind: str) -> Settings:
        """Return the configuration with these users, all administrators; raises SettingsError."""
        plain = dict(self.values)
        plain["users"] = [
            {"name": name, "role": "administrator", "password_hash": one} for name, one in hashes.items()
        ]
        plain["export_password_hash"] = export_hash
        plain["web"] = {"bind": bind}
        return parse(plain, SOURCE, _REMEDY)


def form_of(document: object) -> Form | None:
    """Return the form in which the document may be an original configuration, or None.

    A `sealed` one may be ours whose marks were lost: unseal it, then ask `is_original`.
    """
    if not isinstance(document, dict) or OURS & set(document):
        return None
    if SEALED not in document:
        return "plain" if is_original(document) else None
    return "mixed" if set(document) - {SEALED} else "sealed"


def is_original(data: Mapping[str, object]) -> bool:
    """Return whether these settings are the original's: not one of its names is a name of ours."""
    return bool(set(KEYS) & set(data))


def found_in(document: Mapping[str, object], sealed: Mapping[str, object] | None) -> Found:
    """Return what a configuration says; `sealed` is its unsealed part, where it has one.

    The sealed part counts, as in the original's programs. What stands in clear alone is taken, for
    without it nothing would be known, and named, for nothing protected it.
    """
    clear = {name: value for name, value in document.items() if name != SEALED}
    if sealed is None:
        return Found(clear)
    differences = []
    for name, value in clear.items():
        if name not in sealed:
            differences.append(Difference(printable(name), "stood in clear alone; taken from there"))
        elif value != sealed[name]:
            shown = name in KEYS and name not in SECRET
            words = f" ({short(sealed[name])}, in clear {short(value)})" if shown else ""
            differences.append(Difference(printable(name), f"differs; the sealed one counts{words}"))
    return Found({**clear, **sealed}, tuple(differences))


def plan(found: Mapping[str, object], folder: Path) -> Plan:
    """Return what the original's settings become in the station of `folder`.

    Raises:
        SettingsError: one or more of them cannot be used; names each.
    """
    reader = Reader(found, folder)
    if reader.faults:
        raise SettingsError("\n".join([*reader.faults, _REMEDY]))
    aside = {name: value for name, value in found.items() if name not in KEYS}
    return Plan(
        reader.settings(),
        tuple(reader.rows),
        reader.people,
        reader.export,
        aside,
        tuple(dict.fromkeys(reader.outside)),
        tuple(reader.advice),
    )
