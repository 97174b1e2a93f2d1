"""`/api/live` and `/healthz`: what programs and our own pages are told."""

import datetime as dt
import gzip
import json
from typing import Any

import pytest

from substation.dashboard import screen
from substation.dashboard.feed import Feed
from substation.meters import profile
from substation.quantities import COUNTERS, KEYS
from substation.readings import Reading
from tests.dashboard.conftest import Browser, Station, Stranger, browse, make_app, no_answer, reading

SLOW = set(KEYS) - set(profile.load("elmeasure_lgplus").group("fast"))
OWN_AGE: dict[str, dict[str, float]] = {key: {"age_s": 0.0} for key in SLOW}
METER_FIELDS = {
    "id", "name", "role", "status", "comm_status", "age_s", "values",
    "supply", "evidence", "since", "comm_detail", "freshness", "today",
}  # fmt: skip


def live(client: Browser, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/api/live{query}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = json.loads(answer.text, parse_constant=_no_constant)
    return told


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture
def running(station: Station) -> Station:
    station.read()
    station.beat()
    return station


def test_it_tells_the_board_as_the_contract_says(running: Station, client: Browser) -> None:
    told = live(client)
    assert told.keys() == {"at", "simulated", "poller", "lines", "problems", "meters"}
    at = dt.datetime.fromisoformat(told["at"])
    assert at.timestamp() * 1000 == running.clock.now_ms()
    assert told["at"].endswith("Z")
    assert told["simulated"] is True
    assert [meter["id"] for meter in told["meters"]] == [1, 2, 3, 4, 5]
    first = told["meters"][0]
    assert first.keys() == METER_FIELDS
    assert (first["name"], first["role"], first["status"], first["comm_status"], first["age_s"]) == (
        "Transformer",
        "incomer",
        "EB supply On",
        "OK",
        0.0,
    )
    assert tuple(first["values"]) == KEYS
    assert first["values"]["v_r"] == {"value": 239.5, "unit": "V", "quality": "good"}
    assert first["since"].endswith("Z")


def test_values_stand_at_the_resolution_they_are_stored_in(station: Station, client: Browser) -> None:
    station.clock.advance(1)
    now = station.clock.now_ms()
    station.read(reading(1, now, watts_total=-1234.5, pf_average=-0.9876, v_r=239.49))
    station.beat()
    values = live(client, "?keys=watts_total,pf_average,v_r")["meters"][0]["values"]
    assert {key: value["value"] for key, value in values.items()} == {
        "watts_total": -1234.5,
        "pf_average": -0.9876,
        "v_r": 239.49,
    }


def test_a_missing_value_is_null_with_its_reason(station: Station, client: Browser) -> None:
    station.read(no_answer(1, station.clock.now_ms()))
    station.beat()
    first = live(client)["meters"][0]
    assert first["age_s"] is None
    assert {(value["value"], value["quality"]) for value in first["values"].values()} == {(None, "never")}


def test_a_stopped_poller_is_told_with_every_value(running: Station, client: Browser) -> None:
    running.clock.advance(10)
    told = live(client)
    assert told["poller"] == {
        "state": "stopped",
        "age_s": 10.0,
        "words": "The poller has not reported for 10 s.",
    }
    assert {value["quality"] for meter in told["meters"] for value in meter["values"].values()} == {"stale"}
    assert {meter["status"] for meter in told["meters"]} == {"Unknown"}


@pytest.mark.usefixtures("running")
def test_keys_and_meters_narrow_it_in_the_asked_order(client: Browser) -> None:
    told = live(client, "?keys=v_r,watts_total&meters=3,1")
    assert [meter["id"] for meter in told["meters"]] == [3, 1]
    assert list(told["meters"][0]["values"]) == ["v_r", "watts_total"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?keys=v_r,wats", "'wats'"),
        ("?meters=9", "1, 2, 3, 4, 5"),
        ("?meters=1;2", "'1;2'"),
        ("?keys=" + "x" * 3000, "xxx"),
        ("?meters=%00", "No such meter"),
    ],
)
def test_an_unknown_name_is_refused_in_words(client: Browser, query: str, words: str) -> None:
    answer = client.get(f"/api/live{query}")
    assert answer.status_code == 400
    assert words in answer.json["error"]
    assert len(answer.text) < 500


