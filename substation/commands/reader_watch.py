"""The main values of one meter each second, as plain lines: works over ssh, into a file, through grep."""

import argparse
import sys
import zoneinfo
from collections.abc import Iterator, Mapping

from substation.bus.commission import find_meter
from substation.clock import Clock, site_time
from substation.commands.reader_station import Here, ThroughPoller
from substation.errors import EXIT_OK, LineDown, LinkError, RequestError
from substation.settings.model import Meter
from substation.store import heartbeat, live_places

EVERY_S = 1.0
MAIN = (
    ("vll_average", "V LL", 1.0, "V", 1),
    ("v_r", "R", 1.0, "V", 1),
    ("v_y", "Y", 1.0, "V", 1),
    ("v_b", "B", 1.0, "V", 1),
    ("current_r", "R", 1.0, "A", 1),
    ("current_y", "Y", 1.0, "A", 1),
    ("current_b", "B", 1.0, "A", 1),
    ("watts_total", "P", 1e-3, "kW", 2),
    ("var_total", "Q", 1e-3, "kvar", 2),
    ("pf_average", "PF", 1.0, "", 3),
    ("frequency", "f", 1.0, "Hz", 2),
)
"""Key, name, factor, unit and decimals of what is shown."""


def shown(values: Mapping[str, float | None]) -> str:
    """Return the main values in one line; `-` for one that the meter does not say."""
    parts = []
    for key, name, factor, unit, decimals in MAIN:
        if key not in values:
            continue
        value = values[key]
        text = "-" if value is None else f"{value * factor:.{decimals}f}"
        parts.append(f"{name} {text} {unit}".rstrip())
    return "  ".join(parts)


def watch(where: Here | ThroughPoller, options: argparse.Namespace, clock: Clock) -> int:
    """Print a line a second until Ctrl+C, or `--count` of them; return the exit code."""
    meter = find_meter(where.settings, options.meter)
    if isinstance(where, Here):
        lines = _by_ourselves(where, options, clock)
    else:
        lines = _by_poller(where, meter, options, clock)
    zone = where.settings.site.zone if where.settings else zoneinfo.ZoneInfo("UTC")
    due_s = clock.monotonic()
    try:
        for number, line in enumerate(lines, start=1):
            print(f"{site_time(clock.now_ms(), zone):%H:%M:%S}  {line}", flush=True)
            if options.count and number >= options.count:
                break
            due_s = max(due_s + EVERY_S, clock.monotonic())
            clock.sleep(due_s - clock.monotonic())
    except KeyboardInterrupt:
        print(file=sys.stderr)
    return EXIT_OK


def _by_ourselves(where: Here, options: argparse.Namespace, clock: Clock) -> Iterator[str]:
    """Yield what the meter says now, or why it says nothing."""
    last_s: float | None = None
    arguments = {"meter": options.meter, "only": [key for key, *_ in MAIN]}
    if options.profile:
        arguments["profile"] = options.profile
    while True:
        asked_s = clock.monotonic()
        try:
            outcome, _ = where.run("read", arguments)
        except LineDown as exc:
            where.wire.close()
            yield f"{exc}{_since(last_s, clock)}"
            continue
        except LinkError as exc:
            yield f"{exc}{_since(last_s, clock)}"
            continue
        last_s = clock.monotonic()
        rows = outcome.result["rows"]
        refused = [row["key"] for row in rows if row["why"]]
        more = f"  ({len(refused)} not read)" if refused else ""
        took_ms = 1000 * (last_s - asked_s)
        yield f"{shown({row['key']: row['value'] for row in rows})}  {took_ms:.0f} ms{more}"


def _since(last_s: float | None, clock: Clock) -> str:
    return "" if last_s is None else f"; last values {clock.monotonic() - last_s:.0f} s ago"


def _by_poller(
    where: ThroughPoller, meter: Meter | None, options: argparse.Namespace, clock: Clock
) -> Iterator[str]:
    """Yield what the poller has last heard: it reads this meter anyhow, and nothing need pause."""
    if meter is None:
        raise RequestError(
            f"the poller runs, and '{options.meter}' is none of its meters; stop it, or use scan and read"
        )
    home = where.loaded.home
    while True:
        pair = live_places.latest(home.live, heartbeat.read(home.heartbeat)).get(meter.id)
        if pair is None:
            yield f"{meter.name}: nothing read yet"
            continue
        row = pair.newest
        age_s = (clock.now_ms() - row.reading.at_ms) / 1000
        if row.reading.answered:
            yield f"{shown(row.reading.values)}  {age_s:.1f} s old"
        else:
            why = row.reading.reason or row.reading.quality
            yield f"no values: {why}, {age_s:.1f} s ago; {row.comm_status}"
