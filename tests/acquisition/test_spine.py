"""The spine in this process: from the wire to both stores, the heartbeat and the log."""

import datetime as dt
import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from substation.acquisition import spine
from substation.acquisition.spine import Poller
from substation.bus.plant import Plant
from substation.clock import SystemClock
from substation.errors import Full, WrongStation
from substation.meters.decode import float32, words_of_float32
from substation.quantities import BY_KEY, KEYS
from substation.readings import Reading
from substation.settings import files
from substation.settings.model import CARD_METERS, Home, Poll, Transformers
from substation.simulator.line import SimulatedLine
from substation.simulator.site import Site
from substation.store import heartbeat, live
from substation.store.history import History, HistoryReader
from tests.bus.fake_wire import FakeWire
from tests.fake_clock import FakeClock

DAYS = ("2026-03-30", "2026-04-02")
"""Before and after a transformer of another rating."""


def held(site: Site, clock: FakeClock, meter_id: int) -> dict[str, float | None]:
    """Return what a meter holds now, at the resolution of the stores."""
    values = site.at(clock.now_ms())[meter_id]
    return {
        key: BY_KEY[key].from_steps(
            BY_KEY[key].to_steps(float32(words_of_float32(values[key], "CDAB"), "CDAB"))
        )
        for key in KEYS
    }


def test_the_steps_stand_in_their_order(poller: Poller) -> None:
    assert [step.__name__ for step in poller.steps] == [
        "scan",
        "qualify",
        "watch_counters",
        "tell_time",
        "judge_supply",
        "step_alarms",
        "keep_live",
        "keep_history",
        "heartbeat",
        "announce",
    ]


def test_what_the_meters_hold_is_in_both_stores_and_the_heartbeat(
    simulated: SimulatedLine, poller: Poller, home: Home, site: Site, station_clock: FakeClock
) -> None:
    poller.run(rounds=3)
    poller.stop()
    newest = live.latest(home.live)
    kept = HistoryReader(home.history).latest()
    for meter_id in (1, 2, 3, 4, 5):
        truth = held(site, station_clock, meter_id)
        assert dict(newest[meter_id].newest.reading.values) == truth
        assert dict(kept[meter_id].values) == truth
        assert newest[meter_id].newest.simulated is True
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    assert (beat["state"], beat["round"], beat["simulated"]) == ("stopped", 3, True)
    assert [meter["status"] for meter in beat["meters"]] == ["EB supply On", "OK", "OK", "OK", "DG set Off"]
    assert all(meter["comm_status"] == "OK" and meter["ok"] == 3 for meter in beat["meters"])
    assert beat["lines"][0]["state"] == "up"
    assert beat["problems"] == []


def test_every_field_that_others_rely_on_is_in_the_heartbeat(
    simulated: SimulatedLine, poller: Poller, home: Home
) -> None:
    poller.run(rounds=1)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    promised = "v state at_ms started_ms pid simulated interval_s round round_s limit_s lines meters problems"
    promised += " medium boot mono_ms job alarms config clock"
    assert set(beat) == set(promised.split())
    line = "name kind port state detail advice busy waited round_s limit_s paused"
    assert set(beat["lines"][0]) == set(line.split())
    promised = "id supply status evidence since_ms comm_status comm_detail last_good_ms asked ok timeout crc"
    promised += " wrong refused noise kinds turnaround_ms turnaround_p50_ms turnaround_p95_ms disabled extras"
    promised += " identity frozen_since_ms fault late"
    assert set(promised.split()) <= set(beat["meters"][0])


