"""Patience, back-off and words of one meter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from substation.bus.health import Health, reading_reason, span
from substation.errors import BadFrame, NoAnswer, Refused
from substation.readings import Quality

SILENCE = NoAnswer("silence")


@pytest.mark.parametrize(("turnaround_s", "timeout_s"), [(None, 0.5), (0.03, 0.25), (0.1, 0.4), (0.4, 1.0)])
def test_patience_follows_the_turnaround(turnaround_s: float | None, timeout_s: float) -> None:
    health = Health()
    if turnaround_s is not None:
        health.heard(turnaround_s, noise=False)
    assert health.timeout_s == pytest.approx(timeout_s)


def test_a_longer_turnaround_counts_at_once_a_shorter_one_slowly() -> None:
    health = Health()
    health.heard(0.1, noise=False)
    health.heard(0.3, noise=False)
    assert health.turnaround_s == pytest.approx(0.3)
    health.heard(0.1, noise=False)
    assert health.turnaround_s == pytest.approx(0.28)
    assert health.least_turnaround_s == pytest.approx(0.1)


def test_a_pause_of_ours_is_not_learned_as_the_turnaround() -> None:
    health = Health()
    health.heard(0.03, noise=False)
    health.heard(0.26, noise=False)  # longer than the meter was waited for
    assert (health.turnaround_s, health.least_turnaround_s) == (0.03, 0.03)
    assert (health.timeout_s, health.counts["ok"]) == (0.25, 2)


def test_every_other_probe_is_patient_so_that_a_slow_meter_is_found_again() -> None:
    health = Health()
    health.heard(0.03, noise=False)
    for _ in range(3):
        health.failed(SILENCE, 0.0)
    patient = []
    for _ in range(4):
        patient.append(health.patient)
        health.failed(SILENCE, 0.0)
    assert patient == [False, True, False, True]
    health.heard(0.6, noise=False, within_s=1.0)  # found by a patient probe: learned at once
    assert health.timeout_s == 1.0


def test_turnarounds_of_the_last_hundred_answers_are_summed_up() -> None:
    health = Health()
    assert (health.turnaround_p50_s, health.turnaround_p95_s) == (None, None)
    health.heard(0.2, noise=False)
    assert (health.turnaround_p50_s, health.turnaround_p95_s) == (0.2, 0.2)
    for number in range(1, 101):
        health.heard(number / 1000, noise=False)
    assert (health.turnaround_p50_s, health.turnaround_p95_s) == (0.05, 0.095)


def test_what_a_gateway_may_say_of_a_silent_meter_is_a_refusal_twice_and_then_its_loss() -> None:
    health = Health()
    seen = [
        (health.perhaps_silent(Refused("fault", 4), float(second)), health.comm_status, health.refusing)
        for second in range(3)
    ]
    assert seen == [(False, "OK", True), (False, "OK", True), (True, "Communication failed", False)]
    assert health.good(100.0, 5) == 100.0
    assert not health.perhaps_silent(Refused("fault", 4), 101.0)


def test_refusals_of_a_gateway_and_silence_add_up() -> None:
    health = Health()
    assert not health.perhaps_silent(Refused("busy", 6), 1.0)
    assert not health.failed(SILENCE, 2.0)
    assert health.perhaps_silent(Refused("busy", 6), 3.0)
    assert (health.comm_status, health.lost_s) == ("Communication failed", 1.0)


def test_it_fails_after_two_and_is_lost_after_three() -> None:
    health = Health()
    seen = []
    for second in range(4):
        became_lost = health.failed(SILENCE, float(second))
        seen.append((health.comm_status, health.lost, became_lost))
    assert seen == [
        ("OK", False, False),
        ("Communication failed", False, False),
        ("Communication failed", True, True),
        ("Communication failed", True, False),
    ]
    assert health.good(100.0, 5) == 100.0
    assert (health.comm_status, health.lost, health.detail, health.last_good_ms) == ("OK", False, "", 5)
    assert health.good(101.0, 6) is None


@given(st.lists(st.sampled_from(["timeout", "crc", "short", "wrong_id", "noise", "exception_2", "ok"])))
def test_every_request_is_counted_exactly_once(kinds: list[str]) -> None:
    health = Health()
    for kind in kinds:
        if kind == "ok":
            health.heard(0.03, noise=False)
        else:
            health.unanswered(kind)
    counts = health.counts
    assert counts["asked"] == len(kinds) == sum(counts.values()) - counts["asked"]
    assert sum(health.kinds.values()) == len(kinds) - counts["ok"]


@pytest.mark.parametrize(
    ("error", "quality", "reason"),
    [
        (SILENCE, Quality.NO_ANSWER, "timeout"),
        (BadFrame("", "crc"), Quality.NO_ANSWER, "crc"),
        (Refused("", 2), Quality.REFUSED, "exception_2"),
    ],
)
def test_a_failure_is_stored_under_its_name(error: Exception, quality: Quality, reason: str) -> None:
    assert reading_reason(error) == (quality, reason)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (252, "4 min 12 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (3 * 86_400 + 4 * 3600 + 59, "3 d 4 h"),
    ],
)
def test_a_span_reads_as_a_person_says_it(seconds: float, words: str) -> None:
    assert span(seconds) == words
