"""What the poller knows of its clock: who vouches for it, when it was set, what was stamped meanwhile.

Schedules and ages use the clock that never steps, so a wrong or a set clock moves no poll. What suffers is
the time that stands on a reading. As long as nobody vouches for the clock (`clock_trust`), every row and
every event is marked with the span that it was stamped in; when somebody does, the offset of each span of
this start of the machine is known and written down, and `datalogger.py clock correct` can move the rows.
"""

import dataclasses
import logging
from collections.abc import Iterable
from typing import Any

from substation.clock import Clock, boot_id
from substation.clock_trust import UNTRUSTED, ClockTrust
from substation.readings import Reading
from substation.store import clock_spans
from substation.store.keeper import Keeper

LOOK_S = 5.0
"""How often somebody who vouches for the clock is looked for."""
STEP_MS = 1000
"""A time server that corrects by less does so smoothly, or it does no harm."""

log = logging.getLogger("poller")


class Timekeeper:
    """The clock of one run of the poller."""

    def __init__(self, clock: Clock, keeper: Keeper, trust: ClockTrust | None) -> None:
        """`trust` is None where the clock is right by definition: a simulated station, a test."""
        self._clock, self._keeper, self._trust = clock, keeper, trust
        self._boot = (trust.boot if trust else None) or boot_id()
        self._skew_ms = self._skew()
        self._looked_s = -LOOK_S
        self._newest_ms: int | None = None
        self.trusted = trust is None
        self._source = ""
        self.span: int | None = None

    @property
    def advice(self) -> list[str]:
        """What somebody should do, in words for the state line."""
        return [] if self.trusted else [UNTRUSTED]

    @property
    def beat(self) -> dict[str, Any]:
        """What the heartbeat says of the clock: whether somebody vouches for it, and who."""
        return {"trusted": self.trusted, "source": self._source}

    def look(self) -> None:
        """Notice a step of the clock, and somebody who vouches for it; costs two calls a round."""
        skew_ms = self._skew()
        step_ms, self._skew_ms = skew_ms - self._skew_ms, skew_ms
        stepped = abs(step_ms) >= STEP_MS
        if stepped:
            self._stepped(step_ms)
        if self._trust is None or self.trusted:
            return
        now_s = self._clock.monotonic()
        if stepped or now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            source = self._trust.source(self._known_ms())
            if source is not None:
                self._vouched(source)
        if not self.trusted and (stepped or self.span is None):  # after a step it is off by another amount
            self.span = self._keeper.begin_clock_span(self._boot, skew_ms)

    def mark(self, readings: Iterable[Reading]) -> tuple[Reading, ...]:
        """Return the readings as they are stored: marked, while nobody vouches for their time."""
        if self.span is None:
            return tuple(readings)
        return tuple(
            dataclasses.replace(reading, reason=clock_spans.marked(reading.reason, self.span))
            for reading in readings
        )

    def _skew(self) -> int:
        return self._clock.now_ms() - round(self._clock.monotonic() * 1000)

    def _known_ms(self) -> int:
        """Return the newest time in the history at the start: the clock cannot truly be before it.

        Without what nobody vouched for, which may lie in a future that never was.
        """
        if self._newest_ms is None:
            self._newest_ms = self._keeper.newest_trusted_ms()
        return self._newest_ms

    def _stepped(self, step_ms: int) -> None:
        words = f"the clock was set {'forward' if step_ms > 0 else 'back'} by {abs(step_ms) / 1000:.1f} s"
        log.warning("%s", words)
        self._keeper.event("clock.step", detail=words)

    def _vouched(self, source: str) -> None:
        self.trusted, self._source = True, source
        if self.span is not None:
            found = self._keeper.vouch_for_clock(self._boot, self._skew_ms)
            self.span = None
            for span in found:
                if span.offset_ms is not None and span.corrected_ms is None:
                    words = (
                        f"readings of clock span {span.id} are off by {span.offset_ms / 1000:+.1f} s; "
                        "datalogger.py clock correct moves them"
                    )
                    if not span.is_off:
                        words = (
                            f"the times of clock span {span.id} were right; datalogger.py clock correct "
                            "takes their marks off, when the station is stopped for another reason"
                        )
                    log.log(logging.WARNING if span.is_off else logging.INFO, "%s", words)
                    self._keeper.event("clock.offset", new=str(span.offset_ms), detail=words)
        log.info("the clock is trusted: %s", source)
        self._keeper.event("clock.trusted", new=source)
