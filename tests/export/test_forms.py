"""CSV, Parquet and XLSX hold the same rows, to the digit; nothing of a form is ever a formula or a file."""

import csv
import dataclasses
import datetime as dt
import io
import json
import os
import subprocess
import sys
import tempfile
import zoneinfo
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from substation import export
from substation.clock import day_start_ms
from substation.commands.doors import PROJECT
from substation.errors import AccessError
from substation.export import Order, body, estimate, measure, sheet, table, workbook
from substation.export.seal import FILE_NAMES
from substation.export.table import Form
from substation.quantities import QUANTITIES
from substation.store.history import History
from substation.store.pages import Pages
from tests.export.conftest import PASSWORD, ROUNDS
from tests.fake_clock import FakeClock
from tests.store.readings import BEGIN_MS, a_reading
from tests.store.strategies import any_reading

LONDON = zoneinfo.ZoneInfo("Europe/London")
DAY_MS = 86_400_000
HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "=cmd|'/c calc'!A1",
    "a_x000D_b<&>\x01",
    "Übergabe",
]


def form_of(order: Order, **other) -> Form:
    plain = Form(order.resolution, LONDON, {0: "Yard"}, 2.0, True, order.period_s, order.extremes)
    return dataclasses.replace(plain, **other)


def made(path: Path, order: Order, form: Form) -> bytes:
    about = {"readings": "SIMULATED", "meters": [{"id": 1, "name": "=1+1"}], "range": {"from": "x"}}
    pages = Pages(path, order.wanted, page_rows=4)
    return b"".join(
        piece for piece, _ in body.body_of(order.form, form, lambda: about).pieces(pages, pages.facts())
    )


def of_csv(path, order, form):
    text = made(path, dataclasses.replace(order, form="csv"), form).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def of_parquet(path, order, form):
    data = made(path, dataclasses.replace(order, form="parquet"), form)
    return parquet.read_table(io.BytesIO(data)).to_pylist()


def of_xlsx(path, order, form):
    data = made(path, dataclasses.replace(order, form="xlsx"), form)
    rows = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].iter_rows(values_only=True)
    names = next(rows)
    return [dict(zip(names, row, strict=True)) for row in rows]


def number(text: str) -> float | None:
    return float(text) if text else None