def test_a_current_is_doubted_by_the_phases_and_the_rating_of_its_day(
    home: Home, changed: Callable[..., None]
) -> None:
    since = Transformers(since="2026-04-01", rated_kva=16.0)
    one = CARD_METERS[1].model_copy(update={"profile": "eastron_sdm120", "rated_kva": 8.0})
    changed(meters=(one, CARD_METERS[2].model_copy(update={"rated_kva": 8.0, "transformers": (since,)})))
    poller = Poller(files.load(home.folder), SystemClock())
    day_ms = {day: round(dt.datetime.fromisoformat(f"{day}T12Z").timestamp() * 1000) for day in DAYS}

    def doubted(meter_id: int, day: str, amps: float) -> bool:
        poller.readings = (Reading(meter_id, day_ms[day], {"current_r": amps}),)
        poller.qualify()
        return bool(poller.readings[0].implausible)

    # 8 kVA at 415 V: 33 A on one phase, 11 A on each of three; doubted from three times that on
    assert [doubted(2, DAYS[0], amps) for amps in (40.0, 95.0, 110.0)] == [False, False, True]
    assert [doubted(3, DAYS[0], amps) for amps in (30.0, 40.0)] == [False, True]
    assert [doubted(3, DAYS[1], amps) for amps in (40.0, 80.0)] == [False, True]
    poller.stop()


def test_a_dead_meter_is_failed_and_unknown_and_the_others_go_on(
    simulated: SimulatedLine, poller: Poller, home: Home, changed: Callable[..., None]
) -> None:
    poller.schedule.interval_s = 1.0
    poller.run(rounds=1)
    simulated.faults.order(3, "dead")
    poller.run(rounds=3)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    dead, living = beat["meters"][2], beat["meters"][3]
    assert (dead["comm_status"], dead["supply"], dead["status"]) == (
        "Communication failed",
        "unknown",
        "Unknown",
    )
    assert "no answer" in dead["comm_detail"]
    assert (living["comm_status"], living["ok"]) == ("OK", 3)
    row = live.latest(home.live)[3]
    assert (row.newest.reading.quality, row.newest.reading.reason) == ("no_answer", "timeout")
    assert row.answered is not None


def test_no_row_of_a_meter_that_refuses_for_ever_says_ok(
    simulated: SimulatedLine, poller: Poller, home: Home
) -> None:
    poller.run(rounds=2)
    simulated.faults.order(3, "exception", code=6)
    poller.run(rounds=6)
    rows = [row for row in live.read(home.live) if row.reading.meter_id == 3]
    assert [row.status for row in rows] == ["OK"] * 3 + ["Unknown"] * 3  # the first refusal is forgiven
    simulated.faults.clear(3)
    poller.run(rounds=7)
    assert live.latest(home.live)[3].newest.status == "OK"


def test_a_missing_adapter_keeps_the_poller_up_and_says_so(poller: Poller, home: Home) -> None:
    poller.run(rounds=2)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    assert beat["state"] == "running"
    assert beat["lines"][0]["state"] == "down"
    assert "port missing" in beat["lines"][0]["detail"]
    assert any("port missing" in words for words in beat["problems"])
    assert {meter["comm_status"] for meter in beat["meters"]} == {"Communication failed"}
    assert {row.newest.reading.reason for row in live.latest(home.live).values()} == {"line_down"}


