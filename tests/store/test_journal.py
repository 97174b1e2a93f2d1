"""The log beside a history: torn where a power cut may tear it, damaged everywhere else."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from substation.store import journal


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, Path]:
    """A database of three commits and its log, as they stand after a kill; nothing was brought in yet."""
    with contextlib.closing(sqlite3.connect(tmp_path / "at_work.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (x)")
        for size in (10, 6000):
            db.execute("INSERT INTO t VALUES (?)", ("a" * size,))
        return copied(tmp_path, tmp_path / "at_work.db", "killed.db")


def copied(folder: Path, path: Path, name: str) -> tuple[Path, Path]:
    for end in ("", "-wal"):
        (folder / f"{name}{end}").write_bytes(path.with_name(path.name + end).read_bytes())
    return folder / name, folder / f"{name}-wal"


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def test_a_wrong_head_with_commits_that_the_database_lacks_is_damage(kept: tuple[Path, Path]) -> None:
    path, log = kept
    assert journal.damage(path) is None
    flip(log, 17)
    assert "the head of its log" in (journal.damage(path) or "")


def test_a_head_torn_while_the_log_began_anew_hides_nothing(kept: tuple[Path, Path], tmp_path: Path) -> None:
    path, _ = kept
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        whole, torn = copied(tmp_path, path, "checkpointed.db")
    data = torn.read_bytes()
    torn.write_bytes(data[:12] + bytes(9) + data[21:])
    assert journal.damage(whole) is None
    with contextlib.closing(sqlite3.connect(whole)) as db:
        assert db.execute("SELECT length(x) FROM t").fetchall() == [(10,), (6000,)]


def test_a_wrong_head_before_a_wrong_page_is_damage(kept: tuple[Path, Path], tmp_path: Path) -> None:
    path, _ = kept
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        whole, torn = copied(tmp_path, path, "checkpointed.db")
    flip(torn, 17)
    flip(torn, 32 + 2 * (24 + 4096) + 1000)
    assert "the head of its log" in (journal.damage(whole) or "")
