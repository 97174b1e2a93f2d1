"""How a meter is doing on the wire: failures in a row, lost, back, back-off, counters, patience. Pure.

A meter is

- `OK` until its second failure in a row,
- `Communication failed` from then on,
- *lost* after the third: it leaves the round, so that it cannot slow the others, and is only probed
  in idle line time; where there is none, every 3 s, in the slots that lost meters leave free.

Some gateways answer for a silent meter with a refusal that could be its own. The third of those in a row
counts as the third failure.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from substation.errors import LinkError
from substation.readings import Quality

FAILED_AFTER = 2
LOST_AFTER = 3
LEAST_TIMEOUT_S = 0.25
"""100 ms gave false time-outs in the field."""
NEW_TIMEOUT_S = 0.5
"""For a meter that was never heard."""
LONGEST_TIMEOUT_S = 1.0
TURNAROUNDS = 4
REMEMBERED = 100
"""Answers whose turnarounds are kept for p50 and p95."""
FADE = 0.1
"""Share by which a shorter turnaround pulls the learned one down; a longer one counts at once."""
PROBE_EVERY_S = 3.0
"""Of a lost meter where the line is never idle: so a return is seen within 5 s."""

CommStatus = Literal["OK", "Communication failed"]
COUNTERS = ("asked", "ok", "timeout", "crc", "wrong", "refused", "noise")
COUNTED_AS: dict[str, str] = {
    "timeout": "timeout",
    "hung_up": "timeout",
    "gateway_path": "timeout",
    "gateway_target": "timeout",
    "doubtful": "timeout",
    "crc": "crc",
    "short": "crc",
    "wrong_id": "wrong",
    "wrong_function": "wrong",
    "wrong_transaction": "wrong",
    "length": "wrong",
    "echo": "noise",
    "noise": "noise",
}


@dataclass(slots=True)
class Health:
    """One meter on the wire. Times are monotonic seconds."""

    failures: int = 0
    """In a row."""
    lost_s: float | None = None
    """When its last good answer, or the first failure, was; None while it takes part in the round."""
    detail: str = ""
    """Why the last transaction failed, in words; empty after a good one."""
    last_good_ms: int | None = None
    turnaround_s: float | None = None
    """The longest of late: what patience is computed from."""
    least_turnaround_s: float | None = None
    """The shortest ever: what the wire's limit is computed from."""
    probe_due_s: float = 0.0
    """When a lost meter is probed even though the line is not idle."""
    probes: int = 0
    refusing: bool = False
    """Whether it answers, but with an exception."""
    answered_for: int = 0
    """Refusals in a row that a gateway may have made up for a silent meter."""
    line_down: bool = False
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    kinds: dict[str, int] = field(default_factory=dict)
    """Each kind of failure under its own name."""
    turnarounds: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """Of the last answers, s."""
    _since_s: float = 0.0

    @property
    def lost(self) -> bool:
        """Whether it has left the round."""
        return self.lost_s is not None

    @property
    def comm_status(self) -> CommStatus:
        """The word on screen."""
        down = self.line_down or self.failures >= FAILED_AFTER
        return "Communication failed" if down else "OK"

    @property
    def timeout_s(self) -> float:
        """How long the meter may think: 4 x its turnaround, 250 ms to 1 s."""
        if self.turnaround_s is None:
            return NEW_TIMEOUT_S
        return min(LONGEST_TIMEOUT_S, max(LEAST_TIMEOUT_S, TURNAROUNDS * self.turnaround_s))

    @property
    def patient(self) -> bool:
        """Whether the next probe waits up to the longest time: every other one of a lost meter.

        So one that has become slow is found again, and its new turnaround learned.
        """
        return self.lost and self.probes % 2 == 1

    @property
    def turnaround_p50_s(self) -> float | None:
        """The median turnaround of the last 100 answers, s."""
        return percentile(self.turnarounds, 0.5)

    @property
    def turnaround_p95_s(self) -> float | None:
        """What 95 % of the last 100 answers stayed within, s."""
        return percentile(self.turnarounds, 0.95)

    def heard(self, turnaround_s: float, *, noise: bool, within_s: float | None = None) -> None:
        """Take a valid answer to a request: count it, learn the meter's turnaround.

        One beyond the time-out that was in force (`within_s`, default the learned one) teaches
        nothing: a part of it was a pause of ours. `noise` says whether bytes had to be skipped before it.
        """
        in_force_s = self.timeout_s if within_s is None else within_s
        self.counts["asked"] += 1
        self.counts["ok"] += 1
        if noise:
            self._count("noise")
        if turnaround_s > in_force_s:
            return
        self.turnarounds.append(turnaround_s)
        least = self.least_turnaround_s
        self.least_turnaround_s = turnaround_s if least is None else min(least, turnaround_s)
        known = self.turnaround_s
        if known is None or turnaround_s >= known:
            self.turnaround_s = turnaround_s
        else:
            self.turnaround_s = known + FADE * (turnaround_s - known)

    def unanswered(self, kind: str) -> None:
        """Count a request that brought no valid answer, under its kind."""
        self.counts["asked"] += 1
        self._count(kind)

    def _count(self, kind: str) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        column = "refused" if kind.startswith("exception_") else COUNTED_AS.get(kind, "noise")
        self.counts[column] += 1

    def good(self, now_s: float, at_ms: int) -> float | None:
        """Take a good poll. Returns for how many seconds it had been away, or None when it was not lost."""
        away = None if self.lost_s is None else now_s - self.lost_s
        self.failures, self.lost_s, self.detail = 0, None, ""
        self.refusing = self.line_down = False
        self.probes = self.answered_for = 0
        self.last_good_ms = at_ms
        return away

    def refused(self, error: LinkError) -> None:
        """Take a refusal: the meter is there and said no, so the wire is fine and nothing is backed off."""
        self.failures, self.lost_s = 0, None
        self.refusing, self.line_down = True, False
        self.probes = self.answered_for = 0
        self.detail = str(error)

    def perhaps_silent(self, error: LinkError, now_s: float) -> bool:
        """Take a refusal of a gateway's, which says it of silent meters too. Returns as `failed`.

        A refusal until it is the third poll in a row without a valid answer, a failure from then on.
        """
        if self.failures + self.answered_for == 0:
            self._since_s = now_s
        self.answered_for += 1
        if self.lost or self.failures + self.answered_for >= LOST_AFTER:
            self.failures = max(self.failures, LOST_AFTER - 1)
            return self.failed(error, now_s)
        self.refusing, self.line_down = True, False
        self.detail = str(error)
        return False

    def failed(self, error: LinkError, now_s: float) -> bool:
        """Take a failed poll or probe. Returns whether the meter became lost by it."""
        if self.failures + self.answered_for == 0:
            self._since_s = now_s
        self.failures += 1
        self.detail = str(error)
        self.refusing = self.line_down = False
        if self.lost:
            self.probes += 1
            self.probe_due_s = now_s + PROBE_EVERY_S
        elif self.failures + self.answered_for >= LOST_AFTER:
            self.failures = max(self.failures, LOST_AFTER)
            self.lost_s = self._since_s
            self.probe_due_s = now_s + PROBE_EVERY_S
            return True
        return False

    def unreachable(self, error: LinkError) -> None:
        """Take that the line itself is down: no fault of the meter's, but nothing is known of it."""
        self.line_down, self.detail = True, str(error)


def reading_reason(error: LinkError) -> tuple[Quality, str]:
    """Return the quality and the reason under which a failed poll is stored."""
    refused = error.kind.startswith("exception_")
    return (Quality.REFUSED if refused else Quality.NO_ANSWER), error.kind


def percentile(values: Iterable[float], share: float) -> float | None:
    """Return the least of the values that at least this share of them do not exceed; None of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def span(seconds: float) -> str:
    """Return a span of time as a person says it: `4 min 12 s`, `2 h 5 min`, `3 d 4 h`."""
    whole = round(seconds)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    for place, (size, name) in enumerate(units):
        if whole >= size or name == "s":
            text = f"{whole // size} {name}"
            rest = whole % size
            if rest and place + 1 < len(units):
                small, small_name = units[place + 1]
                if rest >= small:
                    text += f" {rest // small} {small_name}"
            return text
    return "0 s"
