"""What somebody wrote into the demo's register: causes and litres of the failures before yesterday's.

Yesterday's waits for its cause, so that a newcomer has something to write.
"""

import contextlib

from substation.clock import Clock, SystemClock, day_start_ms
from substation.settings.model import Home, Settings
from substation.simulator.kept import site_of
from substation.store import entries
from substation.store.entries import Place
from substation.store.operator_db import OperatorDb

BY = "admin"
"""The one user whom every demo has."""
WRITTEN = (
    ("discom", "33 kV feeder tripped at the grid substation", "TPC control"),
    ("fault", "Bird on the 11 kV jumper, E/F flag, relay 51N", "SSE/G"),
    ("permit", "Isolator contacts cleaned, permit 118", "SSE/G"),
    ("shedding", "By roster of the DISCOM", "TPC control"),
)
"""Cause, remark, reported to; the newest failure first."""
KWH_PER_MINUTE, KWH_PER_LITRE = 0.92, 3.3
LEAST_MINUTES = 2.0
"""Of a shorter run nobody reads the dip stick."""


def write(settings: Settings, home: Home, clock: Clock | None = None) -> int:
    """Write them where the demo has none yet; return how many. The dashboard does not run yet."""
    clock = clock or SystemClock()
    zone = settings.site.zone
    site = site_of(home.folder, zone, clock.now_ms())
    until_ms = day_start_ms(site.epoch_ms, zone, 1)
    sources = [meter.id for meter in settings.meters if meter.role == "incomer"]
    sets = [meter.id for meter in settings.meters if meter.role == "generator"]
    old = sorted((one for one in site.failures if one.start_ms < until_ms), key=lambda one: -one.start_ms)
    count = 0
    with contextlib.closing(OperatorDb(home.operator, settings.simulated)) as db:
        if len(sources) != 1 or entries.standing(db, "interruption", 0, clock.now_ms()):
            return 0
        for failure, (cause, remark, reported) in zip(old, WRITTEN, strict=False):
            texts = {"cause": cause, "remark": remark, "reported_to": reported}
            for item, text in texts.items():
                place = Place("interruption", f"meter:{sources[0]}", failure.start_ms, item)
                count += bool(entries.write(db, clock, place, text, BY))
            minutes = (failure.over_ms - failure.start_ms) / 60_000
            if sets and minutes >= LEAST_MINUTES:
                litres = f"{minutes * KWH_PER_MINUTE / KWH_PER_LITRE:.1f}"
                begun_ms = failure.start_ms + round(failure.dg_start_s * 1000)
                place = Place("dg_log", f"meter:{sets[0]}", begun_ms, "consumed")
                count += bool(entries.write(db, clock, place, litres, BY))
    return count
