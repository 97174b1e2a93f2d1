"""What of a line is shown: an unchanging picture, made by the thread that polls the line.

Health, counters and notices of a line are changed by one thread only, the one that polls it. Whoever
else wants to know takes the newest `View`: it is made whole and then put in the old one's place by one
assignment, so nobody can see it half made, and nobody needs a lock that a hanging line would hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from substation.alarms.supply import Verdict
from substation.bus.health import COUNTERS
from substation.bus.scan import Scanner, Seat
from substation.bus.seating import Faulty
from substation.settings.model import Line


@dataclass(frozen=True, slots=True)
class View:
    """One line and its meters as they stood at one moment."""

    down: str | None
    """Why the line is down, in words; None while it is up."""
    failed: frozenset[int]
    """Meters whose communication had failed at the end of the last round."""
    busy_s: float
    """Seconds spent on transactions since the start."""
    waited_s: float
    """Those of them that went into waiting for meters that stayed silent."""
    round_s: float
    limit_s: float
    advice: tuple[str, ...]
    """What somebody should look at, of line and meters."""
    line_advice: tuple[str, ...]
    """The part of it that is about adapter and line."""
    meters: Mapping[int, Mapping[str, Any]]
    """What the heartbeat says of each meter, by its number."""


def failed_of(scanner: Scanner) -> frozenset[int]:
    """Return the meters whose communication has failed."""
    return frozenset(seat.meter.id for seat in scanner.seats if seat.health.comm_status != "OK")


def view_of(scanner: Scanner, failed: frozenset[int] | None = None) -> View:
    """Return the line as it stands now; `failed` as it was at the end of the last round."""
    late: Mapping[int, int] = getattr(scanner.line, "late", {})  # a stand-in's wire keeps no such book
    return View(
        scanner.down,
        failed_of(scanner) if failed is None else failed,
        scanner.line.busy_s,
        scanner.waited_s,
        scanner.last_round_s,
        scanner.limit_s,
        tuple(advice_of(scanner)),
        tuple(scanner.line.advice()),
        {seat.meter.id: _meter(seat, late.get(seat.meter.modbus_id, 0)) for seat in scanner.seats},
    )


def advice_of(scanner: Scanner) -> list[str]:
    """Return what somebody should look at, in words for the state line."""
    found = [scanner.down] if scanner.down else []
    found += scanner.line.advice()
    found += [f"{seat.named}: {seat.doubt}" for seat in scanner.seats if seat.doubt]
    doubted = {seat.meter.profile: seat for seat in scanner.seats if seat.profile.warning}
    found += [f"meter profile {name}: {seat.profile.warning}" for name, seat in doubted.items()]
    return found


def _meter(seat: Seat, late: int) -> dict[str, Any]:
    health = seat.health
    return {
        "comm_status": health.comm_status,
        "comm_detail": health.detail,
        "last_good_ms": health.last_good_ms,
        **health.counts,
        "late": late,
        "kinds": dict(health.kinds),
        "turnaround_ms": _ms(health.turnaround_s),
        "turnaround_p50_ms": _ms(getattr(health, "turnaround_p50_s", None)),
        "turnaround_p95_ms": _ms(getattr(health, "turnaround_p95_s", None)),
        "disabled": dict(getattr(seat, "disabled", {})),
        "extras": {key: list(value) for key, value in getattr(seat, "extras", {}).items()},
        "identity": dict(getattr(seat, "identity", {})),
        "doubt": seat.doubt,
        "fault": "",
    }


def faulty_meter(faulty: Faulty) -> dict[str, Any]:
    """Return what the heartbeat says of a meter that is not polled."""
    return {
        "comm_status": "Communication failed",
        "comm_detail": faulty.fault,
        "last_good_ms": None,
        **dict.fromkeys(COUNTERS, 0),
        "late": 0,
        "kinds": {},
        "turnaround_ms": None,
        "turnaround_p50_ms": None,
        "turnaround_p95_ms": None,
        "disabled": {},
        "extras": {},
        "identity": {},
        "doubt": "",
        "fault": faulty.fault,
    }


def beat_of(meter_id: int, said: Mapping[str, Any], verdict: Verdict | None) -> dict[str, Any]:
    """Return a meter's entry of the heartbeat: how it is on the wire, and its supply."""
    return {
        "id": meter_id,
        "supply": verdict.supply if verdict else "unknown",
        "status": verdict.status if verdict else "Unknown",
        "evidence": verdict.evidence if verdict else "",
        "since_ms": verdict.since_ms if verdict else None,
        **said,
    }


def line_beat(line: Line, seen: View, busy: float, paused: str) -> dict[str, Any]:
    """Return a line's entry of the heartbeat.

    `busy` is the share of the time now, `waited` the share of the busy time since the start that went into
    waiting for meters that stayed silent.
    """
    return {
        "name": line.name,
        "kind": line.kind,
        "port": line.port,
        "state": "down" if seen.down else "up",
        "detail": seen.down or "",
        "busy": busy,
        "waited": round(min(1.0, seen.waited_s / seen.busy_s), 3) if seen.busy_s else 0.0,
        "advice": list(seen.line_advice),
        "round_s": round(seen.round_s, 4),
        "limit_s": round(seen.limit_s, 4),
        "paused": paused,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
