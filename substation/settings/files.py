"""The sealed configuration in its file: read whole, written whole.

Whoever changes a setting writes `config.json` whole and atomically under a lock; readers see the
old file or the new one, never half of one. A file that cannot be used is left untouched.
"""

import contextlib
import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from substation.clock import SystemClock
from substation.errors import Busy, HomeGone, SettingsError
from substation.settings import original, vault
from substation.settings.atomic import write_atomic
from substation.settings.model import Home, Settings, parse

NAME = "config.json"
LOCK_NAME = "config.json.lock"
UNFINISHED = "original/unfinished.json"
"""What a take-over has still to do; gone at its end."""
LOCK_WAIT_S = 10.0
"""So long a change waits for another one; each takes a few milliseconds."""
REMEDY = "Remedy: python3 encrypt_config.py edit"
"""For a file that holds a wrong setting: `set` needs the others in order, `edit` opens it as it is."""
_OF_MEDIUM = frozenset(
    (errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN)
)
"""What a card, a stick or a share answers that is gone or fails."""
_MAX_BYTES = 4 * 1024 * 1024
_ANOTHER_STATION = (
    f"{NAME}: simulated: was stamped at set-up and cannot be changed: demo data and real data never "
    "mix. Make another station in a folder of its own (SUBSTATION_HOME)"
)


class BeingChanged(SettingsError, Busy):
    """Somebody else is changing the configuration; trying again helps (exit 75)."""


