"""The messenger: sees what the station's alarms do, and brings it to people. One tick after another.

1. Take what came of the messages that were handed over.
2. Look: which alarms stand, which came and went; write down who has to be told (`queue`).
3. Bind what is to be told into messages, hand them to their ways.
4. Let the siren sound, leave a sign of life.

Everything is written down before it is done, so a kill at any moment loses nothing and sends nothing twice of
which the outside's confirmation was written down. It never writes to another store and touches no line.
"""

import contextlib
import functools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from substation.alarms import rule
from substation.alarms.plan import Plan, build
from substation.audit import Audit
from substation.clock import Clock, boot_id
from substation.errors import Busy, Damaged, SettingsError, StoreError, WrongStation
from substation.messages import outgoing, renaming
from substation.messages.asked import Asked
from substation.messages.occurrence import Occurrence
from substation.messages.passed import Passed
from substation.messages.queue import Queue
from substation.messages.queue_file import set_aside, set_aside_ms
from substation.messages.seeing import Seeing
from substation.messages.siren import Siren, sounds
from substation.messages.telling import Telling
from substation.messages.watching import Watching
from substation.messages.ways import Outcome, Way
from substation.settings import files
from substation.settings.files import Loaded
from substation.store import heartbeat

LOOK_S = 1.0
BEAT_S = 2.0
SETTINGS_S = 2.0
AGAIN_S = 10.0
"""A queue that cannot be opened is tried again so often."""
FORGET_S = 6 * 3600.0
log = logging.getLogger("messenger")
_rules = functools.cache(rule.load)


