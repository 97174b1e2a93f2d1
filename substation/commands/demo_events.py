"""The events of the demo's past: what a poller would have noted of the readings that were made up.

Without them a chart would show a failure of supply that the list of events does not know.
"""

from collections.abc import Iterable, Iterator

from substation.alarms.supply import WORDS, Supply, judge_voltages
from substation.readings import Reading
from substation.settings.model import Settings
from substation.store.events import Event


class SupplyChanges:
    """Judges round by round, by the same rule of voltages, and says what has changed."""

    def __init__(self, settings: Settings) -> None:
        """Know nothing yet: the first round is not a change, unless `knows` told what was before it."""
        self._settings = settings
        self._states: dict[int, Supply] = {}
        self._live: dict[int, dict[str, bool]] = {}

    def knows(self, readings: Iterable[Reading]) -> None:
        """Take what the meters said before the first round."""
        for _ in self.of(readings):
            pass

    def of(self, readings: Iterable[Reading]) -> Iterator[Event]:
        """Give the changes that a round shows."""
        for reading in readings:
            meter = self._settings.meter(reading.meter_id)
            if meter is None:
                continue
            before = self._live.get(meter.id, {})
            new, evidence, live = judge_voltages(reading, self._settings.nominal_v(meter), before)
            old = self._states.get(meter.id)
            self._live[meter.id], self._states[meter.id] = live, new
            if old is not None and old != new and "unknown" not in (old, new):
                words = WORDS[meter.role]
                yield Event(reading.at_ms, "supply", meter.id, words[old], words[new], evidence)
