"""Two machines of one card: a moved card goes on with its copies, a clone does not mix in its own."""

import gzip
import json
import shutil

import pytest

from substation.acquisition.backup_duty import BackupDuty
from substation.errors import EXIT_CONFIG, StoreError
from substation.settings.model import Backup, Home
from substation.store import copies
from substation.store.copies import layout, writer
from tests.store.copied import Station, files

REFUSED = "another machine copied Karjat there at 2026-11-24 11:30 "


@pytest.fixture
def machine(monkeypatch):
    """Return what sets the machine of which the next copy is."""

    def of(name: str) -> None:
        monkeypatch.setattr(writer, "identity", lambda _: name)

    of("one")
    return of


@pytest.fixture
def station(tmp_path, clock, zone, machine):
    made = Station.filled(tmp_path, clock, zone, step_s=7200)
    assert made.take().ok
    yield made
    made.history.close()


@pytest.fixture
def clone(station, tmp_path):
    """Return the home of a card cloned from the station's."""
    home = Home(tmp_path / "clone")
    shutil.copytree(station.home.folder, home.folder)
    return home


def forgets(station) -> None:
    station.home.copied.unlink()


def test_a_moved_card_goes_on_and_is_the_writer_then(station, machine):
    machine("two")
    station.happens("moved")
    assert station.take().ok
    assert station.index.writer.machine == writer.this(station.index.uid, 0).machine
    forgets(station)
    assert station.take().ok, "it is this machine's own copy"


def test_a_clone_is_refused_and_writes_nothing_whoever_copies_first(station, clone, clock, machine):
    machine("two")
    assert copies.take(clone, station.settings, clock).ok
    before = files(station.stick)
    clock.advance(60)
    machine("one")
    with pytest.raises(StoreError, match=f"{REFUSED}.* backup --take-over.* history of its own") as refused:
        station.take()
    duty = BackupDuty(station.home, clock)
    for _ in range(2):
        duty.done(EXIT_CONFIG, str(refused.value))
    (words,) = duty.advice
    assert words.endswith(str(refused.value))
    said = str(refused.value).replace(str(station.stick), "/media/stick/substation")
    assert len(said) <= 300, "/health has room for both remedies"
    assert files(station.stick) == before
    said = json.loads(station.home.copied.read_text())
    assert (said["ok"], REFUSED in said["words"], len(said["seen"])) == (False, True, 1)
    assert station.take(take_over=True).ok
    assert station.take().ok
    machine("two")
    with pytest.raises(StoreError, match="another machine copied"):
        copies.take(clone, station.settings, clock)


def test_after_a_restore_the_copies_go_on_in_the_same_machine_and_in_another(
    station, tmp_path, clock, machine
):
    for name in ("one", "two"):
        machine(name)
        home = Home(tmp_path / f"new-{name}")
        home.folder.mkdir()
        copies.restore(station.stick, home, clock)
        if name == "one":
            home.copied.unlink()  # as after a restore by an older program
        assert copies.take(home, station.settings, clock).ok
    machine("one")
    with pytest.raises(StoreError, match="another machine"):
        station.take()


def test_a_verify_of_somebody_else_is_no_copy(station, machine):
    machine("two")
    assert station.verify().ok
    assert station.take().ok


def test_a_moved_card_remembers_what_a_copy_that_broke_off_has_left(station, clock, monkeypatch):
    def pulled_out(*_):
        raise StoreError("pulled out")

    monkeypatch.setattr("substation.store.copies.proving.prove_some", pulled_out)
    with pytest.raises(StoreError, match="pulled out"):
        station.take()
    monkeypatch.undo()
    elsewhere = station.settings.model_copy(
        update={"backup": Backup(folder=str(station.stick / "no" / "no"))}
    )
    with pytest.raises(StoreError, match="is not there"):
        copies.take(station.home, elsewhere, clock)
    machine_two = writer.Writer("of another machine", 0, "")
    monkeypatch.setattr(writer, "this", lambda *_: machine_two)
    assert station.take().ok


def test_an_index_without_a_writer_goes_on_and_one_with_it_is_read_by_older_programs(station, machine):
    path = station.folder / layout.index_name(station.index.number)
    first, rest = gzip.decompress(path.read_bytes()).split(b"\n", 1)
    assert set(json.loads(first + b"{}}")) == {"index", "sha256", "writer", "body"}
    assert b'"writer"' not in rest, "an older program takes no field of the body that it does not know"
    older = json.dumps({name: said for name, said in json.loads(first + b"{}}").items() if name != "writer"})
    path.write_bytes(gzip.compress(older.removesuffix("{}}").encode() + b"\n" + rest))
    assert station.index.writer is None
    machine("two")
    forgets(station)
    assert station.take().ok
    assert station.index.writer is not None


@pytest.mark.parametrize(("first", "second"), [("", "two"), ("one", "")])
def test_where_a_machine_is_not_known_nobody_is_refused(station, machine, first, second):
    machine(first)
    assert station.take().ok
    machine(second)
    forgets(station)
    assert station.take().ok


def test_sticks_that_are_changed_in_turn_are_remembered():
    report: dict[str, str] = {}
    for begun in range(writer.REMEMBERED + 1):
        writer.remember(report, begun, writer.Writer("", 0, f"mark {begun}"))
    assert list(report) == [str(begun) for begun in range(1, writer.REMEMBERED + 1)]


def test_a_machine_is_told_by_its_board_since_a_clone_has_the_machine_id_of_its_original(tmp_path):
    etc, board = tmp_path / "etc", tmp_path / "sys/firmware/devicetree/base"
    nets = tmp_path / "sys/class/net"
    assert writer.identity(tmp_path) == ""
    etc.mkdir()
    (etc / "machine-id").write_text("uninitialized\n")
    assert writer.identity(tmp_path) == ""
    (etc / "machine-id").write_text("0f0f\n")
    assert writer.identity(tmp_path) == "0f0f"
    for name, kind, is_part in (("eth0", "0", True), ("eth1", "3", True), ("lo", "0", False)):
        (nets / name).mkdir(parents=True)
        (nets / name / "addr_assign_type").write_text(f"{kind}\n")
        (nets / name / "address").write_text(f"02:00:{name}\n")
        if is_part:
            (nets / name / "device").mkdir()
    assert writer.identity(tmp_path) == "0f0f\n02:00:eth0"
    board.mkdir(parents=True)
    (board / "serial-number").write_bytes(b"10000000abcd\0")
    assert writer.identity(tmp_path) == "0f0f\n10000000abcd"
    (mine, elsewhere) = (writer.this(uid, 0, tmp_path) for uid in ("a" * 32, "b" * 32))
    assert mine.machine != elsewhere.machine
    assert "0f0f" not in str(mine)