def test_a_failed_meter_is_told_before_the_round_is_over(
    simulated: SimulatedLine, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller.run(rounds=1)
    told: list[tuple[bool, frozenset[int]]] = []
    write = poller.heartbeat

    def heartbeat_told(state: str = "running", *, within_round: bool = False) -> None:
        told.append((within_round, poller.plant.failed))
        write(state, within_round=within_round)

    monkeypatch.setattr(poller, "heartbeat", heartbeat_told)
    for meter_id in (3, 4):
        simulated.faults.order(meter_id, "dead")
    poller.run(rounds=4)
    assert (True, frozenset({3})) in told
    assert told.count((True, frozenset({3}))) == 1


@pytest.fixture
def played(home: Home, clock: FakeClock) -> Iterator[tuple[Poller, FakeWire]]:
    """A poller on a line without a wire: what takes time takes it of a clock that a test can count on."""
    running = Poller(files.load(home.folder), clock)
    running.plant = Plant(running.settings, clock, make_line=FakeWire)
    running.schedule.interval_s = 1.0
    wire = running.plant.scanners[0].line
    assert isinstance(wire, FakeWire)
    yield running, wire
    running.stop()


def test_a_long_round_shows_signs_of_life(
    played: tuple[Poller, FakeWire], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    poller, wire = played
    monkeypatch.setattr(spine, "LONG_ROUND_S", 0.3)
    wire.dead |= {1, 2, 3, 4, 5}
    beats, asked = [], []
    wire.on_ask = lambda meter_id: asked.append(clock.monotonic())
    monkeypatch.setattr(spine.heartbeat, "write", lambda path, beat: beats.append(clock.monotonic()))
    poller.run(rounds=1)
    assert len(beats) >= 4
    longest_s = max(later - earlier for earlier, later in itertools.pairwise([*asked, clock.monotonic()]))
    assert max(later - earlier for earlier, later in itertools.pairwise(beats)) <= 0.3 + longest_s


def test_a_sign_of_life_within_a_round_does_not_measure_the_line(
    played: tuple[Poller, FakeWire], monkeypatch: pytest.MonkeyPatch
) -> None:
    poller, wire = played
    monkeypatch.setattr(spine, "LONG_ROUND_S", 0.0)  # between any two requests
    beats = []
    monkeypatch.setattr(spine.heartbeat, "write", lambda path, beat: beats.append(beat))
    poller.run(rounds=4)
    shares = {number: {b["lines"][0]["busy"] for b in beats if b["round"] == number} for number in (3, 4)}
    assert len([beat for beat in beats if beat["round"] == 3]) >= 5
    assert shares[3] | shares[4] == {round(wire.busy_s / 4, 3)}  # a round each second
    assert wire.busy_s / 4 < 0.3


def test_a_full_store_never_stops_the_polling(
    simulated: SimulatedLine,
    poller: Poller,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(spine, "COMMIT_S", 0.0)
    monkeypatch.setattr(spine, "RETRY_S", 0.0)
    monkeypatch.setattr(spine.log, "propagate", True)

    def full(*_: object) -> None:
        raise Full("no space left; free some space")

    caplog.set_level(logging.INFO)
    with monkeypatch.context() as patch:
        patch.setattr(poller.keeper._history, "commit", full)
        poller.run(rounds=4)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    said, outage = beat["problems"]
    assert said == "no space left; free some space"
    assert "the medium is full since" in outage
    assert beat["meters"][0]["ok"] == 4
    assert len([row for row in live.read(home.live) if row.reading.meter_id == 1]) == 4
    assert [record.message for record in caplog.records].count("no space left; free some space") == 1
    poller.run(rounds=6)
    assert heartbeat.read(home.heartbeat)["problems"] == []  # type: ignore[index]
    poller.stop()
    assert len(HistoryReader(home.history).latest()) == 5


def test_a_broken_database_leaves_the_live_board(simulated: SimulatedLine, home: Home) -> None:
    home.history.write_text("this is no database")
    poller = Poller(files.load(home.folder), SystemClock())
    poller.run(rounds=2)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    assert any("daily_data.db" in words for words in beat["problems"])
    assert len(live.latest(home.live)) == 5
    poller.stop()
    assert home.history.read_text() == "this is no database"


def test_a_store_of_the_other_kind_is_refused(home: Home, changed: Callable[..., None]) -> None:
    live.LiveFile(home.live, files.load(home.folder).settings.site.zone, simulated=False).append(
        [live.LiveRow(Reading(1, 1, {}), "OK", "OK")]
    )
    with pytest.raises(WrongStation):
        Poller(files.load(home.folder), SystemClock())


def test_a_fault_in_one_step_does_not_end_the_next_round(
    simulated: SimulatedLine, poller: Poller, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(spine, "judge", lambda *_: 1 / 0)
        poller.run(rounds=2)
    assert "internal fault in 'judge_supply'" in heartbeat.read(home.heartbeat)["problems"][0]  # type: ignore[index]
    poller.run(rounds=4)
    assert heartbeat.read(home.heartbeat)["problems"] == []  # type: ignore[index]
    assert len([row for row in live.read(home.live) if row.reading.meter_id == 1]) == 4


def test_a_changed_setting_is_taken_over_while_it_runs(
    simulated: SimulatedLine, poller: Poller, home: Home, changed: Callable[..., None]
) -> None:
    poller.run(rounds=2)
    fewer = poller.settings.meters[:2]
    changed(poll=Poll(interval_s=0.2), meters=fewer)
    poller.run(rounds=5)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    assert beat["interval_s"] == 0.2
    assert [meter["id"] for meter in beat["meters"]] == [1, 2]
    assert beat["meters"][0]["ok"] == 5  # what was learned of a meter is kept


class LongRest(FakeClock):
    """Calls once, after ten seconds of sleep."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then, self.called_s = then, 0.0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if not self.called_s and sum(self.slept) >= 10:
            self.called_s = self.monotonic()
            self.then()


@pytest.mark.parametrize("part", ["poll", "site"])
def test_a_changed_setting_does_not_wait_for_the_next_round(
    home: Home, changed: Callable[..., None], part: str
) -> None:
    changed(poll=Poll(interval_s=60.0))
    high = files.load(home.folder).settings.site.model_copy(update={"nominal_voltage_v": 11_000.0})
    value = {"poll": Poll(interval_s=5.0), "site": high}[part]
    clock = LongRest(lambda: changed(**{part: value}))
    poller = Poller(files.load(home.folder), clock)
    poller.run(rounds=1)
    poller.rest()
    assert 0 < clock.monotonic() - clock.called_s < 2.0
    assert getattr(poller.settings, part) == value
    poller.run(rounds=2)
    assert heartbeat.read(home.heartbeat)["interval_s"] == poller.settings.poll.interval_s  # type: ignore[index]
    poller.stop()


def test_a_faulty_setting_that_comes_in_the_rest_is_named_and_the_rest_goes_on(home: Home, changed) -> None:
    changed(poll=Poll(interval_s=60.0))
    clock = LongRest(lambda: home.config.write_text("{}") and None)
    poller = Poller(files.load(home.folder), clock)
    poller.run(rounds=1)
    poller.rest()
    assert clock.monotonic() >= poller.schedule.due_s
    assert any("config.json" in words for words in poller.problems.words)
    poller.stop()


def test_a_faulty_setting_is_named_and_the_old_ones_stay(
    simulated: SimulatedLine, poller: Poller, home: Home
) -> None:
    poller.run(rounds=2)
    home.config.write_text("{}")
    poller.run(rounds=4)
    beat = heartbeat.read(home.heartbeat)
    assert beat is not None
    assert any("config.json" in words for words in beat["problems"])
    assert beat["meters"][4]["ok"] == 4


def test_an_adapter_that_comes_back_is_polled_within_two_seconds(
    played: tuple[Poller, FakeWire], home: Home, clock: FakeClock
) -> None:
    poller, wire = played
    poller.schedule.interval_s = 5.0  # slower than what is promised
    wire.present = False
    poller.run(rounds=1)
    assert heartbeat.read(home.heartbeat)["lines"][0]["state"] == "down"  # type: ignore[index]
    wire.present = True
    started = clock.monotonic()
    poller.run(rounds=1)
    poller.number = 1
    poller.rest()
    poller.run(rounds=2)
    assert clock.monotonic() - started < 2.0
    assert all(meter["ok"] == 1 for meter in heartbeat.read(home.heartbeat)["meters"])  # type: ignore[index]


def test_a_database_in_the_inbox_is_taken_and_removed(
    simulated: SimulatedLine, poller: Poller, home: Home, tmp_path: Path, zone, clock: FakeClock
) -> None:
    inbox = home.state / "inbox"
    inbox.mkdir(parents=True)
    older = History(inbox / "older.db", True, clock, zone)
    older.add([Reading(9, MONDAY_MS, {"watts_total": 5.0})])
    older.close()
    (inbox / "foreign.db").write_text("no database")
    poller.run(rounds=6)
    poller.stop()
    assert sorted(path.name for path in inbox.iterdir()) == ["foreign.refused"]
    assert HistoryReader(home.history).latest()[9].values["watts_total"] == 5.0


MONDAY_MS = 1_795_400_000_000


def test_the_stores_are_closed_before_a_job_that_takes_its_time_to_end(poller: Poller) -> None:
    order = []
    close = poller.keeper.close
    poller.keeper.close = lambda: (order.append("stores"), close())[1]
    poller.tender.stop = lambda: order.append("job")
    poller.stop()
    assert order == ["stores", "job"]
