"""What `/health` says of lines and meters, in words that an engineer can act on."""

from typing import Any

import dash
import pytest
from flask.testing import FlaskClient

from substation.dashboard import format as f
from substation.dashboard import health, health_meters
from substation.dashboard.health_meters import COLUMNS, COMMUNICATION, TURNAROUND, MeterWords
from substation.energy.frozen import frozen_words
from substation.errors import LOOK_AT
from substation.meters import profile
from substation.settings.model import UserRole
from tests.dashboard.conftest import Station, demo_settings, page_request, reading
from tests.dashboard.test_roles import as_role

NOW_MS = 1_795_500_000_000
SETTINGS = demo_settings()
MODELS = {meter.id: profile.load(meter.profile) for meter in SETTINGS.meters}


def beat(**meter: Any) -> dict[str, Any]:
    whole = {
        "id": 3, "comm_status": "OK", "comm_detail": "", "last_good_ms": NOW_MS - 400, "asked": 1000,
        "ok": 990, "timeout": 6, "crc": 4, "wrong": 0, "refused": 0, "noise": 0, "kinds": {},
        "turnaround_p50_ms": 30.6, "turnaround_p95_ms": 44.1, **meter,
    }  # fmt: skip
    line = {
        "name": "line 1", "kind": "serial", "port": "/dev/ttyUSB0", "state": "up", "detail": "", "busy": 0.57,
        "waited": 0.0, "advice": [], "round_s": 1.147, "limit_s": 1.135, "paused": "",
    }  # fmt: skip
    return {
        "interval_s": 2.0,
        "round": 7,
        "started_ms": NOW_MS - 7_260_000,
        "lines": [line],
        "meters": [whole],
    }


def rows(said: dict[str, Any], models: Any = MODELS, paused: Any = None) -> list[MeterWords]:
    return health_meters.meter_words(SETTINGS, said, NOW_MS, models, paused or {})


def row(**meter: Any) -> MeterWords:
    return rows(beat(**meter))[2]


def findings(**meter: Any) -> tuple[str, ...]:
    return row(**meter).findings


def line(**changes: Any) -> health.LineWords:
    said = beat()
    said["lines"][0] |= changes
    (found,) = health.line_words(SETTINGS, said)
    return found


def facts(found: health.LineWords) -> dict[str, str]:
    return dict(zip(health.FACTS, found.facts, strict=True))


def test_a_line_says_how_near_the_wires_limit_it_is() -> None:
    said = facts(line())
    assert said["One round"] == "1.147 s, 99.0 % of what the wire allows"
    assert said["A round every"] == "2 s"
    assert said["Line in use"] == "57 %"
    assert said["Speed"] == "9600 8E1"
    assert (round(line().share or 0, 4), round(line().limit or 0, 4)) == (0.5735, 0.5675)
    assert line().limit_words == "wire's limit 1.135 s"


def test_a_line_says_what_it_spends_on_silent_meters() -> None:
    assert facts(line(waited=0.41))["Waiting for silent meters"] == "41 % of its use since the start"


def test_a_line_that_is_down_says_why_and_its_figures_are_of_the_past() -> None:
    down = line(state="down", detail="port missing: plug the adapter in")
    assert down.notes == (("alarm", "port missing: plug the adapter in"),)
    assert (down.old, line().old) == (True, False)


def test_a_line_that_is_paused_says_for_what_and_by_whom() -> None:
    paused = line(paused="scan, asked for by asha; polling goes on by itself")
    assert paused.notes == (("late", "Polling pauses: scan, asked for by asha; polling goes on by itself."),)
    (_, _, meter, *_) = rows(beat(), paused={"line 1": "scan"})
    assert meter.cells[COMMUNICATION] == "not asked now, last answer {} ago"


def test_what_an_adapter_needs_stands_with_its_line() -> None:
    words = "the adapter ttyUSB0 holds bytes back for 16 ms (FTDI latency timer)"
    assert line(advice=[words]).notes == (("warn", words),)


def test_a_meters_row_counts_each_group_of_failures() -> None:
    assert (row().id, row().name, row().where) == (3, "NonEssentialLoad", "")
    assert row().cells == (
        "Elmeasure LG+ (not verified)", "OK, {} ago",
        f"1{f.THIN}000", "99.00 %", "6", "4", "0", "0", "0", "31 / 44 ms",
    )  # fmt: skip
    assert row().age_s == pytest.approx(0.4)


