"""Runs of the generators, and the change-over of a failure in its order, with the seconds between. Pure.

A set runs while its voltage is there, with or without load. So a start is seen when it gives voltage, and a
stop when that has gone: cranking before and cooling down without excitation after it are not in the hours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from substation.alarms.interruptions import RUNNING, TOGETHER_MS, Interruption, Stretch
from substation.alarms.spans import Blind, Piece, runs
from substation.settings.equipment import Role

What = Literal["supply_off", "set_on", "feeder_on", "supply_on", "set_off"]


@dataclass(frozen=True, slots=True)
class DgRun:
    """One run of one generator."""

    meter_id: int
    time: Stretch
    failure: str = ""
    """Key of the failure of supply in which it ran; empty: a trial, or by hand."""

    @property
    def subject(self) -> str:
        """Whose it is, as entries name it."""
        return f"meter:{self.meter_id}"

    @property
    def key(self) -> str:
        """Its name: whose, and when its start was noted."""
        return f"{self.subject}@{self.time.begun_ms}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a change-over."""

    what: What
    meter_id: int | None
    at_ms: int
    """UTC, ms: when it was noted."""
    after_ms: int | None
    """It was no sooner than this; None: that was not seen."""


def found(
    rows: Mapping[int, Sequence[Piece]],
    roles: Mapping[int, Role],
    failures: Iterable[Interruption],
    until_ms: int,
    *,
    blind: Sequence[Blind] = (),
    lasting_ms: int = 0,
) -> list[DgRun]:
    """Return the runs of all generators, by their beginning; arguments as `interruptions.found`.

    `failures` are the interruptions of supply: one that goes on while a set starts, or begins while it runs,
    is what it ran for.
    """
    known = [one for one in failures if one.kind == "supply"]
    result = []
    for meter, role in roles.items():
        if role != "generator":
            continue
        for run in runs(rows.get(meter, []), RUNNING, until_ms):
            short = sum(
                max(0, min(spot.end_ms, run.ended_after_ms) - max(spot.start_ms, run.begun_by_ms))
                for spot in blind
                if spot.end_ms - spot.start_ms <= lasting_ms
            )
            time = Stretch(run, short)
            result.append(DgRun(meter, time, _failure(time, known)))
    return sorted(result, key=lambda one: (one.time.begun_ms, one.meter_id))


def change_over(failure: Interruption, ran: Iterable[DgRun], others: Iterable[Interruption]) -> list[Step]:
    """Return the steps of one failure of supply, in their order.

    Args:
        failure: an interruption of supply.
        ran: runs of generators; those of this failure are its own.
        others: all interruptions: a feeder that came back while supply was off was taken over by a set.
    """
    steps = [Step("supply_off", failure.meter_id, failure.time.begun_ms, failure.time.begun_after_ms)]
    end = failure.time.ended_ms
    sets = [one for one in ran if one.failure == failure.key]
    for run in sets:
        steps.append(Step("set_on", run.meter_id, run.time.begun_ms, run.time.begun_after_ms))
        if run.time.ended_ms is not None:
            steps.append(Step("set_off", run.meter_id, run.time.ended_ms, run.time.ended_after_ms))
    for one in others:
        back = one.time.ended_ms
        if not sets or back is None or one.kind != "feeder" or one.part_of != failure.key:
            continue
        if end is None or back < end - TOGETHER_MS:
            steps.append(Step("feeder_on", one.meter_id, back, one.time.ended_after_ms))
    if end is not None:
        steps.append(Step("supply_on", failure.meter_id, end, failure.time.ended_after_ms))
    return _causal(sorted(steps, key=lambda step: (step.at_ms, _ORDER[step.what])))


def _causal(steps: list[Step]) -> list[Step]:
    """Put a set before the feeder that it took over where one round of polling saw the feeder first."""
    for place in range(1, len(steps)):
        feeder, run = steps[place - 1], steps[place]
        if feeder.what == "feeder_on" and run.what == "set_on" and (run.after_ms or 0) <= feeder.at_ms:
            steps[place - 1], steps[place] = run, feeder
    return steps


_ORDER = {"supply_off": 0, "set_on": 1, "feeder_on": 2, "supply_on": 3, "set_off": 4}


def _failure(time: Stretch, failures: Iterable[Interruption]) -> str:
    for one in failures:
        end = one.time.ended_ms if one.time.ended_ms is not None else one.time.ended_after_ms
        ran_until = time.ended_ms if time.ended_ms is not None else time.ended_after_ms
        if one.time.begun_ms - TOGETHER_MS <= ran_until and time.begun_ms <= end:
            return one.key
    return ""