class OfOriginal(SettingsError):
    """The configuration is the original system's, and was not taken over yet."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration as it stood in its file."""

    settings: Settings
    home: Home
    warnings: tuple[str, ...]
    """What was put right while reading, in words; the caller logs it and writes an audit line `key.mode`."""
    generation: str
    """Changes whenever the file does; see `changed`."""
    key: bytes = field(repr=False)
    """The key in force: it sealed the file."""


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What stands in the file, whether or not this program can use it."""

    data: dict[str, object]
    warnings: tuple[str, ...]
    """As `Loaded.warnings`."""
    generation: str
    key: bytes = field(repr=False)
    """As `Loaded.key`."""


def home_folder() -> Path:
    """Return the station's folder: `SUBSTATION_HOME`, or the project's own folder; raises SettingsError."""
    named = os.environ.get("SUBSTATION_HOME")
    try:
        return Path(named).expanduser().absolute() if named else Path(__file__).resolve().parents[2]
    except RuntimeError as exc:
        raise SettingsError(f"SUBSTATION_HOME: {named}: there is no such user on this machine") from exc


def load(folder: Path, *, mend: bool = True) -> Loaded:
    """Return the configuration of the station in `folder`.

    Without `mend` loosened modes stay as they are: for who has nobody to tell. What was mended is told
    by `Loaded.warnings`, or by the words of the error.

    Raises:
        SettingsError: missing, unreadable, sealed by another key, cut, edited, or with a wrong
            setting; names file, setting and remedy. The file is left as it is.
    """
    found = unsealed(folder, mend=mend)
    try:
        refuse_unfinished(folder)
        settings = parse(found.data, NAME, REMEDY)
    except SettingsError as exc:
        raise _told(exc, found.warnings) from None
    return Loaded(settings, Home(folder, settings.paths), found.warnings, found.generation, found.key)


def unsealed(folder: Path, *, mend: bool = True) -> Unsealed:
    """Return what is sealed in the file, unchecked: it may hold settings of another version.

    A file is tightened last: one that cannot be used, or is not ours, keeps its mode.

    Raises:
        OfOriginal: it is the original system's; file and key are as they were.
        SettingsError: missing, unreadable, sealed by another key, cut or edited.
    """
    warnings: list[str] = []
    for patience in (2, 1, 0):
        content, generation = _read(folder)
        document = _document(content)
        _refuse_original(folder, document)
        key = vault.open_key(folder, mend=mend)
        warnings += key.warnings
        try:
            data, sealing = vault.unseal_by(key.keys, document, NAME)
        except SettingsError as exc:
            # The key may have been rotated between our two looks; then the file is another one too.
            if patience and changed(folder, generation):
                continue
            raise _told(exc, warnings) from None
        warnings += _tightened(folder) if mend else ()
        return Unsealed(data, tuple(warnings), generation, sealing)
    raise AssertionError("the last round returns or raises")


def original_form(folder: Path, document: object) -> original.Form | None:
    """Return the form of the original's configuration that the document is, or None.

    A sealed part is looked into where our key opens it: it might be ours that lost its marks. The key
    file's mode is left as it is.
    """
    form = original.form_of(document)
    if form in ("sealed", "mixed") and isinstance(document, dict):
        token = {original.SEALED: document[original.SEALED]}
        try:
            data = vault.unseal(vault.open_key(folder, mend=False).keys, token, NAME)
        except SettingsError:
            return form
        return form if original.is_original(data) else None
    return form


def _refuse_original(folder: Path, document: object) -> None:
    form = original_form(folder, document)
    if form == "sealed" and isinstance(document, dict):
        # Whether it is cut, of another key or without one is said by whoever opens it.
        vault.unseal(vault.open_key(folder, mend=False).keys, document, NAME)
    if form:
        raise OfOriginal(
            f"{NAME}: is the configuration of the original system. Take it over: python3 encrypt_config.py"
        )


def refuse_unfinished(folder: Path) -> None:
    """Raise OfOriginal while a take-over is not at its end: files of both systems lie in the home."""
    if os.path.exists(folder / UNFINISHED):  # noqa: PTH110 - a folder that is not ours to look into: no
        raise OfOriginal(
            f"{NAME}: the take-over from the original system was broken off. "
            "Finish it: python3 encrypt_config.py takeover"
        )


def key_in_force(folder: Path) -> bytes:
    """Return the key that sealed the configuration; others are derived from it.

    While keys are rotated there are two in the key file; this changes from one to the other in the
    very moment in which the configuration does. Without a configuration it is the first one.

    Raises:
        SettingsError: there is no key that can be used.
    """
    ring = vault.open_key(folder, mend=False)
    if len(ring.keys) == 1:
        return ring.primary
    try:
        return unsealed(folder, mend=False).key
    except SettingsError:
        return ring.primary


def changed(folder: Path, generation: str) -> bool:
    """Return whether the file is another one than the one loaded; costs one stat."""
    try:
        return _generation((folder / NAME).stat()) != generation
    except OSError:
        return True


def save(folder: Path, settings: Settings) -> None:
    """Write the configuration whole; whoever reads at the same time sees the old one or the new one.

    Raises:
        SettingsError: the settings do not fit together, or `simulated` differs from the file's.
    """
    with locked(folder):
        if (folder / NAME).exists():
            _same_station(load(folder, mend=False).settings, settings)
        _write(folder, settings)


def update(folder: Path, change: Callable[[Settings], Settings]) -> tuple[Settings, Settings]:
    """Read, change and write under one lock, so that no other change is lost; return (before, after).

    An unchanged configuration is not written. Raises SettingsError as `load` and `save` do.
    """
    with locked(folder):
        before = load(folder, mend=False).settings
        after = change(before)
        _same_station(before, after)
        if after != before:
            _write(folder, after)
    return before, after


def replace(folder: Path, before: Mapping[str, object], after: Settings) -> None:
    """Write `after` whole, where the file still holds `before`; that may be one that cannot be used.

    Raises:
        BeingChanged: somebody has changed the file since `before` was read.
        SettingsError: as `save`.
    """
    with locked(folder):
        if unsealed(folder, mend=False).data != before:
            raise BeingChanged(
                f"{NAME}: was changed by somebody else meanwhile; your changes were not taken. Edit it again"
            )
        if before.get("simulated", False) is not after.simulated:
            raise SettingsError(_ANOTHER_STATION)
        _write(folder, after)


def write_new(folder: Path, settings: Settings) -> None:
    """Write the first configuration of a station whose key is there; the caller holds `locked`."""
    seal(folder, settings, vault.read_key(folder))


def seal(folder: Path, settings: Settings, key: bytes, *, private: bool = False) -> None:
    """Write the configuration whole, sealed by this key; the caller holds `locked`.

    `private`: nobody but its owner may read it afterwards, whatever its mode was.
    """
    plain = settings.model_dump(mode="json")
    parse(plain, NAME)  # what was copied together without checking is checked before it is sealed
    document = vault.seal(key, plain)
    path = folder / NAME
    try:
        # A group that may read it (two services of one station) keeps that right; the world never has it.
        mode = 0o600 if private else 0o600 | stat.S_IMODE(path.stat().st_mode) & 0o040
    except OSError:
        mode = 0o600
    write_atomic(path, json.dumps(document, indent=1).encode() + b"\n", mode)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the one lock for changes of the configuration; waits for another holder.

    Raises:
        BeingChanged: somebody holds it for longer than LOCK_WAIT_S.
        SettingsError: the folder cannot be written.
    """
    clock = SystemClock()
    path = folder / LOCK_NAME
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise SettingsError(
            f"{path}: cannot be opened ({exc.strerror}); the folder must be writable"
        ) from exc
    try:
        until = clock.monotonic() + LOCK_WAIT_S
        while not _taken(handle):
            if clock.monotonic() >= until:
                raise BeingChanged(f"{NAME}: another program is changing it; try again when it is done")
            clock.sleep(0.01)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same_station(before: Settings, after: Settings) -> None:
    if before.simulated != after.simulated:
        raise SettingsError(_ANOTHER_STATION)


