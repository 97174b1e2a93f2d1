"""What `dmf_reader.py --rounds N` prints of a line: its speed against the wire, then every meter."""

from collections.abc import Sequence
from statistics import median

from substation.bus.scan import Scanner
from substation.bus.view import advice_of


def summary_of(scanner: Scanner, times_s: Sequence[float], *, named: bool) -> str:
    """Return round time against the limit, then one line a meter; `named` where there are several lines."""
    lines = [_speed(scanner, times_s)]
    for seat in scanner.seats:
        counts, turnaround_s = seat.health.counts, seat.health.turnaround_s
        thinks = "never heard" if turnaround_s is None else f"turnaround {turnaround_s * 1000:.0f} ms"
        counted = ", ".join(f"{name} {count}" for name, count in counts.items())
        lines.append(f"{seat.named}: {seat.health.comm_status}, {counted}, {thinks}")
    name = f"{scanner.line.settings.name}: " if named else ""
    return "\n".join([name + lines[0], *lines[1:]])


def _speed(scanner: Scanner, times_s: Sequence[float]) -> str:
    if not times_s:
        return "no round on the wire: " + ("; ".join(advice_of(scanner)) or "ended too soon")
    took, limit = median(times_s), scanner.limit_s
    part, of = limit / took, "wire limit"
    if scanner.line.settings.kind != "serial":  # what happens behind a gateway is not seen, but reckoned
        part, of = min(part, 1.0), "estimated wire limit"
    share = f", {part:.1%} of what the wire can do" if limit else ""
    return f"{len(times_s)} rounds, median {took:.3f} s, {of} {limit:.3f} s{share}"
