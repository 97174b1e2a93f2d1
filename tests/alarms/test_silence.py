"""A meter keeps silent: the circuit, the wire, or nobody can know? Round by round, as the poller judges."""

import dataclasses
from collections.abc import Collection, Mapping

import pytest

from substation.alarms.supply import Verdict, judge
from substation.errors import LineDown
from substation.readings import Quality, Reading, missing
from substation.settings.model import CARD_METERS, Line, Meter, Poll, Settings

ROUND_MS = 2000
KW = {1: 150.0, 2: 55.0, 3: 34.0, 4: 60.0, 5: 0.0}
"""What the card's circuits carry while the mains feed them; 1 kW has no meter."""


def volts(share: float) -> dict[str, float]:
    return dict.fromkeys(("v_ry", "v_yb", "v_br"), share * 415)


class Rounds:
    """Plays rounds, 2 s each: which circuits are dead, who is not heard, what flows."""

    def __init__(self, own: Collection[int] = (3, 4), lines: Mapping[int, str] | None = None) -> None:
        lines = lines or {}
        names = sorted({"line 1", *lines.values()})
        self.settings = Settings(
            lines=tuple(Line(name=name, port=f"/dev/{name[-1]}") for name in names),
            meters=tuple(
                meter.model_copy(
                    update={
                        "aux_supply": "own" if meter.id in own else "station",
                        "line": lines.get(meter.id, "line 1"),
                    }
                )
                for meter in CARD_METERS
            ),
            poll=Poll(interval_s=2.0),
        )
        self.own, self.ms, self.verdicts = own, 1_000_000, dict[int, Verdict]()
        self.misses: dict[int, int] = {}
        self.kw = dict(KW)

    def play(
        self,
        rounds: int = 1,
        *,
        dead: Collection[int] = (5,),
        cut: Collection[int] = (),
        kw: Mapping[int, float] | None = None,
        down: Collection[str] = (),
        unasked: Collection[int] = (),
    ) -> dict[int, str]:
        """Play rounds; a meter fed from a dead circuit is silent, two misses make it fail."""
        for _ in range(rounds):
            self.ms += ROUND_MS
            readings = {}
            for meter in self.settings.meters:
                at_ms = self.ms + 200 * meter.id
                watts = 1000 * (kw or {}).get(meter.id, KW[meter.id])
                if meter.id in unasked:
                    continue
                if meter.line in down:
                    readings[meter.id] = missing(meter.id, at_ms, Quality.NO_ANSWER, LineDown.kind)
                elif meter.id in cut or (meter.id in dead and meter.id in self.own):
                    readings[meter.id] = missing(meter.id, at_ms, Quality.NO_ANSWER, "timeout")
                    self.misses[meter.id] = self.misses.get(meter.id, 0) + 1
                    continue
                else:
                    is_dead = meter.id in dead
                    values = {**volts(0.0 if is_dead else 1.0), "watts_total": 0.0 if is_dead else watts}
                    readings[meter.id] = Reading(meter.id, at_ms, values)
                self.misses[meter.id] = 0
            failed = {key for key, count in self.misses.items() if count >= 2}
            failed |= {meter.id for meter in self.settings.meters if meter.line in down}
            self.verdicts = judge(self.settings, readings, failed, self.verdicts, self.ms + 1500, down=down)
        return {key: verdict.supply for key, verdict in self.verdicts.items()}

    def evidence(self, meter_id: int) -> str:
        return self.verdicts[meter_id].evidence


LIVE = {1: "live", 2: "live", 3: "live", 4: "live", 5: "dead"}
OUTAGE = {1: 0.0, 2: 55.0, 3: 0.0, 4: 0.0, 5: 55.0}


def test_meters_that_fall_silent_with_the_mains_have_no_supply() -> None:
    station = Rounds()
    assert station.play(3) == LIVE
    before_ms = station.ms
    assert station.play(3, dead={1, 3, 4}, kw=OUTAGE) == {**LIVE, 1: "dead", 3: "dead", 4: "dead", 5: "live"}
    assert station.evidence(3) == (
        "fed from its own circuit and silent together with ColonyLoad since Transformer went dead"
    )
    assert before_ms < station.verdicts[3].since_ms <= before_ms + 2 * ROUND_MS
    assert station.play(2) == LIVE
    assert station.verdicts[3].since_ms > station.verdicts[3].event_ms - 1