@pytest.mark.usefixtures("running")
def test_an_empty_list_asks_for_nothing(client: Browser) -> None:
    told = live(client, "?keys=&meters=")
    assert told["meters"] == []


def test_a_refresh_of_a_page_is_small(running: Station, client: Browser) -> None:
    keys = "watts_total,pf_average,frequency,v_r,v_y,v_b,current_r,current_y,current_b"
    answer = client.get(f"/api/live?keys={keys}", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.data) <= 1024
    assert len(json.loads(gzip.decompress(answer.data))["meters"]) == 5
    assert answer.headers["Cache-Control"] == "no-store"
    plain = client.get(f"/api/live?keys={keys}", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.data == gzip.decompress(answer.data)
    assert plain.headers["Vary"] == "Accept-Encoding"


def test_parts_are_found_once_a_board_for_all_viewers_and_unchanged_ones_keep_their_mark(
    running: Station, client: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    marked: list[int] = []
    group, mark = screen.group, screen.mark
    monkeypatch.setattr(screen, "group", lambda *asked: found.append(asked[2]) or group(*asked))
    monkeypatch.setattr(screen, "mark", lambda parts: marked.append(len(parts)) or mark(parts))
    held = live(client, "?keys=&screen=m1:0,m2:0,bus:0")["screen"]
    for viewer in range(5):
        again = live(client, f"?keys=&screen=m1:{held['m1']['mark']},m2:{viewer}x,bus:0")["screen"]
        assert again == {"m2": held["m2"], "bus": held["bus"]}
    assert found == ["m1", "m2", "bus"]
    assert len(marked) == 3
    for _ in range(4):
        running.clock.advance(0.3)
        running.beat()
        live(client, "?keys=&screen=m1:0,m2:0,bus:0")
    assert len(found) == 15
    assert len(marked) == 3, "nothing has changed: no mark was worked out"


@pytest.mark.usefixtures("running")
def test_the_browser_is_told_which_parts_to_paint_anew(client: Browser) -> None:
    told = live(client, "?keys=v_r&screen=line:0,m1:0,rubbish:0")
    assert set(told["screen"]) == {"line", "m1"}
    held = ",".join(f"{name}:{group['mark']}" for name, group in told["screen"].items())
    assert live(client, f"?keys=v_r&screen={held}")["screen"] == {}


def test_of_what_the_browser_holds_only_the_changed_parts_are_sent(running: Station, client: Browser) -> None:
    held = live(client, "?keys=&screen=m1:0")["screen"]["m1"]
    running.clock.advance(1)
    running.beat(meter_1={"status": "EB supply Off", "supply": "dead"})
    news = live(client, f"?keys=&screen=m1:{held['mark']}")["screen"]["m1"]
    whole = live(client, "?keys=&screen=m1:0")["screen"]["m1"]
    assert news["onto"] == held["mark"]
    assert news["mark"] == whole["mark"]
    assert 0 < len(news["parts"]) < len(whole["parts"])
    assert {**held["parts"], **news["parts"]} == whole["parts"]


def test_a_browser_with_a_mark_that_nobody_remembers_is_sent_all(
    running: Station, client: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "REMEMBERED", 3)
    held = live(client, "?keys=&screen=line:0")["screen"]["line"]
    for tenth in range(1, 5):
        running.clock.advance(0.6)
        running.beat(lines=[{"name": "line 1", "port": "", "state": "up", "detail": "", "busy": tenth / 10}])
        latest = live(client, "?keys=&screen=line:0")["screen"]["line"]
    news = live(client, f"?keys=&screen=line:{held['mark']}")["screen"]["line"]
    assert news == latest
    assert news["parts"].keys() == held["parts"].keys()


@pytest.mark.usefixtures("running")
def test_many_different_questions_do_not_fill_the_memory(client: Browser) -> None:
    for number in range(200):
        assert client.get(f"/api/live?keys=v_r&meters=1&screen=line:{number}").status_code == 200
    api = client.application.view_functions["api_live"].__self__  # type: ignore[attr-defined]
    assert len(api._answers) <= 64


def test_a_configuration_change_reaches_the_next_answer(running: Station, client: Browser) -> None:
    assert live(client)["meters"][0]["name"] == "Transformer"
    meters = (running.settings.meters[0].model_copy(update={"name": "TR-1"}), *running.settings.meters[1:])
    running.configure(running.settings.model_copy(update={"meters": meters}))
    running.clock.advance(1)
    running.beat()
    assert live(client)["meters"][0]["name"] == "TR-1"


def test_an_unusable_configuration_changes_nothing(running: Station, client: Browser) -> None:
    whole = running.home.config.read_text()
    running.home.config.write_text(whole[:-40])
    running.clock.advance(1)
    running.beat()
    told = live(client)
    assert told["meters"][0]["name"] == "Transformer"
    assert any("last good one" in words for words in told["problems"])
    running.home.config.write_text(whole)
    running.clock.advance(1)
    assert live(client)["problems"] == []


def test_healthz_says_nothing_about_the_station(running: Station) -> None:
    answer = browse(make_app(running), Stranger).get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"ok": True})
    assert "Transformer" not in answer.text + str(answer.headers)


