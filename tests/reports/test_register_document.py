"""The register and the DG log on paper, in a workbook and as CSV: the same figures as on the page."""

import io
import json
from dataclasses import replace

import pytest

from substation.alarms.dg_runs import DgRun
from substation.alarms.interruptions import Interruption
from substation.reports import register_document, supply_record
from substation.reports.csv import csv
from substation.reports.dg_load import SAME_QUARTER, Load
from substation.reports.document import Document, packed, unpacked
from substation.reports.pdf import pdf
from substation.reports.register_document import Book
from substation.store.entries import Entry, Place
from tests.reports.test_supply_record import HOUR, MONTH, STATION, T0, Past, S, began, outage

CAUSE = {"cause": "permit", "remark": "jumper", "load_lost": "54.3"}
LITRES = {"opening": "200.0", "closing": "197.5"}


def book(events: list, poll_ms: int = 2 * S) -> Book:
    record = supply_record.of_time(STATION, Past(events, poll_ms), *MONTH, T0 + HOUR)

    def written(one: Interruption | DgRun) -> dict[str, str]:
        return LITRES if isinstance(one, DgRun) else CAUSE

    return Book(record, STATION, "Nov 2026", "made by ram", written, lambda _: "ram")


def shown(document: Document) -> str:
    cells = [cell.shown for table in document.tables for row in table.rows for cell in row]
    return json.dumps([*cells, *document.facts, *(note for table in document.tables for note in table.notes)])


def test_the_register_says_what_the_page_says() -> None:
    said = shown(register_document.register(book(began() + outage())))
    for words in (
        "22 Nov 09:00:00", "22 Nov 09:09:00", "9 min 00 s", "1 Transformer", "Supply, sustained",
        "Feeder, momentary, with supply", "Shutdown / permit to work, planned", "54.3", "jumper", "ram",
        "ASIFI 0.67, ASIDI 6.0 min, momentary 0.33", "Silent meters",
    ):  # fmt: skip
        assert words in said, words


def test_the_log_has_units_litres_their_rate_and_each_change_over_in_its_order() -> None:
    document = register_document.dg_log(book(began() + outage()))
    assert unpacked(packed(document)).title == "DG log"
    said = shown(document)
    for words in ("22 Nov 09:00:10", "9 min 20 s", "8.2", "52.7", "2.5", "3.28", "supply failure"):
        assert words in said, words
    steps = [[cell.shown for cell in row][:4:3] for row in document.tables[2].rows]
    assert steps == [
        ["Supply off", "0.0"], ["DG set gives voltage", "10.0"], ["Taken over by the DG set", "12.0"],
        ["Supply back", "540.0"], ["DG set stopped", "570.0"],
    ]  # fmt: skip


def test_what_the_page_says_beside_a_figure_stands_below_the_table() -> None:
    full = book(began() + outage())
    (run,) = full.record.runs
    for load, litres, words in (
        (Load(wh=8_000.0, why="counted only between 09:00:50 and 09:05:50", whole=False), LITRES,
         "Units: counted only between 09:00:50 and 09:05:50 (22 Nov 09:00:10)."),
        (Load(why_highest=SAME_QUARTER), LITRES, f"Highest load: {SAME_QUARTER} (22 Nov 09:00:10)."),
        (Load(wh=8_000.0), {"consumed": "1.0"},
         "Rate: more than diesel gives, look at the litres (22 Nov 09:00:10)."),
    ):  # fmt: skip
        one = replace(
            full, record=replace(full.record, loads={run.key: load}), written=lambda _, now=litres: now
        )
        assert words in shown(register_document.dg_log(one)), words
    place = Place("interruption", "meter:1", T0, "remark")
    left = replace(full, astray=[Entry(1, place, "lost and found", "ram", T0)])
    said = shown(register_document.register(left))
    assert "Written about times of which nothing is known:" in said
    assert "22 Nov 09:00:00, Remark, relay and flag: lost and found, by ram." in said


def test_where_polls_were_far_apart_times_stand_between_bounds_on_paper_too() -> None:
    said = shown(register_document.register(book(began() + outage(), poll_ms=60 * S)))
    assert "8 min 00 s to 10 min 00 s" in said


def test_a_month_without_anything_says_so() -> None:
    assert "None was seen" in shown(register_document.register(book(began())))
    assert "It did not run" in shown(register_document.dg_log(book(began())))


@pytest.mark.parametrize("make", [register_document.register, register_document.dg_log])
def test_paper_and_table_hold_the_same_text(make) -> None:
    pypdf = pytest.importorskip("pypdf")
    document = make(book(began() + outage()))
    read = pypdf.PdfReader(io.BytesIO(pdf(document)))
    text = " ".join("".join(page.extract_text() for page in read.pages).split())
    table = csv(document).decode("utf-8-sig")
    for words in ("9 min", "22 Nov 09:00", "Nov 2026"):
        assert words in text, words
        assert words in table, words
