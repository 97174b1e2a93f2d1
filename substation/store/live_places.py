"""The live file in its place, and in memory (`spare`) while that place does not take it.

Rows go to one of the two. What went to memory stays there until the history has it: it is the journal of that
time, as the live file is otherwise.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from substation.clock import Clock
from substation.errors import StoreError, WrongStation
from substation.store import live, live_tail, spare
from substation.store.live import HOUR_MS, Cut, LatestPair, LiveFile, LiveRow

RETRY_S = 5.0
"""A place that has failed is tried again so often: a dying card may take half a minute to say no."""
LARGEST_SPARE_BYTES = 12 * 1024 * 1024
"""Three and a half hours of five meters at 2 s; it is charged to the poller's memory."""
SHORTEST_MS = 60_000
PIECE = 5_000
"""Rows of the journal at a time: without a history the live file grows long."""


def latest(path: Path, beat: Mapping[str, Any] | None) -> dict[int, LatestPair]:
    """Return what each meter said last, from the file, or from memory where the poller says it writes there.

    `beat` is its last heartbeat: which of two files is of now no row in them can tell, since the clock may
    have been set between. Raises StoreError when the file cannot be read and nothing stands in for it.
    """
    said = (beat or {}).get("medium")
    named = said.get("live") if isinstance(said, Mapping) else None
    place = next((one for one in spare.places(path) if str(one) == named), None)
    if place is None:
        return live_tail.latest(path)
    newer = live_tail.latest(place)
    try:
        older = live_tail.latest(path)
    except StoreError:
        older = {}
    return older | {meter_id: _joined(older.get(meter_id), pair) for meter_id, pair in newer.items()}


def _pieces(rows: Iterator[LiveRow]) -> Iterator[list[LiveRow]]:
    while piece := list(itertools.islice(rows, PIECE)):
        yield piece


def _joined(older: LatestPair | None, newer: LatestPair) -> LatestPair:
    if older is None or older.newest.simulated != newer.newest.simulated:
        return newer
    return LatestPair(newer.newest, newer.answered or older.answered, {**older.asked, **newer.asked})


class LivePlaces:
    """The writer of the live file, wherever it can be written."""

    def __init__(self, path: Path, zone: ZoneInfo, simulated: bool, clock: Clock) -> None:
        """Name it; nothing is opened."""
        self._path, self._zone, self._simulated, self._clock = path, zone, simulated, clock
        self._file: LiveFile | None = None
        self._spare: LiveFile | None = None
        self._spare_path: Path | None = None
        self._again_s: float | None = None
        self._trouble = StoreError(f"{path} is not open")
        self._is_settled = False

    @property
    def spare_path(self) -> Path | None:
        """Where in memory rows are written now; None while they go to their own place."""
        return self._spare_path if self._spare is not None else None

    def open(self) -> None:
        """Open the file in its place. Raises StoreError; rows go to memory then. Raises WrongStation."""
        if self._file is None:
            self._file = LiveFile(self._path, self._zone, self._simulated)

    def append(self, rows: Sequence[LiveRow], is_there: Callable[[], bool]) -> StoreError | None:
        """Add one round; return the trouble that sent it to memory, if any.

        Raises the trouble where memory does not take it either.
        """
        if self._again_s is None or self._clock.monotonic() >= self._again_s:
            try:
                if not is_there():
                    raise StoreError(f"{self._path} cannot be written: the station's folder is not there")
                self.open()
                if self._file is not None:
                    self._file.append(rows)
            except WrongStation:
                raise
            except StoreError as exc:
                self._trouble = exc
                self._again_s = self._clock.monotonic() + RETRY_S
                self._let_go()
            else:
                self._again_s = None
                self._leave_spare()
                return None
        self._to_spare(rows)
        return self._trouble

    def journal(self) -> Iterator[list[LiveRow]]:
        """Yield in pieces what both places hold; of the other kind of station memory tells nothing."""
        yield from _pieces(live.rows(self._path))
        for place in spare.places(self._path):
            yield from _pieces(row for row in live.rows(place) if row.simulated in (None, self._simulated))

    def settle(self) -> None:
        """Take that the history has all; what memory held may go, unless it is still written to."""
        if self._spare is None and not self._is_settled:
            spare.remove(self._path)
            self._is_settled = True

    def compact(self) -> None:
        """Cut the file to its last hour."""
        if self._file is not None:
            self._file.compact(self._clock.now_ms())

    def cut(self, keep_bytes: int) -> Cut | None:
        """Cut the file to about its newest `keep_bytes`; return what the history never had of it, if any."""
        return self._file.cut(keep_bytes) if self._file is not None else None

    def bytes(self) -> int:
        """Return how long the file in its own place is. Raises OSError."""
        return self._path.stat().st_size

    def close(self) -> None:
        """Close it. What stands in memory stays for the next poller."""
        self._let_go()
        self._leave_spare()

    def _let_go(self) -> None:
        if self._file is not None:  # of a medium that comes back it would be the file of before
            self._file.close()
            self._file = None

    def _leave_spare(self) -> None:
        if self._spare is not None:
            self._spare.close()
            self._spare = None

    def _to_spare(self, rows: Sequence[LiveRow]) -> None:
        self._is_settled = False
        try:
            if self._spare is None:
                place = spare.beside(self._path)
                if place is None:
                    raise self._trouble
                self._spare = self._opened(place)
                self._spare_path = place
            self._spare.append(rows)
            self._bound()
        except StoreError:
            self._leave_spare()
            raise self._trouble from None

    def _opened(self, place: Path) -> LiveFile:
        try:
            return LiveFile(place, self._zone, self._simulated)
        except WrongStation:  # a home of the other kind had this name before
            place.unlink(missing_ok=True)
            return LiveFile(place, self._zone, self._simulated)

    def _bound(self) -> None:
        if self._spare is None or self._spare_path is None:
            return
        keep_ms = HOUR_MS
        while self._spare_path.stat().st_size > LARGEST_SPARE_BYTES and keep_ms >= SHORTEST_MS:
            self._spare.compact(self._clock.now_ms(), keep_ms)
            keep_ms //= 2