def test_one_that_falls_silent_with_the_mains_is_no_less_dead_for_being_alone() -> None:
    station = Rounds(own={3})
    station.play(3)
    assert station.play(3, dead={1, 3, 4}, kw=OUTAGE)[3] == "dead"


def test_the_order_of_polling_makes_no_outage_a_fault_of_the_wire() -> None:
    station = Rounds()
    station.play(3)
    seen = []
    for dead in ({3, 4, 5}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}):  # it came when 1 and 2 had been asked
        station.play(1, dead=dead, kw={} if dead == {3, 4, 5} else OUTAGE)
        seen.append(station.verdicts[3].supply)
    assert seen == ["live", "dead", "dead"]
    assert station.verdicts[3].since_ms == station.verdicts[3].silent_ms


def test_with_no_source_alive_a_meter_lost_long_ago_has_no_supply_either() -> None:
    station = Rounds()
    station.play(3)
    assert station.play(10, cut={3})[3] == "unknown"
    assert station.play(2, dead={1, 2, 3, 4, 5}, cut={3})[3] == "dead"
    assert "no source is live: Transformer, DGSetLoad" in station.evidence(3)
    station.play(6, dead={1, 4}, cut={3}, kw=OUTAGE)
    assert station.verdicts[3].supply == "unknown"  # the DG set may feed it


def test_a_fuse_of_its_panel_is_no_outage_and_its_load_bears_that_out() -> None:
    station = Rounds()
    station.play(3)
    assert station.play(8, cut={3}) == {**LIVE, 3: "unknown"}
    assert "silent alone, while Transformer answers: communication or its panel" in station.evidence(3)
    station = Rounds()
    station.play(3)
    station.play(3, cut={4})
    assert station.evidence(4) == "silent, but its load of 60.0 kW still flows: communication or its panel"


@pytest.mark.parametrize(("off", "left_kw"), [({3}, 116.0), ({4}, 90.0), ({3, 4}, 56.0)])
def test_a_feeder_that_is_switched_off_takes_its_load_with_it(off: set[int], left_kw: float) -> None:
    station = Rounds()
    station.play(3)
    after = station.play(3, dead={5, *off}, kw={1: left_kw})
    assert {key for key, supply in after.items() if supply == "dead"} == {5, *off}
    assert "has gone from Transformer, DGSetLoad with it" in station.evidence(max(off))
    station.play(60, dead={5, *off}, kw={1: left_kw})
    assert all(station.verdicts[key].supply == "dead" for key in off)
    assert station.play(2) == LIVE


def test_a_cut_before_meters_that_all_live_from_their_circuits_is_no_outage() -> None:
    station = Rounds(own={3, 4, 5})
    station.play(3, dead=())
    assert station.play(3, dead=(), cut={3, 4, 5}) == {
        1: "live",
        2: "live",
        **dict.fromkeys((3, 4, 5), "unknown"),
    }
    station = Rounds()
    station.play(3)
    assert station.play(3, cut={3, 4}) == {**LIVE, 3: "unknown", 4: "unknown"}
    assert station.evidence(3) == (
        "silent together with ColonyLoad, but their load of 94.0 kW still flows: "
        "the line is cut or disturbed between meters"
    )


def test_without_a_balance_a_live_incomer_leaves_it_open() -> None:
    station = Rounds()
    no_watts = dict.fromkeys(KW, float("nan"))
    station.play(3, kw={**no_watts, 1: 1000.0})  # so much that 34 kW are nothing
    assert station.play(6, cut={3, 4}, kw={1: 1000.0})[3] == "unknown"
    assert station.evidence(3).endswith(
        "but Transformer has voltage: the line is cut or disturbed between meters, "
        "or a breaker above them is open"
    )


def test_independent_meters_that_fall_silent_too_tell_of_a_cut_line() -> None:
    station = Rounds(own={3, 4})
    station.play(3)
    after = station.play(4, cut={2, 3, 4, 5})
    assert after == {1: "live", **dict.fromkeys((2, 3, 4, 5), "unknown")}
    assert "of which EssentialLoad has independent supply: the line is cut behind Transformer" in (
        station.evidence(3)
    )
    assert station.evidence(2).endswith("while Transformer answers: the line is cut behind Transformer")