def test_a_meter_whose_number_is_not_its_id_says_where_it_is() -> None:
    moved = SETTINGS.meters[2].model_copy(update={"device_id": 17})
    settings = demo_settings(meters=(*SETTINGS.meters[:2], moved, *SETTINGS.meters[3:]))
    assert health_meters.meter_words(settings, {}, NOW_MS, {}, {})[2].where == "id 17"


def test_a_meter_that_nobody_tells_of_shows_dashes_and_no_zero() -> None:
    first = rows(beat())[0]
    assert set(first.cells[1:]) == {f.DASH}
    assert (first.findings, first.failed, first.asked) == ((), False, False)
    assert "not every meter has been asked" in health.unsaid([first, row()])
    assert health.unsaid([row()]) == "Nothing to look at: every meter answers as it should."


def test_a_lost_meter_says_since_when_and_its_turnaround_is_of_the_past() -> None:
    lost = row(comm_status="Communication failed", last_good_ms=NOW_MS - 125_000)
    assert health.filled(lost.cells[COMMUNICATION], lost.age_s) == "failed, last answer 2 min ago"
    assert (lost.failed, lost.old) == (True, frozenset({TURNAROUND}))
    never = row(comm_status="Communication failed", last_good_ms=None)
    assert never.cells[COMMUNICATION] == "failed, never answered"


def test_what_a_line_that_is_down_does_to_its_meters_is_said_with_the_line() -> None:
    said = beat(comm_status="Communication failed", comm_detail="port missing", kinds={"crc": 4})
    assert rows(said)[2].findings != ()
    said["lines"][0]["state"] = "down"
    assert (rows(said)[2].findings, rows(said)[2].failed) == ((), True)


def test_of_a_meter_without_a_poller_only_the_past_is_known() -> None:
    (_, _, meter, *_) = health_meters.meter_words(SETTINGS, beat(), NOW_MS, MODELS, {}, running=False)
    assert meter.cells[COMMUNICATION] == "not known, last answer {} ago"


def test_every_kind_that_is_frequent_is_named_with_what_to_look_at() -> None:
    for kind, look_at in LOOK_AT.items():
        (words,) = findings(kinds={kind: 60})
        assert f"60 of 1{f.THIN}000 times" in words
        assert look_at in words


def test_a_rare_failure_is_no_sentence_unless_the_meter_is_silent() -> None:
    assert findings(kinds={"crc": 4}) == ()
    assert findings(asked=20, kinds={"crc": 2}) == ()
    (words,) = findings(kinds={"crc": 4}, comm_status="Communication failed")
    assert words.startswith(f"Check sum wrong, 4 of 1{f.THIN}000 times. Look at termination")


def test_late_answers_that_were_recognised_are_told_when_they_are_frequent() -> None:
    assert findings(late=4) == ()
    (words,) = findings(late=40)
    assert words.startswith(
        f"Late answers recognised, none of them used, 40 of 1{f.THIN}000 times. Look at the "
    )


def test_the_most_frequent_comes_first() -> None:
    first, second = findings(kinds={"crc": 40, "timeout": 200})
    assert first.startswith("No answer in time")
    assert second.startswith("Check sum wrong")


def test_a_disabled_register_and_a_frozen_meter_are_told() -> None:
    assert findings(disabled={"pf_average_received": "refused with exception 2"}) == (
        "PF Average Received is not read: refused with exception 2.",
    )
    (words,) = findings(frozen_since_ms=NOW_MS - 9_000_000)
    assert words.startswith("Repeats itself to the bit since ")
    assert " 09:00:00: what it says is kept, but not believed. Look at the meter's own display;" in words


def test_a_doubted_word_order_is_told() -> None:
    assert findings(doubt="it may send ABCD") == ("It may send ABCD.",)


def test_a_meter_whose_profile_cannot_be_used_is_told_apart_from_a_silent_one() -> None:
    fault = "meter profile 'x' does not exist"
    said = beat(fault=fault, comm_status="Communication failed", comm_detail=fault, asked=0, kinds={})
    found = rows(said, {**MODELS, 3: None})[2]
    assert found.cells[:2] == ("cannot be used", "not polled")
    assert found.findings == ("Meter profile 'x' does not exist.",)


