"""The register of interruptions: from when to when a circuit had no supply, or lacked a phase of it. Pure.

What counts, and how:

1. Only a circuit that was *seen* dead or without a phase is interrupted (`alarms.supply`). A meter that keeps
   silent, an adapter that is gone and a station that stands still are blind spots: they make nothing an
   interruption, never lengthen the least and never shorten the most that one may have lasted.
2. *Supply* is interrupted while every incomer is dead: once, however many feeders go dark with it. Each
   incomer of several has its own as well.
3. A feeder's interruption that falls into one of supply belongs to it, and is counted for the feeder.
4. *Momentary* lasts up to so many minutes, *sustained* longer (5: IEEE 1366-2022; 3: EN 50160:2010;
   1: IEEE 1159-2019). One whose bounds lie on both sides may be either, and is counted as neither.

A polled meter sees a change one poll late: both ends lie between two polls, and all of it is "indicative,
polled", no measurement of class A or S (IEC 61000-4-30).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from substation.alarms.spans import Blind, Piece, Run, runs, together
from substation.settings.equipment import Role

Kind = Literal["supply", "incomer", "feeder", "phase_lost"]
Length = Literal["momentary", "sustained", "either"]
TOGETHER_MS = 10_000
"""A feeder that is seen dead up to so long before or after supply went with it: a few rounds of polling."""
CHANGE_BACK_MS = 300_000
"""A generator may carry a feeder for so long after the mains are back; the break when it is changed over
belongs to the same failure."""
CLOSE_MS, CLOSE = 10_000, 0.02
"""Bounds no further apart than 10 s, or 2 % of the length, are told as one figure."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which something was so, as far as it was seen. All times are UTC, ms."""

    run: Run
    short_ms: int = 0
    """How much within it nobody saw, in spots too short to break it (rule 5 of `alarms.supply`)."""
    before_ms: int | None = None
    """The last poll that saw it not begun yet, where that is kept."""
    last_ms: int | None = None
    """The last poll that saw it still so, where that is kept."""

    @property
    def begun_after_ms(self) -> int | None:
        """It began no sooner than this; None: it was found so."""
        return _earlier(self.run.begun_after_ms, self.before_ms)

    @property
    def begun_ms(self) -> int:
        """It was seen from here on: what is noted as its beginning."""
        return self.run.begun_by_ms

    @property
    def ended_after_ms(self) -> int:
        """It was seen until here."""
        if self.run.lasts:
            return self.run.ended_after_ms
        return max(_earlier(self.run.ended_after_ms, self.last_ms) or 0, self.begun_ms)

    @property
    def ended_ms(self) -> int | None:
        """It was seen over from here on: what is noted as its end; None while it lasts, or unknown."""
        return self.run.ended_by_ms

    @property
    def lasts(self) -> bool:
        """Whether it is still so; with `ended_ms` None and this false nobody knows."""
        return self.run.lasts

    @property
    def least_ms(self) -> int:
        """It lasted no less."""
        return max(0, self.ended_after_ms - self.begun_ms - self.run.unseen_ms - self.short_ms)

    @property
    def most_ms(self) -> int | None:
        """It lasted no more; while it lasts: until now; None where an end was not seen."""
        end_ms = self.run.ended_after_ms if self.lasts else self.ended_ms
        begin_ms = self.begun_after_ms
        return None if end_ms is None or begin_ms is None else end_ms - begin_ms

    @property
    def noted_ms(self) -> int | None:
        """From noted beginning to noted end, where its bounds are so close that one figure says it.

        None where somebody was blind at an end of it or within it, and where polls were far apart.
        """
        begun, ended = self.run.begun_after_ms == self.run.begun_by_ms, self.run.ended_by_ms
        if not begun or self.run.unseen_ms or not (self.lasts or ended == self.run.ended_after_ms):
            return None
        noted = self.run.ended_after_ms - self.run.begun_by_ms
        wide = (self.most_ms or noted) - self.least_ms - self.short_ms
        return noted if wide <= max(CLOSE_MS, noted * CLOSE) else None

    @property
    def likely_ms(self) -> int:
        """One figure where a formula wants one: as noted, else the middle of the bounds, else the least."""
        if self.noted_ms is not None:
            return self.noted_ms
        return self.least_ms if self.most_ms is None else (self.least_ms + self.most_ms) // 2

    def length(self, momentary_ms: int) -> Length:
        """Return what it is, by what is noted: so the polls' own width never changes the class."""
        if self.run.least_ms - self.short_ms > momentary_ms:
            return "sustained"
        most = self.run.most_ms
        return "either" if self.lasts or most is None or most > momentary_ms else "momentary"

    def within(self, start_ms: int, end_ms: int) -> tuple[int, int | None]:
        """Return the least and the most of it that lies in [start, end), ms."""
        hidden = self.run.unseen_ms + self.short_ms
        least = min(self.ended_after_ms, end_ms) - max(self.begun_ms, start_ms) - hidden
        last = self.run.ended_after_ms if self.lasts else self.ended_ms
        if self.begun_after_ms is None and start_ms < self.begun_ms:
            return max(0, least), None
        if last is None:
            return max(0, least), None
        most = min(last, end_ms) - max(self.begun_after_ms or start_ms, start_ms)
        return max(0, least), max(0, most)

    def likely_within(self, start_ms: int, end_ms: int) -> int:
        """As `likely_ms`, of what lies in [start, end)."""
        if self.noted_ms is not None:
            return max(0, min(self.begun_ms + self.noted_ms, end_ms) - max(self.begun_ms, start_ms))
        least, most = self.within(start_ms, end_ms)
        return least if most is None else (least + most) // 2


