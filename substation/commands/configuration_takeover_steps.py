"""Takes an original configuration over: each step on the files.

The station's folder changes from the original's to ours in one rename, that of `config.json`:

1. Copies of the original's `config.json` and key are kept in `original/`, mode 0600.
2. A new key is added to the key file, behind the old one: the original still reads its own, for it
   takes what stands first.
3. Settings without a place here are sealed by the new key into `original/config_set_aside.json`.
4. `original/unfinished.json` says what is still to do.
5. `config.json` is replaced by ours, sealed by the new key.
6. Stores and logs of the original are renamed into `original/`; nothing is overwritten, nothing deleted.
7. The audit line; the old key leaves the key file; `unfinished.json` goes.

Killed before step 5, the original is as it was; killed later, the station is ours, does not start, and
the same command does the rest.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from substation.clock import Clock
from substation.commands import configuration_aside as aside
from substation.commands.configuration_open import audit_of, record, refuse_foreign_root
from substation.commands.configuration_takeover_look import Original, free
from substation.errors import SettingsError
from substation.settings import files, original, vault
from substation.settings.atomic import remove_leftovers, sync_folder, write_atomic
from substation.settings.model import Home, Settings, parse


def take_over(start: Original, settings: Settings, new_passwords: bool, clock: Clock | None = None) -> None:
    """Do it, with the settings that were made of the plan.

    Raises:
        SettingsError: something cannot be written. Before the configuration is replaced, the original is
            as it was; later, the words say how to go on.
        BeingChanged: somebody changed the configuration meanwhile.
    """
    folder = start.folder
    refuse_foreign_root(folder, "takeover")
    with files.locked(folder):
        if (folder / files.NAME).read_bytes() != start.content:
            raise files.BeingChanged(f"{files.NAME}: was changed by somebody else meanwhile. Try again")
        _make_folder(Home(folder).original)
        _keep_copies(start)
        key, warnings = _new_key(start)
        _keep_aside(folder, start.plan.aside, key)
        todo = {
            "form": start.form,
            "settings": [row.name for row in start.plan.rows],
            "aside": [original.printable(name) for name in start.plan.aside],
            "people": list(start.plan.people),
            "new_passwords": new_passwords,
            "warnings": list(warnings),
            "moves": [[move.name, move.to] for move in start.moves],
        }
        write_atomic(folder / files.UNFINISHED, json.dumps(todo, indent=1).encode() + b"\n")
        files.seal(folder, settings, key, private=True)
        _finish(folder, clock)


def finish(folder: Path, clock: Clock | None = None) -> None:
    """Do what a take-over that was broken off left to do; see `take_over`."""
    with files.locked(folder):
        _finish(folder, clock)


def is_unfinished(folder: Path) -> bool:
    """Return whether the configuration is ours already, but a take-over is not at its end."""
    return (folder / files.UNFINISHED).exists()


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be made ({exc.strerror}); nothing was changed") from exc


def _keep_copies(start: Original) -> None:
    kept = Home(start.folder).original
    copies = {files.NAME: start.content}
    if start.old_key is not None and start.ring is not None:
        content = start.ring.path.read_bytes()
        # Behind the original's key ours may stand already, of a take-over that was broken off.
        copies[vault.KEY_NAME] = content if content.strip() == start.old_key else start.old_key
    for name, content in copies.items():
        there = sorted(kept.glob(f"{Path(name).stem}*{Path(name).suffix}"))
        if not any(path.read_bytes().strip() == content.strip() for path in there):
            write_atomic(free(kept / name, set()), content)


def _new_key(start: Original) -> tuple[bytes, tuple[str, ...]]:
    """Return the station's new key, which stands in the key file now; and what was put right about it."""
    folder = start.folder
    if start.ring is None:
        path = vault.find_key(folder)
        vault.write_key(path, vault.new_key())
        return vault.read_key(folder), ()
    ring = vault.open_key(folder)
    assert start.old_key is not None  # noqa: S101 - a ring has keys
    further = [key for key in ring.keys if key != start.old_key]
    key = further[0] if further else vault.new_key()  # of a take-over that was broken off
    vault.exchange_keys(ring, (start.old_key, key))
    return key, ring.warnings


def _keep_aside(folder: Path, values: Mapping[str, object], key: bytes) -> None:
    if not values:
        return
    ring = vault.open_key(folder)
    for path in aside.paths(folder):
        try:
            if aside.read(path, ring) == values:  # of a take-over that was broken off
                aside.keep(path, values, key)
                return
        except SettingsError:
            continue  # of an earlier station, under another key: it stays as it is
    aside.keep(free(Home(folder).original / aside.NAME, set()), values, key)


def _finish(folder: Path, clock: Clock | None) -> None:
    pending = folder / files.UNFINISHED
    try:
        todo = json.loads(pending.read_bytes())
        for name, to in todo["moves"]:
            _move(folder / name, folder / to)
    except OSError as exc:
        raise SettingsError(
            f"{exc.filename}: {exc.strerror}. The configuration is taken over, but not everything is moved "
            "yet. Mend it, then: python3 encrypt_config.py takeover"
        ) from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise SettingsError(
            f"{files.UNFINISHED}: was cut or edited. Move files of the original system into original/ by "
            "hand, then remove it"
        ) from exc
    found = files.unsealed(folder)
    settings = parse(found.data, files.NAME)
    audit = audit_of(folder, settings, clock)
    for warning in dict.fromkeys([*todo["warnings"], *found.warnings]):
        print(f"Warning: {warning}", file=sys.stderr)
        record(audit, "key.mode", what=warning)
    record(
        audit,
        "config.taken_over",
        form=todo["form"],
        settings=todo["settings"],
        set_aside=todo["aside"],
        people=todo["people"],
        kept=[to for _, to in todo["moves"]],
    )
    for who in [*todo["people"], "export"] if todo["new_passwords"] else []:
        record(audit, "password.changed", of=who)
    ring = vault.open_key(folder)
    vault.exchange_keys(ring, (found.key,))
    kept = [pending, *(pending.with_name(name) for name in (files.NAME, vault.KEY_NAME, aside.NAME))]
    for path in (ring.path, folder / files.NAME, *kept):
        remove_leftovers(path)
    pending.unlink()
    sync_folder(pending.parent)


def _move(path: Path, to: Path) -> None:
    """Rename a file; one that is gone already was moved before. Nothing is overwritten. Raises OSError."""
    if os.path.lexists(path) and not os.path.lexists(to):
        path.rename(to)
        if not to.is_symlink():
            to.chmod(to.stat().st_mode & 0o770)
        sync_folder(to.parent)
