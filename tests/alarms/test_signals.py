"""From readings, verdicts and health to what the rules watch: unknown is unknown, with its reason."""

from dataclasses import replace

import pytest

from substation.alarms.engine import Known, Signal
from substation.alarms.plan import build, misfits
from substation.alarms.signals import Circuit, Station, known
from substation.alarms.supply import judge
from substation.alarms.vocabulary import CONDITIONS, SIGNALS
from substation.energy.unbalance import nema
from substation.quantities import Ratings
from substation.readings import Quality, Reading, missing
from substation.settings.alarms import AlarmChange
from substation.settings.model import CARD_METERS, Settings, parse
from tests.alarms.desk import CARD, RULES, START_MS
from tests.alarms.test_supply import phasors

RATED = Ratings(160_000, 415.0)
HEALTH = {key: Signal(False, START_MS) for key in ("disk", "copies", "clock", "audit_chain")}
OWN_FED = CARD_METERS[2].model_copy(update={"aux_supply": "own"})
LOAD = {
    "current_r": 100.0,
    "current_y": 80.0,
    "current_b": 60.0,
    "va_total": 57_500.0,
    "watts_total": 50_000.0,
    "pf_average": -0.87,
    "frequency": 49.9,
}


def look(
    values: dict | None = None,
    *,
    doubted: frozenset = frozenset(),
    age_s: float = 0.0,
    incomer: dict | None = None,
    down: tuple[str, ...] = (),
    silent: tuple[int, ...] = (),
) -> Known:
    """Return what is known when feeder 3 said `values` and the incomer `incomer`; the others 240 V."""
    now_ms = START_MS + round(age_s * 1000)
    circuits, readings = [], {}
    for meter in CARD_METERS:
        said = {**phasors(240, 240, 240), **LOAD}
        if meter.id == 3 and values is not None:
            said = values
        if meter.role == "incomer" and incomer is not None:
            said = incomer
        readings[meter.id] = Reading(
            meter.id, START_MS, said, implausible=doubted if meter.id == 3 else frozenset()
        )
        if meter.id in silent:
            readings[meter.id] = missing(meter.id, START_MS, Quality.NO_ANSWER, "timeout")
    verdicts = judge(CARD, readings, silent, {}, START_MS)
    for meter in CARD_METERS:
        circuits.append(Circuit(meter, RATED, readings[meter.id], verdicts[meter.id], meter.id in silent))
    station = Station(dict.fromkeys(down, "adapter is gone"), HEALTH)
    return known(CARD, circuits, station, nema, now_ms=now_ms, fresh_ms=10_000)


def test_every_signal_and_condition_of_the_vocabulary_is_told() -> None:
    found = look()
    told = {key for signals in found.signals.values() for key in signals}
    assert told == set(SIGNALS)
    assert {key for one in found.conditions.values() for key in one} == set(CONDITIONS)
    for subject, signals in found.signals.items():
        per = subject.partition(":")[0]
        assert {SIGNALS[key].per for key in signals} == {per}


def test_a_reading_becomes_signals_with_what_is_normal_on_its_circuit() -> None:
    one = look({**phasors(240, 238, 230), **LOAD}).signals["meter:3"]
    assert (one["voltage_lowest"].value, one["voltage_lowest"].base) == (pytest.approx(405.3, abs=0.1), 415.0)
    assert one["voltage_highest"].value == pytest.approx(414.0, abs=0.1)
    assert one["voltage_unbalance"].value == pytest.approx(1.27, abs=0.01)
    assert one["current_unbalance"].value == 25.0  # E.2: 100/80/60 A
    assert (one["current_highest"].value, round(one["current_highest"].base, 1)) == (100.0, 222.6)
    assert (one["apparent_power"].value, one["apparent_power"].base) == (57_500.0, 160_000)
    assert (one["power_factor"].value, one["frequency"].value) == (0.87, 49.9)
    phase = look({"v_r": 230.0, "current_r": 3.0}).signals["meter:3"]
    assert round(phase["voltage_lowest"].base, 1) == 239.6
    assert (phase["voltage_unbalance"].value, phase["current_unbalance"].value) == (None, None)


def test_what_is_doubted_old_or_missing_is_unknown_with_its_reason() -> None:
    full = {**phasors(240, 240, 240), **LOAD}
    doubted = look(full, doubted=frozenset({"v_ry", "v_r", "frequency"})).signals["meter:3"]
    assert doubted["voltage_lowest"] == Signal(
        None, START_MS, 415 / 3**0.5, "what the meter said cannot be true"
    )
    assert (doubted["frequency"].value, doubted["power_factor"].value) == (None, 0.87)
    assert look({"v_r": 240.0}).signals["meter:3"]["frequency"].why == "this meter does not say it"
    assert look(full, age_s=11).signals["meter:3"]["frequency"].why == "it was not read of late"
    silent = look(silent=(3,))
    assert silent.signals["meter:3"]["frequency"].why == "the meter did not answer"
    assert silent.signals["meter:3"]["communication_lost"].value is True
    assert silent.signals["meter:3"]["supply_dead"].value is None
    assert silent.conditions["meter:3"]["load_below_tenth"] is None
    dead = look({**phasors(0, 0, 0), "frequency": 0.0}).signals["meter:3"]
    assert (dead["frequency"].value, dead["frequency"].why) == (None, "there is no voltage")
    assert dead["voltage_lowest"].why == "there is no voltage"
    assert dead["frequency"].is_absent and dead["voltage_unbalance"].is_absent
    assert not silent.signals["meter:3"]["frequency"].is_absent
    assert (dead["voltage_unbalance"].value, dead["supply_dead"].value) == (None, True)


