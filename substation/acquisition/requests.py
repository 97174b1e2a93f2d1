"""What people ask of the poller, obeyed between two rounds: probe a meter, scan a line, check its wiring.

Looked for each second (`Requests.look`). What cannot be obeyed is declined in words; what can is done on
the wire of one line, whose polling pauses meanwhile and goes on by itself, also when the request fails.
One at a time. Everything is in the audit log with who asked for it, and nothing here can write to a
meter: all of it goes through `bus.line`, which sends reads only.

With one line, the request runs in the poller's own loop, and feeds heartbeat and watchdog between two
questions. With several, the line's worker does it, and the other lines do not notice.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from substation.audit import Audit
from substation.bus import commission
from substation.bus.plant import Plant
from substation.bus.scan import Scanner
from substation.clock import Clock
from substation.errors import Busy, RequestError, SubstationError
from substation.readings import Reading
from substation.settings.model import Home, Meter, Settings
from substation.store import requests
from substation.store.requests import YOUNG_MS, Answer, Request, State

SURELY_S = 10.0
"""So often the database is opened even if its files look unchanged: a file system's clock is coarse."""
PROGRESS_S = 0.25
"""Progress is written at most so often."""
PROBE = "probe"


class Requests:
    """The requests of one run of the poller."""

    def __init__(self, home: Home, clock: Clock, audit: Audit, started_ms: int) -> None:
        """Look in `home`; what was asked before `started_ms` is not obeyed."""
        self._home, self._clock, self._audit = home, clock, audit
        self._since_ms = started_ms
        self._last_id = 0
        self._stamp: requests.Stamp = ()
        self._opened_s: float | None = None
        self._current: Request | None = None
        self._where: tuple[Plant, str] | None = None
        self._said_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether a request is being obeyed."""
        return self._current is not None

    def look(self, settings: Settings, plant: Plant, between: Callable[[], bool]) -> None:
        """Obey or decline what is new.

        Args:
            settings: in force.
            plant: the lines.
            between: called between two questions to the one line; True = end early.

        Raises StoreError and OSError where asking or answering is impossible; polling goes on.
        """
        if self._opened_s is None:
            self._close_what_was_broken_off()
        if self._where is not None and (self._where[0] is not plant or self._where[1] in plant.still):
            self.end("the line is not polled any more as it was; ask again")
        stamp, now_s = requests.stamp(self._home.operator), self._clock.monotonic()
        if stamp == self._stamp and self._opened_s is not None and now_s - self._opened_s < SURELY_S:
            return
        self._opened_s = now_s
        try:
            found = requests.after(self._home.operator, self._last_id)
        except Busy:
            self._stamp = ()
            return
        self._stamp = stamp
        for request in found:
            self._last_id = request.id
            self._take(request, settings, plant, between)

    def end(self, words: str) -> None:
        """Answer what is under way, if anything is: it is not waited for any more."""
        request, where = self._current, self._where
        self._current = self._where = None
        if request is not None and where is not None:
            where[0].resumed(where[1])
            self._say(self._answer(request, "refused", f"ended early: {words}"))

    def _close_what_was_broken_off(self) -> None:
        for said in requests.running(self._home.answers):
            words = "broken off: the poller was started anew meanwhile; ask again"
            self._say(replace(said, state="refused", words=words))

    def _take(self, request: Request, settings: Settings, plant: Plant, between: Callable[[], bool]) -> None:
        age_ms = self._clock.now_ms() - request.at_ms
        if request.at_ms < self._since_ms and (
            age_ms > YOUNG_MS or requests.answered(self._home.answers, request.id)
        ):
            return  # of an earlier run, and nobody waits for it any more
        try:
            self._admit(request, age_ms)
            if request.kind == PROBE:
                meter = _meter(request, settings, plant)
                line, job = meter.line, self._probe(meter)
            else:
                line = commission.line_for(request.kind, request.arguments, settings).name
                if request.arguments.get("ids") is not None:
                    commission.parse_ids(request.arguments["ids"])
                job = self._commission(request, settings)
            if line in plant.still:
                raise RequestError(f"{line} stands still: its adapter or gateway hangs")
        except RequestError as exc:
            self._decline(request, str(exc))
            return
        self._current, self._where, self._said_s = request, (plant, line), 0.0
        self._record(request, "request.obeyed", f"on {line}")
        self._progress(request, 0.0, f"begins on {line}")
        words = f"{request.kind}, asked for by {request.asked_by}; polling goes on by itself"

        def done(scanner: Scanner, alive: Callable[[], bool]) -> Sequence[Reading]:
            if self._current is not request:
                return ()  # given up meanwhile, and answered
            try:
                return self._do(request, job, scanner, alive)
            finally:
                if self._current is request:
                    self._current = self._where = None
                    plant.resumed(line)

        def among() -> bool:
            ended = between()
            self.look(settings, plant, between)  # whoever asks meanwhile is told at once
            return ended

        plant.give(line, words, done, among)

    def _admit(self, request: Request, age_ms: int) -> None:
        """Raise RequestError for what is not even looked into."""
        if request.at_ms < self._since_ms:
            raise RequestError("the poller was started after this was asked; ask again")
        if age_ms > YOUNG_MS:
            raise RequestError(f"asked for {age_ms // 1000} s ago and not obeyed any more; ask again")
        if request.kind != PROBE and request.kind not in commission.KINDS:
            known = ", ".join((PROBE, *commission.KINDS))
            raise RequestError(f"'{request.kind}' is not known; known: {known}")
        if (now := self._current) is not None:
            raise RequestError(f"a {now.kind} for {now.asked_by} is under way; ask again when it is over")

    def _probe(self, meter: Meter) -> "_Job":
        def job(scanner: Scanner, alive: Callable[[], bool]) -> "_Found":
            reading = scanner.ask_now(meter.id)
            if reading is None:
                raise RequestError(f"meter {meter.id} {meter.name} is not polled on {meter.line}")
            health = next(seat.health for seat in scanner.seats if seat.meter.id == meter.id)
            thinks_ms = None if health.turnaround_s is None else round(health.turnaround_s * 1000, 1)
            present = sum(value is not None for value in reading.values.values())
            words = (
                f"meter {meter.id} {meter.name} answers: {present} values, turnaround {thinks_ms} ms"
                if reading.answered
                else f"meter {meter.id} {meter.name} does not answer as it should: {health.detail}"
            )
            result = {
                "meter": meter.id,
                "answered": reading.answered,
                "kind": reading.reason or "ok",
                "values": present,
                "turnaround_ms": thinks_ms,
                "at_ms": reading.at_ms,
            }
            return words, result, (reading,)

        return job

    def _commission(self, request: Request, settings: Settings) -> "_Job":
        def job(scanner: Scanner, alive: Callable[[], bool]) -> "_Found":
            def tick(progress: float, words: str) -> bool:
                self._progress(request, progress, words)
                return alive()

            outcome = commission.run(
                request.kind,
                request.arguments,
                settings=settings,
                wire=scanner.line,
                clock=self._clock,
                profiles=self._home.profiles,
                tick=tick,
            )
            return outcome.words, outcome.result, ()

        return job

    def _do(
        self, request: Request, job: "_Job", scanner: Scanner, alive: Callable[[], bool]
    ) -> Sequence[Reading]:
        """Do it and answer, whatever comes; what nobody foresaw goes on to whoever names it as a problem."""
        said = self._answer(request, "refused", "ended by an internal fault; the poller's log says which")
        try:
            words, result, found = job(scanner, alive)
            said = replace(self._answer(request, "done", words), progress=1.0, result=result)
        except SubstationError as exc:
            error = {"error": type(exc).__name__, "kind": getattr(exc, "kind", "")}
            said, found = replace(self._answer(request, "refused", str(exc)), result=error), ()
            if isinstance(exc, RequestError):
                self._record(request, "request.declined", str(exc), ok=False)
        finally:
            self._say(said)
        return found

    def _decline(self, request: Request, words: str) -> None:
        self._record(request, "request.declined", words, ok=False)
        self._say(self._answer(request, "refused", words))

    def _record(self, request: Request, event: str, words: str, *, ok: bool = True) -> None:
        self._audit.write(
            event,
            user=request.asked_by,
            ok=ok,
            request=request.id,
            kind=request.kind,
            arguments=dict(request.arguments),
            words=words,
        )

    def _progress(self, request: Request, progress: float, words: str) -> None:
        now_s = self._clock.monotonic()
        if self._said_s and now_s - self._said_s < PROGRESS_S:
            return
        self._said_s = now_s
        with contextlib.suppress(OSError):  # the end is what counts, and its fault is named
            said = self._answer(request, "running", words)
            self._say(replace(said, progress=round(min(1.0, max(0.0, progress)), 3)))

    def _answer(self, request: Request, state: State, words: str) -> Answer:
        return Answer(request.id, request.kind, state, words, self._clock.now_ms())

    def _say(self, said: Answer) -> None:
        requests.answer(self._home.answers, said)


_Found = tuple[str, dict[str, Any], Sequence[Reading]]
"""What a job has to say: words, plain JSON, readings for the stores."""
_Job = Callable[[Scanner, Callable[[], bool]], _Found]


def _meter(request: Request, settings: Settings, plant: Plant) -> Meter:
    """Return the meter that is to be probed, or raise RequestError."""
    wanted = request.arguments.get("meter")
    if set(request.arguments) != {"meter"} or wanted is None:
        raise RequestError("probe: name one meter, by its number or name, and nothing else")
    meter = commission.find_meter(settings, wanted)
    if meter is None:
        known = ", ".join(f"{one.id} {one.name}" for one in settings.meters)
        raise RequestError(f"there is no meter '{wanted!s:.40}'; known: {known}")
    for one in plant.faulty:
        if one.meter.id == meter.id:
            raise RequestError(one.words)
    return meter