@dataclass(frozen=True, slots=True)
class Interruption:
    """One interruption."""

    kind: Kind
    meter_id: int | None
    """Whose circuit; None: all incomers, where there are several."""
    time: Stretch
    part_of: str = ""
    """Key of the failure of supply that it belongs to."""
    evidence: str = ""

    @property
    def subject(self) -> str:
        """What it is of, as entries name it."""
        return "site" if self.meter_id is None else f"meter:{self.meter_id}"

    @property
    def key(self) -> str:
        """Its name: what it is of, and when it was noted."""
        return f"{self.subject}@{self.time.begun_ms}"


@dataclass(frozen=True, slots=True)
class Total:
    """What a month's interruptions of one circuit, or of supply, come to."""

    count: int = 0
    """Those that began in it, phase losses left out."""
    sustained: int = 0
    momentary: int = 0
    either: int = 0
    phase_losses: int = 0
    noted_ms: int | None = 0
    """Time without supply within the month; None where it is known between bounds only."""
    least_ms: int = 0
    most_ms: int | None = 0
    lasts: bool = False


def found(
    rows: Mapping[int, Sequence[Piece]],
    roles: Mapping[int, Role],
    blind: Sequence[Blind],
    until_ms: int,
    *,
    lasting_ms: int,
) -> list[Interruption]:
    """Return the interruptions of a station, by their beginning, those of supply before their feeders'.

    Args:
        rows: by meter what was known of its circuit from when on (`spans.timeline`).
        roles: by meter; of one without a row nothing is known.
        blind: when nobody looked.
        until_ms: now, or the end of what is known.
        lasting_ms: blind spots up to this length break nothing; but they were not seen either.
    """
    short = [spot for spot in blind if spot.end_ms - spot.start_ms <= lasting_ms]

    def of(row: Sequence[Piece], states: Collection[str]) -> list[Stretch]:
        return [Stretch(run, _hidden(run, short)) for run in runs(row, states, until_ms)]

    incomers = [meter for meter, role in roles.items() if role == "incomer"]
    supply: list[Interruption] = []
    if len(incomers) == 1:
        supply = [
            Interruption("supply", incomers[0], one) for one in of(rows.get(incomers[0], []), ("dead",))
        ]
    elif incomers:
        both = together([rows.get(meter, []) for meter in incomers], ("dead",), "live")
        supply = [Interruption("supply", None, one) for one in of(both, ("dead",))]
    others: list[Interruption] = []
    for meter, role in roles.items():
        row = rows.get(meter, [])
        if role == "feeder" or (role == "incomer" and len(incomers) > 1):
            kind: Kind = "feeder" if role == "feeder" else "incomer"
            others += [Interruption(kind, meter, one) for one in of(row, ("dead",))]
        if role != "generator":
            others += [Interruption("phase_lost", meter, one) for one in of(row, ("phase_lost",))]
    carried = [
        one
        for meter, role in roles.items()
        if role == "generator"
        for one in of(rows.get(meter, []), RUNNING)
    ]
    spans = [(failure, _until(failure.time, carried)) for failure in supply]
    others = [replace(one, part_of=_belongs(one.time, spans, carried)) for one in others]
    return sorted(
        [*supply, *others], key=lambda one: (one.time.begun_ms, _ORDER[one.kind], one.meter_id or 0)
    )