def test_one_lost_long_ago_does_not_make_an_outage_a_cut_line() -> None:
    station = Rounds(own={3, 4})
    station.play(3)
    station.play(20, cut={2})
    assert station.play(3, dead={1, 3, 4}, cut={2}, kw=OUTAGE)[3] == "dead"


def test_one_that_was_never_heard_falls_silent_with_nobody() -> None:
    station = Rounds()
    station.play(4, cut={2})
    assert station.verdicts[2].supply == "unknown"
    assert station.play(3, dead={4, 5}, cut={2}, kw={1: 90.0})[4] == "dead"
    assert "has gone from" in station.evidence(4)
    station = Rounds()
    station.play(4, cut={2})
    station.play(8, cut={2, 4})
    assert "silent alone" in station.evidence(4)


def test_a_dg_set_that_feeds_its_own_meter_may_just_stand_still() -> None:
    station = Rounds(own={5})
    station.play(3, dead=())
    assert station.play(3)[5] == "unknown"
    assert station.evidence(5) == "silent, while Transformer answers: it stands still, or communication"


def test_a_meter_with_independent_supply_gets_no_time_to_come_back() -> None:
    station = Rounds()
    station.play(3)
    station.play(3, dead={2, 5}, kw={1: 95.0})
    assert station.play(1, cut={5})[2] == "live"
    assert station.play(2, cut={5})[5] == "unknown"


def test_the_adapter_and_silence_of_all_are_no_outage() -> None:
    station = Rounds()
    station.play(3)
    assert set(station.play(3, down={"line 1"}).values()) == {"unknown"}
    assert station.evidence(3) == "the line is down: line 1"
    assert station.play(1) == LIVE
    assert set(station.play(4, cut={1, 2, 3, 4, 5}).values()) == {"unknown"}
    assert station.evidence(4) == "no meter answers: the line or the adapter"


def test_another_line_bears_witness_of_the_mains_but_not_of_the_wire() -> None:
    house = {3: "line 2", 4: "line 2"}
    station = Rounds(lines=house)
    station.play(3)
    assert station.play(4, cut={3, 4})[3] == "unknown"
    assert station.evidence(3) == "no meter answers: the line or the adapter"
    station = Rounds(lines=house)
    station.play(3)
    station.play(4, dead={1, 2, 3, 4, 5})
    assert [station.verdicts[key].supply for key in (3, 4)] == ["dead", "dead"]
    assert "no source is live" in station.evidence(3)
    station = Rounds(lines=house)
    station.play(3)
    station.play(4, dead={1, 3, 4}, kw=OUTAGE)  # the DG set runs; that the wire is whole nobody can say
    assert station.verdicts[3].supply == "unknown"


def test_a_stop_of_the_dg_set_is_no_reason_to_call_a_feeder_dead() -> None:
    station = Rounds()
    station.play(3, dead=())
    assert station.play(4, cut={3})[3] == "unknown"


def test_when_the_mains_are_back_a_meter_has_five_seconds_to_answer() -> None:
    station = Rounds()
    station.play(3)
    station.play(5, dead={1, 3, 4}, kw=OUTAGE)
    seen = []
    for _ in range(6):
        station.play(1, cut={3})
        seen.append(station.verdicts[3].supply)
    assert seen[0] == "dead"
    assert seen[-1] == "unknown"
    assert (
        station.evidence(3) == "has not answered since its circuit was dead, though Transformer has voltage"
    )
    assert station.verdicts[4].supply == "live"


def test_a_meter_that_showed_its_dead_circuit_before_it_fell_silent_stays_dead() -> None:
    station = Rounds(own={3})
    station.play(3)
    station.own = ()  # its supply holds out for a moment
    station.play(1, dead={3, 5}, kw={1: 116.0})
    station.own = {3}
    assert station.play(5, dead={3, 5}, kw={1: 116.0})[3] == "dead"


