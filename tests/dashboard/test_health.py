"""What `/health` says of lines and meters, in words that an engineer can act on."""

from typing import Any

from flask.testing import FlaskClient

from substation.dashboard import format as f
from substation.dashboard import health
from substation.errors import LOOK_AT
from tests.dashboard.conftest import Station, demo_settings

NOW_MS = 1_795_500_000_000
SETTINGS = demo_settings()


def beat(**meter: Any) -> dict[str, Any]:
    whole = {
        "id": 3, "comm_status": "OK", "comm_detail": "", "last_good_ms": NOW_MS - 400, "asked": 1000,
        "ok": 990, "timeout": 6, "crc": 4, "wrong": 0, "refused": 0, "noise": 0, "kinds": {},
        "turnaround_p50_ms": 30.6, "turnaround_p95_ms": 44.1, **meter,
    }  # fmt: skip
    line = {
        "name": "line 1", "kind": "serial", "port": "/dev/ttyUSB0", "state": "up", "detail": "", "busy": 0.57,
        "round_s": 1.147, "limit_s": 1.135, "paused": "",
    }  # fmt: skip
    return {
        "interval_s": 2.0,
        "round": 7,
        "started_ms": NOW_MS - 7_260_000,
        "lines": [line],
        "meters": [whole],
    }


def findings(**meter: Any) -> tuple[str, ...]:
    return health.meter_words(SETTINGS, beat(**meter), NOW_MS)[2].findings


def test_a_line_says_how_near_the_wires_limit_it_is() -> None:
    (line,) = health.line_words(SETTINGS, beat())
    facts = dict(line.facts)
    assert facts["One round"] == "1.147 s, 99.0 % of what the wire allows"
    assert facts["A round every"] == "2 s"
    assert facts["Line in use"] == "57 %"
    assert facts["Speed"] == "9600 8E1"
    assert (round(line.share or 0, 4), round(line.limit or 0, 4)) == (0.5735, 0.5675)


def test_a_line_says_what_it_spends_on_silent_meters() -> None:
    said = beat()
    said["lines"][0] |= {"busy": 0.98, "waited": 0.41}
    (line,) = health.line_words(SETTINGS, said)
    assert dict(line.facts)["Line in use"] == "98 %, of it 41 % waiting for silent meters"


def test_a_line_that_is_down_or_paused_says_why() -> None:
    said = beat()
    said["lines"][0] |= {"state": "down", "detail": "port missing: plug the adapter in"}
    assert health.line_words(SETTINGS, said)[0].detail == "port missing: plug the adapter in"
    said["lines"][0] |= {"state": "up", "paused": "scan, asked by asha"}
    (line,) = health.line_words(SETTINGS, said)
    assert (line.is_down, line.detail) == (False, "scan, asked by asha")


def test_a_meters_row_counts_each_group_of_failures() -> None:
    row = health.meter_words(SETTINGS, beat(), NOW_MS)[2]
    assert (row.id, row.name) == (3, "NonEssentialLoad")
    assert row.cells == ("OK", f"1{f.THIN}000", "99.00 %", "6", "4", "0", "0", "0", "31 / 44 ms")


def test_a_meter_that_nobody_tells_of_shows_dashes_and_no_zero() -> None:
    row = health.meter_words(SETTINGS, beat(), NOW_MS)[0]
    assert set(row.cells) == {f.DASH}
    assert row.findings == ()


def test_a_lost_meter_says_since_when() -> None:
    row = health.meter_words(
        SETTINGS, beat(comm_status="Communication failed", last_good_ms=NOW_MS - 125_000), NOW_MS
    )[2]
    assert row.cells[0] == "failed, last answer 2 min ago"


def test_every_kind_that_is_frequent_is_named_with_what_to_look_at() -> None:
    for kind, look_at in LOOK_AT.items():
        (words,) = findings(kinds={kind: 60})
        assert f"60 of 1{f.THIN}000 times" in words
        assert look_at in words


def test_a_rare_failure_is_no_sentence_unless_the_meter_is_silent() -> None:
    assert findings(kinds={"crc": 4}) == ()
    (words,) = findings(kinds={"crc": 4}, comm_status="Communication failed")
    assert words.startswith(f"Check sum wrong, 4 of 1{f.THIN}000 times. Look at termination")


def test_the_most_frequent_comes_first() -> None:
    first, second = findings(kinds={"crc": 40, "timeout": 200})
    assert first.startswith("No answer in time")
    assert second.startswith("Check sum wrong")


def test_a_disabled_register_a_faulty_profile_and_a_frozen_meter_are_told() -> None:
    assert findings(disabled={"pf_average_received": "refused with exception 2"}) == (
        "PF Average Received is not read: refused with exception 2.",
    )
    assert findings(fault="meter profile 'x' does not exist") == ("meter profile 'x' does not exist",)
    assert "repeats itself" in findings(frozen_since_ms=NOW_MS)[0]


def test_damaged_entries_cost_only_themselves() -> None:
    said = beat(asked="many", kinds=[1], disabled="x", turnaround_p50_ms=None)
    said["lines"].append("nonsense")
    assert health.meter_words(SETTINGS, said, NOW_MS)[2].cells[1] == f.DASH
    assert len(health.line_words(SETTINGS, said)) == 1


def test_the_page_is_painted_anew_from_its_own_address(client: FlaskClient, station: Station) -> None:
    station.beat(meter_2={"timeout": 3, "asked": 5, "ok": 2, "kinds": {"timeout": 3}})
    told = client.get("/api/health").get_json()
    assert told["cells"]["m2c3"] == "3"
    assert told["cells"]["poller"].startswith("Poller's last report 0.0 s ago, round 1, started 1 min")
    assert "No answer in time" in told["shape"]


def test_without_a_poller_nothing_is_claimed(client: FlaskClient) -> None:
    told = client.get("/api/health").get_json()
    assert told["cells"]["poller"] == "The poller has not reported yet."
    assert {words for name, words in told["cells"].items() if name != "poller"} == {f.DASH}


def test_the_heartbeat_of_another_kind_of_station_is_not_shown(client: FlaskClient, station: Station) -> None:
    station.beat(simulated=False)
    assert client.get("/api/health").get_json()["cells"]["poller"] == "The poller has not reported yet."
