"""Whatever happens to the medium: whole earlier copies stay, and the words are clear."""

import itertools
import json
import random
import shutil

import pytest

from substation.errors import Full, StoreError
from substation.settings.model import Home
from substation.store import copies
from substation.store.copies import index, reading, room, stations
from substation.store.copies.medium import Medium
from tests.medium import MODES, hurried, recorded
from tests.store import sticks
from tests.store.copied import DAY_MS, FIRST_MS, Station, files, rows, same
from tests.store.readings import BEGIN_MS


@pytest.fixture
def station(tmp_path, clock, zone):
    made = Station(tmp_path, clock, zone)
    yield made
    made.history.close()


def keys(station):
    return [row[0] for page in copies.rows(station.stick, station.index.uid, "reading") for row in page]


def test_pulled_out_at_every_step_the_copies_are_those_of_before_or_after(station, tmp_path, monkeypatch):
    station.fill(hours=4, step_s=3600)
    station.take()
    before, kept = keys(station), tmp_path / "kept"
    sticks.a_copy_of(station.stick, kept)
    station.fill(FIRST_MS + 4 * 3_600_000, hours=1, step_s=3600)
    after = [row[0] for row in rows(station.home.history, "reading")]
    steps, seen = 0, set()
    while True:
        sticks.a_copy_of(kept, station.stick)
        with monkeypatch.context() as patched:
            sticks.put_in(patched, sticks.PulledOut(steps))
            try:
                station.take()
                break
            except StoreError as exc:
                assert "plugged in" in str(exc)
        found = station.index
        medium = Medium(station.folder)
        assert [one for one in found.entries.values() if reading.damage(medium, one)] == []
        assert keys(station) in (before, after)
        seen.add(len(keys(station)))
        if steps % 9 == 0:  # the next one mends it
            assert station.take().ok
            assert keys(station) == after
        steps += 1
    assert seen == {len(before), len(after)}
    assert steps > 30


@pytest.mark.usefixtures("written_is_told")
def test_when_the_mediums_power_goes_the_copies_are_those_of_before_or_after(station, tmp_path):
    station.fill(hours=4, step_s=3600)
    station.take()
    before = keys(station)
    station.fill(FIRST_MS + 4 * 3_600_000, hours=1, step_s=3600)
    uid, cut_off, seen = station.index.uid, tmp_path / "cut", set()
    with recorded(station.stick) as medium:
        assert station.take().ok
    after = keys(station)
    with hurried():
        for cut, mode in itertools.product(medium.cuts(random.Random(24), 15), MODES):
            medium.leave(cut, cut_off, random.Random(f"{cut} {mode}"), mode)
            found = stations.find(cut_off, uid)
            assert found, f"cut {cut}, {mode}: nothing is left"
            entries = index.load(found.medium).entries.values()
            damaged = [reading.damage(found.medium, one) for one in entries]
            assert not any(damaged), f"cut {cut}, {mode}: {damaged}"
            there = [row[0] for page in copies.rows(cut_off, uid, "reading") for row in page]
            assert there in (before, after), f"cut {cut}, {mode}"
            seen.add(len(there))
            shutil.rmtree(cut_off)
    assert seen == {len(before), len(after)}


def test_the_first_copy_pulled_out_leaves_nothing_that_is_believed(station, tmp_path, monkeypatch):
    station.fill(hours=2, step_s=3600)
    empty = Home(tmp_path / "new")
    empty.folder.mkdir()
    for steps in range(0, 30, 7):
        shutil.rmtree(station.stick)
        station.stick.mkdir()
        with monkeypatch.context() as patched:
            sticks.put_in(patched, sticks.PulledOut(steps))
            with pytest.raises(StoreError):
                station.take()
        with pytest.raises(StoreError, match=r"no copies of a station|no whole copy"):
            copies.restore(station.stick, empty, station.clock)
        assert list(empty.folder.iterdir()) == []
    assert station.take().ok


def test_a_long_way_is_gone_in_stages(station, tmp_path, monkeypatch):
    station.fill(FIRST_MS - 8 * DAY_MS, hours=8 * 24, step_s=7200)
    monkeypatch.setattr("substation.store.copies.taking.PUBLISH_S", -1.0)
    with monkeypatch.context() as patched:
        sticks.put_in(patched, sticks.PulledOut(150))
        with pytest.raises(StoreError):
            station.take()
    came_so_far = len(station.index.entries)
    assert came_so_far > 4
    everything = station.take()
    assert everything.ok
    assert everything.files < len(station.index.entries) - came_so_far // 2


def test_on_a_full_medium_the_oldest_readings_go_first(station, tmp_path, monkeypatch):
    station.fill(FIRST_MS - 4 * DAY_MS, hours=6 * 24, step_s=3600)
    station.take()
    whole = sum(len(content) for content in files(station.stick).values())
    readings = [one.bytes for one in station.index.of("readings")]
    minutes = [one.day for one in station.index.of("minutes")]
    shutil.rmtree(station.stick)
    station.stick.mkdir()
    monkeypatch.setattr(room, "HEADROOM", 8000)
    sticks.put_in(monkeypatch, sticks.Small(station.stick, whole + 8000 - sum(readings[:3])))
    taken = station.take()
    assert taken.ok
    left = [one.day for one in station.index.of("readings")]
    assert left == sorted(left)[-len(left) :]
    assert 0 < len(left) < len(readings)
    assert [one.day for one in station.index.of("minutes")] == minutes
    assert "the medium is full: readings before 2026-11-" in taken.words
    monkeypatch.undo()
    empty = Home(tmp_path / "new")
    empty.folder.mkdir()
    copies.restore(station.stick, empty, station.clock)
    mark = int(dict(rows(empty.history, "meta"))["raw_from_ms"])
    assert mark == left[0] * DAY_MS, "it says from when on readings are whole"
    assert rows(empty.history, "minute") == rows(station.home.history, "minute")
    assert station.verify().problems == []


