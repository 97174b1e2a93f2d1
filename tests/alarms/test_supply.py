"""Is there supply? Voltages in, verdicts out."""

import math
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.alarms.supply import BLIND_MS, Verdict, judge, judge_voltages, recall
from substation.errors import LineDown
from substation.readings import Quality, Reading, missing
from substation.settings.model import CARD_METERS, Line, Meter, Settings

NOMINAL_V = 415.0
CARD = Settings(meters=CARD_METERS)


def phasors(r: float, y: float, b: float) -> dict[str, float]:
    """Return what a meter shows for three line-to-neutral voltages 120 degrees apart, V."""

    def between(one: float, other: float) -> float:
        return math.sqrt(one * one + other * other + one * other)

    return {
        "v_r": r,
        "v_y": y,
        "v_b": b,
        "v_ry": between(r, y),
        "v_yb": between(y, b),
        "v_br": between(b, r),
    }


def reading(meter_id: int = 1, at_ms: int = 0, **voltages: float) -> Reading:
    return Reading(meter_id, at_ms, voltages)


def supply_of(voltages: dict[str, float], before: dict[str, bool] | None = None) -> str:
    return judge_voltages(reading(**voltages), NOMINAL_V, before or {})[0]


@pytest.mark.parametrize(
    ("voltages", "supply"),
    [
        (phasors(240, 240, 240), "live"),
        (phasors(0, 0, 0), "dead"),
        (phasors(0, 240, 240), "phase_lost"),
        (phasors(240, 3, 240), "phase_lost"),
        (phasors(0, 0, 240), "phase_lost"),
        (phasors(200, 240, 240), "live"),
        (phasors(90, 90, 90), "dead"),
        (phasors(125, 125, 125), "live"),
    ],
)
def test_voltages_decide(voltages: dict[str, float], supply: str) -> None:
    assert supply_of(voltages) == supply


@pytest.mark.parametrize(
    ("voltages", "supply"),
    [
        ({"v_ry": 415, "v_yb": 414, "v_br": 416}, "live"),
        ({"v_ry": 240, "v_yb": 415, "v_br": 240}, "phase_lost"),  # R lost, line to line alone
        ({"v_ry": 0, "v_yb": 415, "v_br": 0}, "phase_lost"),
        ({"v_ry": 1, "v_yb": 2, "v_br": 0}, "dead"),
        ({"v_r": 240, "v_y": 240, "v_b": 240}, "live"),
        ({"v_r": 240, "v_y": 10, "v_b": 240}, "phase_lost"),
        ({"v_r": 0, "v_y": 0, "v_b": 0}, "dead"),
        ({"v_ry": 0, "v_yb": 0}, "unknown"),  # the third may be live
        ({}, "unknown"),
    ],
)
def test_a_meter_that_shows_less_is_judged_by_what_it_shows(voltages: dict[str, float], supply: str) -> None:
    assert supply_of(voltages) == supply


def test_between_dead_and_live_it_is_as_before() -> None:
    between = phasors(0.45 * 240, 0.45 * 240, 0.45 * 240)
    _, _, was_live = judge_voltages(reading(**phasors(240, 240, 240)), NOMINAL_V, {})
    _, _, was_dead = judge_voltages(reading(**phasors(0, 0, 0)), NOMINAL_V, {})
    assert supply_of(between, was_live) == "live"
    assert supply_of(between, was_dead) == "dead"
    assert supply_of(between) == "unknown"


def test_a_voltage_that_hovers_does_not_flicker() -> None:
    memory: dict[str, bool] = {}
    seen = []
    for share in (1.0, 0.51, 0.49, 0.51, 0.41, 0.39, 0.41, 0.49, 0.51):
        supply, _, memory = judge_voltages(reading(**phasors(*[share * 239.6] * 3)), NOMINAL_V, memory)
        seen.append(supply)
    assert seen == ["live"] * 5 + ["dead"] * 3 + ["live"]


