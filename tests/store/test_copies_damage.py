"""A copy that is damaged is named, never believed, and made anew while the card still has the day."""

import contextlib
import gzip
import sqlite3
import zlib

import pytest

from substation.errors import Damaged, StoreError
from substation.settings.model import Home
from substation.store import copies, digest, schema
from substation.store.copies import dayfile, index, layout, proving, reading
from substation.store.copies.medium import Medium
from tests.store.copied import DAY_MS, FIRST_MS, Station, files, rows, same
from tests.store.readings import BEGIN_MS

DAY = FIRST_MS // DAY_MS
DATE = layout.date_of(DAY)


@pytest.fixture
def station(tmp_path, clock, zone):
    made = Station.filled(tmp_path, clock, zone, step_s=3600)
    made.take()
    yield made
    made.history.close()


@pytest.fixture
def empty(tmp_path):
    home = Home(tmp_path / "new")
    home.folder.mkdir()
    return home


def file_of(station, group="readings", day=DAY):
    return station.folder / station.index.entries[group, day].file


def forget(station, until_ms):
    """Let retention take the readings."""
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        db.execute("DELETE FROM reading WHERE key < ?", (until_ms << 8,))
        db.execute("INSERT INTO meta VALUES (?, ?)", (schema.RAW_FROM, str(until_ms)))
        db.commit()


def says_the_same(content: bytes, text: bytes) -> bool:
    try:
        return gzip.decompress(content) == text
    except (OSError, EOFError, zlib.error):
        return False


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


