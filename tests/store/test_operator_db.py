import contextlib
import multiprocessing
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from substation.errors import Busy, Damaged, StoreError, WrongStation
from substation.store import operator_db
from substation.store.operator_db import APPLICATION_ID, OperatorDb


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "operator.db"


def test_a_new_one_is_stamped_and_its_migrations_are_named(path: Path) -> None:
    OperatorDb(path, simulated=True).close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT value FROM meta WHERE key = 'simulated'").fetchone() == ("yes",)
        done = [name for (name,) in connection.execute("SELECT name FROM schema_migration")]
    connection.close()
    assert sorted(done) == sorted(name for name, _ in operator_db.MIGRATIONS)
    assert [one.name for one in path.parent.iterdir()] == ["operator.db"]
    assert APPLICATION_ID == 0x53534F50


def test_what_was_committed_is_there_after_opening_again(path: Path) -> None:
    store = OperatorDb(path, simulated=False)
    with store.transaction() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
    store.close()
    store = OperatorDb(path, simulated=False)
    assert store.rows("SELECT value FROM meta WHERE key = ?", ("a",)) == [("b",)]
    store.close()


def test_a_failed_transaction_leaves_nothing(path: Path) -> None:
    store = OperatorDb(path, simulated=False)
    with pytest.raises(StoreError, match="UNIQUE"), store.transaction() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
        connection.execute("INSERT INTO meta VALUES ('a', 'c')")
    with pytest.raises(KeyError), store.transaction() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")
        raise KeyError
    assert store.rows("SELECT value FROM meta WHERE key = 'a'") == []
    store.close()


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_and_real_never_mix(path: Path, simulated: bool) -> None:
    OperatorDb(path, simulated=simulated).close()
    content = path.read_bytes()
    with pytest.raises(WrongStation, match="SUBSTATION_HOME"):
        OperatorDb(path, simulated=not simulated)
    assert path.read_bytes() == content


def foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE meter_readings (a)")
    connection.commit()
    connection.close()


def cut(path: Path) -> None:
    OperatorDb(path, simulated=False).close()
    path.write_bytes(path.read_bytes()[:6000])


def unstamped(path: Path) -> None:
    OperatorDb(path, simulated=False).close()
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM meta")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"x"),
        lambda path: path.write_bytes(b"Date,Time,Meter_ID\n" * 1000),
        foreign,
        cut,
        unstamped,
    ],
    ids=["empty", "one byte", "text", "another program's", "cut", "unstamped"],
)
def test_what_is_no_operator_database_is_refused_and_left_alone(path: Path, make: object) -> None:
    assert callable(make)
    make(path)
    content = path.read_bytes()
    with pytest.raises(Damaged, match=r"operator\.db.*Move it away"):
        OperatorDb(path, simulated=False)
    assert path.read_bytes() == content


def test_a_file_of_a_newer_program_is_not_touched(path: Path) -> None:
    OperatorDb(path, simulated=False).close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO schema_migration VALUES ('holograms', '2031-01-01T00:00:00Z')")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="holograms"):
        OperatorDb(path, simulated=False)


def test_an_older_file_gets_the_missing_migrations(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them = operator_db.MIGRATIONS
    monkeypatch.setattr(operator_db, "MIGRATIONS", all_of_them[:1])
    OperatorDb(path, simulated=False).close()
    monkeypatch.setattr(operator_db, "MIGRATIONS", all_of_them)
    store = OperatorDb(path, simulated=False)
    assert store.rows("SELECT count(*) FROM login_failure") == [(0,)]
    store.close()


def test_the_files_are_never_for_the_world(path: Path) -> None:
    before = os.umask(0)
    try:
        store = OperatorDb(path, simulated=False)
        with store.transaction() as connection:
            connection.execute("INSERT INTO meta VALUES ('a', 'b')")
        for file in path.parent.iterdir():
            assert not stat.S_IMODE(file.stat().st_mode) & 0o007, file.name
        store.close()
    finally:
        os.umask(before)


def test_many_threads_may_use_it(path: Path) -> None:
    store = OperatorDb(path, simulated=False)

    def work(number: int) -> None:
        for at in range(20):
            with store.transaction() as connection:
                connection.execute("INSERT INTO meta VALUES (?, '')", (f"{number}.{at}",))
            assert store.rows("SELECT 1 FROM meta WHERE key = ?", (f"{number}.{at}",)) == [(1,)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert store.rows("SELECT count(*) FROM meta") == [(161,)]
    store.close()


def test_another_holder_is_said_to_be_busy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_db, "BUSY_TIMEOUT_S", 0.05)
    store = OperatorDb(path, simulated=False)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy), store.transaction():
        pass
    other.execute("ROLLBACK")
    other.close()
    store.close()


@pytest.fixture
def held(path: Path) -> Iterator[OperatorDb]:
    """One that another process holds."""
    store = OperatorDb(path, simulated=False)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield store
    other.execute("ROLLBACK")
    other.close()
    store.close()


def test_a_hasty_writer_waits_for_a_moment_only(held: OperatorDb) -> None:
    began = time.monotonic()
    with pytest.raises(Busy), held.transaction(hasty=True):
        pass
    assert time.monotonic() - began < 2  # others wait for 5 s


def test_a_patient_writer_holds_up_no_hasty_one_and_no_reader(
    held: OperatorDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_db, "BUSY_TIMEOUT_S", 1.5)

    def patient() -> None:
        with contextlib.suppress(Busy), held.transaction():
            pass

    thread = threading.Thread(target=patient)
    thread.start()
    with pytest.raises(Busy), held.transaction(hasty=True):
        pass
    assert held.rows("SELECT count(*) FROM login_failure") == [(0,)]
    assert thread.is_alive()
    thread.join(20)


def _open_and_close(path: str) -> None:
    OperatorDb(Path(path), simulated=False).close()


def test_made_by_several_at_once_it_is_one_whole_file(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_open_and_close, args=(str(path),)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert [one.name for one in path.parent.iterdir()] == ["operator.db"]
    OperatorDb(path, simulated=False).close()
