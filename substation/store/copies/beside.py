"""The files beside the history: operator database, audit log, the station's own profiles and form.

They are copied as they are.

The audit log is taken last: every number of it that the databases have noted is then in it.
"""

import contextlib
import hashlib
import os
import re
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path

from substation.errors import Damaged, StoreError
from substation.settings.model import Home
from substation.store import door
from substation.store.copies.index import Beside, Index
from substation.store.copies.medium import Medium

_OTHER = re.compile(r"[^A-Za-z0-9._]+")


def take(medium: Medium, index: Index, home: Home, number: int) -> Iterator[str]:
    """Copy what changed since it was copied; yield in words what could not be copied."""
    for kind, path in _originals(home):
        try:
            _take_one(medium, index, kind, path, number)
        except sqlite3.Error as exc:
            yield f"{path} was not copied: it cannot be read ({exc})"
        except FileNotFoundError:
            continue  # the log was closed for the month just now; the next copy takes it under its new name
        except OSError as exc:
            yield f"{path} was not copied: it cannot be read ({exc.strerror})"


def content(medium: Medium, one: Beside) -> bytes:
    """Return a copied file as it was. Raises Damaged when it is not what was copied."""
    path = medium.folder / one.file
    try:
        text = zlib.decompress(medium.read(one.file), 31)
    except zlib.error as exc:
        raise Damaged(f"{path} is damaged ({exc}): {one.name}") from exc
    except StoreError as exc:
        raise Damaged(f"{path} cannot be read: {one.name} ({exc})") from exc
    if hashlib.sha256(text).hexdigest() != one.content_sha256:
        raise Damaged(f"{path} is damaged (its SHA-256 is another one): {one.name}")
    return text


def logs(log: Path) -> list[Path]:
    """Return the closed files of the audit log and the log itself, those that are there."""
    closed = re.compile(rf"{re.escape(log.stem)}-\d{{4}}-\d\d(?:-\d+)?{re.escape(log.suffix)}")
    if not log.parent.is_dir():
        return []
    there = sorted(one for one in log.parent.iterdir() if closed.fullmatch(one.name))
    return [*there, *([log] if log.exists() else [])]


def _originals(home: Home) -> Iterator[tuple[str, Path]]:
    if home.operator.exists():
        yield "operator", home.operator
    if home.profiles.is_dir():
        for path in sorted(home.profiles.glob("*.toml")):
            yield "profile", path
    if home.log_form.exists():
        yield "form", home.log_form
    for path in logs(home.audit):
        yield "audit", path


def _take_one(medium: Medium, index: Index, kind: str, path: Path, number: int) -> None:
    status = path.stat()
    seen = f"{status.st_size}-{status.st_mtime_ns}"
    before = index.beside.get((kind, path.name))
    if before and before.seen == seen and kind != "operator":
        return  # what changed of the operator database may still lie in its log
    text = _database(path) if kind == "operator" else path.read_bytes()
    if kind == "audit":
        text = text[: text.rfind(b"\n") + 1]  # whole lines: another one may be half written
    content_sha256 = hashlib.sha256(text).hexdigest()
    if before and before.content_sha256 == content_sha256:
        return
    file = f"files/{kind}-{_OTHER.sub('_', path.name)}-{number:08d}.gz"
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)
    written = medium.write(file, [squeeze.compress(text), squeeze.flush()])
    index.beside[kind, path.name] = Beside(
        kind, path.name, file, written.bytes, written.sha256, content_sha256, seen
    )


def _database(path: Path) -> bytes:
    """Return the operator database as of one moment, while the dashboard writes to it."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with (
        contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5)) as source,
        contextlib.closing(sqlite3.connect(":memory:")) as copy,
    ):
        source.backup(copy)
        return copy.serialize()


def put_back(medium: Medium, index: Index, home: Home, stamp: str) -> tuple[list[str], list[str]]:
    """Put the files into a home; return what was put back, and in words what was not.

    A file that stands there stays, but for the audit log: a new one that was begun before the restore makes
    way for the one that goes on, under a name with `stamp`.
    """
    done, lacking = [], []
    copied = [one for one in index.beside.values() if one.kind == "audit"]
    if copied:
        for path in logs(home.audit):
            path.rename(path.with_name(f"{path.name}.before-restore-{stamp}"))
    for one in index.beside.values():
        target = _target(home, one)
        try:
            if target.exists():
                if target.read_bytes() != content(medium, one):  # the same profile came out of the kit
                    lacking.append(f"{target} stands there already and was kept")
                continue
            _put(target, content(medium, one), 0o660 if one.kind == "operator" else 0o640)
            done.append(one.name)
        except StoreError as exc:
            lacking.append(str(exc))
    return done, lacking


def _target(home: Home, one: Beside) -> Path:
    if one.kind == "operator":
        return home.operator
    folder = {"profile": home.profiles, "form": home.folder}.get(one.kind, home.audit.parent)
    return folder / Path(one.name).name


def _put(target: Path, text: bytes, mode: int) -> None:
    with door.explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
        door.to_medium(target.parent)
