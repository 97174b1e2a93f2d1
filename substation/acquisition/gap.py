"""The station's own gap: from the last sample of the poller before to the first of this one.

While nobody polls nothing is seen; so no outage is invented for that time, and none hidden: the event
`station.gap` bounds it, says why it came about as far as that is known, and what each meter's own energy
register tells of it. The events `station.start` and `station.stop` are for the next poller: without a stop
after the last start it was killed, and under another boot id the machine was started anew.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

from substation.alarms.advance import Register, advance
from substation.clock import Clock, boot_id, iso, site_time
from substation.errors import StoreError
from substation.readings import Reading
from substation.settings.model import Home, Meter, Settings
from substation.store.keeper import Keeper
from substation.store.last_known import LastKnown, last_known
from substation.store.reader import HistoryReader

LEAST_WAIT_S = 10.0
ROUNDS = 3
"""So many rounds beyond the slow registers' interval every meter that answers has been read whole."""
WORTH_NAMING_ROUNDS = 2
"""A meter whose own gap is longer than the station's by so much is named with it."""


LONGEST_DOUBT_S = 600.0
"""So long a clock that nobody vouches for may keep the gap open: a time server answers in a minute or two."""


@dataclass(frozen=True, slots=True)
class After:
    """One meter's first sample of this poller.

    Its times are counted from the zero of the clock that never steps: what the machine's own clock said then
    may be wrong, and be set before the gap is noted.
    """

    at_ms: int
    watts: float | None
    register: Register | None = None

    def seen_with(self, skew_ms: int) -> "After":
        """Return it with UTC times, by what the machine's clock is ahead of the one that never steps."""
        register = self.register and Register(self.register.at_ms + skew_ms, self.register.wh)
        return After(self.at_ms + skew_ms, self.watts, register)


class StationGap:
    """Waits for the first samples, then notes the gap once."""

    def __init__(
        self, home: Home, settings: Settings, clock: Clock, keeper: Keeper, boot: str | None = None
    ) -> None:
        """Look at what the poller before left, and note that this one starts; the stores are open."""
        self._settings, self._clock, self._keeper = settings, clock, keeper
        self._boot = boot_id() if boot is None else boot
        self._before: dict[int, LastKnown] = {}
        self._reason = "reason unknown"
        self._after: dict[int, After] = {}
        self._started_s = clock.monotonic()
        with contextlib.suppress(StoreError):  # without a history nothing is known of before
            ids = {meter.id for meter in settings.meters}
            self._before = {k: v for k, v in last_known(home.history, clock).items() if k in ids}
            self._reason = _reason(HistoryReader(home.history, clock), self._boot)
        keeper.event("station.start", new=self._boot)
        self.open = bool(self._before)
        """Whether the gap is still to be noted."""

    def take(self, readings: Iterable[Reading], *, trusted: bool = True) -> None:
        """Take a round; note the gap when every meter is back, or has had its time.

        `trusted` says whether somebody vouches for the clock; until then its length is not known.
        """
        if not self.open:
            return
        for reading in readings:
            if reading.answered and reading.meter_id in self._before:
                self._answered(reading)
        waited_s = self._clock.monotonic() - self._started_s
        whole = all(key in self._after and self._after[key].register for key in self._before)
        if not trusted and waited_s <= LONGEST_DOUBT_S:
            return
        if whole or waited_s > self._longest_s:
            self._note()

    def stopped(self) -> None:
        """Note that this poller ends in order, and the gap before it if that still waits."""
        if self.open:
            self._note()
        self._keeper.event("station.stop", new=self._boot)

    @property
    def _longest_s(self) -> float:
        poll = self._settings.poll
        return poll.slow_interval_s + max(LEAST_WAIT_S, ROUNDS * poll.interval_s)

    def _answered(self, reading: Reading) -> None:
        known, at_ms = self._after.get(reading.meter_id), reading.at_ms - self._skew_ms
        first = known or After(at_ms, reading.values.get("watts_total"))
        wh = reading.values.get("wh_received")
        if first.register is None and wh is not None and "wh_received" not in reading.implausible:
            first = After(first.at_ms, first.watts, Register(at_ms, wh))
        self._after[reading.meter_id] = first

    def _note(self) -> None:
        if not self._after:
            return  # nobody has answered yet: the gap goes on
        self.open = False
        self._after = {key: after.seen_with(self._skew_ms) for key, after in self._after.items()}
        from_ms = max(known.at_ms for known in self._before.values())
        until_ms = min(after.at_ms for after in self._after.values())
        said: list[str] = []
        lasted = "a time that is not known: the clock lies before the last sample"
        if until_ms > from_ms:
            lasted = f"{(until_ms - from_ms) / 1000:.0f} s"
            said = [self._words(meter, from_ms, until_ms) for meter in self._settings.meters]
        self._keeper.event(
            "station.gap",
            at_ms=from_ms,
            old=iso(from_ms),
            new=iso(until_ms),
            detail="; ".join([self._reason, f"no samples for {lasted}", *filter(None, said)]),
        )

    @property
    def _skew_ms(self) -> int:
        return self._clock.now_ms() - round(self._clock.monotonic() * 1000)

    def _words(self, meter: Meter, from_ms: int, until_ms: int) -> str:
        before, after = self._before.get(meter.id), self._after.get(meter.id)
        if before is None:
            return ""
        if after is None:
            return f"{meter.name} has not answered since {self._time(before.at_ms)}"
        longer_ms = max(from_ms - before.at_ms, after.at_ms - until_ms)
        bounds = ""
        if longer_ms > WORTH_NAMING_ROUNDS * max(1.0, self._settings.poll.interval_s) * 1000:
            bounds = f" ({self._time(before.at_ms)} to {self._time(after.at_ms)})"
        return f"{meter.name}{bounds} {_registers(before, after)}"

    def _time(self, ms: int) -> str:
        return f"{site_time(ms, self._settings.site.zone):%Y-%m-%d %H:%M:%S}"


def _registers(before: LastKnown, after: After) -> str:
    if before.wh is None or after.register is None:
        return "told no register"
    register = Register(before.wh_at_ms, before.wh)
    went = advance(register, after.register, before.at_ms, after.at_ms, load_w=(before.watts, after.watts))
    if went is None:
        return "has a register that fell: reset or exchanged meanwhile"
    if went.word == "went_on":
        return f"went on by {went.wh:.0f} Wh: supply for at least part of it"
    if went.word == "stood_still":
        return f"stood still ({went.wh:.0f} Wh of about {went.expected_wh:.0f}): no supply, or no load"
    return f"went on by {went.wh:.0f} Wh: too little to tell"


def _reason(reader: HistoryReader, boot: str) -> str:
    start, stop = (reader.of_kind(kind, 1) for kind in ("station.start", "station.stop"))
    if not start:
        return "reason unknown"
    anew = bool(boot and start[0].new and start[0].new != boot)
    if stop and stop[0].at_ms >= start[0].at_ms:
        return "the poller was stopped in order" + (", the machine was started anew" if anew else "")
    if anew:
        return "the machine was started anew: power cut, crash or reset"
    return "the poller was killed"