def test_the_same_question_within_half_a_second_costs_one_answer(
    running: Station, client: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    whole = Feed.today

    def counted(self: Feed, meter_id: int) -> Any:
        made.append(meter_id)
        return whole(self, meter_id)

    monkeypatch.setattr(Feed, "today", counted)
    for _ in range(20):
        live(client)
    assert made == [1, 2, 3, 4, 5]
    running.clock.advance(0.6)
    live(client)
    assert len(made) == 10


@pytest.mark.usefixtures("running")
def test_our_own_pages_get_the_same_values_and_nothing_they_do_not_use(client: Browser) -> None:
    whole, ours = live(client), live(client, "?screen=line:0")
    assert ours.keys() == {"at", "limits", "slow", "meters", "screen"}
    assert (ours["limits"], ours["slow"]) == ([4.0, 10.0], [120.0, 300.0])
    assert ours["at"] == whole["at"]
    for told, full in zip(ours["meters"], whole["meters"], strict=True):
        assert told.keys() == {"id", "age_s", "freshness", "values"}
        assert {name: told[name] for name in ("id", "age_s", "freshness")} == {
            name: full[name] for name in ("id", "age_s", "freshness")
        }
        assert told["values"] == {
            key: {"value": value["value"], "quality": value["quality"], **OWN_AGE.get(key, {})}
            for key, value in full["values"].items()
        }


def test_an_energy_is_told_with_its_own_age(station: Station, client: Browser) -> None:
    station.clock.advance(1)
    station.read(reading(1, station.clock.now_ms(), wh_received=7000.0, v_r=230.0))
    station.clock.advance(21)
    now = station.clock.now_ms()
    instants = {key: value for key, value in reading(1, now).values.items() if key not in COUNTERS}
    station.read(Reading(1, now, instants))
    station.beat(meter_1={"disabled": {"frequency": "register 40157 refused with exception 2"}})
    ours = live(client, "?meters=1&keys=v_r,wh_received&screen=")["meters"][0]["values"]
    assert ours["wh_received"] == {"value": 7000.0, "quality": "good", "age_s": 21.0}
    assert ours["v_r"].keys() == {"value", "quality"}
    whole = live(client, "?meters=1&keys=v_r,wh_received,frequency")["meters"][0]["values"]
    assert whole["wh_received"] == {"value": 7000.0, "unit": "Wh", "quality": "good", "age_s": 21.0}
    assert whole["v_r"].keys() == {"value", "unit", "quality"}
    assert whole["frequency"]["why"] == "disabled: register 40157 refused with exception 2"


def test_an_instant_that_did_not_come_lately_is_judged_by_rounds(station: Station, client: Browser) -> None:
    station.clock.advance(1)
    station.read(reading(1, station.clock.now_ms()))
    station.clock.advance(3)
    now = station.clock.now_ms()
    some = {key: value for key, value in reading(1, now).values.items() if key != "v_y"}
    station.read(Reading(1, now, some))
    station.beat()
    (first,) = live(client, "?meters=1&keys=v_y&screen=")["meters"]
    assert first["values"]["v_y"] == {"value": 239.5, "quality": "good", "age_s": 3.0, "fast": 1}