def test_a_map_that_is_not_sure_says_so_with_its_meter() -> None:
    unsure = profile.load("abb_m1m12")
    assert unsure.warning
    found = rows(beat(), {**MODELS, 3: unsure})[2]
    assert "compare every value with the meter's own display" in found.findings[0]


def test_damaged_entries_cost_only_themselves() -> None:
    said = beat(asked="many", kinds={"crc": "x"}, disabled="x", turnaround_p50_ms=None)
    said["lines"].append("nonsense")
    assert rows(said)[2].cells[COLUMNS.index("Asked")] == f.DASH
    assert len(health.line_words(SETTINGS, said)) == 1


def test_the_page_is_painted_anew_from_its_own_address(client: FlaskClient, station: Station) -> None:
    station.beat(meter_2={"timeout": 3, "asked": 5, "ok": 2, "kinds": {"timeout": 3}})
    station.clock.advance(1)
    told = client.get("/api/health").get_json()
    assert told["cells"]["m2c4"] == "3"
    assert (told["cells"]["m2c1"], told["ages"]["m2c1"]) == ("OK, {} ago", 1.0)
    assert told["cells"]["poller"] == "Poller's last report {} ago, round 1, started 1 min 1 s ago"
    assert (told["ages"]["poller"], told["banner"], told["old"], told["bad"]) == (1.0, "", [], ["k0"])
    assert [name for name, _ in told["findings"]] == ["2 EssentialLoad"]
    assert told["findings"][0][1].startswith("No answer in time, 3 of 5 times. Look at the meter's supply")


def test_what_stands_with_a_line_or_a_meter_is_no_problem_of_the_station_as_well(
    client: FlaskClient, station: Station
) -> None:
    advice = "line 1: switch its local echo off"
    frozen = f"meter 2 EssentialLoad: {frozen_words(NOW_MS, demo_settings().site.zone)}."
    problems = [advice, "meter 2 EssentialLoad: it may send ABCD", frozen, "The disk is nearly full."]
    lines = [{"name": "line 1", "port": "/dev/x", "state": "up", "advice": [advice]}]
    station.beat(
        lines=lines, problems=problems, meter_2={"doubt": "it may send ABCD", "frozen_since_ms": NOW_MS}
    )
    station.clock.advance(1)
    told = client.get("/api/health").get_json()
    assert told["problems"] == ["The disk is nearly full."]
    assert told["notes"] == [[["warn", advice]]]


def test_nothing_is_of_now_while_the_poller_does_not_run(client: FlaskClient, station: Station) -> None:
    station.beat()
    station.read(*(reading(meter.id, station.clock.now_ms()) for meter in station.settings.meters))
    station.clock.advance(60)
    told = client.get("/api/health").get_json()
    assert told["banner"] == "The poller has not reported for 1 min. What stands here is its last report."
    stores = {name for name in told["cells"] if name[0] in "skq"}
    assert {name for name in told["cells"] if name != "poller"} - stores == set(told["old"])


def test_without_a_poller_nothing_is_claimed(client: FlaskClient) -> None:
    told = client.get("/api/health").get_json()
    assert told["cells"]["poller"] == "The poller has not reported yet."
    assert told["banner"] == "No poller has run here yet."
    assert {words for name, words in told["cells"].items() if name[0] == "m" and name[2:] != "c0"} == {f.DASH}


def test_the_heartbeat_of_another_kind_of_station_is_not_shown(client: FlaskClient, station: Station) -> None:
    station.beat(simulated=False)
    station.clock.advance(1)
    told = client.get("/api/health").get_json()
    assert told["cells"]["poller"] == "The poller has not reported yet."
    assert told["banner"].startswith("The poller's report belongs to a real station")


@pytest.mark.parametrize(
    ("role", "probes", "leads"),
    [("viewer", False, False), ("operator", True, False), ("engineer", True, True)],
)
def test_what_a_person_may_not_do_is_not_offered(
    app: dash.Dash, station: Station, role: UserRole, probes: bool, leads: bool
) -> None:
    station.beat()
    station.clock.advance(1)
    page = as_role(app, role).post("/_dash-update-component", json=page_request("/health")).text
    assert ('"data-probe"' in page, '"Commission the line"' in page) == (probes, leads)


def test_while_nobody_asks_no_meter_is_said_to_answer() -> None:
    assert health.unsaid((), running=False) == "Not known now: nobody asks the meters."
    assert "answers as it should" in health.unsaid((), running=True)