def test_a_line_held_for_commissioning_keeps_its_verdicts_but_is_no_witness() -> None:
    station = Rounds(lines={3: "line 2", 4: "line 2", 2: "line 2"})
    station.play(3)
    before = station.verdicts
    station.play(30, unasked={1, 5})
    assert station.verdicts[1] == before[1]
    station.play(5, cut={3, 4}, unasked={1, 5})
    assert station.verdicts[3].supply == "unknown"


def test_a_verdict_by_silence_survives_a_minute_without_the_adapter() -> None:
    station = Rounds()
    station.play(3)
    station.play(5, dead={1, 3, 4}, kw=OUTAGE)
    since_ms = station.verdicts[3].since_ms
    assert station.play(5, dead={1, 3, 4}, down={"line 1"})[3] == "unknown"
    assert station.play(3, dead={1, 3, 4}, kw=OUTAGE)[3] == "dead"
    assert station.verdicts[3].since_ms == since_ms
    assert station.verdicts[3].event_ms > since_ms  # noted after the change to unknown, not before


def test_frozen_is_unknown_and_bears_no_witness() -> None:
    meters = tuple(m.model_copy(update={"aux_supply": "own"}) if m.id in (3, 4) else m for m in CARD_METERS)
    settings = Settings(meters=meters)
    verdicts: dict[int, Verdict] = {}
    for at_ms in (2000, 4000):
        said = {m.id: Reading(m.id, at_ms, volts(1.0)) for m in meters}
        verdicts = judge(settings, said, (), verdicts, at_ms)
    frozen = {1: 1_795_500_000_000}
    verdicts = judge(settings, {1: Reading(1, 6000, volts(1.0))}, (), verdicts, 6000, frozen=frozen)
    assert (verdicts[1].supply, verdicts[1].status) == ("unknown", "Unknown")
    assert verdicts[1].evidence == "the meter repeats itself since 2026-11-24 11:30:00"
    assert verdicts[1].heard is None
    thawed = judge(settings, {1: Reading(1, 8000, volts(1.0))}, (), verdicts, 8000)
    assert thawed[1].supply == "live"


def test_a_meter_of_one_phase_is_judged_by_it() -> None:
    settings = Settings(meters=(Meter(id=7, name="Lighting"),))
    for share, supply in ((1.0, "live"), (0.01, "dead")):
        verdict = judge(settings, {7: Reading(7, 0, {"v_r": share * 239.6})}, (), {}, 0)[7]
        assert verdict.supply == supply
        assert verdict.evidence == f"R {share * 239.6:.1f} V of 240 V, one phase"
    no_number = judge(settings, {7: Reading(7, 0, {"v_r": None})}, (), {}, 0)[7]
    assert no_number.supply == "unknown"
    of_three = Reading(7, 0, {"v_r": 239.0, "v_y": None, "v_b": None})
    assert judge(settings, {7: of_three}, (), {}, 0)[7].supply == "unknown"


def test_a_fuse_on_the_delta_side_is_a_lost_phase() -> None:
    # one phase whole, two at half of it and in line with each other: Dyn11 with one high-voltage fuse blown
    said = {"v_r": 240.0, "v_y": 121.0, "v_b": 120.0, "v_ry": 361.0, "v_yb": 1.0, "v_br": 360.0}
    settings = Settings(meters=CARD_METERS)
    assert judge(settings, {1: Reading(1, 0, said)}, (), {}, 0)[1].supply == "phase_lost"


def test_every_verdict_has_evidence_and_no_event_goes_back_in_time() -> None:
    station = Rounds()
    scenes = [
        {},
        {"dead": {1, 3, 4}, "kw": OUTAGE},
        {"dead": {1, 3, 4}, "kw": OUTAGE, "down": {"line 1"}},
        {"dead": {1, 3, 4}, "kw": OUTAGE},
        {"cut": {3}},
        {"cut": {1, 2, 3, 4, 5}},
        {},
    ]
    last: dict[int, Verdict] = {}
    for scene in scenes:
        for _ in range(5):
            station.play(1, **scene)  # type: ignore[arg-type]
            for key, verdict in station.verdicts.items():
                assert verdict.evidence
                if key in last and last[key].supply != verdict.supply:
                    assert verdict.event_ms >= last[key].event_ms
                    assert verdict.since_ms <= verdict.event_ms <= verdict.seen_ms
                last[key] = dataclasses.replace(verdict)
