"""PDF, XLSX and CSV of a form say the same digits; nothing is a formula, and no name vanishes."""

import csv as csv_module
import dataclasses
import io
import re
import sys
from unittest import mock

import openpyxl
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from substation.errors import EXIT_USAGE, SubstationError
from substation.reports import child
from substation.reports import pdf as pdf_module
from substation.reports.__main__ import answer
from substation.reports.csv import csv
from substation.reports.document import DASH, Cell, Column, Document, Table, packed, unpacked
from substation.reports.drawn import Drawn, Pen
from substation.reports.letters import written
from substation.reports.pdf import pdf
from substation.reports.xlsx import xlsx

HOSTILE = "=cmd|'/c calc'!A1"
COLUMNS = [
    Column("Time", is_number=False),
    *(Column(head, "Line voltage", "V") for head in ("RY", "YB")),
    Column("reading", "kWh", width=2),
    Column("PF"),
    Column("Remarks", is_number=False, width=2),
]


def a_row(hour: int, remark: str = "") -> list[Cell]:
    return [
        Cell(text=f"{hour % 24:02}:00"),
        Cell(415.27 + hour, 1),
        Cell(why="not read within 60 s"),
        Cell(1_843_851.123, 3),
        Cell(-0.004, 2),
        Cell(text=remark, by_hand=True),
    ]


def a_document(rows: int = 3, **other: object) -> Document:
    total = [Cell(text="highest at 13:00"), Cell(), Cell(), Cell(1258, 0, "at 14:30"), Cell(), Cell()]
    table = Table("1 Transformer", COLUMNS, [a_row(at, HOSTILE) for at in range(rows)], [total], ["A note"])
    plain = Document(
        "Hourly log sheet",
        "GS Substation",
        "Mon 23 Nov 2026",
        [table],
        heads=[("Nominal", "415 V")],
        signatures=["Operator 06-14"],
        made_at="made 16:20 by amal",
    )
    return dataclasses.replace(plain, **other)


def text_of(data: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]


def test_the_same_digits_in_each_form():
    document = a_document()
    paper = " ".join(text_of(pdf(document)))
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx(document))).active
    lines = list(csv_module.reader(io.StringIO(csv(document).decode("utf-8-sig"))))
    values = [cell.value for row in sheet.iter_rows() for cell in row]
    for shown in ("415.3", "416.3", "417.3", "1843851.123", "0.00", DASH):
        assert shown in paper
        assert any(shown in line for line in lines)
    assert "-0.00" not in paper  # a zero has no sign
    assert {415.3, 416.3, 417.3, 1843851.123, 1258} <= set(values)
    assert f"{DASH} not read within 60 s" in values
    assert "1258 at 14:30" in paper
    at_time = next(cell for row in sheet.iter_rows() for cell in row if cell.value == 1258)
    assert at_time.number_format == '0" at 14:30"' and at_time.data_type == "n"
    assert {"B8:C8", "A8:A9", "A13:C13"} <= {str(area) for area in sheet.merged_cells.ranges}


def test_a_text_is_never_a_formula():
    document = a_document(station=HOSTILE)
    cells = [
        c
        for row in openpyxl.load_workbook(io.BytesIO(xlsx(document))).active.iter_rows()
        for c in row
        if c.value
    ]
    assert not [cell for cell in cells if cell.data_type == "f"]
    hostile = [cell for cell in cells if cell.value == HOSTILE]
    assert len(hostile) == 4 and all(cell.quotePrefix for cell in hostile)
    assert f'"\'{HOSTILE}"' in csv(document).decode("utf-8-sig")


def test_each_page_says_what_it_belongs_to():
    pages = text_of(pdf(a_document(90, simulated=True)))
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert "SIMULATED" in page and "GS Substation" in page and "Mon 23 Nov 2026" in page
        assert f"page {number} of {len(pages)}" in page
        assert "Line voltage, V" in page and "Remarks" in page
    assert sum(page.count("1843851.123") for page in pages) == 90
    assert "SIMULATED" not in text_of(pdf(a_document()))[0]
    landscape, portrait = (
        pypdf.PdfReader(io.BytesIO(pdf(a_document(landscape=wide)))).pages[0].mediabox.width
        for wide in (True, False)
    )
    assert (round(float(landscape)), round(float(portrait))) == (842, 595)


class NoPen(Pen):
    def word(self, letters: str) -> None:
        return None


