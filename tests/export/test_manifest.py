"""What the archive says about itself."""

import csv
import dataclasses
import hashlib
import io
import json
import zoneinfo

import pytest

from substation.clock import day_start_ms, iso
from substation.errors import WrongStation
from substation.export import CSV_NAME, MANIFEST_NAME, Order, measure
from substation.export.engine import Export
from substation.export.job import Job, form_of
from substation.export.manifest import _meters
from substation.export.table import Form, Tally
from substation.quantities import BY_KEY
from substation.store import schema
from tests.export.conftest import END_MS, ROUNDS
from tests.store.readings import BEGIN_MS

KOLKATA = zoneinfo.ZoneInfo("Asia/Kolkata")
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
    assert (said["station"]["name"], said["station"]["timezone"]) == ("Test yard", "Asia/Kolkata")
    assert said["range"]["from_utc"] == iso(order.start_ms)
    assert said["range"]["to_local"] == "2026-11-24T14:50:00+05:30"
    assert said["resolution"]["period_s"] == 900
    assert [(one["id"], one["name"], one["rows"], one["rows_due"]) for one in said["meters"]] == [
        (1, "Transformer", 14, 15),
        (3, "NonEssentialLoad", 14, 15),
    ]
    assert said["meters"][0]["first_row_utc"] == iso(BEGIN_MS)
    assert said["audit_anchor"] == {"seq": 7, "mac": "ab" * 32}
    assert said["exported"]["by"] == "amal"
    assert said["exported"]["program"].endswith(" 0.1.0")
    header = content.split(b"\r\n")[0].decode().split(",")
    assert [column["name"] for column in said["columns"]] == header
    words = {column["name"]: column["what"] for column in said["columns"]}
    assert words["V R phase"] == "mean over all answered polls, also those with the circuit off"
    for diluted in ("Frequency", "PF Avg (instant)"):
        assert "pulled towards 0 where it was off" in words[diluted]
    assert [name for name, what in words.items() if "factor is that of energies" in what] == [
        BY_KEY["pf_average"].label
    ]


def test_polls_without_an_answer_are_not_counted_as_complete(exported):
    said, content, _ = exported(Order("poll", BEGIN_MS, END_MS))
    for meter in said["meters"]:
        silent = content.count(f",{meter['name']},no_answer".encode())
        assert silent > 0
        assert (meter["rows"], meter["rows_due"]) == (ROUNDS, ROUNDS)
        assert meter["rows_with_an_answer"] == ROUNDS - silent
        assert (meter["polls_answered"], meter["polls_due"]) == (ROUNDS - silent, ROUNDS)
        assert meter["completeness"] == pytest.approx((ROUNDS - silent) / ROUNDS, abs=1e-4)


@pytest.mark.parametrize("resolution", list(schema.ROLLUPS))
def test_a_period_with_one_answer_is_not_complete(exported, resolution):
    """Polls of every 10 s under a setting of 2 s: a fifth of what is due, at every resolution."""
    order = Order(resolution, BEGIN_MS - BEGIN_MS % 900_000, END_MS)
    begin = day_start_ms(BEGIN_MS, KOLKATA) if resolution == "day" else order.start_ms
    said, content, _ = exported(dataclasses.replace(order, start_ms=begin), interval_s=2.0)
    found = sum(int(row["rows_found"]) for row in rows_of(content) if row["Meter_ID"] == "1")
    (meter, *_) = said["meters"]
    assert meter["polls_answered"] == found
    if resolution == "hour":  # 11:30 lies within the hour of 11: it begins before the time asked for
        begin += 1_800_000
    assert meter["polls_due"] == (END_MS - begin) / 2000
    assert meter["completeness"] == found * 10_000 // meter["polls_due"] / 10_000 < 0.2
    assert "one poll every 2 s" in said["completeness"]
    assert "imported" in said["completeness"]


def test_more_polls_than_were_due_are_shown_as_they_are(exported):
    """Polls of every 10 s under a setting of 60 s, as an import or a demo's past may bring them."""
    said, _, _ = exported(Order("quarter", BEGIN_MS, END_MS), interval_s=60.0)
    assert said["meters"][0]["completeness"] > 5


def test_what_is_nearly_whole_is_not_called_whole():
    tally = Tally(BEGIN_MS, rows=1, answered=1, polls=99_999)
    form = Form("poll", KOLKATA, {1: "Transformer"}, 1.0, False)
    order = Order("poll", BEGIN_MS, BEGIN_MS + 100_000_000)
    (meter,) = _meters(order, form, {1: tally}, order.end_ms)
    assert meter["completeness"] == 0.9999


@pytest.mark.parametrize(("resolution", "rows_in"), [("quarter", "Europe/London"), ("hour", "Asia/Kolkata")])
def test_a_history_of_another_zone_is_named_and_its_hours_keep_their_bounds(
    exported, resolution, rows_in, home
):
    """The history was cut in Kolkata, the settings now say London: 5 h 30 min apart."""
    order = Order(resolution, BEGIN_MS - 86_400_000, END_MS)
    london = zoneinfo.ZoneInfo("Europe/London")
    said, content, told = exported(order, zone=london)
    assert said["station"] == {
        "name": "Test yard",
        "timezone": "Europe/London",
        "timezone_of_rows": rows_in,
        "timezone_of_history": "Asia/Kolkata",
    }
    for words in (said["range"]["remarks"], told["words"]):
        assert "Asia/Kolkata, the settings say Europe/London" in words
        assert f"are in {rows_in}" in words
    times = {row["Time"] for row in rows_of(content)}
    assert all(time.endswith(":00:00") for time in times) is (resolution == "hour")
    assert measure(home / "daily_data.db", order, zone=london).notes[-1] in said["range"]["remarks"]
    same = exported(order)
    assert "settings say" not in same[0]["range"]["remarks"]


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_a_file_that_does_not_reach_back_says_so(exported):
    said, _, told = exported(Order("hour", BEGIN_MS - 30 * 86_400_000, END_MS))
    assert "rows begin on 2026-11-24" in said["range"]["remarks"]
    assert told["words"] == said["range"]["remarks"]
    assert said["meters"][0]["completeness"] < 0.01


def test_what_lies_ahead_is_not_due_yet(exported):
    said, _, _ = exported(Order("quarter", BEGIN_MS, END_MS + 90 * 86_400_000))
    assert said["meters"][0]["rows_due"] == 14, "the one that has begun too"
    assert said["meters"][0]["polls_due"] == ROUNDS


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


@pytest.mark.parametrize(
    ("resolution", "slow_s", "words"),
    [
        ("poll", 60.0, "every 60 s"),
        ("poll", 0.0, "in every poll"),
        ("quarter", 60.0, "every 60 s"),
        ("quarter", 0.0, "in every poll"),
    ],
)
def test_it_says_how_often_energies_are_read(exported, resolution, slow_s, words):
    said, _, _ = exported(Order(resolution, BEGIN_MS, END_MS), slow_interval_s=slow_s)
    assert said["energies"]["interval_s"] == (slow_s or 10.0)
    assert words in said["energies"]["words"]


def test_energies_that_are_due_more_often_than_polls_stand_in_every_one(polls, job_of):
    form = form_of(polls, KOLKATA, {}, 30.0, True, slow_interval_s=10.0)
    assert form.slow_interval_s == 0.0
    form = form_of(polls, KOLKATA, {}, 10.0, True, slow_interval_s=60.0)
    again = Job.read(dataclasses.replace(job_of(polls), form=form).line())
    assert again.form.slow_interval_s == 60.0
