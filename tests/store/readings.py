"""Readings for the tests of the store."""

import random
from collections.abc import Iterable

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
