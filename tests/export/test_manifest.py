"""What the archive says about itself."""

import dataclasses
import hashlib
import json

import pytest

from substation.clock import iso
from substation.errors import WrongStation
from substation.export import CSV_NAME, MANIFEST_NAME, Order
from substation.export.engine import Export
from substation.store import schema
from tests.export.conftest import END_MS, ROUNDS
from tests.store.readings import BEGIN_MS

pytestmark = pytest.mark.filterwarnings("ignore:PBKDF2 without:DeprecationWarning")


@pytest.fixture
def exported(job_of, unpacker):
    """Export an order in this process; return manifest, CSV and what the parent is told."""

    def export(order: Order, **form) -> tuple[dict, bytes, dict]:
        job = job_of(order)
        job = dataclasses.replace(job, form=dataclasses.replace(job.form, **form))
        told: list[dict] = []
        work = Export(job, told.append)
        code, unpacked, said = unpacker.unpack(b"".join(work.archive()))
        assert (code, set(unpacked)) == (0, {CSV_NAME, MANIFEST_NAME}), said
        return json.loads(unpacked[MANIFEST_NAME]), unpacked[CSV_NAME], work.result()

    return export


def test_the_manifest_says_what_the_file_is(exported):
    order = Order("quarter", BEGIN_MS - 900_000, END_MS, (1, 3), extremes=True)
    said, content, _ = exported(order)
    assert said["readings"].startswith("SIMULATED")
    assert said["file"] == CSV_NAME
    assert said["sha256"] == hashlib.sha256(content).hexdigest()
    assert said["bytes"] == len(content)
    assert said["rows"] == 28
    assert said["station"] == {"name": "Test yard", "timezone": "Asia/Kolkata"}
    assert said["range"]["from_utc"] == iso(order.start_ms)
    assert said["range"]["to_local"] == "2026-11-24T14:50:00+05:30"
    assert said["resolution"]["period_s"] == 900
    assert [(one["id"], one["name"], one["rows"], one["rows_due"]) for one in said["meters"]] == [
        (1, "Transformer", 14, 14),
        (3, "NonEssentialLoad", 14, 14),
    ]
    assert said["meters"][0]["completeness"] == 1.0
    assert said["meters"][0]["first_row_utc"] == iso(BEGIN_MS)
    assert said["audit_anchor"] == {"seq": 7, "mac": "ab" * 32}
    assert said["exported"]["by"] == "amal"
    assert said["exported"]["program"].endswith(" 0.1.0")
    header = content.split(b"\r\n")[0].decode().split(",")
    assert [column["name"] for column in said["columns"]] == header
    assert {"name": "V R phase", "unit": "V", "what": "mean"} in said["columns"]


def test_polls_without_an_answer_are_not_counted_as_complete(exported):
    said, content, _ = exported(Order("poll", BEGIN_MS, END_MS))
    for meter in said["meters"]:
        silent = content.count(f",{meter['name']},no_answer".encode())
        assert silent > 0
        assert (meter["rows"], meter["rows_due"]) == (ROUNDS, ROUNDS)
        assert meter["rows_with_an_answer"] == ROUNDS - silent
        assert meter["completeness"] == round((ROUNDS - silent) / ROUNDS, 4)


def test_a_file_that_does_not_reach_back_says_so(exported):
    said, _, told = exported(Order("hour", BEGIN_MS - 30 * 86_400_000, END_MS))
    assert "rows begin on 2026-11-24" in said["range"]["remarks"]
    assert told["words"] == said["range"]["remarks"]
    assert said["meters"][0]["completeness"] < 0.01


def test_what_lies_ahead_is_not_due_yet(exported):
    said, _, _ = exported(Order("quarter", BEGIN_MS, END_MS + 90 * 86_400_000))
    assert said["meters"][0]["rows_due"] == 13


def test_a_line_polled_without_pause_has_no_completeness_of_polls(exported):
    said, _, _ = exported(Order("poll", BEGIN_MS, END_MS), interval_s=0.0)
    assert (said["meters"][0]["rows_due"], said["meters"][0]["completeness"]) == (None, None)


def test_a_meter_without_rows_stands_in_the_manifest_with_none(exported):
    said, content, told = exported(Order("quarter", BEGIN_MS, END_MS, (9,)), names={9: "Spare"})
    assert content.count(b"\r\n") == 1
    (meter,) = said["meters"]
    assert (meter["name"], meter["rows"], meter["completeness"]) == ("Spare", 0, 0.0)
    assert meter["first_row_utc"] is None
    assert "no rows" in told["words"]


def test_a_meter_that_is_no_longer_configured_is_exported_with_all(exported):
    said, content, _ = exported(Order("hour", BEGIN_MS, END_MS), names={1: "Transformer"})
    assert [one["id"] for one in said["meters"]] == [1, 2, 3, 4, 5]
    assert [one["name"] for one in said["meters"]] == ["Transformer", "", "", "", ""]
    assert {one["rows"] for one in said["meters"]} == {3}
    assert content.count(b"\r\n") == 16


def test_without_a_history_the_file_is_a_header_and_says_why(exported, home):
    (home / "daily_data.db").unlink()
    said, content, told = exported(Order("quarter", BEGIN_MS, END_MS))
    assert content.count(b"\r\n") == 1
    assert said["range"]["remarks"] == told["words"] == "no rows: there is no history yet"


def test_simulated_rows_never_leave_as_those_of_a_real_station(job_of):
    with pytest.raises(WrongStation, match="not of the same kind"):
        Export(job_of(Order("poll", BEGIN_MS, END_MS), simulated=False), lambda message: None)


@pytest.mark.parametrize("resolution", ["poll", *schema.ROLLUPS])
def test_every_resolution_is_exported_whole(exported, resolution):
    said, content, told = exported(Order(resolution, BEGIN_MS - 86_400_000, END_MS + 86_400_000))
    expected = {"poll": ROUNDS, "minute": 200, "quarter": 14, "hour": 4, "day": 1}[resolution] * 5
    assert said["rows"] == told["rows"] == content.count(b"\r\n") - 1 == expected
