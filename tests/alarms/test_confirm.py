"""After a silence the energy registers tell whether there was supply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.alarms.advance import Register, advance
from substation.alarms.confirm import Finding, Registers
from substation.alarms.supply import Verdict, judge
from substation.readings import Quality, Reading, missing
from substation.settings.model import CARD_METERS, Settings

OWN = (3, 4)
STATION = Settings(
    meters=tuple(
        meter.model_copy(update={"aux_supply": "own" if meter.id in OWN else "station"})
        for meter in CARD_METERS
    )
)
HOUR_MS = 3_600_000
LIVE = dict.fromkeys(("v_ry", "v_yb", "v_br"), 415.0)
DEAD = dict.fromkeys(("v_ry", "v_yb", "v_br"), 0.0)


def told(
    dark_s: int,
    used_w: float,
    *,
    load_w: float = 34_000.0,
    slow_s: int = 60,
    wh: float = 331_706_000.0,
    after: dict[str, float | None] | None = None,
    implausible: frozenset[str] = frozenset(),
) -> list[Finding]:
    """Return what is found when meter 3 is silent during an outage while its circuit draws `used_w`."""
    registers, verdicts, found = Registers(), dict[int, Verdict](), list[Finding]()
    outage = range(100_000, 100_000 + dark_s * 1000)
    for ms in range(0, outage.stop + 80_000, 2000):
        is_dark = ms in outage
        readings = {
            key: Reading(key, ms + key, {**(DEAD if is_dark or key == 5 else LIVE), "watts_total": 0.0})
            for key in (1, 2, 5)
        }
        watts = used_w if is_dark else load_w
        if is_dark:
            readings[3] = missing(3, ms + 3, Quality.NO_ANSWER, "timeout")
        else:
            slow: dict[str, float | None] = {"wh_received": wh} if ms % (slow_s * 1000) == 0 else {}
            if after and slow and ms >= outage.stop:
                slow = after
            readings[3] = Reading(
                3,
                ms + 3,
                {**LIVE, "watts_total": watts, **slow},
                implausible=implausible if slow is after else frozenset(),
            )
        wh += watts * 2000 / HOUR_MS
        failed = {3} if is_dark and ms >= outage.start + 2000 else set()
        verdicts = judge(STATION, readings, failed, verdicts, ms + 10)
        if is_dark and ms > outage.start + 6000:
            assert verdicts[3].supply == "dead"
        found += registers.follow(STATION, readings, verdicts)
    return found


def test_a_register_that_stood_still_confirms_the_outage() -> None:
    (finding,) = told(600, used_w=0)
    assert (finding.kind, finding.meter_id, finding.old, finding.new) == (
        "supply.confirmed",
        3,
        "Power failure",
        "Power failure",
    )
    assert 98_000 <= finding.at_ms <= 102_100
    assert finding.detail.endswith("it had none")
    assert "silent for 602 s" in finding.detail


def test_a_register_that_went_on_corrects_the_verdict() -> None:
    (finding,) = told(600, used_w=34_000)
    assert (finding.kind, finding.old, finding.new) == ("supply.corrected", "Power failure", "OK")
    assert finding.detail.endswith("it had supply, only its communication was lost")


@pytest.mark.parametrize("used_w", [0.0, 34_000.0])
def test_a_silence_too_short_for_the_register_says_nothing(used_w: float) -> None:
    assert told(20, used_w=used_w) == []


def test_registers_read_in_every_round_tell_sooner() -> None:
    assert [finding.kind for finding in told(60, used_w=0, slow_s=2)] == ["supply.confirmed"]
    assert [finding.kind for finding in told(60, used_w=34_000, slow_s=2)] == ["supply.corrected"]


@pytest.mark.parametrize(
    ("after", "implausible"),
    [({"wh_received": 5.0}, frozenset[str]()), ({"wh_received": 9e9}, frozenset({"wh_received"}))],
)
def test_a_register_that_fell_or_is_doubted_is_no_witness(
    after: dict[str, float | None], implausible: frozenset[str]
) -> None:
    assert told(600, used_w=0, after=after, implausible=implausible) == []


def test_an_idle_circuit_says_nothing_either_way() -> None:
    assert told(600, used_w=0, load_w=0.0) == []


loads = st.floats(0, 400_000)


@given(
    st.floats(0, 2e9),
    loads,
    loads,
    st.integers(0, 60_000),
    st.integers(1000, 86_400_000),
    st.integers(0, 60_000),
)
def test_no_load_within_reason_makes_a_dark_time_look_fed(
    wh: float, first_w: float, last_w: float, early_ms: int, dark_ms: int, late_ms: int
) -> None:
    used = (first_w * early_ms + last_w * late_ms) / HOUR_MS
    before, after = Register(0, wh), Register(early_ms + dark_ms + late_ms, wh + used)
    went = advance(before, after, early_ms, early_ms + dark_ms, load_w=(first_w, last_w))
    assert went is not None
    assert went.word != "went_on"
    fed = Register(after.at_ms, after.wh + first_w * dark_ms / HOUR_MS)
    went = advance(before, fed, early_ms, early_ms + dark_ms, load_w=(first_w, last_w))
    assert went is not None
    assert went.word != "stood_still"