RUNNING = ("live", "phase_lost")
"""A generator with voltage runs."""
_ORDER = {"supply": 0, "incomer": 1, "feeder": 2, "phase_lost": 3}


def total(some: Iterable[Interruption], start_ms: int, end_ms: int, momentary_ms: int) -> Total:
    """Return what the interruptions of one circuit come to in [start, end), UTC ms.

    Counted where they began; their time where it was. Phase losses have a count of their own, no time.
    """
    counts = {"count": 0, "sustained": 0, "momentary": 0, "either": 0, "phase_losses": 0}
    noted: int | None = 0
    least, most, lasts = 0, 0, False
    open_end = False
    for one in some:
        time = one.time
        begins = start_ms <= time.begun_ms < end_ms
        if one.kind == "phase_lost":
            counts["phase_losses"] += begins
            continue
        if begins:
            counts["count"] += 1
            counts[time.length(momentary_ms)] += 1
        low, high = time.within(start_ms, end_ms)
        least, most, lasts = least + low, most + (high or 0), lasts or (time.lasts and end_ms > time.begun_ms)
        open_end = open_end or high is None
        exact = time.noted_ms
        if noted is not None and exact is not None:
            noted += time.likely_within(start_ms, end_ms)
        else:
            noted = None
    return Total(**counts, noted_ms=noted, least_ms=least, most_ms=None if open_end else most, lasts=lasts)


def _earlier(one: int | None, other: int | None) -> int | None:
    return one if one is None or other is None else min(one, other)


def _hidden(run: Run, short: Iterable[Blind]) -> int:
    return sum(
        max(0, min(spot.end_ms, run.ended_after_ms) - max(spot.start_ms, run.begun_by_ms)) for spot in short
    )


def _until(failure: Stretch, carried: Iterable[Stretch]) -> int | None:
    """Return until when what happens belongs to a failure: with the change-over back; None: still."""
    if failure.ended_ms is None:
        return None
    last = failure.ended_ms
    for run in carried:
        end = run.ended_ms if run.ended_ms is not None else failure.ended_ms + CHANGE_BACK_MS
        if run.begun_ms <= failure.ended_ms and end >= failure.begun_ms:
            last = max(last, min(end, failure.ended_ms + CHANGE_BACK_MS))
    return last


def _belongs(
    time: Stretch, failures: Iterable[tuple[Interruption, int | None]], carried: Sequence[Stretch]
) -> str:
    for failure, until_ms in failures:
        if _was_over(time, failure.time.begun_ms, carried):
            continue
        begin = failure.time.begun_ms if failure.time.begun_after_ms is None else failure.time.begun_after_ms
        if time.begun_ms >= begin - TOGETHER_MS and (
            until_ms is None or time.begun_ms <= until_ms + TOGETHER_MS
        ):
            return failure.key
    return ""


def _was_over(time: Stretch, begun_ms: int, carried: Iterable[Stretch]) -> bool:
    """Return whether a circuit had supply again before a failure was seen, and from no generator.

    Where nobody saw the incomers for long, the failure may have begun before; then not with this circuit.
    """
    back_ms = time.ended_ms
    if back_ms is None or back_ms >= begun_ms:
        return False
    return not any(
        run.begun_ms - TOGETHER_MS <= back_ms and (run.ended_ms is None or run.ended_ms >= back_ms)
        for run in carried
    )
