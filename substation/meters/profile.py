"""Meter models as files, `profiles/<name>.toml`: an engineer adds one without Python.

A station's own folder of profiles goes before the shipped ones. A file may be built on another
(`base`): its rows and its head then hold wherever the file itself is silent.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from substation.errors import ProfileError
from substation.meters.model import Profile
from substation.meters.profile_faults import Fault, faults_of, near, placed
from substation.meters.register import Extra, Group, Place, Register

__all__ = ["FOLDER", "Group", "Place", "Profile", "load", "load_file", "names"]

FOLDER = Path(__file__).parent / "profiles"
_NAME = re.compile(r"\w+", re.ASCII)
_INHERITED = (
    "function",
    "printed_from",
    "encoding",
    "word_order",
    "phases",
    "max_registers",
    "barriers",
    "extras_group",
)
"""What of a base's head holds on; what a file is and where it is from, it must say itself."""
_TABLES = ("registers", "extras")
_FIELDS = {
    "": tuple(Profile.model_fields),
    "registers": tuple(field.alias or name for name, field in Register.model_fields.items()),
    "extras": tuple(field.alias or name for name, field in Extra.model_fields.items()),
}

_Stamp = tuple[Path, tuple[int, int, int] | None]
"""A file and its time of change, size and inode; None where there is no such file."""


@dataclass(frozen=True, slots=True)
class _Read:
    """One file, read."""

    profile: Profile
    data: dict[str, Any]
    """With what its base gave it."""
    text: str
    stamps: tuple[_Stamp, ...]
    """Every file that was looked at, so that a change of any of them is seen."""


_read_before: dict[tuple[str, Path | None], _Read] = {}


def load(name: str, own: Path | None = None) -> Profile:
    """Return the profile of that name, or raise ProfileError.

    `own` is the station's folder of profiles (`Home.profiles`); one there goes before a shipped one.
    As long as no file of it changed, the same object comes back.
    """
    known = _read_before.get((name, own))
    if known is not None and all(_stamp(path) == (path, then) for path, then in known.stamps):
        return known.profile
    if not _NAME.fullmatch(name):
        raise ProfileError(
            f"meter profile '{name}': a name has letters, digits and _ only; known: {', '.join(names(own))}"
        )
    found = _read(_candidates(name, own), own)
    _read_before[name, own] = found
    return found.profile


def load_file(path: Path) -> Profile:
    """Return the profile in a TOML file, or raise ProfileError that names file, line and remedy."""
    return _read([path], path.parent).profile


def names(own: Path | None = None) -> list[str]:
    """Return the names of the shipped profiles and of those in the station's own folder."""
    folders = (FOLDER,) if own is None else (FOLDER, own)
    return sorted({path.stem for folder in folders for path in folder.glob("*.toml")})


def _candidates(name: str, own: Path | None) -> list[Path]:
    """Return where a profile may stand, in order."""
    folders = (FOLDER,) if own is None else (own, FOLDER)
    return list(dict.fromkeys(folder / f"{name}.toml" for folder in folders))


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return path, None
    return path, (status.st_mtime_ns, status.st_size, status.st_ino)


def _read(candidates: Sequence[Path], own: Path | None, below: tuple[Path, ...] = ()) -> _Read:
    """Return the first of the files that is there, on its base.

    Args:
        candidates: where it may stand, at least one.
        own: the station's folder of profiles.
        below: the files that are built on it.
    """
    stamps = [_stamp(path) for path in candidates]  # before reading: a change meanwhile must show
    path = next((path for path, there in stamps if there), candidates[-1])
    data, text = _parsed(path, own)
    base = _base(data, text, path, own, below) if isinstance(data.get("base"), str) else None
    if base is not None:
        stamps += base.stamps
        data = _on_base(data, text, path, base)
    try:
        profile = Profile.model_validate(data)
    except ValidationError as exc:
        faults = faults_of(exc, _FIELDS)
        raise _error(path, text, faults, (f"{data['base']}.toml", base.text) if base else None) from exc
    return _Read(profile, data, text, tuple(stamps))


def _parsed(path: Path, own: Path | None) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except FileNotFoundError:
        known = names(own)
        raise ProfileError(
            f"meter profile '{path.stem}' does not exist{near(path.stem, known)}; known: {', '.join(known)}"
        ) from None
    except OSError as exc:
        raise ProfileError(f"{path.name}: cannot be read: {exc.strerror}; see its owner and mode") from exc
    except UnicodeDecodeError as exc:
        raise ProfileError(f"{path.name}: is not written in UTF-8; save it so in the editor") from exc
    except tomllib.TOMLDecodeError as exc:
        words, _, where = str(exc).partition(" (at ")
        line, _, column = where.rstrip(")").partition(", ")
        at = f"{line}: " if column else "at its end: "
        raise ProfileError(
            f"{path.name}: {at}not readable as TOML: {words}{f' at {column}' if column else ''}; "
            "correct that line"
        ) from exc


def _base(data: dict[str, Any], text: str, path: Path, own: Path | None, below: tuple[Path, ...]) -> _Read:
    """Return the file that this one is built on.

    A file of the same name means the shipped one; shipped files are built on shipped ones only.
    """
    name, built = data["base"], (*below, path)
    own = None if path.parent == FOLDER else own
    if not _NAME.fullmatch(name):
        raise _error(path, text, [Fault(("base",), f"'{name}': a name has letters, digits and _ only")])
    there = _candidates(name, own)
    free = [candidate for candidate in there if candidate not in built]
    if not any(candidate.exists() for candidate in free):
        if any(candidate in built for candidate in there):
            round_about = " on ".join(each.stem for each in (*built, Path(name)))
            raise _error(path, text, [Fault(("base",), f"goes round: {round_about}; name another base")])
        known = names(own)
        words = f"'{name}' does not exist{near(name, known)}; known: {', '.join(known)}"
        raise _error(path, text, [Fault(("base",), words)])
    return _read(free, own, built)


def _on_base(data: dict[str, Any], text: str, path: Path, base: _Read) -> dict[str, Any]:
    """Return a file's head and tables with what its base adds to them."""
    without = data.get("without")
    left_out = {name for name in without if isinstance(name, str)} if isinstance(without, list) else set()
    given = {name for table in _TABLES for name in base.data.get(table, {})}
    strange = sorted(left_out - given - {"extras"})
    if strange:
        raise _error(
            path,
            text,
            [
                Fault(("without",), f"'{name}' is no row of {data['base']}{near(name, given)}")
                for name in strange
            ],
        )
    merged = {key: base.data[key] for key in _INHERITED if key in base.data} | data
    for table in _TABLES:
        rows = {} if table in left_out else base.data.get(table, {})
        kept = {key: row for key, row in rows.items() if key not in left_out}
        own_rows = data.get(table, {})
        merged[table] = kept | own_rows if isinstance(own_rows, dict) else own_rows
    return merged


def _error(
    path: Path, text: str, faults: Sequence[Fault], base: tuple[str, str] | None = None
) -> ProfileError:
    return ProfileError(f"{path.name}: {'; '.join(placed(fault, text, base) for fault in faults)}")