def test_a_name_in_another_script_neither_stops_the_pdf_nor_vanishes(monkeypatch):
    monkeypatch.setattr(pdf_module, "Pen", NoPen)
    name = "फीडर"
    assert written(name) == "[phiidar]"
    assert written("ok – ≤ 5 °C") == "ok – <= 5 °C"
    page = text_of(pdf(a_document(heads=[("Meter", f"4 {name} 😀")])))[0]
    assert "[phiidar" in page and "U+1F600" in page and "In square brackets" in page
    assert "In square brackets" not in text_of(pdf(a_document()))[0]
    assert name in csv(a_document(station=name)).decode()
    assert openpyxl.load_workbook(io.BytesIO(xlsx(a_document(station=name)))).active["B2"].value == name


def test_a_name_is_drawn_where_the_machine_can(monkeypatch, tmp_path):
    class SurePen(Pen):
        def word(self, letters: str) -> Drawn | None:
            return Drawn(Image.new("RGBA", (200, 120)), 2.0, 0.9) if letters == "फीडर" else None

    monkeypatch.setattr(pdf_module, "Pen", SurePen)
    long = " ".join(["फीडर"] * 80)
    document = a_document(heads=[("Meter", "4 फीडर, left")], facts=[long])
    page = pypdf.PdfReader(io.BytesIO(pdf(document))).pages[0]
    words = page.extract_text()
    assert "Drawn names, spelled in Latin letters: [phiidar]" in words and "In square brackets" not in words
    assert len(page.images) == 1 and page.get_contents().get_data().count(b" Do") == 81
    assert "4 " in words and ", left" in words
    (tmp_path / "not a font.ttf").write_bytes(b"no font")
    assert Pen((tmp_path,)).word("फीडर") is None


@settings(max_examples=12, deadline=None)
@given(st.text(max_size=12), st.floats(-1e9, 1e12), st.integers(0, 3))
def test_no_text_and_no_number_stops_a_form(text: str, value: float, decimals: int):
    table = Table(
        text, [Column(text, text, text), Column("n")], [[Cell(text=text), Cell(value, decimals, text)]]
    )
    document = Document(text, text, text, [table, table], heads=[(text, text)], facts=[text])
    with mock.patch.object(pdf_module, "Pen", NoPen):
        assert pdf(document)
    assert csv(document)
    assert unpacked(packed(document)).tables[0].rows[0][1] == table.rows[0][1]
    sheets = openpyxl.load_workbook(io.BytesIO(xlsx(document)))
    assert len(sheets.sheetnames) == 2
    numbers = [
        c.value
        for row in sheets.active.iter_rows()
        for c in row
        if c.data_type == "n" and c.value is not None
    ]
    assert numbers == [float(table.rows[0][1].digits)]


def test_a_number_is_made_small_and_never_broken():
    columns = [Column(f"n{at}") for at in range(30)]
    row = [Cell(10_000_000 + at, 0) for at in range(30)]
    page = text_of(pdf(a_document(tables=[Table("wide", columns, [row])])))[0]
    assert re.findall(r"\b1\d{7}\b", page) == [cell.digits for cell in row]
    with pytest.raises(SubstationError, match="60 columns, more than a page of 279 mm holds"):
        pdf(a_document(tables=[Table("too wide", columns * 2, [row * 2])]))


def test_pdf_is_made_in_another_process():
    document = a_document(simulated=True)
    assert text_of(child.made(document, "pdf")) == text_of(pdf(document))
    wide = Table("too wide", [Column("n")] * 60, [[Cell(10_000_000, 0)] * 60])
    code, words = answer(packed(a_document(tables=[wide])))
    assert code == child.FAILED and b"60 columns" in words
    assert answer(b"{}")[0] == EXIT_USAGE


def test_a_child_that_refuses_hangs_or_dies_is_told_of(monkeypatch, tmp_path):
    play = tmp_path / "child"
    monkeypatch.setattr(sys, "executable", str(play))

    def plays(script: str) -> None:
        play.write_text(f"#!/bin/sh\n{script}\n")
        play.chmod(0o700)

    plays("cat > /dev/null; echo 'it is too wide' >&2; exit 3")
    with pytest.raises(SubstationError, match=r"^it is too wide$"):
        child.made(a_document(), "pdf")
    plays("exec sleep 60")
    with pytest.raises(SubstationError, match=r"not ready after 0\.01 s"):
        child.made(a_document(), "pdf", longest_s=0.01)
    plays("exit 1")
    with pytest.raises(SubstationError, match=r"ended with code 1.*XLSX and CSV hold the same"):
        child.made(a_document(), "pdf")
    play.unlink()
    with pytest.raises(SubstationError, match=r"could not be made: No such file"):
        child.made(a_document(), "pdf")