def test_an_implausible_voltage_is_no_evidence() -> None:
    doubted = Reading(1, 0, phasors(240, 240, 240), implausible=frozenset({"v_ry", "v_r"}))
    supply, evidence, _ = judge_voltages(doubted, NOMINAL_V, {})
    assert supply == "unknown"
    assert "missing" in evidence


@given(st.lists(st.tuples(*[st.floats(0, 300)] * 3), max_size=20))
def test_dead_never_has_a_full_voltage_and_live_never_a_dead_one(
    sequence: list[tuple[float, float, float]],
) -> None:
    memory: dict[str, bool] = {}
    for voltages in sequence:
        supply, evidence, memory = judge_voltages(reading(**phasors(*voltages)), NOMINAL_V, memory)
        assert evidence
        if supply == "dead":
            assert max(phasors(*voltages)[key] for key in ("v_ry", "v_yb", "v_br")) < 0.5 * NOMINAL_V
        if supply == "live":
            assert min(voltages) >= 0.4 * NOMINAL_V / math.sqrt(3)


@pytest.mark.parametrize(
    ("meter_id", "words"),
    [
        (1, {"live": "EB supply On", "phase_lost": "EB supply phase lost", "dead": "EB supply Off"}),
        (2, {"live": "OK", "phase_lost": "Phase lost", "dead": "Power failure"}),
        (5, {"live": "DG set On", "phase_lost": "DG set phase lost", "dead": "DG set Off"}),
    ],
)
def test_the_words_follow_the_role(meter_id: int, words: dict[str, str]) -> None:
    for supply, voltages in {
        "live": phasors(240, 240, 240),
        "phase_lost": phasors(0, 240, 240),
        "dead": phasors(0, 0, 0),
    }.items():
        verdict = judge(CARD, {meter_id: reading(meter_id, **voltages)}, (), {}, 0)[meter_id]
        assert (verdict.supply, verdict.status) == (supply, words[supply])


def test_the_evidence_is_what_an_engineer_would_check() -> None:
    live = judge(CARD, {1: reading(v_ry=415.12, v_yb=414.4, v_br=413.9)}, (), {}, 0)[1]
    assert live.evidence == "RY 415.1, YB 414.4, BR 413.9 V of 415 V"
    lost = judge(CARD, {1: reading(**phasors(3.1, 239, 240.2))}, (), {}, 0)[1]
    assert lost.evidence == "R 3.1, Y 239.0, B 240.2 V of 240 V"


def test_it_remembers_since_when() -> None:
    verdicts: dict[int, Verdict] = {}
    for at_ms, volts in ((1000, 240), (3000, 239), (5000, 0), (7000, 0)):
        verdicts = judge(CARD, {1: reading(at_ms=at_ms, **phasors(volts, volts, volts))}, (), verdicts, at_ms)
    assert (verdicts[1].supply, verdicts[1].since_ms) == ("dead", 5000)


def test_after_a_clock_was_set_back_nothing_is_noted_in_a_future_that_never_was() -> None:
    day_ms, off = 86_400_000, phasors(0, 0, 0)
    ahead = judge(CARD, {1: reading(1, 2 * day_ms, **phasors(240, 240, 240))}, (), {}, 2 * day_ms)
    seen = judge(CARD, {1: reading(1, day_ms, **phasors(240, 240, 240))}, (), ahead, day_ms)
    assert seen[1].since_ms <= day_ms
    for at_ms, voltages in ((day_ms + 7_000, off), (day_ms + 9_000, phasors(240, 240, 240))):
        seen = judge(CARD, {1: reading(1, at_ms, **voltages)}, (), seen, at_ms)
        assert (seen[1].since_ms, seen[1].event_ms) == (at_ms, at_ms)
    straight = judge(CARD, {1: reading(1, day_ms, **off)}, (), ahead, day_ms)
    assert straight[1].event_ms == day_ms


def test_one_failed_poll_changes_nothing_a_failed_communication_makes_it_unknown() -> None:
    before = judge(CARD, {1: reading(at_ms=1000, **phasors(240, 240, 240))}, (), {}, 1000)
    silent = {1: missing(1, 3000, Quality.NO_ANSWER, "timeout")}
    once = judge(CARD, silent, (), before, 3000)[1]
    assert (once.supply, once.evidence, once.since_ms) == ("live", before[1].evidence, 1000)
    after = judge(CARD, silent, {1}, before, 5000)[1]
    assert (after.supply, after.status, after.since_ms) == (
        "unknown",
        "Unknown",
        3000,
    )  # the first poll without an answer


