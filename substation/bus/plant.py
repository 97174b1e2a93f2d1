"""All lines of the station with their meters: what the poller drives, and how the heartbeat sees it."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from substation.alarms.supply import Verdict
from substation.bus.health import Health
from substation.bus.line import Line
from substation.bus.scan import Notice, Scanner, Seat, Wire
from substation.clock import Clock
from substation.meters.profile import load
from substation.readings import Reading
from substation.settings.model import Line as LineSettings
from substation.settings.model import Settings

KEPT_ROUNDS = 100_000
"""Round times kept for the summary: more than two days at one round / 2 s."""


class Plant:
    """Every line of one configuration."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        before: "Plant | None" = None,
        make_line: Callable[[LineSettings, Clock], Wire] = Line,
    ) -> None:
        """Plan the lines; nothing is opened yet. Raises ProfileError.

        `before` is the plant of the configuration until now: what was learned of a meter that is
        still the same is kept, and its ports are given back.
        """
        self.scanners = [
            Scanner(
                make_line(line, clock),
                [(meter, load(meter.profile)) for meter in settings.meters if meter.line == line.name],
                clock,
            )
            for line in settings.lines
        ]
        if before:
            self._take_over(before)
        self.round_times_s: list[float] = []
        self._clock = clock
        self._busy = {scanner.line.settings.name: (clock.monotonic(), 0.0) for scanner in self.scanners}
        self._shares = dict.fromkeys(self._busy, 0.0)

    def _take_over(self, before: "Plant") -> None:
        known = {seat.meter.id: seat for seat in before.seats}
        for seat in self.seats:
            old = known.get(seat.meter.id)
            if old and (old.meter.line, old.meter.profile) == (seat.meter.line, seat.meter.profile):
                seat.health = old.health
        before.close()

    @property
    def seats(self) -> list[Seat]:
        """Every meter's place, line by line."""
        return [seat for scanner in self.scanners for seat in scanner.seats]

    @property
    def health(self) -> dict[int, Health]:
        """How each meter is doing, by its id."""
        return {seat.meter.id: seat.health for seat in self.seats}

    @property
    def failed(self) -> frozenset[int]:
        """Meters whose communication has failed."""
        return frozenset(key for key, health in self.health.items() if health.comm_status != "OK")

    @property
    def round_s(self) -> float:
        """How long the last round took, s, without what was done in idle line time."""
        return sum(scanner.last_round_s for scanner in self.scanners)

    @property
    def limit_s(self) -> float:
        """The least a round can take on these wires, s."""
        return sum(scanner.limit_s for scanner in self.scanners)

    @property
    def down(self) -> bool:
        """Whether a line is down."""
        return any(scanner.down for scanner in self.scanners)

    def round(self, idle_until_s: float | None, stopping: Callable[[], bool]) -> tuple[Reading, ...]:
        """Ask all meters of all lines once."""
        readings = tuple(
            reading for scanner in self.scanners for reading in scanner.round(idle_until_s, stopping)
        )
        if self.round_s and len(self.round_times_s) < KEPT_ROUNDS:
            self.round_times_s.append(self.round_s)
        return readings

    def reopen(self) -> bool:
        """Try the lines that are down; return whether one came back."""
        back = [scanner.reopen() for scanner in self.scanners if scanner.down]  # each of them is tried
        return any(back)

    def notices(self) -> list[Notice]:
        """Return what has changed on the lines since the last call."""
        return [notice for scanner in self.scanners for notice in scanner.notices()]

    def advice(self) -> list[str]:
        """Return what somebody should look at, in words for the state line."""
        found = [f"{scanner.down}" for scanner in self.scanners if scanner.down]
        found += [
            f"{scanner.line.settings.name}: the adapter sends our own bytes back; switch its local echo off"
            for scanner in self.scanners
            if scanner.line.echoes
        ]
        return found

    def beat(self, verdicts: Mapping[int, Verdict], *, within_round: bool = False) -> dict[str, Any]:
        """Return what the heartbeat says of the lines and their meters."""
        return {
            "round_s": round(self.round_s, 4),
            "limit_s": round(self.limit_s, 4),
            "lines": self.lines(within_round=within_round),
            "meters": [_beat(seat, verdicts.get(seat.meter.id)) for seat in self.seats],
        }

    def lines(self, *, within_round: bool = False) -> list[dict[str, Any]]:
        """Return the lines as they stand in the heartbeat; `busy` counts since the last call.

        A call within a round shows the last figure again and counts as none: a round without the
        pause after it is always busy.
        """
        shown = []
        now_s = self._clock.monotonic()
        for scanner in self.scanners:
            name = scanner.line.settings.name
            then_s, busy_s = self._busy[name]
            passed_s = now_s - then_s
            if not within_round:
                busy = (scanner.line.busy_s - busy_s) / passed_s if passed_s > 0 else 0.0
                self._busy[name] = (now_s, scanner.line.busy_s)
                self._shares[name] = round(min(1.0, busy), 3)
            shown.append(
                {
                    "name": name,
                    "port": scanner.line.settings.port,
                    "state": "down" if scanner.down else "up",
                    "detail": scanner.down or "",
                    "busy": self._shares[name],
                }
            )
        return shown

    def close(self) -> None:
        """Give every port back."""
        for scanner in self.scanners:
            scanner.line.close()

    def summary(self) -> str:
        """Return what `--rounds` prints: round time against the limit, then one line a meter."""
        times = self.round_times_s
        lines = ["no round on the wire: " + "; ".join(self.advice())]
        if times:
            took, limit = median(times), self.limit_s
            share = f", {limit / took:.1%} of what the wire can do" if limit else ""
            lines = [f"{len(times)} rounds, median {took:.3f} s, wire limit {limit:.3f} s{share}"]
        for seat in self.seats:
            counts, turnaround_s = seat.health.counts, seat.health.turnaround_s
            thinks = "never heard" if turnaround_s is None else f"turnaround {turnaround_s * 1000:.0f} ms"
            counted = ", ".join(f"{name} {count}" for name, count in counts.items())
            lines.append(f"{seat.named}: {seat.health.comm_status}, {counted}, {thinks}")
        return "\n".join(lines)


def _beat(seat: Seat, verdict: Verdict | None) -> dict[str, Any]:
    health = seat.health
    turnaround_s = health.turnaround_s
    return {
        "id": seat.meter.id,
        "supply": verdict.supply if verdict else "unknown",
        "status": verdict.status if verdict else "Unknown",
        "evidence": verdict.evidence if verdict else "",
        "since_ms": verdict.since_ms if verdict else None,
        "comm_status": health.comm_status,
        "comm_detail": health.detail,
        "last_good_ms": health.last_good_ms,
        **health.counts,
        "kinds": dict(health.kinds),
        "turnaround_ms": None if turnaround_s is None else round(turnaround_s * 1000, 1),
    }
