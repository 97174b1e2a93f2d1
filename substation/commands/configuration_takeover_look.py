"""What of the original system lies in a home: its configuration, its stores, its logs. Changes nothing."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from substation.audit import chain
from substation.errors import Busy, SettingsError
from substation.settings import files, original, vault
from substation.settings.model import Home
from substation.store import original as stores

DATABASES = ("*.db", "*.csv")
AUDIT_LOG = "dashboard_audit.log"
LOGS = (AUDIT_LOG, "modbus_reader.log", "app.log", "dmf_reader.log", "ngrok.log")
"""What the original's programs and its `start.sh` wrote."""
PROGRAMS = frozenset({"DMF_Reader.py", "app.py"})


@dataclass(frozen=True, slots=True)
class Move:
    """A file of the original's that goes into `original/`; both names count from the home."""

    name: str
    to: str
    words: str


@dataclass(frozen=True, slots=True)
class Original:
    """An original configuration as it lies in a home, and what becomes of it."""

    folder: Path
    content: bytes = field(repr=False)
    form: original.Form
    found: original.Found
    plan: original.Plan
    ring: vault.KeyFile | None = field(repr=False)
    """None: a plain-text one without a key beside it."""
    old_key: bytes | None = field(repr=False)
    """The key that sealed it, or that lay beside it."""
    moves: tuple[Move, ...]


def look(folder: Path) -> Original | None:
    """Return the original configuration in `folder`; None where there is none. Nothing is changed.

    Raises:
        SettingsError: it is one, but its key is missing or another's, it is cut, or a setting in it
            cannot be used; or a station of this program ran here already.
        Busy: the original still runs.
    """
    path = folder / files.NAME
    try:
        content = path.read_bytes()
        document = json.loads(content)
    except (OSError, ValueError, RecursionError):
        return None  # missing, or damaged: said by whoever loads it
    form = files.original_form(folder, document)
    if form is None:
        return None
    ring, old_key, sealed = _opened(folder, form, document)
    found = original.found_in(document, sealed)
    plan = original.plan(found.values, folder)
    _refuse_ours(folder)
    _refuse_running(folder)
    return Original(folder, content, form, found, plan, ring, old_key, _moves(folder, found.values))


def _opened(
    folder: Path, form: original.Form, document: Mapping[str, object]
) -> tuple[vault.KeyFile | None, bytes | None, dict[str, object] | None]:
    path = vault.find_key(folder)
    if vault.handed_over(path):
        raise SettingsError(
            f"{path}: was handed over by systemd and is only a copy. Run this in a terminal, as the user "
            "whom the station's files belong to"
        )
    if form == "plain":
        if not path.exists() and not path.is_symlink():
            return None, None, None
        ring = vault.open_key(folder, mend=False)
        return ring, ring.primary, None
    ring = vault.open_key(folder, mend=False)
    data, key = vault.unseal_by(ring.keys, {original.SEALED: document[original.SEALED]}, files.NAME)
    return ring, key, data


def _refuse_ours(folder: Path) -> None:
    home = Home(folder)
    for path in (home.operator, home.heartbeat):
        if path.exists():
            raise SettingsError(
                f"{path}: a station of this program ran in this folder already, and its data is not mixed "
                "with another's. Put the original's files into a folder of their own and name it in "
                "SUBSTATION_HOME"
            )


def _refuse_running(folder: Path) -> None:
    """Raise Busy while the original's programs run in the folder: they would write where we move files."""
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            words = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            scripts = [word for word in words[:4] if Path(word).name in PROGRAMS]
            if not scripts or b"SUBSTATION_HOME=" in (process / "environ").read_bytes():
                continue
            where = ((process / "cwd").readlink() / scripts[0]).resolve().parent
        except OSError:
            continue
        if where == folder.resolve():
            raise Busy(
                f"The original's {Path(scripts[0]).name} still runs here (pid {process.name}). Stop it "
                f"first, with its own stop.sh or: kill {process.name}"
            )


def _moves(folder: Path, values: Mapping[str, object]) -> tuple[Move, ...]:
    """Return which files of the original's go into `original/`, under names that are free there."""
    named = [
        values.get(name) for name in ("csv_file", "db_path", "db_daily_path", "log_file", "audit_log_file")
    ]
    paths = [Path(os.path.normpath(folder / one)) for one in named if isinstance(one, str)]
    known = {path for pattern in DATABASES for path in folder.glob(pattern) if stores.recognise(path)}
    wanted = [*paths, *sorted(known), *(folder / name for name in LOGS)]
    moves: dict[str, Move] = {}
    taken: set[str] = set()
    for path in dict.fromkeys(wanted):
        if not path.is_relative_to(folder) or not os.path.lexists(path) or path.is_dir() or _is_our_log(path):
            continue
        words = "a log" if path.suffix == ".log" else stores.recognise(path) or "a file of the original's"
        target = free(Home(folder).original / path.name, taken)
        for one in [*stores.companions(path), path]:  # what belongs to a database keeps its name beside it
            to = target.with_name(target.name + one.name.removeprefix(path.name))
            moves[str(one)] = Move(str(one.relative_to(folder)), str(to.relative_to(folder)), words)
    return tuple(moves.values())


def _is_our_log(path: Path) -> bool:
    """Return whether it is a chained log of this program."""
    try:
        with path.open("rb") as file:
            return chain.read_line(file.readline(chain.MAX_LINE + 1).rstrip(b"\n")) is not None
    except OSError:
        return False


def free(path: Path, taken: set[str]) -> Path:
    """Return the path, or one like it with a number, that neither is there nor among `taken` names."""
    number, free = 1, path
    while os.path.lexists(free) or free.name in taken:
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    taken.add(free.name)
    return free