def _write(folder: Path, settings: Settings) -> None:
    seal(folder, settings, key_in_force(folder))


def _read(folder: Path) -> tuple[bytes, str]:
    path = folder / NAME
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES), _generation(os.fstat(file.fileno()))
    except FileNotFoundError as exc:
        if not os.path.isdir(folder):  # noqa: PTH112 - of a medium that fails it says no, too
            raise HomeGone(
                f"{folder}: the station's folder is not there. Put its medium in and mount it, or name "
                "another folder: SUBSTATION_HOME. A new station there begins with: python3 encrypt_config.py"
            ) from exc
        raise SettingsError(
            f"{path}: is missing: this station has no configuration yet. Make one: python3 encrypt_config.py"
        ) from exc
    except OSError as exc:
        if exc.errno in _OF_MEDIUM:
            raise HomeGone(
                f"{path}: cannot be read ({exc.strerror}): the medium does not answer. Look after it; "
                "mount it again"
            ) from exc
        raise SettingsError(
            f"{path}: cannot be read ({exc.strerror}). It must be a file of the user that runs the station"
        ) from exc


def _tightened(folder: Path) -> tuple[str, ...]:
    """Set a loosened mode of the file back; return the warning."""
    with contextlib.suppress(OSError), (folder / NAME).open("rb") as file:
        status = os.fstat(file.fileno())
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o027 and status.st_uid == os.geteuid():
            os.fchmod(file.fileno(), mode & 0o640)
            return (f"{NAME}: others could use it (mode {mode:04o}); set back to {mode & 0o640:04o}",)
    return ()  # in order, or a file system without modes or without writing: sealed it is in any case


def _told(error: SettingsError, warnings: Sequence[str]) -> SettingsError:
    """Return the error with what was mended before it: its words are all that its reader gets."""
    error.args = ("\n".join([str(error), *(f"Warning: {warning}" for warning in warnings)]),)
    return error


def _document(content: bytes) -> object:
    if not content.strip():
        raise SettingsError(f"{NAME}: is empty. {vault.RESTORE}")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise SettingsError(f"{NAME}: is no JSON; it was cut or edited. {vault.RESTORE}") from exc


def _generation(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