@pytest.mark.parametrize("resolution", ["poll", "minute", "day"])
@settings(max_examples=2, deadline=None)
@given(drawn=st.lists(st.tuples(st.integers(0, 300), any_reading()), min_size=1, max_size=9))
def test_the_forms_agree_to_the_digit(resolution, drawn):
    readings = [
        dataclasses.replace(one, at_ms=BEGIN_MS + place * 377_123, meter_id=one.meter_id % 2)
        for place, one in drawn
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "daily_data.db"
        store = History(path, True, FakeClock(), LONDON)
        store.add(readings)
        store.close()
        start = day_start_ms(BEGIN_MS, LONDON)
        order = Order(resolution, start, start + 3 * DAY_MS, extremes=resolution == "day")
        form = form_of(order)
        texts, typed, cells = (read(path, order, form) for read in (of_csv, of_parquet, of_xlsx))
    assert len(texts) == len(typed) == len(cells) > 0
    values = [
        c.name for c in table.columns(form) if c.name.removesuffix(" min").removesuffix(" max") in LABELS
    ]
    for text, row, cell in zip(texts, typed, cells, strict=True):
        for name in values:
            assert number(text[name]) == row[name] == cell[name], name
        at = dt.datetime.fromisoformat(text["UTC"])
        assert row["UTC"] == at
        assert abs(cell["UTC"].replace(tzinfo=dt.UTC) - at) < dt.timedelta(milliseconds=1)
        assert row["DateTime"] == text["DateTime"] == f"{cell['DateTime']:%Y-%m-%d %H:%M:%S}"
        assert int(text["Meter_ID"]) == row["Meter_ID"] == cell["Meter_ID"]
        assert text["quality"] == row["quality"] == cell["quality"]
        assert (text["simulated"], row["simulated"], cell["simulated"]) == ("yes", True, "yes")
        if resolution != "poll":
            assert int(text["rows_found"]) == row["rows_found"] == cell["rows_found"]
            assert int(text["rows_due"]) == row["rows_due"] == cell["rows_due"]


LABELS = {q.label for q in QUANTITIES}


@pytest.fixture
def path(tmp_path, history):
    history.add([a_reading(BEGIN_MS, watts_total=-12.3)])
    history.commit()
    return tmp_path / "daily_data.db"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_a_formula_in_a_workbook(path, name):
    """S27 of XLSX."""
    order = Order("quarter", BEGIN_MS, BEGIN_MS + DAY_MS, form="xlsx")
    book = openpyxl.load_workbook(io.BytesIO(made(path, order, form_of(order, names={1: name}))))
    assert "<f>" not in sheet.text_cell(name)
    for one in book:
        for row in one.iter_rows():
            assert all(cell.data_type != "f" for cell in row)
    head = [cell.value for cell in book.worksheets[0][1]]
    cell = book.worksheets[0][2][head.index("Meter_Name")]
    assert openpyxl.utils.escape.unescape(cell.value) == name
    assert cell.quotePrefix


def test_a_workbook_has_numbers_dates_a_frozen_head_and_says_what_it_is(path):
    order = Order("quarter", BEGIN_MS, BEGIN_MS + DAY_MS, form="xlsx")
    book = openpyxl.load_workbook(io.BytesIO(made(path, order, form_of(order))))
    assert book.sheetnames == ["Readings SIMULATED", "About"]
    first = book.worksheets[0]
    assert first.freeze_panes == "A2"
    cells = {cell.value: below for cell, below in zip(first[1], first[2], strict=True)}
    assert (cells["Watts Total"].value, cells["Watts Total"].number_format) == (-12.3, "0.0")
    assert cells["Frequency"].number_format == "0.00"
    assert isinstance(cells["DateTime"].value, dt.datetime)
    about = [[cell for cell in row if cell is not None] for row in book["About"].iter_rows(values_only=True)]
    assert ["readings", "SIMULATED"] in about
    assert [1, "=1+1"] in about


def test_a_parquet_file_has_types_units_and_what_the_manifest_says(path):
    order = Order("poll", BEGIN_MS, BEGIN_MS + DAY_MS, form="parquet")
    file = parquet.ParquetFile(io.BytesIO(made(path, order, form_of(order, names={1: "=1"}))))
    schema = file.schema_arrow
    assert str(schema.field("UTC").type) == "timestamp[ms, tz=UTC]"
    assert str(schema.field("Watts Total").type) == "double"
    assert str(schema.field("Meter_Name").type).startswith("dictionary<values=string")
    assert schema.field("Watts Total").metadata[b"unit"] == b"W"
    assert json.loads(file.metadata.metadata[b"substation"])["readings"] == "SIMULATED"
    assert schema.metadata[b"timezone"] == b"Europe/London"


def test_rows_are_written_in_groups_and_missing_ones_make_a_whole_empty_file(history, tmp_path, monkeypatch):
    history.add([a_reading(BEGIN_MS + n * 1000) for n in range(50)])
    history.commit()
    order = Order("poll", BEGIN_MS, BEGIN_MS + DAY_MS, form="parquet")
    file = parquet.ParquetFile(io.BytesIO(made(tmp_path / "daily_data.db", order, form_of(order))))
    assert file.num_row_groups == -(-50 // 8)  # pages of 4 rows, two of them a group
    none = dataclasses.replace(order, start_ms=0, end_ms=1)
    assert parquet.read_table(io.BytesIO(made(tmp_path / "daily_data.db", none, form_of(none)))).num_rows == 0


def test_a_workbook_beyond_its_rows_is_refused_with_the_way_on(home, polls, monkeypatch):
    order = dataclasses.replace(polls, form="xlsx")
    assert measure(home / "daily_data.db", order).refused == ""
    monkeypatch.setattr(estimate, "MOST_ROWS", 100)
    refused = measure(home / "daily_data.db", order).refused
    assert "XLSX holds 100 rows" in refused
    assert "CSV or Parquet" in refused
    assert measure(home / "daily_data.db", polls).refused == ""
    monkeypatch.setattr(workbook, "MOST_ROWS", 100)
    with pytest.raises(AccessError, match="more than 100 rows"):
        made(home / "daily_data.db", order, form_of(order))


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx"])
def test_each_form_leaves_sealed_with_its_manifest(home, polls, unpacker, form):
    order = dataclasses.replace(polls, form=form, end_ms=BEGIN_MS + 600_000)
    with export.start(home, order, PASSWORD, asked_by="amal", anchor=None) as running:
        archive = b"".join(running.chunks())
    _, files, _ = unpacker.unpack(archive)
    assert set(files) == {FILE_NAMES[form], export.MANIFEST_NAME}
    said = json.loads(files[export.MANIFEST_NAME])
    assert (said["file"], said["rows"]) == (FILE_NAMES[form], running.outcome.rows)
    assert said["bytes"] == len(files[FILE_NAMES[form]])
    assert said["sha256"] == running.outcome.sha256
    assert all("completeness" in meter for meter in said["meters"])
    assert unpacker.unpack(archive, "another")[0] != 0


@pytest.mark.parametrize("form", ["parquet", "xlsx"])
def test_an_aborted_one_leaves_no_file_and_no_process(home, polls, tmp_path, monkeypatch, form):
    """S26, R36 of the other two forms."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    before = {path.name for path in home.iterdir()}
    running = export.start(
        home, dataclasses.replace(polls, form=form), PASSWORD, asked_by="amal", anchor=None
    )
    chunks = running.chunks()
    next(chunks)
    handles = [str(one.readlink()) for one in Path(f"/proc/{running.pid}/fd").iterdir()]
    ours = str(Path("/proc/self/fd/2").readlink())
    others = [name for name in handles if not name.startswith(str(home)) and name != ours]
    assert {name.partition(":")[0] for name in others} == {"pipe"}
    chunks.close()
    assert not running.outcome.ok
    assert running.outcome.rows <= ROUNDS * 5
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)
    assert list(temporary.iterdir()) == []
    assert {path.name for path in home.iterdir()} - {"daily_data.db-wal", "daily_data.db-shm"} == before


LOADED = """
import sys
{what}
print([name for name in ("pyarrow", "pandas", "openpyxl", "stream_zip") if name in sys.modules])
"""


@pytest.mark.parametrize(
    "what",
    [
        "import substation.export, substation.export.engine",
        "import substation.acquisition.process",
        "import substation.dashboard.application",
    ],
)
def test_no_other_process_loads_the_libraries_of_a_form(what):
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(what=what)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_parquet_does_not_load_pandas(home, polls):
    script = LOADED.format(
        what="from tests.export.test_forms import made, form_of, Order, Path\n"
        f"order = Order('poll', {polls.start_ms}, {polls.start_ms + 60_000}, form='parquet')\n"
        "assert made(Path(sys.argv[1]), order, form_of(order))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(home / "daily_data.db")],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pandas" not in done.stdout