def refusals(count: int, before: dict[int, Verdict], code: int = 6) -> dict[int, Verdict]:
    """Return the verdicts after so many more rounds, 2 s each, in which meter 2 said no."""
    for _ in range(count):
        at_ms = before[2].seen_ms + 2000
        no = missing(2, at_ms, Quality.REFUSED, f"exception_{code}")
        before = judge(CARD, {2: no}, (), before, at_ms)
    return before


def test_a_meter_that_refuses_for_ever_keeps_no_verdict() -> None:
    live = judge(CARD, {2: reading(2, at_ms=1000, **ON)}, (), {}, 1000)
    after = refusals(2, live)[2]
    assert (after.supply, after.status) == ("unknown", "Unknown")
    assert after.evidence == "answers, but refuses to be read (exception 6, meter is busy)"
    assert refusals(3, live, code=77)[2].evidence.endswith("(exception 77, unknown code)")


def test_one_refusal_between_good_readings_does_not_flicker() -> None:
    verdicts = judge(CARD, {2: reading(2, at_ms=1000, **ON)}, (), {}, 1000)
    for at_ms in (3000, 5000, 7000):
        refused = refusals(1, verdicts)
        assert (refused[2].supply, refused[2].status) == ("live", "OK")
        verdicts = judge(CARD, {2: reading(2, at_ms=at_ms, **ON)}, (), refused, at_ms)
    assert verdicts[2].since_ms == 1000


def test_a_refusal_is_remembered_over_polls_without_an_answer() -> None:
    refused = refusals(1, judge(CARD, {2: reading(2, at_ms=1000, **ON)}, (), {}, 1000))
    silent = judge(CARD, {2: missing(2, 4000, Quality.NO_ANSWER, "timeout")}, (), refused, 4000)
    assert silent[2].supply == "live"
    assert refusals(1, silent)[2].supply == "unknown"


def test_a_meter_that_refuses_from_the_start_says_so_at_once_and_is_known_when_it_answers() -> None:
    never = judge(CARD, {2: missing(2, 0, Quality.NO_ANSWER, "timeout")}, (), {}, 0)
    refused = refusals(1, never)
    assert "refuses" in refused[2].evidence
    assert judge(CARD, {2: reading(2, at_ms=9000, **ON)}, (), refused, 9000)[2].supply == "live"


ON, OFF = phasors(240, 240, 240), phasors(0, 0, 0)


@pytest.mark.parametrize(
    ("blind_ms", "then", "since_ms"),
    [(BLIND_MS, ON, 1000), (BLIND_MS + 1, ON, 3000 + BLIND_MS + 1), (10_000, OFF, 13_000)],
)
def test_a_state_has_lasted_over_a_blind_spot_of_a_minute_only(
    blind_ms: int, then: dict[str, float], since_ms: int
) -> None:
    verdicts = judge(CARD, {1: reading(at_ms=1000, **ON)}, (), {}, 1000)
    verdicts = judge(CARD, {1: reading(at_ms=3000, **ON)}, (), verdicts, 3000)
    verdicts = judge(CARD, {}, {1}, verdicts, 5000)
    verdicts = judge(CARD, {}, {1}, verdicts, 9000)
    again_ms = 3000 + blind_ms
    verdicts = judge(CARD, {1: reading(at_ms=again_ms, **then)}, (), verdicts, again_ms)
    assert verdicts[1].since_ms == since_ms