class Messenger:
    """Brings the alarms of one station to people."""

    def __init__(
        self,
        loaded: Loaded,
        clock: Clock,
        audit: Audit,
        *,
        ways: Callable[[Loaded], Mapping[str, Way]] | None = None,
        siren: Siren | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Open nothing but the queue.

        Args:
            loaded: the configuration.
            clock: the time.
            audit: the audit log.
            ways: makes the ways by name, anew with each configuration; those of `outgoing` by default.
            siren: the siren.
            before: see `Queue`.

        Raises:
            WrongStation: the queue is that of a station of the other kind.
        """
        self._clock, self._audit, self._before = clock, audit, before
        self._make_ways = ways or (lambda now: outgoing.ways(now, clock))
        self._siren = siren or Siren()
        self._queue: Queue | None = None
        self._ways: Mapping[str, Way] = {}
        self._retired: list[tuple[str, Way]] = []
        """Of the configuration before, which still work on a message."""
        self._asked = Asked(loaded.home, clock)
        self._waits = Passed(clock)
        """Of the messages that have not arrived."""
        self._telling = Telling(clock, loaded.home, loaded.settings, Plan())
        self._due: dict[str, float] = {}
        self._left: list[tuple[str, Outcome]] = []
        self._problems: dict[str, str] = {}
        self._failure: tuple[str, int, str] | None = None
        self._started_ms = clock.now_ms()
        self._adopt(loaded)
        self._open()

    @property
    def queue(self) -> Queue | None:
        """The queue; None while it cannot be opened."""
        return self._queue

    def _adopt(self, loaded: Loaded) -> None:
        settings = loaded.settings
        self._loaded, self._settings, self._home = loaded, settings, loaded.home
        plan = build(_rules(), settings)
        self._names_hold = False
        self._telling.adopt(loaded.home, settings, plan)
        self._watching = Watching(loaded.home, self._clock, simulated=settings.simulated)
        self._retired += [(name, way) for name, way in self._ways.items() if not way.is_free()]
        for way in self._ways.values():
            way.close()
        self._ways = self._make_ways(loaded)
        hours = settings.messages.give_up_hours
        self._seeing = Seeing(loaded.home, self._clock, plan, self._watching, hours)

    def _open(self) -> None:
        """Open the queue, and settle what was on its way; one that is damaged is set aside."""
        try:
            if not self._home.config.exists():  # an empty folder, where a medium was mounted
                raise StoreError(f"{self._home.folder}: the station's folder is not there; nothing is sent")
            try:
                self._queue, left = self._recovered()
            except Damaged as exc:
                self._set_aside(exc)
                self._queue, left = self._recovered()
            if left:
                log.warning("%d messages were being handed over when the messenger ended", left)
            self._names_hold = False
            self._telling.aside_ms = set_aside_ms(self._home.messages)
            self._asked.begin_anew()
            self._problems.pop("queue", None)
        except WrongStation:
            raise
        except StoreError as exc:
            self._trouble(exc)
        except OSError as exc:
            self._trouble(StoreError(f"{self._home.messages}: cannot be used ({exc.strerror or exc})"))

    def _recovered(self) -> tuple[Queue, int]:
        queue = Queue(self._home.messages, simulated=self._settings.simulated, before=self._before)
        try:
            return queue, queue.recover(self._clock.now_ms())
        except BaseException:
            queue.close()
            raise

    def _set_aside(self, exc: Damaged) -> None:  # alarms that stand are told anew
        set_aside(self._home.messages, self._clock.now_ms())
        log.error("%s; it was set aside, and what waited in it is not sent", exc)
        for way in self._ways.values():  # what they answer was asked under the numbers of the one before
            way.close()
        self._ways, self._retired, self._left = self._make_ways(self._loaded), [], []

    def _trouble(self, exc: StoreError) -> None:
        if self._problems.get("queue") != str(exc):
            log.error("%s", exc)
        self._problems["queue"] = str(exc)

    def tick(self) -> None:
        """Do what is due."""
        if self._is_due("settings", SETTINGS_S):
            self._take_over_settings()
        try:
            if self._queue is None and self._is_due("open", AGAIN_S):
                self._open()
            if self._queue is not None:
                self._work(self._queue)
                self._problems.pop("queue", None)
        except Busy as exc:
            self._trouble(exc)
        except StoreError as exc:  # its medium fails, or was changed: it is opened anew
            self._trouble(exc)
            if self._queue is not None:
                with contextlib.suppress(StoreError):
                    self._queue.close()
            self._queue = None
            if isinstance(exc, Damaged) and not exc.of_source:
                with contextlib.suppress(OSError):
                    self._set_aside(exc)
        if self._is_due("beat", BEAT_S):
            self._beat()

    def _is_due(self, what: str, every_s: float) -> bool:
        now_s = self._clock.monotonic()
        if now_s < self._due.get(what, now_s):
            return False
        self._due[what] = now_s + every_s
        return True

    def _work(self, queue: Queue) -> None:
        self._collect(queue)
        if not self._names_hold:
            self._know_again(queue)
        if self._is_due("look", LOOK_S):
            self._seeing.look(queue)
            alarms = self._telling.alarms(queue)
            self._telling.readings(queue)
            self._sound(alarms)
        self._asked.take(queue, self._settings)
        outgoing.bind(queue, self._settings, self._clock.now_ms())
        self._hand(queue)
        if self._is_due("forget", FORGET_S):
            self._waits.keep({(one.id, one.made_ms) for one in queue.unsettled_messages()})
            queue.forget(self._clock.now_ms())

    def _know_again(self, queue: Queue) -> None:
        """Give who is only called otherwise since the last look, in whichever process, what is his."""
        now = renaming.marks(self._settings.messages.recipients, self._loaded.key)
        kept = json.dumps(now)
        before = queue.meta("recipients")
        if before != kept:
            with queue.step():
                for old, new in renaming.renamed(json.loads(before or "{}"), now).items():
                    queue.rename(old, new)
                    log.info("%s is called %s now; what waits is sent to that name", old, new)
                queue.remember("recipients", kept)
        self._names_hold = True

    # what came back

    def _collect(self, queue: Queue) -> None:
        for name, way in [*self._retired, *self._ways.items()]:
            self._left += [(name, outcome) for outcome in way.outcomes()]
        self._retired = [(name, way) for name, way in self._retired if not way.is_free()]
        while self._left:
            self._note(queue, *self._left[0])  # where this fails it is tried again: nothing goes twice
            del self._left[0]

    def _note(self, queue: Queue, way: str, outcome: Outcome) -> None:
        message = queue.message(outcome.number)
        if message is None:
            return
        now_ms = self._clock.now_ms()
        if outcome.arrived:
            queue.arrived(message.id, now_ms, outcome.words)
            log.info("message %d to %s: %s", message.id, message.recipient, outcome.words)
            names = [one.name for one in self._settings.messages.recipients if one.way == way]
            queue.hurry(names, now_ms)
        else:
            if message.why != outcome.words:
                log.warning("message %d to %s: %s", message.id, message.recipient, outcome.words)
            if message.sort == "test":
                queue.give_up(message.id, now_ms, outcome.words)
            else:
                queue.failed(message, now_ms, outcome.words, sure=outcome.sure)
            self._failure = (message.recipient, now_ms, outcome.words)
        self._asked.answer(message.id, outcome)

    def _sound(self, alarms: Sequence[Occurrence]) -> None:
        siren, zone = self._settings.messages.siren, self._settings.site.zone
        on = siren.port is not None and sounds(
            siren, alarms, self._telling.waited_s, self._clock.now_ms(), zone
        )
        self._siren.drive(siren.port, on)

    # what leaves

    def _hand(self, queue: Queue) -> None:
        now_ms = self._clock.now_ms()
        for message in queue.waiting():
            recipient = self._settings.messages.recipient(message.recipient)
            waited_ms = 1000 * self._waits.passed_s((message.id, message.made_ms), message.made_ms)
            why = outgoing.hopeless(message, recipient, self._settings, waited_ms)
            if recipient is None or (why and not queue.stands(message.id)):  # what still is so is said late
                queue.give_up(message.id, now_ms, why)
                self._asked.answer(message.id, Outcome(message.id, False, why))
                log.warning("message %d to %s is given up: %s", message.id, message.recipient, why)
                self._audit.write("message.given_up", ok=False, to=message.recipient, why=why)
                continue
            way = self._ways.get(recipient.way)
            if way is None or not way.is_free() or not outgoing.is_time(message, now_ms):
                continue
            if any(name == recipient.way for name, _ in self._retired):
                continue  # one modem has one port; each message ends in a limited time
            job = outgoing.job(queue, message, recipient, self._settings, now_ms)
            queue.begin(message.id)
            way.hand(job)

    # sign of life

    @property
    def stuck_s(self) -> float:
        """For how long the slowest way has been working on one message."""
        return max((way.busy_s() for way in self._all_ways()), default=0.0)

    def _all_ways(self) -> list[Way]:
        return [*self._ways.values(), *(way for _, way in self._retired)]

    def _beat(self, state: str = "running") -> None:
        beat: dict[str, Any] = {
            "simulated": self._settings.simulated,
            "state": state,
            "at_ms": self._clock.now_ms(),
            "boot": boot_id(),
            "mono_ms": round(self._clock.monotonic() * 1000),
            "started_ms": self._started_ms,
            "waiting": 0,
            "oldest_ms": None,
            "sent": None,
            "failed": None,
            "siren": self._siren.is_on,
        }
        try:
            if self._queue is not None:
                counts = self._queue.counts()
                beat["waiting"] = sum(counts.get(state, 0) for state in ("waiting", "sending", "unbound"))
                beat["oldest_ms"] = self._queue.oldest_ms()
                beat["sent"] = self._queue.last("sent")
                beat["failed"] = self._failure or self._queue.last("given up")
        except StoreError as exc:
            self._trouble(exc)
        beat["problems"] = [
            *self._problems.values(),
            *self._watching.problems.values(),
            *([self._siren.problem] if self._siren.problem else []),
        ]
        try:
            if not self._home.config.exists():
                raise FileNotFoundError(2, "the station's folder is not there")
            heartbeat.write(self._home.messenger, beat)
        except OSError as exc:
            log.warning("%s cannot be written (%s)", self._home.messenger, exc.strerror)

    def _take_over_settings(self) -> None:
        if not files.changed(self._home.folder, self._loaded.generation):
            return
        try:
            loaded = files.load(self._home.folder)
        except SettingsError as exc:
            words = f"the changed configuration cannot be used; the last good one stays in force: {exc}"
            if self._problems.get("settings") != words:
                log.warning("%s", words)
            self._problems["settings"] = words
            return
        self._problems.pop("settings", None)
        self._adopt(loaded)
        log.info("the changed configuration is in force")

    def finish(self, limit_s: float) -> None:
        """Hand over nothing more; wait for what the outside says to what was handed over."""
        until_s = self._clock.monotonic() + limit_s
        with contextlib.suppress(StoreError):
            while self._queue is not None and self._clock.monotonic() < until_s:
                self._collect(self._queue)
                if all(way.is_free() for way in self._all_ways()):
                    break
                self._clock.sleep(0.05)
        self._beat("stopped")

    def close(self) -> None:
        """Silence the siren, take what came back in the meantime, close the queue."""
        self._siren.close()
        if self._queue is not None:
            with contextlib.suppress(StoreError):
                self._collect(self._queue)
            self._queue.close()
        self._queue = None