def test_conditions_say_what_suppresses_by_design() -> None:
    alive = look().conditions["meter:3"]
    assert alive == dict.fromkeys(CONDITIONS, False)
    off = look(phasors(0, 0, 0), incomer=phasors(0, 0, 0), down=("line 1",))
    assert off.conditions["meter:3"]["incomer_dead"] is True
    assert (off.conditions["meter:1"]["incomer_dead"], off.conditions["meter:1"]["circuit_dead"]) == (
        False,
        True,
    )
    assert off.conditions["meter:3"]["line_down"] is True
    assert off.signals["line:line 1"]["adapter_lost"] == Signal(True, START_MS, 0.0, "adapter is gone")
    assert look(phasors(0, 0, 0), silent=(1,)).conditions["meter:3"]["incomer_dead"] is None
    on_set = look(incomer=phasors(0, 0, 0)).conditions["meter:3"]
    assert on_set["incomer_dead"] is False  # the generator feeds it: what it shows is a finding
    assert [off.conditions[f"meter:{one}"]["meter_unfed"] for one in (1, 3)] == [False, False]
    own = replace(Circuit(CARD_METERS[2], RATED, None, None, silent=True), meter=OWN_FED)
    dead = known(CARD, [own], Station({}, {}), nema, now_ms=START_MS, fresh_ms=10_000).conditions["meter:3"]
    assert (dead["meter_unfed"], dead["circuit_dead"]) == (None, None)
    assert look({"va_total": 15_999.0}).conditions["meter:3"]["load_below_tenth"] is True
    assert look({"current_r": 22.0}).conditions["meter:3"]["load_below_tenth"] is True


def test_a_station_changes_limits_for_all_or_for_one_meter() -> None:
    data = {
        "meters": [meter.model_dump(mode="json") for meter in CARD_METERS],
        "alarms": [{"rule": "voltage_low", "limit": 88, "on_delay_s": 20}],
    }
    data["alarms"][0]["action"] = "Call the control room."
    own = {"rule": "voltage_low", "limit": 85.0, "priority": "high", "action": "Call the colony."}
    data["meters"][2]["alarms"] = [own]
    data["meters"][3]["alarms"] = [{"rule": "voltage_low", "disabled": True}]
    plan = build(RULES, parse(data, "test"))
    assert plan.faults == ()
    found = {key: watch for key, watch in plan.by_key.items() if watch.rule.key == "voltage_low"}
    assert [watch.meter_id for watch in found.values()] == [1, 2, 3, 5]
    assert {(watch.limit, watch.on_ms, watch.priority) for watch in found.values()} == {
        (88.0, 20_000, "medium"),
        (85.0, 20_000, "high"),
    }
    assert found["voltage_low@meter:3"].limit_words == "below 85 % of nominal voltage"
    assert [watch.action for watch in found.values()] == [
        "Call the control room.", "Call the control room.", "Call the colony.", "Call the control room.",
    ]  # fmt: skip
    assert dict(found["voltage_low@meter:3"].changed) == {
        "limit": "meter", "priority": "meter", "action": "meter", "on_delay_s": "station",
    }  # fmt: skip
    assert plan.by_key["supply_lost@meter:1"].action == plan.by_key["supply_lost@meter:1"].rule.action
    assert plan.by_key["supply_lost@meter:1"].changed == ()


def test_a_change_that_does_not_fit_its_rule_is_told_and_changes_nothing() -> None:
    meters = list(CARD_METERS)
    meters[1] = replace_alarms(meters[1], AlarmChange(rule="clock", on_delay_s=5.0))
    meters[2] = replace_alarms(meters[2], AlarmChange(rule="supply_lost", on_delay_s=5.0))
    wrong = Settings(
        meters=tuple(meters),
        alarms=(
            AlarmChange(rule="voltage_lo", limit=3.0),
            AlarmChange(rule="disk", limit=3.0, off_delay_s=1.0),
        ),
    )
    assert [path for path, _ in misfits(RULES, wrong)] == [
        "alarms.0",
        "alarms.1",
        "meters.1.alarms.0",
        "meters.2.alarms.0",
    ]
    plan = build(RULES, wrong)
    assert plan.watches == build(RULES, CARD).watches
    assert "alarms.1: 'disk' is true or false; it has neither limit nor dead_band" in plan.faults
    assert "meters.2.alarms.0: 'supply_lost' does not watch a feeder; it watches: incomer" in plan.faults


def replace_alarms(meter, *changes: AlarmChange):
    return meter.model_copy(update={"alarms": changes})


def test_silence_that_the_supply_explains_is_stamped_when_it_began() -> None:
    circuit = Circuit(CARD_METERS[2], RATED, None, None, silent=True)
    found = known(CARD, [circuit], Station({}, {}), nema, now_ms=START_MS, fresh_ms=10_000)
    assert found.signals["meter:3"]["communication_lost"] == Signal(True, START_MS, 0.0, "no valid answer")
    assert found.conditions["meter:3"]["incomer_dead"] is False  # there is none
    unread = replace(circuit, silent=False)
    found = known(CARD, [unread], Station({}, {}), nema, now_ms=START_MS, fresh_ms=10_000)
    assert found.signals["meter:3"]["communication_lost"].value is None