@pytest.mark.parametrize(
    ("away_ms", "then", "since_ms"),
    [(20_000, ON, 1000), (90_000, ON, 93_000), (20_000, OFF, 23_000), (-5000, ON, -2000)],
)
def test_a_restart_of_the_poller_makes_no_state_look_new(
    away_ms: int, then: dict[str, float], since_ms: int
) -> None:
    said = [
        {"id": 1, "supply": "live", "since_ms": 1000, "last_good_ms": 3000},
        {"id": 2, "supply": "unknown"},
    ]
    again_ms = 3000 + away_ms
    recalled = recall(CARD.meters, said, again_ms)
    assert set(recalled) == {1}
    assert recalled[1].supply == "unknown"
    verdicts = judge(CARD, {1: reading(at_ms=again_ms, **then)}, (), recalled, again_ms)
    assert verdicts[1].since_ms == since_ms


def own_fed(*ids: int, house: Collection[int] = ()) -> Settings:
    """Return a station whose meters `ids` are fed from their own circuits, with `house` on a second line."""
    meters = tuple(
        meter.model_copy(
            update={
                "aux_supply": "own" if meter.id in ids else "station",
                "line": "house" if meter.id in house else meter.line,
            }
        )
        for meter in CARD_METERS
    )
    return Settings(lines=(Line(), Line(name="house", port="/dev/two")), meters=meters)


@pytest.mark.parametrize(
    ("own", "failed", "supplies", "words"),
    [
        ({3, 4}, {3, 4}, {3: "dead", 4: "dead"}, "silent together with"),
        ({3, 4}, {3}, {3: "unknown"}, "silent alone"),
        ({3, 4}, {1, 2, 3, 4, 5}, {1: "unknown", 3: "unknown"}, "the line or the adapter"),
        ({2, 3, 4}, {3, 4, 1, 5}, {3: "unknown", 4: "unknown"}, "no meter with independent supply"),
        (set(), {3}, {3: "unknown"}, "or the meter itself"),
        (set(), {3, 4}, {3: "unknown", 4: "unknown"}, "cut or disturbed"),
        (set(), {3, 4, 5}, {3: "unknown", 4: "unknown"}, "the line is cut behind EssentialLoad"),
        ({3, 4}, {3, 4, 5}, {3: "unknown", 4: "unknown"}, "the line is cut behind EssentialLoad"),
    ],
)
def test_silence_is_judged_by_where_the_meters_are_fed_from(
    own: set[int], failed: set[int], supplies: dict[int, str], words: str
) -> None:
    verdicts = judge(own_fed(*own), {}, failed, {}, 0)
    assert {key: verdicts[key].supply for key in supplies} == supplies
    assert words in verdicts[3].evidence


def test_a_line_that_is_down_is_no_power_failure() -> None:
    station = own_fed(3, 4, house={3, 4})
    before = judge(station, {key: reading(key, **ON) for key in (1, 2, 3, 4, 5)}, (), {}, 0)
    unplugged = {key: missing(key, 2000, Quality.NO_ANSWER, LineDown.kind) for key in (3, 4)}
    verdicts = judge(station, {1: reading(1, **ON), **unplugged}, {3, 4}, before, 2000)
    assert [verdicts[key].supply for key in (1, 3, 4)] == ["live", "unknown", "unknown"]
    assert verdicts[3].evidence == "the line is down: house"


@pytest.mark.parametrize(
    ("house", "supply", "words"),
    [
        ({3, 4}, "unknown", "the line or the adapter"),  # a silent adapter; who answers is on the other line
        ({4}, "unknown", "silent alone"),  # its fellow is on the other line
        ({2, 3, 4}, "dead", "silent together with"),
        ({5}, "dead", "while Transformer answers"),
    ],
)
def test_only_meters_on_the_same_line_bear_witness(house: set[int], supply: str, words: str) -> None:
    verdict = judge(own_fed(3, 4, house=house), {}, {3, 4}, {}, 0)[3]
    assert verdict.supply == supply
    assert words in verdict.evidence


def test_a_nominal_voltage_of_its_own_is_used() -> None:
    high = Meter(id=9, name="HT", role="incomer", nominal_voltage_v=11_000.0)
    settings = Settings(meters=(high,))
    volts = {"v_ry": 415.0, "v_yb": 415.0, "v_br": 415.0}
    assert judge(settings, {9: reading(9, **volts)}, (), {}, 0)[9].supply == "dead"
