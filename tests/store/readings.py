"""Readings for the tests of the store."""

import random
from collections.abc import Iterable

from hypothesis import strategies as st

from substation.quantities import COUNTERS, KEYS, QUANTITIES
from substation.readings import Quality, Reading, missing

BEGIN_MS = 1_795_500_000_000
"""2026-11-24 11:30:00 in India; 06:00:00 UTC."""


def a_reading(at_ms: int = BEGIN_MS, meter_id: int = 1, **values: float | None) -> Reading:
    """A plausible reading; single values may be given."""
    usual = {q.key: (100.0 if q.kind == "counter" else 0.5) for q in QUANTITIES}
    return Reading(meter_id, at_ms, {**usual, **values})


def rounds(start_ms: int, count: int, step_ms: int = 2000, seed: int = 1) -> Iterable[list[Reading]]:
    """Rounds of five meters with wandering values, growing counters and some failures."""
    chance = random.Random(seed)
    energy = dict.fromkeys(range(1, 6), 1_000_000.0)
    for number in range(count):
        at_ms = start_ms + number * step_ms
        answers = []
        for meter_id in energy:
            arrived = at_ms + meter_id * 190 + chance.randrange(20)
            if chance.random() < 0.05:
                answers.append(missing(meter_id, arrived, Quality.NO_ANSWER, "timeout"))
                continue
            energy[meter_id] += chance.randrange(3)
            values = {key: chance.uniform(-300.0, 300.0) for key in KEYS}
            values |= dict.fromkeys(COUNTERS, energy[meter_id])
            doubted = frozenset({"v_r", "wh_received"}) if chance.random() < 0.05 else frozenset()
            answers.append(Reading(meter_id, arrived, values, implausible=doubted))
        yield answers


_value = st.one_of(
    st.none(),
    st.floats(-1e7, 1e7, allow_nan=False, width=32),
    st.sampled_from([0.0, -0.0, -0.04, 0.05, 3.4e38, -3.4e38, 1e-30]),
)


@st.composite
def any_reading(draw: st.DrawFn, at_ms: st.SearchStrategy[int] | None = None) -> Reading:
    """Whatever a meter and the qualifier may bring."""
    at = draw(at_ms or st.integers(BEGIN_MS, BEGIN_MS + 10 * 86_400_000))
    meter_id = draw(st.integers(1, 247))
    if draw(st.integers(0, 4)) == 0:
        quality = draw(st.sampled_from([Quality.NO_ANSWER, Quality.REFUSED, Quality.DISABLED]))
        reason = draw(st.sampled_from(["timeout", "crc", "exception_2"]))
        return missing(meter_id, at, quality, reason)
    keys = draw(st.sets(st.sampled_from(KEYS), max_size=38)) if draw(st.booleans()) else set(KEYS)
    fill = draw(st.lists(_value, min_size=3, max_size=8))
    values = {key: fill[i % len(fill)] for i, key in enumerate(KEYS) if key in keys}
    doubted = draw(st.sets(st.sampled_from(sorted(values)), max_size=3)) if values else set()
    return Reading(meter_id, at, values, implausible=frozenset(doubted))