def test_every_kind_of_damage_is_seen(station):
    path = file_of(station)
    whole = path.read_bytes()
    medium, entry = Medium(station.folder), station.index.entries["readings", DAY]
    text = gzip.decompress(whole)
    other = gzip.compress(text.replace(b"[45", b"[44", 1))
    bad = [b"", whole[:20], whole[:-1], whole + b"\0", gzip.compress(text[: text.rfind(b"{")]), other]
    bad += [flipped(whole, at) for at in range(0, len(whole), max(1, len(whole) // 60))]
    for content in bad:
        path.write_bytes(content)
        for known in (entry, index.replace(entry, sha256="")):  # also where no index says its sum
            if known.sha256 or not says_the_same(content, text):  # not every bit of gzip's own holds data
                assert reading.damage(medium, known) is not None, (content[:20], known.sha256)
    path.unlink()
    assert "is missing" in str(reading.damage(medium, entry))


def test_a_damaged_copy_is_named_and_copied_again_while_the_card_has_the_day(station):
    path = file_of(station)
    path.write_bytes(flipped(path.read_bytes(), 400))
    bad = station.take()
    assert not bad.ok
    assert path.name in bad.words or path.name in " ".join(bad.proof.problems)
    assert f"readings of {DATE}" in " ".join(bad.proof.problems)
    mended = station.take()
    assert (mended.ok, mended.files) == (True, 1)
    assert station.verify().problems == []


def test_verify_names_what_is_damaged_lacking_and_what_still_comes_back(station, empty):
    forget(station, BEGIN_MS)
    path = file_of(station)
    path.write_bytes(path.read_bytes()[:300])
    file_of(station, "minutes", DAY + 1).unlink()
    found = station.verify()
    assert len(found.problems) == 2
    assert any(path.name in words and "damaged" in words for words in found.problems)
    assert any("minutes of 2026-11-23" in words and "missing" in words for words in found.problems)
    whole = {row[0] >> 8 for page in copies.rows(station.stick, station.index.uid, "reading") for row in page}
    assert min(whole) // DAY_MS == DAY + 1, "the other days come"


def test_a_restore_says_what_is_lacking_and_from_when_on_it_is_whole(station, empty, clock):
    path = file_of(station)
    path.write_bytes(path.read_bytes()[:300])
    done = copies.restore(station.stick, empty, clock)
    assert [words for words in done.lacking if path.name in words]
    assert int(dict(rows(empty.history, "meta"))["raw_from_ms"]) == (DAY + 1) * DAY_MS
    assert rows(empty.history, "minute") == rows(station.home.history, "minute")
    (note,) = [row for row in rows(empty.history, "event") if row[2] == "store.restored"]
    assert f"readings of {DATE}" in note[6]


def test_a_day_that_was_taken_away_is_noticed(station):
    found = station.index
    medium = Medium(station.folder)
    del found.entries["readings", DAY + 1]
    index.publish(medium, found)
    forget(station, BEGIN_MS)
    (problem,) = station.verify().problems
    assert "readings of 2026-11-23 are lacking, though there were" in problem


def test_readings_that_do_not_fit_their_minutes_are_noticed(station):
    found = station.index
    entry = found.entries["minutes", DAY]
    found.entries["minutes", DAY] = index.replace(entry, polls={"minute": entry.polls["minute"] + 1})
    index.publish(Medium(station.folder), found)
    (problem,) = station.verify().problems
    assert "readings are copied, its minutes account for" in problem


def test_rows_that_changed_on_the_card_without_a_word_are_named_and_the_copy_stays(station):
    before = files(station.folder)
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        db.execute("UPDATE reading SET v_ry = 1 WHERE key = (SELECT min(key) FROM reading)")
        db.commit()
    found = station.verify()
    (problem,) = found.problems
    assert f"readings of {DATE}" in problem
    assert "has other rows than the copy, though nothing was noted" in problem
    assert file_of(station).read_bytes() == before[str(file_of(station).relative_to(station.folder))]


def test_what_the_card_has_lost_since_stays_on_the_medium(station):
    """As after a salvage without the medium: rows and their accounts are gone, and nothing says why."""
    path = file_of(station)
    whole = path.read_bytes()
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        for table in ("reading", "minute", "quarter", "hour"):
            db.execute(f"DELETE FROM {table} WHERE key < ?", (FIRST_MS + 7_200_000 << 8,))  # noqa: S608
        db.commit()
    taken = station.take()
    assert taken.ok
    assert f"readings of {DATE}: the station has" in taken.words
    assert f"its file is kept: {path.relative_to(station.folder)}" in taken.words
    station.take()
    assert path.read_bytes() == whole
    assert file_of(station) != path


def test_an_unreadable_page_on_the_card_keeps_the_earlier_copy(station, monkeypatch):
    station.fill(FIRST_MS + 1800_000, hours=48, step_s=3600)
    real = copies.taking.Source.rows

    def rows_of(self, table, day):
        if (table, day) == ("reading", DAY):
            raise Damaged("daily_data.db is damaged")
        return real(self, table, day)

    before = file_of(station).read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(copies.taking.Source, "rows", rows_of)
        taken = station.take()
    assert f"readings of {DATE} not copied, an earlier copy stays" in taken.words
    assert file_of(station).read_bytes() == before
    assert file_of(station, day=DAY + 1).exists()


def test_without_the_newest_index_the_one_before_counts(station, empty, clock):
    station.fill(BEGIN_MS, hours=2, step_s=3600)
    station.take()
    newest = station.folder / layout.index_name(station.index.number)
    newest.write_bytes(b"")
    assert "damaged" in str(station.verify().problems[0])
    assert station.take().ok
    copies.restore(station.stick, empty, clock)
    same(station.home.history, empty.history)


def test_without_any_index_the_files_speak_for_themselves(station, empty, clock):
    forget(station, BEGIN_MS - DAY_MS)
    old = {row for page in copies.rows(station.stick, station.index.uid, "reading") for row in page}
    for one in station.folder.glob("index-*"):
        one.write_bytes(b"x")
    with pytest.raises(StoreError, match="damaged"):
        copies.restore(station.stick, empty, clock)
    taken = station.take()
    assert taken.ok
    assert old == {row for page in copies.rows(station.stick, station.index.uid, "reading") for row in page}
    copies.restore(station.stick, empty, clock)
    same(station.home.history, empty.history)


def test_a_failed_proof_leaves_what_was_replaced(station, monkeypatch):
    station.fill(BEGIN_MS, hours=2, step_s=3600)
    before = set(files(station.folder))
    with monkeypatch.context() as patched:
        patched.setattr("substation.store.copies.reading.damage", lambda *_: Damaged("a bad stick"))
        assert not station.take().ok
    assert {name for name in before if "index" not in name} <= set(files(station.folder))


def test_within_a_month_everything_is_proved(station, monkeypatch, clock):
    monkeypatch.setattr("substation.store.copies.proving.LEAST_ROWS", 0)
    station.settings = station.settings.model_copy(
        update={"backup": station.settings.backup.model_copy(update={"every_minutes": 1440})}
    )
    begun = clock.now_ms()
    for _ in range(28):
        clock.advance(86_400)
        assert station.take().ok
    assert station.index.proved_ms > begun
    assert len({one.proved_ms for one in station.index.entries.values()}) > 5, "in turns"


def test_a_newer_program_wrote_them(station, monkeypatch):
    monkeypatch.setattr(layout, "FORMAT", 0)
    with pytest.raises(StoreError, match="written by a newer version"):
        station.take()


def change(station, *statements):
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


SPOILED = "UPDATE reading SET v_ry = 1 WHERE key = (SELECT min(key) FROM reading)"
LATE = "UPDATE hour SET odd = odd || ' ' WHERE key = (SELECT min(key) FROM hour)"
"""As a late row does: the day is copied again."""


def with_digest(station):
    with contextlib.closing(sqlite3.connect(station.home.history)) as db:
        columns = ", ".join(schema.columns_of("reading"))
        held = db.execute(
            f"SELECT {columns} FROM reading WHERE key >= ? AND key < ?",  # noqa: S608
            layout.bounds(DAY),
        )
        db.execute("INSERT INTO digest VALUES ('reading', ?, ?, ?, 1)", (DAY, *digest.of_rows(held)))
        db.commit()


@pytest.fixture
def odd(station):
    change(station, "UPDATE hour SET odd = 'x' WHERE key = (SELECT min(key) FROM hour)")
    station.take()
    return station


def test_a_spoiled_day_takes_no_good_files_place(odd):
    with_digest(odd)
    change(odd, SPOILED, LATE)
    before = file_of(odd)
    taken = odd.take()
    assert any("other rows than its digest says" in words for words in taken.problems)
    assert file_of(odd) == before
    assert before.exists()


def test_a_changed_day_with_its_digest_is_copied_as_ever(odd):
    with_digest(odd)
    change(odd, LATE)
    before = file_of(odd)
    assert odd.take().ok
    assert file_of(odd) != before
    assert [one for one in odd.index.earlier if one.group == "readings"] == []


def test_a_day_that_nobody_vouches_for_leaves_the_earlier_file_there(odd):
    change(odd, SPOILED, LATE)
    before = file_of(odd)
    taken = odd.take()
    assert any("no digest vouches for them yet" in words for words in taken.notes)
    assert before.exists()
    assert file_of(odd) != before


def test_a_day_that_differs_while_another_history_is_absorbed_is_judged_when_that_is_over(station):
    change(station, SPOILED, "INSERT INTO sync VALUES ('absorb 1', 1, 1)")
    assert station.verify().ok
    assert station.index.entries["readings", DAY].proved_ms == 0
    change(station, "DELETE FROM sync")
    assert "has other rows than the copy" in station.take().proof.problems[0]


@pytest.mark.parametrize("group, mark", [("readings", schema.RAW_FROM), ("minutes", schema.MINUTE_FROM)])
def test_what_lacks_of_the_day_under_way_ends_with_the_newest_reading(station, empty, clock, group, mark):
    day = BEGIN_MS // DAY_MS
    found = station.index
    if (group, day) not in found.entries:
        day = max(one.day for one in found.of(group))
    file_of(station, group, day).unlink()
    copies.restore(station.stick, empty, clock)
    whole_from = int(dict(rows(empty.history, "meta"))[mark])
    assert found.newest_ms < whole_from <= found.newest_ms + 60_000
    assert whole_from % DAY_MS != 0


def test_a_file_whose_rows_cannot_be_put_in_spoils_the_proof_of_no_other(station, monkeypatch):
    medium, found = reading.opened_index(station.stick, station.index.uid)
    entry = found.of("readings")[0]
    unpacked = dayfile.unpacked

    def twice(chunks, name):
        for table, page in unpacked(chunks, name):
            yield table, [*page, *page]

    with proving.scratch() as db:
        held = proving.given_back(medium, db, entry)
        with monkeypatch.context() as patched:
            patched.setattr(dayfile, "unpacked", twice)
            with pytest.raises(StoreError):
                proving.given_back(medium, db, entry)
        assert proving.given_back(medium, db, entry) == held