def test_on_a_medium_that_fills_up_older_days_make_way_for_new_ones(station, monkeypatch):
    station.fill(FIRST_MS - 6 * DAY_MS, hours=8 * 24, step_s=3600)
    station.take()
    oldest, *_, newest = station.index.of("readings")
    size = sum(len(content) for content in files(station.stick).values())
    monkeypatch.setattr(room, "HEADROOM", 4000)
    sticks.put_in(monkeypatch, sticks.Small(station.stick, size + 30_000))
    station.clock.advance(86_400)
    station.fill(BEGIN_MS, hours=24, step_s=3600)
    taken = station.take()
    assert taken.ok
    left = [one.day for one in station.index.of("readings")]
    assert oldest.day not in left
    assert newest.day + 1 in left, (size, [one.bytes for one in station.index.entries.values()])
    assert not (station.folder / oldest.file).exists()


def test_minutes_go_only_when_no_readings_are_left_and_hours_never(station, monkeypatch):
    station.fill(hours=48, step_s=3600)
    station.take()
    found = station.index
    small = sum(one.bytes for one in found.entries.values() if one.group in ("periods", "events"))
    shutil.rmtree(station.stick)
    station.stick.mkdir()
    monkeypatch.setattr(room, "HEADROOM", 3000)
    newest = found.of("minutes")[-1].bytes
    sticks.put_in(monkeypatch, sticks.Small(station.stick, small + newest + 9000))
    taken = station.take()
    assert "readings before" in taken.words
    assert "minutes before" in taken.words
    assert station.index.of("readings") == []
    assert len(station.index.of("periods")) == len(found.of("periods"))


def test_a_medium_without_any_room_says_so(station, monkeypatch):
    station.fill(hours=2, step_s=3600)
    sticks.put_in(monkeypatch, sticks.Small(station.stick, 100))
    with pytest.raises(Full, match="no room left on the medium; put in a larger one"):
        station.take()
    said = json.loads(station.home.copied.read_text())
    assert (said["ok"], "no room left" in said["words"]) == (False, True)


def test_a_read_only_medium_keeps_what_the_last_copy_said(station, monkeypatch):
    station.fill(hours=2, step_s=3600)
    station.take()
    newest = station.index.newest_ms
    station.fill(BEGIN_MS, hours=2, step_s=3600)
    sticks.put_in(monkeypatch, sticks.ReadOnly())
    with pytest.raises(StoreError, match="the medium is read-only: unlock it"):
        station.take()
    said = json.loads(station.home.copied.read_text())
    assert (said["ok"], said["newest_ms"], said["proof"]["ok"]) == (False, newest, True)
    assert keys(station)


def test_a_missing_medium_is_named_and_nothing_is_made_on_the_card(station):
    station.fill(hours=2, step_s=3600)
    station.stick.rmdir()
    with pytest.raises(StoreError, match="is the second medium plugged in and mounted"):
        station.take()
    assert not station.stick.exists()
    station.stick.write_text("somebody's")
    with pytest.raises(StoreError, match="is a file; name a folder"):
        station.take()


def test_the_empty_place_of_a_medium_is_not_written_to(station, monkeypatch):
    station.fill(hours=2, step_s=3600)
    with monkeypatch.context() as other_disk:
        other_disk.setattr("substation.store.disk.is_same", lambda *_: False)
        assert "same medium" not in station.take().words
    shutil.rmtree(station.stick)
    station.stick.mkdir()
    with pytest.raises(StoreError, match="the one that held the copies is not mounted there"):
        station.take()
    assert list(station.stick.iterdir()) == []


def test_a_copy_on_the_same_card_says_what_it_is_worth(station):
    station.fill(hours=2, step_s=3600)
    assert "a card that breaks takes both" in station.take().words


def test_another_medium_begins_with_everything(station, tmp_path):
    station.fill(hours=2, step_s=3600)
    count = station.take().files
    station.stick.rename(tmp_path / "old")
    station.stick.mkdir()
    assert station.take().files == count
    empty = Home(tmp_path / "new")
    empty.folder.mkdir()
    copies.restore(station.stick, empty, station.clock)
    same(station.home.history, empty.history)


def test_a_folder_that_does_not_say_whose_it_is_is_left_alone(station):
    station.fill(hours=2, step_s=3600)
    station.take()
    folder = station.folder
    for name in ("station.json", *(one.name for one in folder.glob("index-*"))):
        (folder / name).write_bytes(b"")
    before = files(folder)
    with pytest.raises(StoreError, match="does not say whose it is; move it away"):
        station.take()
    assert files(folder) == before


def test_names_on_the_medium_are_for_every_file_system(station):
    station.settings = station.settings.model_copy(update={})
    station.history.close()
    station.history = type(station.history)(
        station.home.history, True, station.clock, station.zone, site="GSS/Kárjat: 33 kV?"
    )
    station.fill(hours=2, step_s=3600)
    station.take()
    (found,) = stations.stations(station.stick)
    assert found.site == "GSS/Kárjat: 33 kV?"
    assert found.medium.folder.name == f"GSS-K-rjat-33-kV-{found.uid[:12]}"
    names = [part for name in files(station.stick) for part in name.split("/")]
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzGSKV0123456789-._") for name in names)
    assert index.numbers(found.medium)
