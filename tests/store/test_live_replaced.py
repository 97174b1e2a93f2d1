"""The live file when somebody deletes, moves or replaces it, or something that is no file stands there."""

import errno
import os

import pytest

from substation.errors import StoreError, WrongStation
from substation.store import live
from substation.store.live import HOUR_MS, LiveFile, LiveRow
from substation.store.live_row import HEADER_LINE
from tests.store.readings import BEGIN_MS, a_reading


@pytest.fixture
def path(tmp_path):
    return tmp_path / "meter_data.csv"


@pytest.fixture
def live_file(path, zone):
    file = LiveFile(path, zone, True)
    yield file
    file.close()


def row(reading):
    return LiveRow(reading, "OK", "EB supply On")


def test_a_file_that_was_deleted_under_the_writer_comes_back(live_file, path):
    live_file.append([row(a_reading())])
    path.unlink()
    live_file.append([row(a_reading(BEGIN_MS + 2000))])
    assert [r.reading.at_ms for r in live.read(path)] == [BEGIN_MS + 2000]


def test_a_file_that_was_moved_away_is_begun_anew(live_file, path):
    live_file.append([row(a_reading())])
    path.rename(path.with_name("taken.csv"))
    live_file.append([row(a_reading(BEGIN_MS + 2000))])
    live_file.append([row(a_reading(BEGIN_MS + 4000))])
    assert path.read_text().splitlines()[0] == HEADER_LINE
    assert [r.reading.at_ms for r in live.read(path)] == [BEGIN_MS + 2000, BEGIN_MS + 4000]
    assert [r.reading.at_ms for r in live.read(path.with_name("taken.csv"))] == [BEGIN_MS]


@pytest.mark.parametrize("header", [HEADER_LINE, "Meter_ID,ts_ms,quality"])
def test_a_file_that_was_put_in_its_place_is_gone_on_with(live_file, path, header):
    live_file.append([row(a_reading())])
    lines = path.read_text().splitlines()
    new = path.with_name("new.csv")
    new.write_text(f"{header}\n{lines[1] if header == HEADER_LINE else f'1,{BEGIN_MS},good'}\n")
    new.replace(path)
    live_file.append([row(a_reading(BEGIN_MS + 2000))])
    assert path.read_text().splitlines()[0] == HEADER_LINE
    assert [r.reading.at_ms for r in live.read(path)] == [BEGIN_MS, BEGIN_MS + 2000]


def test_a_file_of_the_other_kind_put_in_its_place_is_left_alone(live_file, path, zone):
    live_file.append([row(a_reading())])
    real = path.with_name("real.csv")
    other = LiveFile(real, zone, False)
    other.append([row(a_reading(BEGIN_MS - 2 * HOUR_MS))])
    other.close()
    real.replace(path)
    before = path.read_bytes()
    with pytest.raises(WrongStation):
        live_file.append([row(a_reading(BEGIN_MS + 2000))])
    assert live_file.compact(BEGIN_MS + 3 * HOUR_MS) == 0
    assert path.read_bytes() == before
    path.unlink()
    live_file.append([row(a_reading(BEGIN_MS + 4000))])
    assert [r.reading.at_ms for r in live.read(path)] == [BEGIN_MS + 4000]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_something_that_is_no_file_in_its_place_is_an_error_with_words(live_file, path, make):
    live_file.append([row(a_reading())])
    assert live.latest(path)
    path.unlink()
    make(path)
    with pytest.raises(StoreError, match=path.name):
        live.latest(path)
    with pytest.raises(StoreError, match="is no file; move it away"):
        live_file.append([row(a_reading())])
    (path.rmdir if path.is_dir() else path.unlink)()
    live_file.append([row(a_reading(BEGIN_MS + 2000))])
    assert live.latest(path)[1].newest.reading.at_ms == BEGIN_MS + 2000


def test_a_medium_that_fails_while_the_file_is_followed_is_an_error_with_words(live_file, path, monkeypatch):
    live_file.append([row(a_reading())])

    def fails(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as bad:
        bad.setattr(os, "pread", fails)
        with pytest.raises(StoreError, match="Input/output error"):
            live.latest(path)
    assert live.latest(path)[1].newest.reading.at_ms == BEGIN_MS
