"""Rounds by the book: on a grid or without pause, with what each meter said and when."""

import itertools
from collections import defaultdict

from substation.bus.scan import Scanner
from substation.bus.schedule import Schedule
from substation.readings import Reading
from tests.bus.fake_wire import FakeWire
from tests.fake_clock import FakeClock


class Rounds:
    """Drives a scanner as the poller does."""

    def __init__(self, scanner: Scanner, wire: FakeWire, clock: FakeClock, interval_s: float = 2.0) -> None:
        self.scanner, self.wire, self.clock = scanner, wire, clock
        self.schedule = Schedule(interval_s, clock)
        self.words: list[str] = []
        self.good_ms: dict[int, list[int]] = defaultdict(list)
        """When each meter had a good reading."""

    def one(self) -> dict[int, Reading]:
        """Make one round; return its readings."""
        self.wire.asked.clear()
        self.wire.blocks.clear()
        self.wire.made.clear()
        self.schedule.begin()
        readings = self.scanner.round(self.schedule.idle_until_s)
        self.words += [notice.words for notice in self.scanner.notices()]
        for reading in readings:
            if reading.answered:
                self.good_ms[reading.meter_id].append(reading.at_ms)
        self.clock.sleep(max(0.0, self.schedule.due_s - self.clock.monotonic()))
        return {reading.meter_id: reading for reading in readings}

    def run(self, seconds: float) -> None:
        """Make rounds for so long."""
        end_s = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end_s:
            self.one()

    def forget(self) -> None:
        """Count anew from now."""
        self.good_ms.clear()

    def updates(self, *meter_ids: int) -> int:
        """Good readings of these meters."""
        return sum(len(self.good_ms[meter_id]) for meter_id in meter_ids)

    def worst_gap_s(self, *meter_ids: int) -> float:
        """The longest time between two good readings of one of these meters."""
        gaps = [
            (later - earlier) / 1000
            for meter_id in meter_ids
            for earlier, later in itertools.pairwise(self.good_ms[meter_id])
        ]
        return max(gaps)
