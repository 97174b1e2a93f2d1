"""Which stores of the original system are to be imported, and where they lie. Nothing is ever overwritten."""

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from substation.errors import StoreError
from substation.settings.model import Home
from substation.store.original import companions, look, recognise

ENDINGS = (".db", ".sqlite3", ".csv")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with which file."""

    sources: tuple[Path, ...]
    """To be imported, where they lie now; databases first: of two readings of one second theirs counts."""
    in_the_way: tuple[Path, ...]
    """Those of them that lie where our own stores belong; they are moved to `original/` first."""
    left_alone: tuple[str, ...]
    """In words: what lies there and is no store of the original."""


def plan(home: Home, named: Sequence[Path]) -> Plan:
    """Return what is to be imported: the named files, or all that the home holds.

    Raises StoreError when a named file is no store of the original system.
    """
    if named:
        for path in named:
            if recognise(path) is None:
                raise StoreError(
                    f"{path}: {look(path).words}. Only stores of the original system are imported: "
                    f"daily_data.db, meter_data_1year.db, meter_data.csv, its export"
                )
        found = list(dict.fromkeys(path.absolute() for path in named))
        left: list[str] = []
    else:
        there = [path for folder in (home.original, home.folder) for path in _stores_in(folder)]
        found = list(dict.fromkeys(path for path in there if recognise(path)))
        found += [path for path in (home.history, home.live) if path not in found and recognise(path)]
        left = [
            f"{path}: {look(path).words}"
            for path in there
            if path.parent == home.original and not recognise(path)
        ]
    ours = {home.history, home.live}
    found.sort(key=lambda path: (path.suffix == ".csv", path.name, str(path)))
    return Plan(tuple(found), tuple(path for path in found if path in ours), tuple(left))


def _stores_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())


def move_away(path: Path, folder: Path) -> Path:
    """Rename a store of the original into `folder`, under a name that is free; return where it lies now.

    Raises StoreError when what belongs to it would be torn off, or it lies on another medium.
    """
    beside = [each.name for each in companions(path) if each.stat().st_size]
    if beside:
        raise StoreError(
            f"{path}: {', '.join(beside)} belongs to it: the original system still runs, or was ended in the "
            f"middle of a write. End it, then let SQLite finish (sqlite3 {path.name} 'PRAGMA quick_check')"
        )
    folder.mkdir(mode=0o700, exist_ok=True)
    for number in itertools.count(1):
        target = folder / (path.name if number == 1 else f"{path.stem}-{number}{path.suffix}")
        try:
            # a link is refused where the name is taken: not even two of us at once overwrite anything
            os.link(path, target, follow_symlinks=False)
        except FileExistsError:
            continue
        except OSError:  # a medium without links, such as a memory stick
            if os.path.lexists(target):
                continue
            _rename(path, target)
            return target
        path.unlink()
        return target
    raise AssertionError  # the numbers do not end


def _rename(path: Path, target: Path) -> None:
    try:
        path.rename(target)
    except OSError as exc:
        raise StoreError(
            f"{path} cannot be moved to {target.parent} ({exc.strerror}); move it by hand"
        ) from exc
